"""The forward and backward recursions: what they compute, and which of two roads a batch takes.

With the potentials psi_t(i, j) = exp(transitions[i, j] + emissions[t, j]),

    alpha_t(j) = sum_i alpha_{t-1}(i) psi_t(i, j)          alpha_1(j) = exp(start[j] + emissions[1, j])
    beta_t(i)  = sum_j psi_{t+1}(i, j) beta_{t+1}(j)       beta_T(i)  = exp(end[i])
    p(y_t = k)               = alpha_t(k) beta_t(k) / Z
    p(y_t = i, y_{t+1} = j)  = alpha_t(i) psi_{t+1}(i, j) beta_{t+1}(j) / Z

(Sutton and McCallum 2012, section 4.1). In place of beta the recursion carries

    gamma_t(i) = exp(emissions[t, i]) beta_t(i) = exp(emissions[t, i]) sum_j exp(transitions[i, j]) gamma_{t+1}(j)

because gamma is alpha of the sentence read backwards with the transposed matrix: one loop does both.

`scaled` runs it on probabilities, `logarithms` on their logarithms, which is slower and never underflows.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

_RANGE = {torch.float32: 80.0, torch.float64: 650.0}
"""Nats between 1 and the smallest normal number of a type (87.3 and 708.4), less a margin for rounding."""

_LONGEST_STRIDE = 16
"""Time steps between two normalisations; beyond it nothing is saved that can be measured."""


class Road(NamedTuple):
    """The scaled road: in which type, and every how many time steps the messages are normalised."""

    dtype: torch.dtype
    stride: int


class Messages(Protocol):
    """What the recursions leave behind, and the questions it answers."""

    @property
    def log_z(self) -> Tensor:
        """Log partition function of each sentence less the peaks of its tokens, (B,), in the widest type."""
        ...

    def expected_tags(self, weight: Tensor) -> Tensor:
        """Return weight[b] p(y_t = k), (T, B, K), for weights (B,); 0 in the padding."""
        ...

    def expected_moves(self, weight: Tensor) -> Tensor:
        """Return the expected number of moves i -> j, (K, K), those of sentence b times weight[b]."""
        ...

    def log_moves(self, tags: Tensor) -> Tensor:
        """Return log p(y_{t+1} | y_t) along tags (T, B), (T - 1, B); meaningless in the padding."""
        ...

    def moves_from(self, step: Tensor, sentence: Tensor, tag: Tensor) -> Tensor:
        """Return p(y_{t+1} = j | y_t) for N tokens t and their tags, (N, K); meaningless at a sentence's end."""
        ...


def widest(device: torch.device) -> torch.dtype:
    """Return the widest floating type of a device: double precision wherever there is one."""
    return torch.float32 if device.type == "mps" else torch.float64


def choose_road(spread: float, K: int, d: int, dtype: torch.dtype, device: torch.device) -> Road | None:
    """Return the cheapest scaled road on which no weight that matters can underflow; None: take logarithms.

    Let r be how far the log-potentials of one time step lie apart (`spread`), all of them at most 0. A step lowers
    the largest message by at most r and raises the sum by at most log K. As the paths to two tags can be joined
    within d steps, the messages of two reachable tags differ by at most d r + (d - 1) log K. If s steps go
    without normalisation, the sum of alpha beta, the smallest number that we divide by, is therefore above
    exp(-(2 s + d + 1) r - (d + 1) log K), and below exp(2 (s + 1) log K).
    """
    r, log_k = max(spread, 1.0), max(math.log(K), 0.5)
    for road, limit in _RANGE.items():
        below = ((limit - (d + 1) * log_k) / r - d - 1) / 2  # NaN for NaN scores, negative for infinite ones
        spare = min(below, limit / (2 * log_k) - 1, _LONGEST_STRIDE - 1)
        if below >= 0 and spare >= 0 and dtype.itemsize <= road.itemsize <= widest(device).itemsize:
            return Road(road, int(spare) + 1)
    return None
