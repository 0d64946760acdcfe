"""The scores that all sentences share, the moves that are impossible, and how far apart messages can drift.

`Chain` holds scores; `trim` and `exponent` read the boolean constraints once, when a CRF is made; `lookback`
reads the sets of allowed tags of a batch. What a tag means is the business of `tagger.text.schemes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from tagger.errors import ConfigError

if TYPE_CHECKING:
    from tagger.text.schemes import Constraints

FORBIDDEN = -1e30
"""Score of a move that can't happen: finite, so that no NaN is born, and below every sum of real scores, so that
no sequence with a forbidden move ever beats one without."""

_LARGEST_EXPONENT = 16
"""Tag schemes need 1 to 3 steps; a graph that needs more is treated as one that never mixes."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Log-potentials of a linear chain in one vector, transitions, start and end, so that one call treats all."""

    packed: Tensor  # (K * K + 2 K,)
    K: int
    constrained: bool

    @classmethod
    def of(cls, start: Tensor, transitions: Tensor, end: Tensor, possible: Tensor | None = None) -> Chain:
        """Pack start (K,), transitions (K, K) and end (K,), FORBIDDEN where the packed mask is False."""
        packed = torch.cat((transitions.reshape(-1), start, end))
        if possible is not None:
            packed = torch.where(possible, packed, FORBIDDEN)
        return cls(packed, len(start), possible is not None)

    @property
    def transitions(self) -> Tensor:
        """(K, K): [i, j] is the score of going from tag i to tag j."""
        return self.packed[: self.K**2].view(self.K, self.K)

    @property
    def start(self) -> Tensor:
        """(K,): score of beginning with a tag."""
        return self.packed[self.K**2 : -self.K]

    @property
    def end(self) -> Tensor:
        """(K,): score of ending with a tag."""
        return self.packed[-self.K :]

    def to(self, dtype: torch.dtype) -> Chain:
        """Return the chain in another floating type."""
        return Chain(self.packed.to(dtype), self.K, self.constrained)

    def weights(self) -> tuple[Chain, Tensor]:
        """Return exp(scores - top), potentials of at most 1 that are 0 where forbidden, and top, ()."""
        top = self.packed.max()
        return Chain((self.packed - top).exp_(), self.K, self.constrained), top

    def range(self) -> tuple[Tensor, Tensor]:
        """Return the lowest and the highest score of a possible move, () each."""
        if not self.constrained:
            low, high = self.packed.aminmax()
            return low, high
        high = self.packed.max()
        return torch.where(self.packed > FORBIDDEN / 2, self.packed, high).min(), high


def pack(constraints: Constraints) -> Tensor:
    """Return the constraints as a mask (K * K + 2 K,) in the order of `Chain`."""
    start, transitions, end = (torch.from_numpy(mask) for mask in constraints)
    return torch.cat((transitions.reshape(-1), start, end))


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
    how far the messages of two tags at one token can drift apart: the best paths to them need not have parted
    more than d tokens ago.
    """
    transitions = constraints.transitions
    useful = transitions.any(0) | transitions.any(1) | constraints.start
    graph = transitions[np.ix_(useful, useful)].astype(np.float32)
    reached = np.eye(len(graph), dtype=np.float32)
    for d in range(1, _LARGEST_EXPONENT + 1):
        reached = np.minimum(reached @ graph, 1.0)
        if reached.all():
            return d
    return None


def lookback(allowed: Tensor, d: int | None) -> Tensor:
    """Return what takes the place of the exponent d in a batch with sets of allowed tags (T, B, K) bool, ().

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
