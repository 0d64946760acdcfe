"""Sentences to column files: one token a row, a blank line after each sentence.

What would not come back as it is (a separator inside a token, an empty token) is refused here. `rewrite_tags`
puts new tags into an existing file and leaves everything else as it stands.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TextIO

from tagger.errors import DataError
from tagger.text.conll.evidence import DOCSTART, DOCUMENT_COMMENTS, is_remark
from tagger.text.conll.layout import Layout, split_row
from tagger.text.conll.reader import NEW_DOCUMENT
from tagger.text.conll.sentence import (
    CONLLU_COLUMNS,
    TAG_COLUMNS,
    UNSPECIFIED,
    Excerpt,
    Sentence,
    SourceText,
)
from tagger.text.conll.source import BLANKS
from tagger.text.conll.surface import find_in_order, find_text, is_place, spell_comments, spell_gaps
from tagger.text.conll.verbatim import read_rows
from tagger.text.files import FilePath
from tagger.text.schemes import OUTSIDE, UNKNOWN_TAG

_FIELDS = {" ": re.compile("[^ ]+"), "\t": re.compile("(?<![^\t])[^\t]*")}
_XPOS, _MISC = CONLLU_COLUMNS.index("XPOS"), CONLLU_COLUMNS.index("MISC")
_BOM = "\ufeff"
_NOTHING = "-X-"  # what the CoNLL-2003 files put into the other columns of a document boundary


def format_sentence(sentence: Sentence, separator: str = "\t") -> str:
    """Return the rows of a sentence: token, features, tag; comments above, a blank line below.

    >>> format_sentence(Sentence(("a", "b"), ("O", "O")), " ")
    'a O\\nb O\\n\\n'
    """
    columns = [sentence.tokens, *sentence.features, *([sentence.tags] if sentence.tags else [])]
    _refuse_unwritable(sentence, columns, separator)
    rows = map(separator.join, zip(*columns, strict=True))
    comments = (_spell_comment(comment, separator) for comment in sentence.comments)
    kept = (comment for comment in comments if len(split_row(comment, separator)) != len(columns))
    return "\n".join([*kept, *rows, "", ""])


def _spell_comment(comment: str, separator: str) -> str:
    """Write a comment so that it is none of the rows: `# ` in front, no tab inside."""
    spelt = comment if comment.startswith(("# ", *DOCUMENT_COMMENTS)) else "# " + comment.lstrip("# \t")
    return spelt.replace("\t", " ") if separator == "\t" else spelt


def _refuse_unwritable(sentence: Sentence, columns: Sequence[Sequence[str]], separator: str) -> None:
    fields = [field for column in columns for field in column]
    whole = "\n".join(fields)
    last = "\n".join(columns[-1]) + "\n"
    if whole.count("\n") != len(fields) - 1 or "\r" in whole:
        fault = "a line end"
    elif "\t" in whole or (" " in whole and (separator == " " or len(columns) == 1)) or " \n" in last:
        fault = "a blank"
    elif not all(field.strip(" \ufeff" if len(columns) == 1 else " ") for field in fields):
        fault = "no character"
    elif DOCSTART in whole:
        fault = DOCSTART
    elif whole.startswith("#") and is_remark([column[0] for column in columns]):
        fault = "'#' in front of what isn't a tag"
    else:
        return
    begin = " ".join(sentence.tokens[:5])
    raise DataError(f"found {fault} in a field of the sentence {begin!r}, which a column file cannot hold")


def format_sentences(sentences: Iterable[Sentence], separator: str = "\t") -> Iterator[str]:
    """Yield what `format_sentence` writes, and a `-DOCSTART-` row before each document but the first.

    The row stands for a comment `# newdoc`.
    """
    document = 0
    for i, sentence in enumerate(sentences):
        comments = tuple(comment for comment in sentence.comments if not NEW_DOCUMENT.match(comment))
        rows = format_sentence(replace(sentence, comments=comments), separator)
        boundary = [DOCSTART, *(_NOTHING for _ in sentence.features), *([OUTSIDE] if sentence.tags else [])]
        yield (separator.join(boundary) + "\n\n") * (sentence.document - document)
        document = sentence.document
        yield _BOM + rows if i == 0 and rows.startswith(_BOM) else rows  # reading drops one at the start


def write_sentences(sentences: Iterable[Sentence], stream: TextIO, separator: str = "\t") -> None:
    """Write sentences to a text stream."""
    stream.writelines(format_sentences(sentences, separator))


def format_conllu(sentences: Iterable[Sentence], column: str = "UPOS") -> Iterator[str]:
    """Yield sentences as CoNLL-U with their tags in a column, or under a key as in `MISC:NER`.

    `# text` and the white space between tokens are those of the text that a sentence was cut from, else the `# text`
    it came with, else its tokens joined by blanks. Comments are kept, and the first feature column is written as
    XPOS. `?` is written as `_` in UPOS and XPOS, as is the absence of a key for `O`.
    """
    place, _, key = column.partition(":")
    index = CONLLU_COLUMNS.index(place.upper())
    document = 0
    for i, sentence in enumerate(sentences):
        excerpt = sentence.excerpt
        comments = ["# " + comment.lstrip("# ").replace("\n", " ") for comment in sentence.comments]
        boundaries = sum(NEW_DOCUMENT.match(comment) is not None for comment in comments)
        names = _name_document(sentence, is_first=i == 0 or document != sentence.document)
        missing = sentence.document - document - boundaries + (i == 0 and boundaries + len(names) > 0)
        comments[:0] = ["# newdoc"] * (missing - len(names)) + names * (missing > 0)
        document = sentence.document
        if excerpt is not None:
            comments = [comment for comment in comments if not is_place(comment)] + spell_comments(excerpt)
        else:
            excerpt = _find_excerpt(sentence)
            told = [] if find_text(comments) else [f"# text = {' '.join(sentence.tokens)}"]
            comments += told
        numbers = list(map(str, range(1, len(sentence) + 1)))
        _refuse_unwritable(sentence, [numbers, sentence.tokens, sentence.tags, *sentence.features], "\t")
        gaps = spell_gaps(excerpt) if excerpt else [UNSPECIFIED] * len(sentence)
        rows = []
        for number, (token, tag, gap) in enumerate(zip(sentence.tokens, sentence.tags, gaps, strict=True), 1):
            fields = [str(number), token, *[UNSPECIFIED] * 8]
            fields[_MISC] = gap
            if sentence.features:
                fields[_XPOS] = sentence.features[0][number - 1]
            fields[index] = spell_field(fields[index], key, tag, place.upper())
            rows.append("\t".join(fields))
        yield "\n".join([*comments, *rows, "", ""])


def _find_excerpt(sentence: Sentence) -> Excerpt | None:
    """Return where a sentence stands in the text that is given above it; None where there is none that fits."""
    told = find_text(sentence.comments)
    offsets = None if told is None else find_in_order(sentence.tokens, told)
    return Excerpt(SourceText(told), 0, len(told), offsets) if told is not None and offsets else None


def _name_document(sentence: Sentence, is_first: bool) -> list[str]:
    """Return the comment that begins a document with its name."""
    name = sentence.excerpt.source.name if sentence.excerpt else None
    return [f"# newdoc id = {' '.join(name.split())}"] if name and is_first else []


def spell_field(field: str, key: str, tag: str, column: str) -> str:
    """Return a field of CoNLL-U with the tag in it."""
    if not key:
        return UNSPECIFIED if tag == UNKNOWN_TAG and column in TAG_COLUMNS else tag
    if "|" in tag:
        raise DataError(f"found '|' in tag {tag!r}, which separates the keys of a CoNLL-U column")
    others = [pair for pair in field.split("|") if pair != UNSPECIFIED and pair.partition("=")[0] != key]
    return "|".join([*others, f"{key}={tag}"] if tag != OUTSIDE else others) or UNSPECIFIED


def rewrite_tags(
    path: FilePath, layout: Layout, sentences: Iterable[Sentence], encoding: str = "utf-8"
) -> Iterator[str]:
    """Yield the text of a file with the tags of its sentences replaced; all else stays.

    Args:
        layout: of the file, as reading it found.
        sentences: those of the file, in order, with other tags.
    """
    assert layout.tag is not None
    tags = ((sentence.line_of(i), tag) for sentence in sentences for i, tag in enumerate(sentence.tags))
    end = (sys.maxsize, "")
    line, tag = next(tags, end)
    for piece in read_rows(path, encoding):
        rows = list(piece.rows)
        while line < piece.line + len(rows):
            row = rows[line - piece.line]
            rows[line - piece.line] = replace_tag(row, layout, tag)
            line, tag = next(tags, end)
        yield "".join(rows)


def replace_tag(row: str, layout: Layout, tag: str) -> str:
    """Return a row of a file with another tag, and what stands behind its columns as it is."""
    columns = row.rstrip(BLANKS + "\r\n")
    return _replace_field(columns, layout, tag) + row[len(columns) :]


def _replace_field(row: str, layout: Layout, tag: str) -> str:
    """Return the row with the new tag; runs of spaces stay."""
    index, separator = layout.tag, layout.separator
    assert index is not None
    if layout.is_conllu:
        fields = row.split(separator)
        fields[index] = spell_field(fields[index], layout.keys[1], tag, layout.names[index])
        return separator.join(fields)
    if index == layout.width - 1 and not layout.is_ragged:
        head, _, old = row.rpartition(separator)
        return row if old == tag else f"{head}{separator}{tag}"
    return put_field(row, separator, index, tag)


def put_field(row: str, separator: str, index: int, value: str) -> str:
    """Return a row with another value in one column; runs of spaces stay.

    >>> put_field("Ada  NNP O", " ", 1, "NN")
    'Ada  NN O'
    """
    start, end = [match.span() for match in _FIELDS[separator].finditer(row)][index]
    return row[:start] + value + row[end:]
