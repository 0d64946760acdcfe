"""Spans of characters to spans of tokens; `location` is the way back. Offsets count Unicode code points.

A span that cuts a token, begins or ends in white space, or overlaps another is reported with its place; it is
never moved without a word. The sentences keep the text that they were cut from.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from tagger.errors import DataError
from tagger.text import tokenizer
from tagger.text.conll import Excerpt, Sentence, SourceText
from tagger.text.counting import Note, count_of, overlook
from tagger.text.schemes import OUTSIDE, UNKNOWN_TAG, Scheme, Span, spans_to_tags
from tagger.text.tokenizer import Mode

Report = Callable[[DataError], None]
Offsets = tuple[int, int]
Tokens = tuple[Offsets, ...]

_BOM = "\ufeff"
_SHOWN = 60  # characters of a text in a message


class TextSpan(NamedTuple):
    """Characters `start` to `end` of a text, half-open, that carry one type.

    `text` where the file repeats what they cover, `line` where a span has a line of its own, `score` where a machine
    said how sure it is and somebody asks.
    """

    type: str
    start: int
    end: int
    text: str | None = None
    line: int | None = None
    score: float | None = None


class Cutting(NamedTuple):
    """How a text becomes sentences and tokens.

    Args:
        mode: what a token is.
        lines: every line is a sentence; else sentences are found.
        split: cut the tokens that a span cuts, instead of leaving the span out.
        trim: leave out the white space at the ends of a span, instead of reporting it.
        open: the tags of tokens are unknown where a span lies that is left out.
    """

    mode: Mode = Mode.WORDS
    lines: bool = False
    split: bool = False
    trim: bool = False
    open: bool = False


class Document(NamedTuple):
    """A text and its spans.

    `sentences` holds the offsets of its tokens where the file gives them; `name` that of the document it belongs to,
    and `start` where it begins in it. `is_unknown`: nobody labelled it, so that no tag is known.
    """

    text: str
    spans: tuple[TextSpan, ...]
    path: str
    line: int | None = None
    number: int = 0
    sentences: tuple[tuple[Offsets, ...], ...] | None = None
    name: str | None = None
    start: int | None = None
    is_unknown: bool = False


def align(document: Document, cutting: Cutting, report: Report, note: Note = overlook) -> Iterator[Sentence]:
    """Yield the sentences of a document with their tags in IOB2.

    Args:
        report: called for every span that does not meet token boundaries, or overlaps another.
        note: told of what was mended: white space at the ends of a span, a span that is there twice.
    """
    spans, left_out = _check_spans(document, cutting.trim, report, note)
    sentences = document.sentences or _tokenize(document.text, spans, cutting)
    if not sentences:
        note("text", "without a token, left out", _place(document))
    source = SourceText(document.text, document.name, document.start)
    bounds = pairwise([0, *(tokens[0][0] for tokens in sentences[1:]), len(document.text)])
    ends = [tokens[-1][1] for tokens in sentences]
    inside: list[list[TextSpan]] = [[] for _ in sentences]
    for span in spans:
        home = bisect_right(ends, span.start)
        if home == len(ends):
            report(_fault(span, document, "lies behind the last token"))
        else:
            inside[home].append(span)
    for tokens, owned, (begin, end) in zip(sentences, inside, bounds, strict=False):
        pieces = _cut_tokens(tokens, owned) if cutting.split else tokens
        found = list(_match(tokens, pieces, owned, document, report))
        fitting = {(pieces[span.start][0], pieces[span.end - 1][1]) for span in found}
        misfits = [*left_out, *(span for span in owned if span[1:3] not in fitting)]
        tags = spans_to_tags(found, len(pieces), Scheme.IOB2)
        if document.is_unknown:
            tags = [UNKNOWN_TAG] * len(pieces)
        elif cutting.open and misfits:
            tags = _open_tags(tags, pieces, misfits)
        yield Sentence(
            tokens=tuple(document.text[first:last] for first, last in pieces),
            tags=tuple(tags),
            line=document.line or 0,
            document=document.number,
            lines=(document.line,) * len(pieces) if document.line else (),
            excerpt=Excerpt(source, begin, end, pieces, _list_scores(owned)),
        )


def _open_tags(tags: Sequence[str], tokens: Tokens, misfits: Sequence[TextSpan]) -> list[str]:
    """Return the tags with `?` for tokens outside of spans on which one lies that was left out."""
    return [
        UNKNOWN_TAG
        if tag == OUTSIDE and any(span.start < end and start < span.end for span in misfits)
        else tag
        for tag, (start, end) in zip(tags, tokens, strict=True)
    ]


def _list_scores(spans: Iterable[TextSpan]) -> dict[tuple[str, int, int], float]:
    return {span[:3]: span.score for span in spans if span.score is not None}


def _check_spans(
    document: Document, trims: bool, report: Report, note: Note
) -> tuple[list[TextSpan], list[TextSpan]]:
    """Return the spans in order, and those that overlap one before; DataError where offsets are wrong."""
    for span in document.spans:
        _check_span(span, document)
    spans = _trim(document, report, note) if trims else document.spans
    kept: list[TextSpan] = []
    left_out: list[TextSpan] = []
    for span in sorted(spans, key=lambda each: (each.start, -each.end)):
        other = kept[-1] if kept and span.start < kept[-1].end else None
        if other is None:
            kept.append(span)
        elif other[:3] == span[:3]:
            note("span", "given twice, counted once", _place(document, span))
        else:
            report(_fault(span, document, f"overlaps {other.type} {other.start}-{other.end}, which is kept"))
            left_out.append(span)
    return kept, left_out


def _check_span(span: TextSpan, document: Document) -> None:
    if span.type in (OUTSIDE, UNKNOWN_TAG):
        meaning = "a token outside of spans" if span.type == OUTSIDE else "a tag that is not known"
        raise _fault(span, document, f"has a type that stands for {meaning}; give it another name")
    if not 0 <= span.start < span.end <= len(document.text):
        found = f"is empty or leaves the text, which has {count_of(len(document.text), 'character')}"
        raise _fault(span, document, found)
    if span.text is not None and span.text != document.text[span.start : span.end]:
        found = f"is said to be {_shorten(span.text)}"
        raise _fault(span, document, f"{found}; expected offsets that count Unicode code points")


def _trim(document: Document, report: Report, note: Note) -> Iterator[TextSpan]:
    """Yield the spans without the white space at their ends, unless a token of the file begins or ends with it."""
    edges = {edge for tokens in document.sentences or () for token in tokens for edge in token}
    for span in document.spans:
        covered = document.text[span.start : span.end]
        start = span.end - len(covered.lstrip()) if span.start not in edges else span.start
        end = span.start + len(covered.rstrip()) if span.end not in edges else span.end
        if start >= end:
            report(_fault(span, document, "is white space alone"))
        elif (start, end) == (span.start, span.end):
            yield span
        else:
            note("span", "with white space at its ends, trimmed", _place(document, span))
            yield span._replace(start=start, end=end)


def _tokenize(text: str, spans: Sequence[TextSpan], cutting: Cutting) -> list[Tokens]:
    """Cut a text into sentences and tokens; a sentence goes on to the end of a span that begins in it."""
    if text.startswith(_BOM):
        text = " " + text[1:]  # it is counted, but belongs to no token
    bounds = _split_lines(text) if cutting.lines else tokenizer.split_sentences(text)
    merged: list[Offsets] = []
    crossing = iter([*spans, None])
    span = next(crossing)
    for start, end in bounds:
        while span and span.end <= start:
            span = next(crossing)
        if merged and span and span.start < merged[-1][1]:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    sentences = (
        tuple(
            (start + first, start + last) for first, last in tokenizer.tokenize(text[start:end], cutting.mode)
        )
        for start, end in merged
    )
    return [tokens for tokens in sentences if tokens]


def _split_lines(text: str) -> Iterator[Offsets]:
    start = 0
    for line in text.split("\n"):
        yield start, start + len(line)
        start += len(line) + 1


def _cut_tokens(tokens: Tokens, spans: Iterable[TextSpan]) -> Tokens:
    """Return the tokens cut wherever a span begins or ends inside one."""
    edges = sorted({edge for span in spans for edge in (span.start, span.end)})
    pieces: list[Offsets] = []
    for start, end in tokens:
        inner = edges[bisect_right(edges, start) : bisect_left(edges, end)]
        pieces += zip([start, *inner], [*inner, end], strict=True)
    return tuple(pieces)


def _match(
    tokens: Tokens, pieces: Tokens, spans: Iterable[TextSpan], document: Document, report: Report
) -> Iterator[Span]:
    """Yield the spans whose ends are ends of pieces; report those whose ends are not ends of tokens."""
    starts = {start: i for i, (start, _) in enumerate(pieces)}
    ends = {end: i + 1 for i, (_, end) in enumerate(pieces)}
    first, last = {start for start, _ in tokens}, {end for _, end in tokens}
    for span in spans:
        if span.start not in first or span.end not in last:
            report(_fault(span, document, _describe_cut(span, tokens, document.text)))
        if span.start in starts and span.end in ends:
            yield Span(span.type, starts[span.start], ends[span.end])


def _describe_cut(span: TextSpan, tokens: Tokens, text: str) -> str:
    """Say which token the span cuts, or that it begins or ends in white space."""
    for edge in (span.start, span.end):
        for start, end in tokens:
            if start < edge < end:
                return f"cuts the token {_shorten(text[start:end])} ({start}-{end})"
    return "begins or ends in white space, or beyond its sentence"


def _fault(span: TextSpan, document: Document, message: str) -> DataError:
    covered = _shorten(document.text[max(0, span.start) : max(0, span.end)])
    return DataError(
        f"span {span.type} {span.start}-{span.end} {covered} {message}",
        document.path,
        span.line or document.line,
    )


def _place(document: Document, span: TextSpan | None = None) -> str:
    """Return the file, and the line where there is one."""
    line = (span and span.line) or document.line
    return f"{document.path}:{line}" if line else document.path


def _shorten(text: str) -> str:
    return repr(text) if len(text) <= _SHOWN else repr(text[:_SHOWN]) + "..."
