"""The decoder without memory: each token's tag is chosen by its emission scores alone.

The counterpart of `Chain`, with the same questions answered for p(y | x) = prod_t softmax(s_t)[y_t]. Neighbouring
tags may contradict the scheme; the reader of the tags repairs that as the reference scorer does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.runtime.chain.constraints import Bools, Floats, Ints, Moves
from tagger.runtime.chain.posterior import list_inner_moves
from tagger.runtime.chain.search import NBest, find_n_best, restrict


class Independent:
    """Independent choices of K tags; arguments as for `Chain`."""

    def __init__(self, num_tags: int) -> None:
        self.num_tags = num_tags

    def viterbi(self, scores: Floats, lengths: Ints, allowed: Bools | None = None) -> Ints:
        """Return each token's best (allowed) tag (T, B), 0 beyond each length; among equal tags the lowest."""
        best: Ints = restrict(scores, allowed).argmax(-1)
        best[~_find_inside(lengths, len(scores))] = 0
        return best

    def nbest(
        self, scores: Floats, lengths: Ints, n: int, allowed: Bools | None = None
    ) -> NBest[NDArray[Any]]:
        """Return the n most likely tag sequences: those of a chain whose moves cost nothing."""
        K = self.num_tags
        moves = Moves(np.zeros(K), np.zeros((K, K)), np.zeros(K))
        return find_n_best(restrict(scores, allowed), moves, lengths, n)

    def posterior(
        self, scores: Floats, lengths: Ints, allowed: Bools | None = None, temperature: float = 1.0
    ) -> IndependentPosterior:
        """Return the distribution over tag sequences; every score is divided by the temperature."""
        inside = _find_inside(lengths, len(scores))
        kept = restrict(scores, allowed).transpose(0, 2, 1).copy()  # (T, K, B)
        np.copyto(kept, 0.0, where=~inside[:, None])
        kept /= kept.dtype.type(temperature)
        top = kept.max(1)
        kept -= top[:, None]
        np.exp(kept, out=kept)
        sums = kept.sum(1)
        kept /= sums[:, None]
        log_z = np.where(inside, top + np.log(sums), 0.0).sum(0, dtype=np.float64)
        marginals = np.ascontiguousarray(kept.transpose(0, 2, 1))
        marginals[~inside] = 0.0
        return IndependentPosterior(marginals, log_z)


@dataclass(frozen=True, slots=True)
class IndependentPosterior:
    """The distribution over tag sequences of B sentences whose tokens are independent; see `ChainPosterior`.

    Attributes:
        marginals: (T, B, K), p(y_t = k | x); 0 in the padding.
        log_z: (B,) float64, the logarithm of the sum over all tag sequences.
    """

    marginals: Floats
    log_z: Floats

    @property
    def entropies(self) -> Floats:
        """(T, B) float64, the entropy of each tag in nats, see `ChainPosterior.entropies`; 0 in the padding."""
        shares = self.marginals.astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Floats = -np.where(shares > 0.0, shares * np.log(shares), 0.0).sum(-1)
        return found

    def of_scores(self, scores: Floats) -> Floats:
        """Return the probability (B, N) of tag sequences from their scores (B, N)."""
        found: Floats = np.exp(np.minimum(scores - self.log_z[:, None], 0.0))
        return found

    def spans(self, tags: Ints, sentence: Ints, start: Ints, end: Ints) -> Floats:
        """Return the probability (N,) that a sentence has exactly these tags (T, B) from `start` to `end`."""
        with np.errstate(divide="ignore"):
            logs = np.log(self.marginals[start, sentence, tags[start, sentence]], dtype=np.float64)
            span, step = list_inner_moves(start, end)
            if len(span):
                step, owner = step + 1, sentence[span]
                inner = np.log(self.marginals[step, owner, tags[step, owner]], dtype=np.float64)
                logs += np.bincount(span, inner, len(logs))
        return np.exp(logs, out=logs)

    def runs(self, tags: Ints, sentence: Ints, start: Ints, end: Ints) -> Floats:
        """Return the probability (N,) of runs with tags of their own, one run after the other (M,)."""
        sizes = end - start
        run = np.repeat(np.arange(len(sizes)), sizes)
        step = np.arange(len(run)) - (np.cumsum(sizes) - sizes - start)[run]
        with np.errstate(divide="ignore"):
            logs = np.log(self.marginals[step, sentence[run], tags], dtype=np.float64)
        found: Floats = np.exp(np.bincount(run, logs, len(sizes)))
        return found


def _find_inside(lengths: Ints, T: int) -> Bools:
    """Return (T, B): which tokens exist."""
    return np.arange(T)[:, None] < lengths
