"""What a tag is: the schemes, their letters, and a tag taken apart.

A scheme is a row in `LETTERS`. Roles are the same in all of them: B begins a span, I is inside, E ends one,
S is a span of one token, O is outside, `?` is not known. Two schemes write types without letters: in IO a token is
inside its type, in BARE it is a span of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache

from tagger.errors import ConfigError, DataError

UNKNOWN_TAG = "?"
OUTSIDE = "O"
EDGE = ""  # stands before the first and after the last tag of a sentence


class Scheme(StrEnum):
    """How a span is spelt, token by token.

    IO and BARE have no prefixes: in IO a run of one type is a span, in BARE each token has a label of its own (parts
    of speech).
    """

    IOB1 = "IOB1"
    IOB2 = "IOB2"
    BIOES = "BIOES"
    BILOU = "BILOU"
    BMES = "BMES"
    BMEWO = "BMEWO"
    IO = "IO"
    BARE = "BARE"

    @property
    def has_prefixes(self) -> bool:
        """Say whether a letter before the type says where in its span a token stands."""
        return bool(LETTERS[self])


# Roles: B begins a span, I is inside, E ends one, S is a span of one token.
LETTERS: dict[Scheme, dict[str, str]] = {  # role -> letter
    Scheme.IOB1: {"B": "B", "I": "I"},
    Scheme.IOB2: {"B": "B", "I": "I"},
    Scheme.BIOES: {"B": "B", "I": "I", "E": "E", "S": "S"},
    Scheme.BILOU: {"B": "B", "I": "I", "E": "L", "S": "U"},
    Scheme.BMES: {"B": "B", "I": "M", "E": "E", "S": "S"},
    Scheme.BMEWO: {"B": "B", "I": "M", "E": "E", "S": "W"},
    Scheme.IO: {},
    Scheme.BARE: {},
}
ROLE_OF_LETTER = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S", "W": "S"}
_UNWRITABLE = re.compile("[\t\n\r\ud800-\udfff]")  # separators of columns and rows, halves of characters

_ALIASES = {"BIO": Scheme.IOB2, "BIO1": Scheme.IOB1, "BIO2": Scheme.IOB2, "IOBES": Scheme.BIOES} | {
    "BILUO": Scheme.BILOU,
    "IOBLU": Scheme.BILOU,
    "BMESO": Scheme.BMES,
    "POS": Scheme.BARE,
}


def parse_scheme(name: str) -> Scheme:
    """Return the scheme of this name, in any case.

    >>> parse_scheme("bioes")
    <Scheme.BIOES: 'BIOES'>
    """
    folded = name.strip().upper()
    if folded in Scheme.__members__:
        return Scheme[folded]
    if folded in _ALIASES:
        return _ALIASES[folded]
    raise ConfigError(f"found {name!r}, expected one of {', '.join(Scheme)}", field="scheme")


@lru_cache(maxsize=1 << 14)
def split_tag(tag: str, scheme: Scheme) -> tuple[str, str]:
    """Return role (B, I, E, S, O, or `?`) and type of a tag; DataError where the scheme has no such tag.

    >>> split_tag("U-A-B", Scheme.BILOU)
    ('S', 'A-B')
    """
    if tag in (OUTSIDE, EDGE):
        return OUTSIDE, ""
    if tag == UNKNOWN_TAG:
        return UNKNOWN_TAG, ""
    if not scheme.has_prefixes:
        return ("I" if scheme is Scheme.IO else "S"), tag
    role = ROLE_OF_LETTER.get(tag[0])
    if role is None or LETTERS[scheme].get(role) != tag[0] or not (len(tag) == 1 or tag[1] == "-" != tag[1:]):
        raise DataError(
            f"found tag {tag!r}, expected {describe_tags(scheme)} ({scheme}); give the scheme the tags are in"
        )
    return role, tag[2:]


def describe_tags(scheme: Scheme) -> str:
    """Return the tags of a scheme in words, for messages.

    >>> describe_tags(Scheme.IOB2)
    'O, B-TYPE or I-TYPE'
    """
    if scheme is Scheme.IO:
        return "O or TYPE"
    if scheme is Scheme.BARE:
        return "a label without a prefix"
    *others, last = [f"{letter}-TYPE" for letter in LETTERS[scheme].values()]
    return f"{', '.join([OUTSIDE, *others])} or {last}"


def is_tag(tag: str, scheme: Scheme) -> bool:
    """Say whether the scheme has this tag.

    >>> is_tag("E-PER", Scheme.IOB2)
    False
    """
    try:
        split_tag(tag, scheme)
    except DataError:
        return False
    return tag != EDGE


def is_writable(tag: str) -> bool:
    r"""Say whether a column file can hold a tag.

    >>> is_writable("B-PER"), is_writable("B-P\tER"), is_writable("")
    (True, False, False)
    """
    return bool(tag) and _UNWRITABLE.search(tag) is None


def tags_of_types(types: Iterable[str], scheme: Scheme) -> list[str]:
    """Return every tag the scheme has for these types, `O` first (BARE: the types themselves).

    >>> tags_of_types(["PER"], Scheme.IO)
    ['O', 'PER']

    >>> tags_of_types(["PER"], Scheme.IOB2)
    ['O', 'B-PER', 'I-PER']
    """
    if scheme is Scheme.BARE:
        return list(types)
    if scheme is Scheme.IO:
        return [OUTSIDE, *types]
    suffixes = [f"-{type_}" if type_ else "" for type_ in types]
    return [OUTSIDE, *(letter + suffix for suffix in suffixes for letter in LETTERS[scheme].values())]
