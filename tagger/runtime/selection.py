"""Which sentences of a pool are best labelled next: those from which a model has most to learn for what they cost.

A sentence is worth the sum of what is doubtful about its tokens (`questions.Doubt`). Ten sentences about the same
thing aren't worth ten times as much, so what is doubtful about a word counts less with each chosen sentence that
holds the word:

    worth(s) = sum_t d_t f^n(w_t),        0 < f <= 1

with n(w) how many of the chosen sentences hold the word w. Another copy of a chosen sentence is worth little, and one
that shares its doubtful words with others less than one that brings new ones; what is common to all sentences and not
doubtful takes no part. Worth only falls as sentences are chosen, so the best one is found with a heap whose top alone
is weighed anew (Minoux 1978, "Accelerated greedy algorithms for maximizing submodular set functions"): what is first
with its new value beside the old, too high ones of the others is the best of all.

A pool may be larger than memory. Only the best few for each one wanted are kept while it goes by (`Shortlist`), each
text once.
"""

from __future__ import annotations

import heapq
import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from hashlib import blake2b
from itertools import groupby
from typing import Any, NamedTuple

from tagger.text.features import normalise
from tagger.text.formats import LabelledSentence
from tagger.text.passages import Passage

FADE = 0.5
_SPARE = 10  # candidates kept for each sentence wanted
_OVERHEAD = 50  # tokens that cost as much as turning to a sentence does: benchmarks/EXPERIMENTS.md
_DIGEST_SIZE = 12  # bytes: among billions of sentences hardly ever two have the same
_DIGIT = re.compile(r"\d")
_MOST_REASONS = 3  # words that are named
_LEAST_REASON = 0.1  # share of a sentence's worth that a word must have to be named


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


class Chosen(NamedTuple):
    """A sentence that was chosen.

    Attributes:
        sentence: itself.
        score: what it was worth for its cost when it was chosen; of a random choice None.
        doubt: what is doubtful about it in all; of a random choice None.
        reasons: the words that made most of its score, at most three.
    """

    sentence: LabelledSentence
    score: float | None
    doubt: float | None
    reasons: tuple[str, ...]

    def as_dict(self, rank: int) -> dict[str, Any]:
        """Return what `tagger next --json` holds of it, and the rank that it has among those that were chosen."""
        found = self.sentence
        place = {"doc": found.doc, "start": found.start, "end": found.end, "text": found.text}
        return {"rank": rank, **self._tell(), **place, "tokens": len(found.tokens)}

    def single_out(self, rank: int) -> LabelledSentence:
        """Return the sentence as a document of its own, which says why it was chosen.

        Neighbours of the list aren't neighbours in a text, so none may be taken for one.
        """
        found, shift = self.sentence, self.sentence.start
        return replace(
            found,
            doc=f"{'stdin' if found.doc == '-' else found.doc}@{shift}",
            start=0,
            end=found.end - shift,
            tokens=[(start - shift, end - shift, tag) for start, end, tag in found.tokens],
            spans=[each._replace(start=each.start - shift, end=each.end - shift) for each in found.spans],
            space="\n",
            facts={"rank": rank, **self._tell()},
        )

    def _tell(self) -> dict[str, Any]:
        """Return why it was chosen."""
        if self.score is None or self.doubt is None:
            return {}
        return {"score": round(self.score, 6), "doubt": round(self.doubt, 6), "reasons": list(self.reasons)}


def choose(candidates: Sequence[Candidate], n: int, fade: float = FADE) -> list[tuple[int, list[float]]]:
    """Return the places of the n candidates that are worth most for their cost, best first.

    Beside each stands what is left of its doubts, token by token: their sum is what it was worth.
    """
    met: Counter[str] = Counter()

    def fade_doubts(candidate: Candidate) -> list[float]:
        return [
            doubt * fade ** met[word] for word, doubt in zip(candidate.words, candidate.doubts, strict=True)
        ]

    heap = [(-sum(each.doubts) / each.cost, place) for place, each in enumerate(candidates)]
    heapq.heapify(heap)
    chosen: list[tuple[int, list[float]]] = []
    while heap and len(chosen) < n:
        place = heap[0][1]
        left = fade_doubts(candidates[place])
        value = -sum(left) / candidates[place].cost
        if any((value, place) > other for other in heap[1:3]):
            heapq.heapreplace(heap, (value, place))
            continue
        heapq.heappop(heap)
        chosen.append((place, left))
        met.update(set(candidates[place].words))
    return chosen


