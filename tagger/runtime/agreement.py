"""Agreement: what the repeats of a word in a document say about each other.

"Williams" in one sentence of an article may be anybody, beside "Daryl Williams, the attorney general" in another it
is a person. A linear chain sees one sentence; a second look lets the tokens of the same word weigh what the others
say (Sutton and McCallum 2004, "Collective segmentation and labeling of distant entities"; Krishnan and Manning 2006,
"An effective two-stage model for exploiting non-local dependencies in named entity recognition"). Only one number is
fitted, the strength a.

Let p_t(y) be the probability that token t belongs to a name of type y, or to none, as the chain of its sentence has
it, q_t(y) the mean of p over all tokens of the scope with the same word, t itself included, and H_t the entropy of
p_t, as a share of the largest one possible. Then each tag of type y gets at token t the score

    a H_t (log(q_t(y) + e) - log(p_t(y) + e))

on top, and the chain is decoded again. A token whose probabilities are all 0 or 1 has H_t = 0 and keeps its scores;
the less sure a token is, the more it leans towards what the others are. The chain's probabilities are then exact for
these scores.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagger.runtime.chain import Chain, Independent
from tagger.runtime.chainbatch import Ints, batch_chains
from tagger.text.schemes import Scheme

Floats = NDArray[np.float32]

STRENGTHS = (0.0, 4.0)  # that are tried on dev
_TEMPERATURE = 2.0  # of p: a network is surer of itself than it should be
_FLOOR = 0.02  # e: what a probability can't fall below weighs little


class Pull(NamedTuple):
    """Where repeats pull scores, for a strength of 1.

    Attributes:
        tokens: (M,) which tokens, each once.
        scores: (M, K) what their tags get on top (nats).
    """

    tokens: Ints
    scores: Floats

    def add_to(self, scores: Floats, strength: float) -> Floats:
        """Return (N, K) scores with what comes on top."""
        pulled = scores.copy()
        pulled[self.tokens] += np.float32(strength) * self.scores
        return pulled


class Agreement:
    """What repeats say, by the decoder of a model.

    Args:
        types: (K,) of each tag, "" for `O`.
        decoding: the decoder.
    """

    def __init__(self, types: NDArray[np.object_], decoding: Chain | Independent) -> None:
        names, self._types = np.unique(types.astype(str), return_inverse=True)
        self._membership = np.zeros(
            (len(types), len(names)), np.float32
        )  # (K, Y), 1 where a tag is of a type
        self._membership[np.arange(len(types)), self._types] = 1.0
        self._decoding = decoding

    def weigh(
        self,
        scores: Floats,
        starts: Ints,
        sizes: Ints,
        repeats: Ints | None,
        allowed: NDArray[np.bool_] | None = None,
    ) -> Pull | None:
        """Return what repeats say; None: there are none.

        Args:
            scores: (N, K) emission scores of the tokens of all sentences, one after the other.
            starts, sizes: (S,) where each sentence's tokens begin, and how many they are.
            repeats: (N,) see `text.repetition`; None: there are none.
            allowed: (N, K) which tags each token may have; None: any.
        """
        if repeats is None or not (repeats >= 0).any():
            return None
        tokens = np.flatnonzero(repeats >= 0)
        held = np.unique(np.searchsorted(starts, tokens, side="right") - 1)
        beliefs = self._find_beliefs(scores, starts[held], sizes[held], allowed)[tokens]  # (M, Y)
        words, owners, counts = np.unique(repeats[tokens], return_inverse=True, return_counts=True)
        sums = np.zeros((len(words), beliefs.shape[1]), np.float32)
        np.add.at(sums, owners, beliefs)
        means = (sums / counts[:, None].astype(np.float32))[owners]
        safe = np.maximum(beliefs, np.float32(1e-30))
        doubt = -(beliefs * np.log(safe)).sum(1, keepdims=True) / np.float32(
            math.log(max(2, beliefs.shape[1]))
        )
        pulled = doubt * (np.log(means + np.float32(_FLOOR)) - np.log(beliefs + np.float32(_FLOOR)))  # (M, Y)
        return Pull(tokens, pulled[:, self._types])

    def _find_beliefs(
        self, scores: Floats, starts: Ints, sizes: Ints, allowed: NDArray[np.bool_] | None
    ) -> Floats:
        """Return (N, Y): p of the tokens of some sentences, 0 elsewhere."""
        found = np.zeros((len(scores), self._membership.shape[1]), np.float32)
        for batch in batch_chains(starts, sizes):
            options = batch.take_allowed(allowed)
            posterior = self._decoding.posterior(batch.take(scores), batch.sizes, options, _TEMPERATURE)
            found[batch.places[batch.inside]] = posterior.marginals[batch.inside] @ self._membership
        return found


def heeds_repeats(scheme: Scheme) -> bool:
    """Tell whether a model finds names; bare labels such as parts of speech change with the sentence."""
    return scheme is not Scheme.BARE
