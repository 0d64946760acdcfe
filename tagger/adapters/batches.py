"""Batches of rows that hold a text -> the same rows with what a model found: for Ray Data, Spark, pandas, Arrow.

Other programs cut large tables into batches and hand them to a function; this is that function. It needs none of
them: a batch is a dict of columns, a table of Arrow or a frame of pandas, and what comes back is of the same kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np

from tagger.api.sources import describe_value, load
from tagger.errors import ConfigError, DataError
from tagger.runtime.tagger import Tagger
from tagger.text.formats.parquet import column_types, list_spans, list_tokens

Rows = list[list[dict[str, Any]] | None]
"""For each text its tokens, or its spans; None where there is no text."""


class BatchLabeller:
    """Labels the texts of batches; the model is read once, when it is made.

    Two columns are added, the others stay: `tokens`, a list of structs (start, end, tag), and `spans`, a list of
    structs (type, start, end, text, confidence). Offsets count code points from the beginning of the row's text. A
    row without a text (null) has null in both. Labelling uses one thread.

    Args:
        model: a model directory, where the process that labels can read it.
        column: the one that holds the texts.
        prefix: of the names of the new columns, as `ner_`.
        min_confidence: leave out spans that are less probable; None: what training chose, 0: nothing.
        language: code such as "de"; it chooses the abbreviations that end no sentence.

    Raises:
        ModelError: the directory or a file in it is missing, damaged or of another format version.
    """

    def __init__(
        self,
        model: str | PathLike[str] | Tagger,
        *,
        column: str = "text",
        prefix: str = "",
        min_confidence: float | None = None,
        language: str = "en",
    ) -> None:
        self._tagger = model if isinstance(model, Tagger) else load(model)
        self._column = column
        self._names = f"{prefix}tokens", f"{prefix}spans"
        self._min_confidence = min_confidence
        self._language = language

    def __call__(self, batch: Any) -> Any:
        """Return a batch with the new columns: a mapping of columns, a table of Arrow, or a frame of pandas.

        Raises:
            ConfigError: there is no column of texts, or there are such columns as are to be added.
            DataError: something in the column of texts is no string.
        """
        if isinstance(batch, Mapping):
            self._check(batch)
            texts = batch[self._column]
            found = self._label(texts.tolist() if hasattr(texts, "tolist") else list(texts))
            return {**batch, **{name: _as_array(rows) for name, rows in found.items()}}
        if hasattr(batch, "column_names"):
            self._check(batch.column_names)
            return self._add_to_table(batch)
        self._check(batch.columns)
        found = self._label(batch[self._column].tolist())
        return batch.assign(**{name: _as_array(rows) for name, rows in found.items()})

    def _add_to_table(self, table: Any) -> Any:
        import pyarrow as arrow

        found = self._label(table.column(self._column).to_pylist())
        for (name, rows), type_ in zip(found.items(), column_types().values(), strict=True):
            table = table.append_column(name, arrow.array(rows, type_))
        return table

    def _check(self, columns: Any) -> None:
        names = [str(name) for name in columns]
        if self._column not in names:
            raise ConfigError(
                f"found no column {self._column!r}, expected one of {', '.join(names)}", "column"
            )
        for name in self._names:
            if name in names:
                raise ConfigError(
                    f"the column {name!r} is there already; give a prefix for the new ones", "prefix"
                )

    def _label(self, texts: Sequence[Any]) -> dict[str, Rows]:
        places = [place for place, text in enumerate(texts) if not _is_missing(text)]
        for place in places:
            if not isinstance(texts[place], str):
                found = f"row {place} of the batch (counted from 0) holds {describe_value(texts[place])}"
                raise DataError(f"column {self._column!r}: {found}, expected a text")
        labelled = self._tagger.predict(
            [texts[place] for place in places],
            min_confidence=self._min_confidence,
            language=self._language,
        )
        tokens: Rows = [None] * len(texts)
        spans: Rows = [None] * len(texts)
        for place, sentences in zip(places, labelled, strict=True):
            tokens[place] = [token for sentence in sentences for token in list_tokens(sentence)]
            spans[place] = [span for sentence in sentences for span in list_spans(sentence)]
        return dict(zip(self._names, (tokens, spans), strict=True))


def _is_missing(value: Any) -> bool:
    """Say whether it stands for no text: None, or the NaN and NA of pandas, which differ from themselves."""
    return value is None or (
        not isinstance(value, str) and (type(value).__name__ == "NAType" or value != value)
    )


def _as_array(rows: Rows) -> np.ndarray[Any, np.dtype[np.object_]]:
    column = np.empty(len(rows), dtype=object)
    column[:] = rows
    return column
