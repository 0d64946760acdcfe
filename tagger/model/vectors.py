"""Pretrained word vectors: GloVe, word2vec (text and binary) and fastText text files -> rows for the words needed.

Read as a stream: a row is parsed only if its word is wanted, so memory is that of the words kept, whatever the file
holds. A line, a word of the binary format and the rows that wait have a longest size; of malformed rows the number
and the first are kept. Rows of text are parsed by the block; a block with anything odd in it is read again row by
row, to say what and where. Which words are wanted, and what the rows are for, the caller knows.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagger.errors import DataError
from tagger.text.counting import count_of
from tagger.text.files import open_bytes

Matrix = NDArray[np.float32]
MOST_MALFORMED = 0.01  # share of rows that may be unreadable before the file is taken for something else
MOST_DIMENSIONS = 4096
_BLOCK = 2048  # rows parsed at once
_BLOCK_BYTES = 1 << 24  # ... fewer where they are long
_LONGEST_LINE = 1 << 20  # bytes: beyond any vector's row, so that a file without line ends is noticed
_LONGEST_WORD = 1 << 16  # bytes, of the binary format
_HOPELESS = 10_000  # malformed rows (beyond the share that may be) after which the rest isn't read
_BOM = b"\xef\xbb\xbf"
_TO_TEXT = "save_word2vec_format('vectors.txt')"
_FOREIGN = {  # how files begin that hold no rows -> what they are, and what to do
    b"\xba\x16\x4f\x2f": (
        "fastText's own binary format (.bin)",
        "take the .vec file that comes with it, or write text with gensim: "
        f"gensim.models.fasttext.load_facebook_vectors(FILE).{_TO_TEXT}",
    ),
    **{
        bytes([0x80, protocol]): (
            "a Python pickle, as gensim's .kv and .model files are",
            f"write text with gensim, if you trust the file: gensim.models.KeyedVectors.load(FILE).{_TO_TEXT}",
        )
        for protocol in range(2, 6)
    },
    b"PK\x03\x04": ("a zip archive", "unpack it and give the text file in it"),
    b"BZh": ("packed with bzip2", "unpack it, or pack it with gzip"),
    b"\xfd7zXZ": ("packed with xz", "unpack it, or pack it with gzip"),
    b"\x28\xb5\x2f\xfd": ("packed with zstd", "unpack it, or pack it with gzip"),
    b"\x93NUMPY": ("a numpy array, which has no words", "write a word and its numbers a line"),
    b"\x89HDF": ("an HDF5 file", "write a word and its numbers a line"),
    b"\xff\xfe": ("text in UTF-16", "save it as UTF-8"),
    b"\xfe\xff": ("text in UTF-16", "save it as UTF-8"),
}


@dataclass(frozen=True, slots=True)
class Vectors:
    """Vectors of the words that were wanted.

    Attributes:
        words: the words as the caller knows them, in the order of the file.
        rows: (N, D) float32.
        found: rows in the file.
        duplicates: wanted words that came again; the first row counts.
        warnings: what was odd, a sentence each.
    """

    words: tuple[str, ...]
    rows: Matrix
    found: int
    duplicates: int
    warnings: tuple[str, ...]

    @property
    def dim(self) -> int:
        """D, the size of a vector."""
        return int(self.rows.shape[1])


class _Line(NamedTuple):
    """A row of text whose first field is a wanted word, or which may begin with a word that holds blanks."""

    number: int
    word: str | None
    text: bytes


class _Row(NamedTuple):
    word: str
    vector: Matrix


class _Block(NamedTuple):
    """Some words, and their vectors (N, D)."""

    words: list[str]
    vectors: Matrix


def read(path: str | Path, want: Callable[[str], str | None]) -> Vectors:
    """Read the vectors of the words that are wanted.

    Args:
        path: a file of one word and its numbers a line, with or without a header of count and dimension; or
            word2vec's binary format. Either may be gzipped.
        want: maps a word of the file to the caller's word, or None to pass over it.

    Raises:
        DataError: not such a file, more than one row in a hundred malformed, or none of the words is in it.
    """
    path = Path(path)
    kept: dict[str, None] = {}
    parts: list[Matrix] = []
    duplicates = 0
    with open_bytes(path) as file:
        reader = _Reader(path, file, want)
        for block in reader:
            before = len(kept)
            new = [place for place, word in enumerate(block.words) if _is_new(word, kept)]
            parts.append(block.vectors[new])
            duplicates += len(block.words) - (len(kept) - before)
    if not kept:
        raise DataError(
            f"found {count_of(reader.found, 'vector')}, none for a word of the corpus; "
            "are they of the same language?",
            path,
        )
    warnings = [*reader.warnings()]
    if duplicates:
        warnings.append(f"{count_of(duplicates, 'word')} came twice or more; the first vector counts")
    return Vectors(tuple(kept), np.concatenate(parts), reader.found, duplicates, tuple(warnings))


def _is_new(word: str, known: dict[str, None]) -> bool:
    """Tell whether a word is none of the known ones, and make it one."""
    size = len(known)
    known.setdefault(word)
    return len(known) > size


class _Reader:
    """The rows of one file; iterate once, then ask what was odd."""

    def __init__(self, path: Path, file: io.BufferedReader, want: Callable[[str], str | None]) -> None:
        self._path = path
        self._file = file
        self._want = want
        self._promised: int | None = None
        self._malformed = 0
        self._first_malformed = 0, ""  # its row, and why
        self.found = 0

    def __iter__(self) -> Iterator[_Block]:
        self._refuse_foreign_files()
        first = self._file.readline(_LONGEST_LINE).removeprefix(_BOM)
        if not first:
            raise DataError("found an empty file, expected a word and its vector a line", self._path, 1)
        fields = first.split()
        if len(fields) == 2 and all(field.isdigit() and len(field) < 19 for field in fields):
            self._promised, dim = (int(field) for field in fields)
            self._check_dimension(dim)
            if self._is_binary():
                yield from _stack(self._read_binary(dim))
            else:
                yield from self._read_text(dim, 2, self._file.readline(_LONGEST_LINE))
        else:
            dim = len(fields) - 1
            self._check_dimension(dim)
            yield from self._read_text(dim, 1, first)
        self._check_malformed()

    def warnings(self) -> Iterator[str]:
        """Yield what was odd, after reading."""
        if self._malformed:
            line, why = self._first_malformed
            yield f"{count_of(self._malformed, 'malformed row')} passed over (first: line {line}, {why})"
        if self._promised is not None and self._promised != self.found:
            yield f"the header promises {count_of(self._promised, 'vector')}, the file holds {self.found:,}"

    def _refuse_foreign_files(self) -> None:
        beginning = self._file.peek(8)[:8]
        for magic, (what, advice) in _FOREIGN.items():
            if beginning.startswith(magic):
                raise DataError(
                    f"is {what}, expected a word and its numbers a line, or word2vec's binary format; {advice}",
                    self._path,
                )

    def _check_dimension(self, dim: int) -> None:
        if not 2 <= dim <= MOST_DIMENSIONS:
            raise DataError(
                f"found {dim} numbers after the first word, expected a word and 2 to {MOST_DIMENSIONS} numbers",
                self._path,
                1,
            )

    def _is_binary(self) -> bool:
        """Tell word2vec's binary format from text by the bytes after the header: text has no control characters."""
        ahead = self._file.peek(4096)[:4096]
        return any(byte < 9 or 13 < byte < 28 for byte in ahead)

    def _read_text(self, dim: int, number: int, line: bytes) -> Iterator[_Block]:
        for chosen in _cut_blocks(self._wanted_lines(dim, number, line)):
            vectors = _parse(chosen, dim)
            if vectors is None:
                yield from _stack(row for each in chosen if (row := self._parse_carefully(each, dim)))
            else:
                yield _Block([each.word for each in chosen if each.word is not None], vectors)

    def _wanted_lines(self, dim: int, number: int, line: bytes) -> Iterator[_Line]:
        while line:
            self.found += 1
            if b"\t" in line:
                line = line.replace(b"\t", b" ")
            cut = line.find(b" ")
            wanted = self._want(line[:cut].decode("utf-8", "replace")) if cut > 0 else None
            if cut <= 0:
                self._note_malformed(number, "no blank after the word")
            elif wanted is not None or line.count(b" ", 0, -2) > dim:
                yield _Line(number, wanted, line)
            line = self._file.readline(_LONGEST_LINE)
            number += 1

    def _parse_carefully(self, line: _Line, dim: int) -> _Row | None:
        """Parse a row in full: the last `dim` fields are the vector, the word may hold blanks."""
        fields = line.text.rstrip().rsplit(b" ", dim)
        wanted = self._want(fields[0].decode("utf-8", "replace"))
        if len(fields) != dim + 1:
            self._note_malformed(line.number, f"{len(fields) - 1} numbers, expected {dim}")
            return None
        if wanted is None:
            return None
        try:
            with np.errstate(over="ignore"):  # too large a number becomes infinite, which is noticed
                vector = np.array(fields[1:], dtype=np.float32)
        except ValueError:
            self._note_malformed(line.number, "not all of them numbers")
            return None
        return self._checked(line.number, wanted, vector)

    def _read_binary(self, dim: int) -> Iterator[_Row]:
        size = 4 * dim
        assert self._promised is not None
        for number in range(1, self._promised + 1):
            word = self._read_word(number)
            content = self._file.read(size)
            self.found += 1
            if len(content) < size:
                self._note_malformed(number, "cut off")
                return
            wanted = self._want(word.decode("utf-8", "replace"))
            if wanted is not None:
                row = self._checked(number, wanted, np.frombuffer(content, dtype="<f4").copy())
                if row is not None:
                    yield row

    def _read_word(self, number: int) -> bytes:
        """Read what stands before the next blank, line ends left out; a word without end is no word."""
        word = bytearray()
        while (byte := self._file.read(1)) not in (b" ", b""):
            if byte != b"\n":
                word += byte
            if len(word) > _LONGEST_WORD:
                raise DataError(
                    f"vector {number} has a word of more than {_LONGEST_WORD:,} bytes, expected a blank after the "
                    "word, as in word2vec's binary format; is the file whole?",
                    self._path,
                )
        return bytes(word)

    def _checked(self, number: int, word: str, vector: Matrix) -> _Row | None:
        if not np.isfinite(vector).all():
            self._note_malformed(number, "a number that is not finite")
            return None
        return _Row(word, vector)

    def _note_malformed(self, number: int, why: str) -> None:
        if not self._malformed:
            self._first_malformed = number, why
        self._malformed += 1
        self._check_malformed(_HOPELESS)

    def _check_malformed(self, more: int = 0) -> None:
        """Raise a DataError where more rows are malformed than may be, and `more` on top."""
        most = more + max(1, MOST_MALFORMED * self.found)
        if self._malformed > most or 0 < self.found == self._malformed > more:
            line, why = self._first_malformed
            raise DataError(
                f"found {count_of(self._malformed, 'malformed row')} of {self.found:,} (here {why}); "
                "expected a word and as many numbers in every row",
                self._path,
                line,
            )


