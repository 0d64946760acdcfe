"""An LSTM layer for prediction on a CPU: both directions at once, over windows of unequal length, without padding.

The same function as `model.encoder`'s LSTM, to the rounding of single precision, about twice as fast:

- The gates' inputs W x_t + b come from the caller, who looks most of them up (`forms`).
- Windows are sorted by length, longest first, so that those which still run at step t are the first ones: the rows
  of a step lie side by side (the layout of packed sequences), and no padding is computed.
- tanh(x) = 2 s(2x) - 1 turns every activation into the logistic function s, which is vectorised ten times better.
  The factors 2 are folded into weights and states: with k_t = 2 c_t and q_t = h_t / 2,

      i, f, o = s(a_i), s(a_f), s(a_o)      g = s(2 a_g)      a = W x_t + b + 2 U q_{t-1}
      k_t = f * k_{t-1} + 4 i * g - 2 i     q_t = o * s(k_t) - o / 2
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Ints = NDArray[np.int64]


class Layer:
    """The weights of one recurrent layer, folded as the formulas above say.

    Args:
        cells: one LSTM for each direction.
        halved_inputs: whether the layer's inputs are the q of another layer.

    Attributes:
        inputs: (directions * 4 H, D) input weights.
        bias: (directions * 4 H,).
        recurrent: for each direction (4 H, H), which takes q.
        hidden: H.
    """

    def __init__(self, cells: Sequence[nn.LSTM], *, halved_inputs: bool) -> None:
        self.hidden = cells[0].hidden_size
        scale = torch.ones(4, self.hidden)
        scale[2] = 2.0  # PyTorch orders the gates i, f, g, o
        folded = scale.view(-1, 1)
        weights = [dict(cell.named_parameters()) for cell in cells]
        inputs = torch.cat([each["weight_ih_l0"] * folded for each in weights])
        self.inputs = inputs * 2.0 if halved_inputs else inputs
        self.bias = torch.cat(
            [(each["bias_ih_l0"] + each["bias_hh_l0"]) * scale.view(-1) for each in weights]
        )
        self.recurrent = [(each["weight_hh_l0"] * folded * 2.0).contiguous() for each in weights]


@dataclass(frozen=True, slots=True)
class Steps:
    """In which order the N tokens of windows are read.

    Attributes:
        counts: (T,) windows that run at each step.
        orders: for each direction (N,) which token each packed row reads.
        places: for each direction (N,) in which packed row each token is read: the inverse.
    """

    counts: list[int]
    orders: list[Tensor]
    places: list[Tensor]

    @classmethod
    def of(cls, lengths: Ints, directions: int) -> Steps:
        """Lay out windows that follow one another; `lengths` must not rise."""
        steps = np.arange(lengths[0])[:, None]
        runs = steps < lengths
        starts = np.cumsum(lengths) - lengths
        forward = (starts + steps)[runs]
        backward = (starts + lengths - 1 - steps)[runs]
        orders = [forward, backward][:directions]
        places = [np.empty_like(order) for order in orders]
        for place, order in zip(places, orders, strict=True):
            place[order] = np.arange(len(order))
        return cls(
            runs.sum(1).tolist(),
            [torch.from_numpy(each) for each in orders],
            [torch.from_numpy(each) for each in places],
        )


def run(layer: Layer, gates: Tensor, rows: Tensor | None, steps: Steps) -> Tensor:
    """Return q = h / 2 of every token in packed order, (directions, N, H).

    Args:
        layer: the weights.
        gates: (V, directions * 4 H), what the inputs add to the gates.
        rows: (N,) which row of `gates` belongs to each token; None: its own.
        steps: the order of reading.
    """
    H, directions = layer.hidden, len(steps.orders)
    width = steps.counts[0]
    states = torch.empty(directions, len(steps.orders[0]), H)
    cell = torch.zeros(directions, width, H)
    squashed = torch.empty(directions, width, H)
    taken = torch.empty(directions, width, 4 * H)
    read = [order if rows is None else rows[order] for order in steps.orders]
    parts = [gates[:, d * 4 * H : (d + 1) * 4 * H] for d in range(directions)]
    start = before = 0
    for count in steps.counts:
        activations = taken[:, :count]
        for d in range(directions):
            torch.index_select(parts[d], 0, read[d][start : start + count], out=activations[d])
            if start:
                _add_product(activations[d], states[d, before : before + count], layer.recurrent[d])
        activations.sigmoid_()
        i, f, g, o = activations.chunk(4, -1)
        kept, out = cell[:, :count], states[:, start : start + count]
        kept.mul_(f).addcmul_(i, g, value=4.0).sub_(i, alpha=2.0)
        torch.mul(torch.sigmoid(kept, out=squashed[:, :count]), o, out=out).sub_(o, alpha=0.5)
        before, start = start, start + count
    return states


def _find_product() -> Callable[[Tensor, Tensor], Tensor]:
    """Return the fastest product x W^T that this build of PyTorch has.

    On processors of other makers than Intel, MKL runs at half the speed of oneDNN, which serves LSTMs but not
    plain matrix products; the operator below reaches it.
    """
    try:
        product = torch.ops.mkldnn._linear_pointwise.default
        product(torch.zeros(2, 16), torch.zeros(16, 16), None, "none", [], "")
    except (AttributeError, RuntimeError, NotImplementedError):
        return nn.functional.linear
    return lambda x, weights: product(x, weights, None, "none", [], "")


linear = _find_product()


# oneDNN makes a plan for each number of rows and keeps a thousand of them, 0.2 MB each; few numbers take few plans.
_ROWS = 64
_MANY_ROWS = 512
_MANY = 1024


def product(x: Tensor, weights: Tensor) -> Tensor:
    """Return x W^T of (N, D) and (G, D), whatever N is, with a bounded memory for plans.

    A product of few rows would take another road and round differently. Here each row is the same to the last bit
    whatever the others are.
    """
    N, D = x.shape
    if D == 0:  # oneDNN refuses
        return x.new_zeros(N, len(weights))
    missing = -N % (_ROWS if N <= _MANY else _MANY_ROWS)
    return linear(nn.functional.pad(x, (0, 0, 0, missing)), weights)[:N]


def _add_product(target: Tensor, states: Tensor, weights: Tensor) -> None:
    """Add states W^T to the target in place."""
    target += linear(states, weights)
