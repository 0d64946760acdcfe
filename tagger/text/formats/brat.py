"""brat stand-off: a text (`.txt`) and the spans in it (`.ann`), one pair for each document.

Of an `.ann` file the text-bound annotations (`T` lines) are read; relations, events, attributes and notes are
counted and left out. A span in several fragments has no place in a sequence of tags and is reported. A corpus is
written as pairs; what a labeller found as the `.ann` alone, beside the text it read
(https://brat.nlplab.org/standoff.html).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from tagger.errors import DataError
from tagger.text.conll import Corpus
from tagger.text.files import read_text
from tagger.text.formats.alignment import Document, Report, TextSpan, locate_sentences
from tagger.text.formats.corpus import CorpusSettings, Warn, align_corpus
from tagger.text.formats.sentence import LabelledSentence, LabelledSpan
from tagger.text.output import write_text
from tagger.text.schemes import Scheme

_TEXT_BOUND = re.compile(
    r"T[^\t]*\t(?P<type>[^ \t]+) (?P<start>[0-9]{1,18}) (?P<end>[0-9]{1,18})(\t(?P<text>.*))?", re.DOTALL
)
_NOT_IN_A_TYPE = re.compile(r"[\s;]")
_LINE = re.compile(r"[^\n]+")
_TABS = str.maketrans("\t\r", "  ")
_BOM = "\ufeff"
_FRAGMENTS = re.compile(r"T[^\t]*\t[^ \t]+ [0-9]+ [0-9]+(;[0-9]+ [0-9]+)+(\t.*)?", re.DOTALL)


def read_brat(path: str, settings: CorpusSettings, report: Report) -> Corpus:
    """Read the pairs of a directory, or one pair; tags come out in IOB2.

    Args:
        path: the directory, or either file of a pair.
        settings: how texts are cut, and their encoding.
        report: called for each span that does not meet token boundaries.

    Raises:
        DataError: with file and line.
    """

    def read(note_fault: Report, warn: Warn) -> Iterator[Document]:
        for number, pair in enumerate(_find_pairs(Path(path))):
            yield _read_pair(pair, number, settings.encoding, note_fault, warn)

    return align_corpus(path, read, replace(settings, scheme=Scheme.IOB2), report)


def _find_pairs(path: Path) -> list[Path]:
    """Return the `.ann` files that a path stands for: one, or all of a directory in the order of their names."""
    if path.is_dir():
        found = sorted(path.glob("*.ann"))
        if not found:
            raise DataError("found no .ann file, expected pairs of .txt and .ann", path)
        return found
    return [path.with_suffix(".ann")]


def _read_pair(path: Path, number: int, encoding: str, report: Report, warn: Warn) -> Document:
    """Return the text of `X.txt` with the spans of `X.ann`."""
    text = read_text(path.with_suffix(".txt"), encoding)
    if text.startswith(_BOM):
        text = " " + text[1:]  # it is counted, but belongs to no token
    spans: list[TextSpan] = []
    others: Counter[str] = Counter()
    for line, row in enumerate(read_text(path, encoding).split("\n"), 1):
        row = row.removesuffix("\r")
        if not row:
            continue
        match = _TEXT_BOUND.fullmatch(row)
        if match:
            covered = text[int(match["start"]) : int(match["end"])]
            repeated = match["text"]
            if repeated is not None and repeated == _spell(covered):
                repeated = covered
            spans.append(TextSpan(match["type"], int(match["start"]), int(match["end"]), repeated, line))
        elif _FRAGMENTS.fullmatch(row):
            report(DataError(f"span {row.split(chr(9))[1]} is in fragments, expected one piece", path, line))
        elif row[0] in "REAMN#*":
            others[row[0]] += 1
        else:
            raise DataError(
                f"found {row[:60]!r}, expected an annotation such as T1\\tPER 0 4\\tAnna", path, line
            )
    if others:
        counts = ", ".join(f"{count} {letter}" for letter, count in sorted(others.items()))
        warn(f"{path}: annotations other than spans were left out ({counts})")
    return Document(text, tuple(spans), str(path), None, number)


def _spell(text: str) -> str:
    """Write line ends as blanks, as brat does where an annotation repeats its text."""
    return re.sub(r"[\r\n\t]", " ", text)


def write_pairs(corpus: Corpus, path: Path) -> None:
    """Write `X.txt` and `X.ann` for a path that ends so, else a directory with a pair for each document.

    Raises:
        DataError: several documents for one pair, a type that brat cannot hold, or the disk refuses.
    """
    located = locate_sentences(corpus.sentences, corpus.scheme, path.stem)
    numbers = {sentence.document for sentence in corpus.sentences}
    is_pair = path.suffix in (".ann", ".txt")
    if is_pair and len(numbers) > 1:
        raise DataError(f"found {len(numbers)} documents, expected one; name a directory to write to", path)
    groups = groupby(zip(corpus.sentences, located, strict=True), key=lambda pair: pair[0].document)
    pairs = [(number, _format_pair(each for _, each in group)) for number, group in groups]
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


def _format_pair(sentences: Iterable[LabelledSentence]) -> tuple[str, str]:
    """Return the text and the annotations of one document; what is written is read back as it was."""
    texts: list[str] = []
    rows: list[str] = []
    for sentence in sentences:
        texts.append(sentence.text + "\n")
        for span in sentence.spans:
            if not span.type or _NOT_IN_A_TYPE.search(span.type):
                raise DataError(f"found the type {span.type!r}, expected one word: brat has no other")
            rows.append(f"T{len(rows) + 1}\t{span.type} {span.start} {span.end}\t{_spell(span.text)}\n")
    return "".join(texts), "".join(rows)


def write_brat(sentences: Iterable[LabelledSentence]) -> Iterator[str]:
    """Yield two lines for each span: the span, and a note with its confidence if it has one."""
    number = 0
    for sentence in sentences:
        for span in sentence.spans:
            number += 1
            yield f"T{number}\t{_NOT_IN_A_TYPE.sub('_', span.type)} {_fragments(span)}\t{_shown(span)}\n"
            if span.confidence is not None:
                yield f"#{number}\tAnnotatorNotes T{number}\tconfidence {span.confidence:.4f}\n"


def _fragments(span: LabelledSpan) -> str:
    """Return the offsets of the lines of a span: brat wants a span that a line end crosses in fragments."""
    lines = _LINE.finditer(span.text)
    return ";".join(f"{span.start + line.start()} {span.start + line.end()}" for line in lines)


def _shown(span: LabelledSpan) -> str:
    """Return the text of the fragments, joined by blanks as brat wants it."""
    return " ".join(_LINE.findall(span.text)).translate(_TABS)
