"""Raw text files -> sentences at their places: running text, a sentence a line, tokens between blanks, or columns.

Prediction and pretraining read the same way. Memory is bounded by the longest line, or by the tokenizer's bound on a
sentence. Input that comes slowly, from a pipe, may be interspersed with pauses (`passages` finds them).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from os import fspath
from pathlib import Path
from stat import S_ISDIR
from typing import TypeVar

from tagger.errors import DataError
from tagger.text.conll import Columns, read_sentences
from tagger.text.conll.kept import RowKeeper
from tagger.text.conll.lineform import is_mostly_unspaced
from tagger.text.conll.reader import ColumnReader
from tagger.text.conll.source import BLANKS
from tagger.text.conll.surface import find_text
from tagger.text.conll.words import join_words
from tagger.text.files import FilePath, LookAhead, OpenedFile, display_name, is_stdin, open_bytes, read_pieces
from tagger.text.raw.objects import read_objects
from tagger.text.raw.recognition import Recognised, TagWatch, recognise
from tagger.text.raw.rows import AUTO, Fault, InputSettings, Note, Pause, Row, Watch
from tagger.text.raw.spacing import cut_lines, place_line, split_rows
from tagger.text.schemes import Task
from tagger.text.tokenizer import Mode, cut
from tagger.text.tokenizer.words import cut_characters

T = TypeVar("T")
Words = tuple[str, ...]

_LOOKED_AT = 1 << 13  # bytes that tell what a file is
_SETTINGS = ("annotation.conf", "visual.conf")  # of brat, in a folder of its annotations
_TOKEN = re.compile(f"[^{BLANKS}]+")
_WORD = re.compile(r"\S+")


def _ignore(fact: str) -> None:
    """Say nothing."""


def find_files(
    paths: Sequence[FilePath], on_fault: Fault | None = None, advice: str = "give one that exists"
) -> list[FilePath]:
    """Return the files that paths stand for: those inside folders in alphabetical order.

    Hidden ones are left out, and brat's annotations and settings beside its texts.

    Args:
        paths: files, folders, `-` for the standard input.
        on_fault: called with the fault of each path that stands for no file; without it the first one is raised.
        advice: what the user may do where there is no such file.

    Raises:
        DataError: there is no such file, or a folder holds none.
    """
    found: list[FilePath] = []
    for path in paths:
        try:
            found += _find_inside(path, advice)
        except DataError as fault:
            if on_fault is None:
                raise
            on_fault(fault)
    return found


def _find_inside(path: FilePath, advice: str) -> list[FilePath]:
    if is_stdin(path):
        return [path]
    if not fspath(path):
        raise DataError("found an empty name, expected that of a file or a folder")
    try:
        is_folder = S_ISDIR(Path(path).stat().st_mode)
    except FileNotFoundError as error:
        raise DataError(f"cannot be read: {error.strerror}; {advice}", path) from error
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read: {getattr(error, 'strerror', None) or error}", path) from error
    if not is_folder:
        return [path]
    inside: list[FilePath] = [
        file
        for file in sorted(Path(path).rglob("*"))
        if (
            file.is_file() or (file.is_symlink() and not file.exists())
        )  # a link to nothing is a fault, later
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
        and not (file.suffix == ".ann" and file.with_suffix(".txt").exists())
        and file.name not in _SETTINGS
    ]
    if not inside:
        raise DataError("is a folder without files, expected some with text", path)
    return inside


def check_files(
    paths: Sequence[FilePath], settings: InputSettings, note: Note = _ignore, on_fault: Fault | None = None
) -> list[FilePath]:
    """Return the files that paths stand for and that can be read to their ends, for a reader who reads them again.

    Args:
        paths: files and folders.
        settings: how they will be read.
        note: called with what a file is taken for; of several files of the same kind once.
        on_fault: called with the fault of each file that can't be read; without it the first one is raised.

    Raises:
        DataError: one of them can't be read, or only once.
    """
    found: list[FilePath] = []
    said: set[str] = set()
    for path in find_files(paths, on_fault):
        try:
            for fact in _check_file(path, settings):
                if fact.note and fact.format not in said:
                    said.add(fact.format)
                    note(fact.note)
        except DataError as fault:
            if on_fault is None:
                raise
            on_fault(fault)
        else:
            found.append(path)
    return found


def _check_file(path: FilePath, settings: InputSettings) -> Iterator[Recognised]:
    """Yield what a file is, and read it to its end, its sentences uncut."""
    if is_stdin(path) or not Path(path).is_file():
        expected = "and every epoch reads the text; give a file"
        raise DataError(f"can be read only once, {expected}", display_name(path))
    with open_bytes(path) as stream:
        taken = Recognised(settings.format)
        if settings.format == AUTO:
            beginning = LookAhead(stream)
            taken = next(_look_at(path, beginning, settings))
            stream = beginning.rewound()
            yield taken
        settings.check_format(taken.format)
        opened = OpenedFile(path, stream)
        if taken.format in ("conll", "jsonl", "wordpos"):
            deque(_READERS[taken.format](opened, settings, _never_pause, _ignore), 0)
        else:
            deque(_texts(opened, settings), 0)


def read_words(
    paths: Iterable[FilePath], settings: InputSettings, mode: Mode = Mode.WORDS
) -> Iterator[Words]:
    """Yield the tokens of the sentences of files one after the other; no sentence is empty.

    Args:
        paths: the files; gzip is unpacked.
        settings: how they are read.
        mode: what a token of running text and of lines is.

    Raises:
        DataError: a file can't be read or decoded.
    """
    for path in paths:
        for row in read_rows(path, settings):
            assert isinstance(row, Row)  # a file that nobody watches has no pauses
            words = cut(row.text, mode).words if row.words is None else row.words
            if words:
                yield tuple(words)


def _never_pause(path: FilePath, items: Iterable[T]) -> Iterator[T | Pause]:
    yield from items


def read_rows(
    path: FilePath, settings: InputSettings, watch: Watch = _never_pause, note: Note = _ignore
) -> Iterator[Row | Pause]:
    """Yield the sentences of a file, and the pauses that `watch` finds in it.

    Args:
        path: the file; gzip is unpacked.
        settings: how it is read.
        watch: finds pauses.
        note: called with what it is taken for, where that is something else than running text and nobody said so.

    Raises:
        DataError: the file can't be read or decoded.
        ConfigError: it is found to be of a format that the settings don't go with.
    """
    if settings.format != AUTO:
        yield from _READERS[settings.format](path, settings, watch, note)
        return
    with open_bytes(path) as stream:  # opened once: a pipe can't be read again
        beginning = LookAhead(stream)
        for found in watch(path, _look_at(path, beginning, settings)):
            if isinstance(found, Pause):
                yield found
                continue
            if found.note and settings.tells_format:
                note(found.note)
            settings.check_format(found.format)
            opened = OpenedFile(path, beginning.rewound())
            yield from _READERS[found.format](opened, settings, watch, note)


def _look_at(path: FilePath, beginning: LookAhead, settings: InputSettings) -> Iterator[Recognised]:
    """Yield what a file is, as soon as enough of it is there; another thread may wait for that."""
    while True:
        is_all = not beginning.read_more() or len(beginning.data) >= _LOOKED_AT
        found = recognise(
            path,
            beginning.data,
            settings.encoding,
            settings.tags,
            is_all=is_all,
            reads_words=settings.reads_words,
            cuts_words=settings.cuts_words,
        )
        if found is not None:
            yield found
            return


def _read_text(path: FilePath, settings: InputSettings, watch: Watch, note: Note) -> Iterator[Row | Pause]:
    return split_rows(watch(path, _texts(path, settings)), settings)


def _read_lines(path: FilePath, settings: InputSettings, watch: Watch, note: Note) -> Iterator[Row | Pause]:
    for row in cut_lines(watch(path, _texts(path, settings))):
        if isinstance(row, Pause):
            yield row
        else:
            first = len(row.text) - len(row.text.lstrip())
            yield from place_line(row, first, first + len(row.text.strip()))


def _read_tokens(path: FilePath, settings: InputSettings, watch: Watch, note: Note) -> Iterator[Row | Pause]:
    return _read_between(_TOKEN, path, settings, watch)


def _read_segmented(
    path: FilePath, settings: InputSettings, watch: Watch, note: Note
) -> Iterator[Row | Pause]:
    """Yield the lines of segmented text: its words, or for a model that cuts words text with blanks in it."""
    if settings.cuts_words:
        return _read_lines(path, settings, watch, note)
    return _read_between(_WORD, path, settings, watch)


def _read_between(
    token: re.Pattern[str], path: FilePath, settings: InputSettings, watch: Watch
) -> Iterator[Row | Pause]:
    """Yield the lines of a text, cut into tokens that a pattern finds."""
    for row in cut_lines(watch(path, _texts(path, settings))):
        if isinstance(row, Pause):
            yield row
            continue
        found = list(token.finditer(row.text))
        if found:
            first, last = found[0].start(), found[-1].end()
            words, starts = [match[0] for match in found], [match.start() - first for match in found]
            yield from place_line(row, first, last, words, starts)
        else:
            yield from place_line(row, 0, 0)


def _read_tagged(path: FilePath, settings: InputSettings, watch: Watch, note: Note) -> Iterator[Row | Pause]:
    """Yield lines of words without the tags that stand with them; the text is the words with a blank between them."""
    columns = Columns(task=Task.LABELS, lines="wordpos")
    offset, line = 0, 1
    for sentence in watch(path, read_sentences(path, columns=columns, encoding=settings.encoding)):
        if isinstance(sentence, Pause):
            yield sentence
            continue
        if sentence.line > line:
            yield Row(offset, "", space="\n" * (sentence.line - line))
            offset += sentence.line - line
        words = list(sentence.tokens)
        text, starts = _place_words(words)
        yield (
            Row(offset, text, space="\n")
            if settings.cuts_words
            else Row(offset, text, words, starts, space="\n")
        )
        offset += len(text) + 1
        line = sentence.line + 1


def _read_columns(path: FilePath, settings: InputSettings, watch: Watch, note: Note) -> Iterator[Row | Pause]:
    """Yield the sentences of a column file; its documents' texts are their tokens with a blank between them.

    A model that cuts words reads the text of CoNLL-U instead, and words of a script without blanks as a text.
    """
    columns = Columns(
        token=settings.token_column,
        tag=None,
        features=settings.feature_columns,
        blank_tokens=settings.blank_tokens,
    )
    tags = TagWatch(display_name(path), settings, note)
    document = offset = 0
    with _overheard(path, settings) as (source, keeper):
        reader = ColumnReader(source, columns, settings.encoding)
        for sentence in watch(path, reader):
            if isinstance(sentence, Pause):
                yield sentence
                continue
            if sentence.document != document:
                document, offset = sentence.document, 0
            words = list(sentence.tokens)
            tags.look_at(words)
            layout = reader.layout
            is_conllu = layout is not None and layout.is_conllu
            if is_conllu and settings.cuts_words:
                text = (find_text(sentence.comments) or "").strip() or join_words(words).text
                yield Row(offset, text, document=document)
            else:
                rows = keeper.take(sentence, layout.separator) if keeper and layout and is_conllu else None
                text, given, starts = _place_tokens(words, settings)
                yield Row(offset, text, given, starts, sentence.features, document, rows=rows)
            offset += len(text) + 1
        if keeper and reader.layout and reader.layout.is_conllu:
            yield Row(offset, "", document=document, rows=keeper.take_rest())
    tags.judge()


@contextmanager
def _overheard(path: FilePath, settings: InputSettings) -> Iterator[tuple[FilePath, RowKeeper | None]]:
    """Give a file to read from, and what keeps its rows meanwhile, if they are to be kept."""
    if not settings.keeps_rows or settings.cuts_words:
        yield path, None
        return
    keeper = RowKeeper()
    with open_bytes(path) as stream:
        yield OpenedFile(path, stream, keeper.hear), keeper


def _read_objects(path: FilePath, settings: InputSettings, watch: Watch, note: Note) -> Iterator[Row | Pause]:
    """Yield the sentences of the documents that a JSON file holds."""
    pieces = read_pieces(path, settings.encoding, settings.errors, settings.advice)
    name = display_name(path)
    for found in read_objects(watch(path, pieces), name, settings.text_field):
        if isinstance(found, Pause):
            yield found
            continue
        doc = found.doc or f"{fspath(path)}#{found.number}"
        if found.words is not None:
            if found.words:
                text, given, starts = _place_tokens(found.words, settings)
                yield Row(found.start, text, given, starts, (), found.number, doc)
            continue
        for row in split_rows([found.text], settings):
            assert isinstance(row, Row)
            yield row._replace(start=found.start + row.start, document=found.number, doc=doc)


def _place_tokens(
    words: list[str], settings: InputSettings
) -> tuple[str, list[str] | None, list[int] | None]:
    """Return a text of tokens, those that a model shall take for its own, and where each starts.

    To a model that cuts words characters are a text without blanks, and words of a script without them are a text
    that it has yet to cut.
    """
    if not settings.cuts_words or not is_mostly_unspaced(words):
        text, starts = _place_words(words)
        return text, words, starts
    if any(len(cut_characters(word)) > 1 for word in words):
        return join_words(words).text, None, None
    ends = accumulate(map(len, words))
    return "".join(words), words, [0, *ends][:-1]


def _place_words(words: Sequence[str]) -> tuple[str, list[int]]:
    """Return a text of words with a blank between them, and where each starts."""
    ends = accumulate(len(word) + 1 for word in words)
    return " ".join(words), [0, *ends][:-1]


_READERS: dict[str, Callable[[FilePath, InputSettings, Watch, Note], Iterator[Row | Pause]]] = {
    "text": _read_text,
    "lines": _read_lines,
    "tokens": _read_tokens,
    "segmented": _read_segmented,
    "wordpos": _read_tagged,
    "conll": _read_columns,
    "jsonl": _read_objects,
}


def _texts(path: FilePath, settings: InputSettings) -> Iterator[str]:
    pieces = read_pieces(path, settings.encoding, settings.errors, settings.advice)
    return (piece.text for piece in pieces if piece.text)
