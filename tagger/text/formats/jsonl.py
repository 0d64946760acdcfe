"""Labelled sentences -> JSON Lines: one object a line, as `docs/architecture.md` fixes it for other programs.

The sentences of a corpus have their comments with them; one that was cut from a text has the white space behind it,
so that the sentences of a text, joined, are the text.

The lines are built by hand, several times faster than `json.dumps` of dicts would make them, and equal to what it
writes, except that no line holds a character that some reader takes for a line end or a terminal for a command.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tagger.text.conll.surface import is_derived
from tagger.text.escape import quote_json
from tagger.text.formats.sentence import (
    LabelledAlternative,
    LabelledRival,
    LabelledSentence,
    LabelledSpan,
    round_confidence,
)
from tagger.text.objects import dump_json


class _Quoted(dict[str, str]):
    """The few tags and types of a model, each quoted once."""

    def __missing__(self, text: str) -> str:
        quoted = self[text] = quote_json(text)
        return quoted


def write_jsonl(sentences: Iterable[LabelledSentence]) -> Iterator[str]:
    """Yield one line for each sentence."""
    names = _Quoted()
    doc = quoted_doc = ""
    for sentence in sentences:
        if sentence.doc != doc or not quoted_doc:
            doc, quoted_doc = sentence.doc, quote_json(sentence.doc)
        tokens = ", ".join([f"[{start}, {end}, {names[tag]}]" for start, end, tag in sentence.tokens])
        spans = ", ".join(
            [_span(span, names) for span in sentence.spans]
            if sentence.rivals is None
            else [
                _span(span, names, f', "rivals": [{", ".join(_rival(each, names) for each in rivals)}]')
                for span, rivals in zip(sentence.spans, sentence.rivals, strict=True)
            ]
        )
        nbest = "" if sentence.nbest is None else f', "nbest": [{_alternatives(sentence.nbest, names)}]'
        more = _comments(sentence.comments) if sentence.comments else ""
        if sentence.facts:
            more += f', "facts": {dump_json(sentence.facts)}'
        yield (
            f'{{"doc": {quoted_doc}, "start": {sentence.start}, "end": {sentence.end}, '
            f'"text": {quote_json(sentence.text)}, "tokens": [{tokens}], "spans": [{spans}]{nbest}{more}}}\n'
        )


def _comments(comments: Iterable[str]) -> str:
    kept = ", ".join(quote_json(comment) for comment in comments if not is_derived(comment))
    return f', "comments": [{kept}]' if kept else ""


def _span(span: LabelledSpan, names: _Quoted, more: str = "") -> str:
    kind, start, end, text, confidence = span
    return (
        f'{{"type": {names[kind]}, "start": {start}, "end": {end}, "text": {quote_json(text)}, '
        f'"confidence": {_probability(confidence)}{more}}}'
    )


def _rival(rival: LabelledRival, names: _Quoted) -> str:
    kind, start, end, text, confidence = rival
    return (
        f'{{"type": {"null" if kind is None else names[kind]}, "start": {start}, "end": {end}, '
        f'"text": {quote_json(text)}, "confidence": {_probability(confidence)}}}'
    )


def _probability(value: float | None) -> str:
    rounded = round_confidence(value)
    return "null" if rounded is None else repr(rounded)


def _alternatives(alternatives: Iterable[LabelledAlternative], names: _Quoted) -> str:
    return ", ".join(
        f'{{"confidence": {_probability(alternative.confidence)}, '
        f'"tags": [{", ".join([names[tag] for tag in alternative.tags])}], '
        f'"spans": [{", ".join([_span(span, names) for span in alternative.spans])}]}}'
        for alternative in alternatives
    )
