"""A command as help draws it: what every command of the program shares, whatever its options."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperOption


class Command(TyperCommand):
    """A command whose switches, which take no value, show none in help."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return arguments and options, `--help` among them."""
        parameters = super().get_params(ctx)
        for parameter in parameters:
            if isinstance(parameter, TyperOption) and parameter.is_flag and parameter.metavar is None:
                parameter.metavar = ""  # some versions of typer would write `<bool>`
        return parameters
