"""Raw text files to sentences at their places: running text, a sentence a line, tokens between blanks, or columns."""

from __future__ import annotations

from tagger.text.raw.reading import Words, find_files, read_rows, read_words, split_rows
from tagger.text.raw.rows import INPUT_FORMATS, InputSettings, Pause, Row, Watch

__all__ = [
    "INPUT_FORMATS",
    "InputSettings",
    "Pause",
    "Row",
    "Watch",
    "Words",
    "find_files",
    "read_rows",
    "read_words",
    "split_rows",
]
