"""Columns derived from a word's spelling: normal form, shape, affixes; and from its neighbours: bigrams.

Pure functions of strings. They don't know which of them a model uses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

_DIGIT = re.compile(r"\d")
_EDGE = "\x02"  # stands beyond the first and the last token of a sentence; no corpus token is a bare STX
LONGEST_WORD = (
    4096  # characters of a word that features look at: a word of a million characters costs no more
)


def normalise(word: str, *, lowercase: bool = True) -> str:
    """Map digits to 0 and, if wanted, letters to lower case.

    >>> normalise("Boeing-747")
    'boeing-000'
    """
    word = _DIGIT.sub("0", word[:LONGEST_WORD])
    return word.lower() if lowercase else word


# Full-width forms of ASCII, and the marks that Chinese texts write in two ways.
_WIDTHS = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_WIDTHS |= {ord(wide): ord(narrow) for wide, narrow in zip("。｡“”‘’﹐﹔﹕", "..\"\"'',;:", strict=True)}
_IS_WIDE = re.compile(f"[{''.join(map(chr, _WIDTHS))}]")


def fold_width(text: str) -> str:
    """Write full-width letters, digits and marks in their half-width form; the length stays.

    >>> fold_width("２００９年，ＣＣＴＶ“新闻”。")
    '2009年,CCTV"新闻".'
    """
    return text.translate(_WIDTHS) if _IS_WIDE.search(text) else text


def fold_widths(tokens: Sequence[str]) -> Sequence[str]:
    """Do the same with tokens; most sentences have none that it changes."""
    return [fold_width(token) for token in tokens] if _IS_WIDE.search("".join(tokens)) else tokens


def shape(word: str) -> str:
    """Sketch a word's spelling, runs longer than two cut to two.

    Letters become X or x, letters without case become c, digits d; other characters stand for themselves.

    >>> shape("McDonald's"), shape("1999"), shape("U.S."), shape("北京")
    ("XxXxx'x", 'dd', 'X.X.', 'cc')
    """
    return _squeeze(word[:64].translate(_MARKS))


class _Marks(dict[int, str]):
    """What stands for each character, found out when it is first met."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if char.isupper():
            mark = "X"
        elif char.islower():
            mark = "x"
        elif char.isdigit():
            mark = "d"
        elif char.isalpha():
            mark = "c"
        else:
            mark = char
        self[code] = mark
        return mark


_MARKS = _Marks()


@lru_cache(maxsize=4096)
def _squeeze(marks: str) -> str:
    sketch: list[str] = []
    for mark in marks:
        if sketch[-2:] != [mark, mark]:
            sketch.append(mark)
    return "".join(sketch[:16])


def affixes(word: str, longest: int = 4) -> list[str]:
    """Return the prefixes and suffixes of 1 to `longest` characters, marked by a hyphen where the word goes on.

    A word shorter than an affix gives none of that length, so the list holds at most `2 * longest` strings.

    >>> affixes("Paris", 2)
    ['P-', 'Pa-', '-s', '-is']
    """
    sizes = range(1, min(longest, len(word)) + 1)
    return [word[:size] + "-" for size in sizes] + ["-" + word[-size:] for size in sizes]


def bigrams(tokens: Sequence[str]) -> list[str]:
    """Join each token with the next, the sentence's edges marked: `len(tokens) + 1` strings.

    Token `i` lies in bigrams `i` (with its left neighbour) and `i + 1` (with its right one).

    >>> [pair.replace("\\x02", "|") for pair in bigrams(["北", "京"])]
    ['|北', '北京', '京|']
    """
    padded = [_EDGE, *tokens, _EDGE]
    return list(map(str.__add__, padded, padded[1:]))
