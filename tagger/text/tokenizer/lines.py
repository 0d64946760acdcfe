"""Line breaks that mean something, and those that only keep lines short: where a paragraph ends.

A blank line ends one. So does the break behind a short line, unless the layout says that an editor, or a narrow
column, made it: the next line begins with a small letter; or the lines around it are filled to the same width. How
far a decision looks ahead is bounded and doesn't depend on the pieces in which a text arrives: where its lines
haven't come yet, only more text can tell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

LARGEST_PIECE = 5_000  # characters of a paragraph that are looked at together; see `sentences`
# White space longer than this ends a paragraph, however few line breaks are in it.
_LARGEST_GAP = 1_000
# How far the first visible characters of a line are looked at, to see whether it is the item of a list.
_LIST_MARK = 8

# A line break ends a paragraph unless an editor made it to fill lines: no shorter than this, no longer than that.
_SHORTEST_FILLED = 45
_LONGEST_FILLED = 120
# A narrower column shows itself by its neighbours: so many lines before and behind, so many of their breaks in the
# middle of a sentence, and no line left so much shorter than the longest that its next word would have fitted.
_NEIGHBOURS = 8
_BREAKS_WITHIN = 3
_LONGEST_TITLE = 12  # characters of an abbreviation that ends a line, and blanks
_FILLED = 0.8

LINE_BREAKS = "\n\r\v\f\x85\u2028\u2029"
LINE_BREAK = re.compile(f"\r\n|[{LINE_BREAKS}]")
_VISIBLE = re.compile(r"\S")
_BLANK = re.compile(r"\s")
_LIST_ITEM = re.compile(r"[-*•–—·▪►]\s|\(?(?:\d{1,3}|[a-z])\)\s|\d{1,3}\.\s")
_FINAL = re.compile("[.!?…。！？｡:;][\"'”’»)\\]」』]*$")


class ParagraphEnd(NamedTuple):
    """How far a paragraph goes.

    Attributes:
        end: where it ends, or None if only more text can tell.
        settled: up to where it is sure to be one: its first doubtful line break, or the end of the text.
    """

    end: int | None
    settled: int


def find_end(
    text: str,
    at: int,
    column: int,
    *,
    is_last: bool,
    joins_lines: bool = False,
    titles: frozenset[str] = frozenset(),
) -> ParagraphEnd:
    """Return where the paragraph that starts at `at` ends.

    A paragraph of more than a piece ends beyond it: where exactly is not looked for.

    Args:
        text: the text so far.
        at: a visible character of it.
        column: of that character in its line.
        is_last: whether no more text comes.
        joins_lines: whether a blank line alone ends a paragraph.
        titles: abbreviations that end no line either.
    """
    limit = at + LARGEST_PIECE
    line_start, position = at - column, at
    while line_break := LINE_BREAK.search(text, position, limit):
        end, gap_end = line_break.start(), line_break.start() + _LARGEST_GAP
        visible = _VISIBLE.search(text, end, gap_end)
        after = visible.start() if visible else min(len(text), gap_end)
        if after == gap_end or len(LINE_BREAK.findall(text, end, after)) > 1:
            return ParagraphEnd(end, end)
        if len(text) < after + _LIST_MARK and not is_last and not _BLANK.search(text, after):
            return ParagraphEnd(None, end)
        if visible is None:
            return ParagraphEnd(end, end)
        if not joins_lines and not _ends_in_title(text, at, end, titles):
            is_wrapped = _is_wrapped(text, at, end, end - line_start, after, is_last=is_last)
            if is_wrapped is None:
                return ParagraphEnd(None, end)
            if not is_wrapped:
                return ParagraphEnd(end, end)
        line_start, position = line_break.end(), after
    if len(text) >= limit:
        return ParagraphEnd(limit + 1, limit)
    return ParagraphEnd(len(text) if is_last else None, len(text))


def ends_sentence(line: str) -> bool:
    """Tell whether a line ends in a mark that ends sentences.

    >>> ends_sentence('"Really?"'), ends_sentence("in New")
    (True, False)
    """
    return _FINAL.search(line) is not None


def _ends_in_title(text: str, at: int, end: int, titles: frozenset[str]) -> bool:
    if text[end - 1] not in ". ":
        return False
    words = text[max(at, end - _LONGEST_TITLE) : end].split()
    return bool(words) and words[-1].endswith(".") and words[-1][:-1] in titles


def _is_wrapped(text: str, at: int, end: int, length: int, after: int, *, is_last: bool) -> bool | None:
    """Tell a line break that keeps lines short from one that means something; None: only more text can tell.

    Args:
        text: the text so far.
        at: where the paragraph starts.
        end: where the line ends before the break.
        length: of that line.
        after: where the first visible character behind the break stands.
        is_last: whether no more text comes.
    """
    if length > _LONGEST_FILLED or _LIST_ITEM.match(text, after):
        return False
    if length >= _SHORTEST_FILLED or text[after].islower():
        return True
    before = [line.strip() for line in LINE_BREAK.split(text[at:end])][-_NEIGHBOURS:]
    if not before[-1] or not before[-1][-1].isalnum():
        return False  # a new sentence, or a verse
    following, is_whole = _lines_from(text, after, is_last=is_last)
    in_column = _is_in_column(before, following, is_whole=is_whole)
    in_sentence = _is_in_sentence(before, following, is_whole=is_whole)
    if in_column is None or in_sentence is None:
        return None
    return in_column or in_sentence


def _lines_from(text: str, start: int, *, is_last: bool) -> tuple[list[str], bool]:
    """Return the lines up to a blank one, some at most, and whether no text to come can change them."""
    lines: list[str] = []
    position = start
    while len(lines) < _NEIGHBOURS:
        line_break = LINE_BREAK.search(text, position, position + _LONGEST_FILLED + 1)
        if line_break is None:
            lines.append(text[position : position + _LONGEST_FILLED + 1].strip())
            return lines, is_last or len(text) > position + _LONGEST_FILLED
        lines.append(text[position : line_break.start()].strip())
        visible = _VISIBLE.search(text, line_break.end(), line_break.start() + _LARGEST_GAP)
        after = visible.start() if visible else min(len(text), line_break.start() + _LARGEST_GAP)
        if len(LINE_BREAK.findall(text, line_break.start(), after)) > 1:
            return lines, True
        if visible is None:
            return lines, is_last or after < len(text)
        position = after
    return lines, True


def _is_in_column(before: Sequence[str], following: Sequence[str], *, is_whole: bool) -> bool | None:
    """Tell whether a break stands in a narrow column: filled lines, and sentences that run over their ends.

    A line that isn't filled doesn't become so as more lines come; all else does: None.
    """
    lines = [*before, *following]
    width = max(map(len, lines))
    if not _is_filled(before[-1], following[0], width):
        return False
    breaks = sum(
        second[:1].islower() and not ends_sentence(first) and _is_filled(first, second, width)
        for first, second in pairwise(lines)
    )
    return breaks >= _BREAKS_WITHIN if is_whole else None


def _is_filled(line: str, following: str, width: int) -> bool:
    """Tell whether the first word of the next line would not have fitted on a line."""
    return len(line) + 1 + len(following.split(maxsplit=1)[0]) > _FILLED * width


def _is_in_sentence(before: Sequence[str], following: Sequence[str], *, is_whole: bool) -> bool | None:
    """Tell whether a break stands in a short paragraph that is one sentence; None: only more lines can tell.

    Such a paragraph has three lines at least, all narrow, the last alone with a mark at its end, and a break within
    what must be a phrase: before a small letter, or between two words with capitals ("New / York").
    """
    lines = list(before)
    for number, line in enumerate(following, 1):
        if len(line) >= _SHORTEST_FILLED:
            return False
        lines.append(line)
        if ends_sentence(line) and (is_whole or number < len(following)):
            break
        if not line[-1:].isalnum():
            return False if is_whole or number < len(following) else None
    else:
        return False if is_whole else None
    return len(lines) > 2 and any(_is_within_phrase(*pair) for pair in pairwise(lines))


def _is_within_phrase(line: str, following: str) -> bool:
    words = line.split()
    return following[:1].islower() or (len(words) > 1 and words[-1][:1].isupper() and following[:1].isupper())
