"""The numpy chain beside a brute force that writes down every tag sequence; torch has no part in it."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
from oracles import SCALES, SCHEMES, BruteForceCRF

from tagger.errors import ConfigError, DataError
from tagger.runtime import chain as chain_package
from tagger.runtime.chain import FORBIDDEN, Chain, Independent, search
from tagger.runtime.chain.posterior import list_inner_moves
from tagger.runtime.chain.roads import choose_road, measure_lookback
from tagger.text.schemes import Constraints, Scheme, allowed

TYPES = (np.dtype(np.float32), np.dtype(np.float64))


class Case:
    """A batch of sentences under one chain, NaN in the padding, and an oracle for each sentence."""

    def __init__(self, scheme: str, scale: float, dtype: type, partial: bool = False) -> None:
        self.K, self.constraints = SCHEMES[scheme]
        self.lengths = np.array((2, 5, 4) if scheme == "BMES" else (1, 5, 3))
        draw = np.random.default_rng(0)
        T, B, K = int(self.lengths.max()), len(self.lengths), self.K
        self.moves = [draw.standard_normal(shape).astype(np.float32) for shape in (K, (K, K), K)]
        self.scores = (draw.standard_normal((T, B, K)) * scale).astype(dtype)
        self.exists = np.arange(T)[:, None] < self.lengths
        self.allowed = None
        if partial:
            free = self.list_oracles()
            self.allowed = draw.random((T, B, K)) < 0.4
            for b, oracle in enumerate(free):  # one sequence at least stays
                path = oracle.paths[min(4, len(oracle.paths) - 1)]
                self.allowed[np.arange(len(path)), b, list(path)] = True
            self.allowed &= self.exists[..., None]
        self.oracles = self.list_oracles()
        self.scores[~self.exists] = np.nan
        self.chain = Chain(*self.moves, self.constraints)

    def list_oracles(self, temperature: float = 1.0) -> list[BruteForceCRF]:
        return [
            BruteForceCRF(
                self.scores[:n, b] / temperature,
                *(scores / temperature for scores in self.moves),
                self.constraints,
                None if self.allowed is None else self.allowed[:n, b],
            )
            for b, n in enumerate(self.lengths)
        ]

    @property
    def arguments(self) -> tuple:
        return self.scores, self.lengths, self.allowed

    def rank_tags(self, rank: int) -> np.ndarray:
        """Return the rank-th best sequence of each sentence, (T, B)."""
        tags = np.zeros(self.exists.shape, dtype=np.int64)
        for b, oracle in enumerate(self.oracles):
            tags[: oracle.T, b] = oracle.paths[min(rank, len(oracle.paths) - 1)]
        return tags


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def dtype(request) -> type:
    return request.param


@pytest.fixture(params=[False, True], ids=["free", "known"])
def partial(request) -> bool:
    return request.param


@pytest.fixture(params=SCALES.values(), ids=SCALES)
def scale(request) -> float:
    return request.param


@pytest.fixture(params=SCHEMES)
def case(request, scale: float, dtype: type, partial: bool) -> Case:
    return Case(request.param, scale, dtype, partial)


def close(found, expected, relative: float = 1e-4) -> bool:
    return np.allclose(np.asarray(found, dtype=np.float64), expected, rtol=relative, atol=1e-5)


def test_viterbi_finds_the_best_sequence(case: Case) -> None:
    tags = case.chain.viterbi(*case.arguments)
    assert tags.dtype == np.int64
    assert np.array_equal(tags, case.rank_tags(0))


@pytest.mark.parametrize("n", [1, 10, 400])
def test_n_best_is_exact_distinct_and_bounded_by_what_exists(case: Case, n: int) -> None:
    found = case.chain.nbest(case.scores, case.lengths, n, case.allowed)
    assert found.tags.shape == (*case.exists.shape, n)
    probabilities = case.chain.posterior(*case.arguments).of_scores(found.scores)
    for b, oracle in enumerate(case.oracles):
        count = min(n, len(oracle.paths))
        assert found.counts[b] == count
        paths = [tuple(path) for path in found.tags[: oracle.T, b].T.tolist()[:count]]
        assert len(set(paths)) == count
        assert [oracle.score(path) for path in paths] == pytest.approx(oracle.scores[:count], rel=1e-9)
        assert close(found.scores[b, :count], oracle.scores[:count], 1e-9)
        assert close(probabilities[b, :count], oracle.probabilities[:count])
        assert not probabilities[b, count:].any()
        assert not found.tags[oracle.T :, b].any()


def test_marginals_and_log_z_are_those_of_enumeration(case: Case) -> None:
    posterior = case.chain.posterior(*case.arguments)
    assert posterior.marginals.dtype == case.scores.dtype
    assert posterior.marginals is posterior.marginals  # computed once
    assert close(posterior.log_z, [oracle.log_z for oracle in case.oracles])
    for b, oracle in enumerate(case.oracles):
        assert close(posterior.marginals[: oracle.T, b], oracle.marginals())
        assert not posterior.marginals[oracle.T :, b].any()


def entropy(probabilities) -> float:
    return math.fsum(-each * math.log(each) for each in probabilities if each)


def test_entropies_add_up_to_that_of_all_sequences(case: Case) -> None:
    found = case.chain.posterior(*case.arguments).entropies
    assert found.shape == case.exists.shape
    assert (found >= 0).all()
    assert not found[~case.exists].any()
    for b, oracle in enumerate(case.oracles):
        assert found[:, b].sum() == pytest.approx(entropy(oracle.probabilities), rel=1e-4, abs=2e-5)
        assert np.cumsum(found[: oracle.T, b]) == pytest.approx(cumulate(oracle), rel=1e-4, abs=2e-5)


def cumulate(oracle: BruteForceCRF) -> list[float]:
    """Return the entropies of the first 1, 2, ... tags of a sentence, by writing them down."""
    entropies = []
    for t in range(1, oracle.T + 1):
        sums: dict[tuple[int, ...], float] = {}
        for path, probability in zip(oracle.paths, oracle.probabilities, strict=True):
            sums[path[:t]] = sums.get(path[:t], 0.0) + probability
        entropies.append(entropy(sums.values()))
    return entropies


@pytest.mark.parametrize("rank", [0, 3])
def test_the_probability_of_every_run_of_tags(case: Case, rank: int) -> None:
    tags = case.rank_tags(rank)
    runs = [(b, s, e) for b, o in enumerate(case.oracles) for s in range(o.T) for e in range(s + 1, o.T + 1)]
    found = case.chain.posterior(*case.arguments).spans(tags, *np.array(runs).T)
    assert close(found, [case.oracles[b].span(s, tags[s:e, b].tolist()) for b, s, e in runs])


def test_no_spans_have_no_probabilities() -> None:
    case, none = Case("BIOES", 1.0, np.float32), np.zeros(0, dtype=np.int64)
    assert case.chain.posterior(*case.arguments).spans(case.rank_tags(0), none, none, none).shape == (0,)


@pytest.mark.parametrize("temperature", [0.5, 2.5])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_temperature_divides_every_score(scheme: str, temperature: float) -> None:
    case = Case(scheme, 3.0, np.float64)
    marginals = case.chain.posterior(case.scores, case.lengths, temperature=temperature).marginals
    for b, cooled in enumerate(case.list_oracles(temperature)):
        assert close(marginals[: cooled.T, b], cooled.marginals())


@pytest.mark.parametrize(("T", "K"), [(1, 2), (2, 9), (700, 9), (40, 130), (700, 2)])
def test_log_z_counts_paths_when_all_scores_are_zero(T: int, K: int) -> None:
    chain = Chain(np.zeros(K), np.zeros((K, K)), np.zeros(K))
    posterior = chain.posterior(np.zeros((T, 3, K), np.float32), np.array([T, 1, T]))
    assert posterior.log_z == pytest.approx([T * math.log(K), math.log(K), T * math.log(K)], rel=1e-6)
    assert posterior.marginals[0] == pytest.approx(1 / K, rel=1e-5)


def test_among_equal_tags_the_lowest_is_taken_from_the_end() -> None:
    K, lengths = 4, np.array([6, 3, 1])
    chain = Chain(np.zeros(K), np.zeros((K, K)), np.zeros(K))
    assert not chain.viterbi(np.zeros((6, 3, K), np.float32), lengths).any()
    swap = np.zeros((K, K), np.float32)
    swap[0, 1] = swap[1, 0] = 1.0  # 0101 and 1010 are equally good
    assert Chain(np.zeros(K), swap, np.zeros(K)).viterbi(
        np.zeros((4, 1, K), np.float32), np.array([4])
    ).T.tolist() == [[1, 0, 1, 0]]


# What must not change an answer.


@pytest.mark.parametrize("scale", [1.0, 1000.0])
@pytest.mark.parametrize("garbage", [0.0, 1e9, -np.inf, np.inf, np.nan])
def test_padding_has_no_influence(scale: float, garbage: float) -> None:
    case = Case("BIOES", scale, np.float32)
    T, B = case.exists.shape
    padded = np.full((T + 3, B, case.K), garbage, np.float32)
    padded[:T][case.exists] = case.scores[case.exists]
    found, wanted = case.chain.posterior(padded, case.lengths), case.chain.posterior(*case.arguments)
    np.testing.assert_allclose(found.log_z, wanted.log_z, rtol=1e-6)
    np.testing.assert_allclose(found.marginals[:T], wanted.marginals, atol=1e-6)
    assert not found.marginals[T:].any()
    assert np.array_equal(case.chain.viterbi(padded, case.lengths)[:T], case.rank_tags(0))
    best = case.chain.nbest(padded, case.lengths, 3)
    assert np.array_equal(best.tags[:T], case.chain.nbest(case.scores, case.lengths, 3).tags)
    assert not best.tags[T:].any()


def test_arguments_are_left_as_they_were() -> None:
    case = Case("BIOES", 1.0, np.float32, partial=True)
    scores, sets = case.scores.copy(), case.allowed.copy()
    for ask in (case.chain.viterbi, case.chain.posterior):
        ask(*case.arguments)
    case.chain.nbest(case.scores, case.lengths, 2, case.allowed)
    np.testing.assert_array_equal(case.scores, scores)
    assert np.array_equal(case.allowed, sets)


@pytest.mark.parametrize("types", [4, 10])
def test_ways_of_looking_for_the_best_arrivals_agree(types: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All moves or the possible ones, at once or in parts; bit by bit, so that ties fall the same way."""
    names = ["O", *(f"{place}-{number}" for number in range(types) for place in "BIES")]
    draw, K = np.random.default_rng(0), len(names)
    constraints = allowed(names, Scheme.BIOES)
    chain = Chain(*(draw.standard_normal(mask.shape) for mask in constraints), constraints)
    scores, lengths = draw.standard_normal((40, 6, K)).astype(np.float32), np.array([40, 1, 2, 33, 32, 31])
    moves, best = chain._moves(scores.dtype), chain.viterbi(scores, lengths)
    arrivals = search._score_arrivals(scores, moves, None)
    monkeypatch.setattr(search, "_SMALL", 0)
    reach = search.find_reach(chain._possible.transitions)
    assert reach is not None and reach.sources.size + reach.hubs.size * reach.open.size < K * K * 3 / 5
    for chunk in (1 << 18, 50):
        monkeypatch.setattr(search, "_CHUNK", chunk)
        possible = arrivals > FORBIDDEN / 2
        for found in (search._score_arrivals(scores, moves, way) for way in (None, reach)):
            np.testing.assert_array_equal(found[possible], arrivals[possible])
            assert (found[~possible] < FORBIDDEN / 2).all()
        assert np.array_equal(chain.viterbi(scores, lengths), best)


