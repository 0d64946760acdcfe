"""The linear chain: scores of moves that all sentences share, and the questions that their emission scores answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tagger.runtime.chain.constraints import (
    FORBIDDEN,
    Bools,
    Floats,
    Ints,
    Moves,
    check_constraints,
    exponent,
)
from tagger.runtime.chain.posterior import ChainPosterior, find_posterior
from tagger.runtime.chain.search import NBest, find_best, find_n_best, find_reach, restrict

if TYPE_CHECKING:
    from tagger.text.schemes import Constraints


class Chain:
    """A trained linear-chain conditional random field over K tags.

    Args:
        start: (K,), score of beginning with a tag.
        transitions: (K, K), [i, j] is the score of going from tag i to tag j.
        end: (K,), score of ending with a tag.
        constraints: which starts, moves and ends are possible; everything when None.

    Everywhere scores are (T, B, K) float32 or float64, lengths (B,) at least 1 each, and allowed (T, B, K) bool is
    partial knowledge: the tags that each token may have. What the padding holds doesn't matter.
    """

    def __init__(
        self, start: ArrayLike, transitions: ArrayLike, end: ArrayLike, constraints: Constraints | None = None
    ) -> None:
        moves = Moves(np.asarray(start), np.asarray(transitions), np.asarray(end))
        self.num_tags = len(moves.start)
        self._exponent: int | None = 1
        self._possible, self._reach = constraints, None
        if constraints is not None:
            self._possible = check_constraints(constraints, self.num_tags)
            self._exponent = exponent(self._possible)
            self._reach = find_reach(self._possible.transitions)
        self._free = moves

    def viterbi(self, scores: Floats, lengths: Ints, allowed: Bools | None = None) -> Ints:
        """Return the most likely tags (T, B), 0 beyond each length; among equal tags the lowest, from the end.

        Raises:
            DataError: the constraints leave none of the sequences of allowed tags.
        """
        return find_best(restrict(scores, allowed), self._moves(scores.dtype), lengths, self._reach)

    def nbest(
        self, scores: Floats, lengths: Ints, n: int, allowed: Bools | None = None
    ) -> NBest[NDArray[Any]]:
        """Return the n most likely tag sequences; for their probabilities see `ChainPosterior.of_scores`.

        Raises:
            DataError: the constraints leave none of the sequences of allowed tags.
        """
        return find_n_best(restrict(scores, allowed), self._moves(scores.dtype), lengths, n, self._reach)

    def posterior(
        self, scores: Floats, lengths: Ints, allowed: Bools | None = None, temperature: float = 1.0
    ) -> ChainPosterior:
        """Return the distribution over tag sequences, for marginals and the probabilities of spans.

        Every score is divided by the temperature; above 1 the probabilities are less extreme.

        Raises:
            DataError: the constraints leave none of the sequences of allowed tags.
        """
        moves = self._moves(scores.dtype, temperature)
        return find_posterior(scores, moves, lengths, allowed, self._exponent, temperature)

    def _moves(self, dtype: np.dtype[Any], temperature: float = 1.0) -> Moves:
        """Return the scores of moves in a floating type, FORBIDDEN where the constraints say so."""
        moves = self._free.cast(dtype)
        if temperature != 1.0:
            moves = Moves(*(each / dtype.type(temperature) for each in moves))
        if self._possible is None:
            return moves
        pairs = zip(self._possible, moves, strict=True)
        return Moves(*(np.where(mask, each, dtype.type(FORBIDDEN)) for mask, each in pairs))
