"""Drift: the index worked out by hand, its bounds, and what chance does, drawn at random."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.scoring.drift import (
    SMOOTHING,
    THRESHOLD,
    Drift,
    Verdict,
    chi_squared,
    compare_profiles,
    diverge,
    find_distance,
)
from tagger.scoring.profile import CONFIDENCE_BINS, LENGTH_EDGES, Profile

shares = st.lists(st.floats(0, 1), min_size=4, max_size=4)


def test_the_index_by_hand() -> None:
    """(0.8 - 0.5) ln(0.8 / 0.5) + (0.2 - 0.5) ln(0.2 / 0.5) = 0.1410 + 0.2749, before anything is smoothed."""
    by_hand = 0.3 * math.log(1.6) - 0.3 * math.log(0.4)
    assert by_hand == pytest.approx(0.4159, abs=1e-4)
    smoothed = 0.297 * math.log(0.7985 / 0.5015) - 0.297 * math.log(0.2015 / 0.4985)
    assert diverge([0.5, 0.5], [0.8, 0.2]) == pytest.approx(smoothed)
    assert diverge([0.5, 0.5], [0.8, 0.2]) == pytest.approx(by_hand, rel=0.03)


@given(shares, shares)
def test_the_index_is_symmetric_and_bounded(one: list[float], other: list[float]) -> None:
    found = diverge(one, other)
    assert found == pytest.approx(diverge(other, one))
    assert diverge(one, one) == 0.0
    largest = sum(abs(p - q) for p, q in zip(one, other, strict=True)) * math.log(2 / SMOOTHING - 1)
    assert 0.0 <= found <= largest + 1e-12
    assert diverge([*one, 0.0], [*other, 0.0]) == pytest.approx(found)  # a bin that both leave empty


def test_an_empty_bin_does_not_explode() -> None:
    """One span among 500 of a type that 10,000 before hadn't is no news."""
    distance = find_distance(([10_000, 0], [499, 1]), (1000, 250))
    assert distance.psi < 0.02
    assert distance.judge(THRESHOLD) is Verdict.STEADY


@pytest.mark.parametrize(
    ("freedom", "value"), [(1, 10.828), (2, 13.816), (5, 20.515), (9, 27.877), (19, 43.820), (50, 86.661)]
)
def test_chi_squared_is_that_of_tables(freedom: int, value: float) -> None:
    assert chi_squared(freedom) == pytest.approx(value, rel=0.035)
    assert chi_squared(freedom) > value * 0.999  # never too small


@pytest.mark.parametrize("size", [50, 400])
@pytest.mark.parametrize("bins", [2, 5, 10])
def test_chance_hardly_passes_its_bound(size: int, bins: int) -> None:
    """2,000 pairs of samples from one distribution: about one in a thousand passes."""
    draw = np.random.default_rng(1)
    distribution = draw.dirichlet(np.full(bins, 3.0))
    pairs = draw.multinomial(1000, distribution, 2000), draw.multinomial(size, distribution, 2000)
    found = [
        find_distance((one.tolist(), two.tolist()), (1000, size)) for one, two in zip(*pairs, strict=True)
    ]
    assert sum(each.psi > each.chance for each in found) <= 10


def make_profile(sentences: int, *, unknown: float = 0.1, spans: float = 1.0, sure: bool = True) -> Profile:
    """Return the profile of sentences of ten tokens with so many unknown words and spans each."""
    given = round(sentences * spans)
    confidences = [0] * CONFIDENCE_BINS
    confidences[-1 if sure else 11] = given
    lengths = [0] * (len(LENGTH_EDGES) + 1)
    lengths[1] = sentences
    return Profile(
        sentences=sentences,
        tokens=10 * sentences,
        words=10 * sentences,
        unknown_words=round(10 * sentences * unknown),
        lengths=tuple(lengths),
        types={"PER": given} if given else {},
        confidences=tuple(confidences),
        correct=given * (0.98 if sure else 0.58),
        expected_spans=given * 1.1 + 0.1,
    )


def verdicts(found: Drift) -> dict[str, Verdict | None]:
    return {each.name: each.verdict for each in found.measures}


def test_a_text_is_not_unlike_itself() -> None:
    found = compare_profiles(make_profile(1000), make_profile(1000), "test")
    assert found.verdict is Verdict.STEADY
    assert all(each.psi == 0.0 for each in found.measures)
    assert set(verdicts(found)) == {
        "unknown_words", "sentence_length", "spans", "confidence", "doubtful", "expected_f1",
    }  # fmt: skip


def test_what_moved_is_named_the_farthest_first() -> None:
    found = compare_profiles(make_profile(1000), make_profile(500, unknown=0.4, sure=False), "test")
    assert found.verdict is Verdict.MOVED
    assert next(each.name for each in found.moved) in ("confidence", "doubtful")
    assert {each.name for each in found.moved} == {"unknown_words", "confidence", "doubtful", "expected_f1"}
    by_hand = 0.3 * math.log(4) - 0.3 * math.log(0.6 / 0.9)
    words = next(each for each in found.measures if each.name == "unknown_words")
    assert words.psi == pytest.approx(by_hand, rel=0.04)
    assert (words.reference, words.now) == (0.1, 0.4)


def test_rates_of_spans_are_on_the_same_scale() -> None:
    """Half as many again: (0.15 - 0.1) ln 1.5, over the mean rate of 0.125."""
    found = compare_profiles(make_profile(1000), make_profile(1000, spans=1.5), "test")
    spans = next(each for each in found.measures if each.name == "spans")
    assert spans.psi == pytest.approx(0.05 * math.log(1.5) / 0.125, rel=0.03)
    assert (spans.reference, spans.now) == (10.0, 15.0)
    assert spans.verdict is Verdict.SHIFTED
    assert found.types == {"PER": (10.0, 15.0)}


def test_spans_that_stop_are_told() -> None:
    found = compare_profiles(make_profile(1000), make_profile(1000, spans=0.0), "test")
    assert [each.name for each in found.moved] == ["spans"]
    assert verdicts(found)["confidence"] is None  # of no spans there is none
    assert compare_profiles(make_profile(9, spans=0), make_profile(9, spans=0), "test").measures


def test_a_short_text_is_too_little() -> None:
    short = make_profile(5, unknown=0.5, sure=False)
    found = compare_profiles(make_profile(1000), short, "test")
    assert found.verdict is Verdict.UNCLEAR
    assert not found.moved
    assert all(each.chance == math.inf for each in found.measures)
    assert found.as_dict()["measures"][0]["chance"] is None
    needed = found.sentences_needed
    assert needed is not None
    enough = compare_profiles(make_profile(1000), make_profile(needed), "test")
    less = compare_profiles(make_profile(1000), make_profile(needed * 9 // 10), "test")
    assert verdicts(enough)["unknown_words"] is Verdict.STEADY
    assert verdicts(less)["unknown_words"] is Verdict.UNCLEAR
    assert compare_profiles(make_profile(20), make_profile(1000), "test").sentences_needed is None


def test_the_threshold_decides() -> None:
    shifted = make_profile(1000, unknown=0.2)
    assert compare_profiles(make_profile(1000), shifted, "test").verdict is Verdict.STEADY
    assert compare_profiles(make_profile(1000), shifted, "test", 0.1).verdict is Verdict.SHIFTED
    assert compare_profiles(make_profile(1000), shifted, "test", 0.05).verdict is Verdict.MOVED
