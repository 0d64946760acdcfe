"""The CRF as a module: parameters, constraints, and checks at the door.

`forward` and `decode` are the interface that users of CRF layers in PyTorch know, with masks and lists. The other
methods are the fast one: time-major tensors and lengths.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from tagger.model.crf import kernels
from tagger.model.crf.kernels.faults import Faults, raise_first
from tagger.model.crf.loss import NegativeLogLikelihood, PartialNegativeLogLikelihood
from tagger.model.crf.padded import token_mask
from tagger.model.crf.posterior import Posterior
from tagger.model.crf.potentials import Potentials, pack
from tagger.model.crf.problem import Problem
from tagger.model.crf.search import n_best, viterbi
from tagger.model.crf.soft import CrossEntropy, SoftTags
from tagger.runtime.chain import FORBIDDEN, NBest
from tagger.runtime.chain.constraints import check_constraints, exponent

if TYPE_CHECKING:
    from tagger.model.crf.kernels.launches import KernelChain
    from tagger.text.schemes import Constraints

REDUCTIONS = ("none", "sum", "mean", "token_mean")


class CRF(nn.Module):
    """Linear-chain conditional random field over K tags.

    Args:
        num_tags: K.
        batch_first: whether `forward` and `decode` take (B, T, ...) instead of (T, B, ...).
        constraints: which starts, moves and ends are possible; everything when None. They are no part of the
            state: a state dict holds the three parameters alone.

    Attributes:
        start_transitions: (K,), score of beginning with a tag.
        transitions: (K, K), [i, j] is the score of going from tag i to tag j.
        end_transitions: (K,), score of ending with a tag.
    """

    possible: Tensor | None

    def __init__(
        self, num_tags: int, batch_first: bool = False, constraints: Constraints | None = None
    ) -> None:
        if num_tags <= 0:
            raise ValueError(f"invalid number of tags: {num_tags}; expected at least 1")
        super().__init__()
        self.num_tags = num_tags
        self.batch_first = batch_first
        self.start_transitions = nn.Parameter(torch.empty(num_tags))
        self.end_transitions = nn.Parameter(torch.empty(num_tags))
        self.transitions = nn.Parameter(torch.empty(num_tags, num_tags))
        self.exponent: int | None = 1
        if constraints is not None:
            constraints = check_constraints(constraints, num_tags)
            self.exponent = exponent(constraints)
        self.register_buffer("possible", None if constraints is None else pack(constraints), persistent=False)
        self._faults = Faults()
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all scores from U(-0.1, 0.1)."""
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.1, 0.1)

    def extra_repr(self) -> str:
        constrained = self.possible is not None
        return f"num_tags={self.num_tags}, batch_first={self.batch_first}, constrained={constrained}"

    # The interface that users of CRF layers know.

    def forward(
        self, emissions: Tensor, tags: Tensor, mask: Tensor | None = None, reduction: str = "sum"
    ) -> Tensor:
        """Return the log-likelihood of tags.

        Args:
            emissions: (T, B, K) scores, or (B, T, K) if `batch_first`, as in all arguments.
            tags: (T, B) int64.
            mask: (T, B) bool or uint8, which tokens exist: the first ones of each sentence; all when None.
            reduction: "none" for (B,); "sum", "mean" over sentences or "token_mean" over tokens for ().
        """
        if reduction not in REDUCTIONS:
            raise ValueError(f"invalid reduction: {reduction}; expected one of {', '.join(REDUCTIONS)}")
        lengths = self._check(emissions, mask, tags)
        if self.batch_first:
            emissions, tags = emissions.transpose(0, 1), tags.transpose(0, 1)
        self._check_tags(tags, lengths)
        log_likelihood = -self.negative_log_likelihood(emissions, tags, lengths)
        self.raise_faults()
        if reduction == "none":
            return log_likelihood
        if reduction == "mean":
            return log_likelihood.mean()
        total = log_likelihood.sum()
        return total if reduction == "sum" else total / lengths.sum()

    def decode(self, emissions: Tensor, mask: Tensor | None = None) -> list[list[int]]:
        """Return the most likely tags of each sentence; arguments as for `forward`."""
        lengths = self._check(emissions, mask)
        if self.batch_first:
            emissions = emissions.transpose(0, 1)
        rows = self.viterbi(emissions, lengths).t().tolist()
        return [row[:length] for row, length in zip(rows, lengths.tolist(), strict=True)]

    # Time-major tensors and lengths.

    def negative_log_likelihood(
        self, emissions: Tensor, tags: Tensor | None, lengths: Tensor, allowed: Tensor | None = None
    ) -> Tensor:
        """Return -log p(tags) of each sentence, or -log p(some sequence of allowed tags).

        Args:
            emissions: (T, B, K).
            tags: (T, B) int64; not read if `allowed` is given.
            lengths: (B,) int64, at least 1 each.
            allowed: (T, B, K) bool, for partial annotation: the tags that each token may have.

        Returns:
            (B,) losses in nats.

        Raises:
            DataError: the constraints forbid the tags, or leave none of the sequences of allowed tags. On a GPU
                nobody waits to find that out: such a sentence has the loss inf and no gradient, and the next call
                raises the error, or `raise_faults`.
        """
        known = tags if allowed is None else allowed
        assert known is not None, "either tags or allowed tags"
        if kernels.apply_to(emissions):
            return self._likelihood_by_kernels(
                emissions, None if allowed is not None else tags, lengths, allowed
            )
        loss = NegativeLogLikelihood if allowed is None else PartialNegativeLogLikelihood
        value: Tensor = loss.apply(  # type: ignore[no-untyped-call]
            _widened(emissions),
            self.start_transitions,
            self.transitions,
            self.end_transitions,
            self.possible,
            self.exponent,
            lengths,
            known,
        )
        return value

    def cross_entropy(self, emissions: Tensor, soft: SoftTags, lengths: Tensor) -> Tensor:
        """Return -sum_y q(y) log p(y) of each sentence for distributions q over its tag sequences.

        Args:
            emissions: (T, B, K).
            soft: what has to be known of q, see `soft`; gold tags are `SoftTags.of_gold`.
            lengths: (B,) int64, at least 1 each.

        Returns:
            (B,) losses in nats; they are as small as they can be, the entropy of q, where p = q.

        Raises:
            DataError: q expects a move that the constraints forbid.
        """
        value: Tensor = CrossEntropy.apply(  # type: ignore[no-untyped-call]
            _widened(emissions),
            self.start_transitions,
            self.transitions,
            self.end_transitions,
            self.possible,
            self.exponent,
            lengths,
            soft,
        )
        return value

    @torch.no_grad()
    def viterbi(self, emissions: Tensor, lengths: Tensor, allowed: Tensor | None = None) -> Tensor:
        """Return the most likely tags (T, B) int64 among the allowed ones (T, B, K), 0 beyond each length."""
        if kernels.apply_to(emissions):
            return self._viterbi_by_kernels(emissions, lengths, allowed)
        emissions = _restricted(_widened(emissions), allowed)
        return viterbi(emissions, self.chain(emissions.dtype), lengths)

    @torch.no_grad()
    def nbest(
        self, emissions: Tensor, lengths: Tensor, n: int, allowed: Tensor | None = None
    ) -> NBest[Tensor]:
        """Return the n most likely tag sequences; for their probabilities see `Posterior.of_scores`."""
        emissions = _restricted(_widened(emissions), allowed)
        return n_best(emissions, self.chain(emissions.dtype), lengths, n)

    @torch.no_grad()
    def posterior(
        self,
        emissions: Tensor,
        lengths: Tensor,
        allowed: Tensor | None = None,
        temperature: float = 1.0,
    ) -> Posterior:
        """Return the distribution over tag sequences, for marginals and the probabilities of spans.

        Args:
            emissions: (T, B, K).
            lengths: (B,) int64.
            allowed: (T, B, K) bool, partial knowledge: the tags that each token may have.
            temperature: divides every score; above 1 the probabilities are less extreme.
        """
        emissions = _widened(emissions)
        chain = self.chain(emissions.dtype)
        if temperature != 1.0:
            emissions, chain = emissions / temperature, replace(chain, packed=chain.packed / temperature)
        problem = Problem.of(emissions, chain, lengths, allowed)
        if kernels.apply_to(emissions):
            return self._posterior_by_kernels(problem, emissions, lengths, allowed, temperature)
        return Posterior.of(problem, problem.solve(problem.choose_road(self.exponent)))

    def marginals(self, emissions: Tensor, lengths: Tensor, allowed: Tensor | None = None) -> Tensor:
        """Return p(y_t = k), (T, B, K), 0 beyond each length."""
        return self.posterior(emissions, lengths, allowed).marginals

    @torch.no_grad()
    def chain(self, dtype: torch.dtype | None = None) -> Potentials:
        """Return the scores that all sentences share, FORBIDDEN where the constraints say so."""
        chain = Potentials.of(self.start_transitions, self.transitions, self.end_transitions, self.possible)
        return chain if dtype is None else chain.to(dtype)

    # By kernels, on a GPU; `kernels` imports Triton, so what it launches is imported where it is launched.

    def raise_faults(self) -> None:
        """Raise what is wrong with the last batch whose loss was computed on a GPU: see `negative_log_likelihood`."""
        self._faults.look()

    def _likelihood_by_kernels(
        self, emissions: Tensor, tags: Tensor | None, lengths: Tensor, allowed: Tensor | None
    ) -> Tensor:
        from tagger.model.crf.kernels.loss import KernelLikelihood

        scores = self.start_transitions, self.transitions, self.end_transitions
        found = KernelLikelihood.apply(  # type: ignore[no-untyped-call]
            emissions, *scores, self.possible, self.exponent, lengths, tags, allowed
        )
        losses: Tensor = found[0]
        self._faults.note(found[1], lengths)
        return losses

    def _viterbi_by_kernels(self, emissions: Tensor, lengths: Tensor, allowed: Tensor | None) -> Tensor:
        from tagger.model.crf.kernels.launches import KernelBatch, find_best

        tags, faults = find_best(KernelBatch(emissions, lengths, allowed=allowed), self._kernel_chain())
        raise_first(faults, lengths)
        return tags

    def _posterior_by_kernels(
        self, problem: Problem, emissions: Tensor, lengths: Tensor, allowed: Tensor | None, temperature: float
    ) -> Posterior:
        from tagger.model.crf.kernels.launches import KernelBatch
        from tagger.model.crf.kernels.posterior import marginals

        found, log_z = marginals(
            KernelBatch(emissions, lengths, allowed=allowed), self._kernel_chain(temperature)
        )
        messages = cache(lambda: problem.solve(problem.choose_road(self.exponent)))
        return Posterior(found, log_z, messages, problem.layout)

    def _kernel_chain(self, temperature: float = 1.0) -> KernelChain:
        from tagger.model.crf.kernels.launches import KernelChain

        scores: tuple[Tensor, ...] = (self.start_transitions, self.transitions, self.end_transitions)
        if temperature != 1.0:
            scores = tuple(each / temperature for each in scores)
        start, transitions, end = scores
        return KernelChain.of(start, transitions, end, self.possible, self.exponent)

    def _check(self, emissions: Tensor, mask: Tensor | None, tags: Tensor | None = None) -> Tensor:
        """Check shapes and mask; return the lengths (B,)."""
        if emissions.dim() != 3:
            raise ValueError(f"emissions must have 3 dimensions, got {emissions.dim()}")
        if emissions.size(2) != self.num_tags:
            raise ValueError(
                f"the last dimension of emissions must be {self.num_tags}, got {emissions.size(2)}"
            )
        if not emissions.numel():
            raise ValueError(
                f"expected at least one sentence of one token, got shape {tuple(emissions.shape)}"
            )
        for name, other in (("tags", tags), ("mask", mask)):
            if other is not None and other.shape != emissions.shape[:2]:
                raise ValueError(
                    f"the first two dimensions of emissions and {name} must match, "
                    f"got {tuple(emissions.shape[:2])} and {tuple(other.shape)}"
                )
        B, T = emissions.shape[:2] if self.batch_first else (emissions.shape[1], emissions.shape[0])
        if mask is None:
            return torch.full((B,), T, device=emissions.device)
        mask = (mask.t() if self.batch_first else mask).bool()
        begins, goes_on = torch.stack((mask[0].all(), (mask[1:] <= mask[:-1]).all())).tolist()  # read at once
        if not begins:
            raise ValueError(
                "the mask of the first time step must be on for every sentence; leave empty ones out"
            )
        if not goes_on:
            raise ValueError(
                "the mask must be on without a gap from the first token of a sentence to its last"
            )
        return mask.sum(0)

    def _check_tags(self, tags: Tensor, lengths: Tensor) -> None:
        known = torch.where(token_mask(lengths, len(tags)), tags, tags[:1])
        low, high = torch.stack(known.aminmax()).tolist()
        if low < 0 or high >= self.num_tags:
            raise ValueError(f"tags must lie between 0 and {self.num_tags - 1}, got {low} to {high}")


def _widened(emissions: Tensor) -> Tensor:
    """Return emissions in single precision at least."""
    return emissions.float() if emissions.dtype in (torch.float16, torch.bfloat16) else emissions


def _restricted(emissions: Tensor, allowed: Tensor | None) -> Tensor:
    return emissions if allowed is None else torch.where(allowed, emissions, FORBIDDEN)
