"""Labelled sentences of one document -> brat stand-off: `T1<tab>PER 0 12<tab>Ada Lovelace`, and a note of confidence.

The format is that of https://brat.nlplab.org/standoff.html; brat shows it beside the document's text in a file of
the same name. Offsets mean one document, so several documents make several files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tagger.text.formats.sentence import LabelledSentence, LabelledSpan

_LINE = re.compile(r"[^\n]+")
_NOT_IN_A_TYPE = re.compile(r"[\s;]")
_TABS = str.maketrans("\t\r", "  ")


def write_brat(sentences: Iterable[LabelledSentence]) -> Iterator[str]:
    """Yield two lines for each span: the span, and a note with its confidence if it has one."""
    number = 0
    for sentence in sentences:
        for span in sentence.spans:
            number += 1
            yield f"T{number}\t{_NOT_IN_A_TYPE.sub('_', span.type)} {_fragments(span)}\t{_shown(span)}\n"
            if span.confidence is not None:
                yield f"#{number}\tAnnotatorNotes T{number}\tconfidence {span.confidence:.4f}\n"


def _fragments(span: LabelledSpan) -> str:
    """Return the offsets of the lines of a span: brat wants a span that a line end crosses in fragments."""
    lines = _LINE.finditer(span.text)
    return ";".join(f"{span.start + line.start()} {span.start + line.end()}" for line in lines)


def _shown(span: LabelledSpan) -> str:
    """Return the text of the fragments, joined by blanks as brat wants it."""
    return " ".join(_LINE.findall(span.text)).translate(_TABS)
