"""Brown clustering: words that stand between the same words, put together in a binary tree.

Brown et al. 1992, "Class-based n-gram models of natural language", section 3, with the window of classes that is
described there. Classes are merged such that the mutual information of neighbouring classes,

    I = sum over a, b of p(a, b) log (p(a, b) / (p(a) p(b))),        p(a, b) = n(a, b) / n,

stays as large as it can in each step. The commonest words begin as a class each; one word after the other joins them
as a class of its own, and the two classes whose merger costs least become one. At last the classes that remain are
merged to a single one, and the order of these mergers is the tree.

A step takes only what it changes. With f(x) = x log x, what a merger of d and e costs is, in n log units,

      sum over c of h(n(d, c), n(e, c)) + h(n(c, d), n(c, e)),        h(x, y) = f(x) + f(y) - f(x + y)
    + s(d) log ((n(d) + n(e)) / n(d)) + s(e) log ((n(d) + n(e)) / n(e)),

where s(d) counts the neighbours of d that are in a class already, on both sides, and c = d, e stand apart. Now h is 0
where either count is, so a new class c changes the costs of those pairs alone that both stand beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
Tree = int | tuple["Tree", "Tree"]

_TABULATED = 1 << 16
_NUMBERS = np.arange(_TABULATED, dtype=np.float64)
_TABLE = _NUMBERS * np.log(np.maximum(_NUMBERS, 1.0))


class Neighbours(NamedTuple):
    """How often a word stands before another: P distinct pairs.

    Attributes:
        first, second: (P,) numbers of the words, in ascending order of (first, second).
        counts: (P,).
    """

    first: Counts
    second: Counts
    counts: Counts


class Brown:
    """A clustering, word by word.

    Args:
        words: (V,) how often each word occurs, in descending order.
        neighbours: how often they stand beside each other.
        classes: C, the classes that are made; at most V.

    Attributes:
        classes: C.
        steps: how many steps `run` takes: V words that join, C - 1 mergers.
        information: I of the C classes, in bits; 0 before they are made.
    """

    def __init__(self, words: Counts, neighbours: Neighbours, classes: int) -> None:
        self.classes = min(classes, len(words))
        self.steps = len(words) + self.classes - 1
        self.information = 0.0
        self._words = words
        self._followers = _Rows(neighbours.first, neighbours.second, neighbours.counts, len(words))
        order = np.argsort(neighbours.second, kind="stable")
        self._leaders = _Rows(
            neighbours.second[order], neighbours.first[order], neighbours.counts[order], len(words)
        )
        self._place = np.full(
            len(words), -1, dtype=np.int64
        )  # of each word's class, among those of `_Window`
        self._tree: Tree = 0

    def run(self) -> Iterator[int]:
        """Make the classes and their tree, yielding how many steps are done."""
        window = _Window(self.classes + 1)
        members: list[list[int]] = [[] for _ in range(self.classes + 1)]
        free = list(range(self.classes, -1, -1))
        for word in range(len(self._words)):
            place = free.pop()
            self._place[word], members[place] = place, [word]
            right, left = (self._count(each, word, len(members)) for each in (self._followers, self._leaders))
            window.put(place, int(self._words[word]), right, left)
            if not free:
                kept, gone = window.merge()
                self._place[members[gone]] = kept
                members[kept] += members[gone]
                free.append(gone)
            yield word + 1
        self.information = window.information()
        trees: dict[int, Tree] = {place: place for place in range(len(members)) if place not in free}
        for step in range(len(trees) - 1):
            kept, gone = window.merge()
            trees[kept] = (trees[kept], trees.pop(gone))
            yield len(self._words) + step + 1
        (self._tree,) = trees.values()

    def paths(self) -> list[str]:
        """Return each word's path from the root of the tree, when `run` has ended."""
        found: dict[int, str] = {}
        waiting: list[tuple[Tree, str]] = [(self._tree, "")]
        while waiting:
            tree, path = waiting.pop()
            if isinstance(tree, int):
                found[tree] = path
            else:
                waiting += [(tree[0], f"{path}0"), (tree[1], f"{path}1")]
        return [found[place] for place in self._place.tolist()]

    def _count(self, rows: _Rows, word: int, places: int) -> Counts:
        """Return (places,): how often words of each class, the word's own too, stand on one side of a word."""
        others, counts = rows.of(word)
        classes = self._place[others]
        known = classes >= 0
        return np.bincount(classes[known], counts[known], places).astype(np.int64)


class _Rows:
    """A sparse matrix of counts, row by row."""

    def __init__(self, rows: Counts, columns: Counts, counts: Counts, size: int) -> None:
        self._starts = np.searchsorted(rows, np.arange(size + 1))
        self._columns, self._counts = columns, counts

    def of(self, row: int) -> tuple[Counts, Counts]:
        part = slice(self._starts[row], self._starts[row + 1])
        return self._columns[part], self._counts[part]


