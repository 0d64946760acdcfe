"""How far annotators agree: two by two, and all together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, combinations
from typing import TYPE_CHECKING

from tagger.scoring.annotators.disagreements import Disagreement, find_disagreements
from tagger.scoring.annotators.kappa import Kappa, measure_cohen, measure_fleiss
from tagger.scoring.annotators.merging import Merge, Merged, merge_annotators, parse_merge
from tagger.scoring.annotators.readings import Annotators, Opinions
from tagger.scoring.annotators.unitizing import Disagreements, UnitizingCounts, sum_up
from tagger.scoring.counts import Pair
from tagger.scoring.exact import Scores, SpanCounts, count_right_tags
from tagger.scoring.matching import Confusion, MatchCounts, align
from tagger.scoring.resampling import (
    Counts,
    Interval,
    Row,
    RowCounts,
    bootstrap_rows,
    count_row,
    f1_of_counts,
)
from tagger.text.objects import describe
from tagger.text.schemes import UNKNOWN_TAG, Span

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAgreement:
    """Two annotators.

    Attributes:
        annotators: their places in the order of the files.
        scores: the second one's spans held against the first one's. F1 is the same the other way round.
        interval: 95 % of that F1, by resampling sentences.
        type_intervals: that of the F1 of each type that one of the two has.
        kappa: Cohen's, of tokens.
        confusion: the types of the first against those of the second, of spans that overlap.
    """

    annotators: tuple[int, int]
    scores: Scores
    interval: Interval
    type_intervals: dict[str, Interval]
    kappa: Kappa
    confusion: Confusion


@dataclass(frozen=True, kw_only=True)
class AnnotatorAgreement:
    """What annotators agree on; counts alone, the disagreements are looked up when they are asked for.

    Attributes:
        annotators: what it is about.
        pairs: each two of them.
        interval: 95 % of `f1`, by resampling sentences, the same ones for all pairs.
        fleiss: Fleiss' kappa of tokens, of all annotators; None where there are but two.
        types: what alpha comes of, for each type.
    """

    annotators: Annotators
    pairs: tuple[PairAgreement, ...]
    interval: Interval
    fleiss: Kappa | None
    types: dict[str, Disagreements]

    @property
    def f1(self) -> float:
        """The mean of span F1 over all pairs; of bare labels, which cover every token, the share of equal ones."""
        return sum(pair.scores.micro.f1 for pair in self.pairs) / len(self.pairs)

    @property
    def alpha(self) -> float | None:
        """Krippendorff's alpha of spans of all types; None where there are none."""
        return sum_up(self.types).alpha

    @property
    def kappa(self) -> Kappa:
        """That of all annotators: Cohen's of two, Fleiss' of more."""
        return self.fleiss or self.pairs[0].kappa

    @cached_property
    def disagreements(self) -> tuple[Disagreement, ...]:
        """The places where annotators differ, in the order of the text."""
        return tuple(self._find_disagreements())

    def _find_disagreements(self) -> Iterator[Disagreement]:
        for opinions in self.annotators:
            yield from find_disagreements(opinions)

    def f1_of(self, type_: str) -> list[float | None]:
        """Return span F1 of one type for each pair; None where neither of the two has it."""
        scores = (pair.scores.types.get(type_) for pair in self.pairs)
        return [None if each is None else each.f1 for each in scores]

    def intervals_of(self, type_: str) -> list[Interval | None]:
        """Return the 95 % intervals of `f1_of`."""
        return [pair.type_intervals.get(type_) for pair in self.pairs]

    def f1_with_others(self) -> list[float]:
        """Return for each annotator the mean of span F1 over the pairs with each of the others."""
        sums = [0.0] * len(self.annotators.names)
        for pair in self.pairs:
            for each in pair.annotators:
                sums[each] += pair.scores.micro.f1
        return [each / (len(sums) - 1) for each in sums]

    def spans_of(self, type_: str) -> list[int]:
        """Return how many spans of one type each annotator has, as far as both of a pair know the tags."""
        counts = [0] * len(self.annotators.names)
        for pair in self.pairs:
            score, (first, second) = pair.scores.types.get(type_), pair.annotators
            if score is not None:
                counts[first] = max(counts[first], score.gold)
                counts[second] = max(counts[second], score.predicted)
        return counts

    def merge(self, how: Merge | str) -> Merged:
        """Return one corpus made of the labels of all: `majority`, `union` or `?` (see `merging`).

        Raises:
            ConfigError: there is no such way.
        """
        return merge_annotators(self.annotators, parse_merge(how))

    def as_dict(self) -> dict[str, object]:
        """Return what `--json` prints."""
        annotators, names = self.annotators, self.annotators.names
        facts: dict[str, object] = {
            "task": annotators.task.value,
            "annotators": [
                {"name": name, "path": each.path, "scheme": str(each.scheme)}
                for name, each in zip(names, annotators.answers, strict=True)
            ],
            "sentences": len(annotators.corpus.sentences),
            "f1": self.f1,
            "interval": list(self.interval),
            "kappa": self.kappa.value,
            "alpha": self.alpha,
            "fleiss": None if self.fleiss is None else self.fleiss.as_dict(),
            "types": {
                type_: {
                    "alpha": each.alpha,
                    "f1": self.f1_of(type_),
                    "intervals": [each and list(each) for each in self.intervals_of(type_)],
                    "spans": self.spans_of(type_),
                }
                for type_, each in self.types.items()
            },
            "pairs": [
                {
                    "annotators": [names[each] for each in pair.annotators],
                    "f1": pair.scores.micro.f1,
                    "interval": list(pair.interval),
                    "spans": {
                        "first": pair.scores.micro.gold,
                        "second": pair.scores.micro.predicted,
                        "both": pair.scores.micro.correct,
                    },
                    "cohen": pair.kappa.as_dict(),
                    "confusion": [
                        {"first": first, "second": second, "count": count}
                        for (first, second), count in sorted(
                            pair.confusion.cells.items(), key=lambda each: (-each[1], str(each[0]))
                        )
                    ],
                }
                for pair in self.pairs
            ],
            "disagreements": [each.as_dict(names, annotators.corpus.path) for each in self.disagreements],
        }
        return describe("agreement", facts)


