"""A file gone through row by row, and written with what is surely meant.

It is read three times: to find its columns, to count its tags, to mend it. Memory is bounded by the longest sentence
and the changes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tagger.text import schemes
from tagger.text.conll.layout import Layout
from tagger.text.conll.sentence import DEFAULT_COLUMNS, Columns
from tagger.text.conll.verbatim import read_rows
from tagger.text.files import FilePath, display_name
from tagger.text.mending.changes import Change
from tagger.text.mending.characters import mend_tag, mend_word
from tagger.text.mending.columns import (
    Cut,
    cut_row,
    find_columns,
    is_of_token,
    looks_blank,
    put_field,
    put_tag,
    tag_in,
)
from tagger.text.mending.tags import Meaning, find_meanings
from tagger.text.output import check_output, open_output
from tagger.text.schemes import OUTSIDE, UNKNOWN_TAG, Scheme

_ENDS = "\r\n"
_TEXT = re.compile(r"#\s*text\s*=")  # of a sentence of CoNLL-U, whose words it repeats
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """A file and what was changed.

    Attributes:
        changes: in the order of their lines.
    """

    path: str
    output: str
    scheme: Scheme
    changes: tuple[Change, ...]

    @property
    def counts(self) -> Counter[str]:
        """How many changes there are of each kind."""
        return Counter(change.kind for change in self.changes)

    def as_dict(self) -> dict[str, object]:
        """Return the changes as JSON holds them."""
        return {
            "path": self.path,
            "output": self.output,
            "scheme": str(self.scheme),
            "changes": [change.as_dict() for change in self.changes],
        }


def mend_file(
    path: FilePath,
    output: FilePath,
    *,
    columns: Columns = DEFAULT_COLUMNS,
    scheme: Scheme | None = None,
    encoding: str = "utf-8",
) -> Mended:
    """Write a column file anew (UTF-8) with separators, tags and letters mended; all else stays as it is.

    Args:
        path: the file, which is read three times, so it can't be a pipe.
        output: where it goes, another file.
        columns: which column holds what.
        scheme: of its tags; None: found by looking.
        encoding: of the file.

    Raises:
        DataError: it isn't a column file, or can't be read or written.
    """
    check_output(output, [path])
    layout = find_columns(path, columns, encoding)
    tags, found = _count_tags(path, encoding, layout)
    scheme = scheme or found
    mending = _Mending(layout, find_meanings(tags, scheme), scheme)
    with open_output(output) as stream:
        for rows in _sentences(path, encoding, layout):
            stream.writelines(mending.mend(rows))
    return Mended(
        path=display_name(path),
        output=display_name(output),
        scheme=scheme,
        changes=tuple(sorted(mending.changes, key=lambda change: change.line)),
    )


@dataclass(slots=True)
class _MendedRow:
    """A row on its way: its line, what it holds, its end, and whether it is one of a token."""

    line: int
    cut: Cut
    end: str
    is_token: bool


def _sentences(path: FilePath, encoding: str, layout: Layout) -> Iterator[list[_MendedRow]]:
    """Yield the rows of a file up to the end of each sentence."""
    waiting: list[_MendedRow] = []
    for rows, begin in read_rows(path, encoding):
        for line, ended in enumerate(rows, begin):
            row = ended.rstrip(_ENDS)
            is_token = is_of_token(row, layout) and not looks_blank(row)
            waiting.append(_MendedRow(line, Cut(row, None), ended[len(row) :], is_token))
            if not is_token:
                yield waiting
                waiting = []
    if waiting:
        yield waiting


def _count_tags(path: FilePath, encoding: str, layout: Layout) -> tuple[Counter[str], Scheme]:
    """Return how often each tag occurs, and their scheme, look-alikes of `O` taken for it."""
    counts: Counter[str] = Counter()

    def go_through() -> Iterator[list[str]]:
        for rows in _sentences(path, encoding, layout):
            cuts = (cut_row(row.cut.row, layout) for row in rows if row.is_token)
            tags = [tag_in(cut.fields, layout) for cut in cuts if cut.fields is not None]
            counts.update(tags)
            yield tags

    bigrams = schemes.count_bigrams(go_through())
    likely = _likely_tags(counts)
    plain: Counter[tuple[str, str]] = Counter()
    for (before, tag), count in bigrams.items():
        plain[likely.get(before, before), likely.get(tag, tag)] += count
    found = schemes.detect_from_bigrams(plain)
    return counts, Scheme.IO if found.question else found.scheme


def _likely_tags(counts: Counter[str]) -> Mapping[str, str]:
    """Return tags in plain characters, `o` and `0` as `O` where that is what most tags are."""
    likely = {tag: mend_tag(tag) or tag for tag in counts}
    return {
        tag: OUTSIDE if plain in ("o", "0") and counts[OUTSIDE] > counts[tag] else plain
        for tag, plain in likely.items()
    }


class _Mending:
    """Sentences mended one after the other; the changes add up."""

    def __init__(self, layout: Layout, meanings: Mapping[str, Meaning], scheme: Scheme) -> None:
        self.changes: list[Change] = []
        self._layout, self._meanings, self._scheme = layout, meanings, scheme

    def mend(self, rows: list[_MendedRow]) -> Iterator[str]:
        """Yield the rows of a sentence as they are to be."""
        tags = []
        for row in rows:
            if row.is_token:
                tags.append(self._mend_row(row))
            else:
                self._mend_other(row)
        self._mend_sequence([row for row in rows if row.is_token], tags)
        for row in rows:
            yield row.cut.row + row.end

    def _note(self, row: _MendedRow, kind: str, before: str, after: str) -> None:
        self.changes.append(Change(row.line, kind, before, after))

    def _mend_other(self, row: _MendedRow) -> None:
        """Empty a row that looks blank, and mend the text of a sentence as its words are."""
        text = row.cut.row
        if looks_blank(text) and text.strip(" \t\ufeff"):
            self._note(row, "separator", text, "")
            row.cut = Cut("", None)
        elif self._layout.is_conllu and _TEXT.match(text):
            row.cut = Cut(_WORD.sub(lambda word: mend_word(word[0]), text), None)

    def _mend_row(self, row: _MendedRow) -> str:
        """Mend the separators, the word and the tag of a row, and return the tag; `?` where there is none."""
        layout, before = self._layout, row.cut.row
        row.cut = cut_row(before, layout)
        if row.cut.fields is None:
            return UNKNOWN_TAG
        if row.cut.row != before:
            self._note(row, "separator", before, row.cut.row)
        word = row.cut.fields[layout.token]
        if not layout.keys[0] and (mended := mend_word(word)) != word:
            self._note(row, "word", word, mended)
            row.cut = put_field(row.cut, layout.token, mended, layout)
        assert row.cut.fields is not None
        tag = tag_in(row.cut.fields, layout)
        meaning = self._meanings.get(tag)
        if meaning is None:
            return tag
        self._note(row, meaning.kinds[-1], tag, meaning.tag)
        row.cut = put_tag(row.cut, meaning.tag, layout)
        return meaning.tag

    def _mend_sequence(self, rows: list[_MendedRow], tags: list[str]) -> None:
        """Spell the spans of a sentence out where a tag doesn't follow from the tag before, as reading takes them."""
        scheme = self._scheme
        if not scheme.has_prefixes or not tags:
            return
        known = [tag if schemes.is_tag(tag, scheme) else UNKNOWN_TAG for tag in tags]
        if not list(schemes.violations(known, scheme)):
            return
        for row, old, new in zip(rows, known, schemes.convert(known, scheme, scheme), strict=True):
            if old not in (UNKNOWN_TAG, new):
                self._note(row, "sequence", old, new)
                row.cut = put_tag(row.cut, new, self._layout)
