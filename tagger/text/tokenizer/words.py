"""Runs of characters between blanks -> words, by one linear regular expression and a table of clitics.

A token never spans white space, so each run is cut on its own, and a bounded cache keeps the runs that come again:
in running text nearly all do. The tokens of a run, joined, are the run; offsets follow from their lengths. Every
quantifier is possessive or bounded, so that no input takes more than linear time.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from tagger.text.tokenizer.abbreviations import Abbreviations
from tagger.text.tokenizer.conventions import CJK, Split

# What ends a name of a host or a file, so that "example.com" is one token and "end.Next" three.
_HOSTS_AND_FILES = """
com org net edu gov mil info biz int uk de fr es eu ru cn jp br nl au pl se io tv
pdf doc docx xls xlsx ppt pptx txt htm html xml json csv zip exe jpg jpeg png gif mp3 mp4 js py
"""

# Words that hold two.
_FUSED_WORDS = """
can|not gon|na got|ta wan|na lem|me gim|me out|ta that|s i|m i|ve do|nt ca|nt does|nt did|nt is|nt was|nt are|nt
were|nt have|nt has|nt could|nt would|nt should|nt
"""
_FUSED = {first + second: len(first) for first, second in (word.split("|") for word in _FUSED_WORDS.split())}
_UNDIVIDED = frozenset(
    ["o'clock", "ma'am", "aujourd'hui", "d'oh", "rock'n'roll", "o'er", "ne'er", "prud'homme"]
)
_CONTRACTED = re.compile(r"(.+?)(n['’]t|['’](?:m|re|ve|ll|d))", re.IGNORECASE)
_POSSESSED = re.compile(r"(.*[^\W\d])(['’]s)", re.IGNORECASE)
_ELIDED = re.compile(
    r"((?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quoiqu|quelqu|[dns]ell|quell|d?all|un|sant|bell|quest)['’])"
    r"([haeiouyàâäáèéêëìîïíòôöóùûüúœæ].*)",
    re.IGNORECASE,
)
_TIMED = re.compile(r"(\d[\d.,:]*+)([ap]\.?m)", re.IGNORECASE)
_MOST_CLITICS = 3

_URL = (
    r"(?:(?:https?|ftp)://|www\.)"
    rf"(?:[^\s<>\"()“”«»{CJK}\u3000-\u303f\uff00-\uff60]|\([^\s()]{{0,200}}+\)){{1,2000}}(?<![.,;:!?'’…\]}}*])"
)
_EMAIL = r"[\w+][\w.+%-]{0,63}+@[\w-]{1,63}+(?:\.[\w-]{1,63}+){0,8}+"
_HOST_OR_FILE = (
    rf"[^\W_](?:[\w-]{{0,62}}+\.){{1,8}}(?i:{'|'.join(_HOSTS_AND_FILES.split())})(?![\w@-])(?:/[^\s<>\"()]{{0,2000}}(?<![.,;:!?'’]))?"
    r"|[a-z][a-z\d]{0,30}+(?:\.[a-z][a-z\d-]{1,30}+){2,8}+"
)
_EMOTICON = r"[:;=][-'^]?[)(\]\[DPpOo|/\\*]{1,9}+(?![\w/])|<3+(?!\d)|\^_{0,3}\^|-_{1,3}-"
_ENTITY = r"&(?:[a-zA-Z]{2,8}|\#\d{1,7}|\#x[0-9a-fA-F]{1,6});"
_LEADING_CLITIC = r"['’](?i:s|m|re|ve|ll|d|t|em|tis|twas|til|till|cause|n|bout|\d\ds?)(?!\w)"
_PICTURE = "[\u2194-\u21aa\u231a-\u23ff\u25aa-\u27bf\u2934\u2935\u2b05-\u2b55\U0001f000-\U0001faff]"
_PICTURE_MODIFIER = "[\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
_EMOJI = (  # flags, keycaps, then pictures joined by ZWJ, each with its skin tone, variation selector or tags
    "[\U0001f1e6-\U0001f1ff]{2}|[0-9#*]\ufe0f?\u20e3|"
    rf"{_PICTURE}{_PICTURE_MODIFIER}*+(?:\u200d{_PICTURE}{_PICTURE_MODIFIER}*+)*+"
)
_REPEATED = r"…++|[.!?]{2,}+|(?P<symbol>[-*=~#+<>^|/\\$–—•·])(?P=symbol)++|''|``|_{3,}+"

_LETTER_OR_NO = re.compile(r"(?:[^\W\d_]|[Nn]os?)\.")

_CACHED_RUNS = 1 << 16
_LONGEST_CACHED = 48

Cutter = Callable[[str], tuple[str, ...]]


@lru_cache(maxsize=64)
def word_cutter(splits: frozenset[Split], abbreviations: frozenset[str]) -> Cutter:
    """Return the function that cuts one run of characters without white space into words.

    Args:
        splits: where it begins new ones.
        abbreviations: the words that keep their full stop.
    """
    kept = frozenset[str]() if Split.STOP in splits else abbreviations
    find_all = _compile(_pattern(splits, kept)).finditer

    def cut(run: str) -> tuple[str, ...]:
        if run.isascii() and run.isalpha():
            return tuple(_cut_clitics(run, splits))
        tokens: list[str] = []
        for match in find_all(run):
            if match.lastgroup == "word":
                tokens.extend(_cut_clitics(match[0], splits))
            else:
                tokens.append(match[0])
        return tuple(tokens)

    cut_cached = lru_cache(maxsize=_CACHED_RUNS)(cut)
    return lambda run: cut_cached(run) if len(run) <= _LONGEST_CACHED else cut(run)


def cut_characters(run: str) -> tuple[str, ...]:
    """Cut one run at every character, as Chinese corpora do with Latin letters and digits too.

    Combining marks stay with their letter and the parts of an emoji with each other.

    >>> cut_characters("任CEO2年")
    ('任', 'C', 'E', 'O', '2', '年')
    """
    if run.isascii():
        return tuple(run)
    find_composed, find_all = _characters()
    return tuple(find_all(run)) if find_composed(run) else tuple(run)


def free_stops(runs: list[str], abbreviations: Abbreviations) -> list[str]:
    """Part full stops from words that are dates or states elsewhere; the runs, joined, stay the same.

    >>> from tagger.text.tokenizer.abbreviations import find_abbreviations
    >>> free_stops("met Jan. He left on Jan. 5".split(), find_abbreviations("en"))
    ['met', 'Jan', '.', 'He', 'left', 'on', 'Jan.', '5']
    """
    loose = abbreviations.loose
    if loose.isdisjoint(runs):
        return runs
    found: list[str] = []
    for place, run in enumerate(runs):
        is_parted = run in loose and abbreviations.is_free(runs, place)
        found += (run[:-1], ".") if is_parted else (run,)
    return found


def final_stop(word: str, abbreviations: Abbreviations) -> int | None:
    """Return where to cut the full stop off the last word of a sentence, if that is no abbreviation there.

    >>> from tagger.text.tokenizer.abbreviations import find_abbreviations
    >>> [final_stop(word, find_abbreviations("en")) for word in ("No.", "B.", "Mr.", "Inc.")]
    [2, 1, 2, None]
    """
    is_free = word[-1] == "." and (
        word[:-1] in abbreviations.before_others or _LETTER_OR_NO.fullmatch(word) is not None
    )
    return len(word) - 1 if is_free else None


def _cut_clitics(word: str, splits: frozenset[Split]) -> list[str]:
    """Cut `l'` from the front and `n't`, `'s` from the back of a word, as far as the conventions ask.

    >>> _cut_clitics("wouldn't've", frozenset(Split))
    ['would', "n't", "'ve"]
    """
    if Split.FUSED in splits and (at := _FUSED.get(word.lower())):
        return [word[:at], word[at:]]
    if Split.UNIT in splits and (match := _TIMED.fullmatch(word)):
        return [match[1], match[2]]
    if ("'" not in word and "’" not in word) or word.lower().replace("’", "'") in _UNDIVIDED:
        return [word]
    front: list[str] = []
    back: list[str] = []
    for _ in range(_MOST_CLITICS):
        if Split.ELISION in splits and (match := _ELIDED.fullmatch(word)):
            front.append(match[1])
            word = match[2]
    for _ in range(_MOST_CLITICS):
        if (Split.CONTRACTION in splits and (match := _CONTRACTED.fullmatch(word))) or (
            Split.POSSESSIVE in splits and (match := _POSSESSED.fullmatch(word))
        ):
            back.append(match[2])
            word = match[1]
    return [*front, word, *reversed(back)]


def _pattern(splits: frozenset[Split], abbreviations: frozenset[str]) -> str:
    """Return the expression whose successive matches tile any run; the first alternative that fits wins."""
    letter = rf"[^\W\d_{CJK}]"
    char = rf"[^\W{CJK}]"  # letters, digits and the underscore
    marks = _combining_marks()
    plain = rf"{char}++(?:[{marks}\u00ad\u200c\u200d\u2060]++{char}*+)*+"
    word = rf"{plain}(?:(?<=\d)[.,:/](?=\d){plain})*+"  # 1,000.5 and 10:30pm and v2.0 and 16/08/2000
    inner = (
        "'’ʼ&" + ("" if Split.SLASH in splits else "/") + ("" if Split.HYPHEN in splits else "\u2010\u2011-")
    )
    compound = rf"{word}(?:[{inner}]{word})*+"
    if Split.PERCENT not in splits:
        compound += r"(?:(?<=\d)%)?"
    if Split.CURRENCY not in splits:
        compound = rf"(?:[$£€¥](?=\d))?{compound}"
    tail = "" if Split.HYPHEN in splits else rf"(?:-{compound})?"
    stopped = "|".join(map(re.escape, sorted(abbreviations, key=lambda word: (-len(word), word))))
    return "|".join(
        [
            rf"[{CJK}()\[\]{{}}«»“”„,][{marks}\u200d]*+",  # no other alternative begins with one of these
            _URL,
            _EMAIL,
            _EMOJI,
            _EMOTICON,
            _ENTITY,
            *([] if Split.HASHTAG in splits else [r"\#(?=\w)(?!\d++(?!\w))\w++"]),
            *([] if Split.MENTION in splits else [r"@\w++"]),
            rf"(?:{letter}\.){{1,20}}{letter}\.?(?!\w){tail}",
            r"(?:[A-Z]{2}\.){2,4}",
            *([rf"(?:{stopped})\.(?![^\W\d]|\.)"] if stopped else []),
            rf"{letter}\.(?![\w.])|[A-Z]\.(?=[A-Z])",
            _HOST_OR_FILE,
            _LEADING_CLITIC,
            r"[bBwW]/[cCoO](?!\w)|[wW]/|[fF]/\d++",
            *([_BOUND_HYPHEN.format(plain=plain)] if Split.HYPHEN in splits else []),
            rf"(?P<word>{compound})",
            r"(?<!\w)\.\d++(?!\w)",
            _REPEATED,
            rf"\S[{marks}\u200d]*+",
        ]
    )


def _compile(pattern: str) -> re.Pattern[str]:
    """Compile a pattern; the first versions of Python 3.11, such as that of Debian 12, get greedy groups in it.

    They match those wrongly, nothing where something stands (github.com/python/cpython/issues/106052). Here greedy
    groups match the same: what they repeat can't begin with what stands behind it.
    """
    if sys.version_info < (3, 11, 5):
        pattern = _POSSESSIVE_GROUP.sub(r"\1", pattern)
    return re.compile(pattern)


_POSSESSIVE_GROUP = re.compile(r"(?<!\\)(\)(?:[*+?]|\{[\d,]+\}))\+")

_BOUND_HYPHEN = (
    r"(?i:e|non|anti|counter|co|re|pre|post|mis|mid|ex|semi|vice|over|pro|un|sub)-{plain}"
    r"|\d{{1,6}}-\d{{3,4}}(?:-\d{{4}})?(?!\w)|\d{{1,2}}-[A-Z][a-z]{{2}}-\d{{2,4}}(?!\w)"
)


@lru_cache(maxsize=1)
def _characters() -> tuple[Callable[[str], object], Callable[[str], list[str]]]:
    """Return a search for characters made of several code points, and the function that finds all characters."""
    marks = _combining_marks()
    composed = f"[{marks}\u200d\U0001f1e6-\U0001f1ff]|{_PICTURE}{_PICTURE_MODIFIER}"
    return re.compile(composed).search, _compile(rf"{_EMOJI}|\S[{marks}\u200d]*+").findall


@lru_cache(maxsize=1)
def _combining_marks() -> str:
    """Return the combining marks of every script as the inside of a character class.

    Python's `\\w` leaves them out, yet Hindi vowels and Hebrew points stand inside words. Of the planes beyond the
    first, the blocks that hold marks are taken whole: their few letters and digits are word characters anyway.
    """
    ranges: list[list[int]] = []
    for code in range(0x300, 0xFFF0):
        if unicodedata.category(chr(code))[0] == "M":
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    beyond = "\U00010a01-\U00010a0f\U00011000-\U00011fff\U0001d165-\U0001d1ad\U0001e000-\U0001e94a"
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges) + beyond + "\U000e0100-\U000e01ef"
