"""Spans of characters to spans of tokens and back. Offsets count Unicode code points.

A span that cuts a token, begins or ends in white space, or overlaps another is reported with its place; it is
never moved without a word.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from tagger.errors import DataError
from tagger.text import tokenizer
from tagger.text.conll import Sentence
from tagger.text.counting import count_of
from tagger.text.formats.sentence import LabelledSentence, LabelledSpan
from tagger.text.schemes import Scheme, Span, spans_to_tags, tags_to_spans
from tagger.text.tokenizer import Mode, detect_mode

Report = Callable[[DataError], None]
Offsets = tuple[int, int]
Tokens = tuple[Offsets, ...]

_TEXT_COMMENT = "# text = "
_SHOWN = 60  # characters of a text in a message


class TextSpan(NamedTuple):
    """Characters `start` to `end` of a text, half-open, that carry one type.

    `text` where the file repeats what they cover, `line` where a span has a line of its own.
    """

    type: str
    start: int
    end: int
    text: str | None = None
    line: int | None = None


class Cutting(NamedTuple):
    """How a text becomes sentences and tokens.

    Args:
        mode: what a token is.
        lines: every line is a sentence; else sentences are found.
        split: cut the tokens that a span cuts, instead of leaving the span out.
    """

    mode: Mode = Mode.WORDS
    lines: bool = False
    split: bool = False


class Document(NamedTuple):
    """A text and its spans; `sentences` holds the offsets of its tokens where the file gives them."""

    text: str
    spans: tuple[TextSpan, ...]
    path: str
    line: int | None = None
    number: int = 0
    sentences: tuple[tuple[Offsets, ...], ...] | None = None


def align(document: Document, cutting: Cutting, report: Report) -> Iterator[Sentence]:
    """Yield the sentences of a document with their tags in IOB2.

    Args:
        report: called for every span that does not meet token boundaries, or overlaps another.
    """
    spans = _check_spans(document, report)
    sentences = document.sentences or _tokenize(document.text, spans, cutting)
    ends = [tokens[-1][1] for tokens in sentences]
    inside: list[list[TextSpan]] = [[] for _ in sentences]
    for span in spans:
        home = bisect_right(ends, span.start)
        if home == len(ends):
            report(_fault(span, document, "lies behind the last token"))
        else:
            inside[home].append(span)
    for tokens, owned in zip(sentences, inside, strict=True):
        pieces = _cut_tokens(tokens, owned) if cutting.split else tokens
        found = list(_match(tokens, pieces, owned, document, report))
        yield Sentence(
            tokens=tuple(document.text[start:end] for start, end in pieces),
            tags=tuple(spans_to_tags(found, len(pieces), Scheme.IOB2)),
            line=document.line or 0,
            document=document.number,
            lines=(document.line,) * len(pieces) if document.line else (),
        )


def _check_spans(document: Document, report: Report) -> list[TextSpan]:
    """Return the spans in order, without those that overlap one before; DataError where offsets are wrong."""
    kept: list[TextSpan] = []
    for span in sorted(document.spans, key=lambda each: (each.start, -each.end)):
        if not 0 <= span.start < span.end <= len(document.text):
            length = len(document.text)
            raise _fault(
                span, document, f"is empty or leaves the text, which has {count_of(length, 'character')}"
            )
        covered = document.text[span.start : span.end]
        if span.text is not None and span.text != covered:
            found = f"is said to be {_shorten(span.text)}"
            raise _fault(span, document, f"{found}; expected offsets that count Unicode code points")
        if kept and span.start < kept[-1].end:
            other = kept[-1]
            report(_fault(span, document, f"overlaps {other.type} {other.start}-{other.end}, which is kept"))
        else:
            kept.append(span)
    return kept


def _tokenize(text: str, spans: Sequence[TextSpan], cutting: Cutting) -> list[Tokens]:
    """Cut a text into sentences and tokens; a sentence goes on to the end of a span that begins in it."""
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


def _shorten(text: str) -> str:
    return repr(text) if len(text) <= _SHOWN else repr(text[:_SHOWN]) + "..."


def locate_tokens(sentence: Sentence, joiner: str = " ") -> tuple[str, tuple[Offsets, ...]]:
    """Return the text of a sentence and the offsets of its tokens in it.

    The text is the `# text` of CoNLL-U where it holds the tokens in their order, else the tokens joined.

    >>> locate_tokens(Sentence(("Hi", "!"), comments=("# text = Hi!",)))
    ('Hi!', ((0, 2), (2, 3)))
    """
    for comment in sentence.comments:
        if comment.startswith(_TEXT_COMMENT):
            text = comment.removeprefix(_TEXT_COMMENT)
            found = _find_in_order(sentence.tokens, text)
            if found is not None:
                return text, found
    offsets = []
    start = 0
    for token in sentence.tokens:
        offsets.append((start, start + len(token)))
        start += len(token) + len(joiner)
    return joiner.join(sentence.tokens), tuple(offsets)


def _find_in_order(tokens: Sequence[str], text: str) -> Tokens | None:
    """Return where the tokens stand in the text; None where something but white space would be left over."""
    offsets = []
    end = 0
    for token in tokens:
        start = text.find(token, end)
        if start < 0 or text[end:start].strip():
            return None
        end = start + len(token)
        offsets.append((start, end))
    return None if text[end:].strip() else tuple(offsets)


def locate_sentences(sentences: Iterable[Sentence], scheme: Scheme, name: str) -> Iterator[LabelledSentence]:
    """Yield the sentences of a corpus with their texts; in a document, the next begins one character after the last.

    Args:
        sentences: gone through twice.
        scheme: of their tags.
        name: of the first document; the others have their number behind it.
    """
    joiner = find_joiner(sentences)
    document, start = -1, 0
    for sentence in sentences:
        start = 0 if sentence.document != document else start
        document = sentence.document
        text, offsets = locate_tokens(sentence, joiner)
        places = [(start + first, start + last) for first, last in offsets]
        spans = []
        for type_, first, last in tags_to_spans(sentence.tags, scheme):
            begin, end = places[first][0], places[last - 1][1]
            spans.append(LabelledSpan(type_, begin, end, text[begin - start : end - start]))
        yield LabelledSentence(
            doc=f"{name}#{document}" if document else name,
            start=start,
            end=start + len(text),
            text=text,
            tokens=[(*place, tag) for place, tag in zip(places, sentence.tags, strict=True)],
            spans=spans,
            comments=sentence.comments,
        )
        start += len(text) + 1


def find_joiner(sentences: Iterable[Sentence]) -> str:
    """Return what stands between tokens in a text: nothing where they are characters, else a blank."""
    return "" if detect_mode(sentence.tokens for sentence in sentences) is Mode.CHARACTERS else " "
