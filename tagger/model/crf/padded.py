"""Time-major batches of sentences of unequal length: which tokens exist, and sentences read from their end.

Knows padding alone: `lengths` (B,) int64, at least 1 each, and values (T, B, ...) whose rows beyond a length mean
nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor


def token_mask(lengths: Tensor, T: int) -> Tensor:
    """Return (T, B) bool: which tokens exist."""
    return torch.arange(T, device=lengths.device).unsqueeze(1) < lengths


def mirrored_steps(lengths: Tensor, T: int) -> Tensor:
    """Return (T, B) int64: the time step to read so that each sentence runs backwards within its own length.

    Padding stays behind, so reading twice gives the original order.
    """
    steps = torch.arange(T, device=lengths.device).unsqueeze(1)
    return torch.where(steps < lengths, lengths - 1 - steps, steps)


def flat_rows(steps: Tensor) -> Tensor:
    """Return (T * B,) int64: the rows of a (T * B, K) view that `steps` (T, B) names."""
    T, B = steps.shape
    return (steps * B + torch.arange(B, device=steps.device)).view(T * B)


def read_rows(values: Tensor, rows: Tensor, out: Tensor | None = None) -> Tensor:
    """Return values (T, B, K) in the order of `rows` (T * B,), whole rows at a time."""
    T, B, K = values.shape
    target = None if out is None else out.view(T * B, K)
    return torch.index_select(values.reshape(T * B, K), 0, rows, out=target).view(T, B, K)


def last_rows(lengths: Tensor) -> Tensor:
    """Return (B,) int64: the row of each sentence's last token in a (T * B, ...) view."""
    B = len(lengths)
    return (lengths - 1) * B + torch.arange(B, device=lengths.device)
