"""The gradient of a batch at a labeler's present weights: what each worker of a training computes.

It knows neither the optimiser nor the schedule, nor whether other workers stand beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import torch
from torch import Tensor

from tagger.model.batch import Batch, EncodedCorpus, Group, collate
from tagger.model.labeler import SequenceLabeler
from tagger.training.optimizer import row_sparse
from tagger.training.parallel import seed_of


class Task(NamedTuple):
    """A batch whose gradient is wanted.

    Attributes:
        groups: of the corpus's sentences.
        place: (seed, epoch, batch); it seeds the dropout.
        progress: share of the training that is done.
        recall_cost: what missing a name costs (nats).
        is_halved: whether to compute it in halves, one after the other, because memory is short.
    """

    groups: Sequence[Group]
    place: tuple[int, ...]
    progress: float
    recall_cost: float = 0.0
    is_halved: bool = False


class Gradient(NamedTuple):
    """Of a batch: the summed loss of its tags (nats), its tokens, and the gradient of the mean loss of a sentence.

    Attributes:
        values: of each parameter that is trained; row-sparse ones coalesced.
    """

    loss: float
    tokens: int
    values: Sequence[Tensor]


class GradientComputer:
    """Computes gradients on a corpus, at the weights that the labeler has at that moment."""

    def __init__(self, labeler: SequenceLabeler, corpus: EncodedCorpus, max_tokens: int) -> None:
        self._labeler = labeler
        tables = set(row_sparse(labeler))
        trained = [(name, each) for name, each in labeler.named_parameters() if each.requires_grad]
        self._parameters = [each for _, each in trained]
        self._is_table = [name in tables for name, _ in trained]
        self._corpus = corpus
        self._max_tokens = max_tokens
        self._prepared: tuple[Task, list[Batch]] | None = None

    def prepare(self, task: Task) -> None:
        """Lay a batch out before its gradient is wanted, which doesn't depend on the weights.

        What fails here fails once more when the gradient is wanted, and is told then.
        """
        self._prepared = None
        with suppress(Exception):
            self._prepared = task, self._lay_out(task)

    def __call__(self, task: Task) -> Gradient:
        """Return the gradient of a batch."""
        prepared, self._prepared = self._prepared, None
        batches = prepared[1] if prepared is not None and prepared[0] == task else self._lay_out(task)
        sentences = sum(item.stop - item.start for item in task.groups)
        parts = [
            self._of_part(batch, seed_of(*task.place, number), 1 / sentences, task)
            for number, batch in enumerate(batches)
        ]
        return parts[0] if len(parts) == 1 else _sum(*parts)

    def _lay_out(self, task: Task) -> list[Batch]:
        groups = task.groups
        halves = [groups[::2], groups[1::2]] if task.is_halved and len(groups) > 1 else [groups]
        return [collate(self._corpus, half, self._max_tokens).to(self._labeler.device) for half in halves]

    def _of_part(self, batch: Batch, seed: int, scale: float, task: Task) -> Gradient:
        generator = torch.Generator(self._labeler.device).manual_seed(seed)
        objective = self._labeler.objective(batch, generator, task.progress, task.recall_cost)
        found = torch.autograd.grad(
            objective.total * scale, self._parameters, allow_unused=self._labeler.rests(task.progress)
        )
        values = [
            _nothing(parameter, is_table) if value is None else value.coalesce() if value.is_sparse else value
            for value, parameter, is_table in zip(found, self._parameters, self._is_table, strict=True)
        ]
        return Gradient(objective.tags.item(), batch.num_tokens, values)


def count_tokens(groups: Sequence[Group]) -> int:
    """Return the tokens of a batch."""
    return sum(item.tokens for item in groups)


def _nothing(parameter: Tensor, is_table: bool) -> Tensor:
    """Return the gradient of a parameter of what rests."""
    if not is_table:
        return torch.zeros_like(parameter)
    rows, values = torch.empty(1, 0, dtype=torch.int64), parameter.new_empty(0, parameter.shape[1])
    return torch.sparse_coo_tensor(
        rows.to(parameter.device), values, parameter.shape, is_coalesced=True, check_invariants=False
    )


def _sum(one: Gradient, other: Gradient) -> Gradient:
    values = [
        (left + right).coalesce() if left.is_sparse else left + right
        for left, right in zip(one.values, other.values, strict=True)
    ]
    return Gradient(one.loss + other.loss, one.tokens + other.tokens, values)
