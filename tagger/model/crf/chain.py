"""The scores that all sentences share, the moves that are impossible, and how far apart numbers can drift.

`Chain` holds scores; `trim` and `exponent` read the boolean constraints once, when a CRF is made; `lookback`
reads the sets of allowed tags of a batch. What a tag means is the business of `tagger.text.schemes`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from tagger.errors import ConfigError

if TYPE_CHECKING:
    from tagger.text.schemes import Constraints

FORBIDDEN = -1e30
"""Score of a move that can't happen: finite, so that no NaN is born, and below every sum of real scores, so that
no road with a forbidden move on it ever beats one without."""

_LONGEST_EXPONENT = 16
"""Tag schemes need 1 to 3 steps; a graph that needs more is treated as one that never mixes."""


class Chain(NamedTuple):
    """Log-potentials of a linear chain: `transitions[i, j]` scores the move from tag i to tag j."""

    start: Tensor  # (K,)
    transitions: Tensor  # (K, K)
    end: Tensor  # (K,)

    def restricted(self, masks: Chain | None) -> Chain:
        """Return the chain with FORBIDDEN wherever the boolean masks say no."""
        if masks is None:
            return self
        pairs = zip(self, masks, strict=True)
        return Chain(*(torch.where(mask, scores, FORBIDDEN) for scores, mask in pairs))

    def to(self, dtype: torch.dtype) -> Chain:
        """Return the chain in another floating type."""
        return Chain(*(scores.to(dtype) for scores in self))

    def over(self, temperature: float) -> Chain:
        """Return the chain with every score divided by a temperature."""
        return self if temperature == 1.0 else Chain(*(scores / temperature for scores in self))

    def gap(self) -> Tensor:
        """Return how far apart, (), the scores of possible moves lie: the widest of start, transitions, end."""
        gaps = []
        for scores in self:
            top = scores.max()
            gaps.append(top - torch.where(scores > FORBIDDEN / 2, scores, top).min())
        return torch.stack(gaps).max()


def trim(constraints: Constraints) -> Constraints:
    """Forbid also the moves that lie on no sequence: into tags that reach no end, out of tags no start reaches.

    Raises:
        ConfigError: no tag sequence at all is possible.
    """
    start, transitions, end = (np.asarray(mask, dtype=bool) for mask in constraints)
    useful = _reachable(start, transitions) & _reachable(end, transitions.T)
    if not (useful & start).any():
        raise ConfigError(
            f"the constraints over {len(start)} tags leave no possible tag sequence; expected at least one "
            "way from a start to an end"
        )
    both = useful[:, None] & useful[None, :]
    return type(constraints)(start & useful, transitions & both, end & useful)


def exponent(constraints: Constraints) -> int | None:
    """Return the least d such that each useful tag reaches each in exactly d moves; None: no d, or a large one.

    This is the index of primitivity of the graph (1 if everything may follow everything; BIOES has 3). It bounds
    how far the messages of two tags at one token can drift apart: their best paths may part d tokens ago, not
    earlier.
    """
    transitions = constraints.transitions
    useful = transitions.any(0) | transitions.any(1) | constraints.start
    graph = transitions[np.ix_(useful, useful)].astype(np.float32)
    reached = np.eye(len(graph), dtype=np.float32)
    for d in range(1, _LONGEST_EXPONENT + 1):
        reached = np.minimum(reached @ graph, 1.0)
        if reached.all():
            return d
    return None


def lookback(allowed: Tensor, d: int | None) -> Tensor:
    """Return the exponent, (), that a batch with sets of allowed tags (T, B, K) bool has in place of d.

    Two paths can be joined at a token with a single allowed tag, or across d - 1 tokens without restrictions.
    In between, each partly restricted token adds one step.
    """
    T = allowed.shape[0]
    sizes = allowed.sum(-1)  # (T, B)
    steps = torch.arange(T, device=allowed.device).unsqueeze(1).expand_as(sizes)
    joined = sizes == 1
    if d is not None:
        restricted = torch.where(sizes < allowed.shape[-1], steps, -1).cummax(0).values
        joined |= steps - restricted >= d - 1
    latest = torch.where(joined, steps, -1).cummax(0).values
    return (steps - latest).max() + 2 * (d or 1)


def _reachable(origins: np.ndarray, transitions: np.ndarray) -> np.ndarray:
    """Return which tags (K,) can be reached from the origins in any number of moves."""
    reached = origins
    while True:
        further = reached | (reached @ transitions)
        if (further == reached).all():
            return reached
        reached = further
