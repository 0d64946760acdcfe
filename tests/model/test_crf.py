"""The CRF beside a brute force that writes down every tag sequence in double precision: operators, then kernels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import nullcontext
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
import torch
from interpreted import interpreting
from oracles import SCALES, SCHEMES, BruteForceCRF
from torch import Tensor

from tagger.errors import ConfigError, DataError
from tagger.model.crf import CRF
from tagger.text.schemes import Constraints


@pytest.fixture(params=["operators", pytest.param("kernels", marks=pytest.mark.slow)], autouse=True)
def road(request) -> Iterator[str]:
    """On a GPU the CRF runs as Triton's kernels; here the interpreter runs them."""
    with interpreting() if request.param == "kernels" else nullcontext():
        yield request.param


by_operators = pytest.mark.parametrize("road", ["operators"], indirect=True)
"""Too many steps for the interpreter; `test_crf_kernels.py` has its own."""


class Case(NamedTuple):
    crf: CRF
    emissions: Tensor  # (T, B, K)
    lengths: Tensor  # (B,)
    oracles: list[BruteForceCRF]


@cache
def make_case(scheme: str, scale: float, lengths: tuple[int, ...], dtype: torch.dtype) -> Case:
    """Return a batch and its oracles; shared by tests, which change nothing in it."""
    torch.manual_seed(0)
    K, constraints = SCHEMES[scheme]
    crf = CRF(K, constraints=constraints).to(dtype)
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.copy_(torch.randn_like(parameter))
    emissions = torch.randn(max(lengths), len(lengths), K, dtype=dtype) * scale
    return Case(crf, emissions, torch.tensor(lengths), oracles_of(crf, emissions, lengths, constraints))


def oracles_of(crf, emissions, lengths, constraints, allowed_tags=None) -> list[BruteForceCRF]:
    chain = [
        scores.detach().double() for scores in (crf.start_transitions, crf.transitions, crf.end_transitions)
    ]
    sets = [None if allowed_tags is None else allowed_tags[:n, b] for b, n in enumerate(lengths)]
    return [
        BruteForceCRF(emissions[:n, b].double(), *chain, constraints, sets[b]) for b, n in enumerate(lengths)
    ]


def gold_tags(case: Case, rank: int) -> Tensor:
    """The rank-th best sequence of each sentence, (T, B); -7 in the padding, which must not matter."""
    tags = torch.full(case.emissions.shape[:2], -7)
    for b, oracle in enumerate(case.oracles):
        tags[: oracle.T, b] = torch.tensor(oracle.paths[min(rank, len(oracle.paths) - 1)])
    return tags


@pytest.fixture(params=[torch.float32, torch.float64], ids=["float32", "float64"])
def dtype(request) -> torch.dtype:
    return request.param


@pytest.fixture(params=["free", "BIOES", "BMES"])
def scheme(request) -> str:
    return request.param


@pytest.fixture(params=SCALES.values(), ids=SCALES)
def case(request, scheme: str, dtype: torch.dtype) -> Case:
    return make_case(scheme, request.param, (2, 5, 4) if scheme == "BMES" else (1, 5, 3), dtype)


def close(found: Tensor, expected, relative: float = 1e-4) -> bool:
    expected = torch.as_tensor(np.asarray(expected), dtype=torch.float64)
    return torch.allclose(found.detach().double(), expected, rtol=relative, atol=1e-5)


# Loss and gradient.


@pytest.mark.parametrize("rank", [0, 7])
def test_loss_is_that_of_enumeration(case: Case, rank: int) -> None:
    tags = gold_tags(case, rank)
    losses = case.crf.negative_log_likelihood(case.emissions, tags, case.lengths)
    expected = [o.loss(tuple(tags[: o.T, b].tolist())) for b, o in enumerate(case.oracles)]
    assert close(losses, expected)


