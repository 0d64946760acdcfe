"""Other tags put into a file, which stays as it is byte for byte everywhere else: in columns, CSV, lines of words.

Tags are written as the file writes its own (`b-per`, `(PER*`). A line of words is cut anew where its words change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from tagger.errors import DataError
from tagger.text import schemes
from tagger.text.conll.corpus import Corpus
from tagger.text.conll.layout import Layout
from tagger.text.conll.lineform import LineForm
from tagger.text.conll.reader import ColumnReader
from tagger.text.conll.sentence import Columns, Sentence
from tagger.text.conll.verbatim import split_rows
from tagger.text.conll.writer import replace_tag
from tagger.text.files import FilePath, read_exactly
from tagger.text.schemes import UNKNOWN_TAG, Scheme, Span, Task

_ITEM = re.compile(r"\S+")
_BRACKET = re.compile(r"\[+|\](?:[/_／]?[^\s\[\]]*)?")  # alone between blanks: of a phrase
_CONVERT = "convert the corpus first (`tagger convert`), and review what that wrote"


def retag(
    path: FilePath, corpus: Corpus, changed: Mapping[int, Sentence], columns: Columns, encoding: str
) -> bytes:
    """Return a file, unpacked, with the tags of some sentences replaced.

    Args:
        path: of a file that can be read twice.
        corpus: what was read of it.
        changed: sentences with other tags, by their numbers.
        columns, encoding: with which it was read.

    Raises:
        DataError: the file has these labels in a form in which they can't be replaced.
    """
    exact = read_exactly(path, encoding)
    reader = ColumnReader(path, columns, encoding)
    raw = list(reader)
    lines = split_rows(exact.text)
    if reader.form is not None:
        _retag_lines(lines, reader.form, corpus, changed)
    elif reader.layout is not None:
        if reader.scheme is not None:
            raise DataError(
                f"its rows hold words, which can't be cut otherwise where they stand; {_CONVERT}", corpus.path
            )
        put = _find_writer(reader.layout)
        for line, tag in _list_changes(raw, corpus, changed):
            lines[line - 1] = put(lines[line - 1], reader.layout, tag)
    return exact.encode("".join(lines))


def _list_changes(
    raw: Sequence[Sentence], corpus: Corpus, changed: Mapping[int, Sentence]
) -> Iterator[tuple[int, str]]:
    """Yield the lines whose tags become others, and these as the file writes them."""
    spell = _find_spelling(raw, corpus)
    for number, sentence in sorted(changed.items()):
        before, after = spell(corpus.sentences[number]), spell(sentence)
        for token, (old, new) in enumerate(zip(before, after, strict=True)):
            if old != new:
                yield raw[number].line_of(token), new


def _find_spelling(raw: Sequence[Sentence], corpus: Corpus) -> Callable[[Sentence], Sequence[str]]:
    """Return what writes the tags of a sentence as the file does."""
    used = {tag for sentence in raw for tag in sentence.tags}
    if corpus.scheme is not Scheme.BARE and schemes.are_brackets(used, is_known=True):
        return lambda sentence: _spell_brackets(sentence.tags, corpus.scheme)
    spelling: dict[str, str] = {}
    for written, read in zip(raw, corpus.sentences, strict=True):
        for old, tag in zip(written.tags, read.tags, strict=True):
            if spelling.get(tag) != tag:  # the usual way, where the file has several
                spelling[tag] = tag if old == tag else spelling.get(tag, old)
    if corpus.task is Task.WORDS and any(tag != old for tag, old in spelling.items()):
        raise DataError(
            "its words have types, which were left out; review it with --task joint, where both count",
            corpus.path,
        )
    return lambda sentence: [spelling.get(tag, tag) for tag in sentence.tags]


def _spell_brackets(tags: Sequence[str], scheme: Scheme) -> Sequence[str]:
    """Return tags as CoNLL-2005 has them.

    >>> _spell_brackets(["B-A", "I-A", "O", "B-B"], Scheme.IOB2)
    ['(A*', '*)', '*', '(B*)']
    """
    spelt = [UNKNOWN_TAG if tag == UNKNOWN_TAG else "*" for tag in tags]
    for type_, start, end in schemes.tags_to_spans(tags, scheme):
        spelt[start] = f"({type_}{spelt[start]}"
        spelt[end - 1] += ")"
    return spelt


def _find_writer(layout: Layout) -> Callable[[str, Layout, str], str]:
    return _replace_cell if layout.is_spreadsheet else replace_tag


def _replace_cell(row: str, layout: Layout, tag: str) -> str:
    """Return a row of CSV with another tag, quoted if it was or has to be."""
    assert layout.tag is not None
    mark = re.escape(layout.separator)
    bare = row.rstrip("\r\n")
    cell = rf"[^{mark}]*" if layout.separator == "\t" else rf'"(?:[^"]|"")*"|[^{mark}]*'
    found = re.match(rf"(?:(?:{cell}){mark}){{{layout.tag}}}({cell})", bare)
    if found is None:
        return row
    old = found[1]
    is_quoted = layout.separator != "\t" and (old[:1] == '"' or layout.separator in tag or '"' in tag)
    doubled = tag.replace('"', '""')
    new = f'"{doubled}"' if is_quoted else tag
    return bare[: found.start(1)] + new + bare[found.end(1) :] + row[len(bare) :]


class _Word(NamedTuple):
    """A word of a sentence of characters: its text as lines have it, and its tag, empty where it has none."""

    start: int
    end: int
    text: str
    tag: str


def _retag_lines(lines: list[str], form: LineForm, corpus: Corpus, changed: Mapping[int, Sentence]) -> None:
    """Cut lines anew where the words of their sentences change."""
    if form.has_tags and corpus.task is Task.WORDS:
        raise DataError(
            "its words have tags, which were left out; review it with --task joint, where both count",
            corpus.path,
        )
    for number, sentence in sorted(changed.items()):
        before = _list_words(corpus.sentences[number], corpus, form)
        after = _list_words(sentence, corpus, form)
        by_line: dict[int, list[_Word]] = {}
        for word in before:
            by_line.setdefault(sentence.line_of(word.start), []).append(word)
        for line, old in by_line.items():
            inside = range(old[0].start, old[-1].end)
            new = [word for word in after if word.start in inside]
            if new != old:
                lines[line - 1] = _retag_line(lines[line - 1], form, old, new, corpus.path, line)


def _list_words(sentence: Sentence, corpus: Corpus, form: LineForm) -> list[_Word]:
    """Return the words of a sentence; each token is one where words aren't cut."""
    joint = "_" if form.has_syllables and corpus.task.cuts_words else ""
    return [
        _Word(start, end, joint.join(sentence.tokens[start:end]), type_)
        for type_, start, end in _tile(sentence, corpus)
    ]


