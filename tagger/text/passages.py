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
from pathlib import Path
from typing import NamedTuple, TypeVar

from tagger.text.files import FilePath, is_stdin
from tagger.text.raw import InputSettings, Pause, Row, find_files, read_rows, split_rows

T = TypeVar("T")

_QUIET = 0.3  # seconds without input after which what waits is answered
_WAITING_PIECES = 16


class Passage(NamedTuple):
    """Neighbouring sentences of a document that have a say in each other's labels."""

    doc: str
    rows: list[Row]


Event = Passage | Pause


def read_passages(paths: Sequence[FilePath], settings: InputSettings, scope: int = 1) -> Iterator[Event]:
    """Yield what files hold, in their order; folders stand for all files inside, `-` for the standard input.

    Args:
        paths: the files.
        settings: how they are read.
        scope: sentences of a passage.

    Raises:
        DataError: a file can't be read or decoded.
    """
    stands_alone = settings.format in ("lines", "tokens")
    for path in find_files(paths):
        yield from _group(
            os.fspath(path), read_rows(path, settings, _watch_pipes), 1 if stands_alone else scope
        )


def split_text(doc: str, text: str, language: str = "en", scope: int = 1) -> Iterator[Passage]:
    """Yield the passages of one text that is at hand."""
    for event in _group(doc, split_rows([text], language), scope):
        assert isinstance(event, Passage)
        yield event


def _group(name: str, rows: Iterable[Row | Pause], scope: int) -> Iterator[Event]:
    """Put sentences of one document together; a file's first document has its name, the others a number behind it."""
    waiting: list[Row] = []

    def passage() -> Passage:
        document = waiting[0].document
        return Passage(f"{name}#{document}" if document else name, waiting)

    for row in rows:
        if isinstance(row, Pause):
            if waiting and row.ends_sentence:
                yield passage()
                waiting = []
            yield row
            continue
        if waiting and row.document != waiting[0].document:
            yield passage()
            waiting = []
        waiting.append(row)
        if len(waiting) == scope:
            yield passage()
            waiting = []
    if waiting:
        yield passage()


def _watch_pipes(path: FilePath, items: Iterable[T]) -> Iterator[T | Pause]:
    """Yield what a file holds, and a `Pause` whenever a pipe gives nothing for a while."""
    if not is_stdin(path) and Path(path).is_file():
        yield from items
    else:
        yield from watch_for_pauses(items)


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
                yield Pause(ends_sentence=False)
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
