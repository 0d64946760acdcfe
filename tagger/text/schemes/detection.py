"""Which scheme a corpus uses, and why; how tags of a known scheme are spelt otherwise."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from tagger.text.schemes.tags import EDGE, LETTERS, OUTSIDE, ROLE_OF_LETTER, UNKNOWN_TAG, Scheme, is_tag

Bigrams = Counter[tuple[str, str]]

_LETTERS = "".join(ROLE_OF_LETTER)
_PREFIXED = re.compile(f"[{_LETTERS}]-.", re.DOTALL)
_PREFIXED_OTHERWISE = {  # sign between prefix and type -> how such a tag looks, and what one has to be sure
    "-": (re.compile(f"[{_LETTERS}]-.", re.DOTALL | re.IGNORECASE), re.compile(r"[BI]-", re.IGNORECASE)),
    "_": (re.compile(f"[{_LETTERS}]_.", re.DOTALL | re.IGNORECASE), re.compile(r"[BI]_", re.IGNORECASE)),
}
_FOREIGN = (  # notations that would be read as bare labels, to a score that looks right
    (re.compile(f".+[-_][{_LETTERS}]", re.DOTALL), "have the prefix behind the type, expected B-TYPE"),
    (re.compile(r"\(.*\*?\)?|\*\)*", re.DOTALL), "are brackets (CoNLL-2005, CoNLL-2012), expected B-TYPE"),
)
_RARE = 0.02  # of the spans: what begins otherwise so seldom is taken for a slip


class Detection(NamedTuple):
    """A scheme and one sentence that says why."""

    scheme: Scheme
    evidence: str


def count_bigrams(tag_sequences: Iterable[Sequence[str]]) -> Bigrams:
    """Count each step from a tag to the next, the edges of sentences included: all that detection needs."""
    bigrams: Bigrams = Counter()
    for tags in tag_sequences:
        bigrams.update(zip(chain((EDGE,), tags), chain(tags, (EDGE,)), strict=True))
    return bigrams


def detect(tag_sequences: Iterable[Sequence[str]]) -> Detection:
    """Return the scheme of a corpus and the evidence; where the data leave a choice, the evidence says so.

    >>> detect([["I-PER", "B-PER", "O"]]).scheme
    <Scheme.IOB1: 'IOB1'>
    """
    return detect_from_bigrams(count_bigrams(tag_sequences))


def detect_from_bigrams(bigrams: Bigrams) -> Detection:
    """Return the scheme and the evidence from the counts of `count_bigrams`."""
    spelling = _normal_spelling({tag for _, tag in bigrams})
    steps: Bigrams = Counter()
    counts: Counter[str] = Counter()
    for (previous, tag), count in bigrams.items():
        steps[spelling.get(previous, previous), spelling.get(tag, tag)] += count
        counts[spelling.get(tag, tag)] += count
    has_outside = OUTSIDE in counts
    for neutral in (EDGE, OUTSIDE, UNKNOWN_TAG):
        del counts[neutral]
    if not counts:
        return Detection(Scheme.IOB2, "no tag but O was found, so any scheme fits; IOB2 is a guess")
    letters = _count_letters(counts, has_outside)
    if not letters:
        return Detection(Scheme.BARE, f"the tags, such as {_examples(counts)}, have no prefixes")
    return _find_by_letters(letters, is_typed=any(tag[1:] for tag in counts)) or _find_iob(steps)


def _count_letters(counts: Counter[str], has_outside: bool) -> Counter[str]:
    """Count tokens by prefix; empty where the tags are bare."""
    prefixed = {tag: count for tag, count in counts.items() if _PREFIXED.match(tag)}
    if not prefixed and {"B", "I"} & set(counts) and set(counts) <= set(ROLE_OF_LETTER):
        prefixed = dict(counts)  # single letters: word segmentation, terms
    if 2 * sum(prefixed.values()) < sum(counts.values()) and not (prefixed and has_outside):
        return Counter()
    letters: Counter[str] = Counter()
    for tag, count in prefixed.items():
        letters[tag[0]] += count
    return letters


def _find_by_letters(letters: Counter[str], is_typed: bool) -> Detection | None:
    """Return the scheme that alone has one of these letters; None for B and I, which two have."""
    for letter, scheme in (
        ("W", Scheme.BMEWO),
        ("U", Scheme.BILOU),
        ("L", Scheme.BILOU),
        ("M", Scheme.BMES),
    ):
        if letters[letter]:
            return Detection(scheme, _tags_begin(letter, letters[letter]))
    found = " and ".join(_tags_begin(letter, letters[letter]) for letter in "ES" if letters[letter])
    if not found:
        return None
    if letters["I"]:
        return Detection(Scheme.BIOES, f"{found}, and {letters['I']} with I")
    guess, other = (Scheme.BIOES, Scheme.BMES) if is_typed else (Scheme.BMES, Scheme.BIOES)
    return Detection(guess, f"{found}; without I or M, {guess} is a guess ({other} fits as well)")


def _tags_begin(letter: str, count: int) -> str:
    return f"1 tag begins with {letter}" if count == 1 else f"{count} tags begin with {letter}"


def _find_iob(steps: Bigrams) -> Detection:
    """Return IOB1 or IOB2, by the spans that do not touch one of their own type: I begins them in IOB1."""
    begun: Counter[str] = Counter()
    for (previous, tag), count in steps.items():
        touches = previous == UNKNOWN_TAG or (previous not in (EDGE, OUTSIDE) and previous[1:] == tag[1:])
        if tag[:1] in ("B", "I") and not touches:
            begun[tag[0]] += count
    by_b, by_i = begun["B"], begun["I"]
    scheme, usual = (Scheme.IOB1, "I") if by_i > by_b else (Scheme.IOB2, "B")
    after = "after O or another type"
    if min(by_b, by_i) <= _RARE * (by_b + by_i) and by_b + by_i:
        if by_b + by_i == 1:
            return Detection(scheme, f"the only span {after} begins with {usual}")
        share = f"all {by_b + by_i}" if not min(by_b, by_i) else f"{max(by_b, by_i)} of {by_b + by_i}"
        return Detection(scheme, f"{share} spans {after} begin with {usual}")
    return Detection(scheme, f"of the spans {after} B begins {by_b} and I {by_i}; {scheme} is a guess")


def respell(tags: Iterable[str], scheme: Scheme) -> dict[str, str]:
    """Return how the scheme writes those of a corpus's tags that are surely meant but written otherwise.

    Lower-case prefixes, `_` for `-` where all tags have it, and another scheme's letter for the same role, if
    some tag ends a span: else the corpus is in IOB1 or IOB2, which is no matter of spelling.

    >>> respell({"b-per", "M-per", "E-per", "O"}, Scheme.BIOES)
    {'M-per': 'I-per', 'b-per': 'B-per'}
    """
    if scheme is Scheme.BARE:
        return {}
    distinct = set(tags)
    spelling = _normal_spelling(distinct)
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


def _normal_spelling(tags: set[str]) -> dict[str, str]:
    """Return the tags whose prefix is lower-case or joined by `_`, with upper case and `-`."""
    labels = tags - {EDGE, OUTSIDE, OUTSIDE.lower(), UNKNOWN_TAG}
    for sign, (form, sure) in _PREFIXED_OTHERWISE.items():
        regular = [label for label in labels if form.match(label)]
        is_whole = len(regular) == len(labels) and any(map(sure.match, regular))
        if is_whole or (sign == "-" and any(map(_PREFIXED.match, regular))):
            spelling = {label: f"{label[0].upper()}-{label[2:]}" for label in regular}
            return spelling | ({OUTSIDE.lower(): OUTSIDE} if OUTSIDE not in tags else {})
    return {}


def find_foreign_notation(tags: Iterable[str]) -> tuple[str, str] | None:
    """Return a tag and what is wrong with it, where bare labels look like spans in a notation not read here.

    >>> find_foreign_notation(["PER-B", "PER-I", "O"])
    ('PER-B', 'have the prefix behind the type, expected B-TYPE')
    """
    labels = sorted(set(tags) - {EDGE, OUTSIDE, UNKNOWN_TAG})
    for form, fault in _FOREIGN:
        matching = [label for label in labels if form.fullmatch(label)]
        if matching and 2 * len(matching) > len(labels):
            return matching[0], fault
    return None


def _examples(counts: Counter[str]) -> str:
    return ", ".join(tag for tag, _ in counts.most_common(3))
