"""JSON to documents: an object a line, objects one after the other, or one array of them.

An object holds a text, or the tokens of one sentence. Its document is called as the object says (`id`), or by the
file and its number there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from typing import Any, NamedTuple

from tagger.errors import DataError
from tagger.text.files import TextPiece
from tagger.text.raw.rows import Pause

LONGEST_VALUE = 1 << 30  # characters: Label Studio exports a project as one line
_TEXT_FIELDS = ("text", "data.text", "content", "sentence", "data")
_TOKEN_FIELDS = ("tokens", "words")
_BLANKS = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()
_ADVICE = "name the field that holds the text with --text-field"


class TextObject(NamedTuple):
    """A document as an object holds it.

    Attributes:
        number: of the object in its file, from 1.
        doc: the name of the document; None: the object has none.
        start: where in that document its text starts.
        text: the text; empty where there are tokens.
        words: the tokens, where it holds these instead.
    """

    number: int
    doc: str | None
    start: int
    text: str
    words: list[str] | None = None


def read_objects(
    pieces: Iterable[TextPiece | Pause], name: str, field: str | None
) -> Iterator[TextObject | Pause]:
    """Yield the documents of a JSON file, each as soon as its line is complete, and the pauses between.

    Args:
        pieces: of its text.
        name: of the file, for messages.
        field: see `InputSettings.text_field`.

    Raises:
        DataError: with file and line: no JSON, or no text in it.
    """
    number = 0
    for found in _read_values(pieces, name):
        if isinstance(found, Pause):
            yield found
            continue
        value, line = found
        number += 1
        yield _find_document(value, field, number, name, line)


def _read_values(pieces: Iterable[TextPiece | Pause], name: str) -> Iterator[tuple[Any, int] | Pause]:
    """Yield each value and the line on which it begins."""
    held: list[str] = []  # rows of an array, or of an object that is laid out over several
    begin, is_first, is_array = 1, True, False
    for found in _read_rows(pieces, name):
        if isinstance(found, Pause):
            yield found
            continue
        line, row = found
        if not held:
            if not row.strip():
                continue
            begin, is_array = line, is_first and row.lstrip().startswith("[")
            is_first = False
        held.append(row)
        is_laid_out = held[0].rstrip() == "{" and not row.startswith("}")
        if not is_array and not is_laid_out:
            yield _parse("\n".join(held), name, begin), begin
            held = []
    if is_array:
        yield from _read_array("\n".join(held), name, begin)
    elif held:
        yield _parse("\n".join(held), name, begin), begin  # it has no end, which is a fault


def _read_rows(pieces: Iterable[TextPiece | Pause], name: str) -> Iterator[tuple[int, str] | Pause]:
    """Yield each line with its number, as soon as its end has come."""
    line, waiting, size = 1, [""], 0
    for piece in pieces:
        if isinstance(piece, Pause):
            yield piece
            continue
        first, *others = piece.text.split("\n")
        waiting.append(first)
        size += len(first)
        if size > LONGEST_VALUE:
            raise DataError(
                f"found a line of more than {LONGEST_VALUE} characters, expected an object", name, line
            )
        for other in others:
            yield line, "".join(waiting)
            line, waiting, size = line + 1, [other], len(other)
    yield line, "".join(waiting)


def _read_array(text: str, name: str, line: int) -> Iterator[tuple[Any, int]]:
    """Yield the elements of an array and the lines on which they begin."""
    at = counted = 0
    for mark in chain("[", repeat(",")):
        at = _end_of_blanks(text, at)
        if text[at : at + 1] == "]" and mark == ",":
            break
        if text[at : at + 1] != mark:
            raise DataError(f"found no JSON ({mark!r} is missing), expected an array of objects", name, line)
        at = _end_of_blanks(text, at + 1)
        if text[at : at + 1] == "]" and mark == "[":
            break
        line, counted = line + text.count("\n", counted, at), at
        value, at = _decode(text, at, name, line)
        yield value, line
    if text[at + 1 :].strip():
        raise DataError("found more text behind an array, expected nothing but the array", name, line)


def _end_of_blanks(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    return match.end() if match else at


def _parse(text: str, name: str, line: int) -> Any:
    """Return the value that a text is."""
    start = _end_of_blanks(text, 0)
    value, end = _decode(text, start, name, line)
    if text[end:].strip():
        raise DataError(
            f"found {text[end:].strip()[:20]!r} behind a JSON value, expected one a line", name, line
        )
    return value


def _decode(text: str, at: int, name: str, line: int) -> tuple[Any, int]:
    """Return the value that begins there, and where it ends."""
    try:
        value, end = _DECODER.raw_decode(text, at)
        if "\\u" in text[at:end]:
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # half a surrogate pair is no character
    except json.JSONDecodeError as error:
        raise DataError(
            f"found no JSON ({error.msg}), expected an object", name, line + text.count("\n", at, error.pos)
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"found no JSON ({error}), expected an object", name, line) from error
    return value, end


def _find_document(record: Any, field: str | None, number: int, name: str, line: int) -> TextObject:
    """Return what an object holds, or a string, which is a text itself."""
    if isinstance(record, str) and field is None:
        return TextObject(number, None, 0, record)
    if not isinstance(record, dict):
        raise DataError(f"found {json.dumps(record)[:40]}, expected an object that holds a text", name, line)
    doc = next((record[key] for key in ("doc", "id") if isinstance(record.get(key), str | int)), None)
    start = (
        record.get("start") if isinstance(record.get("doc"), str) else 0
    )  # a sentence, as predict writes it
    begin = start if isinstance(start, int) and start >= 0 else 0
    for key in _TEXT_FIELDS if field is None else (field,):
        value = _look_up(record, key)
        if isinstance(value, str):
            return TextObject(number, None if doc is None else str(doc), begin, value)
    for key in _TOKEN_FIELDS if field is None else (field,):
        words = _look_up(record, key)
        if isinstance(words, list) and all(
            isinstance(word, str) and word.split() == [word] for word in words
        ):
            return TextObject(number, None if doc is None else str(doc), begin, "", words)
    keys = ", ".join(map(repr, list(record)[:8])) or "none"
    missing = "text" if field is None else f"text in {field!r}"
    raise DataError(f"found no {missing} (keys: {keys}), expected a string; {_ADVICE}", name, line)


def _look_up(record: Any, path: str) -> Any:
    """Return the value of a key, or of a key in an object within (`data.text`); None where there is none."""
    if not isinstance(record, dict):
        return None
    if path in record:
        return record[path]
    first, _, rest = path.partition(".")
    return _look_up(record.get(first), rest) if rest else None
