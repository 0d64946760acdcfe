"""Arrays of numbers that grow at their end: in memory while they are small, in files beyond.

A file is read through a mapping, a stretch at a time, and the pages that were read are given back to the system now
and then: however large the arrays are, the process stays as it is. What the numbers mean is not known here.
"""

from __future__ import annotations

import mmap
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tagger.errors import DataError

Numbers = NDArray[Any]

HELD_BYTES = 64 * 2**20  # of all arrays together; what is larger lies in files
_STRETCH = 1 << 20  # numbers that are read, or written, at once
_RELEASED_BYTES = 8 * 2**20  # of pages of an array that may stay in the process
_ADVICE = "make room there, or choose an --output on another disk"
_READ_AT_LEAST = 1 << 16  # bytes that the system maps around a place that is read


class Array(Protocol):
    """What a numpy array and one in a file have in common."""

    @property
    def dtype(self) -> np.dtype[Any]: ...

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, place: Any, /) -> Any: ...


class MappedArray:
    """An array in a file: an index reads copies of rows, as an index of a numpy array does views.

    It travels to another process as the name of its file.

    Args:
        file: open for reading; it may be closed afterwards, and gone.
        dtype: of its numbers.
        shape: of the array.
        path: of the file, where it has a name.

    Raises:
        ValueError: the file is shorter.
    """

    def __init__(
        self, file: BinaryIO, dtype: DTypeLike, shape: tuple[int, ...], path: Path | None = None
    ) -> None:
        self.dtype, self.shape, self.path = np.dtype(dtype), shape, path
        self._read = 0
        self._mapping: mmap.mmap | None = None
        size = self.nbytes
        if size:
            self._mapping = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
            self._rows: Numbers = np.frombuffer(self._mapping, self.dtype).reshape(shape)
        else:
            self._rows = np.empty(shape, self.dtype)

    @classmethod
    def open(cls, path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> MappedArray:
        """Return the array of a file.

        Raises:
            OSError: it can't be read.
            ValueError: it is shorter.
        """
        with path.open("rb") as file:
            return cls(file, dtype, shape, path)

    @property
    def nbytes(self) -> int:
        """What it takes on the disk."""
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, place: Any, /) -> Any:
        found = np.array(self._rows[place])
        spots = place.size if isinstance(place, np.ndarray) else 1
        self._read += max(_READ_AT_LEAST * spots, found.nbytes)
        if self._read > _RELEASED_BYTES:
            self._release()
        return found

    def checksum(self) -> int:
        """Return the CRC-32 of the file."""
        found = 0
        for part in parts(len(self)):
            found = zlib.crc32(np.ascontiguousarray(self[part]).data, found)
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        assert self.path is not None, "an array without a name stays where it is"
        return MappedArray.open, (self.path, self.dtype, self.shape)

    def _release(self) -> None:
        """Let the system take the pages back; what is read again comes from its cache, or from the disk."""
        self._read = 0
        if self._mapping is not None and hasattr(mmap, "MADV_DONTNEED"):  # Windows lacks it
            self._mapping.madvise(mmap.MADV_DONTNEED)


class Column:
    """One array that grows; see `Spool`."""

    def __init__(self, spool: Spool, dtype: DTypeLike, width: int | None, path: Path | None) -> None:
        self.dtype, self.path = np.dtype(dtype), path
        self.checksum = 0  # CRC-32 of what is in the file
        self.shape: tuple[int, ...] = ()  # known once it is done
        self._spool = spool
        self._width = width
        self._held: list[Numbers] = []
        self._file: BinaryIO | None = None
        self._rows = 0
        if path is not None:
            self.move(path.parent)

    def append(self, rows: Numbers) -> None:
        """Add rows to the end; numbers that don't fit into the type are a mistake of the caller's.

        Raises:
            DataError: the disk is full.
        """
        rows = np.ascontiguousarray(rows, dtype=self.dtype)
        self._rows += len(rows)
        if self._file is None:
            self._held.append(rows)
            self._spool.count(rows.nbytes)
        else:
            self._write(rows)

    def move(self, room: Path) -> None:
        """Lay what there is, and what comes, in a file of this folder; it has no name unless one was given."""
        try:
            self._file = tempfile.TemporaryFile(dir=room) if self.path is None else self.path.open("w+b")  # noqa: SIM115
        except OSError as error:
            raise _no_room(error, room) from None
        held, self._held = self._held, []
        for rows in held:
            self._write(rows)

    def _write(self, rows: Numbers) -> None:
        assert self._file is not None
        try:
            self._file.write(rows.data if rows.size else b"")
        except OSError as error:
            raise _no_room(error, self._spool.room) from None
        self.checksum = zlib.crc32(rows.data, self.checksum) if rows.size else self.checksum

    def __del__(self) -> None:
        if self._file is not None:  # what was to be added was at fault
            with suppress(OSError):  # the disk is still full, and nobody wants the rest any more
                self._file.close()

    def done(self) -> Numbers | MappedArray:
        """Return the array; nothing is added any more.

        Raises:
            DataError: the disk is full.
        """
        self.shape = shape = (self._rows,) if self._width is None else (self._rows, self._width)
        if self._file is None:
            empty = np.empty((0, *shape[1:]), self.dtype)
            return np.concatenate([empty, *self._held]).reshape(shape)
        try:
            with self._file as file:  # to close it is to write what still waits, and may fail as that may
                file.flush()
                return MappedArray(file, self.dtype, shape, self.path)
        except OSError as error:
            raise _no_room(error, self._spool.room) from None


