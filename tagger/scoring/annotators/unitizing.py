"""Krippendorff's alpha for spans: agreement on where they begin, where they end, and of what type they are.

Kappa is about tokens that are given. Who marks spans also chooses what there is to agree on, so Krippendorff (1995,
"On the reliability of unitizing continuous data"; 2004, "Measuring the reliability of qualitative text analysis
data", section 4; 2004, *Content Analysis*, section 11.6) measures how far sections of a continuum lie apart. With L
the tokens of the text, m annotators, and for each type c the sections into which an annotator cuts the text, spans of
that type and the gaps between them, b the beginning and l the length of a section, it is

    alpha_u = 1 - sum_c D_o(c) / sum_c D_e(c)

    D_o(c) = 1 / (m (m - 1) L^2) sum over ordered pairs of annotators, over their sections g and h, of d^2(g, h)

    d^2 = (b_g - b_h)^2 + (b_g + l_g - b_h - l_h)^2   both are spans, and they overlap
          l_g^2                                       g is a span that lies in the gap h (or the other way round)
          0                                           else

    D_e(c) = 2 / L  [ sum over spans g of all annotators of
                      (N_c - 1) / 3 (2 l_g^3 - 3 l_g^2 + l_g) + l_g^2 sum over gaps h, l_h >= l_g, (l_h - l_g + 1) ]
             / (m L (m L - 1) - sum over spans g of l_g (l_g - 1))

with N_c the number of spans of that type from all annotators. 1 is perfect agreement, 0 what chance would do. Where
every span is one token, as parts of speech are, this is the nominal alpha of single tokens.

A text of many sentences is one continuum; spans end with their sentence, gaps go on. Sections are counted as they
come: memory doesn't grow with the text, but for how often each length occurs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from tagger.text.schemes import Span


class Disagreements(NamedTuple):
    """The disagreement that was observed, and that to be expected by chance; both without a unit."""

    observed: float
    expected: float

    @property
    def alpha(self) -> float | None:
        """1 - observed / expected; None where there is nothing to disagree on."""
        return 1 - self.observed / self.expected if self.expected else None


class UnitizingCounts:
    """Spans of several annotators, counted sentence by sentence.

    Args:
        annotators: how many there are, two at least.
    """

    def __init__(self, annotators: int) -> None:
        self._annotators = annotators
        self._tokens = 0
        self._apart: Counter[str] = Counter()  # type -> sum of d^2, each pair of annotators once
        self._lengths: defaultdict[str, Counter[int]] = defaultdict(Counter)  # of spans
        self._gaps: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self._ends: dict[tuple[int, str], int] = {}  # annotator, type -> where the last span ended

    def add(self, spans: Sequence[Sequence[Span]], length: int) -> None:
        """Count a sentence.

        Args:
            spans: those of each annotator, in their order; those of one annotator and one type don't overlap.
            length: of the sentence, in tokens.
        """
        for annotator, found in enumerate(spans):
            for type_, start, end in found:
                self._lengths[type_][end - start] += 1
                gap = self._tokens + start - self._ends.get((annotator, type_), 0)
                if gap:
                    self._gaps[type_][gap] += 1
                self._ends[annotator, type_] = self._tokens + end
        for one, other in combinations(spans, 2):
            if one != other:
                self._compare(one, other)
        self._tokens += length

    def _compare(self, one: Sequence[Span], other: Sequence[Span]) -> None:
        """Add how far the spans of two annotators lie apart."""
        left, right = _by_type(one), _by_type(other)
        for type_ in left.keys() | right.keys():
            self._apart[type_] += _measure_distance(left.get(type_, []), right.get(type_, []))

    def of_types(self) -> dict[str, Disagreements]:
        """Return what the sentences so far come to, type by type."""
        return {type_: self._conclude(type_) for type_ in sorted(self._lengths)}

    def _conclude(self, type_: str) -> Disagreements:
        all_tokens = self._annotators * self._tokens
        pairs = self._annotators * (self._annotators - 1)
        observed = 2 * self._apart[type_] / (pairs * self._tokens**2)
        gaps = self._gaps[type_].copy()
        for annotator in range(self._annotators):
            rest = self._tokens - self._ends.get((annotator, type_), 0)
            if rest:
                gaps[rest] += 1
        lengths = self._lengths[type_]
        spans = lengths.total()
        places = 0  # twice the squared distances over all places where a span may lie
        for length, count in lengths.items():
            beside = (spans - 1) * (2 * length**3 - 3 * length**2 + length) // 3
            room = sum(many * (gap - length + 1) for gap, many in gaps.items() if gap >= length)
            places += count * (beside + length**2 * room)
        steps = all_tokens * (all_tokens - 1) - sum(each * (each - 1) * n for each, n in lengths.items())
        return Disagreements(observed, 2 * places / self._tokens / steps if steps else 0.0)


def sum_up(types: Mapping[str, Disagreements]) -> Disagreements:
    """Return the disagreement on all types."""
    return Disagreements(
        sum(each.observed for each in types.values()), sum(each.expected for each in types.values())
    )


def _by_type(spans: Sequence[Span]) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = {}
    for span in spans:
        found.setdefault(span.type, []).append(span)
    return found


def _measure_distance(one: Sequence[Span], other: Sequence[Span]) -> int:
    """Return the sum of d^2 over the spans of two annotators; those of each are in order and don't overlap."""
    total, first = 0, 0
    met = [False] * len(other)
    for span in one:
        while first < len(other) and other[first].end <= span.start:
            first += 1
        is_alone = True
        for place in range(first, len(other)):
            rival = other[place]
            if rival.start >= span.end:
                break
            total += (span.start - rival.start) ** 2 + (span.end - rival.end) ** 2
            met[place], is_alone = True, False
        total += (span.end - span.start) ** 2 * is_alone
    return total + sum(
        (span.end - span.start) ** 2 for span, has_met in zip(other, met, strict=True) if not has_met
    )
