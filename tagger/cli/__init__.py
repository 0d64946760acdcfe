"""The command line: one file per command. A command parses, calls one verb of the library and renders.

Heavy modules (torch and numpy above all) are imported inside the commands, so that `tagger --help` is instant.
Results go to stdout, messages to stderr. Exit codes: 0 done; 1 data, model or disk at fault; 2 usage;
130 interrupted; 143 ended by SIGTERM.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Annotated

import typer

from tagger.cli.agree import agree
from tagger.cli.check import check
from tagger.cli.command import Command, SharedCommand
from tagger.cli.config import config
from tagger.cli.convert import convert
from tagger.cli.distill import distill
from tagger.cli.drift import drift
from tagger.cli.evaluate import evaluate
from tagger.cli.generate import generate
from tagger.cli.inspect import inspect
from tagger.cli.next import next
from tagger.cli.predict import predict
from tagger.cli.pretrain import pretrain
from tagger.cli.review import review
from tagger.cli.score import score
from tagger.cli.serve import serve
from tagger.cli.signals import ended_by_signals
from tagger.cli.split import split
from tagger.cli.streams import prepare_streams
from tagger.cli.train import train
from tagger.errors import TaggerError
from tagger.text.escape import escape_line
from tagger.version import __version__

app = typer.Typer(
    name="tagger",
    help="Train, evaluate and run BiLSTM-CRF sequence labellers on CoNLL files.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for command in (
    train,
    distill,
    evaluate,
    predict,
    serve,
    drift,
    next,
    score,
    check,
    split,
    agree,
    review,
    convert,
    inspect,
    pretrain,
    generate,
    config,
):
    app.command(cls=SharedCommand if command in (train, pretrain) else Command)(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tagger {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", metavar="", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Train, evaluate and run BiLSTM-CRF sequence labellers on CoNLL files."""


def main() -> None:
    """Run the command line; a user's mistake becomes one line on stderr and exit code 1."""
    # Commands share work out among processes; threads of OpenBLAS that nobody uses cost a tenth of a second to start.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    prepare_streams()
    try:
        with ended_by_signals():
            app()
    except TaggerError as error:
        print(f"error: {escape_line(str(error))}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:  # the disk below a redirected stdout is full, for instance
        print(f"error: {escape_line(_describe(error))}", file=sys.stderr, flush=True)
        with suppress(
            OSError, ValueError
        ):  # or the interpreter tries to write the rest once more, and complains
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except MemoryError:
        print("error: memory ran out; give a smaller input, free some, or raise the limit", file=sys.stderr)
        sys.exit(1)


def _describe(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}"
