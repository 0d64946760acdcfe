"""Column files: corpora in and out, and labelled sentences as rows of a token and its tag, or of a span (TSV)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tagger.text import conll
from tagger.text.conll import Corpus, CorpusStream
from tagger.text.formats.alignment import Report
from tagger.text.formats.corpus import CorpusSettings
from tagger.text.formats.sentence import LabelledSentence
from tagger.text.schemes import Scheme

_DOCUMENT_BOUNDARY = "-DOCSTART-\tO\n\n"
_BYTE_ORDER_MARK = "\ufeff"
_TSV_HEADER = "doc\tstart\tend\ttype\ttext\tconfidence\n"
# A field holds no tab and no line end: they are written as the escapes that most readers of TSV know.
_TSV_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def read_columns(path: str, settings: CorpusSettings, report: Report) -> Corpus:
    """Read a column file, CoNLL-U too; it has no span that could fail to fit."""
    return conll.read_corpus(
        path,
        columns=settings.columns,
        scheme=settings.scheme,
        encoding=settings.encoding,
        rename=settings.rename,
    )


def write_columns(corpus: Corpus | CorpusStream, separator: str) -> Iterator[str]:
    """Yield the rows of a corpus: token, features, tag; its documents and comments kept."""
    return conll.format_sentences(corpus.sentences, separator)


def write_conllu(corpus: Corpus | CorpusStream, column: str | None) -> Iterator[str]:
    """Yield a corpus as CoNLL-U, its tags in `column`: UPOS for bare labels, else `MISC:NER`, where None."""
    usual = "UPOS" if corpus.scheme is Scheme.BARE else "MISC:NER"
    return conll.format_conllu(corpus.sentences, column or usual)


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
        yield f"{boundary}{''.join(rows)}\n"


def write_tsv(sentences: Iterable[LabelledSentence]) -> Iterator[str]:
    """Yield a header, and the rows of each sentence: one for each span."""
    yield _TSV_HEADER
    for sentence in sentences:
        doc = sentence.doc.translate(_TSV_ESCAPES)
        for kind, start, end, text, confidence in sentence.spans:
            probability = "" if confidence is None else f"{confidence:.4f}"
            yield f"{doc}\t{start}\t{end}\t{kind}\t{text.translate(_TSV_ESCAPES)}\t{probability}\n"
