"""Options of commands that train: a table of those that set a field of the settings, one line each, and the others
that commands share.

Adding an option of the first sort is adding its line to a command's table. Nothing here imports the settings before a
command runs, so help stays instant; it doesn't know what a field means.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_type_hints

import typer

if TYPE_CHECKING:
    from tagger.config import Config, PretrainConfig, TextEncoderConfig

    Settings = TypeVar("Settings", Config, PretrainConfig, TextEncoderConfig)

Output = Annotated[Path, typer.Option("--output", "-o", help="Directory for the model.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the interrupted run in OUTPUT.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object with the scores.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="Settings in TOML; `tagger config` prints them all.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", help="Any other setting: --set training.clip_norm=1 (repeatable)."),
]
Given = Mapping[str, Any]
"""What the options of a table were given, by field; None where an option wasn't."""


@dataclass(frozen=True, slots=True)
class Flag:
    """An option that sets a field of the settings.

    Attributes:
        name: as it is typed, with its dashes.
        field: dotted.
        kind: type of its value; bool for an option without one, a list for one that may be repeated.
        help: what it does.
        panel: heading under which help lists it, if any.
        parse: turns what was typed into the field's value.
    """

    name: str
    field: str
    kind: Any
    help: str
    panel: str | None = None
    parse: Callable[[Any], Any] | None = None

    def parameter(self) -> inspect.Parameter:
        """Return the parameter of a command that makes typer offer the option."""
        option = typer.Option(self.name, help=self.help, rich_help_panel=self.panel)
        return inspect.Parameter(
            self.name.lstrip("-").replace("-", "_"),
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[self.kind | None, option],
        )

    def value(self, typed: Any) -> Any:
        """Return the field's value; None where nothing was typed."""
        return self.parse(typed) if self.parse is not None and typed is not None else typed


def takes(*flags: Flag) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Offer options beside a command's own; it gets what they were given as its argument `given`."""
    parameters = {flag.parameter().name: flag for flag in flags}

    def offer(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def run(**values: Any) -> None:
            given = {flag.field: flag.value(values.pop(name)) for name, flag in parameters.items()}
            command(**values, given=given)

        hints = get_type_hints(command, include_extras=True)
        own = [
            parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in inspect.signature(command).parameters.values()
            if parameter.name != "given"
        ]
        every = [*own, *(flag.parameter() for flag in flags)]
        run.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in every}
        return run

    return offer


def choose(kind: type[Settings], path: Path | None, given: Given, overrides: list[str] | None) -> Settings:
    """Return the defaults changed by a file, that by a command's options, and those by `--set`."""
    from tagger import config as settings

    chosen = kind() if path is None else settings.read_settings(kind, path)
    return settings.override(settings.override(chosen, given), settings.parse_assignments(overrides or []))
