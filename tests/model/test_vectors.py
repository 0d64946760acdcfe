"""Pretrained vectors: every format read back as it was written, every fault named by its line."""

from __future__ import annotations

import gzip
import pickle
import random
import struct
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tagger.errors import DataError, TaggerError
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
    "odd", [b"", b". . 1 2 3\n", b"cut 1 2\n", b"x 1  2\n", b"y 1\t2\n", b"z 1 nan 3\n", b"z 1 1e99 3\n"]
)
def test_one_odd_row_among_many_costs_none_of_the_others(tmp_path: Path, odd: bytes) -> None:
    generator = np.random.default_rng(0)
    expected = generator.normal(size=(5000, 3)).astype(np.float32)
    rows = [f"w{place} {' '.join(map(str, row))}\n".encode() for place, row in enumerate(expected)]
    path = tmp_path / "vectors"
    path.write_bytes(b"".join([*rows[:3000], odd, *rows[3000:]]))
    found = vectors.read(
        path, lambda word: word if word.startswith("w") or word in ("cut", "x", "y", "z") else None
    )
    assert found.words == tuple(f"w{place}" for place in range(5000))
    assert np.array_equal(found.rows, expected)
    is_fault = odd not in (b"", b". . 1 2 3\n")
    assert len(found.warnings) == is_fault
    assert not is_fault or "1 malformed row passed over (first: line 3001, " in found.warnings[0]


def test_rows_parsed_at_once_have_the_bits_of_rows_parsed_one_by_one(tmp_path: Path, monkeypatch) -> None:
    generator = np.random.default_rng(1)
    draws = generator.normal(size=(300, 4)) * 10.0 ** generator.integers(-30, 30, (300, 4))
    texts = [
        [format(value, form) for value, form in zip(row, ("g", ".17g", "e", "f"), strict=True)]
        for row in draws
    ]
    path = tmp_path / "vectors"
    path.write_bytes(b"".join(f"w{place} {' '.join(row)}\n".encode() for place, row in enumerate(texts)))
    together = vectors.read(path, lambda word: word)
    monkeypatch.setattr(vectors, "_parse", lambda lines, dim: None)
    assert np.array_equal(together.rows, vectors.read(path, lambda word: word).rows)
    assert np.array_equal(together.rows, np.array(texts, dtype=np.float64).astype(np.float32))


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
        "1 malformed row passed over (first: line 5, 2 numbers, expected 3)",
        "the header promises 5 vectors, the file holds 4",
        "1 word came twice or more; the first vector counts",
    )


def test_a_missing_file_and_a_cut_gzip_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        vectors.read(tmp_path / "none", lambda word: word)
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(glove() * 1000)[:-20])
    with pytest.raises(DataError, match="ends too early"):
        vectors.read(path, lambda word: word)


def test_a_damaged_gzip_stream_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "damaged.gz"
    packed = bytearray(gzip.compress(glove() * 1000))
    packed[30:60] = b"\xff" * 30
    path.write_bytes(packed)
    with pytest.raises(DataError, match=r"damaged\.gz: cannot be read: "):
        vectors.read(path, lambda word: word)


@pytest.mark.parametrize("begin", [b"", b"\xef\xbb\xbf", b"3 3\n", b"\xef\xbb\xbf3 3\n"])
def test_tabs_and_a_byte_order_mark_are_read(tmp_path: Path, begin: bytes) -> None:
    path = tmp_path / "vectors"
    rows = glove().splitlines()
    tabs = [rows[0].replace(b" ", b"\t"), rows[1].replace(b" ", b"\t", 1), rows[2]]
    path.write_bytes(begin + b"\r\n".join(tabs) + b"\r\n")
    found = vectors.read(path, lambda word: word)
    assert dict(zip(found.words, found.rows.tolist(), strict=True)) == ROWS
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("content", "what", "advice"),
    [
        (
            struct.pack("<ii", 0x2F4F16BA, 12) + bytes(99),
            "fastText's own binary format",
            "load_facebook_vectors",
        ),
        (pickle.dumps({"the": [1.0]}), "a Python pickle", "KeyedVectors.load"),
        (b"PK\x03\x04" + bytes(30), "a zip archive", "unpack it"),
        ("the 1 2\n".encode("utf-16"), "text in UTF-16", "save it as UTF-8"),
    ],
    ids=["fasttext", "pickle", "zip", "utf-16"],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_file_of_another_kind_is_named_with_what_to_do(
    tmp_path: Path, content: bytes, what: str, advice: str, pack: type
) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(pack(content))
    with pytest.raises(DataError) as raised:
        vectors.read(path, lambda word: word)
    assert f"is {what}" in str(raised.value)
    assert advice in str(raised.value)


