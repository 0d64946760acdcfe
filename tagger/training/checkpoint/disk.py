"""Files and directories on a disk that may be full, slow or shared: atomic writes, locks, checks before work begins.

It doesn't know what the files hold.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tagger.errors import DataError

_LARGE = 1 << 20  # bytes
_PARTIAL = ".partial"  # ends the name of a file that is being written


def write_atomically(path: Path, *parts: bytes | memoryview) -> None:
    """Replace a file in one step: a reader, or a machine that stops, sees the old content or the new.

    Args:
        path: the file.
        parts: its new content, one after the other.

    Raises:
        DataError: the disk is full, or the directory can't be written.
    """
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(_PARTIAL, f".{path.name}.", path.parent)
        with os.fdopen(handle, "wb") as file:
            for block in _join_small(parts):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # noqa: PTH101 - mkstemp's 0600 would lock colleagues out
        os.replace(temporary, path)  # noqa: PTH105
        sync_directory(path.parent)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108
        raise DataError(f"cannot be written: {error.strerror or error}; nothing was replaced", path) from None


def _join_small(parts: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """Put small parts together, so that few calls write them; large ones aren't copied."""
    waiting: list[bytes | memoryview] = []
    for part in parts:
        if len(part) < _LARGE:
            waiting.append(part)
        else:
            yield b"".join(waiting)
            yield part
            waiting = []
    yield b"".join(waiting)


def discard(path: Path) -> None:
    """Remove a file, if it is there.

    Raises:
        DataError: the directory can't be written.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"cannot be removed: {error.strerror or error}", path) from None


def prepare_directory(directory: Path) -> None:
    """Make the output directory, and find out now, not after training, that it can't be written.

    Raises:
        DataError: it is a file, its parent is missing or read-only, or the disk is full.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory) as probe:
            probe.write(b"x")
    except OSError as error:
        raise DataError(
            f"cannot be used as an output directory: {error.strerror or error}; choose another with --output",
            directory,
        ) from None


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold a directory for one run; a second run into it is refused. The lock dies with its process."""
    handle = _lock(directory)
    try:
        for pattern in (f".*{_PARTIAL}", f"*/.*{_PARTIAL}"):  # left by a run that was killed while writing
            for stale in directory.glob(pattern):
                stale.unlink(missing_ok=True)
        yield
    finally:
        if handle is not None:
            os.close(handle)


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


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _lock(directory: Path) -> int | None:
    """Return a handle that holds the directory; None where the system or its file system has no such locks."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise DataError(
            "another run is writing here; wait for it, or choose another --output", directory
        ) from None
    except OSError:  # some network file systems
        os.close(handle)
        return None
    return handle
