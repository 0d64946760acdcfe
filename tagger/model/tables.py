"""Look rows of large tables up, with gradients that are row-sparse and already summed by row.

PyTorch's own sparse gradient holds a row for each look-up, which must be sorted and added up afterwards. The sum of
the gradients of the places where a row is read is a bag of these gradients, as the sum of affixes is a bag of rows:
both directions are one call of a fast kernel. Nothing here knows what the rows stand for.

How many rows a batch read, a device that runs ahead (`model.device`) tells only to those who wait. There a gradient
has a row for each look-up, in rising order: the last of equal rows holds their sum, the others 0. Such a gradient is
not coalesced, in PyTorch's words; `take_sums` reads both kinds.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from tagger.model.device import runs_ahead
from tagger.text.vocab import PAD, UNKNOWN


def look_up(table: nn.Embedding | nn.EmbeddingBag, rows: Tensor) -> Tensor:
    """Return rows of a table: (..., D) for (...) of an `Embedding`, sums (N, D) for (N, A) of an `EmbeddingBag`.

    A row of padding holds 0 and gets no gradient. The table is large, and a batch reads few of its rows.
    """
    bags = rows if isinstance(table, nn.EmbeddingBag) else rows.reshape(-1, 1)
    has_padding = table.padding_idx == PAD
    summed = cast(Tensor, _Sums.apply(table.weight, bags, has_padding))  # type: ignore[no-untyped-call]
    return summed if isinstance(table, nn.EmbeddingBag) else summed.view(*rows.shape, -1)


def take_sums(gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Return (N,) which rows a gradient of a table has, and (N, D) their sums.

    A row that is there several times has its sum each time.
    """
    rows, values = gradient._indices()[0], gradient._values()
    if gradient.is_coalesced():
        return rows, values
    return rows, values.index_select(0, torch.searchsorted(rows, rows, right=True) - 1)


def place(target: Tensor, value: Tensor, *, fill: bool) -> None:
    """Copy a tensor into the beginning of one that is as large or larger in each dimension.

    Args:
        target: changed in place.
        value: what it begins with.
        fill: whether its other rows become copies of the value's row of the unknown.
    """
    if fill and target.shape != value.shape:
        target[len(value) :] = value[UNKNOWN].to(target.device)
    target[tuple(slice(size) for size in value.shape)] = value.to(target.device)


class _Sums(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, bags: Tensor, has_padding: bool) -> Tensor:
        ctx.save_for_backward(bags)
        ctx.shape, ctx.has_padding = table.shape, has_padding
        # detached, lest the kernel prepares a gradient of its own
        return functional.embedding_bag(bags, table.detach(), mode="sum")

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (bags,) = ctx.saved_tensors
        read, places = bags.flatten().sort(stable=True)
        is_waiting = not runs_ahead(read.device)
        if is_waiting:
            rows, counts = read.unique_consecutive(return_counts=True)
            first = counts.cumsum(0) - counts
        else:
            rows, first = read, torch.searchsorted(read, read)  # so the last of equal rows has all of them
        readers = places // bags.shape[1] if bags.shape[1] > 1 else places
        values = functional.embedding_bag(readers, gradients[0], first, mode="sum")
        if ctx.has_padding and not is_waiting:
            values.masked_fill_((rows == PAD).unsqueeze(1), 0.0)
        elif ctx.has_padding and rows[0] == PAD:
            rows, values = rows[1:], values[1:]
        summed = torch.sparse_coo_tensor(
            rows.unsqueeze(0), values, ctx.shape, check_invariants=False, is_coalesced=is_waiting
        )
        return summed, None, None
