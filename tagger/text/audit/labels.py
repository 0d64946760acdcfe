"""What an audit keeps of sentences it has read: the tags of each and their lines, in a few bytes a token.

Of the tokens a digest stays, enough to recognise a sentence that comes again.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

_ROLES, _BEGINNING = frozenset("BIMELSUW"), frozenset("BSUW")  # of tokens in words, whatever the scheme
# kind of array -> how many different tags its items can tell
_WIDTHS = {"B": 1 << 8, "H": 1 << 16, "I": 1 << 32}


class LocatedTags(NamedTuple):
    """The tags of a sentence and the line of each, without its tokens."""

    tags: tuple[str, ...]
    lines: Sequence[int]


class LabelStore:
    """The labels of the sentences of a file, numbered from 0 in their order.

    Takes 16 bytes a sentence, a byte a token up to 256 different tags (two up to 65,536), and 8 bytes a token more
    in sentences whose lines do not follow one another.
    """

    def __init__(self) -> None:
        self._codes = array("B")  # of all tags, sentence after sentence
        self._code_of = _Codes()
        self._written: list[str] = []  # the tag of each code as it stands in the file
        self._read: list[str] = []  # and as it is read
        self._ends = array("q", [0])  # sentence n has the codes from n to n + 1 of these
        self._first_lines = array("q")
        self._gap_lines = array("q")
        self._gapped: dict[int, int] = {}  # sentence with gaps between its lines -> its first one of those

    def __len__(self) -> int:
        return len(self._first_lines)

    def __iter__(self) -> Iterator[LocatedTags]:
        for number in range(len(self)):
            yield LocatedTags(self._decode(number, self._read), self._lines_of(number))

    def append(self, tags: Sequence[str], line: int, lines: Sequence[int] = ()) -> None:
        """Keep the tags of the next sentence and its first line; those of all its tokens where they have gaps."""
        codes = list(map(self._code_of.__getitem__, tags))
        if len(self._code_of) > len(self._written):
            self._learn()
        if lines:
            self._gapped[len(self)] = len(self._gap_lines)
            self._gap_lines.extend(lines)
        self._codes.fromlist(codes)
        self._ends.append(len(self._codes))
        self._first_lines.append(line)

    def first_line(self, number: int) -> int:
        """Return the line where a sentence begins."""
        return self._first_lines[number]

    def tags_written(self, number: int) -> tuple[str, ...]:
        """Return the tags of a sentence as they stand in the file."""
        return self._decode(number, self._written)

    @property
    def tags_read(self) -> frozenset[str]:
        """All tags as they are read, each once."""
        return frozenset(self._read)

    def read_as(self, meant: Mapping[str, str]) -> None:
        """Take some tags for others from now on in what iteration yields."""
        self._read = [meant.get(tag, tag) for tag in self._written]

    def _learn(self) -> None:
        """Take up the tags that got a code, and make room for the codes."""
        fresh = list(self._code_of)[len(self._written) :]
        self._written += fresh
        self._read += fresh
        wanted = next(kind for kind, width in _WIDTHS.items() if len(self._written) <= width)
        if wanted != self._codes.typecode:
            self._codes = array(wanted, self._codes)

    def _decode(self, number: int, names: Sequence[str]) -> tuple[str, ...]:
        codes = self._codes[self._ends[number] : self._ends[number + 1]]
        return tuple(map(names.__getitem__, codes))

    def _lines_of(self, number: int) -> Sequence[int]:
        length = self._ends[number + 1] - self._ends[number]
        if number in self._gapped:
            start = self._gapped[number]
            return self._gap_lines[start : start + length]
        return range(self._first_lines[number], self._first_lines[number] + length)


class _Codes(dict[str, int]):
    """A number for each tag that is asked for, from 0."""

    def __missing__(self, tag: str) -> int:
        self[tag] = code = len(self)
        return code


def digest_of(tokens: Sequence[str]) -> int:
    """Return 64 bits that stand for the tokens, the same in every process; no token holds a line end.

    >>> digest_of(["a", "b"]) == digest_of(("a", "b")) != digest_of(["a b"])
    True
    """
    joined = "\n".join(tokens).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(joined, digest_size=8).digest())


def find_words(tokens: Sequence[str], tags: Sequence[str]) -> list[str]:
    """Return the words that tags with prefixes make of all tokens; none where there are other tags.

    >>> find_words(("我", "在", "北", "京"), ("S", "S", "B", "E")), find_words(("Ada", "met"), ("B-PER", "O"))
    (['我', '在', '北京'], [])
    """
    words: list[str] = []
    for token, tag in zip(tokens, tags, strict=False):
        if tag[:1] not in _ROLES or tag[1:2] not in ("", "-"):
            return []
        if tag[0] in _BEGINNING or not words:
            words.append(token)
        else:
            words[-1] += token
    return words
