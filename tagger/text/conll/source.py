"""The text of a file to blocks of whole sentences: line ends, byte-order marks and blank lines.

A block is text whose lines end in `\\n` alone and that is cut only where a blank line stands, so that a sentence
is never split. Memory is bounded by the longest line and sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from tagger.errors import DataError
from tagger.text.files import FilePath, display_name, read_pieces

BLANKS = " \t"  # what separates tokens and columns; a no-break space or U+3000 belongs to its token
LONGEST_LINE = 1 << 24  # characters: no row is longer, and a file without line ends stays bounded

_BOM = "\ufeff"
_BOM_LINE = re.compile(f"(?<![^\n])[{BLANKS}]*{_BOM}[{BLANKS}{_BOM}]*(?=\n)")

Note = Callable[[str, int], None]

# glibc gives the memory of a block back and takes it anew for the next, a fifth of the time of reading, until it has
# seen a larger piece freed (mallopt(3): M_MMAP_THRESHOLD is dynamic). This one is never touched: it takes no memory.
np.empty(1 << 22, np.uint8)


class Block(NamedTuple):
    """Text, and the number of the line on which it begins, counted from 1.

    Blanks may stand before line ends (see `strip_blanks`): to look for them takes a quarter of the time of reading.
    """

    text: str
    line: int


def read_blocks(path: FilePath, encoding: str, note: Note) -> Iterator[Block]:
    """Yield the text of a file, `-` for the standard input, in blocks of whole sentences.

    Args:
        note: called with a fact and its line for each oddity that was mended.
    """
    return join_sentences(read_whole_lines(path, encoding, note))


def join_sentences(blocks: Iterable[Block]) -> Iterator[Block]:
    """Yield blocks of whole sentences, made of such of whole lines; behind the last stands an empty one."""
    sentence: list[str] = []  # the lines of a sentence that goes on
    held = 0  # how many they are
    for whole, line in blocks:
        text = whole if _find_cut(whole) else strip_blanks(whole)
        cut = _find_cut(text)
        if cut or not whole:
            yield Block("".join([*sentence, text[:cut]]), line - held)
            sentence, held = [], 0
        rest = text[cut:]
        sentence.append(rest)
        held += rest.count("\n")


def _find_cut(text: str) -> int:
    """Return where the last blank line ends, 0 where there is none."""
    return text.rfind("\n\n") + 2 if "\n\n" in text else int(text.startswith("\n"))


def read_whole_lines(
    path: FilePath, encoding: str, note: Note, longest: int = LONGEST_LINE
) -> Iterator[Block]:
    """Yield text that ends at the end of a line; the last line need not have an end of its own.

    At the end of the file stands an empty text.
    """
    tail = ""  # the line that goes on
    for piece, line in read_pieces(path, encoding):
        begin = line - tail.endswith("\r")  # it was counted, and its other half may be in this piece
        text = _unify_line_ends(tail + piece, is_final=not piece)
        cut = text.rfind("\n") + 1
        whole, tail = text[:cut], text[cut:]
        if whole:
            yield Block(_empty_bom_lines(whole, begin, note), begin)
        if not piece:
            yield Block("", begin + whole.count("\n"))
        elif len(tail) > longest:
            found = f"found a line of more than {longest} characters"
            raise DataError(
                f"{found}, expected one token a line; is this a column file?",
                display_name(path),
                begin + whole.count("\n"),
            )


def _unify_line_ends(text: str, is_final: bool) -> str:
    """Write every line end as a line feed; a last carriage return waits for what follows."""
    if "\r" in text:
        held = text.endswith("\r") and not is_final
        text = text[: len(text) - held].replace("\r\n", "\n").replace("\r", "\n") + "\r" * held
    return text if not is_final or not text or text.endswith("\n") else text + "\n"


def strip_blanks(text: str) -> str:
    """Cut blanks before line ends.

    >>> strip_blanks("a O \\n\\t\\nb O\\n")
    'a O\\n\\nb O\\n'
    """
    if "\n\t\n" in text:  # blank lines as WNUT-17 has them, at a fifth of the cost
        text = text.replace("\n\t\n", "\n\n")
    if " \n" in text or "\t\n" in text:
        text = "\n".join([row.rstrip(BLANKS) for row in text.split("\n")])
    return text


def _empty_bom_lines(text: str, line: int, note: Note) -> str:
    """Empty the lines that hold only a byte-order mark (as in WNUT-17)."""
    if _BOM in text:
        counted = 0  # characters whose line ends are counted
        for match in _BOM_LINE.finditer(text):
            line += text.count("\n", counted, match.start())
            counted = match.start()
            note("only a byte-order mark, read as blank", line)
        text = _BOM_LINE.sub("", text)
    return text