def _cut_blocks(lines: Iterable[_Line]) -> Iterator[list[_Line]]:
    """Put rows together, as many as may wait."""
    waiting: list[_Line] = []
    size = 0
    for line in lines:
        waiting.append(line)
        size += len(line.text)
        if len(waiting) >= _BLOCK or size >= _BLOCK_BYTES:
            yield waiting
            waiting, size = [], 0
    if waiting:
        yield waiting


def _parse(lines: list[_Line], dim: int) -> Matrix | None:
    """Parse rows at once, (N, D); None where one of them may be odd."""
    if any(line.word is None or line.text.rstrip().count(b" ") != dim for line in lines):
        return None
    numbers = b"\n".join(line.text.partition(b" ")[2].rstrip() for line in lines)
    try:
        vectors = np.loadtxt(io.BytesIO(numbers), np.float32, comments=None, ndmin=2, encoding="latin-1")
    except ValueError:
        return None
    is_whole = vectors.shape == (len(lines), dim) and bool(np.isfinite(vectors).all())
    return vectors if is_whole else None


def _stack(rows: Iterable[_Row]) -> Iterator[_Block]:
    """Put rows together to blocks."""
    rows = iter(rows)
    while chosen := list(islice(rows, _BLOCK)):
        yield _Block([row.word for row in chosen], np.stack([row.vector for row in chosen]))
