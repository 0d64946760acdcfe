"""A batch made ready for the recursions: padding filled, the road chosen, allowed sets applied.

Numbers are read back from the device here alone, all at once and before a recursion.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from tagger.model.crf.logarithms import propagate_logarithms
from tagger.model.crf.messages import Messages, Road, choose_road, widest
from tagger.model.crf.mistakes import forbidden_gold, no_sequence
from tagger.model.crf.padded import PaddedLayout, reorder
from tagger.model.crf.potentials import Potentials, lookback
from tagger.model.crf.scaled import propagate_scaled
from tagger.runtime.chain import FORBIDDEN


@dataclass(frozen=True, slots=True)
class Problem:
    """What the recursions need to know about a batch."""

    emissions: Tensor  # (T, B, K); in the padding the scores of the sentence's first token
    chain: Potentials
    layout: PaddedLayout
    peaks: Tensor  # (T, B): the largest emission of each token
    allowed: Tensor | None  # (T, B, K) bool, True in the padding

    @classmethod
    def of(
        cls, emissions: Tensor, chain: Potentials, lengths: Tensor, allowed: Tensor | None = None
    ) -> Problem:
        """Fill the padding of emissions (T, B, K), which may hold anything, and of allowed (T, B, K) bool."""
        layout = PaddedLayout.of(lengths, len(emissions))
        filled = reorder(emissions, layout.filled)
        if allowed is not None:
            allowed = allowed | ~layout.mask.unsqueeze(-1)
        return cls(filled, chain, layout, _largest(filled), allowed)

    def choose_road(self, d: int | None, gold: Tensor | None = None) -> Road | None:
        """Return the road for constraints of exponent d; check the scores (B,) of gold tags.

        Raises:
            DataError: gold tags make a move that the constraints forbid.
        """
        T, _, K = self.emissions.shape
        facts = [(self.emissions - self.peaks.unsqueeze(-1)).amin(), *self.chain.range()]
        if gold is not None:
            facts.append(gold.min())
        if self.allowed is not None:
            facts.append(lookback(self.allowed, d))
        wide = widest(self.emissions.device)
        lowest, low_move, high_move, *rest = torch.stack([fact.to(wide) for fact in facts]).tolist()
        if gold is not None and rest[0] < FORBIDDEN / 2:
            raise forbidden_gold(int(gold.argmin()))
        joined = int(rest[-1]) if self.allowed is not None else T if d is None else d
        spread = high_move - low_move - lowest
        return choose_road(spread, K, min(joined, T), self.emissions.dtype, self.emissions.device)

    def solve(self, road: Road | None) -> Messages:
        """Run the recursions over the possible tag sequences."""
        if self.allowed is None:
            return self._propagate(road)
        messages = self._restricted()._propagate(road)
        check_possible(messages.log_z, self.layout.lengths)
        return messages

    def solve_beside(self, road: Road | None) -> Messages:
        """Run them over 2 B sentences: all without the allowed sets, and all again within them."""
        both = replace(
            self,
            emissions=torch.cat((self.emissions, self._restricted().emissions), dim=1),
            layout=self.layout.twice(),
            peaks=self.peaks.repeat(1, 2),
        )
        messages = both._propagate(road)
        check_possible(messages.log_z.chunk(2)[1], self.layout.lengths)
        return messages

    def _restricted(self) -> Problem:
        assert self.allowed is not None
        return replace(self, emissions=torch.where(self.allowed, self.emissions, FORBIDDEN))

    def _propagate(self, road: Road | None) -> Messages:
        recursion = propagate_logarithms if road is None else partial(propagate_scaled, road=road)
        return recursion(self.emissions, self.peaks, self.chain, self.layout)


def check_possible(log_scores: Tensor, lengths: Tensor) -> None:
    """Raise DataError where the best or the total score (B,) says that a sentence has no possible tag sequence."""
    impossible = log_scores < FORBIDDEN / 2
    if bool(impossible.any()):
        b = int(impossible.int().argmax())
        raise no_sequence(b, int(lengths[b]))


def _largest(emissions: Tensor) -> Tensor:
    """Return the maximum over tags, (T, B)."""
    if emissions.shape[-1] < 32:  # torch takes two to four times longer along a short last axis
        return emissions.transpose(1, 2).contiguous().amax(1)
    return emissions.amax(-1)
