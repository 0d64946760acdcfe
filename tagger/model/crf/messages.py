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

from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from tagger.runtime.chain import roads

Road: TypeAlias = roads.Road[torch.dtype]


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
    """Return the scaled road in the type of the scores, or in a wider one that the device has; None: take logarithms.

    Arguments and proof: `tagger.runtime.chain.roads`.
    """
    types = [torch.float32, torch.float64]
    sizes = range(dtype.itemsize, widest(device).itemsize + 1)
    return roads.choose_road(spread, K, d, [each for each in types if each.itemsize in sizes])
