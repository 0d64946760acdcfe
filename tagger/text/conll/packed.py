"""Sentences as arrays of numbers: a training corpus of any size, in few bytes a token.

Distinct strings are held once; a token is the number of its string, and so is a tag. What is asked of all tokens is
answered from the arrays at once. A sentence is made when somebody wants to see it, without comments and texts.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, pairwise
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from tagger.text.conll.sentence import Sentence
from tagger.text.schemes import EDGE
from tagger.text.spool import Array, Spool, parts, stretches

Ints = NDArray[np.int64]

_FLUSHED = 1 << 16  # numbers that wait in Python's arrays


class PackedSentences(Sequence[Sentence]):
    """Sentences of which numbers alone are held.

    Attributes:
        words: the distinct tokens, in the order in which they first came in the file.
        labels: the distinct tags, likewise; none where no tag column was read.
        values: for each feature column its distinct values.
        tokens: (N,) numbers of `words`.
        tags: (N,) numbers of `labels`, or None.
        features: for each feature column (N,) numbers of its values.
        starts: (S + 1,) where each sentence begins among the tokens, and the end.
        documents: (S,).
    """

    def __init__(
        self,
        words: Sequence[str],
        labels: Sequence[str],
        values: Sequence[Sequence[str]],
        tokens: Array,
        tags: Array | None,
        features: Sequence[Array],
        starts: Array,
        documents: Array,
        lines: _Lines,
    ) -> None:
        self.words, self.labels, self.values = words, labels, values
        self.tokens, self.tags, self.features = tokens, tags, features
        self.starts, self.documents = starts, documents
        self._lines = lines

    def __len__(self) -> int:
        return len(self.documents)

    @overload
    def __getitem__(self, place: int) -> Sentence: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Sentence, ...]: ...
    def __getitem__(self, place: int | slice) -> Sentence | tuple[Sentence, ...]:
        if isinstance(place, slice):
            first, stop, step = place.indices(len(self))
            if step == 1:
                return tuple(self.within(slice(first, max(first, stop))))
            return tuple(self[number] for number in range(first, stop, step))
        number = place + len(self) if place < 0 else place
        if not 0 <= number < len(self):
            raise IndexError(f"there are {len(self)} sentences, so none has the number {place}")
        return next(self.within(slice(number, number + 1)))

    def __iter__(self) -> Iterator[Sentence]:
        for part in stretches(self.starts):
            yield from self.within(part)

    def within(self, part: slice) -> Iterator[Sentence]:
        """Yield the sentences from one number to another, made at once."""
        starts = self.starts[part.start : part.stop + 1].tolist()
        inside = slice(starts[0], starts[-1])
        tokens = _spell(self.words, self.tokens[inside])
        tags = () if self.tags is None else _spell(self.labels, self.tags[inside])
        columns = [
            _spell(names, column[inside]) for names, column in zip(self.values, self.features, strict=True)
        ]
        documents = self.documents[part].tolist()
        for number, (first, lines) in enumerate(self._lines.within(part)):
            begin, end = starts[number] - starts[0], starts[number + 1] - starts[0]
            yield Sentence(
                tokens[begin:end],
                tags[begin:end],
                first,
                documents[number],
                tuple([column[begin:end] for column in columns]),
                lines=lines,
            )

    def tags_within(self, part: slice) -> NDArray[Any]:
        """Return the numbers of the tags of some sentences, one after the other."""
        assert self.tags is not None, "there are no tags"
        begin, end = int(self.starts[part.start]), int(self.starts[part.stop])
        found: NDArray[Any] = self.tags[begin:end]
        return found

    @property
    def num_tokens(self) -> int:
        """N."""
        return len(self.tokens)

    def count_words(self) -> Counter[str]:
        """Count each token; those that come not at all are left out."""
        return _count(self.words, self.tokens)

    def count_values(self, column: int) -> Counter[str]:
        """Count each value of a feature column."""
        return _count(self.values[column], self.features[column])

    def count_steps(self) -> Counter[tuple[str, str]]:
        """Count each step from a tag to the next, as `schemes.count_bigrams` does."""
        names = (*self.labels, EDGE)
        edge, found = len(self.labels), Counter[int]()
        if self.tags is None:
            return Counter()
        for part in stretches(self.starts):
            starts = self.starts[part.start : part.stop + 1]
            tags = np.asarray(self.tags[starts[0] : starts[-1]], np.int64)
            begins = starts[:-1] - starts[0]
            before = np.concatenate(([edge], tags[:-1]))
            before[begins] = edge
            last = tags[starts[1:] - starts[0] - 1]
            steps = np.concatenate((before * (edge + 1) + tags, last * (edge + 1) + edge))
            numbers, counts = np.unique(steps, return_counts=True)
            found.update(dict(zip(numbers.tolist(), counts.tolist(), strict=True)))
        return Counter(
            {(names[step // (edge + 1)], names[step % (edge + 1)]): n for step, n in found.items()}
        )

    def select(self, is_wanted: NDArray[np.bool_], room: Path | None = None) -> PackedSentences:
        """Return some of the sentences, in their order.

        Args:
            is_wanted: (S,).
            room: as of `pack`.
        """
        spool = Spool(room)
        columns = [
            _Copy(spool, each) for each in (self.tokens, self.tags, *self.features) if each is not None
        ]
        starts, documents, lines = _Ends(spool), spool.column("documents", np.int32), _LinesWriter(spool)
        for part in stretches(self.starts):
            bounds, wanted = self.starts[part.start : part.stop + 1], is_wanted[part]
            sizes = np.diff(bounds)
            inside = np.repeat(wanted, sizes)
            for column in columns:
                column.append(bounds[0], bounds[-1], inside)
            starts.append(sizes[wanted])
            documents.append(self.documents[part][wanted])
            lines.extend(compress(self._lines.within(part), wanted))
        tokens, *others = (column.done() for column in columns)
        tags = None if self.tags is None else others.pop(0)
        return PackedSentences(
            self.words, self.labels, self.values, tokens, tags, others,
            starts.done(), documents.done(), lines.done(),
        )  # fmt: skip

    def cut(self, places: Ints) -> PackedSentences:
        """Return the sentences with more beginnings of sentences: offsets among the tokens, sorted.

        Each part says that it stands in the line of the whole.
        """
        if not len(places):
            return self
        old = self.starts[:]
        starts = np.union1d(old, places)
        wholes = np.searchsorted(old, starts[:-1], side="right") - 1
        return PackedSentences(
            self.words, self.labels, self.values, self.tokens, self.tags, self.features,
            starts, self.documents[:][wholes], self._lines.repeated(wholes),
        )  # fmt: skip

    def find(self, sentences: Iterable[Sentence]) -> set[tuple[str, ...]]:
        """Return the tokens of those of other sentences that are among these."""
        number_of = {word: number for number, word in enumerate(self.words)}
        wanted: dict[int, set[tuple[str, ...]]] = {}
        for words in {each.tokens for each in sentences}:
            numbers = [number_of.get(word, -1) for word in words]
            if min(numbers) >= 0:
                wanted.setdefault(_sketch(sum(numbers), len(numbers)), set()).add(words)
        sketches, found = np.fromiter(wanted, np.int64), set[tuple[str, ...]]()
        for part in stretches(self.starts):
            starts = self.starts[part.start : part.stop + 1]
            tokens = np.asarray(self.tokens[starts[0] : starts[-1]], np.int64)
            own = _sketch(np.add.reduceat(tokens, starts[:-1] - starts[0]), np.diff(starts))
            for place in np.flatnonzero(np.isin(own, sketches)).tolist():
                words = _spell(self.words, tokens[starts[place] - starts[0] : starts[place + 1] - starts[0]])
                found |= {words} & wanted[int(own[place])]
        return found

    def with_tags(self, tags: Iterable[Sequence[str]], room: Path | None = None) -> PackedSentences:
        """Return the sentences with other tags; arguments as of `pack`."""
        numbers = _Numbers()
        column = _Buffer(Spool(room), "tags")
        for each in tags:
            column.extend(map(numbers.__getitem__, each))
        return PackedSentences(
            self.words, list(numbers), self.values, self.tokens, column.done(), self.features,
            self.starts, self.documents, self._lines,
        )  # fmt: skip

    def digest(self) -> bytes:
        """Return what differs where tokens, tags, feature columns, sentences or documents do."""
        digest = hashlib.sha256()
        for strings, numbers in (
            (self.words, self.tokens),
            (self.labels, self.tags),
            *zip(self.values, self.features, strict=True),
        ):
            if numbers is not None:
                _add_strings(digest, strings, numbers)
        for numbers in (self.starts, self.documents):
            for part in parts(len(numbers)):
                digest.update(np.ascontiguousarray(numbers[part], np.int64).data)
        return digest.digest()


def pack(sentences: Iterable[Sentence], room: Path | None = None) -> PackedSentences:
    """Pack sentences.

    Args:
        sentences: all with tags or all without, and with equally many feature columns.
        room: the folder of what memory isn't to hold, in files without a name; None: that of temporary files.

    What is packed stays as it is.

    Raises:
        DataError: there is too little room.
    """
    if isinstance(sentences, PackedSentences):
        return sentences
    packer = Packer(room)
    for _ in packer.keep(sentences):
        pass
    return packer.done()


class Packer:
    """Packs sentences as they go by; arguments as of `pack` and of `Spool`."""

    def __init__(self, room: Path | None = None, expected: int = 0) -> None:
        self._spool = Spool(room, expected=expected)
        self._words, self._labels = _Numbers(), _Numbers()
        self._tokens, self._tags = (_Buffer(self._spool, name) for name in ("tokens", "tags"))
        self._values: list[_Numbers] = []
        self._features: list[_Buffer] = []
        self._sizes, self._documents = (_Buffer(self._spool, name) for name in ("sizes", "documents"))
        self._lines = _LinesWriter(self._spool)
        self._is_tagged = False

    def keep(self, sentences: Iterable[Sentence]) -> Iterator[Sentence]:
        """Yield sentences that are kept."""
        word, label = self._words.__getitem__, self._labels.__getitem__
        for sentence in sentences:
            self._tokens.extend(map(word, sentence.tokens))
            self._tags.extend(map(label, sentence.tags))
            if sentence.features:
                self._keep_features(sentence.features)
            self._sizes.append(len(sentence.tokens))
            self._documents.append(sentence.document)
            self._lines.append(sentence.line, sentence.lines)
            yield sentence

    def _keep_features(self, columns: Sequence[Sequence[str]]) -> None:
        if not self._features:
            self._values = [_Numbers() for _ in columns]
            self._features = [_Buffer(self._spool, "feature") for _ in columns]
        for numbers, buffer, values in zip(self._values, self._features, columns, strict=True):
            buffer.extend(map(numbers.__getitem__, values))

    def done(self) -> PackedSentences:
        """Return what was kept."""
        tags, ends, sizes = self._tags.done(), _Ends(self._spool), self._sizes.done()
        for part in parts(len(sizes)):
            ends.append(sizes[part])
        return PackedSentences(
            list(self._words), list(self._labels), [list(each) for each in self._values],
            self._tokens.done(), tags if len(tags) else None, [each.done() for each in self._features],
            ends.done(), self._documents.done(), self._lines.done(),
        )  # fmt: skip


class _Numbers(dict[str, int]):
    """A number for each string that is asked for, from 0."""

    def __missing__(self, name: str) -> int:
        self[name] = number = len(self)
        return number


class _Buffer:
    """Numbers on their way to a column, some thousands at a time."""

    def __init__(self, spool: Spool, name: str) -> None:
        self._column = spool.column(name, np.int32)
        self._waiting = array("i")

    def append(self, number: int) -> None:
        self._waiting.append(number)
        if len(self._waiting) >= _FLUSHED:
            self._flush()

    def extend(self, numbers: Iterable[int]) -> None:
        self._waiting.extend(numbers)
        if len(self._waiting) >= _FLUSHED:
            self._flush()

    def _flush(self) -> None:
        self._column.append(np.array(self._waiting, np.int32))
        self._waiting = array("i")

    def done(self) -> Array:
        self._flush()
        return self._column.done()


class _Ends:
    """Sizes on their way to a column of starts: (S + 1,), 0 the first."""

    def __init__(self, spool: Spool) -> None:
        self._column = spool.column("starts", np.int64)
        self._column.append(np.zeros(1, np.int64))
        self._last = 0

    def append(self, sizes: NDArray[Any]) -> None:
        ends = self._last + np.cumsum(sizes, dtype=np.int64)
        self._last = int(ends[-1]) if len(ends) else self._last
        self._column.append(ends)

    def done(self) -> Array:
        return self._column.done()


class _Copy:
    """A column on its way to another of the same type."""

    def __init__(self, spool: Spool, source: Array) -> None:
        self._source, self._column = source, spool.column("copy", source.dtype)

    def append(self, start: int, stop: int, is_wanted: NDArray[np.bool_]) -> None:
        self._column.append(self._source[start:stop][is_wanted])

    def done(self) -> Array:
        return self._column.done()


class _Lines:
    """Where sentences stand in their file.

    Args:
        first: (S,) the line of each sentence's first token.
        gapped: (G,) the sentences whose lines don't follow one another.
        starts: (G + 1,) where the lines of each of those begin among `lines`.
        lines: of their tokens.
    """

    def __init__(self, first: Array, gapped: Array, starts: Array, lines: Array) -> None:
        self._first, self._gapped, self._starts, self._all = first, gapped, starts, lines

    def within(self, part: slice) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield the first line of each sentence of a part, and the lines of its tokens where they have gaps."""
        low, high = np.searchsorted(self._gapped[:], (part.start, part.stop)).tolist()
        starts = self._starts[low : high + 1].tolist()
        lines = self._all[starts[0] : starts[-1]].tolist()
        gapped = dict(zip(self._gapped[low:high].tolist(), pairwise(starts), strict=True))
        for number, first in enumerate(self._first[part].tolist(), part.start):
            begin, end = gapped.get(number, (starts[0], starts[0]))
            yield first, tuple(lines[begin - starts[0] : end - starts[0]])

    def repeated(self, wholes: Ints) -> _Lines:
        """Return lines of parts of sentences, given which sentence each is of."""
        nothing = np.empty(0, np.int32)
        return _Lines(self._first[:][wholes], nothing, np.zeros(1, np.int64), nothing)


