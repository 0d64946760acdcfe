"""Scores of moves between tags, the moves that are impossible, and how soon any two paths can meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagger.errors import ConfigError

if TYPE_CHECKING:
    from tagger.text.schemes import Constraints

Floats = NDArray[Any]  # float32 or float64, which mypy would keep apart
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

FORBIDDEN = -1e30
"""Score of a move that can't happen: finite, so that no NaN is born, and below every sum of real scores, so that
no sequence with a forbidden move ever beats one without."""

_LARGEST_EXPONENT = 16
"""Tag schemes need 1 to 3 steps; a graph that needs more is treated as one that never mixes."""


class Moves(NamedTuple):
    """Log-potentials that all sentences share, or their exponentials."""

    start: Floats  # (K,): beginning with a tag
    transitions: Floats  # (K, K): [i, j] goes from tag i to tag j
    end: Floats  # (K,): ending with a tag

    def cast(self, dtype: np.dtype[Any]) -> Moves:
        """Return the moves in another floating type."""
        return Moves(*(scores.astype(dtype, copy=False) for scores in self))

    def weights(self) -> tuple[Moves, float]:
        """Return exp(scores - top), which are at most 1 and 0 where forbidden, and top."""
        top = max(scores.max() for scores in self)
        return Moves(*(np.exp(scores - top) for scores in self)), float(top)

    def range(self) -> tuple[float, float]:
        """Return the lowest and the highest score of a possible move."""
        packed = np.concatenate([scores.ravel() for scores in self])
        high = packed.max()
        return float(np.where(packed > FORBIDDEN / 2, packed, high).min()), float(high)


def check_constraints(constraints: Constraints, K: int) -> Constraints:
    """Return constraints over K tags, trimmed.

    Raises:
        ValueError: they have other shapes.
        ConfigError: no tag sequence at all is possible.
    """
    shapes = tuple(np.shape(mask) for mask in constraints)
    if shapes != ((K,), (K, K), (K,)):
        raise ValueError(f"constraints must have the shapes {((K,), (K, K), (K,))}, got {shapes}")
    return trim(constraints)


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


def _reachable(origins: np.ndarray, transitions: np.ndarray) -> np.ndarray:
    """Return which tags (K,) can be reached from the origins in any number of moves."""
    reached = origins
    while True:
        further = reached | (reached @ transitions)
        if (further == reached).all():
            return reached
        reached = further
