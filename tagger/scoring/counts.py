"""Counts of spans, and the fractions that follow from them: what all scores are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tagger.text.schemes import Span

# Two answers to the same sentences share most of their mistakes, so chance tells them apart by less than either from
# the truth. More is better where dev is of the kind of the training text, less where not (`benchmarks/choosing.py`).
TIE = 0.25


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of spans, and the three fractions that follow from them."""

    gold: int
    predicted: int
    correct: int

    @property
    def precision(self) -> float:
        """correct / predicted, the share of predicted spans that are right."""
        return fraction(self.correct, self.predicted)

    @property
    def recall(self) -> float:
        """correct / gold, the share of gold spans that were found."""
        return fraction(self.correct, self.gold)

    @property
    def f1(self) -> float:
        """2 P R / (P + R) = 2 correct / (gold + predicted)."""
        return fraction(2 * self.correct, self.gold + self.predicted)

    @property
    def f1_error(self) -> float:
        """Standard error of F1, about: that of a share, `sqrt(F (1 - F) / n)` with n = (gold + predicted) / 2."""
        return math.sqrt(fraction(2, self.gold + self.predicted) * self.f1 * (1 - self.f1))

    def ties(self, f1: float) -> bool:
        """Return whether this F1 is as good as another on the same sentences, within `TIE` errors."""
        return self.f1 >= f1 - TIE * self.f1_error

    @property
    def support(self) -> int:
        return self.gold

    def as_dict(self) -> dict[str, float]:
        return {"precision": self.precision, "recall": self.recall, "f1": self.f1, "support": self.support}


def fraction(part: int, whole: int) -> float:
    """Return a share; 0/0 is 0, see `exact`."""
    return part / whole if whole else 0.0


@dataclass(frozen=True, slots=True)
class Average:
    """Unweighted means over the types; `support` is the number of gold spans."""

    precision: float
    recall: float
    f1: float
    support: int

    def as_dict(self) -> dict[str, float]:
        return {"precision": self.precision, "recall": self.recall, "f1": self.f1, "support": self.support}


def average(types: Mapping[str, Score]) -> Average:
    """Average over the types that occur in gold or predicted; 0 where there is none."""
    scores = list(types.values())
    if not scores:
        return Average(0.0, 0.0, 0.0, 0)
    return Average(
        precision=sum(each.precision for each in scores) / len(scores),
        recall=sum(each.recall for each in scores) / len(scores),
        f1=sum(each.f1 for each in scores) / len(scores),
        support=sum(each.gold for each in scores),
    )


class Pair(NamedTuple):
    """One sentence: its gold and its predicted spans, and its length in tokens."""

    gold: list[Span]
    predicted: list[Span]
    length: int
