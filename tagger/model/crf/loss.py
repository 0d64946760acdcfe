"""The negative log-likelihood with its analytic gradient.

The loss of a sentence is log Z - score(gold). The derivative of log Z by a score is the expected number of times
that the score is used (Sutton and McCallum 2012, section 5.1.1), so the gradient is that number less the number of
times that the gold tags use it. Tags known in part, as sets of allowed tags, put the log Z of the sequences
within the sets in the place of score(gold), and their expected numbers in the place of the gold ones.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from tagger.model.crf.messages import widest
from tagger.model.crf.padded import PaddedLayout, pick
from tagger.model.crf.potentials import Potentials
from tagger.model.crf.problem import Problem


class _Gold(NamedTuple):
    """Gold tags as indices."""

    tags: Tensor  # (T, B), 0 in the padding
    moves: Tensor  # (T - 1, B): index of each move in the flat matrix of transitions
    scores: Tensor  # (B,) less the peaks, in the widest type


class NegativeLogLikelihood(torch.autograd.Function):
    """The loss of whole gold tag sequences."""

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
        tags: Tensor,
    ) -> Tensor:
        """Emissions (T, B, K), start (K,), transitions (K, K), end (K,), ..., tags (T, B) -> loss (B,)."""
        problem = Problem.of(emissions, Potentials.of(start, transitions, end, possible), lengths)
        gold = _read_gold(problem, tags)
        messages = problem.solve(problem.choose_road(d, gold.scores))
        ctx.messages, ctx.gold, ctx.problem = messages, gold, problem
        return (messages.log_z - gold.scores).to(emissions.dtype)

    @staticmethod
    def backward(ctx: Any, weight: Tensor) -> tuple[Tensor | None, ...]:
        """Return expected less gold counts, sentence b times weight[b]."""
        refuse_second_derivative()
        counts = ctx.messages.expected_tags(weight)
        moves = ctx.messages.expected_moves(weight)
        gold = torch.where(ctx.problem.layout.mask, -weight.to(counts.dtype), 0.0)  # (T, B)
        counts.scatter_add_(-1, ctx.gold.tags.unsqueeze(-1), gold.unsqueeze(-1))
        moves.view(-1).index_add_(0, ctx.gold.moves.view(-1), gold[1:].view(-1))
        return (*gradients(counts, moves, ctx.problem.layout), None, None, None, None)


class PartialNegativeLogLikelihood(torch.autograd.Function):
    """The loss of sets of allowed tags: -log p(some sequence within the sets)."""

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
        allowed: Tensor,
    ) -> Tensor:
        """Emissions (T, B, K), start (K,), transitions (K, K), end (K,), ..., allowed (T, B, K) -> loss (B,)."""
        problem = Problem.of(emissions, Potentials.of(start, transitions, end, possible), lengths, allowed)
        messages = problem.solve_beside(problem.choose_road(d))
        ctx.messages, ctx.layout = messages, problem.layout
        total, within = messages.log_z.chunk(2)
        return (total - within).to(emissions.dtype)

    @staticmethod
    def backward(ctx: Any, weight: Tensor) -> tuple[Tensor | None, ...]:
        """Return the expected counts less those within the sets, sentence b times weight[b]."""
        refuse_second_derivative()
        signed = torch.cat((weight, -weight))
        total, within = ctx.messages.expected_tags(signed).chunk(2, dim=1)
        moves = ctx.messages.expected_moves(signed)
        return (*gradients(total + within, moves, ctx.layout), None, None, None, None)


def _read_gold(problem: Problem, tags: Tensor) -> _Gold:
    T, B, K = problem.emissions.shape
    tags = torch.where(problem.layout.mask, tags, 0)
    moves = tags[:-1] * K + tags[1:]
    scores = problem.emissions.gather(-1, tags.unsqueeze(-1)).squeeze(-1).to(widest(tags.device))  # (T, B)
    scores -= problem.peaks
    packed = problem.chain.packed
    scores[1:] += packed.index_select(0, moves.view(-1)).view(T - 1, B)
    final = pick(tags, problem.layout.last)
    edges = packed.index_select(0, tags[0] + K * K) + packed.index_select(0, final + (K * K + K))
    return _Gold(tags, moves, torch.where(problem.layout.mask, scores, 0.0).sum(0) + edges)


def gradients(counts: Tensor, moves: Tensor, layout: PaddedLayout) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients by emissions (which are the counts), start, transitions and end; autograd casts them."""
    return counts, counts[0].sum(0), moves, pick(counts, layout.last).sum(0)


def refuse_second_derivative() -> None:
    """Raise RuntimeError where a backward pass is to be differentiated itself."""
    if torch.is_grad_enabled():  # autograd leaves it on in a backward pass with create_graph
        raise RuntimeError("the CRF loss has no second derivative; call backward without create_graph")