class _LinesWriter:
    """Lines on their way to a `_Lines`."""

    def __init__(self, spool: Spool) -> None:
        self._first, self._gapped, self._sizes, self._all = (
            _Buffer(spool, name) for name in ("lines", "gapped", "gaps", "gap_lines")
        )
        self._spool = spool
        self._count = 0

    def append(self, line: int, lines: Sequence[int]) -> None:
        self._first.append(line)
        if lines:
            self._gapped.append(self._count)
            self._sizes.append(len(lines))
            self._all.extend(lines)
        self._count += 1

    def extend(self, lines: Iterable[tuple[int, Sequence[int]]]) -> None:
        for each in lines:
            self.append(*each)

    def done(self) -> _Lines:
        ends, sizes = _Ends(self._spool), self._sizes.done()
        for part in parts(len(sizes)):
            ends.append(sizes[part])
        return _Lines(self._first.done(), self._gapped.done(), ends.done(), self._all.done())


def _sketch(total: Any, length: Any) -> Any:
    """Return a number that few sentences share, of the sum of their tokens' numbers and their length."""
    return total * 4096 + length % 4096


def _spell(names: Sequence[str], numbers: NDArray[Any]) -> tuple[str, ...]:
    return tuple(map(names.__getitem__, numbers.tolist()))


def _count(names: Sequence[str], numbers: Array) -> Counter[str]:
    total = np.zeros(len(names), np.int64)
    for part in parts(len(numbers)):
        total += np.bincount(numbers[part], minlength=len(names))
    used = np.flatnonzero(total)
    return Counter(dict(zip(map(names.__getitem__, used.tolist()), total[used].tolist(), strict=True)))


def _add_strings(digest: Any, strings: Sequence[str], numbers: Array) -> None:
    """Add an array of strings to a digest."""
    for string in strings:
        content = string.encode("utf-8", "surrogatepass")
        digest.update(b"%d:%s" % (len(content), content))
    digest.update(b"%d;" % len(strings))
    for part in parts(len(numbers)):
        digest.update(np.ascontiguousarray(numbers[part], np.int32).data)
