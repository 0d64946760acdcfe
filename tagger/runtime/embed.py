"""Words -> what they add to the gates of the first layer, kept for words that come again.

A word's features depend on its spelling and its marks alone, and so does their product with the input weights of the
first recurrent layer, two thirds of an LSTM's arithmetic. Text repeats itself, so both are computed once for each
distinct word, or each word with its marks, and kept, up to a bound. One table serves one thread at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from threading import Lock

import numpy as np

from tagger.runtime.kinds import (
    Floats,
    FormFeature,
    MarkFeature,
    PlaceFeature,
    Reader,
    Rows,
    read_side_by_side,
)
from tagger.runtime.lexicon import WEIGHTS, Lexicon
from tagger.runtime.recurrence import Gates

_PLACES = 1 << 15  # kept rows of a table of bigrams: 4 KB each with the default sizes
_COMPUTED_AT_ONCE = 256  # words: their characters, convolved, and their products stay in the cache

Key = str | tuple[str | int, ...]  # a word, or a word and the rows of its marks


class TokenFeatures:
    """The look-up of a model's features in numpy.

    Args:
        lexicon: the model's tables.
        weights: arrays by their full names, of the shapes of `Lexicon.weight_shapes`.

    Attributes:
        form_size, mark_size, pair_size: of the parts of the encoder's input, in this order: of a word's spelling,
            of its marks, of the pairs around it and what else depends on its place.
    """

    def __init__(self, lexicon: Lexicon, weights: Mapping[str, Floats]) -> None:
        own = {name.removeprefix(WEIGHTS): weights[name] for name in lexicon.weight_shapes()}
        self._spell = lexicon.spell
        self._forms: list[tuple[FormFeature, Reader]] = []
        self._marks: list[tuple[int, Reader]] = []
        self._pairs: list[Floats] = []  # the table of each column
        self.form_size = self.mark_size = self.pair_size = 0
        for feature in lexicon.active:
            if isinstance(feature, FormFeature):
                self._forms.append((feature, feature.reader(own)))
                self.form_size += feature.size
            elif isinstance(feature, MarkFeature):
                self._marks.append((feature.rows_per_token, feature.reader(own)))
                self.mark_size += feature.size
            elif isinstance(feature, PlaceFeature):
                self._pairs += feature.tables(own)
                self.pair_size += feature.size

    def embed_forms(self, words: Sequence[str]) -> Floats:
        """Return the features (N, form_size) of words."""
        words = self._spell(words)
        result = np.empty((len(words), self.form_size), dtype=np.float32)
        start = 0
        for feature, read in self._forms:
            result[:, start : start + feature.size] = read(feature.rows(words))
            start += feature.size
        return result

    def embed_marks(self, marks: Rows) -> Floats:
        """Return the features (N, mark_size) of marks (N, F), as `Lexicon.mark_rows` gives them."""
        return _read(self._marks, marks)

    def embed_pairs(self, pairs: Rows) -> Floats:
        """Return the features (N, pair_size) of pairs (N, F), as `Lexicon.pair_rows` gives them."""
        return read_side_by_side(self._pairs)(pairs)

    def place_tables(self, weights: Floats) -> list[PlaceTable]:
        """Return, for each column of pairs, what its rows add to the gates.

        Args:
            weights: (G, pair_size) input weights of the first layer for these features.
        """
        ends = accumulate(table.shape[1] for table in self._pairs)
        return [
            PlaceTable(table, weights[:, end - table.shape[1] : end])
            for table, end in zip(self._pairs, ends, strict=True)
        ]


class PlaceTable:
    """What the rows of a table of embeddings add to the gates of the first layer, computed once and kept.

    Which rows there are is known, so that threads can share them. Rows are in the order of their frequency: those
    beyond the bound, which text hardly needs, are computed each time.

    Args:
        table: (V, D) embeddings.
        weights: (G, D) input weights of the first layer for them.
    """

    def __init__(self, table: Floats, weights: Floats) -> None:
        self._table = table
        self._weights = np.ascontiguousarray(weights.T, dtype=np.float64)
        kept = min(len(table), _PLACES)
        self._values = np.empty((kept, len(weights)), dtype=np.float32)  # memory is taken as rows are written
        self._is_known = np.zeros(kept, dtype=bool)
        self._lock = Lock()

    def gates(self, rows: Rows) -> list[Gates]:
        """Return what (N,) rows add to the gates."""
        kept = len(self._values)
        if len(self._table) == kept:
            self._learn(rows)
            return [Gates(self._values, rows)]
        is_rare = rows >= kept
        common = np.where(is_rare, 0, rows)  # padding adds nothing
        self._learn(common)
        found = [Gates(self._values, common)]
        if is_rare.any():
            rare, places = np.unique(np.where(is_rare, rows, 0), return_inverse=True)
            found.append(Gates(self._compute(rare), places))
        return found

    def _learn(self, rows: Rows) -> None:
        """Compute the rows that are needed for the first time."""
        if self._is_known[rows].all():
            return
        with self._lock:
            new = np.unique(rows[~self._is_known[rows]])
            for start in range(0, len(new), _COMPUTED_AT_ONCE):
                part = new[start : start + _COMPUTED_AT_ONCE]
                self._values[part] = self._compute(part)
            self._is_known[new] = True

    def _compute(self, rows: Rows) -> Floats:
        """Return (N, G) products, rounded once: see `FormTable`."""
        return (self._table[rows].astype(np.float64) @ self._weights).astype(np.float32)


class _Numbering(dict[Key, int]):
    """Words numbered as they are first asked for; the new ones wait in `fresh`."""

    def __init__(self) -> None:
        self.fresh: list[Key] = []

    def __missing__(self, key: Key) -> int:
        row = self[key] = len(self)
        self.fresh.append(key)
        return row


class FormTable:
    """A bounded cache from words to what the first layer adds to its gates for them.

    Args:
        features: the look-up of the model's features.
        weights: (G, D') input weights of the first layer, all directions, for the features of a word's form and
            then for those of its marks.
        bias: (G,) added to every row.
        capacity: rows; when they are full the table begins anew.

    Attributes:
        values: (capacity, G); row r belongs to the word, and its marks, that `rows` gave r.
    """

    def __init__(self, features: TokenFeatures, weights: Floats, bias: Floats, capacity: int) -> None:
        self._features = features
        self._weights = np.ascontiguousarray(weights.T, dtype=np.float64)
        self._bias = bias.astype(np.float64)
        self._products = np.empty((_COMPUTED_AT_ONCE, len(bias)))
        self._numbers = _Numbering()
        self.values = np.empty((capacity, len(bias)), dtype=np.float32)  # memory is taken as rows are written

    def rows(self, words: Sequence[str], marks: Rows | None = None) -> Rows:
        """Return the row of each word; it stays valid until the next call.

        Args:
            words: no more than the capacity.
            marks: (N, F) of the words, for a model that reads any.
        """
        if len(self._numbers) + len(words) > len(self.values):
            self._numbers = _Numbering()
        numbers = self._numbers
        keys: Iterable[Key] = words if marks is None else zip(words, *marks.T.tolist(), strict=True)
        found = np.fromiter(map(numbers.__getitem__, keys), np.int64, len(words))
        if numbers.fresh:
            self._compute(numbers.fresh, len(numbers) - len(numbers.fresh))
            numbers.fresh = []
        return found

    def _compute(self, keys: Sequence[Key], first: int) -> None:
        # BLAS rounds a row otherwise when it stands elsewhere among others, and a word must not depend on the words
        # before it: the same text gives the same answer from any worker. In double precision that is rounded away.
        for start in range(0, len(keys), _COMPUTED_AT_ONCE):
            part = keys[start : start + _COMPUTED_AT_ONCE]
            target = self.values[first + start : first + start + len(part)]
            product = self._products[: len(part)]
            np.matmul(self._embed(part).astype(np.float64), self._weights, out=product)
            np.add(product, self._bias, out=target, casting="same_kind")

    def _embed(self, keys: Sequence[Key]) -> Floats:
        """Return the features of words, and of their marks (N, D')."""
        words = [key if isinstance(key, str) else str(key[0]) for key in keys]
        features = self._features.embed_forms(words)
        if isinstance(keys[0], str):
            return features
        marks = np.array([key[1:] for key in keys], dtype=np.int64)
        return np.concatenate((features, self._features.embed_marks(marks)), axis=1)


def _read(readers: Sequence[tuple[int, Reader]], rows: Rows) -> Floats:
    """Look the columns of (N, F) rows up, each reader its own."""
    parts = []
    start = 0
    for width, read in readers:
        parts.append(read(rows[:, start : start + width]))
        start += width
    return np.concatenate(parts, axis=1)
