"""Probabilities of tags, of whole tag sequences and of exact spans, given the scores of a sentence.

Given the words, the tags of a linear chain are a Markov chain, so a run of tags from token s to token e - 1 has

    p(y_s .. y_{e-1}) = p(y_s) prod_{t=s+1}^{e-1} p(y_t | y_{t-1}),
    p(y_t = j | y_{t-1} = i) = exp(transitions[i, j]) gamma_t(j) / beta_{t-1}(i)

with the messages of `tagger.model.crf.messages`, which know the same constraints as decoding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from tagger.model.crf.messages import Messages
from tagger.model.crf.padded import PaddedLayout
from tagger.model.crf.problem import Problem

_NEVER = -1e4
"""Logarithm that stands for probability 0 in running sums: finite, and exp of it is 0 in every type."""


@dataclass(frozen=True, slots=True)
class Posterior:
    """The distribution over tag sequences of B sentences; made by `CRF.posterior`.

    Attributes:
        marginals: (T, B, K), p(y_t = k | x); 0 in the padding.
        log_z: (B,), the log partition function, in double precision where the device has it.
    """

    marginals: Tensor
    log_z: Tensor
    _messages: Callable[[], Messages]  # asked for when runs of tags are
    _layout: PaddedLayout

    @classmethod
    def of(cls, problem: Problem, messages: Messages) -> Posterior:
        """Ask the messages for what every user needs."""
        marginals = messages.expected_tags(torch.ones_like(messages.log_z)).to(problem.emissions.dtype)
        peaks = torch.where(problem.layout.mask, problem.peaks, 0.0).sum(0, dtype=messages.log_z.dtype)
        return cls(marginals, messages.log_z + peaks, lambda: messages, problem.layout)

    def of_scores(self, scores: Tensor) -> Tensor:
        """Return the probability (B, N) of tag sequences from their scores (B, N), such as those of `NBest`."""
        return (scores - self.log_z.unsqueeze(-1)).exp().clamp(max=1.0)

    def sequences(self, tags: Tensor) -> Tensor:
        """Return the probability of whole tag sequences (T, B), (B,)."""
        first = self.marginals[0].gather(-1, tags[0].unsqueeze(-1)).squeeze(-1)
        return first * self._running(tags)[-1].exp().to(first.dtype)

    def spans(
        self, tags: Tensor, sentence: Tensor, start: Tensor, end: Tensor, closing: Tensor | None = None
    ) -> Tensor:
        """Return the probability that a sentence has exactly these tags over these tokens, for N spans.

        In BIOES, BMES, BILOU and BMEWO a span is one run of tags (S-X, or B-X, I-X ..., E-X) that says where it
        begins and ends, so this is the probability of the exact span. In IOB2 it also takes a next tag other than
        I-X: give `closing`. IOB1 says too little about the left boundary: convert it.

        Args:
            tags: (T, B) int64, the tags that the spans are made of, such as the decoded ones.
            sentence: (N,) int64, index into B.
            start: (N,) int64, the first token.
            end: (N,) int64, one past the last token.
            closing: (K, K) bool, whether tag j after tag i ends a span that i belongs to; always when None. The
                end of the sentence always does.

        Returns:
            (N,) probabilities.
        """
        running, last = self._running(tags), end - 1
        inside = (running[last, sentence] - running[start, sentence]).exp()
        found = self.marginals[start, sentence, tags[start, sentence]] * inside.to(self.marginals.dtype)
        if closing is None:
            return found
        final = tags[last, sentence]
        followed = self._messages().moves_from(last, sentence, final)  # (N, K)
        closed = torch.where(closing[final], followed, 0.0).sum(-1).to(found.dtype)
        is_last = end == self._layout.lengths[sentence]
        return torch.where(is_last, found, found * closed)

    def _running(self, tags: Tensor) -> Tensor:
        """Return (T, B), the log probability of tags 1 to t given the first."""
        moves = self._messages().log_moves(tags).clamp(min=_NEVER)  # (T - 1, B)
        running = self.log_z.new_zeros(tags.shape)
        running[1:] = torch.where(self._layout.mask[1:], moves, 0.0)
        return running.cumsum(0)
