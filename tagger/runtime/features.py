"""What a model reads of a token, one small class a feature: its rows, its size, its weights, its look-up in numpy.

A feature depends on a token's form (the spelling alone: word, affixes, shape, characters) or on its place in a
sentence: marks (columns of the corpus, lists of names) and bigrams. `FEATURES` lists them in the order in which those
of a kind are concatenated; lexicon, batches, embeddings and caches iterate over that table.

To add a feature, write its class here and its trainable side in `model.features`, and add each to the table of its
file. A size that users choose is also a field of `EmbeddingConfig`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from tagger.config import EmbeddingConfig
from tagger.errors import ModelError
from tagger.runtime.convolution import convolve
from tagger.runtime.kinds import (
    Feature,
    Floats,
    FormFeature,
    MarkFeature,
    NumberedFeature,
    PlaceFeature,
    Reader,
    Rows,
    Shapes,
    TextCounts,
    Weights,
    join,
    lay_out,
    read_vocab,
)
from tagger.runtime.wordclusters import WordClusters
from tagger.runtime.wordmarks import WordMarks
from tagger.text.features import LONGEST_WORD, affixes, bigrams, normalise, shape
from tagger.text.gazetteer import MARKS, Gazetteer
from tagger.text.marks import parse_feature_columns
from tagger.text.vocab import PAD, UNKNOWN, Vocab


@dataclass(frozen=True)
class Words(NumberedFeature, FormFeature):
    """A word's normal form, as a row of a table.

    Its rows are (N, 2): the row, and how often training saw the word, for word dropout.

    Attributes:
        counts: how often training saw each item of `vocab`.
        lowercase: whether words that differ in case are one.
    """

    name: ClassVar[str] = "word"
    key: ClassVar[str] = "words"
    counts: tuple[int, ...]
    lowercase: bool

    @classmethod
    def build(cls, found: TextCounts, config: EmbeddingConfig) -> Words:
        words: Counter[str] = Counter()
        for word, count in found.words.items():
            words[normalise(word, lowercase=config.lowercase)] += count
        vocab = Vocab.from_counts(words, config.min_count)
        return cls(vocab, config.word_dim, tuple(words[word] for word in vocab.items), config.lowercase)

    @classmethod
    def from_dict(cls, tables: Mapping[str, object], config: EmbeddingConfig) -> Words:
        vocab, counts = read_vocab(tables, "words"), tables.get("counts")
        if not isinstance(counts, list) or not all(
            type(count) is int and 0 <= count < 2**63 for count in counts
        ):
            raise ValueError("counts is not a list of whole numbers")
        if len(counts) != len(vocab.items):
            raise ValueError(f"there are {len(vocab.items)} words but {len(counts)} counts")
        return cls(vocab, config.word_dim, tuple(counts), config.lowercase)

    def as_dict(self) -> dict[str, Any]:
        return {"counts": list(self.counts), **super().as_dict()}

    def rows(self, words: Sequence[str]) -> Rows:
        rows = np.array(
            self.vocab.rows([normalise(word, lowercase=self.lowercase) for word in words]), dtype=np.int64
        )
        return np.stack((rows, np.array((0, 0, *self.counts), dtype=np.int64)[rows]), axis=1)

    def was_seen(self, word: str) -> bool:
        """Tell whether training had a word, and often enough for a row."""
        row = self.vocab.row(normalise(word, lowercase=self.lowercase))
        return row != UNKNOWN and self.counts[row - UNKNOWN - 1] > 0

    def reader(self, weights: Weights) -> Reader:
        table = weights["word.weight"]
        return lambda rows: table[rows[:, 0]]

    def joined(self, other: Self) -> Self:
        """Return the words of both; their counts are summed."""
        counts = Counter(dict(zip(self.vocab.items, self.counts, strict=True)))
        counts.update(dict(zip(other.vocab.items, other.counts, strict=True)))
        vocab = join(self.vocab, other.vocab)
        return replace(self, vocab=vocab, counts=tuple(counts[word] for word in vocab.items))

    def with_unseen(self, words: Sequence[str]) -> Words:
        """Return the feature with more words, normalised, which training has not seen."""
        vocab = join(self.vocab, Vocab(dict.fromkeys(words)))
        return replace(self, vocab=vocab, counts=self.counts + (0,) * (len(vocab.items) - len(self.counts)))


@dataclass(frozen=True)
class Affixes(NumberedFeature, FormFeature):
    """The sum of the embeddings of a word's prefixes and suffixes; rows (N, 2 * longest), padded with 0."""

    name: ClassVar[str] = "affix"
    key: ClassVar[str] = "affixes"
    reads_letters: ClassVar[bool] = True
    longest: int

    @classmethod
    def build(cls, found: TextCounts, config: EmbeddingConfig) -> Affixes:
        counts: Counter[str] = Counter()
        if config.affix_dim:
            for word in found.words:
                counts.update(affixes(word, config.affix_length))
        return cls(Vocab.from_counts(counts, 2), config.affix_dim, config.affix_length)

    @classmethod
    def from_dict(cls, tables: Mapping[str, object], config: EmbeddingConfig) -> Affixes:
        return cls(read_vocab(tables, "affixes"), config.affix_dim, config.affix_length)

    def rows(self, words: Sequence[str]) -> Rows:
        if not self.size:
            return np.zeros((len(words), 2 * self.longest), dtype=np.int64)
        begins, ends = (table.get for table in self._tables)
        found: list[int] = []
        for word in words:
            sizes = range(1, min(self.longest, len(word)) + 1)
            for size in sizes:
                found.append(begins(word[:size], UNKNOWN))
            for size in sizes:
                found.append(ends(word[-size:], UNKNOWN))
        return lay_out(found, [2 * min(self.longest, len(word)) for word in words], 2 * self.longest)

    @cached_property
    def _tables(self) -> tuple[dict[str, int], dict[str, int]]:
        """The rows of prefixes and of suffixes, without their hyphens: no string is put together to be looked up."""
        rows = list(enumerate(self.vocab.items, UNKNOWN + 1))
        begins = {item[:-1]: row for row, item in rows if item.endswith("-")}
        return begins, {item[1:]: row for row, item in rows if item.startswith("-")}

    def reader(self, weights: Weights) -> Reader:
        table = weights["affix.weight"]

        def read(rows: Rows) -> Floats:
            total = table[rows[:, 0]]
            for column in rows.T[1:]:
                total += table[column]
            return total

        return read


