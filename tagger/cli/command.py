"""What every command shares, whatever its options."""

from __future__ import annotations

from typing import Any

from typer import BadParameter
from typer.core import TyperCommand, TyperOption

_PATHS = {"FILE", "DIR", "IN", "OUT", "MODEL", "INPUT", "TRAIN", "GOLD", "PREDICTED", "OTHER"}


class Command(TyperCommand):
    """A command whose switches show no value in help, whose paths are never empty, and which ends as asked."""

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


def _is_path(parameter: Any) -> bool:
    is_argument = parameter.param_type_name == "argument"
    return parameter.metavar in _PATHS or (is_argument and parameter.metavar == "TEXT")
