"""The negative log-likelihood with its analytic gradient.

The loss of a sentence is log Z - score(gold). The derivative of log Z by a score is the expected number of times
that the score is used (Sutton and McCallum 2012, equation 5.9), so the gradient is that number less the number of
times that the gold tags use it. Tags known in part, as sets of allowed tags, put the log Z of the sequences
within the sets in the place of score(gold), and their expected numbers in the place of the gold ones.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tagger.model.crf.chain import Chain
from tagger.model.crf.messages import widest
from tagger.model.crf.padded import at_ends, token_mask
from tagger.model.crf.problem import prepare


def score(emissions: Tensor, chain: Chain, tags: Tensor, lengths: Tensor) -> Tensor:
    """Return the score of tags (T, B) in the widest type, (B,)."""
    wide = widest(emissions.device)
    mask = token_mask(lengths, len(tags))
    scores = emissions.gather(-1, tags.unsqueeze(-1)).squeeze(-1).to(wide)  # (T, B)
    scores[1:] += chain.transitions[tags[:-1], tags[1:]]
    total = torch.where(mask, scores, 0.0).sum(0)
    return total + chain.start[tags[0]] + chain.end[at_ends(tags, lengths)]


class NegativeLogLikelihood(torch.autograd.Function):
    """The loss of whole gold tag sequences."""

    @staticmethod
    def forward(
        ctx: Any,
        emissions: Tensor,
        start: Tensor,
        transitions: Tensor,
        end: Tensor,
        masks: Chain | None,
        d: int | None,
        lengths: Tensor,
        tags: Tensor,
    ) -> Tensor:
        """Emissions (T, B, K), start (K,), transitions (K, K), end (K,), ..., tags (T, B) -> loss (B,)."""
        chain = Chain(start, transitions, end).restricted(masks)
        mask = token_mask(lengths, len(tags))
        tags = torch.where(mask, tags, 0)
        gold = score(emissions, chain, tags, lengths)
        messages = prepare(emissions, chain, lengths, d, gold=gold).solve()
        ctx.messages, ctx.mask, ctx.tags, ctx.lengths = messages, mask, tags, lengths
        return (messages.log_z - gold).to(emissions.dtype)

    @staticmethod
    def backward(ctx: Any, weight: Tensor) -> tuple[Tensor | None, ...]:
        """Return expected less gold counts, sentence b times weight[b]."""
        _refuse_second_derivative()
        tags: Tensor = ctx.tags
        counts = ctx.messages.expected_tags(weight)
        moves = ctx.messages.expected_moves(weight)
        gold = torch.where(ctx.mask, -weight.to(counts.dtype), 0.0)  # (T, B)
        counts.scatter_add_(-1, tags.unsqueeze(-1), gold.unsqueeze(-1))
        pairs = tags[:-1] * len(moves) + tags[1:]
        moves.view(-1).index_add_(0, pairs.view(-1), gold[1:].reshape(-1))
        return (*_gradients(counts, moves, ctx.lengths), None, None, None, None)


class PartialNegativeLogLikelihood(torch.autograd.Function):
    """The loss of sets of allowed tags: -log p(some sequence within the sets)."""

    @staticmethod
    def forward(
        ctx: Any,
        emissions: Tensor,
        start: Tensor,
        transitions: Tensor,
        end: Tensor,
        masks: Chain | None,
        d: int | None,
        lengths: Tensor,
        allowed: Tensor,
    ) -> Tensor:
        """Emissions (T, B, K), start (K,), transitions (K, K), end (K,), ..., allowed (T, B, K) -> loss (B,)."""
        chain = Chain(start, transitions, end).restricted(masks)
        messages = prepare(emissions, chain, lengths, d, allowed=allowed).solve_beside()
        ctx.messages, ctx.lengths = messages, lengths
        total, within = messages.log_z.chunk(2)
        return (total - within).to(emissions.dtype)

    @staticmethod
    def backward(ctx: Any, weight: Tensor) -> tuple[Tensor | None, ...]:
        """Return the expected counts less those within the sets, sentence b times weight[b]."""
        _refuse_second_derivative()
        signed = torch.cat((weight, -weight))
        total, within = ctx.messages.expected_tags(signed).chunk(2, dim=1)
        moves = ctx.messages.expected_moves(signed)
        return (*_gradients(total + within, moves, ctx.lengths), None, None, None, None)


def _gradients(counts: Tensor, moves: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients by emissions (which are the counts), start, transitions and end; autograd casts them."""
    return counts, counts[0].sum(0), moves, at_ends(counts, lengths).sum(0)


def _refuse_second_derivative() -> None:
    if torch.is_grad_enabled():  # autograd leaves it on in a backward pass with create_graph
        raise RuntimeError("the CRF loss has no second derivative; call backward without create_graph")
