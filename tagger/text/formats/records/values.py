"""A file of JSON to its records and their lines: an object a line or over several, arrays, lists inside objects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tagger.errors import DataError
from tagger.text.conll.source import read_whole_lines
from tagger.text.files import FilePath, display_name
from tagger.text.formats.records.names import NAMING_KEYS

TOO_DEEP = "found lists or objects too deep inside each other, expected a record"
LONGEST_JSON = 1 << 30  # characters of one value: Label Studio exports a project as one array on one line

# Strings are matched whole, so that the brackets in them don't count.
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')
_BLANKS = re.compile(r"[ \t\n\r]*")
_BETWEEN = re.compile(r"[ \t\n\r,]*")
_WRAPPERS = (  # keys of an object under which its records stand
    "annotations", "data", "examples", "documents", "records", "items", "rows", "rasa_nlu_data", "common_examples",
)  # fmt: skip
_OWN_KEYS = (
    "text",
    "tokens",
    "words",
    "tokenized_text",
    "content",
)  # a record has one of them, a wrapper none


def read_values(path: FilePath, encoding: str) -> Iterator[tuple[int, Any]]:
    """Yield each record of a file and the line on which it begins.

    A value may go over several lines; it ends where its brackets do. The elements of an array are records, and so
    are those of a list that stands alone in an object.

    Args:
        path: the file, `-` for the standard input.
        encoding: of the file.

    Raises:
        DataError: with file and line.
    """
    name = display_name(path)
    waiting: list[str] = []  # lines of a value that goes on
    depth = size = first = 0
    for piece, begin in read_whole_lines(path, encoding, lambda fact, line: None, LONGEST_JSON):
        for line, row in enumerate(piece.split("\n")[:-1], begin):
            if not waiting:
                if not row.strip():
                    continue
                try:
                    value, end = _decode(row, _BLANKS.match(row).end())  # type: ignore[union-attr]
                except ValueError:
                    end = 0
                if end and not row[end:].strip():
                    yield from _unwrap(row, value, line, name)
                    continue
                first, depth, size = line, 0, 0
            elif row.startswith("{") and _is_object(waiting[-1]):
                _take_one(waiting, first, name)  # one object a line, and the first of these lines is broken
            waiting.append(row)
            size += len(row)
            depth += _count_brackets(row)
            if size > LONGEST_JSON:
                raise DataError(f"found a value of more than {LONGEST_JSON} characters", name, first)
            if depth <= 0:
                yield from _take(waiting, first, name)
                waiting = []
    if waiting:
        yield from _take(waiting, first, name)


def _take(rows: list[str], first: int, name: str) -> Iterator[tuple[int, Any]]:
    """Yield the records of a text that begins on a line: of one value, or of several after each other."""
    text = "\n".join(rows)
    at, counted, line = _BLANKS.match(text).end(), 0, first  # type: ignore[union-attr]
    while at < len(text):
        line += text.count("\n", counted, at)
        counted = at
        try:
            value, end = _decode(text, at)
        except ValueError as error:
            if len(rows) > 1 and rows[0].startswith("{") and _is_object(rows[-1]):
                _take_one(rows, first, name)
            raise _fault(error, name, first, line) from error
        yield from _unwrap(text[at:end], value, line, name)
        at = _BLANKS.match(text, end).end()  # type: ignore[union-attr]


def _take_one(rows: list[str], first: int, name: str) -> None:
    """Raise the error of a line that should have been a value of its own."""
    try:
        _decode(rows[0], 0)
    except ValueError as error:
        raise _fault(error, name, first, first) from error


def _count_brackets(row: str) -> int:
    """Return how many brackets a row opens less those it closes."""
    found = _BRACKETS.findall(row)
    return sum(1 if each in "[{" else -1 for each in found if len(each) == 1)


def _is_object(row: str) -> bool:
    if not (row.startswith("{") and row.rstrip().endswith("}")):
        return False
    try:
        return isinstance(json.loads(row), dict)
    except (ValueError, RecursionError):
        return False


class _OddValueError(ValueError):
    """JSON that the grammar allows and that is not read; it says what was found and what was expected."""


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        met: set[str] = set()
        twice = next(key for key, _ in pairs if key in met or met.add(key))  # type: ignore[func-returns-value]
        raise _OddValueError(f"found the key {twice[:60]!r} twice in one object, expected it once")
    return made


_DECODER = json.JSONDecoder(object_pairs_hook=_make_object)


def _decode(text: str, at: int) -> tuple[Any, int]:
    """Return a JSON value that begins at a place, and where it ends.

    Raises:
        ValueError: there is none, or none that can be written again.
    """
    try:
        value, end = _DECODER.raw_decode(text, at)
        if text.find("\\u", at, end) >= 0:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError as error:
        raise _OddValueError(TOO_DEEP) from error
    except UnicodeEncodeError as error:
        raise _OddValueError(
            f"found half a character, {error.object[error.start]!r}, expected whole ones"
        ) from error
    return value, end


def _fault(error: ValueError, name: str, first: int, line: int) -> DataError:
    """Return the error of a text that is no JSON somewhere; `first` is its line, `line` that of the value."""
    if isinstance(error, json.JSONDecodeError):
        line = first + error.lineno - 1
        found = f"found no JSON ({error.msg} in column {error.colno}), expected an object"
    else:
        found = (
            str(error)
            if isinstance(error, _OddValueError)
            else f"found no JSON ({error}), expected an object"
        )
    return DataError(found, name, line)


def _unwrap(text: str, value: Any, line: int, name: str) -> Iterator[tuple[int, Any]]:
    """Yield the records that a value is or holds."""
    if isinstance(value, list) and not is_pair(value):
        yield from zip(_find_lines(text, line, len(value)), value, strict=True)
        return
    yield from ((line, each) for each in _open(value))


def _open(value: Any) -> Iterator[Any]:
    """Yield the records that stand in a list inside an object, or the value itself, where it is a record.

    What the object says of the names of tags goes with each record.
    """
    is_task = isinstance(value, dict) and isinstance(value.get("data"), dict) and "rasa_nlu_data" not in value
    if not isinstance(value, dict) or is_task or any(key in value for key in _OWN_KEYS):
        yield value
        return
    inner = [value[key] for key in _WRAPPERS if isinstance(value.get(key), list)]
    nested = [value[key] for key in _WRAPPERS if isinstance(value.get(key), dict)]
    if len(inner) == 1 and all(each is None or isinstance(each, dict | list) for each in inner[0]):
        beside = {key: value[key] for key in NAMING_KEYS if key in value}
        for each in inner[0]:
            row = each["row"] if isinstance(each, dict) and isinstance(each.get("row"), dict) else each
            yield beside | row if isinstance(row, dict) and "tokens" in row else row
    elif len(value) == len(nested) == 1 and any(key in nested[0] for key in _WRAPPERS):
        yield from _open(nested[0])
    else:
        yield value


def is_pair(value: Any) -> bool:
    """Say whether a value is a text with its spans as spaCy's training data have them."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], dict)
    )


def _find_lines(text: str, line: int, count: int) -> Iterator[int]:
    """Yield the line on which each element of an array begins."""
    decode = json.JSONDecoder().raw_decode
    at = text.index("[") + 1
    counted = 0
    for _ in range(count):
        begin = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]
        line += text.count("\n", counted, begin)
        counted = begin
        yield line
        _, at = decode(text, begin)
