"""Spans as annotation tools write them, to `TextSpan`; offsets in other units than code points."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from tagger.errors import DataError
from tagger.text.counting import count_of
from tagger.text.formats.alignment import Offsets, TextSpan

TYPE_KEYS = ("type", "label", "labels", "tag", "entity_group", "entity")
START_KEYS = ("start", "start_offset", "start_char")
END_KEYS = ("end", "end_offset", "end_char")
UNITS: dict[str, Callable[[str], int]] = {  # what offsets count -> how many of them a character is
    "codepoints": lambda character: 1,
    "utf16": lambda character: 1 + (character > "\uffff"),
    "utf8": lambda character: len(character.encode("utf-8", "surrogatepass")),
}


class Place(NamedTuple):
    """Where a record stands, and the number of its document."""

    path: str
    line: int
    document: int

    def fault(self, message: str) -> DataError:
        """Return an error at this place."""
        return DataError(message, self.path, self.line)

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


def read_spans(values: Sequence[Any], base: int, place: Place) -> tuple[TextSpan, ...]:
    """Read a list of spans; offsets count from `base`."""
    return tuple(read_span(value, base, place) for value in values)


def read_span(span: Any, base: int, place: Place) -> TextSpan:
    """Read `[start, end, type]` or an object with these; offsets count from `base`.

    Raises:
        DataError: it is neither, or has no type, or several.
    """
    if isinstance(span, list) and len(span) in (3, 4):
        span = {"start": span[0], "end": span[1], "type": span[2]}
    if not isinstance(span, dict):
        raise _fault(span, place)
    name = next((span[key] for key in TYPE_KEYS if span.get(key) is not None), None)
    if isinstance(name, list):
        if len(name) > 1 and all(isinstance(each, str) for each in name):
            found = f"found {len(name)} labels on one span ({', '.join(name)}): {_shorten(span)}"
            raise place.fault(f"{found}, expected one; keep one of them in the annotation tool")
        name = name[0] if len(name) == 1 else None
    if isinstance(name, str) and "entity" in span and "index" in span and name[1:2] == "-":
        found = f"found a tag {name!r} of a piece of a word"
        raise place.fault(
            f"{found}, expected whole spans; run the pipeline with aggregation_strategy='simple'"
        )
    start = next((span[key] for key in START_KEYS if key in span), None)
    end = next((span[key] for key in END_KEYS if key in span), None)
    if not isinstance(name, str) or not is_offset(start) or not is_offset(end):
        raise _fault(span, place)
    assert start is not None and end is not None
    text = span.get("text")
    return TextSpan(name, start - base, end - base, text if isinstance(text, str) else None)


def look_like_spans(value: Any) -> bool:
    """Say whether a value can be nothing but a list of spans, whatever its key."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(each, dict)
            and any(key in each for key in START_KEYS)
            and any(key in each for key in END_KEYS)
            and any(key in each for key in TYPE_KEYS)
            for each in value
        )
    )


def is_offset(value: Any) -> bool:
    """Say whether a value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def _shorten(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:100]


def _fault(span: Any, place: Place) -> DataError:
    expected = "expected [start, end, type] or an object with these, and one type"
    return place.fault(f"found the span {_shorten(span)}, {expected}")


def read_offsets(words: Sequence[Any], base: int, place: Place) -> tuple[Offsets, ...]:
    """Return the offsets of tokens: `[start, end]`, `[start, end, tag]` or objects; they count from `base`."""
    offsets = []
    for word in words:
        pair = [word.get("start"), word.get("end")] if isinstance(word, dict) else word
        if not isinstance(pair, list) or len(pair) < 2 or not all(map(is_offset, pair[:2])):
            raise place.fault(f"found the token {_shorten(word)}, expected [start, end] or [start, end, tag]")
        offsets.append((pair[0] - base, pair[1] - base))
    return tuple(offsets)


def check_offsets(offsets: Sequence[Offsets], base: int, text: str, place: Place) -> None:
    """Refuse tokens that overlap, are empty or leave the text."""
    last = 0
    for start, end in offsets:
        if not last <= start < end <= len(text):
            found = (
                f"found the token {start + base}-{end + base} of a text of {count_of(len(text), 'character')}"
            )
            raise place.fault(f"{found}, expected tokens in order inside it")
        last = end


def find_units(text: str, spans: Sequence[TextSpan]) -> str | None:
    """Return the units in which all spans cover the texts that the file says they cover; None where it says none.

    Code points where they fit; else what does.
    """
    said = [span for span in spans if span.text is not None]
    if not said:
        return None
    for unit in UNITS:
        places = _number_units(text, unit)
        if all(
            span.start in places
            and span.end in places
            and text[places[span.start] : places[span.end]] == span.text
            for span in said
        ):
            return unit
    return None


def count_code_points(
    text: str, spans: Sequence[TextSpan], tokens: Sequence[Offsets], unit: str, place: Place
) -> tuple[tuple[TextSpan, ...], tuple[Offsets, ...]]:
    """Return spans and tokens whose offsets count some unit, with offsets that count code points."""
    places = _number_units(text, unit)

    def move(start: int, end: int) -> Offsets:
        if start not in places or end not in places:
            length = count_of(len(text), "character")
            raise place.fault(
                f"found offsets {start}-{end} ({unit}) inside a character or beyond a text of {length}"
            )
        return places[start], places[end]

    moved = []
    for span in spans:
        start, end = move(span.start, span.end)
        moved.append(span._replace(start=start, end=end))
    return tuple(moved), tuple(move(start, end) for start, end in tokens)


def _number_units(text: str, unit: str) -> dict[int, int]:
    """Return the code point that begins at each offset."""
    sizes = map(UNITS[unit], text)
    return {offset: index for index, offset in enumerate(accumulate(sizes, initial=0))}
