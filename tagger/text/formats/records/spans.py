"""Spans and tokens as annotation tools write them; offsets stay as the file has them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeGuard

from tagger.text.formats.alignment import TextSpan
from tagger.text.formats.records.place import Place, show

TYPE_KEYS = ("type", "label", "labels", "tag", "entity_group", "entity")
START_KEYS = ("start", "start_offset", "start_char")
END_KEYS = ("end", "end_offset", "end_char")
SCORE_KEYS = ("score", "confidence", "probability", "prob")
NOWHERE = -1  # the offsets of a span that has a text alone
_BREAKS = "\t\n\r"  # what no column of a file holds


def read_spans(
    values: Sequence[Any], base: int, place: Place, *, is_silver: bool = False
) -> tuple[TextSpan, ...]:
    """Read a list of spans; offsets count from `base`."""
    return tuple(read_span(value, base, place, is_silver=is_silver) for value in values)


def read_span(span: Any, base: int, place: Place, *, is_silver: bool = False) -> TextSpan:
    """Read `[start, end, type]` or an object with these; offsets count from `base`.

    Args:
        span: what stands in the file.
        base: where the text begins.
        place: of the record.
        is_silver: a machine said so: also read how sure it was, where it says that, and a span may have a text in
            place of offsets, which are `NOWHERE` then.

    Raises:
        DataError: it is neither, or has no type, or several, or its score is no number.
    """
    if isinstance(span, list) and len(span) in (3, 4):
        span = dict(zip(("start", "end", "type", "score"), span, strict=False))
    if not isinstance(span, dict):
        raise _fault(span, place)
    name = _read_type(span, place)
    start = next((span[key] for key in START_KEYS if key in span), None)
    end = next((span[key] for key in END_KEYS if key in span), None)
    text = span.get("text")
    if is_silver and start is None and end is None and isinstance(text, str) and text:
        start = end = base + NOWHERE
    elif not is_offset(start) or not is_offset(end):
        raise _fault(span, place)
    if name is None:
        raise _fault(span, place)
    score = find_score(span, place) if is_silver else None
    return TextSpan(name, start - base, end - base, text if isinstance(text, str) else None, score=score)


def find_score(span: dict[str, Any], place: Place) -> float | None:
    """Return how sure a machine says it is of a span; None where it says nothing.

    Raises:
        DataError: it is no number.
    """
    key = next((key for key in SCORE_KEYS if span.get(key) is not None), None)
    if key is None:
        return None
    if isinstance(span[key], bool) or not isinstance(span[key], int | float) or not math.isfinite(span[key]):
        raise place.fault(f"found {show(span[key])} under {key!r} of a span, expected a number")
    return float(span[key])


def _read_type(span: dict[str, Any], place: Place) -> str | None:
    name = next((span[key] for key in TYPE_KEYS if span.get(key) is not None), None)
    if isinstance(name, list):
        if len(name) > 1 and all(isinstance(each, str) for each in name):
            found = f"found {len(name)} labels on one span ({', '.join(map(repr, name[:8]))}): {show(span)}"
            raise place.fault(f"{found}, expected one; keep one of them in the annotation tool")
        name = name[0] if len(name) == 1 else None
    if not isinstance(name, str):
        return None
    if not name.strip() or any(each in name for each in _BREAKS):
        raise place.fault(
            f"found the type {name[:60]!r} of a span, expected a name without tabs and line breaks"
        )
    if "entity" in span and "index" in span and name[1:2] == "-":
        raise place.fault(
            f"found a tag {name!r} of a piece of a word, expected whole spans; run the pipeline with "
            "aggregation_strategy='simple'"
        )
    return name


def look_like_spans(value: Any) -> bool:
    """Say whether a value can be nothing but a list of spans, whatever its key: objects with all that a span has."""
    kinds = (START_KEYS, END_KEYS, TYPE_KEYS)
    return _is_list_of(
        value,
        lambda each: isinstance(each, dict) and all(any(key in each for key in keys) for keys in kinds),
    )


def may_be_spans(value: Any) -> bool:
    """Say whether a value is a list of `[start, end, type]`, or of something that looks just so, as relations do."""
    return _is_list_of(
        value,
        lambda each: (
            isinstance(each, list)
            and len(each) == 3
            and all(map(is_offset, each[:2]))
            and isinstance(each[2], str)
        ),
    )


def _is_list_of(value: Any, is_one: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and bool(value) and all(map(is_one, value))


def is_offset(value: Any) -> TypeGuard[int]:
    """Say whether a value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def read_tokens(words: Sequence[Any], base: int, place: Place) -> list[TextSpan]:
    """Read tokens that are `[start, end]`, `[start, end, tag]`, or objects as spaCy and Prodigy have them."""
    tokens = []
    for word in words:
        pair, text = word, None
        if isinstance(word, dict):
            pair, text = [word.get("start"), word.get("end")], word.get("text")
        if not isinstance(pair, list) or len(pair) < 2 or not all(map(is_offset, pair[:2])):
            found = f"found the token {show(word)}"
            raise place.fault(
                f"{found}, expected [start, end], [start, end, tag] or an object with start and end"
            )
        start, end = pair[0] - base, pair[1] - base
        tokens.append(TextSpan("", start, end, text if isinstance(text, str) else None))
    return tokens


def _fault(span: Any, place: Place) -> Exception:
    return place.fault(
        f"found the span {show(span)}, expected [start, end, type] or an object with these, and one type"
    )
