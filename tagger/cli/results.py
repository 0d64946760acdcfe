"""Where `tagger predict` puts its results, as fast as they come: a file, a file for each document, or stdout."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, TextIO, cast

import typer

from tagger.cli.messages import say, warn
from tagger.cli.waiting import PATIENCE
from tagger.errors import ConfigError, DataError, TaggerError
from tagger.text.counting import count_of
from tagger.text.output import check_output, identify, identify_all, open_binary, open_output

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.cli.signals import Stop
    from tagger.runtime.trained import TrainedModel
    from tagger.runtime.workers import Answer
    from tagger.text.files import FilePath
    from tagger.text.formats import Format, LabelledSentence, Writer

_ADVICE = "choose another --output"


def find_format_for(
    model: TrainedModel, name: str, column: str | None = None, *, directory: Path, by_line: bool
) -> Format:
    """Return a format for what a model finds: CoNLL-U with its column, an annotation tool's with the model.

    Args:
        model: what finds it.
        name: of the format.
        column: of CoNLL-U; None: the usual one for tags of the model's.
        directory: of the model, which has a name.
        by_line: each sentence is a text of its own.
    """
    from tagger.runtime.directory import name_version
    from tagger.text.formats import find_format, usual_column
    from tagger.text.formats.conllu import write_words

    format = find_format(name)
    if format.write_found is not None:
        return format.of_version(name_version(directory), by_line=by_line)
    if name != "conllu":
        return format
    return replace(
        format, write=partial(write_words, column=column or usual_column(model.scheme, model.task))
    )


class _NothingFoundError(Exception):
    """The user stopped before the first result, so the old output stays."""


class Results:
    """Writes answers, and knows how far it has come.

    Args:
        format: of what is written; None: what `show` writes, for a person.
        show: writes for a person at a terminal.
        output: the file, or the folder for a file of each document; None: stdout.
        inputs: the files that are read, which nothing is written over.
        stop: whether the user asked to stop.
        types: those that spans may have, for a folder that lists them.
    """

    def __init__(
        self,
        format: Format | None,
        show: Writer,
        output: Path | None,
        inputs: Sequence[FilePath],
        stop: Stop,
        types: Iterable[str] = (),
    ) -> None:
        self._format = format
        self._show = show
        self._output = output
        self._inputs = inputs
        self._stop = stop
        self._types = types
        self._kept: list[Path] = []  # settings of a folder that were there
        self._sentences = 0
        self._tokens = 0
        self._fault: TaggerError | None = None
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
            self._write_documents(_sentences(self._follow(answers, sys.stdout)), self._format)
        elif self._output is None:
            with _printing() as stream:
                self._write(answers, stream)
        else:
            with suppress(_NothingFoundError):
                self._write_file(answers, self._output)
            if self._fault is not None:
                say(console, f"{self._output} holds all results {self._place}")
        if self._fault is not None:
            raise self._fault
        self._seconds = time.monotonic() - began

    def _write_file(self, answers: Iterable[Answer | None], output: Path) -> None:
        """Write a file, unless there is nothing to be written since the user stopped, or since there was a fault."""
        is_binary = self._format is not None and self._format.save is not None
        with open_binary(output, _ADVICE) if is_binary else open_output(output, _ADVICE) as stream:
            if is_binary and stream.isatty():
                raise DataError("is a terminal, expected a file: the format is no text", output)
            self._write(answers, stream)
            if self._sentences:
                return
            if self._fault is not None:
                raise self._fault
            if self._stop():
                raise _NothingFoundError

    def say_how_far(self, console: Console, *, is_quiet: bool) -> None:
        """Say on stderr where the results are, if that is wanted, and where they end if the user stopped."""
        for path in self._kept:
            warn(console, f"{path}: was there already and stays as it is; without it, it is written anew")
        if self._stop():
            kept = "holds all results up to there" if self._sentences else "is as it was"
            held = "" if self._output is None else f"; {self._output} {kept}"
            console.print(f"stopped {self._place}{held}", markup=False, soft_wrap=True)
            raise typer.Exit(self._stop.exit_code)
        if self._output is not None and not is_quiet:
            counts = f"{count_of(self._sentences, 'sentence')}, {count_of(self._tokens, 'token')}"
            rate = f" in {self._seconds:,.1f} s, {self._tokens / max(self._seconds, PATIENCE):,.0f} tokens/s"
            say(console, f"{counts}{rate if self._seconds >= PATIENCE else ''} -> {self._output}")

    def _follow(self, answers: Iterable[Answer | None], stream: IO[Any]) -> Iterator[Answer]:
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

    def _until_fault(self, answers: Iterable[Answer]) -> Iterator[Answer]:
        """Pass answers on up to a fault, and remember that: what is written up to there gets its proper end."""
        try:
            yield from answers
        except TaggerError as fault:
            self._fault = fault

    def _write(self, answers: Iterable[Answer | None], stream: IO[Any]) -> None:
        """Write answers as they come."""
        from tagger.text.escape import escape_controls

        followed = self._until_fault(self._follow(answers, stream))
        if self._format is not None and self._format.is_separable:
            texts: Iterator[str] = (str(answer.content) for answer in followed)
        elif self._format is not None and self._format.save is not None:
            self._format.save(_sentences(followed), cast(BinaryIO, stream))
            return
        else:
            write = self._show if self._format is None else self._format.format_sentences
            texts = write(_sentences(followed))
        is_shown = self._format is not None and stream.isatty()
        for text in texts:
            stream.write(escape_controls(text) if is_shown else text)

    def _write_documents(self, sentences: Iterable[LabelledSentence], format: Format) -> None:
        """Write each document to a file of its own, and its text beside it."""
        from tagger.text.formats.brat_folder import copy_text

        folder = self._output
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise DataError(f"cannot be used as a folder: {error.strerror}; {_ADVICE}", folder) from error
        taken: set[str] = set()
        inputs = identify_all(self._inputs)
        for number, (doc, inside) in enumerate(groupby(sentences, key=lambda sentence: sentence.doc)):
            if folder is None:
                if number:
                    raise ConfigError(
                        "every document needs a file of its own; give a folder with --output", "--format"
                    )
                with _printing() as stream:
                    stream.writelines(format.format_sentences(inside))
                continue
            base = _choose_base(folder, doc, taken, inputs)
            file, text = base.with_name(f"{base.name}{format.suffix}"), base.with_name(f"{base.name}.txt")
            check_output(file, [file] if identify(file) in inputs else [])
            if identify(text) in identify_all([doc]):  # it was read where results go: it is there already
                with open_output(file, _ADVICE) as stream:
                    stream.writelines(format.format_sentences(inside))
                continue
            with open_output(file, _ADVICE) as stream, open_output(text, _ADVICE) as copy:
                stream.writelines(format.format_sentences(copy_text(inside, copy)))
        if folder is not None and format.write_settings is not None:
            self._kept = format.write_settings(folder, self._types)


def _sentences(answers: Iterable[Answer]) -> Iterator[LabelledSentence]:
    """Yield the sentences of answers."""
    for answer in answers:
        assert not isinstance(answer.content, str)
        yield from answer.content


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


def _choose_base(folder: Path, doc: str, taken: set[str], inputs: set[tuple[int, int]]) -> Path:
    """Return where the files of a document go, without their suffixes; never over the text of another one."""
    stem = "stdin" if doc == "-" else Path(doc).name.removesuffix(".txt")
    for name in _names(stem):
        there = identify(folder / f"{name}.txt")
        if name not in taken and (there not in inputs or there in identify_all([doc])):
            break
    taken.add(name)
    return folder / name


def _names(stem: str) -> Iterator[str]:
    yield stem
    number = 2
    while True:
        yield f"{stem}-{number}"
        number += 1
