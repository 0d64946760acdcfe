"""Whole corpora read and written by the name of a format: column files, JSON, brat."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from tagger.errors import DataError
from tagger.text import conll
from tagger.text.conll import DEFAULT_COLUMNS, Columns, Corpus, CorpusStream, Sentence
from tagger.text.conll.source import read_whole_lines
from tagger.text.files import display_name, write_text
from tagger.text.formats.alignment import Cutting, Report, align
from tagger.text.formats.brat import find_pairs, format_pair, group_documents, read_pair
from tagger.text.formats.records import Place, format_records, locate, parse_json, read_record
from tagger.text.schemes import Scheme
from tagger.text.tokenizer import Mode, detect_mode

LONGEST_JSON_LINE = 1 << 30  # characters: Label Studio exports a project as one line

FORMATS: dict[str, str] = {
    "conll": "columns, one token a row",
    "conllu": "CoNLL-U",
    "jsonl": "one sentence a line, its tokens and tags",
    "spans": "one sentence a line, its text and spans as `tagger predict` writes them",
    "doccano": "one sentence a line, its text and labels",
    "labelstudio": "tasks of Label Studio",
    "brat": "pairs of .txt and .ann",
}
_SUFFIXES = {".conllu": "conllu", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".ann": "brat"}


class Misaligned(StrEnum):
    """What becomes of a span that does not meet token boundaries; it is reported in any case."""

    ERROR = "error"
    SPLIT = "split"  # the tokens it cuts are cut
    SKIP = "skip"  # it is left out


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusSettings:
    """How a corpus is to be read.

    Args:
        columns: of a column file.
        scheme: of its tags; detected where None.
        mode: how a text without tokens is cut into them.
        lines: a line of such a text is a sentence; else sentences are found.
    """

    columns: Columns = DEFAULT_COLUMNS
    scheme: Scheme | None = None
    encoding: str = "utf-8"
    mode: Mode = Mode.WORDS
    lines: bool = False
    misaligned: Misaligned = Misaligned.ERROR

    @property
    def cutting(self) -> Cutting:
        """Return how texts are cut."""
        return Cutting(self.mode, self.lines, self.misaligned is Misaligned.SPLIT)


def format_of(path: str) -> str:
    """Return the format that a name suggests; a directory, or a text beside its annotations, is brat.

    >>> format_of("news.conllu.gz"), format_of("news.txt")
    ('conllu', 'conll')
    """
    plain = Path(path.removesuffix(".gz"))
    if plain.is_dir() or (plain.suffix == ".txt" and plain.with_suffix(".ann").exists()):
        return "brat"
    return _SUFFIXES.get(plain.suffix.lower(), "conll")


def read_corpus(path: str, form: str, settings: CorpusSettings, report: Report) -> Corpus:
    """Read a corpus in any format; texts with spans get tags in IOB2.

    Args:
        form: a key of `FORMATS`; JSON is told apart by its keys.
        report: called for each span that does not meet token boundaries, before the error they amount to.
    """
    if form in ("conll", "conllu"):
        return conll.read_corpus(
            path, columns=settings.columns, scheme=settings.scheme, encoding=settings.encoding
        )
    faults = 0

    def note_fault(fault: DataError) -> None:
        nonlocal faults
        faults += 1
        report(fault)

    warnings: list[str] = []
    if form == "brat":
        sentences = tuple(_read_brat(Path(path), settings, note_fault, warnings.append))
    else:
        sentences = tuple(_read_json(path, settings, note_fault))
    if faults and settings.misaligned is Misaligned.ERROR:
        found = "1 span does" if faults == 1 else f"{faults} spans do"
        raise DataError(f"{found} not fit tokens; mend them, or say --misaligned split or skip", path)
    return conll.resolve_scheme(
        Corpus(display_name(path), sentences, Scheme.IOB2, "", tuple(warnings)),
        Scheme.IOB2 if form == "brat" else settings.scheme,
    )


def _read_brat(
    path: Path, settings: CorpusSettings, report: Report, warn: Callable[[str], None]
) -> Iterator[Sentence]:
    for number, pair in enumerate(find_pairs(path)):
        document = read_pair(pair, number, settings.encoding, report, warn)
        yield from align(document, settings.cutting, report)


def _read_json(path: str, settings: CorpusSettings, report: Report) -> Iterator[Sentence]:
    name = display_name(path)
    number, last = 0, None  # of the document
    for line, record in _read_values(path, name, settings.encoding):
        document = _document_of(record)
        number += document is not None and last is not None and document != last
        last = document if document is not None else last
        found = read_record(record, Place(name, line, number))
        if isinstance(found, Sentence):
            yield found
        else:
            yield from align(found, settings.cutting, report)


def _document_of(record: Any) -> Any:
    """Return what a record says about its document; None where it says nothing."""
    if not isinstance(record, Mapping):
        return None
    meta = record.get("meta")
    return record.get("doc", meta.get("doc") if isinstance(meta, Mapping) else None)


def _read_values(path: str, name: str, encoding: str) -> Iterator[tuple[int, Any]]:
    """Yield the line and the value of each JSON text: one a line, or the elements of one array."""
    pieces = read_whole_lines(path, encoding, lambda fact, line: None, LONGEST_JSON_LINE)
    for piece, begin in pieces:
        if begin == 1 and piece.lstrip().startswith("["):
            whole = piece + "".join(text for text, _ in pieces)
            values = parse_json(whole, name, begin)
            yield from ((1, value) for value in values)
            return
        for line, row in enumerate(piece.split("\n")[:-1], begin):
            if row.strip():
                yield line, parse_json(row, name, line)


def render(
    corpus: Corpus | CorpusStream, form: str, *, name: str, column: str | None = None, separator: str = "\t"
) -> Iterator[str]:
    """Yield a corpus as text in any format but brat.

    Args:
        name: of the documents in JSON.
        column: of the tag in CoNLL-U; UPOS for bare labels, else `MISC:NER`.
        separator: of the columns.
    """
    if form == "conll":
        return conll.format_sentences(corpus.sentences, separator)
    if form == "conllu":
        usual = "UPOS" if corpus.scheme is Scheme.BARE else "MISC:NER"
        return conll.format_conllu(corpus.sentences, column or usual)
    located = locate(corpus.sentences, corpus.scheme, joiner_of(corpus.sentences), name)
    return format_records(located, form)


def joiner_of(sentences: Iterable[Sentence]) -> str:
    """Return what stands between tokens in a text: nothing where they are characters, else a blank."""
    return "" if detect_mode(sentence.tokens for sentence in sentences) is Mode.CHARACTERS else " "


def write_brat(corpus: Corpus, path: Path) -> None:
    """Write `X.txt` and `X.ann` for a path that ends so, else a directory with a pair for each document."""
    located = list(locate(corpus.sentences, corpus.scheme, joiner_of(corpus.sentences), path.stem))
    groups = list(group_documents(located))
    is_pair = path.suffix in (".ann", ".txt")
    if is_pair and len(groups) > 1:
        raise DataError(f"found {len(groups)} documents, expected one; name a directory to write to", path)
    pairs = [(number, format_pair(group)) for number, group in groups]
    if not is_pair:
        _make_directory(path)
    for number, (text, spans) in pairs:
        base = path if is_pair else path / f"{number:06d}.ann"
        write_text(base.with_suffix(".txt"), (text,))
        write_text(base.with_suffix(".ann"), (spans,))


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror}", path) from error
