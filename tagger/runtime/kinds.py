"""What all features of a token have in common, and the kinds of them: of a word's form, of a place, marks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from tagger.config import EmbeddingConfig
from tagger.text.clusters import Clusters
from tagger.text.gazetteer import Gazetteer
from tagger.text.vocab import Vocab

Rows = NDArray[np.int64]
Floats = NDArray[np.float32]
Weights = Mapping[str, Floats]  # by their names below `embedding.`
Reader = Callable[[Rows], Floats]
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class TextCounts:
    """What features are built from.

    Attributes:
        words: how often a text holds each token.
        pairs: how often it holds each bigram, where those are wanted.
        columns: for each feature column, how often it holds each value.
        gazetteers: lists of names, which stay as they are.
        spans: how often it holds each word that its tags make of characters, in the width of `fold_width`.
        clusters: trees of words, which stay as they are.
    """

    words: Mapping[str, int]
    pairs: Mapping[str, int]
    columns: Sequence[Mapping[str, int]] = ()
    gazetteers: Sequence[Gazetteer] = ()
    spans: Mapping[str, int] = field(default_factory=dict)
    clusters: Sequence[Clusters] = ()


class Feature(ABC):
    """A feature of a token.

    Attributes:
        name: what batches call it.
    """

    name: ClassVar[str]

    @classmethod
    @abstractmethod
    def build(cls, found: TextCounts, config: EmbeddingConfig) -> Self:
        """Number what a training text holds."""

    @classmethod
    @abstractmethod
    def from_dict(cls, tables: Mapping[str, object], config: EmbeddingConfig) -> Self:
        """Rebuild the feature from tables that hold `as_dict`'s result, which may come from a stranger.

        Raises:
            ValueError: they hold something else.
        """

    @abstractmethod
    def as_dict(self) -> dict[str, Any]:
        """Return the feature's part of vocab.json, as plain values; nothing where it needs no table."""

    @property
    @abstractmethod
    def size(self) -> int:
        """D, what it adds to the encoder's input; 0: it is off."""

    @abstractmethod
    def weight_shapes(self) -> Shapes:
        """Return the shape of each weight, by its name below `embedding.`; none where the feature is off."""

    @abstractmethod
    def reader(self, weights: Weights) -> Reader:
        """Return the look-up in numpy: (N, ...) rows of the feature to (N, D). It is asked for where D > 0."""

    @abstractmethod
    def joined(self, other: Self) -> Self:
        """Return the feature with room for what another corpus holds: its own rows first, new ones follow."""


class FormFeature(Feature):
    """A feature of a token's spelling.

    Attributes:
        reads_letters: whether it tells words apart that training has not seen.
        is_spelling: whether it follows from the letters; else it was learnt of the word elsewhere.
        is_ragged: whether its rows are as wide as the longest of the words.
    """

    reads_letters: ClassVar[bool] = False
    is_spelling: ClassVar[bool] = True
    is_ragged: ClassVar[bool] = False

    @abstractmethod
    def rows(self, words: Sequence[str]) -> Rows:
        """Return (N, ...) rows of words; 0 pads, 1 is unknown."""


class PlaceFeature(Feature):
    """A feature of a token in its sentence."""

    @property
    @abstractmethod
    def rows_per_token(self) -> int:
        """F, how many rows a token has."""

    @abstractmethod
    def rows(self, tokens: Sequence[str], values: Sequence[Sequence[str]]) -> Rows:
        """Return (T, F) rows of a sentence; 0 pads, 1 is unknown.

        Args:
            tokens: T of them.
            values: for each feature column T values.

        Raises:
            ModelError: the feature is read from columns that are not given.
        """

    @abstractmethod
    def tables(self, weights: Weights) -> list[Floats]:
        """Return the (V, D') table in which each column of rows is looked up; side by side they are D wide."""

    def reader(self, weights: Weights) -> Reader:
        return read_side_by_side(self.tables(weights))


class MarkFeature(PlaceFeature):
    """Some values a token, few of them distinct, so that what they add is cached together with a word."""

    def tables(self, weights: Weights) -> list[Floats]:
        return [weights[name] for name in self.weight_shapes()]


@dataclass(frozen=True)
class NumberedFeature(Feature):
    """A feature whose values are numbered strings.

    Attributes:
        key: of the strings in vocab.json.
        vocab: the strings.
        dim: size of an embedding.
    """

    key: ClassVar[str]
    vocab: Vocab
    dim: int

    def as_dict(self) -> dict[str, Any]:
        return {self.key: list(self.vocab.items)}

    @property
    def size(self) -> int:
        return self.dim

    def weight_shapes(self) -> Shapes:
        return {f"{self.name}.weight": (len(self.vocab), self.dim)} if self.dim else {}

    def joined(self, other: Self) -> Self:
        return replace(self, vocab=join(self.vocab, other.vocab))


def read_side_by_side(tables: Sequence[Floats]) -> Reader:
    """Return a look-up of (N, F) rows, one in each of F tables."""
    return lambda rows: np.concatenate(
        [table[column] for table, column in zip(tables, rows.T, strict=True)], axis=1
    )


def read_vocab(tables: Mapping[str, object], name: str) -> Vocab:
    """Return a vocabulary of tables that may come from a stranger.

    Raises:
        ValueError: it is missing, no list of strings, or holds one twice.
    """
    return Vocab(read_strings(tables, name))


def read_strings(tables: Mapping[str, object], name: str) -> list[str]:
    """Return a list of strings of tables that may come from a stranger.

    Raises:
        ValueError: it is missing or something else.
    """
    if name not in tables:
        raise ValueError(f"{name} is missing")
    found = tables[name]
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise ValueError(f"{name} is not a list of strings")
    return found


def join(old: Vocab, new: Vocab) -> Vocab:
    """Return a vocabulary with the old items at their places and the other new ones after them."""
    return Vocab(dict.fromkeys((*old.items, *new.items)))


def lay_out(flat: Sequence[int], sizes: Sequence[int], width: int) -> Rows:
    """Stack ragged rows, which follow one another, into one array, padded on the right, at least `width` wide."""
    lengths = np.array(sizes, dtype=np.int64)
    rows = np.zeros((len(lengths), max(width, lengths.max(initial=0))), dtype=np.int64)
    rows[np.arange(rows.shape[1]) < lengths[:, None]] = flat
    return rows