@dataclass(frozen=True)
class WordShapes(NumberedFeature, FormFeature):
    """A sketch of a word's spelling, as a row of a table."""

    name: ClassVar[str] = "shape"
    key: ClassVar[str] = "shapes"

    @classmethod
    def build(cls, found: TextCounts, config: EmbeddingConfig) -> WordShapes:
        return cls(Vocab.from_counts(Counter(map(shape, found.words))), config.shape_dim)

    @classmethod
    def from_dict(cls, tables: Mapping[str, object], config: EmbeddingConfig) -> WordShapes:
        return cls(read_vocab(tables, "shapes"), config.shape_dim)

    def rows(self, words: Sequence[str]) -> Rows:
        return np.array(self.vocab.rows([shape(word) for word in words]), dtype=np.int64)

    def reader(self, weights: Weights) -> Reader:
        table = weights["shape.weight"]
        return lambda rows: table[rows]


@dataclass(frozen=True)
class Characters(NumberedFeature, FormFeature):
    """A convolution over a word's characters, then the maximum over positions; rows (N, C), padded with 0.

    `h[i] = b + sum_k W[k] e(c[i + k - width // 2])`, result `max_i h[i]` (Ma and Hovy 2016, section 2.1).

    Attributes:
        longest: characters of a word that are looked at, half from its start, half from its end.
        filters: of the convolution.
        width: characters that a filter sees.
    """

    name: ClassVar[str] = "character"
    key: ClassVar[str] = "characters"
    reads_letters: ClassVar[bool] = True
    is_ragged: ClassVar[bool] = True
    longest: int
    filters: int
    width: int

    @classmethod
    def build(cls, found: TextCounts, config: EmbeddingConfig) -> Characters:
        counts: Counter[str] = Counter()
        for word in found.words:
            counts.update(word[:LONGEST_WORD])
        return cls._of(Vocab.from_counts(counts), config)

    @classmethod
    def from_dict(cls, tables: Mapping[str, object], config: EmbeddingConfig) -> Characters:
        return cls._of(read_vocab(tables, "characters"), config)

    @classmethod
    def _of(cls, vocab: Vocab, config: EmbeddingConfig) -> Characters:
        sizes = (
            config.character_dim,
            config.max_characters,
            config.character_filters,
            config.character_width,
        )
        return cls(vocab, *sizes)

    def rows(self, words: Sequence[str]) -> Rows:
        clipped = [_clip(word, self.longest) for word in words]
        return lay_out(self.vocab.rows("".join(clipped)), list(map(len, clipped)), 1)

    @property
    def size(self) -> int:
        return self.filters

    def weight_shapes(self) -> Shapes:
        if not self.filters:
            return {}
        return {
            "character.embedding": (len(self.vocab), self.dim),
            "character.weight": (self.width, self.dim, self.filters),
            "character.bias": (self.filters,),
        }

    def reader(self, weights: Weights) -> Reader:
        alphabet = weights["character.embedding"].copy()
        alphabet[PAD] = 0.0
        tables = list(alphabet @ weights["character.weight"])  # W of (A, F)
        bias = weights["character.bias"]
        return lambda rows: convolve(rows, tables, self.width // 2) + bias


class ColumnValues(NamedTuple):
    """A column that is read as a feature.

    Attributes:
        name: as the settings have it.
        values: those that training saw.
        dim: size of the embedding of a value.
    """

    name: str
    values: Vocab
    dim: int


@dataclass(frozen=True)
class MarkColumns(MarkFeature):
    """The columns of a corpus beside the token and its tag: parts of speech, chunks, capitalisation."""

    name: ClassVar[str] = "columns"
    columns: tuple[ColumnValues, ...]

    @classmethod
    def build(cls, found: TextCounts, config: EmbeddingConfig) -> MarkColumns:
        asked = parse_feature_columns(config.feature_columns)
        counts = found.columns or [{} for _ in asked]
        return cls(
            tuple(
                ColumnValues(str(column), Vocab.from_counts(each), dim)
                for (column, dim), each in zip(asked, counts, strict=True)
            )
        )

    @classmethod
    def from_dict(cls, tables: Mapping[str, object], config: EmbeddingConfig) -> MarkColumns:
        columns, asked = tables.get("columns", []), config.feature_columns
        if not isinstance(columns, list):
            raise ValueError("columns or gazetteers are not a list")
        found = [_read_column(column) for column in columns]
        if len(found) != len(asked):
            raise ValueError(f"there are {len(found)} columns but {len(asked)} in the settings")
        dims = (column.dim for column in parse_feature_columns(asked))
        return cls(tuple(ColumnValues(*each, dim) for each, dim in zip(found, dims, strict=True)))

    def as_dict(self) -> dict[str, Any]:
        columns = [{"name": column.name, "values": list(column.values.items)} for column in self.columns]
        return {"columns": columns} if columns else {}

    @property
    def size(self) -> int:
        return sum(column.dim for column in self.columns)

    @property
    def rows_per_token(self) -> int:
        return len(self.columns)

    def rows(self, tokens: Sequence[str], values: Sequence[Sequence[str]]) -> Rows:
        self.check(values)
        rows = [column.values.rows(each) for column, each in zip(self.columns, values, strict=True)]
        return np.array(rows, dtype=np.int64).reshape(len(rows), len(tokens)).T

    def check(self, values: Sequence[Sequence[str]]) -> None:
        """Raise an error where the values of other columns are given than the model reads.

        Raises:
            ModelError: there are more or fewer.
        """
        if len(values) != len(self.columns):
            raise self.missing(len(values))

    def missing(self, given: int = 0) -> ModelError:
        """Return what to tell somebody who gives another number of columns than the model reads."""
        names = ", ".join(column.name for column in self.columns) or "none"
        found = f"{given} feature columns" if given else "no feature columns beside the tokens"
        return ModelError(
            f"found {found}, expected those the model was trained with ({names}); raw text has none: give a column "
            "file with --input-format conll, or in Python predict_tokens(..., features=...)"
        )

    def weight_shapes(self) -> Shapes:
        return {
            f"marks.{place}.weight": (len(column.values), column.dim)
            for place, column in enumerate(self.columns)
        }

    def joined(self, other: Self) -> Self:
        """Return the columns with the values of both; those of the other where it alone has any."""
        if not self.columns:
            return other
        pairs = zip(self.columns, other.columns, strict=True)
        return replace(
            self, columns=tuple(one._replace(values=join(one.values, two.values)) for one, two in pairs)
        )


@dataclass(frozen=True)
class Gazetteers(MarkFeature):
    """Lists of names, and where in one of their names a token stands.

    Attributes:
        lists: as `--gazetteer` read them.
        dim: size of the embedding of a list's marks.
        first: number of the first list's table among those of all marks; the columns' stand before.
    """

    name: ClassVar[str] = "gazetteers"
    lists: tuple[Gazetteer, ...]
    dim: int
    first: int

    @classmethod
    def build(cls, found: TextCounts, config: EmbeddingConfig) -> Gazetteers:
        names = () if config.word_mark_dim else tuple(found.gazetteers)  # else they are lists of words
        return cls(names, config.gazetteer_dim, len(config.feature_columns))

    @classmethod
    def from_dict(cls, tables: Mapping[str, object], config: EmbeddingConfig) -> Gazetteers:
        lists = tables.get("gazetteers", [])
        if not isinstance(lists, list):
            raise ValueError("columns or gazetteers are not a list")
        return cls(tuple(map(Gazetteer.from_dict, lists)), config.gazetteer_dim, len(config.feature_columns))

    def as_dict(self) -> dict[str, Any]:
        return {"gazetteers": [each.as_dict() for each in self.lists]} if self.lists else {}

    @property
    def size(self) -> int:
        return self.dim * len(self.lists)

    @property
    def rows_per_token(self) -> int:
        return len(self.lists)

    def rows(self, tokens: Sequence[str], values: Sequence[Sequence[str]]) -> Rows:
        del values
        rows = [each.rows(tokens) for each in self.lists]
        return np.array(rows, dtype=np.int64).reshape(len(rows), len(tokens)).T

    def weight_shapes(self) -> Shapes:
        return {
            f"marks.{place}.weight": (len(MARKS), self.dim)
            for place in range(self.first, self.first + len(self.lists))
        }

    def joined(self, other: Self) -> Self:
        """Return the lists as they were; those of the other where it alone has any."""
        return self if self.lists else other


@dataclass(frozen=True)
class Bigrams(NumberedFeature, PlaceFeature):
    """The pairs of a token and its left and its right neighbour; rows (T, 2)."""

    name: ClassVar[str] = "bigram"
    key: ClassVar[str] = "bigrams"

    @classmethod
    def build(cls, found: TextCounts, config: EmbeddingConfig) -> Bigrams:
        return cls(Vocab.from_counts(found.pairs, 2), config.bigram_dim)

    @classmethod
    def from_dict(cls, tables: Mapping[str, object], config: EmbeddingConfig) -> Bigrams:
        return cls(read_vocab(tables, "bigrams"), config.bigram_dim)

    @property
    def size(self) -> int:
        return 2 * self.dim

    @property
    def rows_per_token(self) -> int:
        return 2

    def rows(self, tokens: Sequence[str], values: Sequence[Sequence[str]]) -> Rows:
        del values
        rows = np.fromiter(self.vocab.iter_rows(bigrams(tokens)), np.int64, len(tokens) + 1)
        return np.stack((rows[:-1], rows[1:]), axis=1)

    def tables(self, weights: Weights) -> list[Floats]:
        return [weights["bigram.weight"]] * 2


FEATURES: tuple[type[Feature], ...] = (
    Words,
    Affixes,
    WordShapes,
    Characters,
    MarkColumns,
    Gazetteers,
    Bigrams,
    WordMarks,
    WordClusters,
)


def _clip(word: str, kept: int) -> str:
    return word if len(word) <= kept else word[: kept - kept // 2] + word[-(kept // 2) :]


def _read_column(found: object) -> tuple[str, Vocab]:
    if not isinstance(found, dict) or found.keys() != {"name", "values"}:
        raise ValueError("a column is not an object of name and values")
    name, values = found["name"], found["values"]
    if not isinstance(name, str) or not isinstance(values, list):
        raise ValueError("a column's name or values are of another type")
    if not all(isinstance(value, str) for value in values):
        raise ValueError("a column's values are not strings")
    return name, Vocab(values)
