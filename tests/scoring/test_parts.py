"""Near misses, confusions, parts and calibration: worked examples, and sums that must add up."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Set

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger import scoring
from tagger.errors import DataError
from tagger.scoring import Kind, Match, Pair, PartCounts, Score, Tally
from tagger.text.schemes import Scheme, Span, tags_to_spans

TAGS = st.lists(st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"]), min_size=12, max_size=12)
SENTENCES = st.lists(st.tuples(TAGS, TAGS), max_size=5)


def read_pairs(sentences: list[tuple[list[str], list[str]]]) -> list[Pair]:
    return scoring.pair_spans([gold for gold, _ in sentences], [right for _, right in sentences], Scheme.IOB2)


def align_all(pairs: list[Pair]) -> Iterator[Match]:
    return (match for pair in pairs for match in scoring.align(pair.gold, pair.predicted))


def count_parts(
    pairs: list[Pair], sentences: list[list[str]] | None = None, surfaces: Set[str] | None = None
) -> PartCounts:
    parts = PartCounts(surfaces)
    for pair, tokens in zip(pairs, sentences or [[]] * len(pairs), strict=True):
        parts.add(pair, tokens)
    return parts


def kinds(gold: str, predicted: str) -> list[Kind]:
    spans = [tags_to_spans(tags.split(), Scheme.IOB2) for tags in (gold, predicted)]
    return [match.kind for match in scoring.align(*spans)]


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ("B-A I-A", "B-A I-A", [Kind.CORRECT]),
        ("B-A I-A", "B-B I-B", [Kind.TYPE]),
        ("B-A I-A", "O B-A", [Kind.BOUNDARY]),
        ("B-A I-A", "B-B O", [Kind.BOTH]),
        ("B-A I-A", "O O", [Kind.MISSED]),
        ("O O", "B-A O", [Kind.SPURIOUS]),
        ("B-A I-A O O", "O O B-A I-A", [Kind.MISSED, Kind.SPURIOUS]),
        # one gold span over two predicted ones: the one of its type is its partner, though it is shorter
        ("B-A I-A I-A", "B-B I-B B-A", [Kind.BOUNDARY, Kind.SPURIOUS]),
        # two gold spans under one predicted span: the larger overlap is its partner
        ("B-A B-A I-A", "B-A I-A I-A", [Kind.MISSED, Kind.BOUNDARY]),
        # equal overlaps: the first
        ("B-A B-A", "B-A I-A", [Kind.BOUNDARY, Kind.MISSED]),
    ],
)
def test_pairs_each_span_with_the_one_that_was_meant(gold: str, predicted: str, expected: list[Kind]) -> None:
    assert sorted(kinds(gold, predicted)) == sorted(expected)


def test_matches_stand_in_the_order_of_the_text() -> None:
    matches = scoring.align([Span("A", 4, 5), Span("A", 0, 1)], [Span("B", 2, 3)])
    assert [(match.gold or match.predicted).start for match in matches] == [0, 2, 4]  # type: ignore[union-attr]


@settings(deadline=None)
@given(SENTENCES)
def test_every_span_is_in_exactly_one_match(sentences: list[tuple[list[str], list[str]]]) -> None:
    for gold, predicted, _ in read_pairs(sentences):
        matches = scoring.align(gold, predicted)
        assert [match.gold for match in matches if match.gold] == gold
        assert sorted(match.predicted for match in matches if match.predicted) == sorted(predicted)
        correct = [match.gold for match in matches if match.kind is Kind.CORRECT]
        assert set(correct) == set(gold) & set(predicted)
        for kind, left, right in matches:
            if left and right:
                assert max(left.start, right.start) < min(left.end, right.end)
                assert (left.type == right.type) == (kind in (Kind.CORRECT, Kind.BOUNDARY))
                assert (left[1:] == right[1:]) == (kind in (Kind.CORRECT, Kind.TYPE))


@settings(deadline=None)
@given(SENTENCES)
def test_no_span_stays_alone_beside_another_that_overlaps_it(
    sentences: list[tuple[list[str], list[str]]],
) -> None:
    for gold, predicted, _ in read_pairs(sentences):
        matches = scoring.align(gold, predicted)
        missed = [match.gold for match in matches if match.kind is Kind.MISSED]
        spurious = [match.predicted for match in matches if match.kind is Kind.SPURIOUS]
        assert not any(a.start < b.end and b.start < a.end for a in missed for b in spurious if a and b)


def test_the_table_of_semeval_2013() -> None:
    """One example of each scenario, counted by hand with the definitions of Segura-Bedmar et al. 2013."""
    gold = [Span("drug", i, i + 2) for i in range(0, 50, 10)]
    predicted = [
        Span("drug", 0, 2),  # exact
        Span("brand", 10, 12),  # the type is wrong
        Span("drug", 21, 22),  # the boundary is wrong
        Span("brand", 31, 32),  # both are wrong
        Span("drug", 48, 49),  # spurious; the fifth gold span is missed
    ]
    found = scoring.evaluate_matches(scoring.align(gold, predicted))
    assert found.strict == Tally(correct=1, incorrect=3, partial=0, missed=1, spurious=1)
    assert found.boundary == Tally(correct=2, incorrect=2, partial=0, missed=1, spurious=1)
    assert found.partial == Tally(correct=2, incorrect=0, partial=2, missed=1, spurious=1)
    assert found.type == Tally(correct=2, incorrect=2, partial=0, missed=1, spurious=1)
    assert (found.strict.precision, found.boundary.recall, found.partial.f1) == (0.2, 0.4, pytest.approx(0.6))
    assert found.as_dict()["partial"] == {
        "correct": 2,
        "incorrect": 0,
        "partial": 2,
        "missed": 1,
        "spurious": 1,
        "precision": 0.6,
        "recall": 0.6,
        "f1": pytest.approx(0.6),
    }


@settings(deadline=None)
@given(SENTENCES)
def test_tallies_add_up_to_the_spans(sentences: list[tuple[list[str], list[str]]]) -> None:
    pairs = read_pairs(sentences)
    scores = scoring.score_spans(pairs)
    found = scoring.evaluate_matches(align_all(pairs))
    for tally in found.tallies.values():
        assert (tally.possible, tally.actual) == (scores.micro.gold, scores.micro.predicted)
        assert all(0 <= each <= 1 for each in (tally.precision, tally.recall, tally.f1))
    assert found.strict.f1 == pytest.approx(scores.micro.f1)
    assert found.strict.correct <= min(found.boundary.correct, found.type.correct)


def test_no_spans_at_all_measure_nothing() -> None:
    found = scoring.evaluate_matches([])
    assert {tally.f1 for tally in found.tallies.values()} == {0.0}


def test_many_unmatched_spans_of_one_sentence_are_paired_in_linear_time() -> None:
    """A file without blank lines is one sentence: pairs of all spans would be ten thousand million."""
    gold = [Span("A", 3 * i, 3 * i + 2) for i in range(100_000)]
    predicted = [Span("A", 3 * i, 3 * i + 1) for i in range(100_000)]
    began = time.thread_time()
    assert {match.kind for match in scoring.align(gold, predicted)} == {Kind.BOUNDARY}
    assert time.thread_time() - began < 10


def test_confusions_of_many_types_are_a_list() -> None:
    """The matrix of 4,000 types would have 16 million cells."""
    matches = [Match(Kind.TYPE, Span(f"T{i}", 0, 1), Span(f"T{i + 1}", 0, 1)) for i in range(4000)]
    matches += matches[7:8] * 2
    found = scoring.count_confusions([*matches, Match(Kind.MISSED, Span("T0", 2, 3), None)])
    facts = found.as_dict()
    assert facts["counts"] is None
    assert len(facts["cells"]) == 4001  # type: ignore[arg-type]
    assert found.largest()[0] == ("T7", "T8", 3)
    assert {"gold": "T0", "predicted": None, "count": 1} in facts["cells"]  # type: ignore[operator]


def test_confusions_by_hand() -> None:
    gold = [Span("PER", 0, 1), Span("PER", 2, 4), Span("LOC", 6, 7)]
    predicted = [Span("LOC", 0, 1), Span("PER", 3, 4), Span("ORG", 8, 9)]
    found = scoring.count_confusions(scoring.align(gold, predicted))
    assert found.types == ("LOC", "ORG", "PER")
    assert found.counts == ((0, 0, 0, 1), (0, 0, 0, 0), (1, 0, 1, 0), (0, 1, 0, 0))
    assert found.as_dict()["gold"] == ["LOC", "ORG", "PER", "spurious"]
    assert found.as_dict()["predicted"] == ["LOC", "ORG", "PER", "missed"]


@settings(deadline=None)
@given(SENTENCES)
def test_confusions_add_up_to_the_spans_of_each_type(sentences: list[tuple[list[str], list[str]]]) -> None:
    pairs = read_pairs(sentences)
    types = scoring.score_spans(pairs).types
    found = scoring.count_confusions(align_all(pairs))
    for index, name in enumerate(found.types):
        assert sum(found.counts[index]) == types[name].gold
        assert sum(row[index] for row in found.counts) == types[name].predicted


def test_parts_by_hand() -> None:
    pairs = [
        Pair([Span("A", 0, 1), Span("A", 2, 5)], [Span("A", 0, 1), Span("A", 2, 4)], 5),
        Pair([Span("A", 0, 7)], [Span("A", 0, 7), Span("B", 8, 9)], 50),
        Pair([], [], 12),
    ]
    parts = count_parts(pairs)
    by_span = parts.span_lengths
    assert list(by_span) == ["1", "2", "3", "6+"]
    assert by_span == {"1": Score(1, 2, 1), "2": Score(0, 1, 0), "3": Score(1, 0, 0), "6+": Score(1, 1, 1)}
    assert parts.sentence_lengths == {"1-5": Score(2, 2, 1), "41+": Score(1, 2, 1)}


def test_seen_and_unseen_by_hand() -> None:
    train = [["Mr", "Ada", "Lovelace"], ["Paris"]]
    surfaces = scoring.collect_surfaces(train, [["O", "B-PER", "I-PER"], ["B-PER"]], Scheme.IOB2)
    assert surfaces == {"Ada Lovelace", "Paris"}
    sentences = [["Ada", "Lovelace", "saw", "Paris", "and", "Rome"]]
    pair = Pair(
        [Span("PER", 0, 2), Span("LOC", 3, 4), Span("LOC", 5, 6)], [Span("PER", 0, 1), Span("LOC", 3, 4)], 6
    )
    assert count_parts([pair], sentences, surfaces).novelty == {
        "seen": Score(2, 1, 1),
        "unseen": Score(1, 1, 0),
    }


@settings(deadline=None)
@given(SENTENCES)
def test_parts_add_up_to_the_whole(sentences: list[tuple[list[str], list[str]]]) -> None:
    pairs = read_pairs(sentences)
    whole = scoring.score_spans(pairs).micro
    words = [[str(i) for i in range(12)]] * len(pairs)
    parts = count_parts(pairs, words, {"0", "3 4"})
    for groups in (parts.span_lengths, parts.sentence_lengths, parts.novelty):
        sums = Score(
            sum(each.gold for each in groups.values()),
            sum(each.predicted for each in groups.values()),
            sum(each.correct for each in groups.values()),
        )
        assert sums == whole


def test_calibration_by_hand() -> None:
    found = scoring.calibrate([0.95, 0.85, 0.9, 0.35, 0.0, 1.0], [True, False, True, False, False, True])
    sizes = {(round(each.low, 1), round(each.high, 1)): each.size for each in found.bins if each.size}
    assert sizes == {(0.0, 0.1): 1, (0.3, 0.4): 1, (0.8, 0.9): 2, (0.9, 1.0): 2}
    # bins: |0 - 0| * 1 + |0 - 0.35| * 1 + |0.5 - 0.875| * 2 + |1 - 0.975| * 2, over 6
    assert found.expected_error == pytest.approx((0.35 + 2 * 0.375 + 2 * 0.025) / 6)
    assert found.brier == pytest.approx((0.05**2 + 0.85**2 + 0.1**2 + 0.35**2) / 6)
    assert (found.count, len(found.bins)) == (6, 10)
    assert found.as_dict()["bins"][9] == {  # type: ignore[index]
        "low": 0.9,
        "high": 1.0,
        "size": 2,
        "confidence": pytest.approx(0.975),
        "accuracy": 1.0,
    }


def test_calibration_of_an_honest_model_is_near_zero() -> None:
    confidences = [i / 1000 for i in range(1, 1000) for _ in range(10)]
    generator = random.Random(1)
    correct = [generator.random() < share for share in confidences]
    assert scoring.calibrate(confidences, correct).expected_error < 0.03


def test_calibration_without_predictions() -> None:
    found = scoring.calibrate([], [])
    assert (found.count, found.expected_error, found.brier) == (0, 0.0, 0.0)
    assert all(each.size == 0 and each.accuracy == 0 for each in found.bins)


@pytest.mark.parametrize("wrong", [1.2, -0.1, float("nan")])
def test_a_confidence_must_be_a_probability(wrong: float) -> None:
    with pytest.raises(DataError, match="expected a probability between 0 and 1"):
        scoring.calibrate([0.5, wrong], [True, True])


def test_each_prediction_needs_a_confidence() -> None:
    with pytest.raises(DataError, match="1 confidences for 2 predictions"):
        scoring.calibrate([0.5], [True, True])
