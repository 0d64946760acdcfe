"""Labelled sentences -> a Parquet file, by PyArrow: the columns are the keys of JSON Lines, with their types.

A row is a sentence: `doc`, `start`, `end`, `text`, `tokens` (start, end, tag) and `spans` (type, start, end,
text, confidence), both lists of structs. Rows are written as they come, some thousands at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any, BinaryIO

from tagger.errors import ConfigError
from tagger.text.formats.sentence import LabelledSentence
from tagger.text.output import encode_text

_GROUP = 20_000  # sentences that are written at once: a few megabytes


def save_parquet(sentences: Iterable[LabelledSentence], stream: BinaryIO) -> None:
    """Write a table with a row for each sentence.

    Raises:
        ConfigError: PyArrow isn't installed.
        OSError: the disk refuses.
    """
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        raise ConfigError(
            "parquet needs the package pyarrow, which isn't installed: pip install 'tagger[parquet]'; "
            "jsonl needs nothing",
            "--format",
        ) from None
    types = column_types()
    places = {"doc": arrow.string(), "start": arrow.int64(), "end": arrow.int64(), "text": arrow.string()}
    schema = arrow.schema([*places.items(), *types.items()])
    coming = iter(sentences)
    with parquet.ParquetWriter(stream, schema) as writer:
        while group := list(islice(coming, _GROUP)):
            rows = [
                {
                    "doc": each.doc,
                    "start": each.start,
                    "end": each.end,
                    "text": each.text,
                    "tokens": list_tokens(each),
                    "spans": list_spans(each),
                }
                for each in group
            ]
            try:
                batch = arrow.RecordBatch.from_pylist(rows, schema)
            except UnicodeEncodeError:  # half a surrogate pair, which a file of UTF-8 can't hold
                batch = arrow.RecordBatch.from_pylist(_mend(rows), schema)
            writer.write_batch(batch)


def column_types() -> dict[str, Any]:
    """Return the types of Arrow of the columns `tokens` and `spans`."""
    import pyarrow as arrow

    place = [("start", arrow.int64()), ("end", arrow.int64())]
    token = arrow.struct([*place, ("tag", arrow.string())])
    span = arrow.struct(
        [("type", arrow.string()), *place, ("text", arrow.string()), ("confidence", arrow.float64())]
    )
    return {"tokens": arrow.list_(token), "spans": arrow.list_(span)}


def list_tokens(sentence: LabelledSentence) -> list[dict[str, Any]]:
    """Return the tokens of a sentence as structs."""
    return [{"start": start, "end": end, "tag": tag} for start, end, tag in sentence.tokens]


def list_spans(sentence: LabelledSentence) -> list[dict[str, Any]]:
    """Return the spans of a sentence as structs."""
    return [span.as_dict() for span in sentence.spans]


def _mend(value: Any) -> Any:
    """Return rows whose strings can be encoded."""
    if isinstance(value, str):
        return encode_text(value).decode()
    if isinstance(value, list):
        return [_mend(each) for each in value]
    return {key: _mend(each) for key, each in value.items()} if isinstance(value, dict) else value
