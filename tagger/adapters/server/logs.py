"""A line for everything that happens to a server: for people, or as JSON. No word of a text is ever among them."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
import traceback
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TextIO

_MOMENT = 0.02  # seconds
_TOGETHER = 16  # lines
_MOST_LINES = 5_000  # that wait for somebody to read them
_PATIENCE = 1.0  # seconds, at the end

_LOGGER = logging.getLogger("tagger.server")


class LogFormat(StrEnum):
    """How lines are written."""

    TEXT = "text"
    JSON = "json"


def set_up_logs(format: LogFormat, *, is_quiet: bool = False) -> None:
    """Write lines to stderr; quiet: warnings and errors alone. Those of uvicorn go the same way."""
    handler = _Gatherer(sys.stderr)
    handler.setFormatter(_JsonFormatter() if format is LogFormat.JSON else _TextFormatter())
    for logger, level in ((_LOGGER, logging.INFO), (logging.getLogger("uvicorn"), logging.WARNING)):
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.WARNING if is_quiet else level)


def log(event: str, sentence: str = "", **facts: Any) -> None:
    """Write a line: what happened, with numbers and names that tell of it; for people a sentence if there is one."""
    if _LOGGER.isEnabledFor(logging.INFO):
        _LOGGER.info(event, extra={"facts": facts, "sentence": sentence})


def log_warning(event: str, **facts: Any) -> None:
    """Write a line that somebody should look at."""
    _LOGGER.warning(event, extra={"facts": facts})


def log_failure(event: str, error: BaseException, **facts: Any) -> None:
    """Write a line about a fault of ours: where it is in the program, not what it says, which may quote a text."""
    steps = traceback.extract_tb(error.__traceback__)
    where = [f"{step.filename.rpartition('tagger/')[2]}:{step.lineno}" for step in steps[-4:]]
    _LOGGER.error(event, extra={"facts": {**facts, "kind": type(error).__name__, "where": where}})


class _Gatherer(logging.Handler):
    """Writes lines from a thread, those of a moment together.

    Under load, writing each by itself took a tenth of the time. And a pipe that nobody reads, once it is full, would
    stop the server; so only the thread waits for it, and lines beyond some thousands are left out.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._begin()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin)  # threads don't come along

    def _begin(self) -> None:
        self._lines: deque[str] = deque(maxlen=_MOST_LINES)
        self._came = threading.Event()
        self._thread: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Let a line wait to be written."""
        self._lines.append(self.format(record))
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, name="tagger-log", daemon=True)
            self._thread.start()
        self._came.set()

    def flush(self) -> None:
        """Wait until all is written, but not for ever."""
        until = time.monotonic() + _PATIENCE
        while (self._lines or self._came.is_set()) and time.monotonic() < until:
            time.sleep(0.01)

    def _write(self) -> None:
        while True:
            self._came.wait()
            time.sleep(_MOMENT)
            while self._lines:
                # So few at once that a pipe doesn't mix them with those of another process.
                lines = [self._lines.popleft() for _ in range(min(len(self._lines), _TOGETHER))]
                with suppress(OSError, ValueError):  # nobody reads stderr any more
                    self._stream.write("".join([f"{line}\n" for line in lines]))
                    self._stream.flush()
            self._came.clear()
            if self._lines:
                self._came.set()


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        facts = getattr(record, "facts", {})
        told = "".join(f" {name}={value}" for name, value in facts.items())
        mark = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        clock = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        return f"{clock} {mark}{getattr(record, 'sentence', '') or record.getMessage() + told}"


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        facts = getattr(record, "facts", {})
        return json.dumps(
            {"time": moment, "level": record.levelname.lower(), "event": record.getMessage(), **facts},
            ensure_ascii=False,
            default=str,
        )
