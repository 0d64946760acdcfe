"""Probabilities of tags, by kernels."""

from __future__ import annotations

from torch import Tensor

from tagger.model.crf.kernels.faults import raise_first
from tagger.model.crf.kernels.launches import KernelBatch, KernelChain, run_backward, run_forward


def marginals(batch: KernelBatch, chain: KernelChain) -> tuple[Tensor, Tensor]:
    """Return p(y_t = k), (T, B, K), 0 in the padding, and log Z (B,) float64.

    Raises:
        DataError: a sentence has no possible tag sequence.
    """
    alphas = run_forward(batch, chain)
    raise_first(alphas.faults, batch.lengths)
    ones = alphas.log_z.new_ones(1).expand(batch.runs)
    dtype = alphas.losses.dtype
    return run_backward(batch, chain, alphas, ones, dtype, with_moves=False).tags, alphas.log_z
