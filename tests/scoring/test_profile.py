"""Profiles: expected F1 worked out by hand, sums, and their way through JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.scoring.profile import CONFIDENCE_BINS, LENGTH_EDGES, Profile, read_profiles

counts = st.integers(0, 10**6)


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    lengths = draw(st.tuples(*[counts] * (len(LENGTH_EDGES) + 1)))
    types = draw(st.dictionaries(st.sampled_from(["PER", "LOC", "word", "é"]), st.integers(1, 9)))
    confidences = [0] * CONFIDENCE_BINS
    for place in draw(
        st.lists(st.integers(0, 19), min_size=sum(types.values()), max_size=sum(types.values()))
    ):
        confidences[place] += 1
    known = draw(st.integers(0, 10**6))
    return Profile(
        sentences=sum(lengths),
        tokens=draw(counts),
        characters=known + 7,
        unknown_characters=known,
        words=known + 1,
        unknown_words=known,
        lengths=lengths,
        types=types,
        confidences=tuple(confidences),
        correct=sum(types.values()) / 2,
        expected_spans=draw(st.none() | st.floats(0, 1e6)),
    )


@given(profiles())
def test_a_profile_comes_back_from_json(profile: Profile) -> None:
    found = json.loads(json.dumps(profile.as_dict(), allow_nan=False))
    assert Profile.from_dict(found) == profile
    assert Profile.from_dict(found).as_dict() == profile.as_dict()


@given(profiles(), profiles(), profiles())
def test_profiles_add_up_in_any_order(one: Profile, two: Profile, three: Profile) -> None:
    assert one + Profile() == one == Profile() + one
    assert (one + two).types == (two + one).types
    assert (one + two).spans == one.spans + two.spans
    assert (one + two).lengths == tuple(a + b for a, b in zip(one.lengths, two.lengths, strict=True))
    left, right = (one + two) + three, one + (two + three)
    assert left.correct == pytest.approx(right.correct)
    assert left.expected_spans == pytest.approx(right.expected_spans)
    same = {"correct": 0.0, "expected_spans": None}
    assert replace(left, **same) == replace(right, **same)
    unknown = None in (one.expected_spans, two.expected_spans)
    assert ((one + two).expected_spans is None) == unknown


def test_the_expected_f1_is_that_of_expected_counts() -> None:
    """Three spans of 0.9, 0.8 and 0.5 are given: 2.2 are right. 4.2 are expected, so two are missed."""
    found = Profile(
        sentences=2,
        tokens=20,
        types={"PER": 3},
        confidences=(0,) * 9 + (1,) + (0,) * 5 + (1, 0, 1, 0, 0),
        correct=2.2,
        expected_spans=4.2,
    )
    assert found.spans == 3
    assert found.doubtful == 1
    assert found.expected_precision == pytest.approx(2.2 / 3)
    assert found.expected_recall == pytest.approx(2.2 / 4.2)
    assert found.expected_f1 == pytest.approx(4.4 / 7.2)
    precision, recall = found.expected_precision, found.expected_recall
    assert found.expected_f1 == pytest.approx(2 * precision * recall / (precision + recall))


def test_nothing_has_no_f1() -> None:
    assert Profile().expected_f1 is Profile().expected_precision is Profile().expected_recall is None
    silent = Profile(sentences=1, tokens=3, expected_spans=0.25)
    assert (silent.expected_precision, silent.expected_recall, silent.expected_f1) == (None, 0.0, 0.0)
    unasked = Profile(types={"PER": 1}, confidences=(0,) * 19 + (1,), correct=1.0, expected_spans=None)
    assert (unasked.expected_precision, unasked.expected_f1) == (1.0, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokens": -1}, "tokens is no count"),
        ({"tokens": True}, "tokens is no count"),
        ({"tokens": 2**70}, "tokens is no count"),
        ({"words": None}, "words is no count"),
        ({"unknown_words": 9}, "unknown_words is more than words"),
        ({"lengths": [1, 2]}, "lengths is no list of 6 counts"),
        ({"lengths": [9, 0, 0, 0, 0, 0]}, "lengths don't add up to sentences"),
        ({"types": []}, "types is no object"),
        ({"types": {"PER": "1"}}, "types is no count"),
        ({"types": {"PER": 1}}, "types and confidences are of different numbers of spans"),
        ({"confidences": {}}, "confidences is no list of 20 counts"),
        ({"correct": 3.0}, "correct is more than all spans"),
        ({"correct": float("nan")}, "correct is no number"),
        ({"expected_spans": -1}, "expected_spans is no number"),
        ({"expected_spans": "many"}, "expected_spans is no number"),
    ],
)
def test_what_a_stranger_wrote_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Profile.from_dict(Profile().as_dict() | changes)


@pytest.mark.parametrize("found", [None, [], 3, {}, {"test": Profile().as_dict()}, {"dev": []}])
def test_parts_are_named_too(found: object) -> None:
    with pytest.raises(ValueError, match=r"expected an object|dev is missing"):
        read_profiles(found)
