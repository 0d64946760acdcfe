"""Which sentences are best labelled next: those from which a model has most to learn for what they cost.

A sentence is worth the sum of what is doubtful about its tokens (`questions.Doubt`). Ten sentences about the same
thing are not worth ten times as much, so what is doubtful about a word counts less with each chosen sentence in which
it was doubtful already:

    worth(s) = sum_t d_t f^(n(w_t)),        0 < f <= 1

with n(w) how many of the chosen sentences hold the word w. A sentence that was chosen before is worth little, one that
shares its doubtful words with others less than one that brings new ones; what is common to all sentences, and not
doubtful, takes no part. Worth only falls as sentences are chosen, so the best one is found with a heap whose tops
alone are computed anew (Minoux 1978, "Accelerated greedy algorithms"): what would be first with an old, too high
value, and still is with its new one, is the best of all.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

FADE = 0.5


class Candidate(NamedTuple):
    """A sentence to choose or not.

    Attributes:
        words: the word of each token, as far as words count as the same.
        doubts: how doubtful each token is.
        cost: what labelling it costs.
    """

    words: Sequence[str]
    doubts: Sequence[float]
    cost: float


def choose(candidates: Sequence[Candidate], n: int, fade: float = FADE) -> list[int]:
    """Return the places of the n candidates that are worth most for their cost, best first."""
    met: Counter[str] = Counter()

    def weigh(candidate: Candidate) -> float:
        total = sum(
            doubt * fade ** met[word] for word, doubt in zip(candidate.words, candidate.doubts, strict=True)
        )
        return total / candidate.cost

    heap = [(-weigh(each), place) for place, each in enumerate(candidates)]
    heapq.heapify(heap)
    chosen: list[int] = []
    while heap and len(chosen) < n:
        place = heap[0][1]
        value = -weigh(candidates[place])
        if len(heap) > 1 and (value, place) > min(heap[1:3]):
            heapq.heapreplace(heap, (value, place))
            continue
        heapq.heappop(heap)
        chosen.append(place)
        met.update(set(candidates[place].words))
    return chosen
