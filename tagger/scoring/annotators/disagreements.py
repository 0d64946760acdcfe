"""The places where annotators differ: spans that overlap each other, of which not all annotators have the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tagger.scoring.annotators.readings import Opinions
from tagger.scoring.matching import Kind
from tagger.scoring.report.pieces import join_tokens
from tagger.text.conll import Sentence
from tagger.text.schemes import Span


class Disagreement(NamedTuple):
    """Tokens `start` to `end` of a sentence, half-open, and the spans that each annotator has there, perhaps none."""

    sentence: Sentence
    start: int
    end: int
    spans: tuple[tuple[Span, ...], ...]

    @property
    def kind(self) -> Kind:
        """What they differ in; `MISSED` where somebody has no span there."""
        if not all(self.spans):
            return Kind.MISSED
        places = {tuple((span.start, span.end) for span in found) for found in self.spans}
        types = {span.type for found in self.spans for span in found}
        if len(places) == 1:
            return Kind.TYPE
        return Kind.BOUNDARY if len(types) == 1 else Kind.BOTH

    @property
    def lines(self) -> tuple[int, int]:
        """The lines of the first and of the last token in the file of the first annotator."""
        return self.sentence.line_of(self.start), self.sentence.line_of(self.end - 1)

    @property
    def text(self) -> str:
        """The tokens as running text."""
        return join_tokens(self.sentence.tokens, self.start, self.end)

    def as_dict(self, names: Sequence[str], file: str) -> dict[str, object]:
        """Return the disagreement as JSON holds it."""
        line, end_line = self.lines
        return {
            "file": file,
            "line": line,
            "end_line": end_line,
            "text": self.text,
            "kind": self.kind.value,
            "labels": {
                name: [
                    {
                        "type": type_,
                        "start": start,
                        "end": end,
                        "text": join_tokens(self.sentence.tokens, start, end),
                    }
                    for type_, start, end in found
                ]
                for name, found in zip(names, self.spans, strict=True)
            },
        }


def name_place(path: str, sentence: Sentence, line: int) -> str:
    """Return file and line; of a folder of texts, which have no lines of tokens, folder and text.

    >>> name_place("ada.conll", Sentence(("Rome",), line=8), 8)
    'ada.conll:8'
    """
    if line:
        return f"{path}:{line}"
    name = sentence.excerpt.source.name if sentence.excerpt else None
    return path if name is None else f"{path}/{name}"


def find_disagreements(opinions: Opinions) -> Iterator[Disagreement]:
    """Yield the places of one sentence where annotators differ, in the order of the text."""
    if opinions.are_alike:
        return
    spans, _ = opinions.decided(range(len(opinions.spans)))
    for start, end, group in find_places(spans):
        if any(each != group[0] for each in group[1:]):
            yield Disagreement(opinions.sentence, start, end, group)


def find_places(
    spans: Sequence[Sequence[Span]],
) -> Iterator[tuple[int, int, tuple[tuple[Span, ...], ...]]]:
    """Yield the stretches of tokens whose spans overlap each other: start, end, and the spans of each annotator.

    >>> list(find_places([[Span("A", 0, 2)], [Span("A", 1, 3), Span("B", 3, 4)]]))[0][:2]
    (0, 3)
    """
    ordered = sorted((span.start, span.end, who, span) for who, found in enumerate(spans) for span in found)
    begin = end = 0
    group: list[list[Span]] = [[] for _ in spans]
    for start, stop, who, span in ordered:
        if start >= end and end:
            yield begin, end, tuple(map(tuple, group))
            group = [[] for _ in spans]
            begin, end = start, stop
        elif not end:
            begin = start
        end = max(end, stop)
        group[who].append(span)
    if end:
        yield begin, end, tuple(map(tuple, group))
