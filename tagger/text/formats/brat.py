"""brat stand-off: a text (`.txt`) and the spans in it (`.ann`), one pair for each document.

Of an `.ann` file the text-bound annotations (`T` lines) are read; relations, events, attributes and notes are
counted and left out. Fragments with nothing but white space between them are one span, which crosses a line end;
other fragments have no place in a sequence of tags and are reported. A corpus is written as pairs, one for each text;
what a labeller found as an `.ann` for each document. `brat_folder` writes what stands beside them
(https://brat.nlplab.org/standoff.html).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path, PurePath

from tagger.errors import DataError
from tagger.text.conll import Corpus, SourceText
from tagger.text.counting import Note, overlook
from tagger.text.files import FilePath, read_text
from tagger.text.formats.alignment import Document, Report, TextSpan
from tagger.text.formats.brat_folder import (
    BYTE_ORDER_MARK,
    LONGEST_GAP,
    name_type_for_brat,
    write_settings,
)
from tagger.text.formats.corpus import CorpusSettings, Warn, align_corpus
from tagger.text.formats.location import locate_texts, note_comments
from tagger.text.formats.sentence import LabelledSentence, LabelledSpan
from tagger.text.output import write_text
from tagger.text.schemes import Scheme

_TEXT_BOUND = re.compile(
    r"T[^\t]*\t(?P<type>[^ \t]+) (?P<places>[0-9]{1,18} [0-9]{1,18}(;[0-9]{1,18} [0-9]{1,18})*)(\t(?P<text>.*))?",
    re.DOTALL,
)
_CONFIDENCE = re.compile(r"#[0-9]+\tAnnotatorNotes T[0-9]+\tconfidence [0-9.]+( by .*)?")
_LINE = re.compile(r"[^\n]+")
_FILE_NAME = re.compile(r"\w([\w .()+-]{0,98}[\w)])?")
_TABS = str.maketrans("\t\r\n", "   ")


def read_brat(path: FilePath, settings: CorpusSettings, report: Report) -> Corpus:
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
            raise DataError(
                "found a folder without .ann files, expected pairs of .txt and .ann, as brat has; any other corpus "
                "is a file",
                path,
            )
        return found
    return [path.with_suffix(".ann")]


def _read_pair(path: Path, number: int, encoding: str, report: Report, warn: Warn) -> Document:
    """Return the text of `X.txt` with the spans of `X.ann`."""
    text = read_text(path.with_suffix(".txt"), encoding)
    spans: list[TextSpan] = []
    others: Counter[str] = Counter()
    for line, row in enumerate(read_text(path, encoding).split("\n"), 1):
        row = row.removesuffix("\r")
        if not row:
            continue
        match = _TEXT_BOUND.fullmatch(row)
        if match:
            span = _read_span(match, text, line)
            if span is None:
                found = f"span {row.split(chr(9))[1]} is in fragments, expected one piece"
                report(DataError(found, path, line))
            else:
                spans.append(span)
        elif _CONFIDENCE.fullmatch(row):
            continue  # that `write_brat` noted
        elif row[0] in "REAMN#*":
            others[row[0]] += 1
        else:
            raise DataError(
                f"found {row[:60]!r}, expected an annotation such as T1\\tPER 0 4\\tAnna", path, line
            )
    if others:
        counts = ", ".join(f"{count} {letter}" for letter, count in sorted(others.items()))
        warn(f"{path}: annotations other than spans were left out ({counts})")
    return Document(text, tuple(spans), str(path), None, number, name=path.stem)


def _read_span(match: re.Match[str], text: str, line: int) -> TextSpan | None:
    """Return the span of an annotation; None where something but white space stands between its fragments."""
    fragments = sorted((int(start), int(end)) for start, end in map(str.split, match["places"].split(";")))
    start, end = fragments[0][0], fragments[-1][1]
    if any(text[left:right].strip() or right < left for (_, left), (right, _) in pairwise(fragments)):
        return None
    repeated = match["text"]
    if repeated == _spell(" ".join(text[first:last] for first, last in fragments)):
        repeated = text[start:end]
    return TextSpan(match["type"], start, end, repeated, line)


def _spell(text: str) -> str:
    """Write line ends as blanks, as brat does where an annotation repeats its text."""
    return re.sub(r"[\r\n\t]", " ", text)


def write_pairs(corpus: Corpus, path: Path, note: Note = overlook) -> None:
    """Write `X.txt` and `X.ann` for a path that ends so, else a directory with a pair for each text.

    Texts that say where in a document they begin stand in one pair. A pair has the name of its document where that is
    the name of a file, else its number. A directory gets the settings with which brat opens it.

    Raises:
        DataError: several texts for one pair, a type that brat cannot hold, or the disk refuses.
    """
    for sentence in corpus.sentences:
        note_comments(sentence.comments, note)
    groups = list(_group(locate_texts(corpus.sentences, corpus.scheme, path.stem, note, corpus.task)))
    is_pair = path.suffix in (".ann", ".txt")
    if is_pair and len(groups) > 1:
        raise DataError(f"found {len(groups)} texts, expected one; name a directory to write to", path)
    is_laid_out = all(sentence.excerpt is None for sentence in corpus.sentences)
    pairs = [_format_pair(texts, "\n" if is_laid_out else "") for _, texts in groups]
    if is_pair:
        bases = [path]
    else:
        _make_directory(path)
        bases = [path / f"{name}.ann" for name in _choose_names([name for name, _ in groups])]
    for base, (text, rows) in zip(bases, pairs, strict=True):
        write_text(base.with_suffix(".txt"), (text,))
        write_text(base.with_suffix(".ann"), (rows,))
    if not is_pair:
        types = {span.type for _, texts in groups for text in texts for span in text.spans}
        for kept in write_settings(path, types):
            note("file", "of settings for brat there already, left as it was", str(kept))


def _group(
    texts: Iterable[tuple[SourceText, LabelledSentence]],
) -> Iterator[tuple[str | None, list[LabelledSentence]]]:
    """Yield the texts of each pair, and the name of their document if the file gives one."""
    name: str | None = None
    group: list[LabelledSentence] = []
    for source, text in texts:
        gap = text.start - group[-1].end if group else 0
        if group and not (source.start is not None and text.doc == group[-1].doc and 0 <= gap <= LONGEST_GAP):
            yield name, group
            group = []
        name = source.name
        group.append(text)
    if group:
        yield name, group


def _choose_names(documents: Sequence[str | None]) -> list[str]:
    """Return the name of each pair: that of its document if all have one of their own, in order, else a number."""
    names = [PurePath(name or "").name.removesuffix(".txt") for name in documents]
    is_usable = all(map(_FILE_NAME.fullmatch, names)) and names == sorted(names)
    if is_usable and len({name.casefold() for name in names}) == len(names):
        return names
    return [f"{number:06d}" for number in range(len(documents))]


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror}", path) from error


def _format_pair(texts: Sequence[LabelledSentence], ending: str) -> tuple[str, str]:
    """Return the text and the annotations of one pair; what is written is read back as it was.

    What lies between the texts of a document is not known: line ends fill it, so that offsets stay its own.
    """
    first = texts[0].start
    base = first if first > LONGEST_GAP else 0
    parts: list[str] = []
    rows: list[str] = []
    reached = base
    for text in texts:
        parts += ["\n" * (text.start - reached), text.text]
        reached = text.end
        for span in text.spans:
            if not span.type or span.type != name_type_for_brat(span.type):
                raise DataError(f"found the type {span.type!r}, expected one word: brat has no other")
            moved = span._replace(start=span.start - base, end=span.end - base)
            rows.append(f"T{len(rows) + 1}\t{span.type} {_fragments(moved)}\t{_shown(span)}\n")
    whole = "".join([*parts, ending])
    return BYTE_ORDER_MARK + whole if whole.startswith(BYTE_ORDER_MARK) else whole, "".join(
        rows
    )  # reading drops one at the start


def write_brat(sentences: Iterable[LabelledSentence], version: str | None = None) -> Iterator[str]:
    """Yield two lines for each span: the span, and a note with its confidence if it has one, and whose it is."""
    number = 0
    by = "" if version is None else f" by {version.translate(_TABS)}"
    for sentence in sentences:
        for span in sentence.spans:
            number += 1
            yield f"T{number}\t{name_type_for_brat(span.type)} {_fragments(span)}\t{_shown(span)}\n"
            if span.confidence is not None:
                yield f"#{number}\tAnnotatorNotes T{number}\tconfidence {span.confidence:.4f}{by}\n"


def _fragments(span: LabelledSpan) -> str:
    """Return the offsets of the lines of a span: brat wants a span that a line end crosses in fragments."""
    lines = _LINE.finditer(span.text)
    return ";".join(f"{span.start + line.start()} {span.start + line.end()}" for line in lines)


def _shown(span: LabelledSpan) -> str:
    """Return the text of the fragments, joined by blanks as brat wants it."""
    return " ".join(_LINE.findall(span.text)).translate(_TABS)
