"""Files that are read: opened, unpacked and decoded, once for everybody.

Reading is a stream: memory is bounded by the piece, whatever the size of the file.
"""

from __future__ import annotations

import codecs
import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from tagger.errors import ConfigError, DataError

FilePath = str | PathLike[str]

BLOCK = (
    1 << 18
)  # bytes read at a time: so many that the cost of a block vanishes, so few that it stays in the cache
BOMB_BYTES = 1 << 27  # a gzip file may unpack to this whatever its ratio
BOMB_RATIO = (
    250  # beyond that, to so many times its size: text packs 3 to 20 times, deflate up to 1,032 times
)
ENCODING_ADVICE = "save the file as UTF-8, or name its encoding with --encoding"

_GZIP_MAGIC = b"\x1f\x8b"
_BOM = "\ufeff"


def is_stdin(path: FilePath) -> bool:
    """Say whether the path is `-`."""
    return fspath(path) == "-"


def display_name(path: FilePath) -> str:
    """Return the name of a file as messages show it; `-` is the standard input."""
    return "<stdin>" if is_stdin(path) else fspath(path)


class OpenedFile(PathLike[str]):
    """A file that is open already, so that its beginning could be looked at; what reads it starts there.

    Args:
        path: of the file.
        stream: its bytes, unpacked, as `open_bytes` yields them; nothing has been taken.
    """

    def __init__(self, path: FilePath, stream: io.BufferedReader) -> None:
        self._path = fspath(path)
        self.stream = stream

    def __fspath__(self) -> str:
        return self._path


class LookAhead:
    """The beginning of a stream, read as it arrives and given back afterwards.

    Attributes:
        data: what was read so far.
    """

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream
        self._fault: Exception | None = None
        self.data = b""

    def read_more(self) -> bool:
        """Wait for the next bytes; False at the end of the stream, or where it can't be read on."""
        try:
            more = self._stream.read1(BLOCK)
        except (OSError, EOFError, zlib.error) as fault:  # raised again where who reads the stream gets there
            self._fault, more = fault, b""
        self.data += more
        return bool(more)

    def rewound(self) -> io.BufferedReader:
        """Return the stream from its first byte."""
        return io.BufferedReader(_Rewound(self.data, self._stream, self._fault), BLOCK)


