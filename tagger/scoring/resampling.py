"""How sure a score is: confidence intervals and paired tests by resampling sentences.

Sentences are the units: tags within one depend on each other. All statistics here are functions of sums over
sentences of a few whole numbers, and sentences with equal numbers are interchangeable. So a resample of n
sentences is drawn as one multinomial over the distinct rows of numbers, of which there are some hundreds
however large the corpus: the distribution is that of drawing sentence by sentence, the cost isn't.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tagger.scoring.counts import Pair
from tagger.scoring.exact import count_right_tags
from tagger.text.schemes import Scheme, Span

Row = tuple[int, ...]  # of numbers of a sentence
Counts = npt.NDArray[np.int64]
Statistic = Callable[[Counts], npt.NDArray[np.float64]]

RESAMPLES = 1_000
TRIALS = 10_000
_MOST_WEIGHTS = 4_000_000  # drawn at once: 32 MB


class Interval(NamedTuple):
    """The bounds between which 95 % of the resampled scores lie.

    >>> str(Interval(0.9366, 0.9616))  # in per cent
    '93.66 to 96.16'
    """

    low: float
    high: float

    def __str__(self) -> str:
        return f"{100 * self.low:.2f} to {100 * self.high:.2f}"


class Comparison(NamedTuple):
    """Two systems on the same sentences.

    `p_value` is the probability of a difference at least as large as this one, in either direction, if it
    were a matter of chance which system gave which answer.
    """

    first: float
    second: float
    p_value: float
    trials: int

    @property
    def difference(self) -> float:
        return self.second - self.first


def count_spans(pairs: Iterable[Pair]) -> Counts:
    """Count gold, predicted and correct spans per sentence: (N, 3)."""
    numbers = (number for gold, predicted, _ in pairs for number in count_row(gold, predicted))
    return np.fromiter(numbers, dtype=np.int64).reshape(-1, 3)


def count_row(gold: Sequence[Span], predicted: Sequence[Span]) -> Row:
    """Count gold, predicted and correct spans of one sentence."""
    if not gold and not predicted:
        return 0, 0, 0
    known, found = set(gold), set(predicted)
    return len(known), len(found), len(known & found)


def count_tags(gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]]) -> Counts:
    """Count the tokens whose gold tag is known, and the right tags among them, per sentence: (N, 2)."""
    pairs = zip(gold, predicted, strict=True)
    numbers = (number for each in pairs for number in count_right_tags(*each))
    return np.fromiter(numbers, dtype=np.int64).reshape(-1, 2)


class RowCounts:
    """How often each row of numbers came: all that resampling asks of sentences, in a few bytes.

    Rows of spans are gold, predicted, correct; over all types, and of each type apart. Rows of tags are known, right.
    """

    def __init__(self) -> None:
        self._spans: Counter[Row] = Counter()
        self._tags: Counter[Row] = Counter()
        self._types: dict[str, Counter[Row]] = {}

    def add(self, pair: Pair, known: int, right: int) -> None:
        """Count a sentence: its spans, and its tokens as `count_right_tags` counts them."""
        self._tags[known, right] += 1
        gold, predicted = set(pair.gold), set(pair.predicted)
        both = gold & predicted
        self._spans[len(gold), len(predicted), len(both)] += 1
        rows: dict[str, list[int]] = {}
        for column, spans in enumerate((gold, predicted, both)):
            for span in spans:
                rows.setdefault(span.type, [0, 0, 0])[column] += 1
        for type_, row in rows.items():
            self._types.setdefault(type_, Counter())[tuple(row)] += 1

    def headline_interval(self, scheme: Scheme, *, resamples: int = RESAMPLES) -> Interval:
        """Return the 95 % interval of `Scores.headline`: of the accuracy for bare labels, else of micro F1."""
        if scheme is Scheme.BARE:
            return bootstrap_rows(self._tags, accuracy_of_counts, resamples=resamples)
        return self.span_interval(resamples=resamples)

    def span_interval(self, *, resamples: int = RESAMPLES) -> Interval:
        """Return the 95 % interval of micro F1 of spans."""
        return bootstrap_rows(self._spans, f1_of_counts, resamples=resamples)

    def type_intervals(self, *, resamples: int = RESAMPLES) -> dict[str, Interval]:
        """Return the 95 % interval of the F1 of each type; types with the same rows have the same."""
        sentences = self._spans.total()
        known: dict[frozenset[tuple[Row, int]], Interval] = {}
        found = {}
        for type_, rows in sorted(self._types.items()):
            key = frozenset(rows.items())
            if key not in known:
                elsewhere = sentences - rows.total()
                whole = Counter({(0, 0, 0): elsewhere} if elsewhere else {}) + rows
                known[key] = bootstrap_rows(whole, f1_of_counts, resamples=resamples)
            found[type_] = known[key]
        return found


def f1_of_counts(counts: Counts) -> npt.NDArray[np.float64]:
    """F1 = 2 correct / (gold + predicted) of (..., 3) counts; 0 where all of them are 0."""
    return _share(2 * counts[..., 2], counts[..., 0] + counts[..., 1])


def precision_of_counts(counts: Counts) -> npt.NDArray[np.float64]:
    """Precision = correct / predicted of (..., 3) counts."""
    return _share(counts[..., 2], counts[..., 1])


def recall_of_counts(counts: Counts) -> npt.NDArray[np.float64]:
    """Recall = correct / gold of (..., 3) counts."""
    return _share(counts[..., 2], counts[..., 0])


def accuracy_of_counts(counts: Counts) -> npt.NDArray[np.float64]:
    """Accuracy = right / tokens of (..., 2) counts of tokens and right tags."""
    return _share(counts[..., 1], counts[..., 0])


def _share(part: Counts, whole: Counts) -> npt.NDArray[np.float64]:
    return part / np.maximum(whole, 1)  # where the whole is 0, so is the part


def bootstrap(
    counts: Counts, statistic: Statistic = f1_of_counts, *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Return the 95 % percentile interval (Efron and Tibshirani 1993, chapter 13) of a statistic of the sums.

    Args:
        counts: (N, C) numbers per sentence.
        statistic: from (R, C) sums to (R,) scores.
        resamples: how often N sentences are drawn with replacement.
        seed: of the random generator; the same seed gives the same interval.
    """
    assert resamples > 0, "an interval needs at least one resample"
    if not len(counts):
        only = float(statistic(np.zeros((1, counts.shape[1]), dtype=np.int64))[0])
        return Interval(only, only)
    rows, frequency = np.unique(counts, axis=0, return_counts=True)
    return _resample(rows, frequency, statistic, resamples, seed)


