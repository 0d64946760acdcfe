"""How a corpus cuts text into tokens: the mode and the splits, read off its tokens.

A model labels raw text best when that text is cut as its corpus was: one corpus writes `do n't`, the next
`don't`; one keeps `first-quarter` whole, the next makes three tokens of it. Every convention is a row of a table
here: what the token looks like kept whole, what it looks like split, and which of the two is taken where a corpus
shows neither. Raw text itself is cut by `words`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import chain, islice
from typing import NamedTuple


class Mode(StrEnum):
    """What a token is: a word, a character, or whatever stands between blanks."""

    WORDS = "words"
    CHARACTERS = "characters"
    BLANKS = "blanks"


class Split(StrEnum):
    """A place inside a run of characters where some corpora begin a new token and others don't."""

    CONTRACTION = "contraction"
    POSSESSIVE = "possessive"
    ELISION = "elision"
    HYPHEN = "hyphen"
    SLASH = "slash"
    PERCENT = "percent"
    CURRENCY = "currency"
    HASHTAG = "hashtag"
    MENTION = "mention"
    UNIT = "unit"
    FUSED = "fused"
    STOP = "stop"


class Conventions(NamedTuple):
    """Everything about a corpus that the tokenizer has to imitate; both parts are plain strings when saved."""

    mode: Mode
    splits: frozenset[Split]


class _Evidence(NamedTuple):
    whole: str  # a token that shows the corpus doesn't split here
    split: str  # a token between its neighbours, joined by blanks, that shows it does
    default: bool  # whether to split where neither is seen


# A lone hyphen is mostly a dash; after these words it isn't. The prefixes that UD English never splits are absent.
_COMPOUNDING = (
    "self|well|high|low|long|short|full|part|two|three|four|five|six|half|all|year|old|new|first|second"
)
_CLITICS = "n['’]t|['’](?:m|re|ve|ll)"
_ELIDED = "(?:[cdjlmnst]|qu|dell|nell|all|un)['’]"

_FUSED_WHOLE = "cannot|gonna|wanna|gotta|dont|didnt|doesnt"
_FUSED_SECOND = "not|na|ta|nt"

_TITLES = "Mr|Mrs|Ms|Dr|Prof|Sr|Sra|Hr|Frl|Mme|Mlle|Sig|Dott|Nr|bzw|vs"

# Elision asks for a vowel or h, as French and Italian do, so that English "c'mon" and "o'clock" say nothing.
_EVIDENCE: dict[Split, _Evidence] = {
    Split.CONTRACTION: _Evidence(rf"\w+(?:{_CLITICS})", rf"\w+ (?:{_CLITICS}) .*", True),
    Split.POSSESSIVE: _Evidence(r"[^\W\d]+['’]s", r"\w+ ['’]s .*", True),
    Split.ELISION: _Evidence(rf"{_ELIDED}[aàâeéèêhiîoôuœ]\w+", rf".* {_ELIDED} \w+", True),
    Split.HYPHEN: _Evidence(rf"(?:{_COMPOUNDING})-[^\W\d_]+.*", rf"(?:{_COMPOUNDING}) - [^\W\d_]+", False),
    Split.SLASH: _Evidence(r"[^\W\d_]+/[^\W\d_]+", r"[^\W\d_]+ / [^\W\d_]+", True),
    Split.PERCENT: _Evidence(r"[\d.,]+%", r"[\d.,]+ % .*", True),
    Split.CURRENCY: _Evidence(r"[$£€¥][\d.,]+", r".* [$£€¥] [\d.,]+", True),
    Split.HASHTAG: _Evidence(r"#\w*[^\W\d]\w*", r".* # \w*[^\W\d]\w*", False),
    Split.MENTION: _Evidence(r"@\w+", r".* @ \w+", False),
    Split.FUSED: _Evidence(_FUSED_WHOLE, r"(?:(?:gon|wan) na|got ta|(?:do|did|does) nt) .*", False),
    Split.UNIT: _Evidence(r"\d[\d.:]*[ap]m", r"\d[\d.:]* [ap]m .*", False),
    Split.STOP: _Evidence(rf"(?:{_TITLES})\.", rf"(?:{_TITLES}) \. .+", False),
}
_PATTERNS = [
    (split, re.compile(row.whole, re.IGNORECASE), re.compile(row.split, re.IGNORECASE))
    for split, row in _EVIDENCE.items()
]
_ALPHABETIC_EVIDENCE = frozenset(f"am|pm|{_FUSED_WHOLE}|{_FUSED_SECOND}".split("|"))
DEFAULT_SPLITS = frozenset(split for split, row in _EVIDENCE.items() if row.default)

