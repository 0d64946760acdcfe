"""A line for everything that happens to a server: for people, or as JSON. No word of a text is ever among them."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TextIO

_PATIENCE = 0.05  # seconds that a line may wait
_TOGETHER = 16  # lines written at once: few enough for a pipe not to mix them with those of another process

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


class _Gatherer(logging.StreamHandler[TextIO]):
    """Writes the lines of one turn of the event loop together: under load, writing each took a tenth of the time."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line until the turn is over; outside of an event loop, write it."""
        self._lines.append(self.format(record))
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._write()
            return
        if len(self._lines) == 1:
            loop.call_later(_PATIENCE, self._write)

    def flush(self) -> None:
        """Write what is there."""
        if self._lines:
            self._write()

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        with suppress(OSError, ValueError):  # nobody reads stderr any more
            for start in range(0, len(lines), _TOGETHER):
                self.stream.write("".join([f"{line}\n" for line in lines[start : start + _TOGETHER]]))
                self.stream.flush()


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