def test_ten_thousand_tokens() -> None:
    """As precise as in double precision, whatever the sum of the scores."""
    draw = np.random.default_rng(0)
    chain = Chain(*(draw.standard_normal(shape) / 10 for shape in (5, (5, 5), 5)))
    scores = (draw.standard_normal((10_000, 2, 5)) + 10.0).astype(np.float32)
    lengths = np.array([10_000, 9_999])
    assert np.array_equal(chain.viterbi(scores, lengths), chain.viterbi(scores.astype(np.float64), lengths))
    single, double = (chain.posterior(scores.astype(dtype), lengths) for dtype in TYPES)
    np.testing.assert_allclose(single.log_z, double.log_z, rtol=1e-6)
    np.testing.assert_allclose(single.marginals, double.marginals, atol=1e-5)


# Errors.


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_sets_without_any_possible_sequence_are_refused(scale: float) -> None:
    draw = np.random.default_rng(0)
    chain = Chain(*(draw.standard_normal(shape) for shape in (5, (5, 5), 5)), SCHEMES["BIOES"][1])
    scores, lengths = (draw.standard_normal((3, 2, 5)) * scale).astype(np.float32), np.array([2, 3])
    sets = np.ones((3, 2, 5), dtype=bool)
    sets[1, 1], sets[2, 1] = np.arange(5) == 1, np.arange(5) == 0  # B-X O
    message = "sentence 1 of the batch .*, of 3 tokens, has no possible tag sequence.*allow more tags"
    for ask in (
        lambda: chain.viterbi(scores, lengths, sets),
        lambda: chain.nbest(scores, lengths, 2, sets),
        lambda: chain.posterior(scores, lengths, sets),
    ):
        with pytest.raises(DataError, match=message):
            ask()


