"""Convolution over the characters of words, then the maximum over positions, read from tables.

Alphabets are small and corpora are not, so what a filter makes of a character at the k-th place of its window,
`M_k e(c)`, is looked up in a table with a row for each character of the alphabet instead of being computed at every
position. Only positions inside a word are visited; how many there are, a device that runs ahead (`model.device`)
tells only to those who wait, so there all are. Nothing here knows how those tables come about.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from tagger.model.device import runs_ahead
from tagger.text.vocab import PAD


def convolve(characters: Tensor, tables: Sequence[Tensor], before: int = 0) -> Tensor:
    """Return `max_i sum_k tables[k][c[i + k - before]]` over the positions i inside a word, (U, F).

    Args:
        characters: (U, C) rows of the tables, padded with 0; a window may reach beyond the word, into padding.
        tables: for each place of the window (A, F_k), F = F_0 >= F_1 >= ...: the filters that reach the k-th place
            are the first ones.
        before: how many places of the window stand before position i.
    """
    if runs_ahead(characters.device):
        return cast(Tensor, _EveryPosition.apply(characters, before, *tables))  # type: ignore[no-untyped-call]
    windows = _cut(characters, len(tables), before)
    if torch.is_grad_enabled():
        return cast(Tensor, _Convolution.apply(*windows, len(characters), *tables))  # type: ignore[no-untyped-call]
    return _highest(_sums(windows.characters, tables), windows, len(characters))


class _Windows(NamedTuple):
    """The P windows of a batch of words.

    Attributes:
        words: (P,) whose each window is.
        characters: (P, W) rows of the tables.
    """

    words: Tensor
    characters: Tensor


def _cut(characters: Tensor, width: int, before: int) -> _Windows:
    """Cut the windows of (U, C) characters; a word without characters, such as padding, has one of padding."""
    words, starts = _inside(characters).nonzero(as_tuple=True)
    return _Windows(words, _around(characters, width, before)[words, starts])


def _inside(characters: Tensor) -> Tensor:
    """Return (U, C), which positions are inside a word; a word without characters, such as padding, has one."""
    inside = characters != PAD
    inside[:, 0] = True
    return inside


def _around(characters: Tensor, width: int, before: int) -> Tensor:
    """Return (U, C, W), the window of every position."""
    return functional.pad(characters, (before, width - 1 - before)).unfold(1, width, 1)


def _sums(windows: Tensor, tables: Sequence[Tensor]) -> Tensor:
    """Return (P, F) what each filter finds in each window (P, W): the sum of a bag of rows, one from each table."""
    rows, filters = tables[0].shape
    table = tables[0].new_zeros(len(tables), rows, filters)
    for place, each in enumerate(tables):
        table[place, :, : each.shape[1]] = each
    return functional.embedding_bag(windows + _first_rows(tables), table.flatten(0, 1), mode="sum")


def _first_rows(tables: Sequence[Tensor]) -> Tensor:
    """Return (W,), where each table begins in one that holds them all."""
    rows = len(tables[0])
    return torch.arange(0, len(tables) * rows, rows, device=tables[0].device)


def _highest(found: Tensor, windows: _Windows, size: int) -> Tensor:
    """Return (U, F) the maximum over each word's windows."""
    lowest = found.new_full((size, found.shape[1]), float("-inf"))
    return lowest.scatter_reduce_(0, windows.words.unsqueeze(1).expand_as(found), found, "amax")


class _Convolution(torch.autograd.Function):
    """Only a word's window with the maximum has a gradient; equal ones share it."""

    @staticmethod
    def forward(ctx: Any, words: Tensor, characters: Tensor, size: int, *tables: Tensor) -> Tensor:
        windows = _Windows(words, characters)
        found = _sums(characters, tables)
        highest = _highest(found, windows, size)
        ctx.save_for_backward(words, characters, found, highest)
        ctx.shapes = [table.shape for table in tables]
        return highest

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        words, characters, found, highest = ctx.saved_tensors
        hits = (found - highest.index_select(0, words)).sign_().add_(1)  # (P, F), 1 or 0; quicker than ==
        shares = gradients[0] / torch.zeros_like(highest).index_add_(0, words, hits)
        spread = hits.mul_(shares.index_select(0, words))
        by_table = [
            spread.new_zeros(shape).index_add_(0, read, spread[:, : shape[1]])
            for shape, read in zip(ctx.shapes, characters.unbind(1), strict=True)
        ]
        return (None, None, None, *by_table)


class _EveryPosition(torch.autograd.Function):
    """The same over all positions of (U, C), those beyond a word as low as can be.

    The first of equal windows has the gradient. Windows whose sums are equal by more than chance hold the same
    characters, so it goes to the same rows of the tables as above.
    """

    @staticmethod
    def forward(ctx: Any, characters: Tensor, before: int, *tables: Tensor) -> Tensor:
        windows = _around(characters, len(tables), before)
        found = _sums(windows.flatten(0, 1), tables).view(*characters.shape, -1)
        highest, places = found.masked_fill_(~_inside(characters).unsqueeze(2), float("-inf")).max(1)
        ctx.save_for_backward(windows, places, *tables)
        return highest

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        windows, places, *tables = ctx.saved_tensors
        width, (alphabet, filters) = windows.shape[2], tables[0].shape
        chosen = (windows + _first_rows(tables)).gather(
            1, places.unsqueeze(2).expand(-1, -1, width)
        )  # (U, F, W)
        rows = chosen.transpose(1, 2).reshape(-1, filters)  # (U * W, F), of all tables
        spread = gradients[0].unsqueeze(1).expand(-1, width, -1).reshape(-1, filters)
        by_row = spread.new_zeros(width * alphabet, filters).scatter_add_(0, rows, spread)
        by_table = by_row.view(width, alphabet, filters).unbind(0)
        shapes = (table.shape[1] for table in tables)
        return (None, None, *(each[:, :size] for each, size in zip(by_table, shapes, strict=True)))
