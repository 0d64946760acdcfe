"""Tags that mean an ordinary scheme but are written otherwise: read where that is clear, else noticed.

The families: another sign between prefix and type (`B−PER` with a minus, `B:PER`), the prefix behind the type
(`PER_B`), prefixes that are words (`BEGIN_PER`), GROBID's `I-<x>` for a first token and `<x>` for the rest, and the
brackets of CoNLL-2005 and CoNLL-2012. All but the last are spelt tag by tag, so that a table says it all; brackets
depend on what stands before.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from itertools import chain

from tagger.text.schemes.spans import Span
from tagger.text.schemes.tags import EDGE, LETTERS, OUTSIDE, ROLE_OF_LETTER, UNKNOWN_TAG, Scheme, is_tag

_LETTERS = "".join(ROLE_OF_LETTER)
PREFIXED = re.compile(f"[{_LETTERS}]-.", re.DOTALL)

_HYPHENS = "-‐‑‒–—―−˗⁃﹣－"  # and dashes, and minus signs
_SIGNS = "_:|/. +=~,;>·"  # other signs between prefix and type
_WORDS = {
    "BEGIN": "B",
    "BEGINNING": "B",
    "START": "B",
    "INSIDE": "I",
    "IN": "I",
    "MIDDLE": "I",
    "INTERMEDIATE": "I",
}
_WORDS |= {"CONTINUE": "I", "END": "E", "LAST": "E", "SINGLE": "S", "SINGLETON": "S", "UNIT": "S"}
# Letters that look like those of prefixes: full-width ones, Cyrillic and Greek ones.
_TWINS = str.maketrans("ＢＩＭＥＬＳＵＷＯВІМЕЅОΒΙΜΕΟ", "BIMELSUWOBIMESOBIMEO")
_ANY_LETTER = f"[{_LETTERS}{_LETTERS.lower()}ＢＩＭＥＬＳＵＷВІМЕЅΒΙΜΕ]"
_OUTSIDE_TWINS = "ＯОΟ"

_BY_HYPHEN = re.compile(f"({_ANY_LETTER})[{_HYPHENS}](.+)", re.DOTALL)
_BY_SIGN = {sign: re.compile(f"({_ANY_LETTER}){re.escape(sign)}(.+)", re.DOTALL) for sign in _SIGNS}
_BEHIND = {
    sign: re.compile(f"(.+){form}([{_LETTERS}{_LETTERS.lower()}])", re.DOTALL)
    for sign, form in (("-", f"[{_HYPHENS}]"), *((sign, re.escape(sign)) for sign in _SIGNS))
}
_SPELT_OUT = re.compile(
    f"(?P<word>{'|'.join(_WORDS)})[{_HYPHENS}{_SIGNS}](?P<type>.+)", re.DOTALL | re.IGNORECASE
)
_SPELT_OUT_BEHIND = re.compile(
    f"(?P<type>.+)[{_HYPHENS}{_SIGNS}](?P<word>{'|'.join(_WORDS)})", re.DOTALL | re.IGNORECASE
)
_ANGULAR = re.compile(r"(I-)?<([^<>]+)>")
_ANGULAR_OUTSIDE = "other"
_BRACKETED = re.compile(r"\((?P<type>(?!\d*[*)])[^()*|]+)(\*\)?|\))|\*\)|\*|-")  # digits alone: coreference

_QUESTION_MARKS = frozenset("?¿؟？⁇")

_FOREIGN = (  # what would be read as bare labels, to a score that looks right; brackets last
    (
        re.compile(f".+([{_HYPHENS}_:|/][{_LETTERS}]|[(\\[<{{][{_LETTERS}][)\\]>}}])", re.DOTALL),
        "have the prefix behind the type, expected B-TYPE",
    ),
    (
        re.compile(f"[{_LETTERS}]([_:|/].+|\\(.+\\)|\\[.+\\]|<.+>)", re.DOTALL),
        "have another sign between prefix and type, expected B-TYPE",
    ),
    (re.compile(r".*\W[BI]-\w.*", re.DOTALL), "have something around them, expected B-TYPE"),
    (
        re.compile(r"\(.*\*?\)?|\*\)*|\d+\)", re.DOTALL),
        "are brackets (CoNLL-2005, CoNLL-2012), expected B-TYPE",
    ),
)


def find_spelling(tags: Iterable[str], *, is_known: bool = False) -> dict[str, str]:
    """Return how tags with prefixes are written in full: upper case, `-`, the prefix before the type.

    Args:
        tags: all of a corpus.
        is_known: whether somebody said that these tags have prefixes, so that less evidence will do.

    >>> find_spelling(["B:PER", "I:PER", "O"])
    {'B:PER': 'B-PER', 'I:PER': 'I-PER'}
    """
    distinct = set(tags)
    labels = sorted(distinct - {EDGE, OUTSIDE, OUTSIDE.lower(), UNKNOWN_TAG, *_OUTSIDE_TWINS})
    families = chain(
        (_spell_angular(labels, is_known), _spell_hyphens(labels)),
        (_spell_words(labels, form, is_known) for form in (_SPELT_OUT, _SPELT_OUT_BEHIND)),
        (_spell_sign(labels, form) for form in _BY_SIGN.values()),
        (_spell_behind(labels, form, is_known) for form in _BEHIND.values()),
    )
    spelling = next(filter(None, families), None)
    if not spelling:
        return {}
    twins = {*_OUTSIDE_TWINS} | ({OUTSIDE.lower()} if OUTSIDE not in distinct else set())
    return spelling | dict.fromkeys(distinct & twins, OUTSIDE)


def _spell_angular(labels: Sequence[str], is_known: bool) -> dict[str, str]:
    """Spell GROBID's labels: `I-<x>` begins a span, `<x>` goes on, `<other>` is outside."""
    found = [_ANGULAR.fullmatch(label) for label in labels]
    if not all(found) or not (is_known or any(match and match[1] for match in found)):
        return {}
    return {
        match[0]: OUTSIDE if match[2] == _ANGULAR_OUTSIDE else f"{'B' if match[1] else 'I'}-{match[2]}"
        for match in found
        if match
    }