def test_constraints_that_fit_no_chain_are_refused() -> None:
    zeros = np.zeros(4), np.zeros((4, 4)), np.zeros(4)
    with pytest.raises(ValueError, match=r"shapes \(\(4,\), \(4, 4\), \(4,\)\), got \(\(5,\)"):
        Chain(*zeros, SCHEMES["BIOES"][1])
    nothing = Constraints(np.arange(4) == 0, np.eye(4, dtype=bool), np.arange(4) == 1)
    with pytest.raises(ConfigError, match="4 tags leave no possible tag sequence"):
        Chain(*zeros, nothing)


def test_nan_comes_out_as_nan() -> None:
    case = Case("free", 1.0, np.float32)
    case.scores[0, 2, 1] = np.nan
    posterior = case.chain.posterior(*case.arguments)
    assert np.isnan(posterior.log_z).tolist() == [False, False, True]


# Roads.


@pytest.mark.parametrize(
    ("spread", "d", "narrowest", "expected"),
    [
        (2.0, 1, 4, "float32"),
        (30.0, 1, 4, "float32"),
        (30.0, 3, 4, "float64"),
        (2.0, 1, 8, "float64"),
        (200.0, 1, 4, "float64"),
        (2000.0, 1, 4, None),
        (30.0, 10_000, 4, None),
        (math.inf, 1, 4, None),
        (math.nan, 1, 4, None),
    ],
)
def test_road_follows_from_how_far_scores_lie_apart(spread, d, narrowest, expected) -> None:
    road = choose_road(spread, 9, d, [dtype for dtype in TYPES if dtype.itemsize >= narrowest])
    assert (road and road.dtype) == (expected and np.dtype(expected))
    assert road is None or 1 <= road.stride <= 16


