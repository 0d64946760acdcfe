"""Near misses: which predicted span was meant for which gold span, and what was wrong with it.

`align` pairs the spans of one sentence one to one; the other functions count the pairs: as SemEval-2013 task
9.1 does (after MUC-5), as a confusion matrix of types, or as the kinds of mistakes that a person would name.
Exact-match scores are in `exact` and don't depend on this file.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from tagger.text.schemes import Span

MOST_TYPES = 100  # whose confusions are written as a matrix, too: its size is the square of their number


class Kind(StrEnum):
    """What became of a gold span and the predicted span that was meant for it."""

    CORRECT = "correct"
    TYPE = "type"  # the right tokens, another type
    BOUNDARY = "boundary"  # overlapping tokens, the right type
    BOTH = "type and boundary"  # overlapping tokens, another type
    MISSED = "missed"  # no predicted span
    SPURIOUS = "spurious"  # no gold span


class Match(NamedTuple):
    """A gold span and the predicted span that was meant for it; one of them is None if it stands alone."""

    kind: Kind
    gold: Span | None
    predicted: Span | None


def align(gold: Sequence[Span], predicted: Sequence[Span]) -> list[Match]:
    """Pair the spans of one sentence one to one, in the order of the text.

    Equal boundaries come first; they leave no choice, since the spans of one side don't overlap. Of the rest,
    pairs that overlap are taken from the best to the worst: the same type before another type, then the
    larger overlap, then the earlier place.

    >>> align([Span("PER", 0, 2)], [Span("PER", 1, 2), Span("LOC", 4, 5)])[0].kind
    <Kind.BOUNDARY: 'boundary'>
    """
    if gold == predicted:
        return [Match(Kind.CORRECT, span, span) for span in gold]
    at = {(span.start, span.end): span for span in predicted}
    matches: list[Match] = []
    open_gold: list[Span] = []
    for span in gold:
        twin = at.pop((span.start, span.end), None)
        if twin is None:
            open_gold.append(span)
        else:
            matches.append(Match(Kind.CORRECT if twin.type == span.type else Kind.TYPE, span, twin))
    if open_gold and at:
        overlaps = _align_overlaps(open_gold, list(at.values()))
        matches += overlaps
        paired = {match.gold for match in overlaps}
        open_gold = [span for span in open_gold if span not in paired]
        for match in overlaps:
            assert match.predicted is not None
            del at[match.predicted.start, match.predicted.end]
    matches += [Match(Kind.MISSED, span, None) for span in open_gold]
    matches += [Match(Kind.SPURIOUS, None, span) for span in at.values()]
    return sorted(matches, key=_place)


def _align_overlaps(gold: list[Span], predicted: list[Span]) -> list[Match]:
    """Take the overlapping pairs from the best to the worst, each span once."""
    candidates = []
    predicted = sorted(predicted, key=lambda span: span.start)
    ends = [span.end for span in predicted]  # ascending: the spans of one side don't overlap
    for i, left in enumerate(gold):
        for j in range(bisect_right(ends, left.start), len(predicted)):
            right = predicted[j]
            overlap = min(left.end, right.end) - max(left.start, right.start)
            if overlap <= 0:
                break
            candidates.append((left.type != right.type, -overlap, i, j))
    used_gold: set[int] = set()
    used_predicted: set[int] = set()
    matches = []
    for other_type, _, i, j in sorted(candidates):
        if i not in used_gold and j not in used_predicted:
            used_gold.add(i)
            used_predicted.add(j)
            matches.append(Match(Kind.BOTH if other_type else Kind.BOUNDARY, gold[i], predicted[j]))
    return matches


def _place(match: Match) -> tuple[int, int]:
    span = match.gold or match.predicted
    assert span is not None
    return span.start, span.end


class Tally(NamedTuple):
    """The five counts of MUC-5 (Chinchor and Sundheim 1993), and precision, recall and F1 from them."""

    correct: int
    incorrect: int
    partial: int
    missed: int
    spurious: int

    @property
    def possible(self) -> int:
        """The number of gold spans."""
        return self.correct + self.incorrect + self.partial + self.missed

    @property
    def actual(self) -> int:
        """The number of predicted spans."""
        return self.correct + self.incorrect + self.partial + self.spurious

    @property
    def precision(self) -> float:
        """(correct + partial / 2) / actual."""
        return self._credit / self.actual if self.actual else 0.0

    @property
    def recall(self) -> float:
        """(correct + partial / 2) / possible."""
        return self._credit / self.possible if self.possible else 0.0

    @property
    def f1(self) -> float:
        """2 P R / (P + R) = 2 (correct + partial / 2) / (possible + actual)."""
        whole = self.possible + self.actual
        return 2 * self._credit / whole if whole else 0.0

    @property
    def _credit(self) -> float:
        return self.correct + self.partial / 2

    def as_dict(self) -> dict[str, float]:
        fractions = {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        return self._asdict() | fractions


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The four measures of SemEval-2013 task 9.1 (Segura-Bedmar et al. 2013, section 4)."""

    strict: Tally  # boundaries and type
    boundary: Tally  # boundaries, whatever the type ("exact boundary matching")
    partial: Tally  # half a point for an overlap, whatever the type ("partial boundary matching")
    type: Tally  # the type, with some overlap ("type matching")

    def as_dict(self) -> dict[str, dict[str, float]]:
        return {name: tally.as_dict() for name, tally in self.tallies.items()}

    @property
    def tallies(self) -> dict[str, Tally]:
        return {
            "strict": self.strict,
            "boundary": self.boundary,
            "partial": self.partial,
            "type": self.type,
        }