def digest(words: Iterable[str]) -> bytes:
    """Return what tells sentences apart: their characters without white space, digits being alike, and case.

    It doesn't depend on how a text was cut into tokens, so that a sentence of a corpus is known again in raw text.

    >>> digest(["Don't", "!"]) == digest(["do", "n't!"])
    True
    """
    found = blake2b(digest_size=_DIGEST_SIZE)
    for word in words:
        found.update(_fold(word))
    return found.digest()


def digest_all(passages: Iterable[Passage]) -> set[bytes]:
    """Return the digests of the sentences of passages, and of their documents.

    A task of an annotation tool is a document. It may be cut into sentences otherwise than the text was that it was
    taken from, but as a whole it is known again.
    """
    found: set[bytes] = set()
    for _, parts in groupby(passages, key=lambda passage: passage.doc):
        whole = blake2b(digest_size=_DIGEST_SIZE)
        for passage in parts:
            for row in passage.rows:
                if row.text:
                    whole.update(_fold(row.text))
                    found.add(digest([row.text]))
        found.add(whole.digest())
    return found


def _fold(text: str) -> bytes:
    """Return a text without white space and without what doesn't count; folded parts joined are the whole folded."""
    return _DIGIT.sub("0", "".join(text.split()).casefold()).encode("utf-8", "surrogatepass")


class Shortlist:
    """The sentences of a pool that may be chosen: it goes by once, and only the best are kept.

    Args:
        n: how many are wanted.
        excluded: the digests of sentences that are labelled already.
        seed: of a random choice; None: the sentences have doubts, which decide.
    """

    def __init__(self, n: int, excluded: AbstractSet[bytes] = frozenset(), seed: int | None = None) -> None:
        self._n = n
        self._excluded = excluded
        self._random = None if seed is None else random.Random(seed)
        self._most = n if seed is not None else n * _SPARE
        self._heap: list[tuple[float, int, bytes, LabelledSentence]] = []  # the worst first
        self._held: set[bytes] = set()
        self.sentences = self.tokens = 0
        self.labelled = self.repeated = 0

    def add(self, sentence: LabelledSentence) -> None:
        """Look at a sentence of the pool."""
        self.sentences += 1
        self.tokens += len(sentence.tokens)
        found = digest([sentence.text])
        if found in self._excluded:
            self.labelled += 1
            return
        if found in self._held:
            self.repeated += 1
            return
        value = self._random.random() if self._random else sum(sentence.doubts or ()) / _weigh_cost(sentence)
        row = (value, -self.sentences, found, sentence)
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, row)
            self._held.add(found)
        elif row[:2] > self._heap[0][:2]:
            self._held.discard(heapq.heapreplace(self._heap, row)[2])
            self._held.add(found)

    def choose(self) -> list[Chosen]:
        """Return the best of what went by, best first."""
        rows = sorted(self._heap, key=lambda row: -row[1])
        if self._random is not None:
            rows = sorted(rows, reverse=True)[: self._n]
            return [Chosen(sentence, None, None, ()) for *_, sentence in rows]
        sentences = [sentence for *_, sentence in rows]
        candidates = [
            Candidate([*map(normalise, each.words())], each.doubts or (), _weigh_cost(each))
            for each in sentences
        ]
        return [
            Chosen(
                sentences[place],
                sum(left) / candidates[place].cost,
                sum(candidates[place].doubts),
                _find_reasons(sentences[place].words(), left),
            )
            for place, left in choose(candidates, self._n)
        ]


def _weigh_cost(sentence: LabelledSentence) -> float:
    """Return what labelling a sentence costs, in units of turning to one."""
    return 1.0 + len(sentence.tokens) / _OVERHEAD


def _find_reasons(words: Sequence[str], doubts: Sequence[float]) -> tuple[str, ...]:
    """Return the words that make most of the doubt about a sentence, in its order."""
    least = _LEAST_REASON * sum(doubts)
    best = sorted(range(len(words)), key=lambda place: -doubts[place])[:_MOST_REASONS]
    return tuple(words[place] for place in sorted(best) if doubts[place] > least)
