"""Convolution over the characters of words, then the maximum over positions, read from tables.

Alphabets are small and corpora are not, so what a filter makes of a character at the k-th place of its window,
`M_k e(c)`, is looked up in a table with a row for each character of the alphabet instead of being computed at every
position. Nothing here knows how those tables come about.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from tagger.text.vocab import PAD


def convolve(characters: Tensor, tables: Sequence[Tensor], before: int = 0) -> Tensor:
    """Return `max_i sum_k tables[k][c[i + k - before]]` over the positions i inside a word, (U, F).

    Args:
        characters: (U, C) rows of the tables, padded with 0; a window may reach beyond the word, into padding.
        tables: for each place of the window (A, F_k), F = F_0 >= F_1 >= ...: the filters that reach the k-th place
            are the first ones.
        before: how many places of the window stand before position i.
    """
    padded = functional.pad(characters, (before, len(tables) - 1 - before))
    outside = characters == PAD
    outside[:, 0] = False  # a word without characters, such as padding, still has a finite maximum
    if torch.is_grad_enabled():
        return cast(Tensor, _Convolution.apply(padded, outside, *tables))  # type: ignore[no-untyped-call]
    return _sums(padded, outside, tables).amax(1)


def _sums(padded: Tensor, outside: Tensor, tables: Sequence[Tensor]) -> Tensor:
    """Return (U, C, F) what each filter finds at each position, minus infinity outside the word."""
    size = outside.shape[1]
    first, *others = tables
    found = functional.embedding(padded[:, :size], first)
    for place, table in enumerate(others, start=1):
        found[..., : table.shape[1]] += functional.embedding(padded[:, place : place + size], table)
    return found.masked_fill_(outside.unsqueeze(-1), float("-inf"))


class _Convolution(torch.autograd.Function):
    """Only the window with the maximum has a gradient, so one row of each table for each word and filter has one."""

    @staticmethod
    def forward(ctx: Any, padded: Tensor, outside: Tensor, *tables: Tensor) -> Tensor:
        highest, winner = _sums(padded, outside, tables).max(1)  # (U, F) both
        ctx.save_for_backward(padded, winner)
        ctx.shapes = [table.shape for table in tables]
        return highest

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        padded, winner = ctx.saved_tensors
        (gradient,) = gradients
        found = []
        for place, (rows, filters) in enumerate(ctx.shapes):
            read = padded.gather(1, winner[:, :filters] + place)  # (U, F_k)
            found.append(gradient.new_zeros(rows, filters).scatter_add_(0, read, gradient[:, :filters]))
        return (None, None, *found)
