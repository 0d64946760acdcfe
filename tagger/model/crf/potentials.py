"""The scores that all sentences share, and how far apart messages can drift where tags are known in part.

What constraints forbid, and how soon two paths can meet under them, is worked out in `tagger.runtime.chain`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tagger.runtime.chain import FORBIDDEN

if TYPE_CHECKING:
    from tagger.text.schemes import Constraints


@dataclass(frozen=True, slots=True)
class Potentials:
    """Log-potentials of a linear chain in one vector, transitions, start and end, so that one call treats all."""

    packed: Tensor  # (K * K + 2 K,)
    K: int
    constrained: bool

    @classmethod
    def of(
        cls, start: Tensor, transitions: Tensor, end: Tensor, possible: Tensor | None = None
    ) -> Potentials:
        """Pack start (K,), transitions (K, K) and end (K,), FORBIDDEN where the packed mask is False."""
        packed = torch.cat((transitions.reshape(-1), start, end))
        if possible is not None:
            packed = torch.where(possible, packed, FORBIDDEN)
        return cls(packed, len(start), possible is not None)

    @property
    def transitions(self) -> Tensor:
        """(K, K): [i, j] is the score of going from tag i to tag j."""
        return self.packed[: self.K**2].view(self.K, self.K)

    @property
    def start(self) -> Tensor:
        """(K,): score of beginning with a tag."""
        return self.packed[self.K**2 : -self.K]

    @property
    def end(self) -> Tensor:
        """(K,): score of ending with a tag."""
        return self.packed[-self.K :]

    def to(self, dtype: torch.dtype) -> Potentials:
        """Return the chain in another floating type."""
        return Potentials(self.packed.to(dtype), self.K, self.constrained)

    def weights(self) -> tuple[Potentials, Tensor]:
        """Return exp(scores - top), potentials of at most 1 that are 0 where forbidden, and top, ()."""
        top = self.packed.max()
        return Potentials((self.packed - top).exp_(), self.K, self.constrained), top

    def range(self) -> tuple[Tensor, Tensor]:
        """Return the lowest and the highest score of a possible move, () each."""
        if not self.constrained:
            low, high = self.packed.aminmax()
            return low, high
        high = self.packed.max()
        return torch.where(self.packed > FORBIDDEN / 2, self.packed, high).min(), high


def pack(constraints: Constraints) -> Tensor:
    """Return the constraints as a mask (K * K + 2 K,) in the order of `Potentials`."""
    start, transitions, end = (torch.from_numpy(mask) for mask in constraints)
    return torch.cat((transitions.reshape(-1), start, end))


def lookback(allowed: Tensor, d: int | None) -> Tensor:
    """Return what takes the place of the exponent d in a batch with sets of allowed tags (T, B, K) bool, ().

    Two paths can be joined at a token with a single allowed tag, or across d - 1 tokens without restrictions.
    In between, each partly restricted token adds one step.
    """
    T = allowed.shape[0]
    sizes = allowed.sum(-1)  # (T, B)
    steps = torch.arange(T, device=allowed.device).unsqueeze(1).expand_as(sizes)
    joined = sizes == 1
    if d is not None:
        restricted = torch.where(sizes < allowed.shape[-1], steps, -1).cummax(0).values
        joined |= steps - restricted >= d - 1
    latest = torch.where(joined, steps, -1).cummax(0).values
    return (steps - latest).max() + 2 * (d or 1)
