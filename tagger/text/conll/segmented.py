"""Lines of words: segmented text (`我们  爱  北京`), and words with their tags (`我们/PN 爱/VV`, `The_DT dog_NN`).

A sentence is a line, and any white space stands between words: one blank or several, tabs, no-break and full-width
ones. A tag stands behind the last separator of its word, so that words may hold separators. Brackets around compound
words, as in the People's Daily corpus (`[中央/n 电视台/n]nt`), are opened, or else the compound is one word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from tagger.errors import DataError
from tagger.text.conll.sentence import Sentence
from tagger.text.conll.source import Block
from tagger.text.conll.words import SCHEME, cut_into_characters, join_words
from tagger.text.schemes import Scheme, Task
from tagger.text.tokenizer import has_unspaced_words, is_unspaced

Compounds = Literal["open", "keep"]
Note = Callable[[str, int], None]
Report = Callable[[str, int], None]

SEPARATORS = "/_"
_LOOKED_AT = 1 << 16  # characters of a file that tell what its lines are
_TAG = r"[^\s/_\[\]]{1,24}"
_CLOSING = rf"(?:\](?:[/_]?{_TAG})?)*"
_TAGGED = {mark: re.compile(rf"\[*(?:\S*?[^\s\[]|{mark}|\[){mark}{_TAG}{_CLOSING}") for mark in SEPARATORS}
_NEARLY_ALL = 0.98  # of the words on the lines that are looked at
_IDENTIFIER = re.compile(
    r"\d{8}-\d{2}-\d{3}-\d{3}/m"
)  # of a line, in front of its words: People's Daily, 1998
_CLOSED = re.compile(rf"(?P<word>.+?)\](?:[/_]?(?P<tag>{_TAG}))?")


@dataclass(frozen=True, slots=True)
class LineForm:
    """What lines of words are: with tags behind this separator, or without where it is empty."""

    separator: str = ""

    @property
    def has_tags(self) -> bool:
        """Say whether words have tags."""
        return bool(self.separator)


def find_form(text: str) -> LineForm | None:
    """Return the form of lines of words, told by looking at the beginning of a file; None for anything else.

    >>> find_form("我们/PN 爱/VV 北京/NR\\n"), find_form("字 B\\n王 B\\n")
    (LineForm(separator='/'), None)
    """
    lines = [line.split() for line in text[:_LOOKED_AT].splitlines()]
    lines = [line for line in (lines[:-1] if len(text) > _LOOKED_AT else lines) if line]
    words = [word for line in lines for word in line]
    if not words or max(map(len, lines)) < 2:
        return None
    for mark, pattern in _TAGGED.items():
        if any(all(map(pattern.fullmatch, line)) for line in lines[:3]):  # else it is hardly worth a look
            matching = sum(pattern.fullmatch(word) is not None for word in words)
            if matching >= _NEARLY_ALL * len(words):
                return LineForm(mark)
    return LineForm() if _are_segmented(lines, words) else None


def name_form(text: str, *, has_tags: bool) -> LineForm:
    """Return the form of lines that are known to hold words, or words with tags: behind which separator.

    >>> name_form("I/PRP saw_it/NN", has_tags=True)
    LineForm(separator='/')
    """
    words = text[:_LOOKED_AT].split() if has_tags else ()
    return LineForm(max(SEPARATORS, key=lambda mark: sum(mark in word for word in words)) if has_tags else "")


def _are_segmented(lines: Sequence[Sequence[str]], words: Sequence[str]) -> bool:
    """Say whether words of a script without blanks have blanks between them, and columns have nothing to do with it.

    Columns are as many on each line, and not all of them hold words.
    """
    sizes = set(map(len, lines))
    if len(sizes) == 1 and (len(lines) > 1 or sizes == {2}):
        return False
    return 2 * sum(map(_holds_unspaced, words)) > len(words)


def _holds_unspaced(word: str) -> bool:
    return is_unspaced(word) or is_unspaced(word[-1] * 2) or is_unspaced(word[0] * 2)


class LineReader:
    """Reads lines of words as sentences.

    Attributes:
        task: what is made of the words.

    Args:
        form: of the lines.
        name: of the file, for messages.
        task: None: words of a script without blanks are cut out of their text, others are tokens with labels.
        compounds: what becomes of brackets.
        note: told, with its line, of what was mended.
        report: told of faults.

    Raises:
        DataError: segmented text has no labels, but those are asked for.
    """

    def __init__(
        self, form: LineForm, name: str, task: Task | None, compounds: Compounds, note: Note, report: Report
    ) -> None:
        self.form = form
        self.task = task if form.has_tags else task or Task.WORDS
        self._name = name
        self._compounds = compounds
        self._note = note
        self._report = report
        self._reached = 0  # in the document that the lines' texts make
        if not form.has_tags and self.task is not Task.WORDS:
            raise DataError("is segmented text, whose words have no tags; expected --task words", name, 1)

    def read(self, blocks: Iterable[Block]) -> Iterator[Sentence]:
        """Yield a sentence for each line that has words."""
        lines = (
            (text, number)
            for block in blocks
            for number, text in enumerate(block.text.split("\n"), block.line)
        )
        read = self._read_tagged if self.form.has_tags else self._read_words
        sentences = (found for text, number in lines if (found := read(text, number)) is not None)
        if self.task is None:
            first = list(islice(sentences, 1000))
            is_unspaced = has_unspaced_words(word for each in first for word in each.tokens)
            self.task = Task.JOINT if is_unspaced else Task.LABELS
            yield from map(self._finish, first)
        yield from map(self._finish, sentences)

    @property
    def scheme(self) -> Scheme:
        """The scheme of the tags, known when the first sentence is there."""
        return SCHEME if self.task and self.task.cuts_words else Scheme.BARE

    def _finish(self, sentence: Sentence) -> Sentence:
        assert self.task is not None
        return cut_into_characters(sentence, self.task) if self.task.cuts_words else sentence

    def _read_words(self, text: str, line: int) -> Sentence | None:
        words = tuple(text.split())
        return self._make(words, (), line) if words else None

    def _read_tagged(self, text: str, line: int) -> Sentence | None:
        items = text.split()
        if items and _IDENTIFIER.fullmatch(items[0]):
            self._note("a number of its own in front of the words, left out", line)
            del items[0]
        words: list[str] = []
        tags: list[str] = []
        opened: int | None = None  # the first word of a compound
        for item in items:
            if item[0] == "[" and opened is None and not self._is_single(item):
                opened, item = len(words), item[1:]
            closing = _CLOSED.fullmatch(item) if opened is not None else None
            word, tag = self._split(closing["word"] if closing else item)
            if not word or not tag:
                expected = f"expected a word and its tag, as in word{self.form.separator}TAG"
                self._report(f"found {item!r}, {expected}", line)
                return None
            words.append(word)
            tags.append(tag)
            if closing is not None and opened is not None:
                self._close(words, tags, opened, closing["tag"], line)
                opened = None
        if opened is not None:
            self._report(
                "found a bracket that is not closed on its line, expected ] behind the compound's last word",
                line,
            )
            return None
        return self._make(tuple(words), tuple(tags), line) if words else None

    def _split(self, item: str) -> tuple[str, str]:
        """Return a word and its tag, which may be the separator itself."""
        mark = self.form.separator
        if item.endswith(2 * mark) and len(item) > 2:
            return item[:-2], mark
        word, _, tag = item.rpartition(mark)
        return word, tag

    def _is_single(self, item: str) -> bool:
        """Say whether an item that begins with a bracket is the bracket itself, as a word."""
        return item[1:2] == self.form.separator

    def _close(self, words: list[str], tags: list[str], first: int, tag: str | None, line: int) -> None:
        """End a compound: its words stay, or become one with the tag behind the bracket."""
        if self._compounds == "open":
            self._note("brackets around compound words, opened", line)
            return
        self._note("brackets around compound words, each kept as one word", line)
        words[first:] = ["".join(words[first:])]
        tags[first:] = [tag or tags[-1]]

    def _make(self, words: tuple[str, ...], tags: tuple[str, ...], line: int) -> Sentence:
        excerpt = None if self.task is Task.LABELS else join_words(words, self._reached)
        self._reached += excerpt.end + 1 if excerpt else 0
        return Sentence(words, tags, line, lines=(line,) * len(words), excerpt=excerpt)
