"""Files that are read: opened, unpacked and decoded, once for everybody.

Reading is a stream: memory is bounded by the piece, whatever the size of the file.
"""

from __future__ import annotations

import codecs
import gzip
import io
import os
import stat
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
_MARKS = {  # the longer first: UTF-32 begins as UTF-16 does
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_EXACT_MARKS = {  # with the byte order
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
    codecs.BOM_UTF8: "utf-8",
}
_MARK_STARTS = {mark[:1] for mark in _MARKS}
_OF_NAMES = {
    "idna",
    "punycode",
    "undefined",
}  # codecs of domain names, or of nothing: no file is written in them
_UNMARKED = 64  # bytes that tell UTF-16 by its zeros


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
        listen: called with each text that `read_pieces` reads of it.
    """

    def __init__(
        self, path: FilePath, stream: io.BufferedReader, listen: Callable[[str], None] | None = None
    ) -> None:
        self._path = fspath(path)
        self.stream = stream
        self.listen = listen

    def __fspath__(self) -> str:
        return self._path


class WatchedFile(PathLike[str]):
    """A file that tells how far reading it has come, to whoever shows that.

    Args:
        path: of a regular file.
        listen: called with how many more of its bytes, and of its lines, have been read; less than none where it was
            opened again. Of gzip the packed bytes count, so that all of them are the size of the file. Lines are
            counted where `read_pieces` reads it.
    """

    def __init__(self, path: FilePath, listen: Callable[[int, int], None]) -> None:
        self._path = fspath(path)
        self._listen = listen
        self._position = 0
        self._lines = 0

    def __fspath__(self) -> str:
        return self._path

    def __str__(self) -> str:
        return self._path

    def watch(self, stream: io.BufferedReader) -> io.BufferedReader:
        """Return its bytes, which have just been opened, so that it knows of each that is read."""
        return io.BufferedReader(_Watched(stream, self), BLOCK)

    def reach(self, position: int) -> None:
        """Note how many bytes have been read since it was opened."""
        self._listen(position - self._position, 0)
        self._position = position

    def reach_line(self, lines: int) -> None:
        """Note how many lines have been read since it was opened."""
        self._listen(0, lines - self._lines)
        self._lines = lines


class _Watched(io.RawIOBase):
    """The bytes of a file that is watched."""

    def __init__(self, stream: io.BufferedReader, file: WatchedFile) -> None:
        self._stream = stream
        self._file = file
        self._position = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def fileno(self) -> int:
        """Return the descriptor of the file."""
        return self._stream.fileno()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer with the bytes that come next, and say so."""
        size = self._stream.readinto1(buffer)
        self._position += size
        self._file.reach(self._position)
        return size


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
            yield _unpack_in_time(cast(io.BufferedReader, sys.stdin.buffer))
        else:
            with Path(path).open("rb") as stream:
                yield _unpack_in_time(path.watch(stream) if isinstance(path, WatchedFile) else stream)
    except EOFError as error:
        raise DataError(_GZIP_ENDS_EARLY, name) from error
    except (OSError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise DataError(f"cannot be read: {reason or error}", name) from error


_GZIP_ENDS_EARLY = "the gzip stream ends too early, expected a whole one; copy the file again"


def _unpack_in_time(stream: io.BufferedReader) -> io.BufferedReader:
    """Unpack a stream; a pipe is looked at when it is first read, by a thread that may wait for what it will hold."""
    try:
        is_file = stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, AttributeError):  # in memory
        is_file = True
    return _unpack(stream) if is_file else io.BufferedReader(_Pipe(stream), BLOCK)


class _Pipe(io.RawIOBase):
    """What comes through a pipe, packed or not."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream
        self._unpacked: io.BufferedReader | None = None

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer with the bytes that come next, and return how many they are."""
        if self._unpacked is None:
            self._unpacked = _unpack(self._stream)
        data = self._unpacked.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)


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
    listen = path.listen if isinstance(path, OpenedFile) else None
    with open_bytes(path) as stream:
        while True:
            pending = len(decoder.getstate()[0])
            try:
                data = stream.read1(BLOCK) if offset else _read_first(stream)
                if not offset and (marked := _find_marked_encoding(data, encoding)):
                    encoding = marked
                    decoder = find_decoder(encoding)(errors)
                if not offset and (hidden := _find_unmarked_encoding(data, encoding)):
                    found = f"looks like {hidden} without a byte-order mark"
                    raise DataError(f"{found}; save the file as UTF-8, or say --encoding {hidden}", name, 1)
                text = decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                before = error.object[: error.start].decode(encoding, "replace")
                byte = f"byte {error.object[error.start]:#04x} at offset {offset - pending + error.start}"
                raise DataError(
                    f"{byte} is not valid {encoding}; {advice}", name, line + _count_line_ends(last, before)
                ) from error
            except EOFError as error:
                raise DataError(_GZIP_ENDS_EARLY, name, line) from error
            except UnicodeError as error:
                raise DataError(f"is not valid {encoding}: {error}; {advice}", name, line) from error
            except (OSError, zlib.error) as error:
                raise DataError(f"cannot be read: {error}", name, line) from error
            if not is_begun and text:
                text, is_begun = text.removeprefix(_BOM), True
            offset += len(data)
            if text:
                if listen is not None:
                    listen(text)
                yield TextPiece(text, line)
                line += _count_line_ends(last, text)
                last = text[-1]
                if isinstance(path, WatchedFile):
                    path.reach_line(line - 1)
            if not data:
                yield TextPiece("", line)
                return


