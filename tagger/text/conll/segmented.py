"""Lines of words: segmented text (`我们  爱  北京`), and words with their tags (`我们/PN 爱/VV`, `The_DT dog_NN`).

A sentence is a line, or what blank lines part where its phrases are lines (`[ the/DT board/NN ]`). Any white space
stands between words: one blank or several, tabs, no-break and full-width ones, and the blank of no width that Khmer
and Thai have. In Vietnamese it stands between syllables, and `_` between those of a word. A tag stands behind the
last separator of its word, so that words may hold separators, or in brackets (`我們(Nh)　愛(VC)`). Brackets around
several words are the business of `compounds`.

What the public corpora have besides is left out with a note: the numbers of lines of the People's Daily
(`19980101-01-001-001/m`) and its pronunciations (`只{zhi3}/d`), those of KyTea (`私/代名詞/わたし`), the markup of
the Chinese Treebank (`<S ID=1>`), the rules between texts of the Penn Treebank (`======`). A blank line begins a new
document, unless it stands behind every sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from tagger.text.conll.compounds import FaultyWordError, Opened
from tagger.text.conll.lineform import MARKUP, LineForm, is_mostly_unspaced
from tagger.text.conll.sentence import Compounds, Sentence
from tagger.text.conll.source import Block
from tagger.text.conll.words import (
    LABEL_LEFT_OUT,
    SCHEME,
    UntypedWordsError,
    cut_into_characters,
    cut_into_syllables,
    join_words,
)
from tagger.text.schemes import Scheme, Task

Note = Callable[[str, int], None]
Report = Callable[[str, int], None]

_SAMPLE = 1000  # sentences that tell whether their script has blanks between words
_IDENTIFIER = re.compile(
    r"(?P<document>\d{8}-\d{2}-\d{3})-\d{3}(?:/m)?"
)  # People's Daily: the last is a paragraph
_PRONUNCIATION = re.compile(r"(?<=.)\{[a-zü:]+[0-5]?\}$")
_RULE = re.compile("={4,}")
_DOCUMENT = re.compile(r"\s*<DOC\b", re.IGNORECASE)


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
        self._compounds = compounds
        self._note = note
        self._report = report
        self._document = _Documents(form)
        self._reached = 0, 0  # the document, and how long the texts of its lines are so far
        if not form.has_tags and self.task is not Task.WORDS:
            raise UntypedWordsError(
                f"found segmented text, whose words have no tags, expected word/TAG for --task {self.task}; "
                "--task words reads the words alone, for a model that cuts text into words",
                name,
                1,
            )

    def read(self, blocks: Iterable[Block]) -> Iterator[Sentence]:
        """Yield a sentence for each line that has words."""
        lines = (
            (text, number)
            for block in blocks
            if block.text
            for number, text in enumerate(block.text.removesuffix("\n").split("\n"), block.line)
        )
        read = ((text, self._read_line(text, number)) for text, number in lines)
        sentences = _join_lines(read) if self.form.has_phrases else (found for _, found in read if found)
        if self.task is None:
            first = list(islice(sentences, _SAMPLE))
            words = [word for each in first for word in each.tokens]
            self.task = Task.JOINT if is_mostly_unspaced(words) else Task.LABELS
            yield from map(self._finish, first)
        yield from map(self._finish, sentences)

    @property
    def scheme(self) -> Scheme:
        """The scheme of the tags, known when the first sentence is there."""
        return SCHEME if self.task and self.task.cuts_words else Scheme.BARE

    def _finish(self, sentence: Sentence) -> Sentence:
        assert self.task is not None
        if not self.task.cuts_words:
            return sentence
        if self.form.has_syllables:
            return cut_into_syllables(sentence, self.task)
        if sentence.document != self._reached[0]:
            self._reached = sentence.document, 0
        document, start = self._reached
        excerpt = join_words(sentence.tokens, start)
        self._reached = document, start + excerpt.end + 1
        return cut_into_characters(replace(sentence, excerpt=excerpt), self.task)

    def _read_line(self, text: str, line: int) -> Sentence | None:
        if MARKUP.fullmatch(text) or _RULE.fullmatch(text.strip()):
            self._note("markup and no words, left out", line)
            if _DOCUMENT.match(text):
                self._document.begin()
            return None
        items = self.form.cut(text)
        if items and (identifier := _IDENTIFIER.fullmatch(items[0])):
            self._note("a number of its own in front of the words, left out", line)
            self._document.name(identifier["document"])
            del items[0]
        if not items:
            self._document.note_blank()
            return None
        words, tags = self._read_tagged(items, line) if self.form.has_tags else (items, [])
        if not words:
            return None
        if tags and self.task is Task.WORDS:
            self._note(LABEL_LEFT_OUT, line)
        number = self._document.take()
        return Sentence(tuple(words), tuple(tags), line, number, lines=(line,) * len(words))

    def _read_tagged(self, items: Sequence[str], line: int) -> tuple[list[str], list[str]]:
        """Return words and their tags; nothing where one is at fault."""
        words: list[str] = []
        tags: list[str] = []
        opened = Opened(self.form, self._compounds)
        is_faulty = False
        for item in items:
            try:
                core, closing = opened.strip(item, len(words))
                if core:
                    word, tag = self._split(core)
                    words.append(self._strip_pronunciation(word, line))
                    tags.append(tag)
                opened.close(closing, words, tags)
            except FaultyWordError as fault:
                self._report(str(fault), line)
                is_faulty = True
        for fact in opened.facts:
            self._note(fact, line)
        if self.form.has_readings:
            self._note("pronunciations behind tags, left out", line)
        if opened.depth:
            self._report(
                "found a bracket [ that is not closed on its line, expected ] behind the last of its words; "
                "close it, or leave it out",
                line,
            )
            is_faulty = True
        return ([], []) if is_faulty else (words, tags)

    def _split(self, item: str) -> tuple[str, str]:
        """Return a word and its tag, which may be the separator itself."""
        form = self.form
        word, tag = form.split(item)
        if "]" in tag and tag != "]" and not form.closing:
            raise FaultyWordError(
                f"found {item!r}, whose ] closes no bracket, expected [ in front of the first of its words; "
                "open it, or leave it out"
            )
        if not tag or (form.closing and not word):
            raise FaultyWordError(
                f"found {word or item!r} without a tag, expected {form.example}; write its tag behind it"
            )
        if not word:
            raise FaultyWordError(
                f"found the tag {tag!r} without a word, expected {form.example}; write both without a blank between"
            )
        return word, tag

    def _strip_pronunciation(self, word: str, line: int) -> str:
        if word.endswith("}") and (bare := _PRONUNCIATION.sub("", word)) != word:
            self._note("a pronunciation in braces behind a word, left out", line)
            return bare
        if self.form.separator == "/" and "\\/" in word:
            self._note(r"\/ in a word, read as /", line)
            return word.replace("\\/", "/")
        return word


def _join_lines(read: Iterable[tuple[str, Sentence | None]]) -> Iterator[Sentence]:
    """Yield the sentences that blank lines and rules end, given each line and what was read on it."""
    run: list[Sentence] = []
    for text, found in chain(read, [("", None)]):
        if found:
            run.append(found)
        elif run and (not text.strip() or _RULE.fullmatch(text.strip())):
            yield replace(
                run[0],
                tokens=tuple(chain.from_iterable(each.tokens for each in run)),
                tags=tuple(chain.from_iterable(each.tags for each in run)),
                lines=tuple(chain.from_iterable(each.lines for each in run)),
            )
            run = []


@dataclass(slots=True)
class _Documents:
    """Counts documents: blank lines, markup or the numbers of lines tell where one begins."""

    form: LineForm
    number: int = 0
    last: str = ""
    begins: bool = False
    is_begun: bool = False

    def begin(self) -> None:
        self.begins = True

    def note_blank(self) -> None:
        self.begins = self.begins or self.form.has_blank_lines_between_documents

    def name(self, name: str) -> None:
        """Take up the name of the document that a line is of; blank lines then say nothing."""
        self.begins = bool(self.last) and name != self.last
        self.last = name

    def take(self) -> int:
        """Return the number of the document that a sentence is of."""
        self.number += self.begins and self.is_begun
        self.begins, self.is_begun = False, True
        return self.number
