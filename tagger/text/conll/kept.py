"""The rows of a CoNLL-U file, kept beside its sentences while these are read: tags are put in, all else stays.

`rewrite_tags` of `writer` does the same for a file that can be read twice; a pipe can't.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from tagger.text.conll.sentence import CONLLU_COLUMNS, Sentence
from tagger.text.conll.writer import spell_field

_LINE_END = re.compile(r"\r\n?|\n")


class KeptRows(NamedTuple):
    """Rows as the file has them, from behind the last word of one sentence to the last word of the next.

    Attributes:
        text: all of it: comments, multiword tokens, empty nodes, blank lines.
        words: which of its lines hold words, counted from 0; none: it ends the file.
        separator: of the columns.
    """

    text: str
    words: tuple[int, ...] = ()
    separator: str = "\t"

    def fill(self, tags: Sequence[str], column: str) -> str:
        """Return the rows with a tag for each word in a column, or under a key of one, as in `MISC:NER`."""
        place, _, key = column.partition(":")
        index = CONLLU_COLUMNS.index(place)
        lines = _cut(self.text)
        for line, tag in zip(self.words, tags, strict=True):
            row = lines[line]
            fields = row.split(self.separator)
            end = row[len(row.rstrip("\r\n")) :] if index == len(fields) - 1 else ""
            fields[index] = spell_field(fields[index].removesuffix(end), key, tag, place) + end
            lines[line] = self.separator.join(fields)
        return "".join(lines)


class RowKeeper:
    """Hears the text of a file as it is read, perhaps by another thread, and gives it out sentence by sentence.

    It holds what has been read and belongs to no sentence yet: a block at most.
    """

    def __init__(self) -> None:
        self._heard: deque[str] = deque()
        self._lines: deque[str] = deque()
        self._tail = ""  # a line without its end
        self._next = 1  # the number of the first line that is held

    def hear(self, text: str) -> None:
        """Take the next text of the file."""
        self._heard.append(text)

    def take(self, sentence: Sentence, separator: str) -> KeptRows:
        """Return the rows up to the last word of a sentence that has just been read."""
        numbers = [sentence.line_of(i) for i in range(len(sentence))]
        count = max(numbers) + 1 - self._next
        while len(self._lines) < count:
            self._cut_next()  # what a sentence was made of has been heard
        text = "".join(self._lines.popleft() for _ in range(count))
        first, self._next = self._next, self._next + count
        return KeptRows(text, tuple(number - first for number in numbers), separator)

    def take_rest(self) -> KeptRows:
        """Return what stands behind the last sentence, when the file has been read."""
        return KeptRows("".join([*self._lines, self._tail, *self._heard]))

    def _cut_next(self) -> None:
        """Cut the next text into lines; at the end of the file its last line need not have an end."""
        is_last = not self._heard
        lines = _cut(self._tail if is_last else self._tail + self._heard.popleft())
        self._tail = ""
        if not is_last and not lines[-1].endswith("\n"):  # a carriage return may be half of a line end
            self._tail = lines.pop()
        self._lines.extend(lines)


def _cut(text: str) -> list[str]:
    """Return the lines of a text with their ends."""
    ends = [match.end() for match in _LINE_END.finditer(text)]
    starts = [0, *ends]
    return [text[start:end] for start, end in zip(starts, [*ends, len(text)], strict=True) if start < end]