def test_lookback_grows_with_runs_of_partly_restricted_tokens() -> None:
    free, single, partly = [True] * 4, [True, False, False, False], [True, True, False, False]

    def measured(*rows: list[bool], d: int | None = 3) -> int:
        return measure_lookback(np.array(rows)[:, None], d)

    assert measured(*[free] * 9) <= 2 + 6
    assert measured(*[single] * 9) == 6
    assert measured(*[partly] * 9) == 9 + 6
    assert measured(*[partly] * 4, single, *[partly] * 4) == 4 + 6
    assert measured(*[free] * 9, d=None) == 9 + 2


def test_moves_within_spans_are_listed_span_by_span() -> None:
    span, step = list_inner_moves(np.array([4, 0, 7, 2]), np.array([7, 1, 9, 3]))
    assert (span.tolist(), step.tolist()) == ([0, 0, 2], [4, 5, 7])


# Independent tokens.


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_independent_tags_are_those_of_a_chain_whose_moves_cost_nothing(scale: float, partial: bool) -> None:
    K = 4
    case = Case("free", scale, np.float64, partial)
    case.moves = [np.zeros(K), np.zeros((K, K)), np.zeros(K)]
    case.scores[~case.exists] = 0.0
    case.oracles = case.list_oracles()
    case.scores[~case.exists] = np.nan
    independent = Independent(K)
    tags, posterior = independent.viterbi(*case.arguments), independent.posterior(*case.arguments)
    best = independent.nbest(case.scores, case.lengths, 30, case.allowed)
    assert np.array_equal(tags, case.rank_tags(0))
    assert close(posterior.log_z, [oracle.log_z for oracle in case.oracles])
    for b, oracle in enumerate(case.oracles):
        assert close(posterior.marginals[: oracle.T, b], oracle.marginals())
        assert not posterior.marginals[oracle.T :, b].any()
        count = min(30, len(oracle.paths))
        assert best.counts[b] == count
        assert [tuple(row) for row in best.tags[: oracle.T, b, :count].T.tolist()] == oracle.paths[:count]
        assert close(posterior.of_scores(best.scores)[b, :count], oracle.probabilities[:count])
    runs = [(b, s, e) for b, o in enumerate(case.oracles) for s in range(o.T) for e in range(s + 1, o.T + 1)]
    found = posterior.spans(tags, *np.array(runs).T)
    assert close(found, [case.oracles[b].span(s, tags[s:e, b].tolist()) for b, s, e in runs])
    warm = independent.posterior(*case.arguments, temperature=3.0).marginals
    for b, oracle in enumerate(case.list_oracles(3.0)):
        assert close(warm[: oracle.T, b], oracle.marginals())


def test_the_example_in_the_documentation_runs() -> None:
    result = doctest.testmod(chain_package)
    assert result.attempted > 5 and not result.failed
