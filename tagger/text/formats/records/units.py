"""What offsets count: code points, as here; UTF-16 units, as JavaScript and Java have them; bytes of UTF-8."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import accumulate

from tagger.text.counting import count_of
from tagger.text.formats.alignment import TextSpan
from tagger.text.formats.records.place import Place
from tagger.text.tokenizer.conventions import CJK

UNITS: dict[str, Callable[[str], int]] = {  # what offsets count -> how many of them a character is
    "codepoints": lambda character: 1,
    "utf16": lambda character: 1 + (character > "\uffff"),
    "utf8": lambda character: len(character.encode("utf-8", "surrogatepass")),
}
_HAS_CJK = re.compile(f"[{CJK}]")
_LAST_OF_ONE_UNIT = "\uffff"  # characters beyond are two units of UTF-16

Sentences = Sequence[Sequence[TextSpan]]


def settle_units(
    text: str,
    spans: Sequence[TextSpan],
    sentences: Sentences,
    asked_for: str | None,
    place: Place,
    note: Callable[[str], None],
) -> tuple[Sequence[TextSpan], Sentences]:
    """Return spans and tokens with offsets that count code points.

    Args:
        text: which they are of.
        spans, sentences: as the file has them.
        asked_for: the unit; None: the one in which spans and tokens cover the texts that the file gives them, code
            points where it gives none.
        place: of the record.
        note: told of texts that were read in another unit than code points, or perhaps should have been.

    Raises:
        DataError: offsets lie inside a character, or show that they count something else.
    """
    if asked_for is None and (text.isascii() or not (spans or sentences)):
        return spans, sentences
    marked = [*spans, *(token for sentence in sentences for token in sentence)]
    unit = asked_for or find_unit(text, marked)
    if unit is None:
        _refuse_other_units(text, marked, place)
        if not sentences and _is_doubtful(text, spans) and _fit_utf16(text, spans, place):
            note(
                "with characters that are two units of UTF-16, whose offsets were read as code points; "
                "see --offsets"
            )
    elif unit != "codepoints":
        if asked_for is None:
            note(f"whose offsets count {unit} units, as the texts of its spans show; read so")
        move = _mover(text, unit, place)
        return list(map(move, spans)), [list(map(move, sentence)) for sentence in sentences]
    return spans, sentences


def find_unit(text: str, marked: Sequence[TextSpan]) -> str | None:
    """Return the unit in which everything covers the text that the file says it covers.

    Code points where they do; None where no unit does, or the file says nothing.
    """
    said = [span for span in marked if span.text is not None]
    for unit in UNITS if said else ():
        bounds = _number_units(text, unit)
        if all(
            span.start in bounds
            and span.end in bounds
            and text[bounds[span.start] : bounds[span.end]] == span.text
            for span in said
        ):
            return unit
    return None


def _refuse_other_units(text: str, marked: Sequence[TextSpan], place: Place) -> None:
    """Refuse spans beyond the end of a text by code points that are within it by other units."""
    last = max(span.end for span in marked)
    for unit, size in UNITS.items():
        if len(text) < last <= sum(map(size, text)):
            found = f"found a span up to {last} in a text of {count_of(len(text), 'character')}"
            raise place.fault(
                f"{found}, which fits offsets that count {unit} units; say --offsets {unit} if they do"
            )


def _fit_utf16(text: str, spans: Sequence[TextSpan], place: Place) -> bool:
    """Say whether in UTF-16 units, too, no span cuts a word, or begins or ends in white space.

    Raises:
        DataError: none does only in these.
    """
    units = {unit: _number_units(text, unit) for unit in ("codepoints", "utf16")}
    cut = next((span for span in spans if not _covers_words(text, span, units["codepoints"])), None)
    fits = all(_covers_words(text, span, units["utf16"]) for span in spans)
    if cut is not None and fits:
        meant = text[units["utf16"][cut.start] : units["utf16"][cut.end]]
        found = f"found the span {cut.type} {cut.start}-{cut.end} over {text[cut.start : cut.end][:60]!r}"
        raise place.fault(
            f"{found}, which in UTF-16 units is {meant[:60]!r}; say --offsets utf16 if offsets count those, else "
            "--offsets codepoints"
        )
    return fits


def _covers_words(text: str, span: TextSpan, bounds: dict[int, int]) -> bool:
    """Say whether a span begins and ends where words may."""
    if span.start not in bounds or span.end not in bounds:
        return False
    start, end = bounds[span.start], bounds[span.end]
    covered = text[start:end]
    is_cut = any(is_within_word(text[edge - 1], text[edge]) for edge in (start, end) if 0 < edge < len(text))
    return bool(covered) and covered == covered.strip() and not is_cut


def is_within_word(before: str, after: str) -> bool:
    """Say whether no word can end between two characters; between ideographs one can anywhere."""
    if unicodedata.combining(after):
        return True
    return before.isalnum() and after.isalnum() and not _HAS_CJK.search(before + after)


def _is_doubtful(text: str, spans: Sequence[TextSpan]) -> bool:
    """Say whether offsets that no text proves mean something else in UTF-16."""
    wide = next((index for index, character in enumerate(text) if character > _LAST_OF_ONE_UNIT), None)
    return wide is not None and any(span.end > wide + 1 and span.text is None for span in spans)


def _mover(text: str, unit: str, place: Place) -> Callable[[TextSpan], TextSpan]:
    """Return what gives a span offsets that count code points."""
    bounds = _number_units(text, unit)

    def move(span: TextSpan) -> TextSpan:
        if span.start not in bounds or span.end not in bounds:
            length = count_of(len(text), "character")
            found = f"found offsets {span.start}-{span.end} ({unit})"
            raise place.fault(f"{found} inside a character or beyond a text of {length}")
        return span._replace(start=bounds[span.start], end=bounds[span.end])

    return move


def _number_units(text: str, unit: str) -> dict[int, int]:
    """Return the code point that begins at each offset."""
    sizes = map(UNITS[unit], text)
    return {offset: index for index, offset in enumerate(accumulate(sizes, initial=0))}
