"""The columns of a corpus that are read as features, as a user writes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tagger.errors import ConfigError
from tagger.text.conll import parse_column
from tagger.text.conll.sentence import Column

DEFAULT_DIM = 16
_LARGEST_DIM = 65536
_FIELD = "--feature-column"


class FeatureColumn(NamedTuple):
    """A column that is read as a feature, and the size of its embedding."""

    column: Column
    dim: int


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