def _read_first(stream: io.BufferedReader) -> bytes:
    """Return the first bytes of a stream: four, where they could be a byte-order mark and there are so many."""
    data = stream.read1(BLOCK)
    while data[:1] in _MARK_STARTS and len(data) < 4 and (more := stream.read1(BLOCK)):
        data += more
    return data


def _find_marked_encoding(data: bytes, encoding: str) -> str | None:
    """Return the encoding that a byte-order mark of two or four bytes tells, whatever a user thought it was.

    A mark of UTF-32 may be one of UTF-16 and a null character: where UTF-16 was asked for, it is.
    """
    found = (name for mark, name in _MARKS.items() if data.startswith(mark))
    is_short = codecs.lookup(encoding).name == "utf-16"
    return next((name for name in found if not is_short or name == "utf-16"), None)


def _find_unmarked_encoding(data: bytes, encoding: str) -> str | None:
    """Return the encoding of a text whose every other byte is zero, which would be read with as many null characters.

    >>> _find_unmarked_encoding("Ada O".encode("utf-16-le"), "utf-8"), _find_unmarked_encoding(b"Ada O", "utf-8")
    ('utf-16-le', None)
    """
    even, odd = data[:_UNMARKED:2], data[1:_UNMARKED:2]
    if len(odd) < 4 or any(even) == any(odd) or codecs.lookup(encoding).name.startswith(("utf-16", "utf-32")):
        return None
    return "utf-16-le" if all(even) and any(even) else "utf-16-be" if all(odd) and any(odd) else None


def _count_line_ends(last: str, text: str) -> int:
    r"""Count `\n`, `\r\n` and lone `\r` in a text that follows the character `last`."""
    count = text.count("\n")
    if "\r" in text:
        count += text.count("\r") - text.count("\r\n")
    return count - (last == "\r" and text.startswith("\n"))


class ExactText(NamedTuple):
    """The text of a file, and all that it takes to write the same bytes again.

    Attributes:
        text: without a byte-order mark, line ends as they are.
        mark: the byte-order mark; empty where there is none.
        encoding: of what follows it.
    """

    text: str
    mark: bytes
    encoding: str

    def encode(self, text: str) -> bytes:
        """Return the bytes of a file with another text.

        Raises:
            UnicodeEncodeError: the encoding lacks one of its characters.
        """
        return self.mark + text.encode(self.encoding)


def read_exactly(path: FilePath, encoding: str) -> ExactText:
    """Return the text of a file, unpacked, in such a way that it can be written again byte for byte.

    Raises:
        ConfigError, DataError: as of `read_pieces`; or the bytes aren't those that encoding its text gives.
    """
    with open_bytes(path) as stream:
        data = stream.read()
    find_decoder(encoding)
    asked = codecs.lookup(encoding).name.removesuffix("-sig")
    likely = _find_marked_encoding(data, encoding) or asked
    mark = next(
        (mark for mark, name in _EXACT_MARKS.items() if data.startswith(mark) and name.startswith(likely)),
        b"",
    )
    found = ExactText("", mark, _EXACT_MARKS.get(mark, likely))
    try:
        text = data[len(mark) :].decode(found.encoding)
        is_same = found.encode(text) == data
    except UnicodeError:
        is_same = False
    if not is_same:
        raise DataError(
            f"can't be written again byte for byte as {found.encoding}; save it as UTF-8 first",
            display_name(path),
        )
    return found._replace(text=text)


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
    is_of_text = codec is not None and codec._is_text_encoding and codec.name not in _OF_NAMES
    if codec is None or codec.incrementaldecoder is None or not is_of_text:
        raise ConfigError(f"found {encoding!r}, expected a text encoding such as utf-8", field) from None
    return codec.incrementaldecoder
