"""Which of two roads the recursions of a batch take: scaled probabilities in a floating type, or logarithms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from tagger.runtime.chain.constraints import Bools

_RANGE = {4: 80.0, 8: 650.0}
"""Nats between 1 and the smallest normal number of a type of so many bytes (87.3 and 708.4), less a margin for
rounding."""

_LONGEST_STRIDE = 16
"""Time steps between two normalisations; beyond it nothing is saved that can be measured."""


class _FloatingType(Protocol):
    """A dtype, of numpy or of torch."""

    @property
    def itemsize(self) -> int: ...


Dtype = TypeVar("Dtype", bound=_FloatingType)


class Road(NamedTuple, Generic[Dtype]):
    """The scaled road: in which type, and every how many time steps the messages are normalised."""

    dtype: Dtype
    stride: int


def choose_road(spread: float, K: int, d: int, types: Sequence[Dtype]) -> Road[Dtype] | None:
    """Return the cheapest scaled road on which no weight that matters can underflow; None: take logarithms.

    Let r be how far the log-potentials of one time step lie apart (`spread`), all of them at most 0. A step lowers
    the largest message by at most r and raises the sum by at most log K. As the paths to two tags can be joined
    within d steps, the messages of two reachable tags differ by at most d r + (d - 1) log K. If s steps go
    without normalisation, the sum of alpha beta, the smallest number that we divide by, is therefore above
    exp(-(2 s + d + 1) r - (d + 1) log K), and below exp(2 (s + 1) log K).

    Args:
        spread: r, in nats.
        K: how many tags.
        d: steps within which any two paths can be joined.
        types: floating types of 4 or 8 bytes that may be used, the cheapest first.
    """
    r, log_k = max(spread, 1.0), max(math.log(K), 0.5)
    for dtype in types:
        limit = _RANGE[dtype.itemsize]
        below = ((limit - (d + 1) * log_k) / r - d - 1) / 2  # NaN for NaN scores, negative for infinite ones
        spare = min(below, limit / (2 * log_k) - 1, _LONGEST_STRIDE - 1)
        if below >= 0 and spare >= 0:
            return Road(dtype, int(spare) + 1)
    return None


def measure_lookback(allowed: Bools, d: int | None) -> int:
    """Return what takes the place of the exponent d in a batch with sets of allowed tags (T, B, K).

    Two paths can be joined at a token with a single allowed tag, or across d - 1 tokens without restrictions.
    In between, each partly restricted token adds one step.
    """
    sizes = allowed.sum(-1)  # (T, B)
    steps = np.arange(len(allowed))[:, None]
    joined = sizes == 1
    if d is not None:
        restricted = np.maximum.accumulate(np.where(sizes < allowed.shape[-1], steps, -1))
        joined |= steps - restricted >= d - 1
    latest = np.maximum.accumulate(np.where(joined, steps, -1))
    return int((steps - latest).max()) + 2 * (d or 1)
