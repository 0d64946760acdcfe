"""Directories on a disk that may be full, slow or shared: locks, checks before work begins, what is removed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tagger.errors import DataError
from tagger.text.files import PARTIAL


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
        for pattern in (f".*{PARTIAL}", f"*/.*{PARTIAL}"):  # left by a run that was killed while writing
            for stale in directory.glob(pattern):
                stale.unlink(missing_ok=True)
        yield
    finally:
        if handle is not None:
            os.close(handle)


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
