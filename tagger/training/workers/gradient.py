"""The gradient of a task at a network's present weights: what each worker of a training computes.

It knows neither the optimiser nor the schedule, nor whether other workers stand beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from tagger.model.device import at_hand, runs_ahead
from tagger.training.optimizer import row_sparse


class Loss(NamedTuple):
    """Scalars in nats, summed over what a task holds: what is minimised, and what is told of it.

    Attributes:
        is_partial: whether some parameters may have no part in it, and so no gradient.
    """

    total: Tensor
    told: Tensor
    is_partial: bool = False


class Learner(Protocol):
    """A network and how it learns; every worker has one."""

    @property
    def network(self) -> nn.Module:
        """What is trained."""

    def lay_out(self, chunk: Any, items: Sequence[Any]) -> Any:
        """Return items of a chunk as tensors where the network is; it doesn't depend on the weights."""

    def compute_loss(self, laid_out: Any, generator: torch.Generator, terms: tuple[float, ...]) -> Loss:
        """Return the loss of what was laid out; the generator is of the dropout, the terms are the task's."""


class GradientTask(NamedTuple):
    """Some items of a chunk whose gradient is wanted.

    Attributes:
        items: a batch, or a part of one.
        place: (seed, epoch, ..., batch); with the part's number it seeds the dropout.
        scale: what the summed loss is multiplied by.
        tokens: how many there are.
        terms: numbers that the learner's loss asks for.
        part: number of this part of the batch.
        parts: how many there are.
        is_halved: whether to compute it in halves, one after the other, because memory is short.
    """

    items: Sequence[Any]
    place: tuple[int, ...]
    scale: float
    tokens: int
    terms: tuple[float, ...] = ()
    part: int = 0
    parts: int = 1
    is_halved: bool = False


class Gradient(NamedTuple):
    """Of a task: the loss that is told (nats, summed), and the gradient of the scaled loss.

    Attributes:
        loss: or a tensor () that will hold it, beside a device that runs ahead.
        values: of each parameter that is trained; row-sparse ones with each row summed, see `model.tables`.
    """

    loss: float | Tensor
    values: Sequence[Tensor]


class GradientComputer:
    """Computes gradients on a chunk, at the weights that the network has at that moment."""

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        tables = set(row_sparse(learner.network))
        trained = [(name, each) for name, each in learner.network.named_parameters() if each.requires_grad]
        self._parameters = [each for _, each in trained]
        self._is_table = [name in tables for name, _ in trained]
        self._chunk: Any = None
        self._prepared: tuple[GradientTask, Future[list[Any]]] | None = None
        self._thread: ThreadPoolExecutor | None = None

    @property
    def _runs_ahead(self) -> bool:
        return runs_ahead(self._parameters[0].device)

    def begin(self, chunk: Any) -> None:
        """Take up another chunk, of which all further tasks are."""
        self._chunk, self._prepared = chunk, None

    def prepare(self, task: GradientTask) -> None:
        """Lay a task out before its gradient is wanted, which doesn't depend on the weights.

        Beside a device another thread does it. What fails here is told when the gradient is wanted.
        """
        if self._runs_ahead:
            self._thread = self._thread or ThreadPoolExecutor(1, "tagger-layout")
            self._prepared = task, self._thread.submit(self._lay_out, task)
            return
        laid_out: Future[list[Any]] = Future()
        self._prepared = task, laid_out
        try:
            laid_out.set_result(self._lay_out(task))
        except Exception as error:
            laid_out.set_exception(error)

    def nothing(self) -> Gradient:
        """Return the gradient of no sentence."""
        pairs = zip(self._parameters, self._is_table, strict=True)
        return Gradient(0.0, [_nothing(parameter, is_table) for parameter, is_table in pairs])

    def __call__(self, task: GradientTask, upcoming: GradientTask | None = None) -> Gradient:
        """Return the gradient of a task.

        Args:
            task: whose gradient is wanted.
            upcoming: the next one, if it is known; where a device computes by itself it is laid out meanwhile.
        """
        prepared, self._prepared = self._prepared, None
        if upcoming is not None and self._runs_ahead:
            self.prepare(upcoming)
        laid_out = prepared[1] if prepared is not None and prepared[0] == task else None
        halves = self._lay_out(task) if laid_out is None else laid_out.result()
        numbers = range(task.part, task.part + len(halves) * task.parts, task.parts)
        return add_up(
            [
                self._of_part(half, seed_of(*task.place, number), task)
                for number, half in zip(numbers, halves, strict=True)
            ]
        )

    def _lay_out(self, task: GradientTask) -> list[Any]:
        """Lay a task out whole or in halves, which are those of a batch in twice as many parts."""
        items = task.items
        halves = [items[::2], items[1::2]] if task.is_halved and len(items) > 1 else [items]
        return [self._learner.lay_out(self._chunk, half) for half in halves]

    def _of_part(self, laid_out: Any, seed: int, task: GradientTask) -> Gradient:
        generator = torch.Generator(self._parameters[0].device).manual_seed(seed)
        loss = self._learner.compute_loss(laid_out, generator, task.terms)
        found = torch.autograd.grad(loss.total * task.scale, self._parameters, allow_unused=loss.is_partial)
        values = [
            _nothing(parameter, is_table) if value is None else _summed(value)
            for value, parameter, is_table in zip(found, self._parameters, self._is_table, strict=True)
        ]
        return Gradient(at_hand(loss.told), values)


def add_up(gradients: Sequence[Gradient]) -> Gradient:
    """Return the sum of the gradients of a batch's parts, added in their order."""
    if len(gradients) == 1:
        return gradients[0]
    parts = zip(*(gradient.values for gradient in gradients), strict=True)
    return Gradient(sum(gradient.loss for gradient in gradients), [_sum(values) for values in parts])


def seed_of(*place: int) -> int:
    """Return a seed of 63 bits for a place in a run, such as (seed, epoch, batch)."""
    return int(np.random.SeedSequence(place).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _sum(values: Sequence[Tensor]) -> Tensor:
    total = sum(values[1:], start=values[0])
    return total.coalesce() if total.is_sparse else total


def _nothing(parameter: Tensor, is_table: bool) -> Tensor:
    """Return the gradient of a parameter that has no part in a loss."""
    if not is_table:
        return torch.zeros_like(parameter)
    rows = torch.empty(1, 0, dtype=torch.int64, device=parameter.device)
    values = parameter.new_empty(0, parameter.shape[1])
    return torch.sparse_coo_tensor(rows, values, parameter.shape, is_coalesced=True, check_invariants=False)


def _summed(value: Tensor) -> Tensor:
    """Return a gradient, row-sparse ones coalesced; where that would mean to wait, `model.tables` has summed them."""
    return value.coalesce() if value.is_sparse and not runs_ahead(value.device) else value