@contextmanager
def bounded(seconds: float, megabytes: int) -> Iterator[None]:
    tracemalloc.start()
    began = time.thread_time()
    try:
        yield
        assert time.thread_time() - began < seconds
        assert tracemalloc.get_traced_memory()[1] < megabytes << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("begin", "piece", "message"),
    [
        (b"the 1 2 3\n", b"\n", "malformed rows of "),
        (b"the 1 2 3\n", b"x y\n", "malformed rows of "),
        (b"the 1 2 3\n", b"0", "malformed rows of "),
        (b"9 3\n\x01", b"a", "a word of more than 65,536 bytes"),
    ],
    ids=["empty-lines", "short-rows", "line-without-end", "word-without-end"],
)
def test_a_bomb_is_refused_at_once_and_in_little_memory(
    tmp_path: Path, begin: bytes, piece: bytes, message: str
) -> None:
    """What 100 kB unpack to took gigabytes, a tuple for each malformed row."""
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(begin + piece * (20_000_000 // len(piece))))
    with bounded(10, 40), pytest.raises(DataError) as raised:
        vectors.read(path, lambda word: word)
    assert message in str(raised.value)


def test_rows_that_wait_to_be_parsed_take_little_memory(tmp_path: Path) -> None:
    """The numbers of a wanted word that comes again and again, each of many digits."""
    path = tmp_path / "bomb.gz"
    row = b"the 1 2 " + b"0" * 500_000 + b"\n"
    path.write_bytes(gzip.compress(row * 100))
    with bounded(10, 80):
        assert vectors.read(path, lambda word: word).words == ("the",)


@pytest.mark.slow
def test_ten_thousand_mutated_files_are_read_or_refused(tmp_path: Path) -> None:
    """Whatever stands in a file: finite rows of one length for the wanted words, or a DataError."""
    draw = random.Random(14)
    path = tmp_path / "vectors"
    pieces = [
        b" ",
        b"\t",
        b"\n",
        b"\r\n",
        b"\0",
        b"nan",
        b"1e999",
        b"-inf",
        b"\xff",
        b"9" * 30,
        b"\xef\xbb\xbf",
        b"3 3\n",
    ]
    originals = [glove(), word2vec_text(), word2vec_binary()]
    originals += [gzip.compress(content) for content in originals]
    read = 0
    for _ in range(10_000):
        content = bytearray(draw.choice(originals))
        for _ in range(draw.randint(1, 4)):
            place = draw.randrange(len(content) + 1)
            match draw.randrange(4):
                case 0:
                    content[place : place + draw.randint(1, 9)] = draw.choice(pieces)
                case 1:
                    content[place:place] = draw.choice(pieces) * draw.choice((1, 1, 50))
                case 2:
                    del content[place:]
                case 3 if place < len(content):
                    content[place] = draw.randrange(256)
        path.write_bytes(content)
        try:
            found = vectors.read(path, lambda word: word)
        except TaggerError as error:
            assert "\n" not in str(error)
            continue
        read += 1
        assert found.rows.shape[0] == len(found.words) == len(set(found.words)) > 0
        assert np.isfinite(found.rows).all()
    assert read > 1000