# Where each kind of match counts under each measure: the table of Segura-Bedmar et al. 2013.
_CREDIT = {
    "strict": {
        Kind.CORRECT: "correct",
        Kind.TYPE: "incorrect",
        Kind.BOUNDARY: "incorrect",
        Kind.BOTH: "incorrect",
    },
    "boundary": {
        Kind.CORRECT: "correct",
        Kind.TYPE: "correct",
        Kind.BOUNDARY: "incorrect",
        Kind.BOTH: "incorrect",
    },
    "partial": {
        Kind.CORRECT: "correct",
        Kind.TYPE: "correct",
        Kind.BOUNDARY: "partial",
        Kind.BOTH: "partial",
    },
    "type": {
        Kind.CORRECT: "correct",
        Kind.TYPE: "incorrect",
        Kind.BOUNDARY: "correct",
        Kind.BOTH: "incorrect",
    },
}


@dataclass(frozen=True, slots=True)
class Confusion:
    """Which types were taken for which.

    Attributes:
        types: all of them, sorted.
        cells: so many gold spans of one type were matched with a predicted span of another or the same (the same
            tokens or overlapping ones); None instead of a type: predicted spans that are spurious, gold spans that
            are missed. Cells of 0 are left out: of thousands of types few are taken for each other.
    """

    types: tuple[str, ...]
    cells: Mapping[tuple[str | None, str | None], int]

    @property
    def counts(self) -> tuple[tuple[int, ...], ...]:
        """The cells as a matrix, whose size is the square of the number of types.

        The last column counts the missed gold spans, the last row the spurious predicted ones; so rows sum up to the
        gold spans of a type and columns to the predicted ones.
        """
        return self.matrix(self.types)

    def matrix(self, types: Sequence[str]) -> tuple[tuple[int, ...], ...]:
        """Return the cells of some types, in this order, and behind them those of no type."""
        axis = (*types, None)
        return tuple(tuple(self.cells.get((row, column), 0) for column in axis) for row in axis)

    def gold_of(self, type_: str) -> int:
        """Return how many gold spans are of a type."""
        return sum(count for (gold, _), count in self.cells.items() if gold == type_)

    def largest(self) -> list[tuple[str | None, str | None, int]]:
        """Return what was taken for something else, the most frequent first: gold, predicted, count."""
        wrong = [(*cell, count) for cell, count in self._ordered() if cell[0] != cell[1]]
        return sorted(wrong, key=lambda each: -each[2])

    def as_dict(self) -> dict[str, object]:
        """Return all cells as a list, and as a matrix where there are no more than `MOST_TYPES` types."""
        return {
            "gold": [*self.types, Kind.SPURIOUS.value],
            "predicted": [*self.types, Kind.MISSED.value],
            "counts": [list(row) for row in self.counts] if len(self.types) <= MOST_TYPES else None,
            "cells": [
                {"gold": gold, "predicted": predicted, "count": count}
                for (gold, predicted), count in self._ordered()
            ],
        }

    def _ordered(self) -> list[tuple[tuple[str | None, str | None], int]]:
        """Return the cells row by row, as the matrix has them."""
        place = {name: number for number, name in enumerate((*self.types, None))}
        return sorted(self.cells.items(), key=lambda each: (place[each[0][0]], place[each[0][1]]))


class MatchCounts:
    """Matches counted as they come, by kind and by type; the matches themselves aren't kept."""

    def __init__(self) -> None:
        self._kinds: Counter[Kind] = Counter()
        self._cells: Counter[tuple[str | None, str | None]] = Counter()

    def add(self, matches: Iterable[Match]) -> None:
        """Count the matches of a sentence."""
        for kind, gold, predicted in matches:
            self._kinds[kind] += 1
            self._cells[gold.type if gold else None, predicted.type if predicted else None] += 1

    def evaluation(self) -> Evaluation:
        """Return the four measures."""
        tallies = {}
        for measure, row in _CREDIT.items():
            counts = Counter({"missed": self._kinds[Kind.MISSED], "spurious": self._kinds[Kind.SPURIOUS]})
            for kind, category in row.items():
                counts[category] += self._kinds[kind]
            tallies[measure] = Tally(*(counts[category] for category in Tally._fields))
        return Evaluation(**tallies)

    def confusion(self) -> Confusion:
        """Return gold type against predicted type."""
        types = {name for cell in self._cells for name in cell if name is not None}
        return Confusion(tuple(sorted(types)), dict(self._cells))


def evaluate_matches(matches: Iterable[Match]) -> Evaluation:
    """Count matches (of any number of sentences) under the four measures."""
    return _count(matches).evaluation()


def count_confusions(matches: Iterable[Match]) -> Confusion:
    """Count gold type against predicted type over matches of any number of sentences."""
    return _count(matches).confusion()


def _count(matches: Iterable[Match]) -> MatchCounts:
    counts = MatchCounts()
    counts.add(matches)
    return counts