class _Rewound(io.RawIOBase):
    """Bytes that were read already, and those that follow in their stream, or the fault that does."""

    def __init__(self, data: bytes, stream: io.BufferedReader, fault: Exception | None) -> None:
        self._data = data
        self._stream = stream
        self._fault = fault

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer with the bytes that come next, and return how many they are."""
        if self._fault is not None and not self._data:
            raise self._fault
        found = self._data or self._stream.read1(len(buffer))
        piece, self._data = found[: len(buffer)], found[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)


@contextmanager
def open_bytes(path: FilePath) -> Iterator[io.BufferedReader]:
    """Open a file, or the standard input for `-`, for reading; gzip is recognised by its first two bytes.

    Raises:
        DataError: the file can't be opened; or, while it is read, the disk or its gzip stream is at fault.
    """
    name = display_name(path)
    try:
        if isinstance(path, OpenedFile):
            yield path.stream
        elif is_stdin(path):
            yield _unpack(cast(io.BufferedReader, sys.stdin.buffer))
        else:
            with Path(path).open("rb") as stream:
                yield _unpack(stream)
    except EOFError as error:
        raise DataError(_GZIP_ENDS_EARLY, name) from error
    except (OSError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise DataError(f"cannot be read: {reason or error}", name) from error


_GZIP_ENDS_EARLY = "the gzip stream ends too early, expected a whole one; copy the file again"


def _unpack(stream: io.BufferedReader) -> io.BufferedReader:
    is_packed = stream.peek(2)[:2] == _GZIP_MAGIC
    return io.BufferedReader(_BoundedGzip(stream), BLOCK) if is_packed else stream


class _BoundedGzip(io.RawIOBase):
    """A gzip stream that stops where its output outgrows its input as only a bomb's does."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._read = self._yielded = 0
        self._unpacked = gzip.GzipFile(fileobj=cast(BinaryIO, _Counted(self)), mode="rb")

    def read_packed(self, size: int) -> bytes:
        """Return packed bytes, and count them."""
        data = self._packed.read(size)
        self._read += len(data)
        return data

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer with the unpacked bytes that come next, and return how many they are."""
        data = self._unpacked.read1(len(buffer))
        self._yielded += len(data)
        if self._yielded > max(BOMB_BYTES, BOMB_RATIO * self._read):
            found = f"{self._read} bytes unpack to more than {self._yielded}"
            raise gzip.BadGzipFile(f"{found}, expected text; unpack the file yourself if it is one")
        buffer[: len(data)] = data
        return len(data)


class _Counted(NamedTuple):
    """The packed side of a gzip stream, as the unpacker reads it."""

    stream: _BoundedGzip

    def read(self, size: int = -1) -> bytes:
        """Return packed bytes."""
        return self.stream.read_packed(size)


class TextPiece(NamedTuple):
    """Some text of a file, and the number of the line on which it begins, counted from 1."""

    text: str
    line: int


def read_pieces(
    path: FilePath, encoding: str, errors: str = "strict", advice: str = ENCODING_ADVICE
) -> Iterator[TextPiece]:
    r"""Yield the text of a file as it arrives, a byte-order mark at its start left out, and at the end an empty text.

    Line ends stay as they are: `\n`, `\r\n` and a lone `\r` all count as one.

    Args:
        path: the file; gzip is unpacked, `-` is the standard input.
        encoding: of the file.
        errors: what invalid bytes become: `strict` (an error) or `replace` (U+FFFD).
        advice: what the user may do about them.

    Raises:
        ConfigError: there is no such encoding.
        DataError: the file can't be read, or holds invalid bytes: at which line and offset.
    """
    name = display_name(path)
    decoder = find_decoder(encoding)(errors)
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
                raise DataError(
                    f"{byte} is not valid {encoding}; {advice}", name, line + _count_line_ends(last, before)
                ) from error
            except EOFError as error:
                raise DataError(_GZIP_ENDS_EARLY, name, line) from error
            except (OSError, zlib.error, UnicodeError) as error:
                raise DataError(f"cannot be read: {error}", name, line) from error
            if not is_begun and text:
                text, is_begun = text.removeprefix(_BOM), True
            offset += len(data)
            if text:
                yield TextPiece(text, line)
                line += _count_line_ends(last, text)
                last = text[-1]
            if not data:
                yield TextPiece("", line)
                return


def _count_line_ends(last: str, text: str) -> int:
    r"""Count `\n`, `\r\n` and lone `\r` in a text that follows the character `last`."""
    count = text.count("\n")
    if "\r" in text:
        count += text.count("\r") - text.count("\r\n")
    return count - (last == "\r" and text.startswith("\n"))


def read_text(path: FilePath, encoding: str) -> str:
    """Return a text file whole, its line ends as they are: for offsets that count every character."""
    return "".join(piece.text for piece in read_pieces(path, encoding))


def find_decoder(encoding: str, field: str = "encoding") -> Callable[[str], codecs.IncrementalDecoder]:
    """Return the class of decoders of an encoding.

    Args:
        encoding: its name.
        field: the setting or option that gave the name, for the message.

    Raises:
        ConfigError: there is no such encoding, or it is none of text.
    """
    try:
        codec = codecs.lookup(encoding)
    except (LookupError, ValueError):
        codec = None
    if codec is None or codec.incrementaldecoder is None or not getattr(codec, "_is_text_encoding", True):
        raise ConfigError(f"found {encoding!r}, expected a text encoding such as utf-8", field) from None
    return codec.incrementaldecoder
