"""Which scheme a corpus uses, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from tagger.text.schemes.notation import PREFIXED, find_spelling
from tagger.text.schemes.tags import EDGE, OUTSIDE, ROLE_OF_LETTER, UNKNOWN_TAG, Scheme

Bigrams = Counter[tuple[str, str]]

_RARE = 0.02  # of the spans: what begins otherwise so seldom is taken for a slip
# Labels that are no types of names; of tag sets that could have an `O` of their own.
_PARTS_OF_SPEECH = {
    "N",
    "NN",
    "NOUN",
    "PRO",
    "PRON",
    "V",
    "VB",
    "VERB",
    "A",
    "ADJ",
    "ADP",
    "ADV",
    "R",
    "P",
    "PREP",
}
_PARTS_OF_SPEECH |= {"ART", "AUX", "CONJ", "DET", "NUM", "PUNC", "PUNCT"}
_NAMES = {
    "PER",
    "PERS",
    "PERSON",
    "LOC",
    "LOCATION",
    "PLACE",
    "ORG",
    "ORGANIZATION",
    "ORGANISATION",
    "MISC",
    "GPE",
}
_NAMES |= {
    "DATE",
    "EVENT",
    "PESSOA",
    "LOCAL",
    "ORGANIZACAO",
}  # types of names that most corpora of names have
_ENOUGH_TOKENS, _ENOUGH_LABELS = 50, 5  # below these a corpus of bare labels is too small to tell what `O` is


class Detection(NamedTuple):
    """A scheme and one sentence that says why.

    `question` is what a person has to say first, where bare labels stand beside an `O` that may be outside (IO) or a
    label of its own (BARE).
    """

    scheme: Scheme
    evidence: str
    question: str = ""


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
    spelling = find_spelling(tag for _, tag in bigrams)
    steps: Bigrams = Counter()
    counts: Counter[str] = Counter()
    for (previous, tag), count in bigrams.items():
        steps[spelling.get(previous, previous), spelling.get(tag, tag)] += count
        counts[spelling.get(tag, tag)] += count
    outside = counts[OUTSIDE]
    for neutral in (EDGE, OUTSIDE, UNKNOWN_TAG):
        del counts[neutral]
    if not counts:
        return Detection(Scheme.IOB2, "no tag but O was found, so any scheme fits; IOB2 is a guess")
    letters = _count_letters(counts, has_outside=outside > 0)
    if not letters:
        return _find_bare(steps, counts, outside)
    return _find_by_letters(letters, is_typed=any(tag[1:] for tag in counts)) or _find_iob(steps)


def _count_letters(counts: Counter[str], has_outside: bool) -> Counter[str]:
    """Count tokens by prefix; empty where the tags are bare."""
    prefixed = {tag: count for tag, count in counts.items() if PREFIXED.match(tag)}
    if not prefixed and {"B", "I"} & set(counts) and set(counts) <= set(ROLE_OF_LETTER):
        prefixed = dict(counts)  # single letters: word segmentation, terms
    if 2 * sum(prefixed.values()) < sum(counts.values()) and not (prefixed and has_outside):
        return Counter()
    letters: Counter[str] = Counter()
    for tag, count in prefixed.items():
        letters[tag[0]] += count
    return letters


def _find_bare(steps: Bigrams, counts: Counter[str], outside: int) -> Detection:
    """Return IO or BARE, by what `O` is.

    In IO most tokens are outside, and types come in runs. Parts of speech are nothing of the kind. Some labels tell
    by their name; and among parts of speech marks are often labels of their own (`.` for a full stop).
    """
    found = f"the tags, such as {_examples(counts)}, have no prefixes"
    if not outside:
        return Detection(Scheme.BARE, found)
    labelled = counts.total()
    repeated = sum(count for (previous, tag), count in steps.items() if previous == tag and tag in counts)
    has_marks = any(not any(map(str.isalnum, label)) for label in counts)
    has_names = any(label.upper() in _NAMES for label in counts)
    is_speech = has_marks or not (has_names or _PARTS_OF_SPEECH.isdisjoint(counts))
    is_main = outside >= labelled or (outside >= max(counts.values()) and 5 * repeated >= labelled)
    if not is_speech and (has_names or (repeated and (is_main or 2 * repeated >= labelled))):
        share = f"{outside} of {outside + labelled} tokens are O"
        runs = f"{repeated} of {labelled} others repeat the tag before"
        reason = runs if repeated else "the tags are types of names"
        return Detection(Scheme.IO, f"{found}, {share}, and {reason}: a run is a span")
    is_large = outside + labelled >= _ENOUGH_TOKENS and len(counts) >= _ENOUGH_LABELS
    is_rare = outside * len(counts) <= 2 * labelled and 5 * repeated < labelled
    if (has_marks and outside < labelled) or (is_large and is_rare):
        return Detection(Scheme.BARE, f"{found}; O is one of them")
    return Detection(
        Scheme.BARE,
        f"{found}; O is taken for one of them",
        f"found tags without prefixes, such as {_examples(counts)}, beside O, expected to know whether O is outside "
        "of spans; say --scheme IO (it is, and a run of one tag is a span) or --scheme BARE (O is a label too)",
    )


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
    return f"1 tag begins with {letter}" if count == 1 else f"{count:,} tags begin with {letter}"


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
        share = f"all {by_b + by_i:,}" if not min(by_b, by_i) else f"{max(by_b, by_i):,} of {by_b + by_i:,}"
        return Detection(scheme, f"{share} spans {after} begin with {usual}")
    return Detection(scheme, f"of the spans {after} B begins {by_b:,} and I {by_i:,}; {scheme} is a guess")


def _examples(counts: Counter[str]) -> str:
    return ", ".join(tag for tag, _ in counts.most_common(3))