def _spell_hyphens(labels: Sequence[str]) -> dict[str, str]:
    """Spell what has a hyphen or its like: where some tags are regular, or all have the form.

    Beside regular tags `B:PER` is a slip if there is a type PER.
    """
    spelling = _match_prefixes(labels, _BY_HYPHEN)
    is_whole = len(spelling) == len(labels) and any(tag[0] in "BI" for tag in spelling.values())
    if not (is_whole or any(map(PREFIXED.match, labels))):
        return {}
    types = {tag[2:] for tag in spelling.values()}
    for form in _BY_SIGN.values():
        slips = _match_prefixes(labels, form)
        spelling = {label: tag for label, tag in slips.items() if tag[2:] in types} | spelling
    return spelling


def _spell_sign(labels: Sequence[str], form: re.Pattern[str]) -> dict[str, str]:
    """Spell what has one other sign, where all labels have it."""
    spelling = _match_prefixes(labels, form)
    is_whole = len(spelling) == len(labels) and any(tag[0] in "BI" for tag in spelling.values())
    return spelling if is_whole else {}


def _match_prefixes(labels: Sequence[str], form: re.Pattern[str]) -> dict[str, str]:
    found = map(form.fullmatch, labels)
    return {match[0]: f"{match[1].translate(_TWINS).upper()}-{match[2]}" for match in found if match}


def _spell_words(labels: Sequence[str], form: re.Pattern[str], is_known: bool) -> dict[str, str]:
    """Spell what has a word for its prefix, where all labels have one and some type both begins and goes on."""
    found = [match for match in map(form.fullmatch, labels) if match]
    letters = {match[0]: _WORDS[match["word"].upper()] for match in found}
    begun = {match["type"] for match in found if letters[match[0]] == "B"}
    gone_on = {match["type"] for match in found if letters[match[0]] in "IE"}
    if not found or len(found) < len(labels) or not (is_known or begun & gone_on):
        return {}
    return {match[0]: f"{letters[match[0]]}-{match['type']}" for match in found}


def _spell_behind(labels: Sequence[str], form: re.Pattern[str], is_known: bool) -> dict[str, str]:
    """Spell what has its prefix at the end, where all labels have it and some type both begins and goes on.

    `HEPATITIS_B` alone is no such notation.
    """
    found = [match for match in map(form.fullmatch, labels) if match]
    begun = {match[1] for match in found if match[2].upper() == "B"}
    gone_on = {match[1] for match in found if ROLE_OF_LETTER[match[2].upper()] in "IE"}
    if not found or len(found) < len(labels) or not (is_known or begun & gone_on):
        return {}
    return {match[0]: f"{match[2].upper()}-{match[1]}" for match in found}


