"""Which groups share a batch: those of near-equal length, in an order that (seed, epoch) alone decide.

Groups and batches are numbers until somebody looks at one: an epoch has millions of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from tagger.model.batch.corpus import EncodedCorpus
from tagger.runtime.windows import Group, group_sentences
from tagger.text.spool import Array, parts

Ints = NDArray[np.int64]


class Groups(Sequence[Group]):
    """Groups that lie side by side in a corpus.

    Attributes:
        starts: (G + 1,) the first sentence of each, and the end.
        tokens: (G,) of each.
    """

    def __init__(self, starts: Ints, tokens: Ints) -> None:
        self.starts, self.tokens = starts, tokens

    def __len__(self) -> int:
        return len(self.tokens)

    @overload
    def __getitem__(self, place: int) -> Group: ...
    @overload
    def __getitem__(self, place: slice) -> list[Group]: ...
    def __getitem__(self, place: int | slice) -> Group | list[Group]:
        numbers = np.arange(len(self))[place]
        return self.at(numbers) if isinstance(place, slice) else self.at([numbers])[0]

    def __iter__(self) -> Iterator[Group]:
        return chain.from_iterable(self[part] for part in parts(len(self)))

    def at(self, numbers: Any) -> list[Group]:
        """Return the groups of these numbers."""
        rows = np.asarray(numbers)
        columns = (self.starts[rows], self.starts[rows + 1], self.tokens[rows])
        return list(map(Group, *(column.tolist() for column in columns)))


class Batches(Sequence[list[Group]]):
    """Batches of groups.

    Args:
        groups: all of them.
        order: (G,) their numbers, batch after batch.
        starts: (B + 1,) where each batch begins in `order`, and the end.
        numbers: the batches in the order in which they are taken.
    """

    def __init__(self, groups: Groups, order: Ints, starts: Ints, numbers: Ints) -> None:
        self._groups, self._order, self._starts, self._numbers = groups, order, starts, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, place: int) -> list[Group]: ...
    @overload
    def __getitem__(self, place: slice) -> list[list[Group]]: ...
    def __getitem__(self, place: int | slice) -> list[Group] | list[list[Group]]:
        found = self._numbers[place]
        if isinstance(place, slice):
            return [self._batch(number) for number in found.tolist()]
        return self._batch(int(found))

    def _batch(self, number: int) -> list[Group]:
        return self._groups.at(self._order[self._starts[number] : self._starts[number + 1]])

    @property
    def tokens(self) -> Ints:
        """(B,) the tokens of each batch."""
        sums: Ints = np.add.reduceat(self._groups.tokens[self._order], self._starts[:-1])
        return sums[self._numbers]

    def rearranged(self, numbers: Ints) -> Batches:
        """Return the batches in another order, given as places in this one."""
        return Batches(self._groups, self._order, self._starts, self._numbers[numbers])


def group(
    corpus: EncodedCorpus, context: int, max_tokens: int, generator: np.random.Generator | None = None
) -> Groups:
    """Cut a corpus into groups of neighbouring sentences of one document; see `group_sentences`."""
    found = group_sentences(_sizes(corpus.starts), _numbers(corpus.documents), context, max_tokens, generator)
    firsts = np.fromiter((each.start for each in found), np.int64)
    starts = np.append(firsts, len(corpus))
    ends = np.concatenate([[0], *(corpus.starts[starts[1:][part]] for part in parts(len(firsts)))])
    return Groups(starts, np.diff(ends))


def shuffled_batches(groups: Groups, batch_sentences: int, generator: np.random.Generator) -> Batches:
    """Batch groups of near-equal length, in random order.

    Sorting by length with a little noise wastes little padding and still mixes neighbours differently in every
    epoch.
    """
    order = np.argsort(groups.tokens * generator.uniform(0.9, 1.1, len(groups)), kind="stable")
    sentences = np.diff(groups.starts)[order]
    starts = np.fromiter(_fill(_numbers(sentences), batch_sentences), np.int64)
    return Batches(groups, order, starts, generator.permutation(len(starts) - 1))


def sorted_batches(groups: Sequence[Group], batch_tokens: int) -> Iterator[list[Group]]:
    """Batch groups by length, each batch of about `batch_tokens` padded tokens, for evaluation."""
    batch: list[Group] = []
    for item in sorted(groups, key=lambda item: (-item.tokens, item.start)):
        if batch and batch[0].tokens * (len(batch) + 1) > batch_tokens:
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch


def _fill(sizes: Iterator[int], most: int) -> Iterator[int]:
    """Yield where batches begin that hold at most so much, or a single item, and where the last ends."""
    place = held = 0
    for place, size in enumerate(sizes):
        if not place or held + size > most:
            yield place
            held = 0
        held += size
    yield place + 1


def _sizes(starts: Array) -> Iterator[int]:
    for part in parts(len(starts) - 1):
        yield from np.diff(starts[part.start : part.stop + 1]).tolist()


def _numbers(array: Array) -> Iterator[int]:
    return chain.from_iterable(array[part].tolist() for part in parts(len(array)))
