"""Labelled sentences -> coloured lines for a person at a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tagger.text.escape import escape_controls
from tagger.text.formats.sentence import LabelledSentence, pieces

_LINE_ENDS = re.compile(r"\s*[\n\r\v\f\x85\u2028\u2029]\s*")

# 256-colour codes, dark enough for white letters and far apart for people who see few colours.
_COLOURS = (25, 130, 29, 90, 124, 58, 24, 95, 22, 54, 88, 236)
_RESET = "\x1b[0m"


def write_terminal(sentences: Iterable[LabelledSentence]) -> Iterator[str]:
    """Yield one line for each sentence, each span in the colour of its type and the type behind it.

    The name of a document stands above its sentences. Types take their colours in the order in which they come.
    """
    colours: dict[str, int] = {}
    doc: str | None = None
    for sentence in sentences:
        heading = ""
        if sentence.doc != doc:
            heading = f"{'' if doc is None else chr(10)}\x1b[2m{_one_line(sentence.doc)}{_RESET}\n"
            doc = sentence.doc
        parts = [heading]
        for text, span in pieces(sentence):
            if span is None:
                parts.append(_one_line(text))
            else:
                colour = colours.setdefault(span.type, _COLOURS[len(colours) % len(_COLOURS)])
                parts.append(
                    f"\x1b[97;48;5;{colour}m {_one_line(text)} \x1b[1m{_one_line(span.type)} {_RESET}"
                )
        yield "".join(parts) + "\n"


def _one_line(text: str) -> str:
    return escape_controls(_LINE_ENDS.sub(" ", text))
