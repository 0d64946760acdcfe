"""Whether confidences mean what they say: of the spans given 0.8, are 80 % right?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tagger.errors import DataError

BINS = 10


class Bin(NamedTuple):
    """The `size` predictions with a confidence in (low, high], or 0 in the first bin; means are 0 if none."""

    low: float
    high: float
    size: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Ten bins of equal width, and two numbers over all predictions (0 without any).

    `expected_error` is sum over bins of size / count * |accuracy - confidence| (expected calibration error;
    Guo et al. 2017, equation 5). `brier` is the mean of (confidence - correct)^2 (Brier 1950).
    """

    bins: tuple[Bin, ...]
    count: int
    expected_error: float
    brier: float

    def as_dict(self) -> dict[str, object]:
        return {
            "expected_error": self.expected_error,
            "brier": self.brier,
            "count": self.count,
            "bins": [each._asdict() for each in self.bins],
        }


def calibrate(confidences: Sequence[float], correct: Sequence[bool]) -> Calibration:
    """Compare confidences with what came true.

    Args:
        confidences: a probability per prediction.
        correct: whether that prediction was right.
    """
    probability = np.asarray(confidences, dtype=np.float64)
    right = np.asarray(correct, dtype=np.float64)
    if probability.shape != right.shape:
        raise DataError(f"{len(probability)} confidences for {len(right)} predictions; expected one for each")
    outside = ~((probability >= 0) & (probability <= 1))
    if outside.any():
        raise DataError(f"a confidence of {probability[outside][0]}; expected a probability between 0 and 1")
    index = np.clip(np.ceil(probability * BINS).astype(np.int64) - 1, 0, BINS - 1)
    counts = np.bincount(index, minlength=BINS)
    means = np.bincount(index, weights=probability, minlength=BINS) / np.maximum(counts, 1)
    shares = np.bincount(index, weights=right, minlength=BINS) / np.maximum(counts, 1)
    total = len(probability)
    return Calibration(
        bins=tuple(
            Bin(i / BINS, (i + 1) / BINS, int(counts[i]), float(means[i]), float(shares[i]))
            for i in range(BINS)
        ),
        count=total,
        expected_error=float((counts * np.abs(shares - means)).sum() / max(total, 1)),
        brier=float(((probability - right) ** 2).sum() / max(total, 1)),
    )