class _PairCounts:
    """The spans of two annotators, counted as they come."""

    def __init__(self, annotators: Annotators, first: int, second: int) -> None:
        self.places = first, second
        self._spans = SpanCounts(annotators.corpus.scheme, annotators.task)
        self._matches = MatchCounts()
        self._rows = RowCounts()

    def add(self, opinions: Opinions) -> Row:
        """Count a sentence; return how many spans the one has, the other, and both."""
        (one, other), _ = opinions.decided(self.places)
        pair = Pair(one, other, len(opinions.sentence))
        tags = count_right_tags(*(opinions.tags[place] for place in self.places))
        self._spans.add(pair, (), *tags)
        self._matches.add(align(one, other))
        self._rows.add(pair, *tags)
        return count_row(one, other)

    def conclude(self, kappa: Kappa) -> PairAgreement:
        return PairAgreement(
            annotators=self.places,
            scores=self._spans.scores(),
            interval=self._rows.span_interval(),
            type_intervals=self._rows.type_intervals(),
            kappa=kappa,
            confusion=self._matches.confusion(),
        )


def measure_agreement(annotators: Annotators) -> AnnotatorAgreement:
    """Go through the sentences once and count."""
    number = len(annotators.names)
    pairs = [_PairCounts(annotators, *places) for places in combinations(range(number), 2)]
    units = UnitizingCounts(number)
    rows: Counter[tuple[str, ...]] = Counter()  # the tags that a token has from all annotators
    counts: Counter[Row] = Counter()  # the numbers of a sentence, three of each pair
    for opinions in annotators:
        rows.update(zip(*opinions.tags, strict=True))
        counts[tuple(chain.from_iterable([pair.add(opinions) for pair in pairs]))] += 1
        units.add(*_close_gaps(opinions))
    return AnnotatorAgreement(
        annotators=annotators,
        pairs=tuple(pair.conclude(measure_cohen(_select(rows, pair.places))) for pair in pairs),
        interval=bootstrap_rows(counts, _mean_f1),
        fleiss=measure_fleiss(_select(rows, range(number))) if number > 2 else None,
        types=units.of_types(),
    )


def _mean_f1(counts: Counts) -> npt.NDArray[np.float64]:
    """Return (R,) means over pairs of F1 of (R, 3 pairs) counts."""
    means: npt.NDArray[np.float64] = f1_of_counts(counts.reshape(len(counts), -1, 3)).mean(axis=1)
    return means


def _select(rows: Counter[tuple[str, ...]], annotators: range | tuple[int, int]) -> Counter[tuple[str, ...]]:
    """Return the tags from some annotators, where all of them know the tag."""
    selected: Counter[tuple[str, ...]] = Counter()
    for tags, count in rows.items():
        chosen = tuple(tags[each] for each in annotators)
        if UNKNOWN_TAG not in chosen:
            selected[chosen] += count
    return selected


def _close_gaps(opinions: Opinions) -> tuple[list[list[Span]], int]:
    """Return all spans and the length of the sentence, without the tokens that count for nothing."""
    spans, open_ = opinions.decided(range(len(opinions.spans)))
    length = len(opinions.sentence)
    if not open_:
        return spans, length
    places = [0]  # where a token comes to stand
    for token in range(length):
        places.append(places[-1] + (token not in open_))
    moved = [[Span(type_, places[start], places[end]) for type_, start, end in found] for found in spans]
    return moved, places[-1]
