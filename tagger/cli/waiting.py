"""What a terminal shows while a command works through its inputs: how far it is, how fast, how long it will take.

Only where somebody waits: the bar comes when there was something to wait for. Nothing runs beside the work: it is
drawn where the work passes by, a few times a second, and costs a look at the clock otherwise.
"""

from __future__ import annotations

import stat
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from os import fspath
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tagger.cli.streams import has_drawing_terminal
from tagger.text.counting import count_of
from tagger.text.files import FilePath, WatchedFile, is_stdin

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from tagger.runtime.workers import Answer
    from tagger.text.passages import Event

PATIENCE = 0.5  # seconds that nobody calls waiting
_BETWEEN = 0.25  # seconds between two drawings, each of which takes a millisecond


class Waiting:
    """A bar on stderr while a command works through its inputs.

    It is a context: whatever ends it takes the bar off the screen. Sentences printed on the same console stand above.

    Args:
        console: of stderr.
        is_wanted: whether there shall be one, should stderr be a terminal.
    """

    def __init__(self, console: Console, *, is_wanted: bool = True) -> None:
        self._console = console
        self._is_shown = is_wanted and has_drawing_terminal()
        self._bar: tuple[Progress, TaskID] | None = None
        self._size: int | None = None  # bytes of all files that are read
        self._read = self._rows = 0  # bytes and rows of them so far
        self.turn_to("reading", "row")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the bar off the screen."""
        if self._bar is not None:
            bar, self._bar = self._bar[0], None
            bar.stop()

    def turn_to(self, work: str, unit: str) -> None:
        """Begin another stretch of work.

        Args:
            work: what is done.
            unit: what is counted, one of them.
        """
        patience = PATIENCE if self._bar is None else 0.0
        self.stop()
        self._work, self._unit = work, unit
        self._began = time.monotonic()
        self._next = self._began + patience

    def watch(self, paths: Iterable[FilePath]) -> list[FilePath]:
        """Return files such that the bar knows how far they have been read; what is no regular file has no share."""
        if not self._is_shown:
            return list(paths)
        watched: list[FilePath] = []
        self._size = self._read = self._rows = 0
        for path in paths:
            size = _size_of(path)
            watched.append(path if size is None else WatchedFile(path, self._hear))
            self._size = None if size is None or self._size is None else self._size + size
        return watched

    def _hear(self, size: int, rows: int) -> None:
        self._read += size
        self._rows += rows
        if self._unit == "row":
            self.show(self._rows, self._read, self._size)

    def show(self, count: int, done: float, whole: float | None) -> None:
        """Draw how far the work is, if it is time to.

        Args:
            count: units so far.
            done: of `whole`, in any measure.
            whole: None: not known.
        """
        if not self._is_shown or (now := time.monotonic()) < self._next:
            return
        self._next = now + _BETWEEN
        if self._bar is None:
            from tagger.cli.progress import make_bar

            bar = make_bar(self._console, has_share=bool(whole), is_driven=True)
            self._bar = bar, bar.add_task(self._work, total=1.0, facts="")
        bar, task = self._bar
        facts = f"{count_of(count, self._unit)}  {count / (now - self._began):,.0f} {self._unit}s/s"
        bar.update(task, completed=min(1.0, done / whole) if whole else 0.0, facts=facts)
        bar.start()  # nothing, if it has begun
        bar.refresh()

    def count_labelled(self, tokens: int, whole: int) -> None:
        """Draw how many of the tokens of a corpus are labelled: from none to all, which are then to be scored."""
        if not tokens:
            self.turn_to("labelling", "token")
        self.show(tokens, tokens, whole)
        if tokens == whole and self._bar is not None:
            bar, task = self._bar
            bar.update(task, description="scoring", completed=1.0, facts="", refresh=True)

    def follow(
        self, events: Iterable[Event], answers: Callable[[Iterable[Event]], Iterator[Answer | None]]
    ) -> Iterator[Answer | None]:
        """Yield the answers to events; what counts as done is what has been answered, not what has been read.

        Args:
            events: what is read of the inputs.
            answers: makes answers of events, in their order.
        """
        if not self._is_shown:
            yield from answers(events)
            return
        places: deque[tuple[int, float]] = deque()
        self.turn_to("labelling", "token")
        sentences = tokens = 0
        done = 0.0
        for answer in answers(self._place(events, places)):
            if answer is not None:
                sentences += answer.sentences
                tokens += answer.tokens
                while places and places[0][0] <= sentences:
                    done = places.popleft()[1]
                self.show(tokens, done, self._size)
            yield answer

    def _place(self, events: Iterable[Event], places: deque[tuple[int, float]]) -> Iterator[Event]:
        """Pass events on, and note behind how many sentences which byte of the inputs stands.

        Files are read by blocks. Within a block the text that came out of it tells, which is all of it where the
        input is text, and less where it has columns or keys beside.
        """
        from tagger.text.passages import Passage

        sentences = before = read = 0  # bytes read before this block, and with it
        size = 0  # of the text that came out of this block, in UTF-8
        for event in events:
            if isinstance(event, Passage):
                if read != self._read:
                    before, read, size = read, self._read, 0
                for row in event.rows:
                    sentences += bool(row.text)
                    size += len(row.text.encode(errors="surrogatepass")) + len(row.space)
                places.append((sentences, before + min(size, read - before)))
            yield event


def are_typed(paths: Iterable[FilePath]) -> bool:
    """Say whether somebody types one of the inputs, on the terminal that a bar would be on."""
    return any(map(is_stdin, paths)) and sys.stdin.isatty()


def _size_of(path: FilePath) -> int | None:
    """Return the size of a regular file in bytes; None of anything else, or where nobody can tell."""
    if is_stdin(path):
        return None
    try:
        found = Path(fspath(path)).stat()
    except (OSError, ValueError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None
