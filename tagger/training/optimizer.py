"""Adam with row-sparse tables, and a moving average of the weights.

Embedding tables come with row-sparse gradients: only the rows a batch touched are updated, so a step costs the same
for a vocabulary of a thousand words or a million. They are taken out of their tables, updated together with the
dense parameters in one call of PyTorch's fused AdamW, and put back. The moving average of a row that isn't touched
has a closed form, so it is caught up when it is needed. Nothing here computes a gradient or knows a schedule.

Where looking at the norm means to wait (`model.device`), the device itself makes a step harmless whose norm isn't
finite: no weight and no moment moves. It counts as a step all the same: of the average, which draws nearer to weights
that stood still, and of the correction of the moments' bias.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from tagger.config import Steps
from tagger.model.device import at_hand
from tagger.model.tables import take_sums

_BETAS = (0.9, 0.999)
_EPSILON = 1e-8


class Optimizer:
    """Adam (Kingma and Ba 2015) over a model, with an exponential moving average of its weights.

    Args:
        model: what is trained; its parameters are changed in place.
        averaged: a copy of the model whose parameters are set to the average; the model itself if there is none.
        sparse: names of the parameters whose gradients are row-sparse.
        config: decay of the average, weight decay, largest norm.
    """

    def __init__(self, model: nn.Module, averaged: nn.Module, sparse: Iterable[str], config: Steps) -> None:
        names = {name: value for name, value in model.named_parameters() if value.requires_grad}
        rows = set(sparse)
        # the parameters themselves, not views of them: their values may come to lie in other memory
        self._dense: list[Tensor] = [parameter for name, parameter in names.items() if name not in rows]
        self._dense_average: list[Tensor] = [
            p for name, p in averaged.named_parameters() if name in names and name not in rows
        ]
        self._means = [torch.zeros_like(parameter) for parameter in self._dense]
        self._squares = [torch.zeros_like(parameter) for parameter in self._dense]
        twins = dict(averaged.named_parameters())
        self._tables = {name: _Table(names[name], twins[name]) for name in names if name in rows}
        self._order = list(names)
        self._averages = averaged is not model
        self._decay = config.average
        self._weight_decay = config.weight_decay
        self._clip = config.clip_norm
        self._log_decay = 0.0  # sum over steps of the log of each step's decay
        self.steps = 0

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], learning_rate: float) -> float | Tensor:
        """Clip the gradients by their total norm and update the weights and their average.

        Args:
            gradients: one for each of the model's parameters, in their order; row-sparse ones as `model.tables` makes
                them. They are changed.
            learning_rate: of this step.

        Returns:
            The norm before clipping, or a tensor that will hold it. Where it isn't finite no weight was changed.
        """
        values = [gradient._values() if gradient.is_sparse else gradient for gradient in gradients]
        norm = at_hand(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(values))))
        spoilt: Tensor | None = None  # () 1 where nothing may move, else 0
        if isinstance(norm, Tensor):
            spoilt = 1 - norm.isfinite().float()
            torch._foreach_mul_(values, (self._clip / (norm + 1e-6)).clamp(max=1.0))
        elif not math.isfinite(norm):
            return norm
        elif norm > self._clip:
            torch._foreach_mul_(values, self._clip / (norm + 1e-6))
        self.steps += 1
        decay = min(self._decay, (1 + self.steps) / (10 + self.steps)) if self._averages else 0.0
        before, self._log_decay = self._log_decay, self._log_decay + (math.log(decay) if decay else 0.0)

        by_name = dict(zip(self._order, gradients, strict=True))
        touched = [
            table.take(by_name.pop(name), before if decay else None) for name, table in self._tables.items()
        ]
        self._update([each.contiguous() for each in by_name.values()], touched, learning_rate, spoilt)
        for table, rows in zip(self._tables.values(), touched, strict=True):
            table.put(rows, decay, self._log_decay)
        if self._averages:
            torch._foreach_lerp_(self._dense_average, self._dense, 1 - decay)
        return norm

    def _update(
        self, gradients: list[Tensor], touched: Sequence[_Rows], rate: float, spoilt: Tensor | None
    ) -> None:
        """Update the dense parameters and the rows that were taken; the latter have no weight decay.

        The fused kernel reads memory in its order, not by strides, so all tensors must be contiguous.
        """
        if self._weight_decay:
            torch._foreach_mul_(self._dense, _decay_by(rate * self._weight_decay, spoilt))
        weights = self._dense + [rows.weight for rows in touched]
        device = weights[0].device
        adamw(
            weights,
            gradients + [rows.gradient for rows in touched],
            self._means + [rows.mean for rows in touched],
            self._squares + [rows.square for rows in touched],
            [],
            list(torch.full((len(weights),), self.steps - 1.0, device=device).unbind()),  # it adds the 1
            fused=True,
            amsgrad=False,
            beta1=_BETAS[0],
            beta2=_BETAS[1],
            lr=rate,
            weight_decay=0.0,
            eps=_EPSILON,
            maximize=False,
            found_inf=spoilt,
        )

    @torch.no_grad()
    def settle(self) -> None:
        """Bring the average of every row up to date, before the averaged model is used."""
        for table in self._tables.values():
            table.settle(self._log_decay)

    def state(self) -> dict[str, Tensor]:
        """Return all that `load` needs to go on with the same bits."""
        tensors = {
            "steps": torch.tensor(self.steps),
            "log_decay": torch.tensor(self._log_decay, dtype=torch.float64),
        }
        for place, (mean, square) in enumerate(zip(self._means, self._squares, strict=True)):
            tensors |= {f"dense.{place}.exp_avg": mean, f"dense.{place}.exp_avg_sq": square}
        for name, table in self._tables.items():
            tensors |= {f"table.{name}.{key}": value for key, value in table.state().items()}
        return tensors

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `state` returned."""
        self.steps = int(tensors["steps"])
        self._log_decay = float(tensors["log_decay"])
        for place, (mean, square) in enumerate(zip(self._means, self._squares, strict=True)):
            mean.copy_(tensors[f"dense.{place}.exp_avg"])
            square.copy_(tensors[f"dense.{place}.exp_avg_sq"])
        for name, table in self._tables.items():
            for key, value in table.state().items():
                value.copy_(tensors[f"table.{name}.{key}"])


