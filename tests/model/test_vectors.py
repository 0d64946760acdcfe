"""Pretrained vectors: every format read back as it was written, every fault named by its line."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from tagger.errors import DataError
from tagger.model import vectors

ROWS = {"the": [0.5, -1.25, 2.0], "Paris": [1.0, 0.0, -3.5], "café": [0.125, 4.0, 8.0]}


def glove() -> bytes:
    return "".join(f"{word} {' '.join(map(str, row))}\n" for word, row in ROWS.items()).encode()


def word2vec_text() -> bytes:
    return b"3 3\n" + "".join(f"{word} {' '.join(map(str, row))} \n" for word, row in ROWS.items()).encode()


def word2vec_binary() -> bytes:
    return b"3 3\n" + b"".join(
        word.encode() + b" " + struct.pack("<3f", *row) + b"\n" for word, row in ROWS.items()
    )


@pytest.mark.parametrize(
    "content", [glove(), word2vec_text(), word2vec_binary()], ids=["glove", "text", "binary"]
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_every_format_gives_the_rows_that_were_written(tmp_path: Path, content: bytes, pack: type) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(pack(content))
    found = vectors.read(path, lambda word: word)
    assert dict(zip(found.words, found.rows.tolist(), strict=True)) == ROWS
    assert (found.found, found.dim, found.duplicates, found.warnings) == (3, 3, 0, ())


def test_only_wanted_words_are_kept_under_the_callers_names(tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(glove())
    found = vectors.read(path, lambda word: word.lower() if word == "Paris" else None)
    assert found.words == ("paris",)
    assert np.array_equal(found.rows, [[1.0, 0.0, -3.5]])


def test_words_with_blanks_do_not_pass_for_others(tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(b"the 4 5 6\n. . 9 9 9\n. 1 2 3\n")
    found = vectors.read(path, {".": "."}.get)
    assert found.rows.tolist() == [[1.0, 2.0, 3.0]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ":1: found an empty file"),
        (b"word\n", ":1: found 0 numbers after the first word"),
        (b"the 1 2 3\na 1 2\nb 1 x 3\n", ":2: found 2 malformed rows of 3"),
        (b"the 1 2 3\na nan 2 3\nb inf 2 3\n", "a number that is not finite"),
        (b"der 1 2 3\n", "none for a word of the corpus"),
    ],
)
def test_faults_are_named_with_their_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(content)
    with pytest.raises(DataError) as raised:
        vectors.read(path, lambda word: None if word == "der" else word)
    assert message in str(raised.value)


def test_a_lying_header_duplicates_and_a_cut_last_row_are_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(b"5 3\nthe 1 2 3\nthe 7 8 9\na 1 2 3\nb 1 2")
    found = vectors.read(path, lambda word: word)
    assert found.words == ("the", "a")
    assert found.rows[0].tolist() == [1.0, 2.0, 3.0]
    assert found.warnings == (
        "1 malformed rows passed over (first: line 5, 2 numbers, expected 3)",
        "the header promises 5 vectors, the file holds 4",
        "1 words came twice or more; the first vector counts",
    )


def test_a_missing_file_and_a_cut_gzip_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        vectors.read(tmp_path / "none", lambda word: word)
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(glove() * 1000)[:-20])
    with pytest.raises(DataError, match="ends too early"):
        vectors.read(path, lambda word: word)
