"""How sure a score is: confidence intervals and paired tests by resampling sentences.

Sentences are the units: tags within one depend on each other. All statistics here are functions of sums over
sentences of a few whole numbers, and sentences with equal numbers are interchangeable. So a resample of n
sentences is drawn as one multinomial over the distinct rows of numbers, of which there are some hundreds
however large the corpus: the distribution is that of drawing sentence by sentence, the cost isn't.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tagger.scoring.exact import Pair, Scores
from tagger.text.schemes import UNKNOWN_TAG, Scheme

Counts = npt.NDArray[np.int64]
Statistic = Callable[[Counts], npt.NDArray[np.float64]]

RESAMPLES = 1_000
TRIALS = 10_000


class Interval(NamedTuple):
    """The bounds between which 95 % of the resampled scores lie."""

    low: float
    high: float


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


def count_spans(pairs: Sequence[Pair]) -> Counts:
    """Count gold, predicted and correct spans per sentence: (N, 3)."""
    rows = np.zeros((len(pairs), 3), dtype=np.int64)
    for row, (gold, predicted, _) in zip(rows, pairs, strict=True):
        if gold or predicted:
            row[:] = len(set(gold)), len(set(predicted)), len(set(gold) & set(predicted))
    return rows


def count_spans_by_type(pairs: Sequence[Pair]) -> dict[str, Counts]:
    """Count gold, predicted and correct spans per sentence, each type apart: (N, 3) each."""
    counts: dict[str, Counts] = {}
    for index, (gold, predicted, _) in enumerate(pairs):
        for column, spans in enumerate((set(gold), set(predicted), set(gold) & set(predicted))):
            for span in spans:
                if span.type not in counts:
                    counts[span.type] = np.zeros((len(pairs), 3), dtype=np.int64)
                counts[span.type][index, column] += 1
    return dict(sorted(counts.items()))


def count_tags(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> Counts:
    """Count the tokens whose gold tag is known, and the right tags among them, per sentence: (N, 2)."""
    rows = [
        (
            len(expected) - expected.count(UNKNOWN_TAG),
            sum(a == b != UNKNOWN_TAG for a, b in zip(expected, found, strict=True)),
        )
        for expected, found in zip(gold, predicted, strict=True)
    ]
    return np.array(rows, dtype=np.int64).reshape(-1, 2)


def f1_of_counts(counts: Counts) -> npt.NDArray[np.float64]:
    """F1 = 2 correct / (gold + predicted) of (..., 3) counts; 1 where all of them are 0."""
    whole = counts[..., 0] + counts[..., 1]
    return np.where(whole == 0, 1.0, 2 * counts[..., 2] / np.maximum(whole, 1))


def precision_of_counts(counts: Counts) -> npt.NDArray[np.float64]:
    """Precision = correct / predicted of (..., 3) counts."""
    return _share(counts[..., 2], counts[..., 1], counts[..., 0])


def recall_of_counts(counts: Counts) -> npt.NDArray[np.float64]:
    """Recall = correct / gold of (..., 3) counts."""
    return _share(counts[..., 2], counts[..., 0], counts[..., 1])


def _share(correct: Counts, whole: Counts, other: Counts) -> npt.NDArray[np.float64]:
    empty = np.where(other == 0, 1.0, 0.0)
    return np.where(whole == 0, empty, correct / np.maximum(whole, 1))


def accuracy_of_counts(counts: Counts) -> npt.NDArray[np.float64]:
    """Accuracy = right / tokens of (..., 2) counts of tokens and right tags."""
    return np.where(counts[..., 0] == 0, 1.0, counts[..., 1] / np.maximum(counts[..., 0], 1))


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
    generator = np.random.default_rng(seed)
    weights = generator.multinomial(
        len(counts), frequency / len(counts), size=resamples
    )  # (R, distinct rows)
    sums = weights @ rows  # (R, C)
    if sums.any():
        sums = sums[sums.any(axis=1)]  # a resample without a single count says nothing
    low, high = np.quantile(statistic(sums), (0.025, 0.975))
    return Interval(float(low), float(high))


def headline_interval(
    scores: Scores,
    pairs: Sequence[Pair],
    gold: Sequence[Sequence[str]],
    predicted: Sequence[Sequence[str]],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return the 95 % interval of `scores.headline`: of the accuracy for bare labels, else of micro F1."""
    if scores.scheme is Scheme.BARE:
        return bootstrap(count_tags(gold, predicted), accuracy_of_counts, resamples=resamples, seed=seed)
    return bootstrap(count_spans(pairs), resamples=resamples, seed=seed)


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
