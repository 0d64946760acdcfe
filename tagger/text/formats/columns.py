"""Column files: corpora in and out, and labelled sentences as rows of a token and its tag, or of a span (TSV).

`conllu` writes CoNLL-U.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Literal

from tagger.text import conll
from tagger.text.conll import Corpus, CorpusStream, Rereadable, Sentence
from tagger.text.conll.surface import attach_texts, join_sources
from tagger.text.counting import Note, Oddities
from tagger.text.files import FilePath, is_stdin
from tagger.text.formats.alignment import Report
from tagger.text.formats.corpus import CorpusSettings
from tagger.text.formats.sentence import LabelledSentence

LineFormat = Literal["segmented", "wordpos"]

_DOCUMENT_BOUNDARY = "-DOCSTART-\tO\n\n"
_BYTE_ORDER_MARK = "\ufeff"
_TSV_HEADER = "doc\tstart\tend\ttype\ttext\tconfidence\n"
# A field holds no tab and no line end: they are written as the escapes that most readers of TSV know.
TSV_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def read_columns(path: FilePath, settings: CorpusSettings, report: Report) -> Corpus:
    """Read a column file, CoNLL-U too; it has no span that could fail to fit."""
    corpus = conll.read_corpus(
        path,
        columns=settings.columns,
        scheme=settings.scheme,
        encoding=settings.encoding,
        rename=settings.rename,
    )
    layout = corpus.layout
    if is_stdin(path) or layout is None or not layout.is_conllu:
        return corpus  # the standard input is read but once
    oddities = Oddities()
    texts = attach_texts(
        corpus.sentences,
        path,
        layout,
        settings.encoding,
        oddities.note,
        are_cut=settings.columns.cuts_words,
    )
    sentences = tuple(join_sources(texts))
    return replace(corpus, sentences=sentences, warnings=(*corpus.warnings, *oddities.lines()))


def read_lines(form: LineFormat, path: FilePath, settings: CorpusSettings, report: Report) -> Corpus:
    """Read lines of words whatever they look like; `read_columns` tells them by looking."""
    return read_columns(path, replace(settings, columns=replace(settings.columns, lines=form)), report)


def stream_columns(path: FilePath, settings: CorpusSettings, note: Note) -> CorpusStream:
    """Return a column file as sentences that are read anew each time, those of CoNLL-U with their texts.

    Args:
        path: not the standard input.
        note: told, each time, of what is odd about the texts.
    """
    corpus = conll.stream_corpus(
        path,
        columns=settings.columns,
        scheme=settings.scheme,
        encoding=settings.encoding,
        rename=settings.rename,
    )
    layout = corpus.layout
    if layout is None or not layout.is_conllu:
        return corpus

    def attach() -> Iterator[Sentence]:
        are_cut = settings.columns.cuts_words
        return join_sources(
            attach_texts(corpus.sentences, path, layout, settings.encoding, note, are_cut=are_cut)
        )

    return replace(corpus, sentences=Rereadable(attach))


def write_columns(corpus: Corpus | CorpusStream, separator: str) -> Iterator[str]:
    """Yield the rows of a corpus: token, features, tag; its documents and comments kept."""
    return conll.format_sentences(corpus.sentences, separator)


def write_conll(sentences: Iterable[LabelledSentence]) -> Iterator[str]:
    """Yield the rows of each sentence, token and tag, and a blank line; a row marks where a new document begins."""
    doc: str | None = None
    for sentence in sentences:
        words = sentence.words()
        if (
            doc is None
        ):  # a reader drops one byte-order mark at the start of a file, so a token that is one needs two
            boundary = _BYTE_ORDER_MARK if words and words[0].startswith(_BYTE_ORDER_MARK) else ""
        else:
            boundary = _DOCUMENT_BOUNDARY if sentence.doc != doc else ""
        doc = sentence.doc
        rows = [f"{word}\t{tag}\n" for word, (_, _, tag) in zip(words, sentence.tokens, strict=True)]
        facts = "".join(f"{fact}\n" for fact in sentence.spell_facts())
        yield f"{boundary}{facts}{''.join(rows)}\n"


def write_tsv(sentences: Iterable[LabelledSentence]) -> Iterator[str]:
    """Yield a header, and the rows of each sentence: one for each span."""
    yield _TSV_HEADER
    for sentence in sentences:
        doc = sentence.doc.translate(TSV_ESCAPES)
        for kind, start, end, text, confidence in sentence.spans:
            probability = "" if confidence is None else f"{confidence:.4f}"
            yield f"{doc}\t{start}\t{end}\t{kind}\t{text.translate(TSV_ESCAPES)}\t{probability}\n"
