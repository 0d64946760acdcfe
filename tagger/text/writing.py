"""Writing a text file so that there is all of it or nothing. What the text is, the caller knows."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tagger.errors import DataError


def write_text(path: Path, pieces: Iterable[str]) -> None:
    """Write a UTF-8 file under a temporary name and rename it: what fails half-way leaves no file.

    Raises:
        DataError: the disk refuses.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            with temporary.open("w", encoding="utf-8", newline="") as stream:
                stream.writelines(pieces)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            f"cannot be written: {error.strerror or error}; name a file in a directory that exists and is yours",
            path,
        ) from error
