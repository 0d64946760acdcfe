"""The loss of a distribution over tag sequences, such as a teacher's, with its analytic gradient.

Let q be a distribution over the tag sequences of a sentence and p that of the chain. The cross-entropy

    H(q, p) = -sum_y q(y) log p(y) = log Z - sum_y q(y) score(y)

needs little of q: a score is a sum over tokens and moves, so its expectation is one of marginals. With q_t(k) for the
tag k at token t, and n(i, j) for the expected number of moves from i to j in the whole sentence,

    sum_y q(y) score(y) = q_1 start + sum_t q_t emissions[t] + sum_ij n(i, j) transitions[i, j] + q_T end

(Wang et al. 2021, "Structural knowledge distillation: tractably distilling information for structured predictor",
section 3.1, where the marginals of every single move are kept; their sums over the sentence are all that the loss
asks for, since the moves' scores are the same everywhere). So q may be any distribution: that of another chain, or
the mean of several, which is no chain any more, yet has marginals that are the mean of theirs. As in `loss`, the
gradient is how often a score is expected to be used by p, less how often by q.

How the other losses are related:

- Gold tags are the q that is sure of one sequence: H(q, p) = -log p(gold), `SoftTags.of_gold`.
- Sets of allowed tags say which sequences y may be, S, but not how probable each is. The q within S that is nearest
  to p is p's own posterior r(y) = p(y) / p(S), and H(r, p) = -log p(S) + H(r). So -log p(S) is the divergence
  KL(r || p), and its gradient is that of H(q, p) at the fixed q = r: the target is what the chain itself believes
  within the sets, and moves with it (the E step of an EM algorithm). A token of which nothing is known, `?`, is the
  set of all tags.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tagger.errors import DataError
from tagger.model.crf.loss import gradients, refuse_second_derivative
from tagger.model.crf.messages import widest
from tagger.model.crf.padded import pick, token_mask
from tagger.model.crf.potentials import Potentials
from tagger.model.crf.problem import Problem
from tagger.runtime.chain import FORBIDDEN

_LEAST = 1e-12  # however seldom a forbidden move is expected: no other score is so low


class SoftTags(NamedTuple):
    """What a loss has to know of a distribution over the tag sequences of each of B sentences.

    Attributes:
        marginals: (T, B, K), how probable each tag is at each token: each sums to 1; anything in the padding.
        owners: (N,) int64, whose moves the next two are; a sentence may have the same move more than once.
        moves: (N,) int64, i K + j for the move from tag i to tag j.
        counts: (N,), how often the sentence is expected to make it; those of a sentence sum to its tokens less 1.
    """

    marginals: Tensor
    owners: Tensor
    moves: Tensor
    counts: Tensor

    @classmethod
    def of_gold(cls, tags: Tensor, lengths: Tensor, K: int) -> SoftTags:
        """Return the distribution that is sure of tags (T, B) int64."""
        marginals = torch.nn.functional.one_hot(tags, K).to(torch.get_default_dtype())
        step, owners = token_mask(lengths - 1, max(0, len(tags) - 1)).nonzero(as_tuple=True)
        moves = tags[step, owners] * K + tags[step + 1, owners]
        return cls(marginals, owners, moves, marginals.new_ones(len(moves)))

    def with_each(self, change: Callable[[Tensor], Tensor]) -> SoftTags:
        """Return them with each of their tensors changed, always in the same order."""
        return SoftTags(*(change(each) for each in self))


class CrossEntropy(torch.autograd.Function):
    """The loss of distributions over tag sequences."""

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
        soft: SoftTags,
    ) -> Tensor:
        """Emissions (T, B, K), start (K,), transitions (K, K), end (K,), ..., soft tags -> loss (B,)."""
        problem = Problem.of(emissions, Potentials.of(start, transitions, end, possible), lengths)
        wide = widest(emissions.device)
        inside = problem.layout.mask.unsqueeze(-1)
        soft = soft._replace(
            marginals=torch.where(inside, soft.marginals.to(wide), 0.0), counts=soft.counts.to(wide)
        )
        score = _expect_score(problem, soft)
        messages = problem.solve(problem.choose_road(d))
        ctx.messages, ctx.soft, ctx.layout = messages, soft, problem.layout
        return (messages.log_z - score).to(emissions.dtype)

    @staticmethod
    def backward(ctx: Any, weight: Tensor) -> tuple[Tensor | None, ...]:
        """Return the counts that the chain expects less those of the soft tags, sentence b times weight[b]."""
        refuse_second_derivative()
        soft = ctx.soft
        counts = ctx.messages.expected_tags(weight)
        moves = ctx.messages.expected_moves(weight)
        counts = counts - (soft.marginals * weight.unsqueeze(-1)).to(counts.dtype)
        used = soft.counts * weight.to(soft.counts.dtype).index_select(0, soft.owners)
        moves.view(-1).index_add_(0, soft.moves, -used.to(moves.dtype))
        return (*gradients(counts, moves, ctx.layout), None, None, None, None)


def _expect_score(problem: Problem, soft: SoftTags) -> Tensor:
    """Return the expected score (B,) under soft tags, less the peaks, in the widest type.

    Raises:
        DataError: they expect a move that the constraints forbid.
    """
    wide, chain, marginals = soft.marginals.dtype, problem.chain, soft.marginals
    shifted = problem.emissions.to(wide) - problem.peaks.unsqueeze(-1)
    scores = (marginals * shifted).sum((0, 2))
    moves = chain.packed.index_select(0, soft.moves).to(wide) * soft.counts
    scores.index_add_(0, soft.owners, moves)
    scores += marginals[0] @ chain.start.to(wide) + pick(marginals, problem.layout.last) @ chain.end.to(wide)
    if bool((scores < FORBIDDEN * _LEAST).any()):
        raise DataError(
            f"the soft tags of sentence {int(scores.argmin())} of the batch (counted from 0) expect a move that the "
            "constraints forbid; expected probabilities of tags that are valid in the scheme"
        )
    return scores
