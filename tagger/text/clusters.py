"""Classes of words learnt from raw text: a binary tree of words, in which words used alike lie near each other.

A word's place is the path from the root to its class, a string of bits; the first bits of it name a coarser class
(Brown et al. 1992, "Class-based n-gram models of natural language"). How classes come about isn't known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.errors import DataError
from tagger.text.files import display_name, read_text
from tagger.text.vocab import UNKNOWN

SIZES = (
    4,
    6,
    10,
    20,
)  # bits of a path that are read (Ratinov and Roth 2009, section 5.1, after Miller et al. 2004)
LONGEST = 1000  # bits of a path
FILE = "clusters.tsv"
_BITS = re.compile(f"[01]{{0,{LONGEST}}}")


class Clusters:
    """A tree of words.

    Args:
        name: what messages call it.
        paths: the path of each word; the same ones make a class.

    Attributes:
        rows_of_sizes: for each of `SIZES`, how many rows a table of classes has, padding and the unknown included.

    >>> tree = Clusters("news", {"May": "00000", "June": "00001", "in": "1"})
    >>> tree.rows_of_sizes
    (4, 5, 5, 5)
    >>> tree.rows(["June", "IN", "xyz"]).tolist()
    [[2, 3, 3, 3], [3, 4, 4, 4], [1, 1, 1, 1]]
    """

    __slots__ = ("_rows", "_table", "name", "paths", "rows_of_sizes")

    def __init__(self, name: str, paths: Mapping[str, str]) -> None:
        self.name = name
        self.paths = dict(paths)
        places = {path: place for place, path in enumerate(sorted(set(self.paths.values())), 1)}
        self._table = np.full((1 + len(places), len(SIZES)), UNKNOWN, dtype=np.int64)
        for column, size in enumerate(SIZES):
            numbers: dict[str, int] = {}
            for path, place in places.items():
                begin = path[:size]
                self._table[place, column] = numbers.setdefault(begin, UNKNOWN + 1 + len(numbers))
        self.rows_of_sizes = tuple((1 + self._table.max(axis=0)).tolist())
        self._rows = {word: places[path] for word, path in self.paths.items()}

    def __len__(self) -> int:
        return len(self.paths)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Clusters) and (self.name, self.paths) == (other.name, other.paths)

    def __hash__(self) -> int:
        return hash((self.name, len(self.paths)))

    def __contains__(self, word: str) -> bool:
        return word in self._rows or word.lower() in self._rows

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self._table) - 1

    def rows(self, words: Sequence[str]) -> NDArray[np.int64]:
        """Return (N, S): each word's class at each of S sizes; that of its small letters where it has none itself."""
        get = self._rows.get
        places = (get(word) or get(word.lower(), 0) for word in words)
        return self._table[np.fromiter(places, np.int64, len(words))]

    def as_dict(self) -> dict[str, Any]:
        """Return the tree as plain values, for JSON: the words of each path."""
        classes: dict[str, list[str]] = {}
        for word, path in self.paths.items():
            classes.setdefault(path, []).append(word)
        return {"name": self.name, "classes": classes}

    @classmethod
    def from_dict(cls, found: object) -> Clusters:
        """Rebuild a tree from `as_dict`'s result, which may come from a stranger.

        Raises:
            ValueError: it is not such a result.
        """
        if not isinstance(found, dict) or found.keys() != {"name", "classes"}:
            raise ValueError("clusters are not an object of name and classes")
        name, classes = found["name"], found["classes"]
        if not isinstance(name, str) or not isinstance(classes, dict):
            raise ValueError("clusters' name or classes are of another type")
        paths: dict[str, str] = {}
        for path, words in classes.items():
            if not _BITS.fullmatch(path):
                raise ValueError(f"a class of words is not called by at most {LONGEST} bits")
            if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
                raise ValueError("a class of words is not a list of strings")
            paths |= dict.fromkeys(words, path)
        if len(paths) != sum(map(len, classes.values())):
            raise ValueError("a word is in two classes")
        return cls(name, paths)


def read(path: Path) -> Clusters:
    """Read a tree of words: the directory that `tagger pretrain --target clusters` wrote, or a file of that form.

    A line is a path, a word and its count, with tabs between them, as Liang's `brown-cluster` writes `paths` too;
    what follows the word isn't read. Of a word that comes twice the first line counts.

    Args:
        path: the directory, or the file, gzip too; the tree gets its name.

    Raises:
        DataError: with file and line.
    """
    file = path / FILE if path.is_dir() else path
    if path.is_dir() and not file.is_file():
        raise DataError(
            f"holds no {FILE}; expected a directory that `tagger pretrain TEXT --target clusters` wrote, or a file",
            path,
        )
    paths: dict[str, str] = {}
    for number, line in enumerate(read_text(file, "utf-8").split("\n"), 1):
        fields = line.rstrip("\r").split("\t")
        if fields == [""]:
            continue
        if len(fields) < 2 or not fields[1] or not _BITS.fullmatch(fields[0]):
            raise DataError(
                f"found {line[:60]!r}, expected bits, a word and its count with tabs between them, as "
                "`tagger pretrain TEXT --target clusters` writes",
                display_name(file),
                number,
            )
        paths.setdefault(fields[1], fields[0])
    if not paths:
        raise DataError("found no word, expected one on each line", display_name(file), 1)
    return Clusters(Path(display_name(path)).name, paths)


def render(rows: Iterable[tuple[str, str, int]]) -> str:
    """Return the lines of a file that `read` understands: paths, words and counts, by path and then by count."""
    ordered = sorted(rows, key=lambda row: (row[0], -row[2], row[1]))
    return "".join(f"{path}\t{word}\t{count}\n" for path, word, count in ordered)
