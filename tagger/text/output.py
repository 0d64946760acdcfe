"""Files that are left behind: written whole or not at all, and never over what they were made from.

What replaces a regular file goes to a temporary name beside it, which is renamed at the end: a reader sees the old
content or the new, and where the writing fails the old stays. A link stays a link; the file that it names is
replaced. What is no regular file (a device, a FIFO, `/dev/stdout`, the `/dev/fd/63` of a shell's `>(...)`) is written
through.
"""

from __future__ import annotations

import errno
import io
import itertools
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from tagger.errors import DataError
from tagger.text.files import FilePath, is_stdin

PARTIAL = ".partial"  # ends the name of a file that is being written; it begins with a dot
OUTPUT_ADVICE = "name a file in a directory that exists and is yours"

_LARGE = 1 << 16  # bytes: smaller parts are put together before they are written
_NUMBERS = itertools.count()  # of temporary files of this process
_KEPT = 40  # characters of a file's name in that of its temporary one: a name has 255 bytes at most
_ERRORS = "backslashreplace"
_MOST_LINKS = 40  # of a chain of symbolic links, as Linux has it
_DESCRIPTOR = re.compile(r"/(?:dev/fd|proc/self/fd)/([0-9]{1,9})")


def write_atomically(path: Path, *parts: bytes | memoryview, advice: str = "nothing was replaced") -> None:
    """Replace a file in one step: a reader, or a machine that stops, sees the old content or the new.

    Args:
        path: the file.
        parts: its new content, one after the other.
        advice: what the user may do where it can't be written.

    Raises:
        DataError: the disk is full, or the directory can't be written.
    """
    with open_binary(path, advice) as stream:
        for block in _join_small(parts):
            stream.write(block)


def write_text(path: FilePath, pieces: Iterable[str]) -> None:
    """Replace a text file (UTF-8) in one step; if the pieces fail half-way, nothing is replaced.

    Raises:
        DataError: the disk refuses.
    """
    with open_output(path) as stream:
        stream.writelines(pieces)


@contextmanager
def open_output(path: FilePath, advice: str = OUTPUT_ADVICE) -> Iterator[TextIO]:
    """Yield a text stream (UTF-8, line ends as they are) whose content a file has once the block has ended well.

    Half a surrogate pair is written as `encode_text` does.

    Raises:
        DataError: the disk refuses.
    """
    with open_binary(path, advice) as raw:
        stream = io.TextIOWrapper(raw, "utf-8", _ERRORS, newline="")
        yield stream
        stream.flush()
        stream.detach()


@contextmanager
def open_binary(path: FilePath, advice: str = OUTPUT_ADVICE) -> Iterator[BinaryIO]:
    """Yield a stream of bytes, which a file has once the block has ended well.

    Raises:
        DataError: the disk refuses.
    """
    path = Path(path)
    try:
        with _write_through(path) or _write_beside(path) as stream:
            yield stream
    except BrokenPipeError:
        return  # its reader has seen enough
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror or error}; {advice}", path) from error


def encode_text(text: str) -> bytes:
    r"""Return text in UTF-8; half a surrogate pair, which only the name of a file can hold, as its escape sequence.

    >>> encode_text("Zo\u00eb \udcff")
    b'Zo\xc3\xab \\udcff'
    """
    return text.encode("utf-8", _ERRORS)


def check_output(path: FilePath, inputs: Iterable[FilePath], option: str = "--output") -> None:
    """Find out before any work whether results could be written to a file.

    Args:
        path: the file; it need not exist.
        inputs: what is read: the path must be none of them, be it by another name, a link or a redirected standard
            input. Inputs that don't exist are passed over.
        option: what names the path, for the message.

    Raises:
        DataError: the path is one of the inputs or a folder, or its folder can't be written to.
    """
    if identify(path) in identify_all(inputs):
        raise DataError(f"is also read, expected another file to write to; choose another {option}", path)
    if _find_descriptor(path) is not None:
        return
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise DataError(f"is a folder, expected the name of a file; choose another {option}", path)
    try:
        is_new = not target.exists() or target.is_file()
        if is_new and not os.access(target.parent, os.W_OK | os.X_OK):
            target.parent.stat()
            raise PermissionError(errno.EACCES, "no permission to write to its folder")
        if target.is_file() and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, "it is write-protected")
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror}; choose another {option}", path) from error


def identify(path: FilePath) -> tuple[int, int] | None:
    """Return what two names of one regular file have in common; None for anything else."""
    try:
        found = os.fstat(0) if is_stdin(path) else os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def identify_all(paths: Iterable[FilePath]) -> set[tuple[int, int]]:
    """Return what tells whether a path is one of several files, be it by another name: `identify(path)` is in it."""
    return {found for found in map(identify, paths) if found is not None}


def _write_through(path: Path) -> BinaryIO | None:
    """Return a stream into what a name stands for where that is no file to be replaced; else None."""
    number = _find_descriptor(path)
    if number is not None:  # opened by its name, a redirected file would be written from its beginning
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        return os.fdopen(os.dup(number), "wb")
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return None
    return None if is_file else path.open("wb")


def _find_descriptor(path: FilePath) -> int | None:
    """Return the number of the open file that a path stands for, as `/dev/stdout`, a link to `/dev/fd/1`, does."""
    name = os.path.abspath(path)  # noqa: PTH100
    for _ in range(_MOST_LINKS):
        if described := _DESCRIPTOR.fullmatch(name):
            return int(described[1])
        try:
            link = os.readlink(name)  # noqa: PTH115
        except OSError:
            return None
        name = os.path.normpath(os.path.join(os.path.dirname(name), link))  # noqa: PTH118, PTH120
    return None


@contextmanager
def _write_beside(path: Path) -> Iterator[BinaryIO]:
    """Yield a stream into a temporary file, which takes the place of the file at the end."""
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name[:_KEPT]}.{os.getpid()}-{next(_NUMBERS)}{PARTIAL}")
    try:
        with temporary.open("xb") as stream:
            _keep_rights(target, temporary)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, target)  # noqa: PTH105
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise
    sync_directory(target.parent)


def _keep_rights(target: Path, temporary: Path) -> None:
    """Give what will replace a file the owner and the permissions of that file, if it is there."""
    try:
        found = target.stat()
    except FileNotFoundError:
        return
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "it is write-protected")
    with suppress(OSError, AttributeError):  # who isn't root can't give a file away
        os.chown(temporary, found.st_uid, found.st_gid)
    with suppress(OSError):
        os.chmod(temporary, stat.S_IMODE(found.st_mode))  # noqa: PTH101


def _join_small(parts: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """Put small parts together, so that few calls write them; large ones aren't copied."""
    waiting: list[bytes | memoryview] = []
    size = 0
    for part in parts:
        if len(part) >= _LARGE or size >= _LARGE:
            yield b"".join(waiting)
            waiting, size = [], 0
        if len(part) >= _LARGE:
            yield part
        else:
            waiting.append(part)
            size += len(part)
    yield b"".join(waiting)


def sync_directory(directory: Path) -> None:
    """Let renames reach the disk now, where the system can be asked for that."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows
        return
    handle = os.open(directory, os.O_DIRECTORY)
    try:
        with suppress(OSError):  # some file systems can't; what was written is whole all the same
            os.fsync(handle)
    finally:
        os.close(handle)
