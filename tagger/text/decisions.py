"""Decisions about a corpus: what shall be labelled how, spelt as ids that carry all of it, and carried out.

An id says in which sentence, from which token to which, and how these tokens shall be labelled; its last part is a
checksum of that and of the corpus. So an id needs no list beside it, can be sent by mail, and is refused where the
corpus isn't the one that it is about any more: `57.3-5=PER.9f86d081`.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote

from tagger.errors import DataError
from tagger.text import schemes
from tagger.text.conll import Corpus, Sentence
from tagger.text.conll.packed import pack
from tagger.text.schemes import OUTSIDE, UNKNOWN_TAG, Scheme, Span

_CHECKED = 8  # hexadecimal digits of a checksum: one in four thousand million typing errors passes
_ID = re.compile(
    rf"(?P<sentence>[0-9]{{1,12}})\.(?P<start>[0-9]{{1,9}})-(?P<end>[0-9]{{1,9}})=(?P<reading>[^.=\s]+)"
    rf"\.(?P<sum>[0-9a-f]{{{_CHECKED}}})"
)
_SPAN = re.compile(r"(?P<type>[^:]*):(?P<start>[0-9]{1,9})-(?P<end>[0-9]{1,9})")
_KEPT = "_-"  # in types, beside letters and digits; the rest is percent-encoded, so that no shell minds an id


@dataclass(frozen=True, slots=True)
class Decision:
    """What some tokens of a sentence shall be.

    Attributes:
        sentence: its number in the corpus, from 0.
        start, end: the tokens, half-open; no span of the corpus reaches across these borders.
        spans: what is labelled there; nothing where there is none.
    """

    sentence: int
    start: int
    end: int
    spans: tuple[Span, ...]


def find_state(corpus: Corpus) -> str:
    """Return what is the same for two corpora only if their sentences and tags are, and how these are read."""
    digest = hashlib.sha256(f"{corpus.scheme} {corpus.task} ".encode())
    digest.update(pack(corpus.sentences).digest())
    return digest.hexdigest()


def spell_id(decision: Decision, state: str) -> str:
    """Return the id of a decision about a corpus in a state.

    >>> spell_id(Decision(56, 3, 5, (Span("PER", 3, 5),)), "")
    '57.3-5=PER.53b36cd9'
    """
    whole = f"{decision.sentence + 1}.{decision.start}-{decision.end}={_spell_reading(decision)}"
    return f"{whole}.{_sum_up(whole, state)}"


def _spell_reading(decision: Decision) -> str:
    """Return how tokens shall be labelled: a type where one span is all of them, else each span with its place."""
    spans, start = decision.spans, decision.start
    if len(spans) == 1 and (spans[0].start, spans[0].end) == (start, decision.end) and spans[0].type:
        return _spell_type(spans[0].type)
    if not spans:
        return OUTSIDE
    return "+".join(f"{_spell_type(span.type)}:{span.start - start}-{span.end - start}" for span in spans)


def _spell_type(type_: str) -> str:
    spelt = quote(type_.encode("utf-8", "surrogatepass"), safe=_KEPT).replace(".", "%2E").replace("~", "%7E")
    return "%4F" if spelt == OUTSIDE else spelt


def _sum_up(whole: str, state: str) -> str:
    return hashlib.sha256(f"{state} {whole}".encode()).hexdigest()[:_CHECKED]


def parse_id(typed: str, state: str, path: str) -> Decision:
    """Return the decision that an id carries.

    Args:
        typed: the id.
        state: of the corpus.
        path: of the corpus, for messages.

    Raises:
        DataError: this is no id, or one about another corpus or another state of it.
    """
    found = _ID.fullmatch(typed)
    if not found:
        raise DataError(
            f"found {typed!r}, expected an id as `tagger review` prints it, such as 57.3-5=PER.9f86d081", path
        )
    whole = typed.rpartition(".")[0]
    if found["sum"] != _sum_up(whole, state):
        raise DataError(
            f"the id {typed} is of another corpus, or of another state of this one: its sentences or labels have "
            "changed since, or it is read with other options; review it as it is now, and take the ids of that",
            path,
        )
    start, end = int(found["start"]), int(found["end"])
    spans = tuple(_parse_reading(found["reading"], start, end))
    return Decision(int(found["sentence"]) - 1, start, end, spans)


def _parse_reading(reading: str, start: int, end: int) -> Iterable[Span]:
    if reading == OUTSIDE:
        return
    for part in reading.split("+"):
        placed = _SPAN.fullmatch(part)
        type_ = unquote(placed["type"] if placed else part, errors="surrogatepass")
        if placed:
            yield Span(type_, start + int(placed["start"]), start + int(placed["end"]))
        else:
            yield Span(type_, start, end)


def decide(corpus: Corpus, ids: Iterable[str]) -> list[Decision]:
    """Return the decisions that ids carry, each once, in the order of the corpus.

    Raises:
        DataError: an id is none, or of another state of the corpus; or two decide about the same tokens.
    """
    state = find_state(corpus)
    chosen = {parse_id(each, state, corpus.path): each for each in ids}
    ordered = sorted(chosen, key=lambda each: (each.sentence, each.start, each.end))
    for before, after in itertools.pairwise(ordered):
        if before.sentence == after.sentence and after.start < before.end:
            raise DataError(
                f"the ids {chosen[before]} and {chosen[after]} decide about the same tokens; leave one of them out",
                corpus.path,
            )
    return ordered


def carry_out(corpus: Corpus, decisions: Iterable[Decision]) -> Mapping[int, Sentence]:
    """Return the sentences that decisions change, by their numbers.

    Tags outside of the places stay as they are, odd ones too, unless one would read otherwise behind a new label.
    """
    grouped: dict[int, list[Decision]] = {}
    for each in decisions:
        grouped.setdefault(each.sentence, []).append(each)
    found = {}
    for number, chosen in grouped.items():
        sentence = corpus.sentences[number]
        tags = _label(sentence.tags, chosen, corpus.scheme)
        if tags != sentence.tags:
            found[number] = replace(sentence, tags=tags)
    return found


def _label(old: Sequence[str], decisions: Sequence[Decision], scheme: Scheme) -> tuple[str, ...]:
    """Return the tags of a sentence with some places labelled anew."""
    decided = {place for each in decisions for place in range(each.start, each.end)}
    kept = [span for span in schemes.tags_to_spans(old, scheme) if span.start not in decided]
    spans = sorted([*kept, *(span for each in decisions for span in each.spans)], key=lambda span: span.start)
    whole = schemes.spans_to_tags(spans, len(old), scheme)
    tags = [new if place in decided else tag for place, (tag, new) in enumerate(zip(old, whole, strict=True))]
    if schemes.tags_to_spans(tags, scheme) == spans:
        return tuple(tags)
    return tuple(
        tag if tag == UNKNOWN_TAG and place not in decided else new
        for place, (tag, new) in enumerate(zip(old, whole, strict=True))
    )
