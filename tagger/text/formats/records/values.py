"""A file of JSON to its records and their lines: an object a line or over several, arrays, lists inside objects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tagger.errors import DataError
from tagger.text.conll.source import read_whole_lines
from tagger.text.files import display_name

LONGEST_JSON = 1 << 30  # characters of one value: Label Studio exports a project as one array on one line

_BRACKETS = re.compile(
    r'"(?:[^"\\]|\\.)*"|[\[\]{}]'
)  # strings are matched so that their brackets don't count
_WRAPPERS = (
    "annotations",
    "data",
    "examples",
    "documents",
    "records",
    "items",
    "rasa_nlu_data",
    "common_examples",
)
_OWN_KEYS = (
    "text",
    "tokens",
    "words",
    "tokenized_text",
    "content",
)  # a record has one of them, a wrapper none


def read_values(path: str, encoding: str) -> Iterator[tuple[int, Any]]:
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
                    value = _parse(row)
                except ValueError:
                    first, depth, size = line, 0, 0
                else:
                    yield from _unwrap(row, value, line, name)
                    continue
            elif row.startswith("{") and waiting[0].startswith("{") and _is_object(row):
                parse_json(waiting[0], name, first)  # one object a line, and that line is broken
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


def _take(rows: list[str], line: int, name: str) -> Iterator[tuple[int, Any]]:
    text = "\n".join(rows)
    yield from _unwrap(text, parse_json(text, name, line), line, name)


def _count_brackets(row: str) -> int:
    """Return how many brackets a row opens less those it closes."""
    found = _BRACKETS.findall(row)
    return sum(1 if each in "[{" else -1 for each in found if len(each) == 1)


def _is_object(row: str) -> bool:
    try:
        return isinstance(json.loads(row), dict)
    except (ValueError, RecursionError):
        return False


def _parse(text: str) -> Any:
    """Return the value of a JSON text; ValueError where it is none, or none that can be written again."""
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError(str(error)) from error
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # half a surrogate pair is no character
    return value


def parse_json(text: str, path: str, line: int) -> Any:
    """Return the value of a JSON text that begins on a line; DataError with its place where it is none."""
    try:
        return _parse(text)
    except json.JSONDecodeError as error:
        found = f"found no JSON ({error.msg} in column {error.colno})"
        raise DataError(f"{found}, expected an object", path, line + error.lineno - 1) from error
    except ValueError as error:
        raise DataError(f"found no JSON ({error}), expected an object", path, line) from error


def _unwrap(text: str, value: Any, line: int, name: str) -> Iterator[tuple[int, Any]]:
    """Yield the records that a value is or holds."""
    if isinstance(value, list) and not is_pair(value):
        yield from zip(_find_lines(text, line, len(value)), value, strict=True)
        return
    is_task = isinstance(value, dict) and isinstance(value.get("data"), dict) and "rasa_nlu_data" not in value
    if isinstance(value, dict) and not is_task and not any(key in value for key in _OWN_KEYS):
        inner = [value[key] for key in _WRAPPERS if isinstance(value.get(key), list)]
        if len(inner) == 1 and all(each is None or isinstance(each, dict | list) for each in inner[0]):
            yield from ((line, each) for each in inner[0])
            return
        nested = [value[key] for key in _WRAPPERS if isinstance(value.get(key), dict)]
        if len(value) == len(nested) == 1 and any(key in nested[0] for key in _WRAPPERS):
            yield from _unwrap(text, nested[0], line, name)
            return
    yield line, value


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
        begin = re.compile(r"[\s,]*").match(text, at).end()  # type: ignore[union-attr]
        line += text.count("\n", counted, begin)
        counted = begin
        yield line
        _, at = decode(text, begin)
