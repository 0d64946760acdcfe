"""A labelled sentence at its place in a text: what the writers of formats get, from a labeller or from a corpus.

Every offset counts Unicode code points from the beginning of the document, so `document[span.start:span.end]` is
`span.text`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tagger.text.conll import KeptRows
from tagger.text.counting import count_of
from tagger.text.formats.notebook import Stretch, draw_pieces
from tagger.text.schemes import OUTSIDE, UNKNOWN_TAG, Task

MOST_SHOWN = 500  # sentences in a notebook, which keeps them in its file
_DIGITS = 6  # of a confidence: finer than the order of a batch can change it


class LabelledSpan(NamedTuple):
    """A stretch of the document with a type, named where tags give none (`schemes.name_type`).

    `confidence` is the posterior probability of exactly this span, type and both boundaries; None where the model
    gives none.
    """

    type: str
    start: int
    end: int
    text: str
    confidence: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the span as JSON holds it."""
        return self._asdict() | {"confidence": round_confidence(self.confidence)}


class LabelledRival(NamedTuple):
    """What the tokens of a span could be instead, and the posterior probability of exactly that.

    It may have other borders, and `type` is None where there would be no span at all.
    """

    type: str | None
    start: int
    end: int
    text: str
    confidence: float

    def as_dict(self) -> dict[str, Any]:
        """Return the rival as JSON holds it."""
        return self._asdict() | {"confidence": round_confidence(self.confidence)}


class LabelledAlternative(NamedTuple):
    """One of the n best ways to label a sentence, with the posterior probability of its whole tag sequence."""

    confidence: float
    tags: tuple[str, ...]
    spans: tuple[LabelledSpan, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the reading as JSON holds it."""
        return {
            "confidence": round_confidence(self.confidence),
            "tags": list(self.tags),
            "spans": [span.as_dict() for span in self.spans],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSentence:
    """A sentence at its place in a document, its tokens with their tags, and its spans in order.

    Args:
        doc: name of the document.
        start: of the sentence in the document.
        end: of the sentence in the document; `end - start` is the length of `text`.
        text: the sentence as the document has it, line breaks included.
        tokens: (start, end, tag) of each token.
        spans: without overlaps.
        nbest: the n best alternatives, best first; None where nobody asked.
        comments: the lines that stand above it in a corpus.
        space: the white space behind it, as far as it is known and `text` hasn't got it. More of it may follow as
            a sentence without text, and what stands in front of a document's first sentence comes so, too.
        task: what its tags say.
        rows: where it was read from CoNLL-U; None: elsewhere.
        rivals: for each of the spans what its tokens could be instead, most probable first; None where nobody asked.
        expected_spans: how many spans a model expects it to have, found or not; None where nobody asked.
        starts: where its sentences begin, if it is a text of several.
        doubts: how doubtful a model is about each token; None where nobody asked.
        facts: what else there is to say of it, by name, in values of JSON, for formats that have room for it.
    """

    doc: str
    start: int
    end: int
    text: str
    tokens: Sequence[tuple[int, int, str]]
    spans: Sequence[LabelledSpan]
    nbest: Sequence[LabelledAlternative] | None = None
    comments: tuple[str, ...] = ()
    space: str = ""
    task: Task = Task.LABELS
    rows: KeptRows | None = None
    rivals: Sequence[Sequence[LabelledRival]] | None = None
    expected_spans: float | None = None
    starts: tuple[int, ...] = ()
    doubts: Sequence[float] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return what `tagger predict --format jsonl` writes of it, as `docs/schemas/prediction.json` says."""
        facts: dict[str, Any] = {
            "doc": self.doc,
            "start": self.start,
            "end": self.end,
            "text": self.text,
            "tokens": [list(token) for token in self.tokens],
            "spans": self._spans_as_dicts(),
        }
        if self.nbest is not None:
            facts["nbest"] = [each.as_dict() for each in self.nbest]
        return facts | {"facts": dict(self.facts)} if self.facts else facts

    def _spans_as_dicts(self) -> list[dict[str, Any]]:
        spans = [span.as_dict() for span in self.spans]
        if self.rivals is None:
            return spans
        return [
            span | {"rivals": [rival.as_dict() for rival in rivals]}
            for span, rivals in zip(spans, self.rivals, strict=True)
        ]

    def _repr_html_(self) -> str:
        """Return the sentence as a notebook shows it: its spans in colours, with their types."""
        return draw_pieces(_draw_sentence(self))

    def spell_facts(self) -> tuple[str, ...]:
        """Return the facts as comments of a column file: `# name = value`."""
        values = (
            ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            for value in self.facts.values()
        )
        return tuple(
            f"# {name} = {' '.join(value.split())}" for name, value in zip(self.facts, values, strict=True)
        )

    def words(self) -> list[str]:
        """Return the tokens as the text has them."""
        text, base = self.text, self.start
        return [text[start - base : end - base] for start, end, _ in self.tokens]

    def find_words(self) -> list[tuple[int, int, str]]:
        """Return the (start, end, tag) of each word: those that the tags make, or else the tokens.

        Tokens that no word holds, as those whose tags aren't known, are words of their own.
        """
        if not self.task.cuts_words:
            return list(self.tokens)
        words = [(span.start, span.end, span.type) for span in self.spans]
        left = [token for token in self.tokens if token[2] in (UNKNOWN_TAG, OUTSIDE)]
        return sorted(words + left) if left else words


class Sentences(list[LabelledSentence]):
    """The sentences of one text: a list that a notebook shows as the text with its spans in colours."""

    def _repr_html_(self) -> str:
        rest = len(self) - MOST_SHOWN
        return draw_pieces(
            _draw_text(self[:MOST_SHOWN]), f"... and {count_of(rest, 'more sentence')}" if rest > 0 else ""
        )


def _draw_text(sentences: Iterable[LabelledSentence]) -> Iterator[Stretch]:
    """Yield the pieces of sentences and what stands between them: white space, as far as it is known."""
    reached, space = None, ""
    for sentence in sentences:
        if reached is not None:
            gap = max(0, sentence.start - reached)
            yield Stretch(space[:gap] if gap <= len(space) else f"{space}\n")
        yield from _draw_sentence(sentence)
        reached, space = sentence.end, sentence.space


def _draw_sentence(sentence: LabelledSentence) -> Iterator[Stretch]:
    for text, span in pieces(sentence):
        if span is None:
            yield Stretch(text)
        else:
            is_named = sentence.task is not Task.WORDS  # all are words
            yield Stretch(text, span.type, round_confidence(span.confidence), is_named)


def round_confidence(value: float | None) -> float | None:
    """Return a confidence as JSON holds it; None for one that nobody computed, or that is no number."""
    return round(value, _DIGITS) if value is not None and math.isfinite(value) else None


def pieces(sentence: LabelledSentence) -> list[tuple[str, LabelledSpan | None]]:
    """Cut the text of a sentence into spans and what stands between them; the pieces joined are the text."""
    found: list[tuple[str, LabelledSpan | None]] = []
    reached = sentence.start
    for span in sentence.spans:
        if span.start > reached:
            found.append((sentence.text[reached - sentence.start : span.start - sentence.start], None))
        found.append((span.text, span))
        reached = span.end
    if reached < sentence.end:
        found.append((sentence.text[reached - sentence.start :], None))
    return found
