"""Sentences to column files: one token a row, a blank line after each sentence.

What would not come back as it is (a separator inside a token, an empty token) is refused here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from tagger.errors import DataError
from tagger.text.conll.sentence import Sentence


def format_sentence(sentence: Sentence, separator: str = "\t") -> str:
    """Return the rows of a sentence: token, features, tag; comments above, a blank line below."""
    columns = [sentence.tokens, *sentence.features, *([sentence.tags] if sentence.tags else [])]
    rows = [separator.join(fields) for fields in zip(*columns, strict=True)]
    breaks = ("\n", "\r", separator)
    for i, fields in enumerate(zip(*columns, strict=True)):
        for field in fields:
            if not field.strip(" \t") or any(mark in field for mark in breaks):
                found = f"found {field!r} in token {i + 1} of a sentence"
                raise DataError(f"{found}, expected text without line ends or {separator!r}")
    return "\n".join([*sentence.comments, *rows, "", ""])


def write_sentences(sentences: Iterable[Sentence], stream: TextIO, separator: str = "\t") -> None:
    """Write sentences to a text stream."""
    for sentence in sentences:
        stream.write(format_sentence(sentence, separator))
