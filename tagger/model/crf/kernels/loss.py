"""The negative log-likelihood and its analytic gradient by kernels: `tagger.model.crf.loss`, and nobody waits."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tagger.model.crf.kernels.launches import Alphas, KernelBatch, KernelChain, run_backward, run_forward
from tagger.model.crf.loss import refuse_second_derivative


class KernelLikelihood(torch.autograd.Function):
    """The loss of gold tags, or of sets of allowed tags, and what is wrong with each sentence.

    A sentence without any possible tag sequence has the loss inf, and no gradient: whoever reads the faults only
    later hasn't spoilt the parameters in between.
    """

    @staticmethod
    def forward(
        ctx: Any,
        emissions: Tensor,
        start: Tensor,
        transitions: Tensor,
        end: Tensor,
        possible: Tensor | None,
        d: int | None,
        lengths: Tensor,
        tags: Tensor | None,
        allowed: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        """Emissions (T, B, K), start (K,), transitions (K, K), end (K,), ... -> losses (B,), faults (B,) int32."""
        chain = KernelChain.of(start, transitions, end, possible, d)
        alphas = run_forward(KernelBatch(emissions, lengths, tags, allowed, both=allowed is not None), chain)
        losses = alphas.losses
        if allowed is not None:
            total, within = alphas.log_z.chunk(2)
            losses = (total - within).to(losses.dtype)
        ctx.save_for_backward(
            emissions,
            lengths,
            tags,
            allowed,
            chain.tables,
            alphas.alpha,
            alphas.log_z,
            alphas.roads,
            alphas.faults,
        )
        ctx.sizes = chain.K, chain.KP, chain.d
        ctx.mark_non_differentiable(alphas.faults)
        return losses, alphas.faults

    @staticmethod
    def backward(ctx: Any, weight: Tensor, _faults: Tensor) -> tuple[Tensor | None, ...]:
        """Return expected less gold counts, or less those within the sets, sentence b times weight[b]."""
        refuse_second_derivative()
        emissions, lengths, tags, allowed, tables, alpha, log_z, roads, faults = ctx.saved_tensors
        is_partial = allowed is not None
        counts = run_backward(
            KernelBatch(emissions, lengths, tags, allowed, both=is_partial),
            KernelChain(tables, *ctx.sizes),
            Alphas(alpha, log_z, roads, faults, log_z),
            torch.cat((weight, -weight)) if is_partial else weight,
            torch.promote_types(emissions.dtype, torch.float32) if is_partial else emissions.dtype,
            with_moves=any(ctx.needs_input_grad[1:4]),
        )
        by_emission = counts.tags
        if is_partial:
            total, within = by_emission.chunk(2, dim=1)
            by_emission = (total + within).to(emissions.dtype)
        return by_emission, counts.start, counts.moves, counts.end, None, None, None, None, None