def row_sparse(model: nn.Module) -> list[str]:
    """Name the parameters of a model whose gradients are row-sparse."""
    return [
        f"{name}.weight"
        for name, module in model.named_modules()
        if isinstance(module, nn.Embedding | nn.EmbeddingBag) and module.sparse
    ]


class _Rows(NamedTuple):
    """Copies of the n rows of a table that a batch touched; the average has caught up with the steps they sat out.

    A row may be among them several times, with equal values everywhere.
    """

    places: Tensor  # (n,)
    gradient: Tensor  # (n, D), as all below
    weight: Tensor
    mean: Tensor
    square: Tensor
    average: Tensor | None


class _Table:
    """The optimiser's view of one embedding table: moments, and when each row's average was last brought up."""

    def __init__(self, weight: Tensor, average: Tensor) -> None:
        self._weight = weight
        self._average = average
        self._mean = torch.zeros_like(self._weight)
        self._square = torch.zeros_like(self._weight)
        self._seen = torch.zeros(len(self._weight), dtype=torch.float64, device=weight.device)

    def state(self) -> dict[str, Tensor]:
        return {"mean": self._mean, "square": self._square, "seen": self._seen}

    def take(self, gradient: Tensor, log_now: float | None) -> _Rows:
        """Copy the rows that have a gradient; without a time there is no average."""
        places, values = take_sums(gradient)
        weight, mean, square = (
            table.index_select(0, places) for table in (self._weight, self._mean, self._square)
        )
        average = None
        if log_now is not None:
            late = torch.exp(log_now - self._seen.index_select(0, places)).to(weight.dtype).unsqueeze(1)
            average = torch.lerp(weight, self._average.index_select(0, places), late)
        return _Rows(places, values.contiguous(), weight, mean, square, average)

    def put(self, rows: _Rows, decay: float, log_now: float) -> None:
        """Put updated rows back, and their average with them."""
        self._weight.index_copy_(0, rows.places, rows.weight)
        self._mean.index_copy_(0, rows.places, rows.mean)
        self._square.index_copy_(0, rows.places, rows.square)
        if rows.average is not None:
            self._average.index_copy_(0, rows.places, rows.average.lerp_(rows.weight, 1 - decay))
            self._seen.index_fill_(0, rows.places, log_now)

    def settle(self, log_now: float) -> None:
        """Catch every row's average up: a row w that was not touched since s has average w + (a - w) d^(t - s)."""
        late = torch.exp(log_now - self._seen).to(self._weight.dtype).unsqueeze(1)
        if self._average.data_ptr() != self._weight.data_ptr():
            self._average.copy_(torch.lerp(self._weight, self._average, late))
        self._seen.fill_(log_now)


def _decay_by(share: float, spoilt: Tensor | None) -> float | Tensor:
    """Return what weights are multiplied by that lose a share of themselves, unless the step is spoilt."""
    return 1 - share if spoilt is None else 1 - share * (1 - spoilt)