class Spool:
    """Room for arrays that grow together.

    Args:
        room: the folder of the files; None: that of temporary files.
        is_kept: whether each array is a file with a name, from the start; else they begin in memory, and go to files
            without a name, which are gone with the process, when they are too large together.
        most: bytes that they may have in memory; None: `HELD_BYTES`.
        expected: bytes that they are likely to have in the end; 0: nobody knows.

    Attributes:
        columns: by name; of those of one name the last.
    """

    def __init__(
        self,
        room: Path | None = None,
        *,
        is_kept: bool = False,
        most: float | None = None,
        expected: int = 0,
    ) -> None:
        self.room = Path(tempfile.gettempdir()) if room is None else room
        self.columns: dict[str, Column] = {}
        self._is_kept = is_kept
        self._most = HELD_BYTES if most is None else most
        self._expected = expected
        self._all: list[Column] = []
        self._held = 0

    def column(self, name: str, dtype: DTypeLike, width: int | None = None) -> Column:
        """Return a new array without rows: of numbers, or of rows of `width` numbers.

        Args:
            name: of its file, where it has one.
            dtype: of the numbers.
            width: F of an array (N, F); None: it is (N,).
        """
        column = Column(self, dtype, width, self.room / name if self._is_kept else None)
        if self.is_in_files and not self._is_kept:
            column.move(self.room)
        self._all.append(column)
        self.columns[name] = column
        return column

    @property
    def is_in_files(self) -> bool:
        """Whether the arrays have outgrown the memory that they may take."""
        return self._is_kept or self._held > self._most

    def count(self, size: int) -> None:
        """Take note of bytes that are held, and move everything to files where they are too many."""
        self._held += size
        if self._held - size <= self._most < self._held:
            check_room(self._expected, self.room)
            for column in self._all:
                column.move(self.room)


def stretches(starts: Array, most: int = _STRETCH) -> Iterator[slice]:
    """Cut rows of numbers, one after the other, into stretches that can be held: (S + 1,) `starts` to slices of S.

    Each has `most` numbers at most, or is a single row.

    >>> list(stretches(np.array([0, 2, 4, 9, 10]), 4))
    [slice(0, 2, None), slice(2, 3, None), slice(3, 4, None)]
    """
    first, rows = 0, len(starts) - 1
    while first < rows:
        near = starts[first : min(rows, first + most) + 1]
        size = int(np.searchsorted(near, near[0] + most, side="right")) - 1
        yield slice(first, first + max(1, size))
        first += max(1, size)


def parts(length: int, most: int = _STRETCH) -> Iterator[slice]:
    """Cut an array of this length into parts that can be held."""
    return (slice(start, min(length, start + most)) for start in range(0, length, most))


def find_room(directory: Path) -> Path:
    """Return a folder that exists: a directory, or the nearest one above it."""
    return next((each for each in (directory, *directory.absolute().parents) if each.is_dir()), Path.cwd())


def free_bytes(room: Path) -> int:
    """Return how much can still be written to the disk of a folder."""
    return shutil.disk_usage(find_room(room)).free


def check_room(size: int, room: Path) -> None:
    """Find out that a disk is too full before anything is written.

    Raises:
        DataError: it is.
    """
    free = free_bytes(room)
    if size > free:
        raise DataError(
            f"a training corpus of this size takes {name_size(size)} here, and {name_size(free)} are free; {_ADVICE}",
            room,
        )


def name_size(size: int) -> str:
    """Return bytes in words.

    >>> name_size(1_234_567_890), name_size(87_654_321), name_size(0)
    ('1.2 GB', '88 MB', '0 MB')
    """
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _no_room(error: OSError, room: Path) -> DataError:
    return DataError(
        f"cannot hold a training corpus of this size: {error.strerror or error}; {_ADVICE}", room
    )
