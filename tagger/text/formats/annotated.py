"""Corpora to learn from and to score on, as column files or as annotation tools export them: one way to read both.

What a file is, its name says: JSON (`.json`, `.jsonl`, `.ndjson`), brat (a folder, an `.ann`), else columns. Texts
are cut into tokens as `tagger convert` cuts them, into characters where the script has no blanks. `convert` has
options for spans that fit no tokens; here they are settled, and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tagger.errors import DataError
from tagger.text import conll
from tagger.text.conll import DEFAULT_COLUMNS, Columns, Corpus, Sentence, fit_corpus
from tagger.text.counting import Oddities
from tagger.text.files import FilePath
from tagger.text.formats import CorpusSettings, Misaligned, guess_format
from tagger.text.formats import read_corpus as read_in_format
from tagger.text.schemes import Scheme, convert
from tagger.text.tokenizer import Mode, has_unspaced_words

_ADVICE = "these are options of `tagger convert FILE corpus.conll`, whose result is read here"


def is_annotated(path: FilePath) -> bool:
    """Say whether a corpus is one that an annotation tool exported, by its name."""
    return guess_format(str(path)) in ("jsonl", "brat")


def read_labelled(
    path: FilePath,
    *,
    columns: Columns = DEFAULT_COLUMNS,
    scheme: Scheme | None = None,
    encoding: str = "utf-8",
    likely: Scheme | None = None,
    beside: Sequence[Sentence] = (),
) -> Corpus:
    """Read a corpus of columns, or of an annotation tool; arguments and faults are those of `conll.read_corpus`."""
    if not is_annotated(path):
        return conll.read_corpus(
            path, columns=columns, scheme=scheme, encoding=encoding, likely=likely, beside=beside
        )
    return read_annotated(path, columns=columns, scheme=scheme, encoding=encoding)


def read_annotated(
    path: FilePath,
    *,
    columns: Columns = DEFAULT_COLUMNS,
    scheme: Scheme | None = None,
    encoding: str = "utf-8",
) -> Corpus:
    """Read what an annotation tool exported.

    Args:
        path: the file, or the folder.
        columns: for the task, and the names of tags that are numbers.
        scheme: of the tags that come out; None: that of the file, IOB2 for spans.
        encoding: of the file.

    Raises:
        DataError: with file and line.
    """
    asked = CorpusSettings(columns=columns, encoding=encoding, misaligned=Misaligned.SPLIT)
    corpus = _read(path, asked)
    if has_unspaced_words(token for sentence in corpus.sentences for token in sentence.tokens):
        corpus = _read(path, replace(asked, mode=Mode.CHARACTERS))
    if scheme is not None and scheme is not corpus.scheme and Scheme.BARE not in (scheme, corpus.scheme):
        sentences = tuple(
            replace(each, tags=tuple(convert(each.tags, corpus.scheme, scheme))) for each in corpus.sentences
        )
        corpus = replace(corpus, sentences=sentences, scheme=scheme)
    return fit_corpus(corpus, columns.task) if columns.task is not None else corpus


def part_texts(corpus: Corpus) -> Corpus:
    """Return a corpus in which each text is a document of its own, unless its file says which one it is of.

    So `tagger predict` takes texts too: what stands in one says nothing about the next.
    """
    sentences: list[Sentence] = []
    number, last = 0, None
    for sentence in corpus.sentences:
        source = sentence.excerpt.source if sentence.excerpt else None
        key = sentence.document, source if source is not None and source.name is None else None
        number += last is not None and key != last
        last = key
        sentences.append(replace(sentence, document=number))
    return replace(corpus, sentences=tuple(sentences))


def _read(path: FilePath, asked: CorpusSettings) -> Corpus:
    misfits = Oddities()

    def note(fault: DataError) -> None:
        place = str(fault.path) if fault.line is None else f"{fault.path}:{fault.line}"
        misfits.note("span", "over another, left out, or within a token, which is split", place)

    form = guess_format(str(path))
    try:
        corpus = read_in_format(path, form, asked, note)
    except DataError as fault:
        if " --" not in fault.message:
            raise
        raise DataError(f"{fault.message}; {_ADVICE}", fault.path, fault.line) from None
    return part_texts(replace(corpus, warnings=(*corpus.warnings, *misfits.lines())))