# Ideographs, kana and bopomofo with their iteration marks: scripts written without blanks, one character a unit.
CJK = (
    "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff"
)
# Scripts without blanks between words: those above, and Thai, Lao, Burmese and Khmer, which are not cut at all.
_UNSPACED = re.compile(f"[{CJK}]{{2}}|[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]{{2}}")
_MANY_UNSPACED = 0.05  # share of tokens: in a corpus of another language some are quoted
UNSPACED_ADVICE = (
    "the tokens of the training corpus are words of a script without blanks (as Japanese, Chinese or Thai), but raw "
    "text is cut there at every character, or nowhere: train with --task joint (or words, without labels), and the "
    "model cuts raw text itself; else give text that is cut into words, with --input-format tokens"
)

_HAS_CJK = re.compile(f"[{CJK}]")
_ATTACHED = re.compile(r"[^\W\d_]{2,}[,;:!?]")

# A corpus says what it does in its first hundred thousand tokens; the rest would only cost time.
_ENOUGH = 100_000
_LONGEST_EVIDENCE = 64


def detect(sentences: Iterable[Sequence[str]]) -> Conventions:
    """Return the conventions of a corpus, given the tokens of its sentences."""
    sample = _sample(sentences)
    return Conventions(_mode_of(sample), _splits_of(sample))


def detect_mode(sentences: Iterable[Sequence[str]]) -> Mode:
    """Return what a token is in a corpus.

    Characters, if nearly every token is a single one (Thai vowels above it belong to it), those in Latin letters and
    digits included. A Chinese corpus whose Latin words are whole is in words: that mode gives every ideograph a token
    of its own and keeps words and numbers together. Blanks, if punctuation mostly sticks to words.

    >>> detect_mode([["王", "伟", "2", "0", "1", "9", "年", "任", "C", "E", "O"]])
    <Mode.CHARACTERS: 'characters'>
    >>> detect_mode([["ที่", "นี่", "มี"]])
    <Mode.CHARACTERS: 'characters'>
    """
    return _mode_of(_sample(sentences))


def detect_splits(sentences: Iterable[Sequence[str]]) -> frozenset[Split]:
    """Return where a corpus begins new tokens inside a run of characters; the majority decides on each.

    >>> sorted(detect_splits([["Anna", "'s", "first-quarter", "profit", "rose", "15%", "."]]))[-2:]
    [<Split.POSSESSIVE: 'possessive'>, <Split.SLASH: 'slash'>]
    """
    return _splits_of(_sample(sentences))


def is_unspaced(text: str) -> bool:
    """Tell whether a text, or a token, holds two characters of a script without blanks side by side.

    >>> is_unspaced("東京"), is_unspaced("東")
    (True, False)
    """
    return _UNSPACED.search(text) is not None


def has_unspaced_words(tokens: Iterable[str]) -> bool:
    """Tell whether a good part of some tokens are words of a script without blanks, which no rule here can cut."""
    sample = list(islice(tokens, _ENOUGH))
    words = [token for token in sample if is_unspaced(token) and not _is_character(token)]
    return len(words) > _MANY_UNSPACED * len(sample)


def _sample(sentences: Iterable[Sequence[str]]) -> list[str]:
    """Return the first tokens, an empty one between sentences."""
    padded = chain.from_iterable(chain(sentence, ("",)) for sentence in sentences)
    return list(islice(padded, _ENOUGH))


def _is_character(token: str) -> bool:
    """Say whether a token is one character, together with the vowels, tones and other marks that it carries."""
    return len(token) == 1 or all(unicodedata.category(mark)[0] == "M" for mark in token[1:])


def _mode_of(sample: list[str]) -> Mode:
    tokens = [token for token in sample if token]
    single = sum(map(_is_character, tokens))
    alphanumeric = [token for token in tokens if token.isascii() and token.isalnum()]
    single_alphanumeric = sum(len(token) == 1 for token in alphanumeric)
    if single > 0.95 * len(tokens) and single_alphanumeric >= 0.5 * len(alphanumeric) and tokens:
        return Mode.CHARACTERS
    attached = sum(_ATTACHED.fullmatch(token) is not None for token in tokens if not token.isalnum())
    alone = sum(token in ",;:!?" for token in tokens)
    return Mode.BLANKS if attached > alone else Mode.WORDS


def _splits_of(sample: list[str]) -> frozenset[Split]:
    whole = dict.fromkeys(Split, 0)
    split = dict.fromkeys(Split, 0)
    for left, token, right in zip(["", *sample], sample, [*sample[1:], ""], strict=False):
        if (token.isalpha() and token not in _ALPHABETIC_EVIDENCE) or len(token) > _LONGEST_EVIDENCE:
            continue
        context = f"{left[:_LONGEST_EVIDENCE]} {token} {right[:_LONGEST_EVIDENCE]}"
        for name, whole_pattern, split_pattern in _PATTERNS:
            whole[name] += whole_pattern.fullmatch(token) is not None
            split[name] += split_pattern.fullmatch(context) is not None
    return frozenset(
        name
        for name, row in _EVIDENCE.items()
        if split[name] > whole[name] or (row.default and split[name] == whole[name])
    )
