"""What decides between the roads of the recursions, and that whichever is chosen gives what logarithms give."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import ConfigError
from tagger.model.crf import CRF, logarithms, search
from tagger.model.crf.chain import exponent, lookback, trim
from tagger.model.crf.messages import choose_road
from tagger.model.crf.problem import Problem
from tagger.text.schemes import Constraints, Scheme, allowed

CPU = torch.device("cpu")


def constraints_of(tags: str, scheme: Scheme) -> Constraints:
    return allowed(tags.split(), scheme)


# Constraints.


@pytest.mark.parametrize(
    ("tags", "scheme", "d"),
    [
        ("O B-X I-X", Scheme.IOB2, 2),
        ("O B-X I-X B-Y I-Y", Scheme.IOB2, 2),
        ("O B-X I-X E-X S-X B-Y I-Y E-Y S-Y", Scheme.BIOES, 3),
        ("B M E S", Scheme.BMES, 2),
        ("NOUN VERB", Scheme.BARE, 1),
    ],
)
def test_exponent_counts_the_moves_that_join_any_two_tags(tags: str, scheme: Scheme, d: int) -> None:
    constraints = trim(constraints_of(tags, scheme))
    assert exponent(constraints) == d
    graph = constraints.transitions.astype(int)
    assert np.linalg.matrix_power(graph, d).all()
    assert not np.linalg.matrix_power(graph, d - 1).all()


def test_exponent_of_a_graph_that_never_mixes_is_none() -> None:
    everywhere, cycle = np.ones(2, dtype=bool), np.array([[False, True], [True, False]])
    assert exponent(Constraints(everywhere, cycle, everywhere)) is None


def test_trim_forbids_ways_that_lead_nowhere() -> None:
    """Without E-X, B-X and I-X begin a span that can't end; without B-Y, I-Y and E-Y can't be reached."""
    tags = "O B-X I-X E-Y I-Y S-Y"
    trimmed = trim(constraints_of(tags, Scheme.BIOES))
    names = tags.split()
    kept = {(names[i], names[j]) for i, j in np.argwhere(trimmed.transitions)}
    assert kept == set(itertools.product(("O", "S-Y"), repeat=2))
    assert [names[k] for k in np.flatnonzero(trimmed.start)] == ["O", "S-Y"]
    assert exponent(trimmed) == 1


def test_trim_refuses_what_leaves_nothing() -> None:
    with pytest.raises(ConfigError, match="3 tags leave no possible tag sequence"):
        trim(constraints_of("B-X I-X E-Y", Scheme.BIOES))


def test_lookback_grows_with_runs_of_partly_restricted_tokens() -> None:
    free, single, partly = [True] * 4, [True, False, False, False], [True, True, False, False]

    def measured(*rows: list[bool], d: int | None = 3) -> int:
        return int(lookback(torch.tensor(rows).unsqueeze(1), d))

    assert measured(*[free] * 9) <= 2 + 6
    assert measured(*[single] * 9) == 6
    assert measured(*[partly] * 9) == 9 + 6
    assert measured(*[partly] * 4, single, *[partly] * 4) == 4 + 6
    assert measured(*[partly] * 3, *[free] * 5, *[partly] * 3) <= 3 + 2 + 6
    assert measured(*[free] * 9, d=None) == 9 + 2


# Roads.


@pytest.mark.parametrize(
    ("spread", "d", "dtype", "expected"),
    [
        (2.0, 1, torch.float32, torch.float32),
        (30.0, 1, torch.float32, torch.float32),
        (30.0, 3, torch.float32, torch.float64),
        (2.0, 1, torch.float64, torch.float64),
        (200.0, 1, torch.float32, torch.float64),
        (2000.0, 1, torch.float32, None),
        (30.0, 10_000, torch.float32, None),
        (math.inf, 1, torch.float32, None),
        (math.nan, 1, torch.float32, None),
    ],
)
def test_road_follows_from_how_far_scores_lie_apart(spread, d, dtype, expected) -> None:
    road = choose_road(spread, 9, d, dtype, CPU)
    assert (road and road.dtype) == expected
    assert road is None or road.stride >= 1


def test_road_on_a_device_without_double_precision_ends_in_logarithms() -> None:
    assert choose_road(30.0, 9, 3, torch.float32, torch.device("mps")) is None


@st.composite
def problems(draw) -> tuple[Problem, int | None]:
    """Random constraints, sets and scores of any size, laid out to let weights underflow if they can."""
    seed, K, T = draw(st.integers(0, 10**6)), draw(st.integers(2, 6)), draw(st.integers(1, 24))
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    density = draw(st.sampled_from([0.3, 0.6, 1.0]))
    masks = [random.random(shape) < density for shape in (K, (K, K), K)]
    masks[0][0] = masks[1][0, 0] = masks[2][0] = True
    crf = CRF(K, constraints=Constraints(*masks))
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.copy_(torch.randn_like(parameter) * draw(st.sampled_from([0.0, 1.0, 8.0, 50.0])))
    emissions = torch.randn(T, 3, K) * draw(st.sampled_from([0.1, 2.0, 6.0, 20.0, 100.0]))
    if draw(st.booleans()):  # the first half prefers other tags than the second
        tilt = torch.linspace(0, 1, K) * draw(st.sampled_from([5.0, 20.0, 80.0]))
        emissions += torch.where(torch.arange(T).view(T, 1, 1) * 2 < T, tilt, -tilt)
    sets = None
    if draw(st.booleans()):
        sets = (torch.rand(T, 3, K) < 0.5) | (torch.rand(T, 3, 1) < 0.5)
        sets[..., 0] = True
    lengths = torch.randint(1, T + 1, (3,))
    return Problem.of(emissions, crf.chain(), lengths, sets), crf.exponent


@given(problems())
@settings(max_examples=150, deadline=None)
def test_the_chosen_road_agrees_with_logarithms(case: tuple[Problem, int | None]) -> None:
    problem, d = case
    road = problem.choose_road(d)
    exact, found = problem.solve(None), problem.solve(road)
    weight = torch.ones(3)
    tolerance = {"rtol": 1e-4, "atol": 1e-5}
    torch.testing.assert_close(found.log_z, exact.log_z, **tolerance)
    for question in ("expected_tags", "expected_moves"):
        answers = (getattr(messages, question)(weight).double() for messages in (found, exact))
        torch.testing.assert_close(*answers, **tolerance)


def test_temporaries_in_parts_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large temporaries are worked through in parts; here the parts are a few rows."""
    torch.manual_seed(0)
    crf, lengths = CRF(7), torch.tensor([5, 1, 9])
    emissions = torch.randn(9, 3, 7) * 1000
    best, marginals, tags = (
        crf.nbest(emissions, lengths, 4).tags,
        crf.marginals(emissions, lengths),
        crf.viterbi(emissions, lengths),
    )
    moves = Problem.of(emissions, crf.chain(), lengths).solve(None).expected_moves(torch.ones(3))
    monkeypatch.setattr(search, "_CHUNK", 50)
    monkeypatch.setattr(search, "_SMALL", 0)
    monkeypatch.setattr(logarithms, "_CHUNK", 100)
    assert torch.equal(crf.nbest(emissions, lengths, 4).tags, best)
    assert torch.equal(crf.viterbi(emissions, lengths), tags)
    torch.testing.assert_close(crf.marginals(emissions, lengths), marginals)
    again = Problem.of(emissions, crf.chain(), lengths).solve(None).expected_moves(torch.ones(3))
    torch.testing.assert_close(again, moves)


def test_walking_back_is_the_same_with_tensors_as_with_arrays() -> None:
    """On a CPU it is always numpy that walks."""
    torch.manual_seed(0)
    first, best, table = torch.randn(4, 6), torch.randn(9, 4, 6), torch.randn(6, 6)
    tensors = search._walk_back(first, best, lambda tags: table.index_select(0, tags))
    arrays = search._walk_back(first.numpy(), best.numpy(), lambda tags: table.numpy()[tags])
    assert [tags.tolist() for tags in tensors] == [tags.tolist() for tags in arrays]
