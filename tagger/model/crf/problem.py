"""A batch made ready for the recursions: padding filled, allowed sets applied, the road chosen.

The one place where numbers are read back from the device before a recursion, all at once.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from tagger.errors import DataError
from tagger.model.crf import logarithms, scaled
from tagger.model.crf.chain import FORBIDDEN, Chain, lookback
from tagger.model.crf.messages import Messages, Road, choose_road, widest
from tagger.model.crf.padded import token_mask


class Problem(NamedTuple):
    """What the recursions need to know about a batch."""

    emissions: Tensor  # (T, B, K), harmless in the padding
    chain: Chain
    lengths: Tensor  # (B,)
    mask: Tensor  # (T, B)
    allowed: Tensor | None  # (T, B, K) bool, True in the padding
    peak: float  # the largest emission
    road: Road | None  # None: logarithms

    def solve(self) -> Messages:
        """Run the recursions over the possible tag sequences."""
        if self.allowed is None:
            return self._propagate()
        restricted = torch.where(self.allowed, self.emissions, FORBIDDEN)
        messages = self._replace(emissions=restricted)._propagate()
        check_possible(messages.log_z, self.lengths)
        return messages

    def solve_beside(self) -> Messages:
        """Run them over 2 B sentences: all without the allowed sets, and all again with them."""
        assert self.allowed is not None
        restricted = torch.where(self.allowed, self.emissions, FORBIDDEN)
        messages = self._replace(
            emissions=torch.cat((self.emissions, restricted), dim=1),
            lengths=self.lengths.repeat(2),
            mask=self.mask.repeat(1, 2),
        )._propagate()
        check_possible(messages.log_z[len(self.lengths) :], self.lengths)
        return messages

    def _propagate(self) -> Messages:
        if self.road is None:
            return logarithms.propagate(self.emissions, self.chain, self.lengths, self.mask)
        return scaled.propagate(self.emissions, self.chain, self.lengths, self.mask, self.peak, self.road)


def prepare(
    emissions: Tensor,
    chain: Chain,
    lengths: Tensor,
    d: int | None,
    *,
    allowed: Tensor | None = None,
    gold: Tensor | None = None,
) -> Problem:
    """Fill the padding and choose the road.

    Args:
        emissions: (T, B, K) scores; the padding may hold anything.
        chain: scores shared by all, FORBIDDEN where the constraints say so.
        lengths: (B,) int64.
        d: the exponent of the constraints (see `chain.exponent`).
        allowed: (T, B, K) bool, the tags that are possible at each token.
        gold: (B,) scores of the gold tags.

    Raises:
        DataError: gold tags make a move that the constraints forbid.
    """
    T, _, K = emissions.shape
    mask = token_mask(lengths, T)
    exists = mask.unsqueeze(-1)
    filled = torch.where(exists, emissions, emissions[:1])
    facts = [*filled.aminmax(), chain.gap()]
    if allowed is not None:
        allowed = allowed | ~exists
        facts.append(lookback(allowed, d))
    if gold is not None:
        facts.append(gold.min())
    wide = widest(emissions.device)
    low, peak, gap, *rest = torch.stack([fact.to(wide) for fact in facts]).tolist()
    if gold is not None and rest[-1] < FORBIDDEN / 2:
        raise DataError(
            f"the gold tags of sentence {int(gold.argmin())} of the batch (counted from 0) make a move that the "
            "constraints forbid; expected tags that are valid in the scheme: repair them before training"
        )
    joined = rest[0] if allowed is not None else T if d is None else d
    road = choose_road(peak - low + gap, K, min(joined, T), emissions.dtype, emissions.device)
    return Problem(filled, chain, lengths, mask, allowed, peak, road)


def check_possible(log_scores: Tensor, lengths: Tensor) -> None:
    """Raise DataError where the best or the total score (B,) says that a sentence has no possible tag sequence."""
    impossible = log_scores < FORBIDDEN / 2
    if bool(impossible.any()):
        b = int(impossible.int().argmax())
        raise DataError(
            f"sentence {b} of the batch (counted from 0), of {int(lengths[b])} tokens, has no possible tag sequence: "
            "its allowed tags and the constraints contradict each other; allow more tags"
        )
