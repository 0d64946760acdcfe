"""`tagger predict`: raw text, lines, tokens or columns in; labelled text out, as fast as it comes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TextIO

import typer

from tagger.cli.options import ENCODING, READING, RESULTS, MinConfidence, one_of
from tagger.errors import ConfigError, DataError
from tagger.text.counting import count_of

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.runtime.workers import Answer
    from tagger.text.formats import Format, LabelledSentence


_Model = Annotated[Path, typer.Argument(help="Model directory.")]
_Inputs = Annotated[
    list[str] | None,
    typer.Argument(metavar="[INPUT ...|-]", help="Files and folders; - or none: the standard input."),
]
_Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="File for the results (brat: a folder); else they are printed.",
        rich_help_panel=RESULTS,
    ),
]
_InputFormat = Annotated[
    str,
    typer.Option(
        help="text: running text; lines: a sentence a line; tokens: the same, tokens between blanks; "
        "conll: columns, the token's as in training.",
        rich_help_panel=READING,
        **one_of(("text", "lines", "tokens", "conll")),
    ),
]
_Format = Annotated[
    str | None,
    typer.Option(
        help="Format of the results; else coloured text on a terminal, or jsonl.",
        rich_help_panel=RESULTS,
        **one_of(("jsonl", "conll", "tsv", "inline", "html", "brat", "doccano", "labelstudio")),
    ),
]
_Best = Annotated[
    int,
    typer.Option(min=0, metavar="N", help="Also give the N best readings (jsonl).", rich_help_panel=RESULTS),
]
_Workers = Annotated[int, typer.Option(min=0, metavar="N", help="Processes that label; 0: one per core.")]
_Encoding = Annotated[str, typer.Option(help="Encoding of the input.", rich_help_panel=READING, **ENCODING)]
_Errors = Annotated[
    str,
    typer.Option(
        help="Invalid bytes: strict (an error) or replace (by U+FFFD).",
        rich_help_panel=READING,
        **one_of(("strict", "replace")),
    ),
]
_Language = Annotated[
    str,
    typer.Option(
        metavar="CODE",
        help="Language of running text, such as de: whose abbreviations end no sentence.",
        rich_help_panel=READING,
    ),
]
_Device = Annotated[
    str, typer.Option(help="auto: a GPU if there is one.", **one_of(("auto", "cpu", "cuda", "mps")))
]


def predict(
    model: _Model,
    inputs: _Inputs = None,
    input_format: _InputFormat = "text",
    output: _Output = None,
    format: _Format = None,
    min_confidence: MinConfidence = None,
    nbest: _Best = 0,
    workers: _Workers = 1,
    encoding: _Encoding = "utf-8",
    errors: _Errors = "strict",
    language: _Language = "en",
    device: _Device = "cpu",
) -> None:
    """Label raw text with a trained model.

    Example: [bold]tagger predict models/en letter.txt --format inline[/bold]
    """
    from rich.console import Console

    from tagger.cli.signals import asked_to_stop
    from tagger.text.formats import find_format

    name = format or (None if output is None and sys.stdout.isatty() else "jsonl")
    chosen = None if name is None else find_format(name)
    if nbest and name != "jsonl":
        raise ConfigError("the readings are part of jsonl alone; give --format jsonl", "--nbest")
    talk = Console(stderr=True, highlight=False)
    wanted = _Wanted(min_confidence, nbest, name, workers or os.cpu_count() or 1, device)
    reading = {"format": input_format, "encoding": encoding, "errors": errors, "language": language}
    answers = _answers(model, inputs or ["-"], reading, wanted)
    with asked_to_stop(talk, "the sentences at work") as stop:
        progress = _Progress(stop)
        _write_all(answers, progress, chosen, output)
    _say_how_far(talk, progress, output)


class _Wanted(NamedTuple):
    """What answers hold, and what makes them."""

    min_confidence: float | None
    nbest: int
    format: str | None
    workers: int
    device: str


class _Progress:
    """How far the output has come, and whether it is to go on."""

    def __init__(self, stop: Callable[[], bool]) -> None:
        self._stop = stop
        self.written = 0
        self.tokens = 0
        self.place = "before the first sentence"
        self.is_stopped = False

    def follow(self, answers: Iterable[Answer | None], stream: TextIO) -> Iterator[Answer]:
        """Pass answers on until the user asks to stop; each is flushed before the next is waited for."""
        for answer in answers:
            if answer is not None:
                yield answer
                stream.flush()
                self.written += answer.sentences
                self.tokens += answer.tokens
                self.place = (
                    f"after {count_of(self.written, 'sentence')}, at character {answer.end:,} of {answer.doc}"
                )
            if self._stop():
                self.is_stopped = True
                return

    def sentences(self, answers: Iterable[Answer | None], stream: TextIO) -> Iterator[LabelledSentence]:
        """Pass the sentences of answers on."""
        for answer in self.follow(answers, stream):
            assert not isinstance(answer.content, str)
            yield from answer.content


def _answers(
    model: Path,
    inputs: list[str],
    reading: dict[str, Any],
    wanted: _Wanted,
) -> Iterator[Answer | None]:
    """Load the model and label the inputs; None where the input pauses."""
    from tagger.runtime.collector import resting_collector, spare_collector

    with resting_collector():
        from tagger.api.sources import load
        from tagger.runtime.decode import Question
        from tagger.runtime.workers import answer
        from tagger.text.passages import read_passages
        from tagger.text.raw import InputSettings, find_files

        files = find_files(inputs)
        tagger = load(model, device=wanted.device)
    spare_collector()
    reading |= {
        "token_column": tagger.model.config.corpus.token_column,
        "blank_tokens": tagger.model.config.corpus.blank_tokens,
        "feature_columns": tagger.feature_columns,
    }
    events = read_passages(files, InputSettings(**reading), tagger.scope)
    yield from answer(
        tagger,
        events,
        Question(min_confidence=wanted.min_confidence, nbest=wanted.nbest),
        format=wanted.format,
        workers=wanted.workers,
    )


def _write_all(
    answers: Iterable[Answer | None], progress: _Progress, format: Format | None, output: Path | None
) -> None:
    """Write the results to a file, to a file for each document, or to the standard output."""
    if format is not None and format.is_per_document:
        _write_documents(progress.sentences(answers, sys.stdout), format, output)
        return
    with _printing() if output is None else _opened(output) as stream:
        _write(answers, progress, format, stream)


def _say_how_far(talk: Console, progress: _Progress, output: Path | None) -> None:
    """Say on stderr where the results are, and where they end if the user stopped."""
    if progress.is_stopped:
        held = "" if output is None else f"; {output} holds all results up to there"
        talk.print(f"stopped {progress.place}{held}", markup=False, soft_wrap=True)
        raise typer.Exit(130)
    if output is not None:
        talk.print(
            f"{count_of(progress.written, 'sentence')}, {count_of(progress.tokens, 'token')} -> {output}",
            markup=False,
        )


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """Open a file for the results."""
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        raise DataError(
            f"cannot be written: {error.strerror or error}; choose another --output", path
        ) from error


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


def _write(
    answers: Iterable[Answer | None], progress: _Progress, format: Format | None, stream: TextIO
) -> None:
    """Write answers as they come."""
    from tagger.text.escape import escape_controls
    from tagger.text.formats import write_terminal

    if format is not None and format.is_separable:
        texts: Iterator[str] = (str(answer.content) for answer in progress.follow(answers, stream))
    else:
        write = write_terminal if format is None else format.format_sentences
        texts = write(progress.sentences(answers, stream))
    is_shown = format is not None and stream.isatty()
    for text in texts:
        stream.write(escape_controls(text) if is_shown else text)


def _write_documents(sentences: Iterable[LabelledSentence], format: Format, folder: Path | None) -> None:
    """Write each document to a file of its own."""
    taken: set[str] = set()
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(
                f"cannot be used as a folder: {error.strerror}; choose another --output", folder
            ) from error
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
        with _opened(folder / f"{name}{format.suffix}") as file:
            file.writelines(format.format_sentences(inside))


def _names(stem: str) -> Iterator[str]:
    yield stem
    number = 2
    while True:
        yield f"{stem}-{number}"
        number += 1
