"""Where `tagger predict` puts its results, as fast as they come: a file, a file for each document, or stdout."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import typer

from tagger.cli.messages import say
from tagger.cli.waiting import PATIENCE
from tagger.errors import ConfigError, DataError, TaggerError
from tagger.text.counting import count_of
from tagger.text.output import check_output, open_output

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.cli.signals import Stop
    from tagger.runtime.workers import Answer
    from tagger.text.files import FilePath
    from tagger.text.formats import Format, LabelledSentence

_ADVICE = "choose another --output"


class _NothingFoundError(Exception):
    """The user stopped before the first result, so the old output stays."""


class Results:
    """Writes answers, and knows how far it has come.

    Args:
        format: of what is written; None: lines for a person.
        output: the file, or the folder for a file of each document; None: stdout.
        inputs: the files that are read, which nothing is written over.
        stop: whether the user asked to stop.
        is_coloured: whether lines for a person have colours.
    """

    def __init__(
        self,
        format: Format | None,
        output: Path | None,
        inputs: Sequence[FilePath],
        stop: Stop,
        *,
        is_coloured: bool,
    ) -> None:
        self._format = format
        self._output = output
        self._inputs = inputs
        self._stop = stop
        self._is_coloured = is_coloured
        self._sentences = 0
        self._tokens = 0
        self._seconds = 0.0
        self._place = "before the first sentence"

    def write(self, answers: Iterable[Answer | None], console: Console) -> None:
        """Write all answers; None stands for a pause of the input.

        Args:
            answers: what is written.
            console: where it is said how far a file goes that doesn't hold all of them.

        Raises:
            DataError: the disk refuses, or what the answers are made from is at fault. A file holds all results up
                to there where there are any, and says so; else it stays as it was.
        """
        began = time.monotonic()
        if self._format is not None and self._format.is_per_document:
            self._write_documents(self._labelled(answers, sys.stdout), self._format)
        elif self._output is None:
            with _printing() as stream:
                self._write(answers, stream)
        else:
            fault = None
            with suppress(_NothingFoundError), open_output(self._output, _ADVICE) as stream:
                try:
                    self._write(answers, stream)
                except TaggerError as error:
                    if not self._sentences:
                        raise
                    fault = error
                if self._stop() and not self._sentences:
                    raise _NothingFoundError
            if fault is not None:
                say(console, f"{self._output} holds all results {self._place}")
                raise fault
        self._seconds = time.monotonic() - began

    def say_how_far(self, console: Console, *, is_quiet: bool) -> None:
        """Say on stderr where the results are, if that is wanted, and where they end if the user stopped."""
        if self._stop():
            kept = "holds all results up to there" if self._sentences else "is as it was"
            held = "" if self._output is None else f"; {self._output} {kept}"
            console.print(f"stopped {self._place}{held}", markup=False, soft_wrap=True)
            raise typer.Exit(self._stop.exit_code)
        if self._output is not None and not is_quiet:
            counts = f"{count_of(self._sentences, 'sentence')}, {count_of(self._tokens, 'token')}"
            rate = f" in {self._seconds:,.1f} s, {self._tokens / max(self._seconds, PATIENCE):,.0f} tokens/s"
            say(console, f"{counts}{rate if self._seconds >= PATIENCE else ''} -> {self._output}")

    def _follow(self, answers: Iterable[Answer | None], stream: TextIO) -> Iterator[Answer]:
        """Pass answers on until the user asks to stop; each is flushed before the next is waited for."""
        from tagger.runtime.workers import LostWorkerError

        try:
            for answer in answers:
                if answer is not None:
                    yield answer
                    stream.flush()
                    self._sentences += answer.sentences
                    self._tokens += answer.tokens
                    so_far = count_of(self._sentences, "sentence")
                    self._place = f"after {so_far}, at character {answer.end:,} of {answer.doc}"
                if self._stop():
                    return
        except LostWorkerError:
            if not self._stop():  # a signal to the whole group ends them with the first process
                raise

    def _labelled(self, answers: Iterable[Answer | None], stream: TextIO) -> Iterator[LabelledSentence]:
        """Pass the sentences of answers on."""
        for answer in self._follow(answers, stream):
            assert not isinstance(answer.content, str)
            yield from answer.content

    def _write(self, answers: Iterable[Answer | None], stream: TextIO) -> None:
        """Write answers as they come."""
        from tagger.text.escape import escape_controls
        from tagger.text.formats import write_terminal

        if self._format is not None and self._format.is_separable:
            texts: Iterator[str] = (str(answer.content) for answer in self._follow(answers, stream))
        else:
            write = (
                partial(write_terminal, is_coloured=self._is_coloured)
                if self._format is None
                else self._format.format_sentences
            )
            texts = write(self._labelled(answers, stream))
        is_shown = self._format is not None and stream.isatty()
        for text in texts:
            stream.write(escape_controls(text) if is_shown else text)

    def _write_documents(self, sentences: Iterable[LabelledSentence], format: Format) -> None:
        """Write each document to a file of its own."""
        folder = self._output
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise DataError(f"cannot be used as a folder: {error.strerror}; {_ADVICE}", folder) from error
        taken: set[str] = set()
        for number, (doc, inside) in enumerate(groupby(sentences, key=lambda sentence: sentence.doc)):
            if folder is None:
                if number:
                    raise ConfigError(
                        "every document needs a file of its own; give a folder with --output", "--format"
                    )
                with _printing() as stream:
                    stream.writelines(format.format_sentences(inside))
                continue
            stem = "stdin" if doc == "-" else Path(doc).name.removesuffix(".txt")
            name = next(name for name in _names(stem) if name not in taken)
            taken.add(name)
            file = folder / f"{name}{format.suffix}"
            check_output(file, self._inputs)
            with open_output(file, _ADVICE) as stream:
                stream.writelines(format.format_sentences(inside))


@contextmanager
def _printing() -> Iterator[TextIO]:
    """Print the results; a reader that has seen enough and closed the pipe (`| head`) ends the command quietly."""
    try:
        yield sys.stdout
        sys.stdout.flush()
    except OSError as error:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # what waits in the buffer goes nowhere
        if not isinstance(error, BrokenPipeError):
            raise DataError(f"cannot be written: {error.strerror or error}", "<stdout>") from error


def _names(stem: str) -> Iterator[str]:
    yield stem
    number = 2
    while True:
        yield f"{stem}-{number}"
        number += 1