def test_gradient_is_expected_less_gold_counts(case: Case) -> None:
    """Each sentence with a weight of its own, so that none can hide behind another."""
    tags, weights = gold_tags(case, 2), torch.tensor([0.5, -2.0, 3.0])
    emissions = case.emissions.clone().requires_grad_()
    losses = case.crf.negative_log_likelihood(emissions, tags, case.lengths)
    case.crf.zero_grad()
    (losses * weights).sum().backward()
    by_emission = torch.zeros_like(emissions, dtype=torch.float64)
    by_start, by_move, by_end = np.zeros(case.crf.num_tags), 0.0, np.zeros(case.crf.num_tags)
    for b, oracle in enumerate(case.oracles):
        path = tuple(tags[: oracle.T, b].tolist())
        gold = BruteForceCRF(
            oracle.emissions, oracle.start, oracle.transitions, oracle.end, None, np.eye(oracle.K)[list(path)]
        )
        tag_counts = oracle.marginals() - gold.marginals()
        by_emission[: oracle.T, b] = weights[b] * torch.from_numpy(tag_counts)
        by_start += float(weights[b]) * tag_counts[0]
        by_end += float(weights[b]) * tag_counts[-1]
        by_move += float(weights[b]) * (oracle.expected_moves() - gold.expected_moves())
    assert emissions.grad is not None
    assert close(emissions.grad, by_emission)
    assert close(case.crf.start_transitions.grad, by_start)
    assert close(case.crf.transitions.grad, by_move)
    assert close(case.crf.end_transitions.grad, by_end)


@by_operators
@pytest.mark.parametrize("constrained", [False, True])
@pytest.mark.parametrize("scale", [1.0, 60.0, 1000.0])
@pytest.mark.parametrize("partial", [False, True])
def test_gradcheck(constrained: bool, scale: float, partial: bool) -> None:
    case = make_case("BIOES" if constrained else "free", scale, (1, 4, 3), torch.float64)
    tags = torch.where(gold_tags(case, 1) < 0, 0, gold_tags(case, 1))
    allowed_tags = torch.nn.functional.one_hot(tags, case.crf.num_tags).bool()
    allowed_tags[1:3] = True
    crf, emissions = case.crf, (case.emissions / scale).requires_grad_()

    def loss(emissions: Tensor, *_parameters: Tensor) -> Tensor:
        sets = allowed_tags if partial else None
        return crf.negative_log_likelihood(emissions * scale, tags, case.lengths, sets)

    assert torch.autograd.gradcheck(loss, (emissions, *crf.parameters()), eps=1e-7 if scale > 1 else 1e-6)


def test_second_derivative_is_refused() -> None:
    case = make_case("free", 1.0, (3,), torch.float64)
    emissions = case.emissions.clone().requires_grad_()
    loss = case.crf.negative_log_likelihood(emissions, gold_tags(case, 0), case.lengths).sum()
    with pytest.raises(RuntimeError, match="no second derivative; call backward without create_graph"):
        torch.autograd.grad(loss, emissions, create_graph=True)


@by_operators
@pytest.mark.parametrize("T", [1, 2, 40, 700])
@pytest.mark.parametrize("K", [2, 9, 130])
def test_log_z_counts_paths_when_all_scores_are_zero(T: int, K: int) -> None:
    crf = CRF(K)
    for parameter in crf.parameters():
        torch.nn.init.zeros_(parameter)
    posterior = crf.posterior(torch.zeros(T, 3, K), torch.tensor([T, 1, T]))
    assert posterior.log_z.tolist() == pytest.approx(
        [T * math.log(K), math.log(K), T * math.log(K)], rel=1e-6
    )
    assert posterior.marginals[0] == pytest.approx(1 / K)


# Probabilities.


def test_marginals_are_those_of_enumeration(case: Case) -> None:
    marginals = case.crf.marginals(case.emissions, case.lengths)
    assert marginals.dtype == case.emissions.dtype
    for b, oracle in enumerate(case.oracles):
        assert close(marginals[: oracle.T, b], oracle.marginals())
        assert not marginals[oracle.T :, b].any()


