"""Where in a word of a list a character may stand: the words that are found at every place of a text, marked.

A gazetteer takes the longest name and goes on behind it; words of a list overlap everywhere (`研究生`, `研究`,
`生命`), and which of them a text means is what a model has to find out. So each character gets the lengths of the
longest words that begin at it, that end at it, and that go across it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from tagger.text.features import fold_width
from tagger.text.vocab import UNKNOWN

LONGEST = 12  # characters of a word that is looked for: longer ones are names, and rare
_KINDS = 5  # of words that begin or end at a character: none, of 2, 3, 4 characters, of more
_INNER_KINDS = 4  # of words that go across it: none, of 3, 4 characters, of more
KINDS = (_KINDS, _KINDS, _INNER_KINDS)
NO_MARK = UNKNOWN + 1  # the row of a character that is part of no word
ROWS = NO_MARK + _KINDS * _KINDS * _INNER_KINDS  # of a table of marks, padding and unknown included


class WordList:
    """Words of two characters or more.

    Args:
        name: what messages call it.
        words: how often each was seen, or 1; their width doesn't matter (`fold_width`).

    >>> words = WordList("words", {"研究": 1, "研究生": 1, "生命": 1})
    >>> [describe_mark(row) for row in words.rows("研究生命")]
    [(3, 0, 0), (0, 2, 3), (2, 3, 0), (0, 2, 0)]
    """

    __slots__ = ("_reach", "name", "words")

    def __init__(self, name: str, words: Mapping[str, int]) -> None:
        self.name = name
        self.words: dict[str, int] = {}
        self._reach: dict[str, int] = {}  # the first two characters -> the longest word that begins so
        for word, count in words.items():
            folded = fold_width(word)
            if 1 < len(folded) <= LONGEST:
                self.words[folded] = self.words.get(folded, 0) + count
                if len(folded) > self._reach.get(folded[:2], 0):
                    self._reach[folded[:2]] = len(folded)

    def __len__(self) -> int:
        return len(self.words)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WordList) and (self.name, self.words) == (other.name, other.words)

    def __hash__(self) -> int:
        return hash((self.name, len(self.words)))

    def rows(self, tokens: Sequence[str], forgotten: Mapping[str, int] | None = None) -> list[int]:
        """Return the row of each token's mark.

        Args:
            tokens: characters.
            forgotten: how often words are to count as not seen: what a training sentence adds to a list that was
                made of it would give its words away.
        """
        text = fold_width("".join(tokens))
        if not forgotten and len(text) == len(tokens):
            return self._mark(text)
        begins, ends, inner = [0] * len(tokens), [0] * len(tokens), [0] * len(tokens)
        for start, end in self._find(text, [0, *accumulate(map(len, tokens))], forgotten or {}):
            kind = min(end - start, _KINDS) - 1
            begins[start] = kind  # of the words that begin here the longest comes last, ...
            if not ends[end - 1]:
                ends[end - 1] = kind  # ... of those that end here it comes first
            for between in range(start + 1, end - 1):
                inner[between] = max(inner[between], kind - 1)
        return [
            NO_MARK + (first * _KINDS + last) * _INNER_KINDS + across
            for first, last, across in zip(begins, ends, inner, strict=True)
        ]

    def _mark(self, text: str) -> list[int]:
        """Do the same where every token is one character: a fifth of the time of labelling would go here."""
        known, reach, length = self.words, self._reach.get, len(text)
        rows = [NO_MARK] * length
        has_end, inner = bytearray(length), bytearray(length)
        for start in range(length - 1):
            longest = reach(text[start : start + 2])
            if longest is None:
                continue
            kind = 0
            for size in range(2, min(longest, length - start) + 1):
                if text[start : start + size] in known:
                    kind = size - 1 if size < _KINDS else _KINDS - 1
                    last = start + size - 1
                    if not has_end[last]:
                        has_end[last] = 1
                        rows[last] += kind * _INNER_KINDS
                    for between in range(start + 1, last):
                        if inner[between] < kind - 1:
                            rows[between] += kind - 1 - inner[between]
                            inner[between] = kind - 1
            rows[start] += kind * (_KINDS * _INNER_KINDS)
        return rows

    def _find(
        self, text: str, places: Sequence[int], forgotten: Mapping[str, int]
    ) -> Iterator[tuple[int, int]]:
        """Yield where words begin and end, in tokens, in the order of both; tokens begin at these places."""
        for start in range(len(places) - 2):
            for end in range(start + 2, min(start + LONGEST, len(places) - 1) + 1):
                word = text[places[start] : places[end]]
                if self.words.get(word, 0) > forgotten.get(word, 0):
                    yield start, end

    def as_dict(self) -> dict[str, Any]:
        """Return the list as plain values, for JSON."""
        return {"name": self.name, "words": list(self.words), "counts": list(self.words.values())}

    @classmethod
    def from_dict(cls, found: object) -> WordList:
        """Rebuild a list from `as_dict`'s result, which may come from a stranger.

        Raises:
            ValueError: it is not such a result.
        """
        if not isinstance(found, dict) or found.keys() != {"name", "words", "counts"}:
            raise ValueError("a list of words is not an object of name, words and counts")
        name, words, counts = found["name"], found["words"], found["counts"]
        if not isinstance(name, str) or not isinstance(words, list) or not isinstance(counts, list):
            raise ValueError("the name, words or counts of a list of words are of another type")
        if not all(isinstance(word, str) for word in words) or len(set(words)) < len(words):
            raise ValueError("the words of a list are not strings that differ")
        if not all(type(count) is int and 0 < count < 2**63 for count in counts) or len(counts) != len(words):
            raise ValueError("the counts of a list of words are not one number above 0 for each")
        return cls(name, dict(zip(words, counts, strict=True)))


def split_mark(row: int) -> tuple[int, int, int]:
    """Return the kinds of the longest words that begin at a character, end at it, and go across it."""
    rest, across = divmod(row - NO_MARK, _INNER_KINDS)
    return *divmod(rest, _KINDS), across


def describe_mark(row: int) -> tuple[int, int, int]:
    """Return the lengths of these words; 0 where there is none."""
    first, last, across = split_mark(row)
    return first and first + 1, last and last + 1, across and across + 2
