"""Labelled sentences -> a concordance: one span a row, with what stands to its left and right; and that as CSV.

For people with a spreadsheet. Contexts are of the span's own sentence, shortened between tokens, white space in them
a single blank. What the cells hold is shown, never computed. Programs are better served by TSV or JSON lines, which
keep every character.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tagger.text.escape import draw_controls
from tagger.text.formats.sentence import LabelledSentence, LabelledSpan, round_confidence

LONGEST_CONTEXT = 60  # characters on either side of a span
CUT = "…"  # stands where a context was shortened
BYTE_ORDER_MARK = "\ufeff"
_FORMULA = "=+-@"


class Hit(NamedTuple):
    """A span in its context: a row of a spreadsheet. The names of the fields stand above the columns."""

    file: str
    sentence: int
    left: str
    match: str
    right: str
    type: str
    confidence: float | None
    start: int
    end: int


def find_hits(sentences: Iterable[LabelledSentence]) -> Iterator[Hit]:
    """Yield each span in its context; sentences are counted from 1 in each document."""
    doc: str | None = None
    number = reached = 0
    for sentence in sentences:
        if sentence.doc != doc or sentence.start < reached:  # one that is read twice begins anew
            doc, number = sentence.doc, 0
        number, reached = number + 1, sentence.end
        starts = [start for start, _, _ in sentence.tokens]
        ends = [end for _, end, _ in sentence.tokens]
        for span in sentence.spans:
            yield Hit(
                "standard input" if doc == "-" else draw_controls(doc),  # a spreadsheet takes - for a formula
                number,
                _find_left(sentence, span, starts),
                show_text(span.text),
                _find_right(sentence, span, ends),
                show_text(span.type),
                round_confidence(span.confidence),
                span.start,
                span.end,
            )


def _find_left(sentence: LabelledSentence, span: LabelledSpan, starts: Sequence[int]) -> str:
    """Return what stands to the left of a span in its sentence, beginning with a token."""
    first, mark = sentence.start, ""
    if span.start - first > LONGEST_CONTEXT:
        fits = bisect_left(starts, span.start - LONGEST_CONTEXT)
        first, mark = min([*starts[fits : fits + 1], span.start]), f"{CUT} "
    return (mark + show_text(sentence.text[first - sentence.start : span.start - sentence.start])).rstrip()


def _find_right(sentence: LabelledSentence, span: LabelledSpan, ends: Sequence[int]) -> str:
    """Return what stands to the right of it, ending with a token."""
    last, mark = sentence.end, ""
    if last - span.end > LONGEST_CONTEXT:
        fits = bisect_right(ends, span.end + LONGEST_CONTEXT)
        last, mark = max([*ends[max(0, fits - 1) : fits], span.end]), f" {CUT}"
    return (show_text(sentence.text[span.end - sentence.start : last - sentence.start]) + mark).lstrip()


def show_text(text: str) -> str:
    r"""Return text as one line: white space is a single blank, control characters are pictures.

    >>> show_text("New\r\n  York\x1b")
    'New York␛'
    """
    return draw_controls(" ".join(text.split()))


def write_csv(sentences: Iterable[LabelledSentence]) -> Iterator[str]:
    """Yield a header and a row for each span, as RFC 4180 has it.

    A byte-order mark stands first: without it Excel reads UTF-8 in the code page of the country, and no Chinese
    comes out right.
    """
    yield BYTE_ORDER_MARK + format_row(Hit._fields)
    for hit in find_hits(sentences):
        yield format_row(hit)


def format_row(cells: Sequence[str | int | float | None]) -> str:
    """Return a row of a CSV file: numbers as they are, no text that a spreadsheet would take for a formula.

    >>> format_row(["=1+1", -1, None, 'a "b"'])
    '\\'=1+1,-1,,"a ""b\"""\\r\\n'
    """
    line = io.StringIO()
    csv.writer(line).writerow([disarm(cell) if isinstance(cell, str) else cell for cell in cells])
    return line.getvalue()


def disarm(text: str) -> str:
    """Return a cell that a spreadsheet shows: an apostrophe stands before one that it would compute.

    Formulas begin with `=`, `+`, `-` or `@`, in some countries' programs in their wide or small forms too; a tab, a
    line end or blanks may stand in front.

    >>> disarm("=1+1"), disarm("\\uff1d1+1"), disarm("\\t@SUM(A1)"), disarm("a=b")
    ("'=1+1", "'＝1+1", "'\\t@SUM(A1)", 'a=b')
    """
    first = text.lstrip()[:1]
    is_formula = bool(first) and unicodedata.normalize("NFKC", first)[:1] in _FORMULA
    return f"'{text}" if is_formula or text[:1] in ("\t", "\r", "\n") else text