def test_temperature_divides_every_score() -> None:
    case = make_case("BIOES", 3.0, (4,), torch.float64)
    oracle = case.oracles[0]
    cooled = BruteForceCRF(
        oracle.emissions / 2.5,
        oracle.start / 2.5,
        oracle.transitions / 2.5,
        oracle.end / 2.5,
        oracle.constraints,
    )
    posterior = case.crf.posterior(case.emissions, case.lengths, temperature=2.5)
    assert close(posterior.marginals[:, 0], cooled.marginals())


def test_probability_of_every_run_of_tags(case: Case) -> None:
    posterior = case.crf.posterior(case.emissions, case.lengths)
    for rank in (0, 3):
        tags = gold_tags(case, rank).clamp(min=0)
        runs = [
            (b, s, e) for b, o in enumerate(case.oracles) for s in range(o.T) for e in range(s + 1, o.T + 1)
        ]
        found = posterior.spans(tags, *torch.tensor(runs).unbind(1))
        expected = [case.oracles[b].span(s, tags[s:e, b].tolist()) for b, s, e in runs]
        assert close(found, expected)
        whole = [oracle.probabilities[min(rank, len(oracle.paths) - 1)] for oracle in case.oracles]
        assert close(posterior.sequences(tags), whole)


def test_a_span_in_iob2_is_closed_by_the_tag_after_it() -> None:
    case = make_case("IOB2", 1.0, (4, 3, 1), torch.float64)
    tags = torch.tensor([[1, 0, 3], [2, 3, 0], [2, 4, 0], [0, 0, 0]])  # B-X I-X I-X O, O B-Y I-Y, B-Y
    closing = torch.ones(5, 5, dtype=torch.bool)
    closing[1:3, 2] = closing[3:5, 4] = False
    runs = [(0, 0, 3), (0, 0, 2), (0, 0, 1), (1, 1, 3), (1, 1, 2), (2, 0, 1)]
    found = case.crf.posterior(case.emissions, case.lengths).spans(
        tags, *torch.tensor(runs).unbind(1), closing
    )
    expected = []
    for b, s, e in runs:
        run = tuple(tags[s:e, b].tolist())
        expected.append(
            case.oracles[b].probability_that(
                lambda path, run=run, s=s, e=e: (
                    path[s:e] == run and (e == len(path) or closing[run[-1], path[e]])
                )
            )
        )
    assert close(found, expected, 1e-9)


# Decoding.


def test_viterbi_finds_the_best_sequence(case: Case) -> None:
    tags = case.crf.viterbi(case.emissions, case.lengths)
    for b, oracle in enumerate(case.oracles):
        assert tuple(tags[: oracle.T, b].tolist()) == oracle.paths[0]
        assert not tags[oracle.T :, b].any()


@pytest.mark.parametrize("n", [1, 10, 400])
def test_n_best_is_exact_distinct_and_bounded_by_what_exists(case: Case, n: int) -> None:
    found = case.crf.nbest(case.emissions, case.lengths, n)
    probabilities = case.crf.posterior(case.emissions, case.lengths).of_scores(found.scores)
    for b, oracle in enumerate(case.oracles):
        count = min(n, len(oracle.paths))
        assert found.counts[b] == count
        paths = [tuple(path) for path in found.tags[: oracle.T, b].t().tolist()[:count]]
        assert len(set(paths)) == count
        assert [oracle.score(path) for path in paths] == pytest.approx(oracle.scores[:count], rel=1e-9)
        assert close(found.scores[b, :count], oracle.scores[:count], 1e-9)
        assert close(probabilities[b, :count], oracle.probabilities[:count])
        assert not probabilities[b, count:].any()
        assert not found.tags[oracle.T :, b].any()


def test_n_best_of_one_is_viterbi_on_long_sentences() -> None:
    torch.manual_seed(3)
    crf, emissions, lengths = CRF(7), torch.randn(60, 8, 7) * 3, torch.tensor([60, 1, 2, 59, 30, 31, 32, 33])
    assert torch.equal(crf.nbest(emissions, lengths, 3).tags[:, :, 0], crf.viterbi(emissions, lengths))


# Sets of allowed tags.


