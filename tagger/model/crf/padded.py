"""Time-major batches of sentences of unequal length: which tokens exist, and sentences read from their end.

Knows padding alone. Rows are rows of a (T * B, ...) view of values (T, B, ...): token t of sentence b is row t B + b,
and reading whole rows in another order is the cheapest way to move tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class PaddedLayout:
    """Where the tokens of B sentences are."""

    lengths: Tensor  # (B,) int64, at least 1 each
    mask: Tensor  # (T, B) bool: which tokens exist
    filled: Tensor  # (T * B,) int64: each row itself, in the padding the sentence's first row
    mirrored: Tensor  # (T * B,) int64: each sentence backwards, the padding where it was; an involution
    last: Tensor  # (B,) int64: the row of each sentence's last token

    @classmethod
    def of(cls, lengths: Tensor, T: int) -> PaddedLayout:
        """Lay out sentences of these lengths (B,) in T time steps."""
        B, device = len(lengths), lengths.device
        first_rows = torch.arange(B, device=device)
        steps = torch.arange(T, device=device).unsqueeze(1)
        mask, starts = steps < lengths, steps * B
        own = starts + first_rows
        last = (lengths - 1) * B + first_rows
        filled = torch.where(mask, own, first_rows).view(T * B)
        mirrored = torch.where(mask, last - starts, own).view(T * B)
        return cls(lengths, mask, filled, mirrored, last)

    def twice(self) -> PaddedLayout:
        """Return the layout of 2 B sentences: these, and these again beside them."""
        return PaddedLayout.of(self.lengths.repeat(2), len(self.mask))


def token_mask(lengths: Tensor, T: int) -> Tensor:
    """Return (T, B) bool: which tokens exist."""
    return torch.arange(T, device=lengths.device).unsqueeze(1) < lengths


def reorder(values: Tensor, rows: Tensor, out: Tensor | None = None) -> Tensor:
    """Return values (T, B, ...) in the order of rows (T * B,), in the same shape."""
    target = None if out is None else out.flatten(0, 1)
    return torch.index_select(values.flatten(0, 1), 0, rows, out=target).view(values.shape)


def pick(values: Tensor, rows: Tensor) -> Tensor:
    """Return the rows (N,) of values (T, B, ...), (N, ...)."""
    return values.flatten(0, 1).index_select(0, rows)
