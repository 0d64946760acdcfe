"""Brute force: a CRF that writes down every tag sequence of one sentence, in double precision; and the chains to try.

It shares neither recursion, nor tensors, nor the treatment of forbidden moves with `tagger.model.crf`: what is
impossible is simply never written down.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from tagger.text.schemes import Scheme, allowed

Path = tuple[int, ...]

BIOES = ["O", "B-X", "I-X", "E-X", "S-X"]
SCHEMES = {
    "free": (4, None),
    "BIOES": (5, allowed(BIOES, Scheme.BIOES)),
    "IOB2": (5, allowed(["O", "B-X", "I-X", "B-Y", "I-Y"], Scheme.IOB2)),
    "BMES": (4, allowed(["B", "M", "E", "S"], Scheme.BMES)),
}
SCALES = {"like": 1.0, "sure": 12.0, "very sure": 60.0, "far apart": 1000.0}
"""Emission scores of these sizes take the roads of float32, of float64 and of logarithms."""


class BruteForceCRF:
    """All tag sequences of one sentence, best first, with their scores and probabilities.

    Args:
        emissions: (T, K).
        start, transitions, end: (K,), (K, K), (K,).
        constraints: three boolean arrays of the same shapes; None allows everything.
        allowed: (T, K) bool.
    """

    def __init__(self, emissions, start, transitions, end, constraints=None, allowed=None) -> None:
        self.T, self.K = np.shape(emissions)
        self.emissions, self.start, self.transitions, self.end = (
            np.asarray(scores, dtype=np.float64) for scores in (emissions, start, transitions, end)
        )
        self.constraints, self.allowed = constraints, allowed
        paths = [path for path in itertools.product(range(self.K), repeat=self.T) if self.is_possible(path)]
        scored = sorted(((self.score(path), path) for path in paths), key=lambda pair: -pair[0])
        self.scores = [score for score, _ in scored]
        self.paths = [path for _, path in scored]
        top = self.scores[0] if scored else -math.inf
        self.log_z = (
            top + math.log(math.fsum(math.exp(score - top) for score in self.scores)) if scored else top
        )
        self.probabilities = [math.exp(score - self.log_z) for score in self.scores]

    def is_possible(self, path: Path) -> bool:
        if self.allowed is not None and not all(self.allowed[t][k] for t, k in enumerate(path)):
            return False
        if self.constraints is None:
            return True
        start, transitions, end = self.constraints
        moves = all(transitions[i][j] for i, j in itertools.pairwise(path))
        return bool(start[path[0]] and end[path[-1]] and moves)

    def score(self, path: Path) -> float:
        terms = [self.start[path[0]], self.end[path[-1]]]
        terms += [self.emissions[t, k] for t, k in enumerate(path)]
        terms += [self.transitions[i, j] for i, j in itertools.pairwise(path)]
        return math.fsum(terms)

    def loss(self, gold: Path) -> float:
        return self.log_z - self.score(gold)

    def marginals(self) -> np.ndarray:
        """(T, K)."""
        result = np.zeros((self.T, self.K))
        for path, probability in zip(self.paths, self.probabilities, strict=True):
            for t, k in enumerate(path):
                result[t, k] += probability
        return result

    def expected_moves(self) -> np.ndarray:
        """(K, K)."""
        result = np.zeros((self.K, self.K))
        for path, probability in zip(self.paths, self.probabilities, strict=True):
            for i, j in itertools.pairwise(path):
                result[i, j] += probability
        return result

    def probability_that(self, holds) -> float:
        """The probability of all paths for which the predicate holds."""
        pairs = zip(self.paths, self.probabilities, strict=True)
        return math.fsum(probability for path, probability in pairs if holds(path))

    def span(self, start: int, tags: Sequence[int]) -> float:
        """The probability that the path runs through exactly these tags from `start` on."""
        return self.probability_that(lambda path: path[start : start + len(tags)] == tuple(tags))
