"""The decoder without memory: each token's tag is chosen by its emission scores alone.

The counterpart of `model.crf.CRF`, with the same questions answered for `p(y | x) = prod_t softmax(s_t)[y_t]`.
Neighbouring tags may contradict the scheme; the reader of the tags repairs that as the reference scorer does.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from tagger.runtime.chain import FORBIDDEN, NBest

_NEVER = (
    -1e4
)  # logarithm that stands for probability 0 in running sums: finite, and exp of it is 0 in every type


class Softmax(nn.Module):
    """Independent choices of K tags."""

    def __init__(self, num_tags: int) -> None:
        super().__init__()
        self.num_tags = num_tags

    def negative_log_likelihood(
        self, emissions: Tensor, tags: Tensor, lengths: Tensor, allowed: Tensor | None = None
    ) -> Tensor:
        """Return (B,) cross-entropies summed over a sentence's tokens.

        Args:
            emissions: (S, B, K) scores.
            tags: (S, B) gold tags, read where `allowed` is absent.
            lengths: (B,) tokens.
            allowed: (S, B, K) which tags are possible; the loss is then -log of their total probability.
        """
        if allowed is None:
            loss = functional.cross_entropy(
                emissions.flatten(0, 1), tags.flatten(), reduction="none"
            ).view_as(tags)
        else:
            inside = emissions.masked_fill(~allowed, torch.finfo(emissions.dtype).min)
            loss = emissions.logsumexp(-1) - inside.logsumexp(-1)
        return torch.where(_inside(lengths, len(tags)), loss, 0.0).sum(0)

    def viterbi(self, emissions: Tensor, lengths: Tensor, allowed: Tensor | None = None) -> Tensor:
        """Return (S, B): each token's best (allowed) tag, 0 beyond each length."""
        return torch.where(_inside(lengths, len(emissions)), _restricted(emissions, allowed).argmax(-1), 0)

    @torch.no_grad()
    def posterior(
        self, emissions: Tensor, lengths: Tensor, allowed: Tensor | None = None, temperature: float = 1.0
    ) -> SoftmaxPosterior:
        """Return the distribution over tag sequences; arguments as for `CRF.posterior`."""
        scores = _restricted(emissions, allowed) / temperature
        inside = _inside(lengths, len(emissions))
        log_z = torch.where(inside, scores.logsumexp(-1), 0.0).sum(0, dtype=torch.float64)
        return SoftmaxPosterior(torch.where(inside.unsqueeze(-1), scores.softmax(-1), 0.0), log_z, inside)

    @torch.no_grad()
    def nbest(
        self, emissions: Tensor, lengths: Tensor, n: int, allowed: Tensor | None = None
    ) -> NBest[Tensor]:
        """Return the n best tag sequences; arguments as for `CRF.nbest`."""
        S, B, K = emissions.shape
        inside = _inside(lengths, S)
        beyond = torch.full((K,), FORBIDDEN, dtype=emissions.dtype, device=emissions.device)
        beyond[0] = 0.0  # the one way to go on past the end
        steps = torch.where(inside.unsqueeze(-1), _restricted(emissions, allowed), beyond)
        scores = emissions.new_zeros(B, 1)
        tags = lengths.new_zeros(0, B, 1)
        for step in steps:
            joined = (scores.unsqueeze(2) + step.unsqueeze(1)).flatten(1)  # (B, n * K)
            scores, places = joined.topk(min(n, joined.shape[1]))
            before = tags.gather(2, (places // K).expand(len(tags), -1, -1))
            tags = torch.cat([before, (places % K).unsqueeze(0)])
        short = n - scores.shape[1]
        scores = functional.pad(scores, (0, short), value=FORBIDDEN)
        return NBest(functional.pad(tags, (0, short)), scores, (scores > FORBIDDEN / 2).sum(-1))


@dataclass(frozen=True, slots=True)
class SoftmaxPosterior:
    """The distribution over tag sequences of B sentences whose tokens are independent; see `crf.Posterior`.

    Attributes:
        marginals: (S, B, K), p(y_t = k | x); 0 in the padding.
        log_z: (B,), the logarithm of the sum over all tag sequences.
    """

    marginals: Tensor
    log_z: Tensor
    _inside: Tensor

    def of_scores(self, scores: Tensor) -> Tensor:
        """Return the probability (B, N) of tag sequences from their scores (B, N)."""
        return (scores - self.log_z.unsqueeze(-1)).exp()

    def sequences(self, tags: Tensor) -> Tensor:
        """Return the probability of whole tag sequences (S, B), (B,)."""
        return torch.where(self._inside, self._chosen(tags), 1.0).prod(0)

    def spans(self, tags: Tensor, sentence: Tensor, start: Tensor, end: Tensor) -> Tensor:
        """Return the probability (N,) that a sentence has exactly these tags (S, B) from `start` to `end`."""
        logs = torch.where(self._inside, self._chosen(tags), 1.0).log().clamp(min=_NEVER)
        running = functional.pad(logs.double().cumsum(0), (0, 0, 1, 0))
        return (running[end, sentence] - running[start, sentence]).exp().to(self.marginals.dtype)

    def _chosen(self, tags: Tensor) -> Tensor:
        return self.marginals.gather(-1, tags.unsqueeze(-1)).squeeze(-1)


def _inside(lengths: Tensor, time: int) -> Tensor:
    return torch.arange(time, device=lengths.device).unsqueeze(1) < lengths


def _restricted(emissions: Tensor, allowed: Tensor | None) -> Tensor:
    return emissions if allowed is None else emissions.masked_fill(~allowed, FORBIDDEN)
