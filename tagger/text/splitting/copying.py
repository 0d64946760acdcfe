"""The rows of a corpus copied to its parts as they stand: columns, comments, blank lines and all.

What stands above a sentence (comments, the boundary of a document) goes with it, and so does what stands below it up
to a blank line. The row that names columns stands in every part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

from tagger.text.conll.layout import Layout
from tagger.text.conll.verbatim import read_rows
from tagger.text.files import FilePath

_BLANK = " \t\r\n\ufeff"
_PLUS = "# global.columns"  # names the columns of CoNLL-U Plus


def copy_rows(
    path: FilePath,
    encoding: str,
    layout: Layout | None,
    first_lines: Sequence[int],
    last_lines: Sequence[int],
    part_of: Sequence[int],
    streams: Sequence[TextIO],
) -> None:
    """Copy every row to the part of its sentence.

    Args:
        path: the corpus, which is read once more.
        encoding: of the corpus.
        layout: of its columns; None: its lines hold words.
        first_lines, last_lines: of each sentence, counted from 1.
        part_of: of each sentence.
        streams: of each part.

    Raises:
        DataError: the file can't be read any more.
    """
    needs_blank = layout is not None and not layout.is_spreadsheet
    written = [(-1, "") for _ in streams]  # the sentence and the row that came last in each part
    for line, row, number in _assign(path, encoding, first_lines, last_lines):
        part = part_of[number]
        if line < first_lines[0] and _is_heading(row, layout):
            for other, stream in enumerate(streams):
                if other != part:
                    stream.write(row)
        before, last = written[part]
        if needs_blank and before not in (-1, number) and row.strip(_BLANK) and last.strip(_BLANK):
            streams[part].write("\n")  # a row that begins a document had parted them
        streams[part].write(row)
        written[part] = number, row


def _assign(
    path: FilePath, encoding: str, first_lines: Sequence[int], last_lines: Sequence[int]
) -> Iterator[tuple[int, str, int]]:
    """Yield the number of each row, the row, and the number of the sentence it belongs to."""
    number, is_over = 0, False
    last = len(first_lines) - 1
    for rows, first in read_rows(path, encoding):
        for line, row in enumerate(rows, first):
            if is_over and number < last:
                number, is_over = number + 1, False
            while number < last and first_lines[number + 1] <= line:
                number, is_over = number + 1, False
            yield line, row, number
            is_over = is_over or (line >= last_lines[number] and not row.strip(_BLANK))


def _is_heading(row: str, layout: Layout | None) -> bool:
    """Say whether a row above the first sentence names columns."""
    text = row.strip(_BLANK)
    if layout is None or not text:
        return False
    named = layout.is_spreadsheet and bool(layout.names)
    return named or text == layout.header.strip(_BLANK) or text.startswith(_PLUS)
