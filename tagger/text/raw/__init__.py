"""Raw text files to sentences at their places: running text, lines, tokens between blanks, columns, JSON."""

from __future__ import annotations

from tagger.text.raw.reading import Words, check_files, find_files, read_rows, read_words
from tagger.text.raw.rows import AUTO, INPUT_FORMATS, Fault, InputSettings, Note, Pause, Row, Watch
from tagger.text.raw.spacing import split_rows

__all__ = [
    "AUTO",
    "INPUT_FORMATS",
    "Fault",
    "InputSettings",
    "Note",
    "Pause",
    "Row",
    "Watch",
    "Words",
    "check_files",
    "find_files",
    "read_rows",
    "read_words",
    "split_rows",
]