@pytest.fixture
def partial(case: Case) -> tuple[Case, Tensor]:
    """The case with random sets, of which the fifth best sequence is always a member, and their oracles."""
    torch.manual_seed(1)
    sets = torch.rand(case.emissions.shape) < 0.4
    sets |= torch.nn.functional.one_hot(gold_tags(case, 4).clamp(min=0), case.crf.num_tags).bool()
    constraints = case.oracles[0].constraints
    oracles = oracles_of(case.crf, case.emissions, case.lengths.tolist(), constraints, sets)
    exists = torch.arange(len(sets)).unsqueeze(1) < case.lengths
    return case._replace(oracles=oracles), sets & exists.unsqueeze(-1)


def test_partial_loss_sums_over_the_allowed_sequences(case: Case, partial: tuple[Case, Tensor]) -> None:
    within, sets = partial
    losses = case.crf.negative_log_likelihood(case.emissions, None, case.lengths, sets)
    pairs = zip(case.oracles, within.oracles, strict=True)
    assert close(losses, [everything.log_z - some.log_z for everything, some in pairs])


def test_decoding_and_probabilities_within_sets(partial: tuple[Case, Tensor]) -> None:
    case, sets = partial
    arguments = case.emissions, case.lengths
    tags, best = case.crf.viterbi(*arguments, sets), case.crf.nbest(*arguments, 3, sets)
    marginals = case.crf.marginals(*arguments, sets)
    for b, oracle in enumerate(case.oracles):
        count = min(3, len(oracle.paths))
        assert tuple(tags[: oracle.T, b].tolist()) == oracle.paths[0]
        assert [tuple(path) for path in best.tags[: oracle.T, b].t().tolist()[:count]] == oracle.paths[:count]
        assert close(marginals[: oracle.T, b], oracle.marginals())


def test_sets_that_allow_one_sequence_give_the_ordinary_loss(case: Case) -> None:
    tags = gold_tags(case, 3).clamp(min=0)
    sets = torch.nn.functional.one_hot(tags, case.crf.num_tags).bool()
    arguments = case.emissions, tags, case.lengths
    assert close(
        case.crf.negative_log_likelihood(*arguments, sets),
        case.crf.negative_log_likelihood(*arguments).detach(),
    )


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_sets_without_any_possible_sequence_are_refused(scale: float) -> None:
    case = make_case("BIOES", scale, (2, 3), torch.float32)
    sets = torch.ones(3, 2, 5, dtype=torch.bool)
    sets[1, 1], sets[2, 1] = (
        torch.tensor([False, True, False, False, False]),
        torch.tensor([True] + [False] * 4),
    )
    message = "sentence 1 of the batch .*, of 3 tokens, has no possible tag sequence.*allow more tags"
    for ask in (
        lambda: case.crf.negative_log_likelihood(case.emissions, None, case.lengths, sets),
        lambda: case.crf.viterbi(case.emissions, case.lengths, sets),
        lambda: case.crf.nbest(case.emissions, case.lengths, 2, sets),
        lambda: case.crf.posterior(case.emissions, case.lengths, sets),
    ):
        with pytest.raises(DataError, match=message):
            ask()


def test_forbidden_gold_tags_are_refused() -> None:
    case = make_case("BIOES", 1.0, (2, 2), torch.float32)
    tags = torch.tensor([[0, 0], [0, 2]])
    with pytest.raises(DataError, match=r"gold tags of sentence 1 of the batch .* make a move that .*repair"):
        case.crf.negative_log_likelihood(case.emissions, tags, case.lengths)


def test_constraints_without_any_sequence_are_refused() -> None:
    nothing = Constraints(np.array([True, False]), np.eye(2, dtype=bool), np.array([False, True]))
    with pytest.raises(ConfigError, match="2 tags leave no possible tag sequence"):
        CRF(2, constraints=nothing)


def test_constraints_of_the_wrong_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shapes \(\(4,\), \(4, 4\), \(4,\)\), got \(\(5,\)"):
        CRF(4, constraints=SCHEMES["BIOES"][1])
