"""What decides between the roads of the recursions, and that whichever is chosen gives what logarithms give."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.model.crf import CRF, logarithms, search
from tagger.model.crf.messages import choose_road
from tagger.model.crf.potentials import lookback
from tagger.model.crf.problem import Problem
from tagger.text.schemes import Constraints

CPU = torch.device("cpu")


# How far back two paths may have parted.


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
