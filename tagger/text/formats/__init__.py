"""The formats of labelled text: one table, a row for each, which `tagger convert` and `tagger predict` both use.

A row says what is read and what is written. Two things are written: a corpus, and the sentences that a labeller
found, with their places in a text and their confidences. Where a format has nothing special to say of a corpus
(comments, feature columns), the corpus is laid out as such sentences, or as whole texts (`location`). Writers take
what they write as it comes and yield text as they go, so that output flows while input does.

To add a format, add a file with its reader or writer, and a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from tagger.errors import ConfigError
from tagger.text.conll import Corpus, CorpusStream, Rereadable
from tagger.text.counting import Note, overlook
from tagger.text.files import FilePath
from tagger.text.formats.alignment import Report
from tagger.text.formats.brat import read_brat, write_brat, write_pairs
from tagger.text.formats.brat_folder import write_settings
from tagger.text.formats.columns import read_columns, read_lines, write_columns, write_conll, write_tsv
from tagger.text.formats.concordance import write_csv
from tagger.text.formats.conllu import usual_column, write_conllu, write_words
from tagger.text.formats.corpus import CorpusSettings, Misaligned, Unlabelled
from tagger.text.formats.html import write_html
from tagger.text.formats.inline import write_inline
from tagger.text.formats.joining import join_texts
from tagger.text.formats.jsonl import write_jsonl
from tagger.text.formats.lines import write_segmented, write_wordpos
from tagger.text.formats.location import locate_sentences, locate_texts, note_comments, part_words
from tagger.text.formats.parquet import save_parquet
from tagger.text.formats.records import read_records
from tagger.text.formats.sentence import (
    LabelledAlternative,
    LabelledRival,
    LabelledSentence,
    LabelledSpan,
    Sentences,
)
from tagger.text.formats.tasks import write_doccano, write_labelstudio, write_prodigy, write_tags
from tagger.text.formats.terminal import write_terminal
from tagger.text.formats.workbook import save_workbook

__all__ = [
    "FORMATS",
    "CorpusSettings",
    "Format",
    "LabelledAlternative",
    "LabelledRival",
    "LabelledSentence",
    "LabelledSpan",
    "Misaligned",
    "OutputSettings",
    "Sentences",
    "Unlabelled",
    "Writer",
    "find_format",
    "find_other",
    "guess_format",
    "list_formats",
    "read_corpus",
    "usual_column",
    "write_terminal",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSettings:
    """How a corpus is written.

    Args:
        name: of its first document.
        column: of the tag in CoNLL-U; the `usual_column` where None.
        separator: of the columns of a column file, or of words and their tags; where None, the usual one.
        note: told of what the format has no place for.
    """

    name: str
    column: str | None = None
    separator: str | None = None
    note: Note = overlook


Reader = Callable[[FilePath, CorpusSettings, Report], Corpus]
Writer = Callable[[Iterable[LabelledSentence]], Iterator[str]]
FoundWriter = Callable[[Iterable[LabelledSentence], str], Iterator[str]]
CorpusWriter = Callable[[Corpus | CorpusStream, OutputSettings], Iterator[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """What is read and written of a format; None: nothing.

    Attributes:
        about: what it is, for a person.
        suffixes: of its files; the first is that of files that are written.
        read: reads a corpus.
        write: writes what a labeller found.
        write_found: writes it with the model's version, for tools that tell a model's labels from people's.
        write_corpus: writes a corpus, where `write` would lose something that the format can hold.
        save: writes what a labeller found where that is bytes, not text.
        write_files: writes a corpus that one stream can't hold.
        write_settings: writes what a folder needs beside the files of its documents, given the types that they may
            have, and returns the files that were there with another content and stay.
        has_columns: whether it is a column file, which can be read as a stream.
        has_lines: whether it holds lines of words, which readers of column files tell by looking.
        takes_texts: whether a corpus is written by whole texts, not by sentences; so is what `write_found` writes.
        keeps_comments: whether the comments of a corpus are written.
        is_per_document: whether each document needs a file of its own, with its text beside it.
        is_separable: whether a sentence is written without regard to the others, so that several processes can write.
        keeps_space: whether the white space between sentences is written, which comes as sentences without text.
    """

    about: str
    suffixes: tuple[str, ...]
    read: Reader | None = None
    write: Writer | None = None
    write_found: FoundWriter | None = None
    write_corpus: CorpusWriter | None = None
    save: Callable[[Iterable[LabelledSentence], BinaryIO], None] | None = None
    write_files: Callable[[Corpus, Path, Note], None] | None = None
    write_settings: Callable[[Path, Iterable[str]], list[Path]] | None = None
    has_columns: bool = False
    has_lines: bool = False
    takes_texts: bool = False
    keeps_comments: bool = False
    is_per_document: bool = False
    is_separable: bool = False
    keeps_space: bool = False

    @property
    def suffix(self) -> str:
        """Return the suffix of files that are written."""
        return self.suffixes[0]

    def format_sentences(self, sentences: Iterable[LabelledSentence]) -> Iterator[str]:
        """Yield what a labeller found as text; the format is one that `find_format` returns."""
        assert self.write is not None
        return self.write(sentences)

    def of_version(self, version: str, *, by_line: bool = False) -> Format:
        """Return the format as it holds what a model of that version found; it has `write_found`.

        Args:
            version: of the model.
            by_line: each sentence is a text of its own, since the input said that every line is.
        """
        write = self.write_found
        assert write is not None
        if not self.takes_texts:
            return replace(self, write=lambda sentences: write(sentences, version))
        return replace(self, write=partial(_write_texts, write, version, by_line))

    def format_corpus(self, corpus: Corpus | CorpusStream, output: OutputSettings) -> Iterator[str]:
        """Yield a corpus as text; the format is one whose corpora need no files of their own (`write_files`)."""
        if self.write_corpus is not None:
            return self.write_corpus(corpus, output)
        assert self.write is not None
        return self.write(self._locate(corpus, output))

    def save_corpus(self, corpus: Corpus | CorpusStream, output: OutputSettings, stream: BinaryIO) -> None:
        """Write a corpus where a format is bytes (`save`)."""
        assert self.save is not None
        self.save(self._locate(corpus, output), stream)

    def _locate(self, corpus: Corpus | CorpusStream, output: OutputSettings) -> Iterator[LabelledSentence]:
        """Yield the sentences of a corpus, or its texts, at their places."""
        located = (corpus.sentences, corpus.scheme, output.name, output.note, corpus.task)
        texts = (text for _, text in locate_texts(*located))
        for sentence in texts if self.takes_texts else locate_sentences(*located):
            if not self.keeps_comments:
                note_comments(sentence.comments, output.note)
            yield sentence


def _write_texts(
    write: FoundWriter, version: str, by_line: bool, sentences: Iterable[LabelledSentence]
) -> Iterator[str]:
    return write(join_texts(sentences, by_line=by_line), version)


def _locate_words(corpus: Corpus | CorpusStream, output: OutputSettings) -> Iterator[LabelledSentence]:
    """Yield the sentences of a corpus for a format of words, which holds no comments."""
    sentences = Rereadable(lambda: map(part_words, corpus.sentences))
    located = locate_sentences(sentences, corpus.scheme, output.name, output.note, corpus.task)
    for sentence in located:
        note_comments(sentence.comments, output.note)
        yield sentence


FORMATS: dict[str, Format] = {
    "conll": Format(
        about="columns, one token a row",
        suffixes=(".conll",),
        read=read_columns,
        write=write_conll,
        write_corpus=lambda corpus, output: write_columns(corpus, output.separator or "\t"),
        has_columns=True,
        keeps_comments=True,
    ),
    "conllu": Format(
        about="CoNLL-U",
        suffixes=(".conllu",),
        read=read_columns,
        write=write_words,
        write_corpus=lambda corpus, output: write_conllu(corpus, output.name, output.column, output.note),
        has_columns=True,
        keeps_comments=True,
        keeps_space=True,
    ),
    "segmented": Format(
        about="segmented text: words with white space between them, lines as in the text",
        suffixes=(".seg",),
        read=lambda *given: read_lines("segmented", *given),
        write=write_segmented,
        write_corpus=lambda corpus, output: write_segmented(_locate_words(corpus, output), output.note),
        has_lines=True,
        keeps_space=True,
    ),
    "wordpos": Format(
        about="words with their tags, as in word/TAG, lines as in the text",
        suffixes=(".pos",),
        read=lambda *given: read_lines("wordpos", *given),
        write=write_wordpos,
        write_corpus=lambda corpus, output: write_wordpos(
            _locate_words(corpus, output), output.note, output.separator or "/"
        ),
        has_lines=True,
        keeps_space=True,
    ),
    "jsonl": Format(
        about="JSON lines, an object a sentence as `tagger predict` writes it: text, tokens, spans, offsets",
        suffixes=(".jsonl", ".ndjson", ".json"),
        read=read_records,
        write=write_jsonl,
        keeps_comments=True,
        is_separable=True,
    ),
    "tags": Format(
        about="JSON lines, an object a sentence: tokens and tags, without a text",
        suffixes=(".jsonl",),
        read=read_records,
        write_corpus=lambda corpus, output: write_tags(corpus.sentences, output.name),
        keeps_comments=True,
    ),
    "doccano": Format(
        about="JSON lines of doccano, an object a text: the text and its labels",
        suffixes=(".jsonl",),
        read=read_records,
        write=write_doccano,
        write_found=write_doccano,
        takes_texts=True,
        keeps_space=True,
    ),
    "labelstudio": Format(
        about="tasks of Label Studio, one array",
        suffixes=(".json",),
        read=read_records,
        write=write_labelstudio,
        write_found=write_labelstudio,
        takes_texts=True,
        keeps_space=True,
    ),
    "prodigy": Format(
        about="JSON lines of Prodigy, a task a text: the text, its tokens and spans",
        suffixes=(".jsonl",),
        read=read_records,
        write=write_prodigy,
        write_found=write_prodigy,
        takes_texts=True,
        keeps_space=True,
    ),
    "brat": Format(
        about="brat stand-off: pairs of .txt and .ann, one for each document",
        suffixes=(".ann",),
        read=read_brat,
        write=write_brat,
        write_found=write_brat,
        write_files=write_pairs,
        write_settings=write_settings,
        is_per_document=True,
        keeps_space=True,
    ),
    "tsv": Format(
        about="one span a row: document, start, end, type, text, confidence",
        suffixes=(".tsv",),
        write=write_tsv,
    ),
    "inline": Format(
        about="one sentence a line, with <PER>...</PER> around spans",
        suffixes=(".txt",),
        write=write_inline,
        is_separable=True,
    ),
    "csv": Format(
        about="one span a row with its context, for spreadsheets",
        suffixes=(".csv",),
        write=write_csv,
    ),
    "xlsx": Format(
        about="the same as a workbook",
        suffixes=(".xlsx",),
        save=save_workbook,
    ),
    "parquet": Format(
        about="a table of JSON lines' keys, a sentence a row, for Arrow, Spark and data frames",
        suffixes=(".parquet",),
        save=save_parquet,
    ),
    "html": Format(about="one page with highlighted spans", suffixes=(".html",), write=write_html),
}


def find_format(name: str) -> Format:
    """Return the format of that name, one that what a labeller found can be written in.

    Raises:
        ConfigError: there is none.
    """
    writable = [each for each, row in FORMATS.items() if row.write or row.save]
    if name not in writable:
        raise ConfigError(f"found {name!r}, expected one of {', '.join(writable)}", "format")
    return FORMATS[name]


def list_formats(*, of_input: bool) -> list[str]:
    """Return the names of the formats in which a corpus can be read, or else be written."""
    return [name for name, row in FORMATS.items() if row.read or not of_input]


_COLUMN_SUFFIXES = {
    ".csv",
    ".tsv",
    ".txt",
}  # people call files of columns so; formats with these suffixes must be named


def guess_format(path: str, *, to_write: bool = False) -> str:
    """Return the format of a corpus that a name suggests; a directory, or a text beside its annotations, is brat.

    >>> guess_format("news.conllu.gz"), guess_format("news.txt"), guess_format("news.html", to_write=True)
    ('conllu', 'conll', 'html')
    """
    plain = Path(path.removesuffix(".gz"))
    if plain.is_dir() or (plain.suffix == ".txt" and plain.with_suffix(".ann").exists()):
        return "brat"
    suffix = plain.suffix.lower()
    known = {
        name: row.suffixes
        for name, row in FORMATS.items()
        if (row.read and not row.has_lines) or (to_write and not _COLUMN_SUFFIXES.intersection(row.suffixes))
    }
    return next((name for name, suffixes in known.items() if suffix in suffixes), "conll")


def find_other(path: Path, name: str) -> str | None:
    """Return the format that the name of a file promises, where it is to hold another one; any text is a `.txt`.

    >>> find_other(Path("found.csv"), "jsonl"), find_other(Path("found.json"), "jsonl")
    ('csv', None)
    """
    suffix = path.suffix.lower()
    if suffix == ".txt" or suffix in FORMATS[name].suffixes:
        return None
    return next((other for other, row in FORMATS.items() if suffix in row.suffixes), None)


def read_corpus(path: FilePath, form: str, settings: CorpusSettings, report: Report) -> Corpus:
    """Read a corpus in one of the formats that can be read; texts with spans get tags in IOB2.

    Args:
        path: the file, `-` for the standard input; for brat, perhaps a directory.
        form: the name of a format; the shapes of JSON are told apart by their keys.
        settings: how it is read.
        report: called for each span that does not meet token boundaries, before the error they amount to.

    Raises:
        DataError: with file and line.
    """
    read = FORMATS[form].read
    assert read is not None
    return read(path, settings, report)
