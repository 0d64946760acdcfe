"""JSON records to sentences or documents; a small function for each shape.

A record is read by its keys: `tokens` and `tags`; a text with spans as doccano writes it (`label`, `labels` or
`entities` hold `[start, end, type]`); what `tagger predict` writes (`tokens` hold `[start, end, tag]`); tasks of
Label Studio (`data` and `annotations`, or its short form).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tagger.errors import DataError
from tagger.text.conll import Corpus, Sentence
from tagger.text.conll.source import read_whole_lines
from tagger.text.counting import count_of
from tagger.text.files import display_name
from tagger.text.formats.alignment import Document, Report, TextSpan
from tagger.text.formats.corpus import CorpusSettings, align_corpus

Record = dict[str, Any]
LONGEST_JSON_LINE = 1 << 30  # characters: Label Studio exports a project as one line
_TAGS = ("tags", "ner_tags", "labels")
_WORDS = ("tokens", "words")
_SPANS = ("label", "labels", "entities", "spans")
_TEXTS = ("text", "data", "content")


class Place(NamedTuple):
    """Where a record stands, and the number of its document."""

    path: str
    line: int
    document: int


def read_records(path: str, settings: CorpusSettings, report: Report) -> Corpus:
    """Read a corpus of JSON lines, or of an array; the shape of each record is told by its keys.

    Args:
        path: the file, `-` for the standard input.
        settings: how its texts are cut, its scheme and its encoding.
        report: called for each span that does not meet token boundaries.

    Raises:
        DataError: with file and line.
    """
    return align_corpus(
        path, lambda _report, _warn: _read_documents(path, settings.encoding), settings, report
    )


def _read_documents(path: str, encoding: str) -> Iterator[Sentence | Document]:
    name = display_name(path)
    number, last = 0, None  # of the document
    for line, record in _read_values(path, name, encoding):
        document = _document_of(record)
        number += document is not None and last is not None and document != last
        last = document if document is not None else last
        yield read_record(record, Place(name, line, number))


def _document_of(record: Any) -> Any:
    """Return what a record says about its document; None where it says nothing."""
    if not isinstance(record, Mapping):
        return None
    meta = record.get("meta")
    return record.get("doc", meta.get("doc") if isinstance(meta, Mapping) else None)


def _read_values(path: str, name: str, encoding: str) -> Iterator[tuple[int, Any]]:
    """Yield the line and the value of each JSON text: one a line, or the elements of one array."""
    pieces = read_whole_lines(path, encoding, lambda fact, line: None, LONGEST_JSON_LINE)
    for piece, begin in pieces:
        if begin == 1 and piece.lstrip().startswith("["):
            whole = piece + "".join(text for text, _ in pieces)
            values = parse_json(whole, name, begin)
            yield from ((1, value) for value in values)
            return
        for line, row in enumerate(piece.split("\n")[:-1], begin):
            if row.strip():
                yield line, parse_json(row, name, line)


def parse_json(text: str, path: str, line: int) -> Any:
    """Return the value of a JSON text; DataError with its place where it is none."""
    try:
        value = json.loads(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # half a surrogate pair is no character
    except json.JSONDecodeError as error:
        where = f"column {error.colno}" if error.lineno == 1 else f"line {error.lineno} of it"
        raise DataError(f"found no JSON ({error.msg} in {where}), expected an object", path, line) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"found no JSON ({error}), expected an object", path, line) from error
    return value


def read_record(record: Any, place: Place) -> Sentence | Document:
    """Return what a record holds: tokens and tags, or a text and its spans."""
    if not isinstance(record, dict):
        raise _shape_fault(f"found {type(record).__name__}", place)
    words = next((record[key] for key in _WORDS if isinstance(record.get(key), list)), None)
    if words is not None and all(isinstance(word, str) for word in words) and words:
        return _read_tags(record, words, place)
    if isinstance(record.get("data"), dict):
        return _read_task(record, place)
    text = next((record[key] for key in _TEXTS if isinstance(record.get(key), str)), None)
    if text is None:
        raise _shape_fault(f"found the keys {', '.join(map(repr, list(record)[:8])) or 'none'}", place)
    base = record.get("start", 0) if words else 0
    if not _is_offset(base):
        raise _shape_fault("found a 'start' that is no number", place)
    tokens = _read_offsets(words or (), base, text, place)
    if words and all(len(word) == 3 and isinstance(word[2], str) for word in words):
        comments = () if "\n" in text else (f"# text = {text}",)
        pieces = [text[start:end] for start, end in tokens]
        tags = [word[2] for word in words]
        return _read_tags({"tags": tags, "comments": comments}, pieces, place)
    found: list[Any] = next((record[key] for key in _SPANS if isinstance(record.get(key), list)), [])
    spans = tuple(_read_span(span, base, place) for span in found)
    return Document(text, spans, place.path, place.line, place.document, (tokens,) if tokens else None)


def _shape_fault(found: str, place: Place) -> DataError:
    expected = "expected an object with tokens and tags, or with a text and its spans"
    return DataError(f"{found}, {expected}", place.path, place.line)


def _read_tags(record: Record, words: Sequence[str], place: Place) -> Sentence:
    tags = next((record[key] for key in _TAGS if isinstance(record.get(key), list)), None)
    if tags is None or not all(isinstance(tag, str) for tag in tags):
        found = "no tags" if tags is None else "tags that are no strings"
        raise DataError(f"found {found}, expected a list of strings", place.path, place.line)
    if len(words) != len(tags):
        found = f"found {count_of(len(words), 'token')} and {count_of(len(tags), 'tag')}"
        raise DataError(f"{found}, expected as many of both", place.path, place.line)
    empty = next(
        (i for i, pair in enumerate(zip(words, tags, strict=True)) if not all(map(str.strip, pair))), None
    )
    if empty is not None:
        raise DataError(f"found an empty token or tag at {empty}, expected some text", place.path, place.line)
    comments = _list_of(record, "comments")
    return Sentence(
        tokens=tuple(words),
        tags=tuple(tags),
        line=place.line,
        document=place.document,
        comments=tuple(comment for comment in comments if isinstance(comment, str)),
        lines=(place.line,) * len(words),
    )


def _read_task(task: Record, place: Place) -> Document:
    """Read a task of Label Studio: the first annotation that was not cancelled, its text spans alone."""
    texts = [value for value in task["data"].values() if isinstance(value, str)]
    text = task["data"].get("text", texts[0] if texts else None)
    if not isinstance(text, str):
        raise DataError("found no text in 'data', expected a string", place.path, place.line)
    annotations = [each for each in _list_of(task, "annotations") if isinstance(each, dict)]
    done = [each for each in annotations if not each.get("was_cancelled")]
    results = _list_of(done[0], "result") if done else []
    values = [result["value"] for result in results if isinstance(result, dict) and "value" in result]
    spans = [_read_span(value, 0, place) for value in values if isinstance(value, dict) and "start" in value]
    return Document(text, tuple(spans), place.path, place.line, place.document)


def _list_of(record: Record, key: str) -> Sequence[Any]:
    """Return the list under a key; none where there is none."""
    value = record.get(key)
    return value if isinstance(value, list | tuple) else ()


def _read_span(span: Any, base: int, place: Place) -> TextSpan:
    """Read `[start, end, type]` or an object with these; offsets count from `base`."""
    if isinstance(span, list) and len(span) == 3:
        span = {"start": span[0], "end": span[1], "type": span[2]}
    if not isinstance(span, dict):
        raise _span_fault(span, place)
    name = next((span[key] for key in ("type", "label", "labels", "tag") if key in span), None)
    if isinstance(name, list) and len(name) == 1:
        name = name[0]
    start = span.get("start", span.get("start_offset"))
    end = span.get("end", span.get("end_offset"))
    if not isinstance(name, str) or not _is_offset(start) or not _is_offset(end):
        raise _span_fault(span, place)
    assert start is not None and end is not None
    text = span.get("text")
    return TextSpan(name, start - base, end - base, text if isinstance(text, str) else None)


def _is_offset(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _span_fault(span: Any, place: Place) -> DataError:
    expected = "expected [start, end, type] or an object with these, and one type"
    return DataError(f"found the span {json.dumps(span)[:100]}, {expected}", place.path, place.line)


def _read_offsets(words: Sequence[Any], base: int, text: str, place: Place) -> tuple[tuple[int, int], ...]:
    """Return the offsets of tokens that are `[start, end]` or `[start, end, tag]`, counted from `base`."""
    offsets = []
    last = 0
    for word in words:
        if not isinstance(word, list) or len(word) < 2 or not all(map(_is_offset, word[:2])):
            found = f"found the token {json.dumps(word)[:100]}"
            raise DataError(f"{found}, expected [start, end] or [start, end, tag]", place.path, place.line)
        start, end = word[0] - base, word[1] - base
        if not last <= start < end <= len(text):
            found = f"found the token {word[0]}-{word[1]} of a text of {count_of(len(text), 'character')}"
            raise DataError(f"{found}, expected tokens in order inside it", place.path, place.line)
        offsets.append((start, end))
        last = end
    return tuple(offsets)
