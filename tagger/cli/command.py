"""What every command shares, whatever its options."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, cast

from typer import BadParameter, Exit
from typer.core import TyperCommand, TyperOption

from tagger.training.launch import find_launch, is_first

_PATHS = {"FILE", "DIR", "IN", "OUT", "MODEL", "INPUT", "TRAIN", "GOLD", "PREDICTED", "OTHER"}
_USAGE_ERROR = cast(
    type[Exception], BadParameter.__base__
)  # of click, which some versions of typer bring along

# Seconds that the first of several processes has to tell a mistake: a launcher ends them all once one of them fails.
_TELLING = 10.0


class Command(TyperCommand):
    """A command whose switches show no value in help, whose paths are never empty, and which ends as asked."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if self.help:  # a line of a docstring ends where a screen may go on
            paragraphs = self.help.split("\n\n")
            self.help = "\n\n".join(" ".join(each.split()) for each in paragraphs)

    def get_params(self, ctx: Any) -> list[Any]:
        """Return arguments and options, `--help` among them."""
        parameters = super().get_params(ctx)
        for parameter in parameters:
            if isinstance(parameter, TyperOption) and parameter.is_flag and parameter.metavar is None:
                parameter.metavar = ""  # some versions of typer would write `<bool>`
        return parameters

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse an empty path, such as a variable of a shell that isn't set: it would be the current folder."""
        typed, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        for parameter in self.get_params(ctx):
            value = typed.get(parameter.name)
            values = value if isinstance(value, list | tuple) else (value,)
            if "" in values and _is_path(parameter):
                raise BadParameter("found an empty path, expected a name", ctx=ctx, param=parameter)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; an end of input that nobody expected is a fault of ours, not the user's `Aborted.`."""
        try:
            return super().invoke(ctx)
        except EOFError as error:
            raise RuntimeError("an input ended too early") from error


class SharedCommand(Command):
    """A command that torchrun may start several times: the first process talks, a mistake is told once."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the options, which are the same in all processes."""
        if is_first():
            return super().parse_args(ctx, args)
        with _muted():
            try:
                return super().parse_args(ctx, args)
            except _USAGE_ERROR:
                time.sleep(_TELLING)
                raise SystemExit(2) from None

    def invoke(self, ctx: Any) -> Any:
        """Run the command together with the other processes, if there are any."""
        if find_launch() is None:
            return super().invoke(ctx)
        from tagger.api.sources import require_torch

        require_torch("training in several processes")
        from tagger.training.workers.peers import ToldElsewhereError, joined

        leaving: Exit | None = None
        try:
            with joined(), nullcontext() if is_first() else _muted():
                try:
                    return super().invoke(ctx)
                except Exit as end:  # with a code of its own, as after a stop: no failure
                    leaving = end
        except ToldElsewhereError:
            raise SystemExit(1) from None
        raise leaving


@contextmanager
def _muted() -> Iterator[None]:
    """Let nothing that is printed be seen."""
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
    ):
        yield


def _is_path(parameter: Any) -> bool:
    is_argument = parameter.param_type_name == "argument"
    return parameter.metavar in _PATHS or (is_argument and parameter.metavar == "TEXT")