def bootstrap_rows(
    rows: Mapping[Row, int], statistic: Statistic, *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Return what `bootstrap` does, of rows that are given once each, with their frequency."""
    if not rows:
        return Interval(0.0, 0.0)
    ordered = sorted(rows)
    frequency = np.array([rows[row] for row in ordered], dtype=np.int64)
    return _resample(np.array(ordered, dtype=np.int64), frequency, statistic, resamples, seed)


def _resample(rows: Counts, frequency: Counts, statistic: Statistic, resamples: int, seed: int) -> Interval:
    """Draw sentences: those with equal rows are interchangeable."""
    sentences = int(frequency.sum())
    generator = np.random.default_rng(seed)
    size = max(
        1, _MOST_WEIGHTS // len(rows)
    )  # resamples at once; the numbers drawn are the same however many
    blocks = [
        generator.multinomial(sentences, frequency / sentences, size=min(size, resamples - begin)) @ rows
        for begin in range(0, resamples, size)
    ]  # weights (R, distinct rows) @ rows (distinct rows, C)
    sums = np.concatenate(blocks)  # (R, C)
    if sums.any():
        sums = sums[sums.any(axis=1)]  # a resample without a single count says nothing
    low, high = np.quantile(statistic(sums), (0.025, 0.975))
    return Interval(float(low), float(high))


def compare(
    first: Counts,
    second: Counts,
    statistic: Statistic = f1_of_counts,
    *,
    trials: int = TRIALS,
    seed: int = 0,
) -> Comparison:
    """Compare two systems by approximate randomisation (Noreen 1989; Yeh 2000, "More accurate tests").

    In each trial the answers of the two systems are swapped, sentence by sentence, with probability 1/2; the
    p-value is (1 + trials whose absolute difference reaches the observed one) / (1 + trials).

    Args:
        first: (N, C) numbers per sentence of the first system.
        second: (N, C) numbers of the second one for the same sentences.
        statistic: from (R, C) sums to (R,) scores.
        trials: how often answers are swapped.
        seed: of the random generator.
    """
    assert first.shape == second.shape, "both systems must have answered the same sentences"
    sums = np.stack([first.sum(axis=0), second.sum(axis=0)])
    observed = statistic(sums)
    changes, frequency = np.unique(second - first, axis=0, return_counts=True)
    generator = np.random.default_rng(seed)
    swapped = generator.binomial(frequency, 0.5, size=(trials, len(frequency)))  # (R, distinct changes)
    moved = swapped @ changes  # (R, C) what the first system gains and the second one loses
    differences = np.abs(statistic(sums[1] - moved) - statistic(sums[0] + moved))
    reached = int(np.count_nonzero(differences >= abs(observed[1] - observed[0]) - 1e-12))
    return Comparison(float(observed[0]), float(observed[1]), (1 + reached) / (1 + trials), trials)
