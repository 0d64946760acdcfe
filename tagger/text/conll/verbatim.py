"""The rows of a file as they stand, line ends and all: for what changes or copies some and leaves the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tagger.text.files import FilePath, read_pieces

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")


class VerbatimRows(NamedTuple):
    """Lines, each with its end as it is, and the number of the first."""

    rows: Sequence[str]
    line: int


def split_rows(text: str) -> list[str]:
    """Return the rows of a text, each with its end.

    >>> split_rows("a\\r\\nb")
    ['a\\r\\n', 'b']
    """
    return _LINE.findall(text)


def read_rows(path: FilePath, encoding: str) -> Iterator[VerbatimRows]:
    """Yield the rows of a file, many at a time, in bounded memory; they are numbered as `reader` numbers them.

    Raises:
        DataError: the file can't be read, or isn't in that encoding.
    """
    line, tail = 1, ""  # the line that goes on
    for piece, _ in read_pieces(path, encoding):
        text = tail + piece
        rows = split_rows(text)
        is_cut = bool(piece) and not text.endswith("\n")  # a carriage return may be half of a line end
        tail = rows.pop() if rows and is_cut else ""
        yield VerbatimRows(rows, line)
        line += len(rows)
