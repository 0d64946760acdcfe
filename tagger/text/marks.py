"""Marks: what a token carries that its spelling doesn't tell, as rows of embedding tables.

There are two kinds, both one value a token: the columns of a corpus beside the token and its tag (parts of speech,
chunks, capitalisation), and gazetteers. A model's `Marks` say which ones it reads, and number their values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagger.errors import ConfigError, ModelError
from tagger.text.conll import Sentence, parse_column
from tagger.text.conll.sentence import Column
from tagger.text.gazetteer import MARKS, Gazetteer
from tagger.text.vocab import Vocab

Rows = NDArray[np.int64]
DEFAULT_DIM = 16
_LARGEST_DIM = 65536
_FIELD = "--feature-column"


class FeatureColumn(NamedTuple):
    """A column that is read as a feature, and the size of its embedding."""

    column: Column
    dim: int


class ColumnValues(NamedTuple):
    """The values of a column that training saw."""

    name: str
    values: Vocab


def parse_feature_columns(texts: Iterable[str]) -> list[FeatureColumn]:
    """Return columns as a user writes them: `COLUMN` or `COLUMN:DIM`.

    >>> parse_feature_columns(["UPOS:8", "2", "MISC:NER"])
    [FeatureColumn(column='UPOS', dim=8), FeatureColumn(column=2, dim=16), FeatureColumn(column='MISC:NER', dim=16)]

    Raises:
        ConfigError: a column has no name, no valid size, or is there twice.
    """
    found: list[FeatureColumn] = []
    for text in texts:
        head, _, tail = text.rpartition(":")
        name, dim = (head, int(tail)) if head and tail.isdecimal() else (text, DEFAULT_DIM)
        column = parse_column(name.strip())
        if not name.partition(":")[0].strip() or not 1 <= dim <= _LARGEST_DIM:
            expected = "COLUMN or COLUMN:DIM, as in UPOS, 2 or UPOS:16"
            raise ConfigError(f"found {text!r}, expected {expected} (DIM from 1 to {_LARGEST_DIM})", _FIELD)
        if any(column == other.column for other in found):
            raise ConfigError(f"found column {name} twice, expected each once", _FIELD)
        found.append(FeatureColumn(column, dim))
    return found


@dataclass(frozen=True, slots=True)
class Marks:
    """The F marks that a model reads of each token: first the columns, then the gazetteers."""

    columns: tuple[ColumnValues, ...] = ()
    gazetteers: tuple[Gazetteer, ...] = ()

    @classmethod
    def build(
        cls, sentences: Iterable[Sentence], columns: Sequence[str], gazetteers: Sequence[Gazetteer] = ()
    ) -> Marks:
        """Number what the columns of training sentences hold.

        Args:
            sentences: with a feature for each column.
            columns: as the settings have them, see `parse_feature_columns`.
            gazetteers: lists that are used as they are.
        """
        counts: list[Counter[str]] = [Counter() for _ in columns]
        if columns:
            for sentence in sentences:
                for count, values in zip(counts, sentence.features, strict=True):
                    count.update(values)
        names = [str(column) for column, _ in parse_feature_columns(columns)]
        tables = (
            ColumnValues(name, Vocab.from_counts(each)) for name, each in zip(names, counts, strict=True)
        )
        return cls(tuple(tables), tuple(gazetteers))

    def __len__(self) -> int:
        return len(self.columns) + len(self.gazetteers)

    @property
    def sizes(self) -> list[int]:
        """How many rows each mark's table has."""
        return [*(len(column.values) for column in self.columns), *(len(MARKS) for _ in self.gazetteers)]

    def rows(self, tokens: Sequence[str], features: Sequence[Sequence[str]]) -> Rows | None:
        """Return the (T, F) marks of a sentence, or None for a model without any.

        Args:
            tokens: T of them.
            features: a sequence of T values for each column; not read where the model reads no marks.

        Raises:
            ModelError: the model reads columns that are not given.
        """
        if not len(self):
            return None
        if len(features) != len(self.columns):
            raise self.missing(len(features))
        columns = [column.values.rows(values) for column, values in zip(self.columns, features, strict=True)]
        return np.array([*columns, *(each.rows(tokens) for each in self.gazetteers)], dtype=np.int64).T

    def missing(self, given: int = 0) -> ModelError:
        """Return what to tell somebody who gives another number of columns than the model reads."""
        names = ", ".join(column.name for column in self.columns) or "none"
        found = f"{given} feature columns" if given else "no feature columns beside the tokens"
        return ModelError(
            f"found {found}, expected those the model was trained with ({names}); raw text has none: give a column "
            "file with --input-format conll, or in Python predict_tokens(..., features=...)"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the marks as plain values, for JSON; nothing where there are none."""
        columns = [{"name": column.name, "values": list(column.values.items)} for column in self.columns]
        gazetteers = [each.as_dict() for each in self.gazetteers]
        parts = {"columns": columns, "gazetteers": gazetteers}
        return {name: part for name, part in parts.items() if part}

    @classmethod
    def from_dict(cls, tables: dict[str, object]) -> Marks:
        """Rebuild marks from a table that holds `as_dict`'s result, which may come from a stranger.

        Raises:
            ValueError: it holds something else.
        """
        columns, gazetteers = tables.get("columns", []), tables.get("gazetteers", [])
        if not isinstance(columns, list) or not isinstance(gazetteers, list):
            raise ValueError("columns or gazetteers are not a list")
        return cls(tuple(map(_read_column, columns)), tuple(map(Gazetteer.from_dict, gazetteers)))


NO_MARKS = Marks()


def _read_column(found: object) -> ColumnValues:
    if not isinstance(found, dict) or found.keys() != {"name", "values"}:
        raise ValueError("a column is not an object of name and values")
    name, values = found["name"], found["values"]
    if not isinstance(name, str) or not isinstance(values, list):
        raise ValueError("a column's name or values are of another type")
    if not all(isinstance(value, str) for value in values):
        raise ValueError("a column's values are not strings")
    return ColumnValues(name, Vocab(values))
