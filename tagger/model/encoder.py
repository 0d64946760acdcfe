"""The recurrent encoder: Elman network, LSTM or GRU, in one or two directions, over padded windows.

With input x_t, previous state h, elementwise product *, logistic function s:

- RNN (Elman 1990): h_t = tanh(W x_t + U h_{t-1} + b).
- LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000):
  i, f, o = s(W x_t + U h_{t-1} + b) each with its own weights, g = tanh(W_g x_t + U_g h_{t-1} + b_g),
  c_t = f * c_{t-1} + i * g, h_t = o * tanh(c_t).
- GRU (Cho et al. 2014): r, z = s(W x_t + U h_{t-1} + b) each with its own weights,
  n = tanh(W_n x_t + b_n + r * (U_n h_{t-1} + c_n)), h_t = (1 - z) * n + z * h_{t-1}.
- Two directions (Schuster and Paliwal 1997): a second network reads the window from its end, and h_t is the
  concatenation of both.

Packed sequences miss the fast kernels of a CPU, so windows are padded and time-major. To stay exact the second
direction reads each window reversed within its own length: padding then comes last in both and never enters a
state that is used.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from tagger.config import EncoderConfig

_CELLS: dict[str, type[nn.LSTM] | type[nn.GRU] | type[nn.RNN]] = {
    "lstm": nn.LSTM,
    "gru": nn.GRU,
    "rnn": nn.RNN,
}


class Encoder(nn.Module):
    """Stacked recurrent layers.

    Args:
        input_size: D, width of the input.
        config: cell, directions, layers and width.

    Attributes:
        size: width of the output, `directions * hidden`.
    """

    def __init__(self, input_size: int, config: EncoderConfig) -> None:
        super().__init__()
        self.size = config.directions * config.hidden
        sizes = [input_size] + [self.size] * (config.layers - 1)
        self.layers = nn.ModuleList(
            nn.ModuleList(recurrent_cell(config.kind, size, config.hidden) for _ in range(config.directions))
            for size in sizes
        )

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Encode windows.

        Args:
            inputs: (T, R, D), time first; what lies beyond a window's length is ignored.
            lengths: (R,) int64.

        Returns:
            (T, R, directions * H); beyond a window's length the values mean nothing.
        """
        mirror = mirrored_steps(lengths, inputs.shape[0])
        states = inputs
        for layer in self.layers:
            cells = cast(nn.ModuleList, layer)
            outputs = [cells[0](states)[0]]
            if len(cells) == 2:
                outputs.append(reverse(cells[1](reverse(states, mirror))[0], mirror))
            states = torch.cat(outputs, dim=-1)
        return states


def compact(network: nn.Module) -> None:
    """Let the weights of each recurrent layer lie in one piece, as cuDNN reads them; without it nothing changes.

    The weights of a copied network, or such as were put into one, are pieces that cuDNN would join at every step.
    """
    for module in network.modules():
        if isinstance(module, nn.RNNBase):
            module.flatten_parameters()


def mirrored_steps(lengths: Tensor, time: int) -> Tensor:
    """Return (T, R): where step t of a window goes when the window is reversed within its length.

    >>> mirrored_steps(torch.tensor([3, 1]), 3).tolist()
    [[2, 0], [1, 1], [0, 2]]
    """
    steps = torch.arange(time, device=lengths.device).unsqueeze(1)
    return torch.where(steps < lengths, lengths - 1 - steps, steps)


def reverse(states: Tensor, mirror: Tensor) -> Tensor:
    """Reverse each window of (T, R, D) within its own length; its own inverse."""
    return cast(Tensor, _Reverse.apply(states, mirror))  # type: ignore[no-untyped-call]


class _Reverse(torch.autograd.Function):
    """A gather whose gradient is the same gather, because reversing twice changes nothing."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, mirror: Tensor) -> Tensor:
        rows = mirror.shape[1]
        places = (mirror * rows + torch.arange(rows, device=mirror.device)).view(-1)
        ctx.save_for_backward(places)
        return _take(states, places)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (places,) = ctx.saved_tensors
        return _take(gradients[0], places), None


def _take(states: Tensor, places: Tensor) -> Tensor:
    return states.flatten(0, 1).index_select(0, places).view_as(states)


def locked_dropout(states: Tensor, rate: float, generator: torch.Generator | None) -> Tensor:
    """Drop the same features of (T, R, D) at every time step (Gal and Ghahramani 2016); no generator: no dropout."""
    if generator is None or rate == 0.0:
        return states
    _, rows, width = states.shape
    kept = torch.empty(1, rows, width, device=states.device).bernoulli_(1 - rate, generator=generator)
    return states * kept.div_(1 - rate)


def recurrent_cell(kind: str, input_size: int, hidden: int) -> nn.RNNBase:
    """Build one direction of one layer: Glorot input weights, orthogonal recurrent weights, forget bias 1.

    Orthogonal recurrence keeps gradients from vanishing or exploding at the start (Saxe et al. 2014); a forget
    bias of 1 lets an LSTM remember by default (Gers et al. 2000; Jozefowicz et al. 2015).
    """
    cell = _CELLS[kind](input_size, hidden)
    weights = dict(cell.named_parameters())
    with torch.no_grad():
        for block in torch.split(weights["weight_ih_l0"], hidden):
            nn.init.xavier_uniform_(block)
        for block in torch.split(weights["weight_hh_l0"], hidden):
            nn.init.orthogonal_(block)
        weights["bias_ih_l0"].zero_()
        weights["bias_hh_l0"].zero_()
        if kind == "lstm":
            weights["bias_ih_l0"][hidden : 2 * hidden] = 1.0  # PyTorch orders the gates i, f, g, o
    return cell