def _tile(sentence: Sentence, corpus: Corpus) -> Iterator[Span]:
    """Yield spans that every token is in; what isn't labelled stands alone."""
    if corpus.task.cuts_words:
        yield from schemes.tags_to_spans(sentence.tags, corpus.scheme)
        return
    for place, tag in enumerate(sentence.tags):
        yield Span(tag, place, place + 1)


def _retag_line(
    line: str, form: LineForm, old: Sequence[_Word], new: Sequence[_Word], path: str, number: int
) -> str:
    """Return a line in which words are others, from the first that changes to the last."""
    items = [match for match in _ITEM.finditer(line) if not _BRACKET.fullmatch(match[0])]
    del items[: len(items) - len(old)]  # a number of its own in front of the words
    head = _count_same(old, new)
    tail = min(_count_same(old[::-1], new[::-1]), len(old) - head, len(new) - head)
    stretch = slice(head, len(old) - tail)
    if [_spell_word(word, form) for word in old[stretch]] != [item[0] for item in items[stretch]]:
        raise DataError(
            f"found more than words and tags where {''.join(word.text for word in old[stretch])!r} should be "
            f"labelled otherwise; {_CONVERT}",
            path,
            number,
        )
    start, end = items[head].start(), items[len(old) - tail - 1].end()
    gap = next((line[a.end() : b.start()] for a, b in pairwise(items)), " ")
    written = gap.join(_spell_word(word, form) for word in new[head : len(new) - tail])
    return line[:start] + written + line[end:]


def _count_same(left: Sequence[_Word], right: Sequence[_Word]) -> int:
    """Count the words at the beginning that are the same."""
    return next(
        (place for place, (a, b) in enumerate(zip(left, right, strict=False)) if a != b),
        min(len(left), len(right)),
    )


def _spell_word(word: _Word, form: LineForm) -> str:
    return f"{word.text}{form.separator}{word.tag}{form.closing}" if form.has_tags else word.text
