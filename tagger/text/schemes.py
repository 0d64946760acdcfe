"""Tag schemes: tags to spans and back, conversion, legal transitions, and which scheme a corpus uses.

A tag is a prefix and a type (`B-PER`), a prefix alone (`B`, its type is the empty string), `O`, or `?` for a
token whose tag is not known (partial annotation, legal in every scheme). A scheme is a row in each of two
tables: what its letters mean, and which step of meanings may follow which. This file knows strings alone:
no files, no line numbers, no model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from tagger.errors import ConfigError, DataError

if TYPE_CHECKING:
    import numpy as np

UNKNOWN_TAG = "?"
OUTSIDE = "O"
EDGE = ""  # stands before the first and after the last tag of a sentence
Bigrams = Counter[tuple[str, str]]


class Scheme(StrEnum):
    """How a span is spelt, token by token; BARE has labels without prefixes (parts of speech)."""

    IOB1 = "IOB1"
    IOB2 = "IOB2"
    BIOES = "BIOES"
    BILOU = "BILOU"
    BMES = "BMES"
    BMEWO = "BMEWO"
    BARE = "BARE"


class Span(NamedTuple):
    """Tokens `start` to `end`, half-open, that carry one type."""

    type: str
    start: int
    end: int


class Detection(NamedTuple):
    """A scheme and one sentence that says why."""

    scheme: Scheme
    evidence: str


class Constraints(NamedTuple):
    """What may begin a sentence `(K,)`, follow `(K, K)` with `[i, j]` for i -> j, and end it `(K,)`; bool."""

    start: np.ndarray
    transitions: np.ndarray
    end: np.ndarray


# Roles: B begins a span, I is inside, E ends one, S is a span of one token.
LETTERS: dict[Scheme, dict[str, str]] = {  # role -> letter
    Scheme.IOB1: {"B": "B", "I": "I"},
    Scheme.IOB2: {"B": "B", "I": "I"},
    Scheme.BIOES: {"B": "B", "I": "I", "E": "E", "S": "S"},
    Scheme.BILOU: {"B": "B", "I": "I", "E": "L", "S": "U"},
    Scheme.BMES: {"B": "B", "I": "M", "E": "E", "S": "S"},
    Scheme.BMEWO: {"B": "B", "I": "M", "E": "E", "S": "W"},
    Scheme.BARE: {},
}
ROLE_OF_LETTER = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S", "W": "S"}

# Steps from role to role that are legal whatever the types, and those legal within one type. Edges are O.
_FREE_STEPS: dict[Scheme, frozenset[str]] = {
    Scheme.IOB1: frozenset({"OO", "OI", "IO", "II", "BO", "BI"}),
    Scheme.IOB2: frozenset({"OO", "OB", "BO", "BB", "IO", "IB"}),
}
_SAME_TYPE_STEPS: dict[Scheme, frozenset[str]] = {
    Scheme.IOB1: frozenset({"IB", "BB"}),
    Scheme.IOB2: frozenset({"BI", "II"}),
}
for _scheme in (Scheme.BIOES, Scheme.BILOU, Scheme.BMES, Scheme.BMEWO):
    _FREE_STEPS[_scheme] = frozenset({"OO", "OB", "OS", "EO", "EB", "ES", "SO", "SB", "SS"})
    _SAME_TYPE_STEPS[_scheme] = frozenset({"BI", "BE", "II", "IE"})

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


def split_tag(tag: str, scheme: Scheme) -> tuple[str, str]:
    """Return role (B, I, E, S, O, or `?`) and type of a tag; DataError where the scheme has no such tag.

    >>> split_tag("U-A-B", Scheme.BILOU)
    ('S', 'A-B')
    """
    if tag in (OUTSIDE, EDGE):
        return OUTSIDE, ""
    if tag == UNKNOWN_TAG:
        return UNKNOWN_TAG, ""
    if scheme is Scheme.BARE:
        return "S", tag
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


def tags_to_spans(tags: Sequence[str], scheme: Scheme) -> list[Span]:
    """Return the spans in order of their start.

    Reads any sequence of the scheme's tags, legal or not, as the CoNLL-2000 scorer does: a tag that cannot
    continue the open span closes it and, if inside a span itself, opens the next. Unlike that scorer, E and
    S always end a span, so that `E-A B-A` and `S-A S-A` are two. `?` is outside. In BARE every token but
    `O` and `?` is a span.

    >>> tags_to_spans(["B-PER", "I-PER", "O", "I-LOC"], Scheme.IOB2)
    [Span(type='PER', start=0, end=2), Span(type='LOC', start=3, end=4)]
    """
    if tags.count(OUTSIDE) == len(tags):
        return []
    if scheme is Scheme.BARE:
        return [Span(tag, i, i + 1) for i, tag in enumerate(tags) if tag not in (OUTSIDE, UNKNOWN_TAG)]
    inside_letter, end_letter = LETTERS[scheme]["I"], LETTERS[scheme].get("E")
    spans: list[Span] = []
    start, open_type = -1, ""
    inside_tag = end_tag = None  # the tags that go on with the open span, and that end it
    for i, tag in enumerate(tags):
        if tag == inside_tag:
            continue
        if tag == end_tag:
            spans.append(Span(open_type, start, i + 1))
        else:
            if start >= 0:
                spans.append(Span(open_type, start, i))
            role, type_ = (OUTSIDE, "") if tag == OUTSIDE else split_tag(tag, scheme)
            if role in "BI":
                suffix = tag[1:]
                start, open_type, inside_tag = i, type_, inside_letter + suffix
                end_tag = end_letter + suffix if end_letter else None
                continue
            if role in "ES":
                spans.append(Span(type_, i, i + 1))
        start, inside_tag, end_tag = -1, None, None
    if start >= 0:
        spans.append(Span(open_type, start, len(tags)))
    return spans


def spans_to_tags(spans: Iterable[Span], length: int, scheme: Scheme) -> list[str]:
    """Return the tags of a sentence of `length` tokens; spans may come in any order but must not overlap.

    >>> spans_to_tags([Span("PER", 0, 2)], 3, Scheme.BIOES)
    ['B-PER', 'E-PER', 'O']
    """
    tags = [OUTSIDE] * length
    previous = Span("", 0, 0)
    for span in sorted(spans, key=lambda span: span.start):
        type_, start, end = span
        if not previous.end <= start < end <= length:
            raise DataError(f"{span} overlaps {previous}, is empty, or leaves a sentence of {length} tokens")
        if scheme is Scheme.BARE:
            tags[start:end] = [type_] * (end - start)
        else:
            touching = previous.end == start and previous.type == type_ and previous.end > 0
            tags[start:end] = _spell(end - start, type_, scheme, touching)
        previous = span
    return tags


def _spell(length: int, type_: str, scheme: Scheme, touching: bool) -> list[str]:
    """Return the tags of one span; `touching` where a span of the same type ends just before it."""
    letters = LETTERS[scheme]
    suffix = f"-{type_}" if type_ else ""
    inside = letters["I"] + suffix
    first = inside if scheme is Scheme.IOB1 and not touching else letters["B"] + suffix
    if "E" not in letters:
        return [first, *[inside] * (length - 1)]
    if length == 1:
        return [letters["S"] + suffix]
    return [first, *[inside] * (length - 2), letters["E"] + suffix]


def convert(tags: Sequence[str], source: Scheme, target: Scheme) -> list[str]:
    """Return the same spans in another scheme; `?` stays `?`. Into its own scheme, repair a sequence.

    >>> convert(["I-PER", "I-PER", "B-PER"], Scheme.IOB1, Scheme.BIOES)
    ['B-PER', 'E-PER', 'S-PER']
    """
    converted = spans_to_tags(tags_to_spans(tags, source), len(tags), target)
    if UNKNOWN_TAG in tags:
        return [UNKNOWN_TAG if old == UNKNOWN_TAG else new for old, new in zip(tags, converted, strict=True)]
    return converted


def is_legal_step(previous: str, following: str, scheme: Scheme) -> bool:
    """Say whether one tag may follow another; `EDGE` stands for either end of the sentence.

    >>> is_legal_step("B-PER", "I-LOC", Scheme.IOB2)
    False
    """
    if scheme is Scheme.BARE or UNKNOWN_TAG in (previous, following):
        return True
    (role, type_), (next_role, next_type) = split_tag(previous, scheme), split_tag(following, scheme)
    step = role + next_role
    return step in _FREE_STEPS[scheme] or (step in _SAME_TYPE_STEPS[scheme] and type_ == next_type)


def allowed(tags: Sequence[str], scheme: Scheme) -> Constraints:
    """Return which of these K tags may begin a sentence, follow one another, and end a sentence."""
    import numpy as np

    start = np.array([is_legal_step(EDGE, tag, scheme) for tag in tags], dtype=bool)  # (K,)
    end = np.array([is_legal_step(tag, EDGE, scheme) for tag in tags], dtype=bool)  # (K,)
    pairs = [[is_legal_step(tag, following, scheme) for following in tags] for tag in tags]
    return Constraints(start, np.array(pairs, dtype=bool).reshape(len(tags), len(tags)), end)


def violations(tags: Sequence[str], scheme: Scheme) -> list[int]:
    """Return the tokens whose tag may not follow the tag before; `len(tags)` where the end is illegal.

    >>> violations(["O", "I-PER", "I-PER"], Scheme.IOB2)
    [1]
    """
    steps = zip(chain((EDGE,), tags), chain(tags, (EDGE,)), strict=True)
    return [i for i, (tag, following) in enumerate(steps) if not is_legal_step(tag, following, scheme)]


def tags_of_types(types: Iterable[str], scheme: Scheme) -> list[str]:
    """Return every tag the scheme has for these types, `O` first (BARE: the types themselves).

    >>> tags_of_types(["PER"], Scheme.IOB2)
    ['O', 'B-PER', 'I-PER']
    """
    if scheme is Scheme.BARE:
        return list(types)
    suffixes = [f"-{type_}" if type_ else "" for type_ in types]
    return [OUTSIDE, *(letter + suffix for suffix in suffixes for letter in LETTERS[scheme].values())]


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
    counts: Counter[str] = Counter()
    for (_, tag), count in bigrams.items():
        counts[tag] += count
    for neutral in (EDGE, OUTSIDE, UNKNOWN_TAG):
        del counts[neutral]
    if not counts:
        return Detection(Scheme.IOB2, "no tag but O was found, so any scheme fits; IOB2 is a guess")
    letters = _count_letters(counts, has_outside=(any(OUTSIDE in step for step in bigrams)))
    if not letters:
        return Detection(Scheme.BARE, f"the tags, such as {_examples(counts)}, have no prefixes")
    for letter, scheme in (("W", Scheme.BMEWO), ("U", Scheme.BILOU), ("L", Scheme.BILOU), ("M", Scheme.BMES)):
        if letters[letter]:
            return Detection(scheme, f"{letters[letter]} tags begin with {letter}")
    if letters["E"] or letters["S"]:
        found = " and ".join(f"{letters[letter]} with {letter}" for letter in "ES" if letters[letter])
        if letters["I"]:
            return Detection(Scheme.BIOES, f"tags begin with I, and {found}")
        if all(len(tag) == 1 for tag in counts):
            return Detection(Scheme.BMES, f"single letters, {found}; without M or I, BMES is a guess")
        return Detection(Scheme.BIOES, f"{found}; without M or I, BIOES is a guess (BMES is as likely)")
    return _tell_iob(bigrams)


def _count_letters(counts: Counter[str], has_outside: bool) -> Counter[str]:
    """Count tokens by prefix; empty where the tags are bare."""
    typed = {
        tag: count
        for tag, count in counts.items()
        if tag[0] in ROLE_OF_LETTER and tag[1:2] == "-" and tag[2:]
    }
    if not typed and {"B"} < set(counts) | {OUTSIDE} <= {*ROLE_OF_LETTER, OUTSIDE}:
        typed = dict(counts)  # single letters: word segmentation, terms
    if 2 * sum(typed.values()) < sum(counts.values()) and not (typed and has_outside):
        return Counter()
    letters: Counter[str] = Counter()
    for tag, count in typed.items():
        letters[tag[0]] += count
    return letters


def _tell_iob(bigrams: Bigrams) -> Detection:
    """Tell IOB1 from IOB2 by the spans that do not follow a span of their own type: I begins them in IOB1."""
    begun = Counter[str]()
    for (previous, tag), count in bigrams.items():
        if tag[:1] in ("B", "I") and previous != UNKNOWN_TAG and previous[1:] != tag[1:]:
            begun[tag[0]] += count
        elif tag[:1] in ("B", "I") and len(tag) == 1 and previous in (EDGE, OUTSIDE):
            begun[tag] += count
    if begun["B"] and not begun["I"]:
        return Detection(Scheme.IOB2, f"all {begun['B']} spans after O or another type begin with B")
    if begun["I"] and not begun["B"]:
        return Detection(Scheme.IOB1, f"all {begun['I']} spans after O or another type begin with I")
    scheme = Scheme.IOB1 if begun["I"] > begun["B"] else Scheme.IOB2
    found = f"{begun['B']} spans after O or another type begin with B and {begun['I']} with I"
    return Detection(scheme, f"{found}; {scheme} is a guess")


def _examples(counts: Counter[str]) -> str:
    return ", ".join(tag for tag, _ in counts.most_common(3))
