"""Gradients on their way from one process to another: the numbers in shared memory, a few words through a pipe.

Who sends and when is the concern of `child` and `team`.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tagger.training.optimizer import row_sparse
from tagger.training.workers.gradient import Gradient
from tagger.training.workers.shared import SharedTensors

MOST_ROWS = 4096  # of a table in shared memory: ten times what a step of 500 tokens touches


RowsInPipe = tuple[NDArray[np.int64], NDArray[np.float32]]


class Rows(NamedTuple):
    """A row-sparse gradient: (N,) which rows of the table, and (N, D) their values."""

    numbers: Tensor
    values: Tensor


class Parcel(NamedTuple):
    """What goes through the pipe.

    Attributes:
        loss: see `Gradient`.
        rows: for each row-sparse value how many rows it has; or those rows, where they are more than memory has room
            for.
    """

    loss: float
    rows: list[int | RowsInPipe]


class Outbox:
    """Room for one gradient of a network, made by one process and an argument for another."""

    def __init__(self, network: nn.Module) -> None:
        tables = set(row_sparse(network))
        trained = [(name, value) for name, value in network.named_parameters() if value.requires_grad]
        self._shapes = {
            place: tuple(value.shape) for place, (name, value) in enumerate(trained) if name in tables
        }
        like: list[Tensor] = []
        for name, value in trained:
            if name in tables:
                like.append(torch.empty(min(len(value), MOST_ROWS), dtype=torch.int64))
                like.append(value[:MOST_ROWS])
            else:
                like.append(value)
        self._count = len(trained)
        self._memory = SharedTensors(like)

    @cached_property
    def _places(self) -> list[Tensor | Rows]:
        """Where each value lies in the memory of this process."""
        views = iter(self._memory.views())
        return [
            Rows(next(views), next(views)) if place in self._shapes else next(views)
            for place in range(self._count)
        ]

    def put(self, gradient: Gradient) -> Parcel:
        """Store a gradient in place of the last; return what the other process must be told to take it."""
        told: list[int | RowsInPipe] = []
        for value, place in zip(gradient.values, self._places, strict=True):
            if isinstance(place, Tensor):
                place.copy_(value)
                continue
            numbers, rows = value._indices()[0], value._values()
            if len(numbers) <= len(place.numbers):
                place.numbers[: len(numbers)] = numbers
                place.values[: len(numbers)] = rows
                told.append(len(numbers))
            else:
                told.append((numbers.numpy(), rows.numpy()))
        return Parcel(float(gradient.loss), told)

    def take(self, parcel: Parcel) -> Gradient:
        """Return the gradient that was put last; it is good until the next is."""
        told = iter(parcel.rows)
        values = [
            place if isinstance(place, Tensor) else _sparse(place, next(told), self._shapes[number])
            for number, place in enumerate(self._places)
        ]
        return Gradient(parcel.loss, values)


def _sparse(place: Rows, told: int | RowsInPipe, shape: tuple[int, ...]) -> Tensor:
    if isinstance(told, int):
        numbers, values = place.numbers[:told], place.values[:told]
    else:
        numbers, values = torch.from_numpy(told[0]), torch.from_numpy(told[1])
    return torch.sparse_coo_tensor(
        numbers.unsqueeze(0), values, shape, is_coalesced=True, check_invariants=False
    )
