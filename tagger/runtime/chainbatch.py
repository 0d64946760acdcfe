"""Chains of tokens, sentences as a rule, laid out side by side for a decoder.

Their scores lie one after the other in one array; a batch takes those of chains of like length out of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

MOST_CHAINS = 256
_BATCH_TOKENS = 8192  # of a batch, padded


@dataclass(frozen=True, slots=True)
class ChainBatch:
    """B chains of like length, time first.

    Attributes:
        numbers: (B,) which ones of those that were to be batched.
        sizes: (B,) tokens of each.
        places: (T, B) where each token stands among all tokens; the chain's first beyond its end.
        inside: (T, B) whether the token exists.
    """

    numbers: Ints
    sizes: Ints
    places: Ints
    inside: NDArray[np.bool_]

    def take(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return (T, B, K) of (N, K) values."""
        return values.take(self.places, axis=0)

    def take_allowed(self, allowed: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
        """Return (T, B, K) which tags each token may have; None: any."""
        return None if allowed is None else self.take(allowed)


def batch_chains(starts: Ints, sizes: Ints, most: int = MOST_CHAINS) -> Iterator[ChainBatch]:
    """Batch chains by length.

    Args:
        starts: where each begins among all tokens.
        sizes: tokens of each, at least 1.
        most: chains in a batch.
    """
    order = np.argsort(-sizes, kind="stable")
    at = 0
    while at < len(order):
        longest = int(sizes[order[at]])
        numbers = order[at : at + max(1, min(most, _BATCH_TOKENS // longest))]
        steps = np.arange(longest)[:, None]
        inside = steps < sizes[numbers]
        places = np.where(inside, starts[numbers] + steps, starts[numbers])
        yield ChainBatch(numbers, sizes[numbers], places, inside)
        at += len(numbers)
