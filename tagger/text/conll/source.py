"""Bytes to blocks of whole sentences: opening, gzip, decoding, line ends, byte-order marks and blank lines.

A block is text whose lines end in `\\n` alone and that is cut only where a blank line stands, so that a sentence
is never split. Memory is bounded by the longest line and sentence. This file does not know what a column is.
"""

from __future__ import annotations

import codecs
import gzip
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from io import BufferedReader
from os import PathLike, fspath
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, cast

import numpy as np

from tagger.errors import ConfigError, DataError

BLOCK = (
    1 << 18
)  # bytes read at a time: so many that the cost of a block vanishes, so few that it stays in the cache
LONGEST_LINE = 1 << 24  # characters: no row is longer, and a file without line ends stays bounded
BOMB_BYTES = 1 << 27  # a gzip file may unpack to this whatever its ratio
BOMB_RATIO = (
    250  # beyond that, to so many times its size: text packs 3 to 20 times, deflate up to 1,032 times
)

_GZIP_MAGIC = b"\x1f\x8b"
_BOM = "\ufeff"
_BOM_LINE = re.compile(r"(?<![^\n])[ \t]*\ufeff[ \t\ufeff]*(?=\n)")

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


def display_name(path: str | PathLike[str]) -> str:
    """Return the name of a file as messages show it; `-` is the standard input."""
    return "<stdin>" if is_stdin(path) else fspath(path)


def is_stdin(path: str | PathLike[str]) -> bool:
    """Say whether the path is `-`."""
    return fspath(path) == "-"


def read_blocks(path: str | PathLike[str], encoding: str, note: Note) -> Iterator[Block]:
    """Yield the text of a file, `-` for the standard input, in blocks of whole sentences.

    Args:
        note: called with a fact and its line for each oddity that was mended.
    """
    sentence: list[str] = []  # the lines of a sentence that goes on
    held = 0  # how many they are
    for whole, line in read_whole_lines(path, encoding, note):
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
    path: str | PathLike[str], encoding: str, note: Note, longest: int = LONGEST_LINE
) -> Iterator[Block]:
    """Yield text that ends at the end of a line; the last line need not have an end of its own.

    At the end of the file stands an empty text.
    """
    tail = ""  # the line that goes on
    for piece, line in _decode(path, encoding):
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


def read_text(path: str | PathLike[str], encoding: str) -> str:
    """Return a text file whole, its line ends as they are: for offsets that count every character."""
    return "".join(text for text, _ in _decode(path, encoding))


def _decode(path: str | PathLike[str], encoding: str) -> Iterator[Block]:
    """Yield pieces of text, without a byte-order mark at the start, an empty one at the end.

    Every failure gets its line.
    """
    name = display_name(path)
    decoder = _make_decoder(encoding)
    offset, line, last = 0, 1, ""  # bytes read, line reached, last character
    is_begun = False
    with open_bytes(path) as stream:
        while True:
            pending = len(decoder.getstate()[0])
            try:
                data = stream.read1(BLOCK)
                text = decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                before = error.object[: error.start].decode(encoding, "replace")
                byte = f"byte {error.object[error.start]:#04x} at offset {offset - pending + error.start}"
                advice = "save the file as UTF-8, or name its encoding with --encoding"
                raise DataError(
                    f"{byte} is not valid {encoding}; {advice}", name, line + _count_line_ends(last, before)
                ) from error
            except EOFError as error:
                raise DataError(
                    "the gzip stream ends too early, expected a whole one; copy the file again", name, line
                ) from error
            except (OSError, zlib.error, UnicodeError, DataError) as error:
                raise DataError(f"cannot be read: {error}", name, line) from error
            if not is_begun and text:
                text, is_begun = text.removeprefix(_BOM), True
            offset += len(data)
            if text:
                yield Block(text, line)
                line += _count_line_ends(last, text)
                last = text[-1]
            if not data:
                yield Block("", line)
                return


def _count_line_ends(last: str, text: str) -> int:
    """Count `\\n`, `\\r\\n` and lone `\\r` in a text that follows the character `last`."""
    count = text.count("\n")
    if "\r" in text:
        count += text.count("\r") - text.count("\r\n")
    return count - (last == "\r" and text.startswith("\n"))


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
        text = "\n".join([row.rstrip(" \t") for row in text.split("\n")])
    return text


def _empty_bom_lines(text: str, line: int, note: Note) -> str:
    """Empty the lines that hold only a byte-order mark (as in WNUT-17)."""
    if _BOM in text:
        for match in _BOM_LINE.finditer(text):
            note(
                "only a byte-order mark, read as blank",
                line + text.count("\n", 0, match.start()),
            )
        text = _BOM_LINE.sub("", text)
    return text


def _make_decoder(encoding: str) -> codecs.IncrementalDecoder:
    try:
        codec = codecs.lookup(encoding)
    except (LookupError, ValueError) as error:
        raise ConfigError(
            f"found {encoding!r}, expected a text encoding such as utf-8", "encoding"
        ) from error
    if codec.incrementaldecoder is None or not getattr(codec, "_is_text_encoding", True):
        raise ConfigError(f"found {encoding!r}, expected a text encoding such as utf-8", "encoding")
    return codec.incrementaldecoder("strict")


class ByteStream(Protocol):
    """What reading needs of a stream."""

    def read1(self, size: int = -1, /) -> bytes:
        """Return some bytes, none at the end."""


@contextmanager
def open_bytes(path: str | PathLike[str]) -> Iterator[ByteStream]:
    """Open a file, or the standard input for `-`, for reading; gzip is recognised by its first two bytes."""
    name = display_name(path)
    try:
        with nullcontext(sys.stdin.buffer) if is_stdin(path) else Path(path).open("rb") as opened:
            stream = cast(BufferedReader, opened)
            yield _BoundedGzip(stream) if stream.peek(2)[:2] == _GZIP_MAGIC else stream
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", name) from error


class _BoundedGzip:
    """A gzip stream that stops where its output outgrows its input as only a bomb's does."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._read = self._yielded = 0
        self._unpacked = gzip.GzipFile(fileobj=cast(BinaryIO, self), mode="rb")

    def read(self, size: int = -1) -> bytes:
        """Hand packed bytes to the unpacker and count them."""
        data = self._packed.read(size)
        self._read += len(data)
        return data

    def read1(self, size: int = -1) -> bytes:
        """Return unpacked bytes."""
        data = self._unpacked.read1(size)
        self._yielded += len(data)
        if self._yielded > max(BOMB_BYTES, BOMB_RATIO * self._read):
            found = f"{self._read} bytes unpack to more than {self._yielded}"
            raise DataError(f"{found}, expected text; unpack the file yourself if it is one")
        return data
