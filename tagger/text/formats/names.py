"""Labelled sentences -> names: how often each was found as what, and with what confidence on average.

A name is the text of a span, white space in it a single blank, with its type. Memory grows with the number of
distinct names, not with that of spans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from tagger.text.escape import quote_json
from tagger.text.formats.columns import TSV_ESCAPES
from tagger.text.formats.concordance import BYTE_ORDER_MARK, format_row, show_text
from tagger.text.formats.sentence import LabelledSentence, round_confidence

_HEADER = ("text", "type", "count", "confidence")


class NameCount(NamedTuple):
    """How often a name was found as a span of a type, and the mean of the confidences that are known."""

    text: str
    type: str
    times: int
    confidence: float | None


def count_names(sentences: Iterable[LabelledSentence]) -> list[NameCount]:
    """Return the names in the spans of sentences, the most frequent first, those of one frequency in order.

    >>> from tagger.text.formats.sentence import LabelledSpan
    >>> spans = [LabelledSpan("LOC", 0, 4, "Rome", 0.5), LabelledSpan("LOC", 5, 9, "Rome", 0.75)]
    >>> count_names([LabelledSentence(doc="d", start=0, end=9, text="Rome Rome", tokens=[], spans=spans)])
    [NameCount(text='Rome', type='LOC', times=2, confidence=0.625)]
    """
    found: dict[tuple[str, str], list[float]] = {}  # spans, spans with a confidence, sum of those
    for sentence in sentences:
        for span in sentence.spans:
            sums = found.setdefault((" ".join(span.text.split()), span.type), [0, 0, 0.0])
            sums[0] += 1
            confidence = round_confidence(span.confidence)
            if confidence is not None:
                sums[1] += 1
                sums[2] += confidence
    names = [
        NameCount(text, type_, int(count), round_confidence(total / known) if known else None)
        for (text, type_), (count, known, total) in found.items()
    ]
    return sorted(names, key=lambda name: (-name.times, name.text, name.type))


def write_names_jsonl(sentences: Iterable[LabelledSentence]) -> Iterator[str]:
    """Yield one object a name, as `docs/schemas/name.json` says."""
    for text, type_, times, confidence in count_names(sentences):
        mean = "null" if confidence is None else repr(confidence)
        yield (
            f'{{"text": {quote_json(text)}, "type": {quote_json(type_)}, "count": {times}, '
            f'"confidence": {mean}}}\n'
        )


def write_names_tsv(sentences: Iterable[LabelledSentence]) -> Iterator[str]:
    """Yield a header and one name a row; backslashes stand as in the TSV of spans."""
    yield "\t".join(_HEADER) + "\n"
    for text, type_, times, confidence in count_names(sentences):
        mean = "" if confidence is None else f"{confidence:.4f}"
        yield f"{text.translate(TSV_ESCAPES)}\t{type_.translate(TSV_ESCAPES)}\t{times}\t{mean}\n"


def write_names_csv(sentences: Iterable[LabelledSentence]) -> Iterator[str]:
    """Yield a header and one name a row, as `concordance` writes rows."""
    yield BYTE_ORDER_MARK + format_row(_HEADER)
    for name in count_names(sentences):
        yield format_row(name._replace(text=show_text(name.text), type=show_text(name.type)))


NAME_WRITERS: dict[str, Callable[[Iterable[LabelledSentence]], Iterator[str]]] = {
    "jsonl": write_names_jsonl,
    "csv": write_names_csv,
    "tsv": write_names_tsv,
}
