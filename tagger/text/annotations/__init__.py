"""Corpora in the formats of annotation tools: JSON lines, doccano, Label Studio, brat stand-off.

Their spans count characters of a text, ours count tokens; `alignment` goes from one to the other and reports every
span that does not meet token boundaries. `records` knows the shapes of JSON, `brat` its pairs of files, `files`
reads and writes whole corpora by the name of a format.
"""

from tagger.text.annotations.alignment import Cutting, Document, TextSpan, align, locate_tokens
from tagger.text.annotations.files import (
    FORMATS,
    CorpusSettings,
    Misaligned,
    format_of,
    read_corpus,
    render,
    write_brat,
)

__all__ = [
    "FORMATS",
    "CorpusSettings",
    "Cutting",
    "Document",
    "Misaligned",
    "TextSpan",
    "align",
    "format_of",
    "locate_tokens",
    "read_corpus",
    "render",
    "write_brat",
]
