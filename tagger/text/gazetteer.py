"""Gazetteers: lists of names, and which tokens of a sentence are one of them.

An entry is a run of tokens. Entries are looked for from left to right, the longest one first, and what is found is
marked like a span: B, I, E, or S where it is a single token; everything else is O. This file doesn't know what the
names are names of, or what becomes of the marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tagger.errors import DataError
from tagger.text import tokenizer
from tagger.text.files import FilePath, display_name, read_text
from tagger.text.tokenizer import Conventions, Mode
from tagger.text.vocab import Vocab

MARKS = Vocab("OBIES")  # the marks' rows in an embedding; no token is unknown to a list
OUTSIDE, BEGIN, INSIDE, END, SINGLE = MARKS.rows("OBIES")
MOST_TOKENS = 128  # of an entry: beyond any name, so the file is probably running text
COMMENT = "# "  # begins a comment; `#name` is an entry

_ENTRY, _GOES_ON = 1, 2
_LINE_END = re.compile(r"\r\n?|\n")


class Gazetteer:
    """A list of names.

    Args:
        name: what messages call it.
        entries: each a run of tokens with blanks between them; their order and repetitions don't matter.
        ignores_case: whether tokens that differ in case alone are the same.

    >>> cities = Gazetteer("cities", ["New York", "New York City", "York"])
    >>> MARKS.items
    ('O', 'B', 'I', 'E', 'S')
    >>> [MARKS.items[row - 2] for row in cities.rows("old York and New York Citizens".split())]
    ['O', 'S', 'O', 'B', 'E', 'O']
    """

    __slots__ = ("_steps", "entries", "ignores_case", "name")

    def __init__(self, name: str, entries: Iterable[str], *, ignores_case: bool = False) -> None:
        self.name = name
        self.ignores_case = ignores_case
        self.entries = tuple(sorted({entry.casefold() if ignores_case else entry for entry in entries}))
        # Every beginning of an entry, as text, and whether an entry ends there or goes on. A beginning is looked up
        # as one string, so there is one table and no tree; most tokens begin no entry and cost a single look-up.
        self._steps: dict[str, int] = {}
        known = self._steps.get
        for entry in self.entries:
            blank = entry.find(" ")
            while blank > 0:
                self._steps[entry[:blank]] = known(entry[:blank], 0) | _GOES_ON
                blank = entry.find(" ", blank + 1)
            self._steps[entry] = known(entry, 0) | _ENTRY

    def __len__(self) -> int:
        return len(self.entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Gazetteer) and self.as_dict() == other.as_dict()

    def __hash__(self) -> int:
        return hash((self.name, self.entries, self.ignores_case))

    def rows(self, tokens: Sequence[str]) -> list[int]:
        """Return the row of each token's mark."""
        rows = [OUTSIDE] * len(tokens)
        for start, end in self.find(tokens):
            rows[start:end] = [BEGIN, *[INSIDE] * (end - start - 2), END] if end - start > 1 else [SINGLE]
        return rows

    def find(self, tokens: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Yield where entries begin and end, from left to right."""
        words = [token.casefold() for token in tokens] if self.ignores_case else tokens
        if self._steps.keys().isdisjoint(words):
            return
        free = 0
        for start, word in enumerate(words):
            if start >= free and word in self._steps and (end := self._longest(words, start)):
                yield start, end
                free = end

    def _longest(self, words: Sequence[str], start: int) -> int:
        """Return where the longest entry ends that begins here; 0 where none does."""
        beginning, end, found = words[start], start + 1, 0
        while True:
            step = self._steps.get(beginning, 0)
            if step & _ENTRY:
                found = end
            if not step & _GOES_ON or end == len(words):
                return found
            beginning = f"{beginning} {words[end]}"
            end += 1

    def as_dict(self) -> dict[str, Any]:
        """Return the list as plain values, for JSON."""
        return {"name": self.name, "ignores_case": self.ignores_case, "entries": list(self.entries)}

    @classmethod
    def from_dict(cls, found: object) -> Gazetteer:
        """Rebuild a list from `as_dict`'s result, which may come from a stranger.

        Raises:
            ValueError: it is not such a result.
        """
        if not isinstance(found, dict) or found.keys() != {"name", "ignores_case", "entries"}:
            raise ValueError("a gazetteer is not an object of name, ignores_case and entries")
        name, ignores_case, entries = found["name"], found["ignores_case"], found["entries"]
        if not isinstance(name, str) or not isinstance(ignores_case, bool) or not isinstance(entries, list):
            raise ValueError("a gazetteer's name, ignores_case or entries are of another type")
        if not all(isinstance(entry, str) and entry.count(" ") < MOST_TOKENS for entry in entries):
            raise ValueError(f"an entry of a gazetteer is not a text of at most {MOST_TOKENS} tokens")
        return cls(name, entries, ignores_case=ignores_case)


def read(
    path: FilePath,
    conventions: Conventions,
    *,
    ignores_case: bool = False,
    encoding: str = "utf-8",
) -> Gazetteer:
    """Read a list of names: an entry a line, gzip too; empty lines and lines that begin with `# ` are left out.

    An entry is kept as its blanks cut it and as the tokenizer cuts it, so that `St. John's` is found in a corpus
    that writes it so and in one that writes `St. John 's`; where tokens are characters, the latter alone.

    Args:
        path: the file, `-` for the standard input; the list gets its name.
        conventions: how raw text is cut into tokens.
        ignores_case: see `Gazetteer`.
        encoding: of the file.

    Raises:
        DataError: with file and line; a file without an entry is one.
    """
    entries: set[str] = set()
    for line, text in _lines(path, encoding):
        forms = [tokenizer.cut(text, *conventions, tokenizer.all_abbreviations()).words]
        if conventions.mode is not Mode.CHARACTERS:
            forms.append(text.split())
        if max(map(len, forms)) > MOST_TOKENS:
            found = f"found an entry of {max(map(len, forms))} tokens, expected at most {MOST_TOKENS}"
            raise DataError(f"{found}; is this a list of names, one a line?", display_name(path), line)
        entries.update(map(" ".join, forms))
    if not entries:
        raise DataError("found no entry, expected a name on each line", display_name(path), 1)
    return Gazetteer(Path(display_name(path)).name, entries, ignores_case=ignores_case)


def _lines(path: FilePath, encoding: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that hold an entry, and their numbers."""
    for number, row in enumerate(_LINE_END.split(read_text(path, encoding)), 1):
        text = row.strip()
        if text and text != COMMENT.strip() and not text.startswith(COMMENT):
            yield number, text
