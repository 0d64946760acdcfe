"""Spans that a large language model wrote, put where their texts stand: such a model copies well and counts badly.

A span whose offsets cover something else than its text is put at the nearest place where that stands. One without
offsets stands wherever its text does as whole words. What can't be placed is left out and counted: one bad line of a
million is no reason to refuse the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from tagger.text.formats.alignment import TextSpan
from tagger.text.formats.records.spans import NOWHERE
from tagger.text.formats.records.units import find_unit, is_within_word


def place_spans(text: str, spans: Sequence[TextSpan], note: Callable[[str], None]) -> list[TextSpan]:
    """Return the spans of a text at their places, in the unit of their offsets where these are right.

    Args:
        text: which they are of.
        spans: as a machine gave them; `NOWHERE` where it gave no offsets.
        note: told what is odd about a span; it follows "span".
    """
    is_sound = find_unit(text, [span for span in spans if span.start != NOWHERE]) is not None
    longest = len(text.encode("utf-8", "surrogatepass"))  # no unit counts more
    return [placed for span in spans for placed in _place(text, span, longest, note, is_sound=is_sound)]


def _place(
    text: str, span: TextSpan, longest: int, note: Callable[[str], None], *, is_sound: bool
) -> Iterator[TextSpan]:
    is_placed = span.start != NOWHERE
    if span.text is None or (is_sound and is_placed):
        if 0 <= span.start < span.end <= longest:
            yield span
        else:
            note("beyond its text or empty, left out")
    elif is_placed and text[max(span.start, 0) : max(span.end, 0)] == span.text:
        yield span
    else:
        starts = _find_words(text, span.text)
        if not starts:
            note("whose words aren't in its text, left out")
            return
        if is_placed:
            note("with wrong offsets, put at the nearest place where its words stand")
            starts = [min(starts, key=lambda start: abs(start - span.start))]
        for start in starts:
            yield span._replace(start=start, end=start + len(span.text))


def _find_words(text: str, words: str) -> list[int]:
    """Return where words begin in a text, where they neither begin nor end inside one of its words."""

    def is_whole(edge: int) -> bool:
        return not 0 < edge < len(text) or not is_within_word(text[edge - 1], text[edge])

    starts = (match.start() for match in re.finditer(re.escape(words), text))
    return [start for start in starts if is_whole(start) and is_whole(start + len(words))]
