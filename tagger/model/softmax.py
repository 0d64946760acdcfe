"""The loss of a labeller without memory between tags: each token's tag is drawn by its emission scores alone.

The counterpart of `model.crf.CRF` for p(y | x) = prod_t softmax(s_t)[y_t]; `runtime.chain.Independent` decodes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tagger.model.crf.soft import SoftTags


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

    def cross_entropy(self, emissions: Tensor, soft: SoftTags, lengths: Tensor) -> Tensor:
        """Return (B,) cross-entropies with distributions over tags, of which the marginals alone are read."""
        inside = _inside(lengths, len(emissions)).unsqueeze(-1)
        terms = soft.marginals.to(emissions.dtype) * functional.log_softmax(emissions, -1)
        return -torch.where(inside, terms, 0.0).sum((0, 2))


def _inside(lengths: Tensor, time: int) -> Tensor:
    return torch.arange(time, device=lengths.device).unsqueeze(1) < lengths
