"""Chains of tokens, sentences as a rule, laid out side by side for a decoder.

Their scores lie one after the other in one tensor; a batch takes those of chains of like length out of it. Nothing
here knows what the scores mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Ints = NDArray[np.int64]

MOST_CHAINS = 256
_BATCH_TOKENS = 8192  # of a batch, padded


@dataclass(frozen=True, slots=True)
class Chains:
    """B chains of like length, time first.

    Attributes:
        numbers: (B,) which ones of those that were to be batched.
        sizes: (B,) tokens of each.
        places: (S, B) where each token stands among all tokens; the chain's first beyond its end.
        inside: (S, B) whether the token exists.
    """

    numbers: Ints
    sizes: Ints
    places: Ints
    inside: NDArray[np.bool_]

    def lengths(self, device: torch.device) -> Tensor:
        """Return (B,) tokens of each."""
        return torch.from_numpy(self.sizes).to(device)

    def take(self, values: Tensor, device: torch.device) -> Tensor:
        """Return (S, B, K) of (N, K) values."""
        flat = values.index_select(0, torch.from_numpy(self.places.reshape(-1)))
        return flat.view(*self.places.shape, -1).to(device)

    def options(self, allowed: Tensor | None, device: torch.device) -> Tensor | None:
        """Return (S, B, K) which tags each token may have; None: any."""
        return None if allowed is None else self.take(allowed, device)


def batch_chains(starts: Ints, sizes: Ints, most: int = MOST_CHAINS) -> Iterator[Chains]:
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
        yield Chains(
            numbers, sizes[numbers], np.where(inside, starts[numbers] + steps, starts[numbers]), inside
        )
        at += len(numbers)
