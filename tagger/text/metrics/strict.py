"""Strict reading: only spans that a scheme spells out from their first tag to their last count.

This is seqeval's `mode="strict"`, with three of its faults mended (tests hold both together and name them):
BMES and BMEWO are known, a type keeps its leading and trailing hyphens, and in IOB1 a `B-` that follows no
span of its own type opens a span instead of being lost. The lenient reading is `schemes.tags_to_spans`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tagger.text.schemes import Scheme, Span, tags_to_spans


class _Spelling(NamedTuple):
    """The prefixes that open, continue and close a span of several tokens, and that of a span of one."""

    begin: str
    inside: str
    end: str
    single: str


_SPELLINGS = {
    Scheme.BIOES: _Spelling("B", "I", "E", "S"),
    Scheme.BILOU: _Spelling("B", "I", "L", "U"),
    Scheme.BMES: _Spelling("B", "M", "E", "S"),
    Scheme.BMEWO: _Spelling("B", "M", "E", "W"),
}


def strict_spans(tags: Sequence[str], scheme: Scheme) -> list[Span]:
    """Read the spans that are spelt out in full; every other tag counts as O.

    >>> strict_spans(["I-PER", "B-LOC", "I-LOC"], Scheme.IOB2)
    [Span(type='LOC', start=1, end=3)]
    >>> strict_spans(["B-PER", "I-PER", "S-LOC"], Scheme.BIOES)
    [Span(type='LOC', start=2, end=3)]
    """
    if scheme is Scheme.IOB2:
        return [span for span in tags_to_spans(tags, scheme) if tags[span.start][0] == "B"]
    spelling = _SPELLINGS.get(scheme)
    return tags_to_spans(tags, scheme) if spelling is None else _closed_spans(tags, spelling)


def _closed_spans(tags: Sequence[str], spelling: _Spelling) -> list[Span]:
    spans: list[Span] = []
    opened = -1  # where the span that is being read began, -1 outside of one
    type_ = ""
    for index, tag in enumerate(tags):
        prefix, _, name = tag.partition("-")
        if prefix == spelling.single:
            spans.append(Span(name, index, index + 1))
            opened = -1
        elif prefix == spelling.begin:
            opened, type_ = index, name
        elif opened < 0 or name != type_:
            opened = -1
        elif prefix == spelling.end:
            spans.append(Span(name, opened, index + 1))
            opened = -1
        elif prefix != spelling.inside:
            opened = -1
    return spans
