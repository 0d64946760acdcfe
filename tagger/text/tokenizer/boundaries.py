"""Where sentences end within a piece of one paragraph: sentencex (rules and abbreviations, written in Rust), mended.

Brackets and quotation marks are blanked for sentencex: it would keep what they enclose in one sentence, however
long, and a mark that is never closed would reach over all that follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import sentencex

from tagger.text.tokenizer.abbreviations import Abbreviations
from tagger.text.tokenizer.conventions import CJK

_VISIBLE = re.compile(r"\S")
# Blanked one for one before sentencex sees them; it panics on "B\u00a0!", so white space has to be a plain blank.
_BLANKED = re.compile('["“”«»„()\\[\\]\ud800-\udfff]|[^\\S \n]')
_CLOSERS = re.compile("[\"'”’»)\\]]{0,16}+")
_NO_END_BEFORE_NUMBER = re.compile(r"(?<!\w)(?:[Aa]rt|[Ff]ig|[Nn]o|[Cc]ap|[Ss]ec|p|[Vv]ol|Str)\.$")
_NO_END_BEFORE_SMALL = re.compile(r"(?<!\w)(?:[^\W\d_]{1,2}\.){2,4}$")
_STOP = re.compile(r"\.\s+(?=\S)")
_WORD = re.compile(r"(?<![\w.])(\w+)\.$")
_BARE = re.compile(r"\w*")
_LONGEST_FOLLOWING = 12  # characters of the word after a stop that are looked at
_LONGEST_ABBREVIATION = 12
_NUMBERED = re.compile(r"\s*(?:\d{1,3}|[a-z]|[ivxIVX]{1,5})\.")

_HAS_CJK = re.compile(f"[{CJK}]")
_CJK_CLOSERS = "[\"'”’」』）)】》〉\\]]"
_CJK_END = re.compile(  # a quotation that goes on with Japanese と or a comma is no end
    rf"(?:[。！？｡]|(?<=[{CJK}])[!?…])[。！？｡!?…]*+{_CJK_CLOSERS}{{0,16}}+(?!と|って|、|，)"
)
# Without one of these before white space there is nothing to ask sentencex.
_MAY_END = re.compile(r"[^\w\s,;:-]\s")


def split_piece(piece: str, abbreviations: Abbreviations) -> list[tuple[int, int]]:
    """Return the (start, end) of the sentences of a piece of one paragraph."""
    ends: list[int] = []
    start = 0
    if not piece.isascii() and _HAS_CJK.search(piece):
        for match in _CJK_END.finditer(piece):
            ends.extend(_ends_within(piece, start, match.end(), abbreviations))
            ends.append(match.end())
            start = match.end()
    ends.extend(_ends_within(piece, start, len(piece), abbreviations))
    spans: list[tuple[int, int]] = []
    for first, end in pairwise([0, *ends, len(piece)]):
        if visible := _VISIBLE.search(piece, first, end):
            spans.append((visible.start(), first + len(piece[first:end].rstrip())))
    return spans


def _ends_within(piece: str, start: int, end: int, abbreviations: Abbreviations) -> Iterator[int]:
    """Yield where sentencex ends a sentence inside `piece[start:end]`, mended where it is known to err."""
    if not _MAY_END.search(piece, start, end):
        return
    segment = piece[start:end]
    marks = set(_find_freed(segment, abbreviations))
    for boundary in sentencex.get_sentence_boundaries(abbreviations.code, _BLANKED.sub(" ", segment)):
        sentence = boundary["text"].rstrip()
        if sentence and not _NUMBERED.fullmatch(sentence):
            marks.add(boundary["start_index"] + len(sentence))
    for mark in sorted(marks):
        if closed := _end_at(segment, mark, abbreviations):
            yield start + closed


def _find_freed(text: str, abbreviations: Abbreviations) -> Iterator[int]:
    """Yield the ends of abbreviations that are none where they stand, so that their stops are the sentences'.

    >>> from tagger.text.tokenizer.abbreviations import find_abbreviations
    >>> list(_find_freed("I met Jan. Bob knows the Gen. He left.", find_abbreviations("en")))
    [10, 29]
    """
    for stop in _STOP.finditer(text):
        mark = stop.start() + 1
        match = _WORD.search(text, max(0, mark - _LONGEST_ABBREVIATION), mark)
        if match is None:
            continue
        word, following = match[1], text[stop.end() : stop.end() + _LONGEST_FOLLOWING].split(maxsplit=1)[0]
        if word in abbreviations.before_others:
            if _begins_sentence(word, following, abbreviations):
                yield mark
        elif f"{word}." in abbreviations.loose:
            before = text[max(0, match.start() - 2) : match.start()].split() or [""]
            if abbreviations.is_free([before[-1], f"{word}.", following], 1):
                yield mark


def _begins_sentence(title: str, following: str, abbreviations: Abbreviations) -> bool:
    """Tell whether what follows a title can't be the name that it stands before."""
    return title[0].isupper() and _BARE.match(following)[0] in abbreviations.starters  # type: ignore[index]


def _end_at(text: str, mark: int, abbreviations: Abbreviations) -> int | None:
    """Return the end of a sentence whose last mark stands before `mark`, or None if it goes on.

    It goes on where no blank follows; where a quotation closes and a small letter follows; and after "Mr.", "Nr. 5",
    "Jan. 5" and "EE.UU. y".
    """
    closed = _end_of(_CLOSERS, text, mark)
    visible = _VISIBLE.search(text, closed)
    if visible is None or visible.start() == closed:
        return None
    following = visible[0]
    if closed > mark and following.islower():
        return None
    window = max(0, mark - _LONGEST_ABBREVIATION)
    if (match := _WORD.search(text, window, mark)) and _is_inside(
        match[1], text, visible.start(), abbreviations
    ):
        return None
    goes_on = (following.isdigit() and _NO_END_BEFORE_NUMBER.search(text, window, mark)) or (
        following.islower() and _NO_END_BEFORE_SMALL.search(text, window, mark)
    )
    return None if goes_on else closed


def _is_inside(word: str, text: str, after: int, abbreviations: Abbreviations) -> bool:
    """Tell whether a word with a full stop is an abbreviation that the sentence goes on after."""
    if word in abbreviations.before_others:
        following = text[after : after + _LONGEST_FOLLOWING]
        return not _begins_sentence(word, following, abbreviations)
    if len(word) == 1 and not abbreviations.is_known:
        return text[after].isupper()  # the initial of a name, in any language
    following = text[after : after + _LONGEST_FOLLOWING].split(maxsplit=1)[0]
    return word in abbreviations.dates and (following[0].isdigit() or following[:-1] in abbreviations.dates)


def _end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at
