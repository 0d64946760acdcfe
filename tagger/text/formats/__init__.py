"""Labelled sentences -> text in one of several formats: one small writer each, one table.

A writer takes sentences as they come and yields text as it goes, so that output flows while input does. Writers know
nothing of models, files or screens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from tagger.errors import ConfigError
from tagger.text.formats.columns import write_conll, write_tsv
from tagger.text.formats.html import write_html
from tagger.text.formats.inline import write_inline
from tagger.text.formats.jsonl import write_jsonl
from tagger.text.formats.sentence import LabelledAlternative, LabelledSentence, LabelledSpan
from tagger.text.formats.standoff import write_brat
from tagger.text.formats.terminal import write_terminal

__all__ = [
    "FORMATS",
    "Format",
    "LabelledAlternative",
    "LabelledSentence",
    "LabelledSpan",
    "Writer",
    "find_format",
    "write_terminal",
]

Writer = Callable[[Iterable[LabelledSentence]], Iterator[str]]


class Format(NamedTuple):
    """How to write a format.

    Attributes:
        write: the writer.
        suffix: of its files.
        is_per_document: whether each document needs a file of its own.
        is_separable: whether a sentence is written without regard to the others, so that several can write at once.
        about: what it is, for a person.
    """

    write: Writer
    suffix: str
    is_per_document: bool
    is_separable: bool
    about: str


FORMATS: dict[str, Format] = {
    "jsonl": Format(
        write_jsonl, ".jsonl", False, True, "one JSON object a sentence: text, tokens, spans, offsets"
    ),
    "conll": Format(write_conll, ".conll", False, False, "one token a row: token, tab, tag"),
    "tsv": Format(
        write_tsv, ".tsv", False, False, "one span a row: document, start, end, type, text, confidence"
    ),
    "inline": Format(
        write_inline, ".txt", False, True, "one sentence a line, with <PER>...</PER> around spans"
    ),
    "brat": Format(write_brat, ".ann", True, False, "brat stand-off annotations, a file for each document"),
    "html": Format(write_html, ".html", False, False, "one page with highlighted spans"),
}


def find_format(name: str) -> Format:
    """Return the format of that name.

    Raises:
        ConfigError: there is none.
    """
    if name not in FORMATS:
        raise ConfigError(f"found {name!r}, expected one of {', '.join(FORMATS)}", "format")
    return FORMATS[name]