class _Window:
    """Some classes, how often they stand beside each other, and what it costs to merge any two.

    Args:
        places: M, room for classes; a place without one costs infinitely much to merge.
    """

    def __init__(self, places: int) -> None:
        self._counts = np.zeros((places, places), dtype=np.int64)  # n(a, b)
        self._values = np.zeros((places, places))  # f of them
        self._costs = np.full((places, places), np.inf)
        self._logs = np.zeros((places, places))  # log (n(a) + n(b))
        self._sizes = np.ones(places)  # n(a)
        self._beside = np.zeros(places)  # s(a)
        self._is_there = np.zeros(places, dtype=bool)

    def put(self, place: int, size: int, right: Counts, left: Counts) -> None:
        """Put a class in a free place.

        Args:
            size: how often its words occur.
            right, left: (M,) how often a class, itself too, stands behind it and before it.
        """
        self._counts[place], self._counts[:, place] = right, left
        self._values[place], self._values[:, place] = _f(right), _f(left)
        self._sizes[place], self._is_there[place] = size, True
        more = (right + left).astype(np.float64)
        more[place] = 0.0
        beside = np.flatnonzero(more)
        added = more[beside, None] * (self._logs[beside] - np.log(self._sizes[beside])[:, None])
        self._costs[beside] += added
        self._costs[:, beside] += added.T
        self._beside += more
        self._beside[place] = right.sum() + left.sum()
        self._share(place, 1.0)
        self._judge(place)

    def merge(self) -> tuple[int, int]:
        """Merge the two classes that cost least; return the place of the new one, and the one that is free now."""
        kept, gone = sorted(divmod(int(self._costs.argmin()), len(self._costs)))
        self._share(kept, -1.0)
        self._share(gone, -1.0)
        for counts, values in ((self._counts, self._values), (self._counts.T, self._values.T)):
            counts[kept] += counts[gone]
            counts[gone] = 0
            values[gone] = 0.0
        self._values[kept], self._values[:, kept] = _f(self._counts[kept]), _f(self._counts[:, kept])
        for each, empty in ((self._sizes, 1.0), (self._beside, 0.0)):
            each[kept] += each[gone]
            each[gone] = empty
        self._is_there[gone] = False
        self._costs[gone] = self._costs[:, gone] = np.inf
        self._share(kept, 1.0)
        self._judge(kept)
        return kept, gone

    def information(self) -> float:
        """Return the mutual information of neighbours, in bits."""
        total = self._counts.sum()
        if not total:
            return 0.0
        sides = sum(float(_f(self._counts.sum(axis=axis)).sum()) for axis in (0, 1))
        nats = (float(self._values.sum()) - sides) / float(total) + math.log(total)
        return nats / math.log(2)

    def _share(self, place: int, sign: float) -> None:
        """Add to the costs, or take away, what classes have in common because they stand beside one class."""
        for counts, values in (
            (self._counts[place], self._values[place]),
            (self._counts[:, place], self._values[:, place]),
        ):
            beside = np.flatnonzero(counts)
            own, single = counts[beside], values[beside]
            shared = single[:, None] + single - _f(own[:, None] + own)
            self._costs[np.ix_(beside, beside)] += sign * shared

    def _judge(self, place: int) -> None:
        """Compute what it costs to merge one class with each other."""
        counts, values = self._counts, self._values
        costs = np.zeros(len(counts))
        for n, f in ((counts, values), (counts.T, values.T)):
            beside = np.flatnonzero(n[place])
            others, which = np.nonzero(n[:, beside])
            shared = beside[which]
            h = f[others, shared] + f[place, shared] - _f(n[others, shared] + n[place, shared])
            costs += np.bincount(others, h, len(counts))
        # the four counts of the two themselves become one, and were taken for four common neighbours above
        itself, theirs, right, left = counts[place, place], counts.diagonal(), counts[place], counts[:, place]
        costs -= _f(itself + theirs + right + left)
        costs += _f(itself + left) + _f(right + theirs) + _f(itself + right) + _f(left + theirs)
        costs -= values[place, place] + values.diagonal() + values[place] + values[:, place]
        logs = self._logs[place] = self._logs[:, place] = np.log(self._sizes[place] + self._sizes)
        costs += self._beside[place] * (logs - np.log(self._sizes[place]))
        costs += self._beside * (logs - np.log(self._sizes))
        costs[~self._is_there] = np.inf
        costs[place] = np.inf
        self._costs[place] = self._costs[:, place] = costs


def _f(counts: Counts) -> Floats:
    """Return x log x of counts; 0 for 0."""
    found: Floats = _TABLE.take(counts, mode="clip")
    is_large = counts >= _TABULATED
    if is_large.any():
        large = counts[is_large].astype(np.float64)
        found[is_large] = large * np.log(large)
    return found