def respell(tags: Iterable[str], scheme: Scheme) -> dict[str, str]:
    """Return how the scheme writes those of a corpus's tags that are surely meant but written otherwise.

    What `find_spelling` finds, and another scheme's letter for the same role, if some tag ends a span: else the
    corpus is in IOB1 or IOB2, which is no matter of spelling.

    >>> respell({"b-per", "M-per", "E-per", "O"}, Scheme.BIOES)
    {'M-per': 'I-per', 'b-per': 'B-per'}
    """
    if not scheme.has_prefixes:
        return {}
    distinct = set(tags)
    spelling = find_spelling(distinct, is_known=True)
    meant = {}
    ends_spans = any(ROLE_OF_LETTER.get(spelling.get(tag, tag)[:1]) in ("E", "S") for tag in distinct)
    for tag in sorted(distinct):
        normal = spelling.get(tag, tag)
        letter = LETTERS[scheme].get(ROLE_OF_LETTER.get(normal[:1], "")) if ends_spans else None
        if letter and not is_tag(normal, scheme) and is_tag(letter + normal[1:], scheme):
            normal = letter + normal[1:]
        if normal != tag and is_tag(normal, scheme):
            meant[tag] = normal
    return meant


def are_brackets(tags: Collection[str], *, is_known: bool = False) -> bool:
    """Say whether tags are the brackets of CoNLL-2005 and CoNLL-2012, none of them two at once.

    Args:
        tags: all of a corpus.
        is_known: whether somebody said that these tags spell spans, so that there need be none.

    >>> are_brackets({"(GPE*", "*)", "*", "(PERSON)"}), are_brackets({"(S(NP*", "*))"}), are_brackets({"(", ")"})
    (True, False, False)
    """
    found = [_BRACKETED.fullmatch(tag) for tag in tags if tag not in (EDGE, UNKNOWN_TAG)]
    has_span = any(match and match["type"] for match in found)
    return all(found) and (has_span or (is_known and "*" in tags))


def read_brackets(tags: Sequence[str]) -> tuple[list[Span], tuple[int, str] | None]:
    """Return the spans of a sentence in brackets, and the first token whose bracket does not fit, with the reason.

    >>> read_brackets(["(GPE*", "*)", "*", "(PERSON)"])
    ([Span(type='GPE', start=0, end=2), Span(type='PERSON', start=3, end=4)], None)
    """
    spans: list[Span] = []
    opened: tuple[str, int] | None = None
    for i, tag in enumerate(tags):
        if tag.startswith("("):
            if opened:
                return spans, (i, f"opens a bracket inside that of {opened[0]}, expected spans side by side")
            opened = tag.strip("(*)"), i
        if tag.endswith(")"):
            if not opened:
                return spans, (i, "closes a bracket that was not opened")
            spans.append(Span(*opened, i + 1))
            opened = None
    return spans, (opened[1], "opens a bracket that is not closed") if opened else None


def is_question_mark(token: str) -> bool:
    """Say whether a token is nothing but question marks."""
    return set(token) <= _QUESTION_MARKS


def describe_marks_not_known(marks: int, unknown: int) -> str:
    """Say why question marks tagged `?` can't be learnt from, and what to do."""
    return (
        f"found {marks} of {unknown} tokens tagged ? that are question marks, expected another label for them: ? is "
        "the tag of a token whose tag is not known; rename it (tagger convert IN OUT --rename '?=QUESTION')"
    )


def find_foreign_notation(tags: Iterable[str], *, is_known: bool = False) -> tuple[str, str] | None:
    """Return a tag and what is wrong with it, where bare labels look like spans in a notation not read here.

    Args:
        tags: all of a corpus.
        is_known: whether somebody said that these are types of spans, so that only brackets can't be meant.

    >>> find_foreign_notation(["PER-B", "LOC-B", "O"])
    ('LOC-B', 'have the prefix behind the type, expected B-TYPE')
    """
    labels = sorted(set(tags) - {EDGE, OUTSIDE, UNKNOWN_TAG})
    for form, fault in _FOREIGN[-1:] if is_known else _FOREIGN:
        matching = [label for label in labels if form.fullmatch(label)]
        if matching and 2 * len(matching) > len(labels):
            return next((label for label in matching if not _BRACKETED.fullmatch(label)), matching[0]), fault
    if is_known:
        return None
    types = {label[1:] for label in labels if label[0] == "B"} & {
        label[1:] for label in labels if label[0] == "I"
    }
    if types - {""} and all(label[0] in _LETTERS for label in labels):
        tag = f"B{min(types - {''})}"
        return tag, "have no sign between prefix and type, expected B-TYPE"
    known = set(labels)
    for label in labels:
        if label[:2] in ("B-", "I-") and label[2:] in known:
            return label, f"stand beside {label[2:]!r} without a prefix, expected B-TYPE and I-TYPE"
    return None
