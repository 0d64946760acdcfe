"""Labelled sentences -> coloured lines for a person at a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from tagger.text.escape import escape_controls
from tagger.text.formats.sentence import LabelledSentence, pieces
from tagger.text.schemes import Task

_LINE_ENDS = re.compile(r"\s*[\n\r\v\f\x85\u2028\u2029]\s*")

# 256-colour codes, dark enough for white letters and far apart for people who see few colours.
_COLOURS = (25, 130, 29, 90, 124, 58, 24, 95, 22, 54, 88, 236)
_RESET = "\x1b[0m"


def write_terminal(sentences: Iterable[LabelledSentence], *, is_coloured: bool = True) -> Iterator[str]:
    """Yield one line for each sentence, each span in the colour of its type and the type behind it.

    The name of a document stands above its sentences. Types take their colours in the order in which they come.
    Without colours a span and its type stand in brackets. Words that have no types take two colours in turn, and
    without colours a bar stands between those that touch.
    """
    draw = _colour_spans() if is_coloured else _bracket
    dim, normal = ("\x1b[2m", _RESET) if is_coloured else ("", "")
    doc: str | None = None
    for sentence in sentences:
        parts = []
        if sentence.doc != doc:
            parts.append(f"{'' if doc is None else chr(10)}{dim}{_one_line(sentence.doc)}{normal}\n")
            doc = sentence.doc
        if sentence.task is Task.WORDS:
            yield "".join([*parts, *_part_words(sentence, is_coloured=is_coloured), "\n"])
            continue
        for text, span in pieces(sentence):
            parts.append(_one_line(text) if span is None else draw(_one_line(text), span.type))
        yield "".join(parts) + "\n"


def _part_words(sentence: LabelledSentence, *, is_coloured: bool) -> Iterator[str]:
    """Yield words so that where they begin and end can be seen."""
    number, end = 0, -1
    for text, word in pieces(sentence):
        shown = _one_line(text)
        if word is None:
            yield shown
            continue
        if is_coloured:
            yield f"\x1b[97;48;5;{_COLOURS[number % 2]}m{shown}{_RESET}"
        else:
            yield f"|{shown}" if word.start == end else shown
        number, end = number + 1, word.end


def _colour_spans() -> Callable[[str, str], str]:
    colours: dict[str, int] = {}

    def draw(text: str, type_: str) -> str:
        colour = colours.setdefault(type_, _COLOURS[len(colours) % len(_COLOURS)])
        return f"\x1b[97;48;5;{colour}m {text} \x1b[1m{_one_line(type_)} {_RESET}"

    return draw


def _bracket(text: str, type_: str) -> str:
    return f"[{text} {_one_line(type_)}]"


def _one_line(text: str) -> str:
    return escape_controls(_LINE_ENDS.sub(" ", text))
