"""Strict reading: only spans that a scheme spells out from their first tag to their last count.

This is seqeval's `mode="strict"`, with three of its faults mended (tests hold both together and name them):
BMES and BMEWO are known, a type keeps its leading and trailing hyphens, and in IOB1 a `B-` that follows no
span of its own type opens a span instead of being lost. The lenient reading is `schemes.labels_of`.
"""

from __future__ import annotations

from collections.abc import Sequence

from tagger.text.schemes import LETTERS, Scheme, Span, labels_of, split_tag, tags_to_spans


def strict_spans(tags: Sequence[str], scheme: Scheme) -> list[Span]:
    """Read the spans that are spelt out in full; every other tag counts as O.

    >>> strict_spans(["I-PER", "B-LOC", "I-LOC"], Scheme.IOB2)
    [Span(type='LOC', start=1, end=3)]
    >>> strict_spans(["B-PER", "I-PER", "S-LOC"], Scheme.BIOES)
    [Span(type='LOC', start=2, end=3)]
    """
    if scheme is Scheme.IOB2:
        return [span for span in tags_to_spans(tags, scheme) if tags[span.start][0] == "B"]
    return labels_of(tags, scheme) if is_always_spelt_out(scheme) else _closed_spans(tags, scheme)


def is_always_spelt_out(scheme: Scheme) -> bool:
    """Say whether the strict reading of a scheme is the lenient one."""
    return scheme is not Scheme.IOB2 and "E" not in LETTERS[scheme]


def _closed_spans(tags: Sequence[str], scheme: Scheme) -> list[Span]:
    """Read S, and B I ... I E of one type, in the letters of the scheme."""
    spans: list[Span] = []
    opened = -1  # where the span that is being read began, -1 outside of one
    type_ = ""
    for index, tag in enumerate(tags):
        role, name = split_tag(tag, scheme)
        if role == "B":
            opened, type_ = index, name
            continue
        if role == "S":
            spans.append(Span(name, index, index + 1))
        elif opened >= 0 and name == type_ and role in "IE":
            if role == "I":
                continue
            spans.append(Span(name, opened, index + 1))
        opened = -1
    return spans
