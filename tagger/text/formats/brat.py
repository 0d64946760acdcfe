"""brat stand-off: a text (`.txt`) and the spans in it (`.ann`), one pair for each document.

Of an `.ann` file the text-bound annotations (`T` lines) are read; relations, events, attributes and notes are
counted and left out. A span in several fragments has no place in a sequence of tags and is reported.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tagger.errors import DataError
from tagger.text.files import read_text
from tagger.text.formats.alignment import Document, Report, TextSpan
from tagger.text.formats.records import Located

_TEXT_BOUND = re.compile(
    r"T[^\t]*\t(?P<type>[^ \t]+) (?P<start>[0-9]{1,18}) (?P<end>[0-9]{1,18})(\t(?P<text>.*))?", re.DOTALL
)
_BOM = "\ufeff"
_FRAGMENTS = re.compile(r"T[^\t]*\t[^ \t]+ [0-9]+ [0-9]+(;[0-9]+ [0-9]+)+(\t.*)?", re.DOTALL)


def find_pairs(path: Path) -> list[Path]:
    """Return the `.ann` files that a path stands for: one, or all of a directory in the order of their names."""
    if path.is_dir():
        found = sorted(path.glob("*.ann"))
        if not found:
            raise DataError("found no .ann file, expected pairs of .txt and .ann", path)
        return found
    return [path.with_suffix(".ann")]


def read_pair(
    path: Path, number: int, encoding: str, report: Report, warn: Callable[[str], None]
) -> Document:
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


def format_pair(located: Iterable[Located]) -> tuple[str, str]:
    """Return the text and the annotations of one document."""
    texts: list[str] = []
    rows: list[str] = []
    for each in located:
        texts.append(each.text + "\n")
        for span in each.spans:
            if not span.type or re.search(r"\s", span.type) or ";" in span.type:
                raise DataError(f"found the type {span.type!r}, expected one word: brat has no other")
            rows.append(f"T{len(rows) + 1}\t{span.type} {span.start} {span.end}\t{_spell(span.text or '')}\n")
    return "".join(texts), "".join(rows)


def group_documents(located: Iterable[Located]) -> Iterator[tuple[int, list[Located]]]:
    """Yield the sentences of each document with its number."""
    group: list[Located] = []
    for each in located:
        if group and group[-1].sentence.document != each.sentence.document:
            yield group[-1].sentence.document, group
            group = []
        group.append(each)
    if group:
        yield group[-1].sentence.document, group
