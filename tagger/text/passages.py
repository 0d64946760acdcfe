"""Files, folders and pipes -> passages: neighbouring sentences that have a say in each other's labels.

In `lines` and `tokens` every line stands alone, so that an answer never waits for the next line. What a passage holds
doesn't depend on how fast the input comes, except that a pipe that pauses ends a passage.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import NamedTuple, TypeVar, cast

from tagger.errors import DataError
from tagger.text.files import FilePath, OpenedFile, is_stdin
from tagger.text.raw import (
    AUTO,
    Fault,
    InputSettings,
    Note,
    Pause,
    Row,
    find_files,
    read_rows,
    split_rows,
)

T = TypeVar("T")

_QUIET = 0.3  # seconds without input after which what waits is answered
_WAITING_PIECES = 16
_LARGEST_SPACE = 1 << 20  # characters of white space behind a sentence that waits for neighbours


class Passage(NamedTuple):
    """Neighbouring sentences of a document that have a say in each other's labels.

    Attributes:
        doc: the name of the document.
        rows: its sentences.
        language: which abbreviations they may hold.
    """

    doc: str
    rows: list[Row]
    language: str = "en"


Event = Passage | Pause
_USUAL = InputSettings()


def read_passages(
    paths: Sequence[FilePath],
    settings: InputSettings,
    scope: int = 1,
    *,
    note: Note | None = None,
    on_fault: Fault | None = None,
) -> Iterator[Event]:
    """Yield what files hold, in their order; folders stand for all files inside, `-` for the standard input.

    Args:
        paths: the files.
        settings: how they are read.
        scope: sentences of a passage.
        note: called with what the user should know of how a file is read.
        on_fault: called with the fault of each file that can't be read to its end, and the next one follows;
            without it the first fault is raised.

    Raises:
        DataError: a file can't be read or decoded.
    """
    said: set[str] = set()

    def note_once(fact: str) -> None:
        """Say of one file what may be said of every other."""
        kind = fact.partition(": ")[2]
        if note is not None and kind not in said:
            said.add(kind)
            note(fact)

    for path in find_files(paths, on_fault):
        try:
            yield from _group(
                os.fspath(path), read_rows(path, settings, _watch_pipes, note_once), settings, scope
            )
        except DataError as fault:
            if on_fault is None:
                raise
            on_fault(fault)


def split_texts(texts: Iterable[str], settings: InputSettings, scope: int = 1) -> Iterator[Event]:
    """Yield the passages of texts that are no files; `auto` takes them for running text."""
    format = "text" if settings.format == AUTO else settings.format
    reading = replace(settings, format=format, encoding="utf-8")
    for number, text in enumerate(texts):
        name = f"text#{number}" if number else "text"
        stream = cast(BufferedReader, BufferedReader(BytesIO(text.encode("utf-8", "surrogateescape"))))
        yield from _group(name, read_rows(OpenedFile(name, stream), reading), reading, scope)


def split_text(doc: str, text: str, settings: InputSettings = _USUAL, scope: int = 1) -> Iterator[Passage]:
    """Yield the passages of one text that is at hand."""
    for event in _group(doc, split_rows([text], settings), settings, scope):
        assert isinstance(event, Passage)
        yield event


def _group(name: str, rows: Iterable[Row | Pause], settings: InputSettings, scope: int) -> Iterator[Event]:
    """Put sentences of one document together; a file's first document has its name, the others a number behind it."""
    most = 1 if settings.format in ("lines", "tokens") else scope
    waiting: list[Row] = []

    def passage() -> Passage:
        document = waiting[0].document
        doc = waiting[0].doc or (f"{name}#{document}" if document else name)
        return Passage(doc, waiting, settings.language)

    try:
        for row in rows:
            if isinstance(row, Pause):
                if waiting and row.is_quiet:
                    yield passage()
                    waiting = []
                yield row
                continue
            is_space = not row.text
            if waiting and is_space and _follows(waiting[-1], row):
                waiting[-1] = waiting[-1]._replace(space=waiting[-1].space + row.space)
                continue
            if waiting and (is_space or row.document != waiting[0].document):
                yield passage()
                waiting = []
            waiting.append(row)
            if is_space or len(waiting) == most:
                yield passage()
                waiting = []
    except DataError:
        if waiting:
            yield passage()  # what stands before the fault
        raise
    if waiting:
        yield passage()


def _follows(row: Row, space: Row) -> bool:
    """Say whether white space goes with the sentence that waits; more than anybody writes is passed on."""
    return row.document == space.document and space.rows is None and len(row.space) < _LARGEST_SPACE


def _watch_pipes(path: FilePath, items: Iterable[T]) -> Iterator[T | Pause]:
    """Yield what a file holds, and a `Pause` whenever a pipe or a person gives nothing for a while."""
    if not is_stdin(path) and Path(path).is_file():
        yield from items
        return
    is_typed = is_stdin(path) and sys.stdin.isatty()
    for item in watch_for_pauses(items):
        yield item._replace(is_typed=is_typed) if isinstance(item, Pause) else item


def watch_for_pauses(items: Iterable[T]) -> Iterator[T | Pause]:
    """Yield items as they come, and a `Pause` while they come slowly; another thread waits for them.

    Items that lie ready are never interrupted, so that fast input is treated like a file.
    """
    waiting: queue.Queue[tuple[T | None, BaseException | None, bool]] = queue.Queue(_WAITING_PIECES)
    abandoned = threading.Event()

    def put(item: tuple[T | None, BaseException | None, bool]) -> None:
        while not abandoned.is_set():
            try:
                waiting.put(item, timeout=1.0)
                return
            except queue.Full:
                continue

    def pull(keep: object) -> None:
        try:
            for item in items:
                put((item, None, False))
                if abandoned.is_set():
                    return
        except BaseException as error:  # raised again where the items are used
            put((None, error, False))
        else:
            put((None, None, True))

    # The thread may be waiting for input for ever. It must not keep Python from ending, and it holds the standard
    # input so that ending Python doesn't try to close a stream that is being read.
    threading.Thread(target=pull, args=(sys.stdin,), name="tagger-input", daemon=True).start()
    try:
        answered = time.monotonic()
        while True:
            if waiting.empty() and time.monotonic() - answered > _QUIET:
                yield Pause(is_quiet=False)
                answered = time.monotonic()
            try:
                item, error, ended = waiting.get(timeout=_QUIET)
            except queue.Empty:
                yield Pause()
                answered = time.monotonic()
                continue
            if error is not None:
                raise error
            if ended:
                return
            yield item  # type: ignore[misc]
    finally:
        abandoned.set()
