"""Options that set a field of the settings: type, bounds, default and help are those of the field.

A command has a table of them; a row names the option, the field and the heading under which help lists it. What was
typed is checked before the command runs, and comes to it by field.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import typer
from pydantic.fields import FieldInfo

from tagger import config as settings
from tagger.config import AnySettings, Settings
from tagger.errors import ConfigError

Given = Mapping[str, Any]
"""What the options of a table were given, by field; None where an option wasn't."""


@dataclass(frozen=True, slots=True)
class Flag:
    """A row of a table.

    Attributes:
        name: as it is typed, with its dashes.
        field: of the settings, dotted.
        panel: heading under which help lists it, if any.
        help: in place of the field's description.
        metavar: what help calls its value; else its choices or its type.
        parse: reads what was typed, where the type of the field doesn't say all; may raise a ConfigError.
        also: other settings and their field that the command may set instead; what either takes may be typed.
    """

    name: str
    field: str
    panel: str | None = None
    help: str | None = None
    metavar: str | None = None
    parse: Callable[[str], Any] | None = None
    also: tuple[type[Settings], str] | None = None

    @property
    def argument(self) -> str:
        """Name of the argument that typer calls the command with."""
        return self.name.lstrip("-").replace("-", "_")


def with_settings(kind: type[Settings], *flags: Flag) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Offer options for fields of settings of a kind beside a command's own.

    The command gets what they were given as its argument `given`.
    """
    by_argument = {flag.argument: flag for flag in flags}

    def offer(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def run(typer_context: typer.Context, **values: Any) -> None:
            typed = {argument: values.pop(argument) for argument in by_argument}
            given = {
                flag.field: typed[argument] if _was_typed(typer_context, argument) else None
                for argument, flag in by_argument.items()
            }
            command(**values, given=given)

        hints = get_type_hints(command, include_extras=True)
        own = [
            parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in inspect.signature(command).parameters.values()
            if parameter.name != "given"
        ]
        context = inspect.Parameter("typer_context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
        every = [context, *(_make_parameter(kind, flag) for flag in flags), *own]
        run.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in every}
        return run

    return offer


def _was_typed(context: typer.Context, argument: str) -> bool:
    source = context.get_parameter_source(argument)
    return source is not None and source.name in ("COMMANDLINE", "ENVIRONMENT")


def _make_parameter(kind: type[Settings], flag: Flag) -> inspect.Parameter:
    """Return the parameter of a command that makes typer offer the option."""
    field = find_field(kind, flag.field)
    annotation = field.annotation
    options: dict[str, Any] = {"help": flag.help or as_sentence(field), "rich_help_panel": flag.panel}
    if annotation is bool:
        typed: Any = bool
    elif get_origin(annotation) is list:
        typed = list[str]
        options["metavar"] = flag.metavar
    else:
        typed = str  # what the parser makes of it is the field's type
        options["metavar"] = flag.metavar or name_values(annotation)
        options["parser"] = functools.partial(_parse_typed, kind, flag)
        choices = [str(choice) for choice in list_choices(annotation)]
        options["autocompletion"] = (lambda: choices) if choices else None
    return inspect.Parameter(
        flag.argument,
        inspect.Parameter.KEYWORD_ONLY,
        default=field.default,
        annotation=Annotated[typed, typer.Option(flag.name, **options)],
    )


def _parse_typed(kind: type[Settings], flag: Flag, typed: Any) -> Any:
    """Return the field's value; typer hands its default through here, too, which stays as it is."""
    if not isinstance(typed, str):
        return typed
    try:
        read = flag.parse(typed) if flag.parse is not None else typed
        if flag.also is not None:
            with suppress(ConfigError):
                return settings.parse_value(*flag.also, read)
        return settings.parse_value(kind, flag.field, read)
    except ConfigError as error:
        raise typer.BadParameter(error.message) from None


def find_field(kind: type[Settings], name: str) -> FieldInfo:
    """Return a field of the settings by its dotted name."""
    section, _, field = name.rpartition(".")
    holder: Any = kind.model_fields[section].annotation if section else kind
    found: FieldInfo = holder.model_fields[field]
    return found


def as_sentence(field: FieldInfo) -> str:
    """Return the description of a field as help prints it; one that begins with a choice keeps its small letter."""
    text = field.description or ""
    first = text if text.partition(" ")[0].endswith(":") else f"{text[:1].upper()}{text[1:]}"
    return f"{first}."


def name_values(annotation: Any) -> str:
    """Return what help calls the values of a type: its choices, or its name.

    >>> name_values(Literal["lstm", "gru"]), name_values(int | None)
    ('[lstm|gru]', 'N')
    """
    choices = list_choices(annotation)
    if choices:
        return f"[{'|'.join(map(str, choices))}]"
    names = {int: "N", float: "X"}
    return next((names[each] for each in _list_alternatives(annotation) if each in names), "TEXT")


def list_choices(annotation: Any) -> tuple[Any, ...]:
    """Return the values of a type that lists them; of `Literal["auto"] | float` none, as it doesn't list them all."""
    alternatives = _list_alternatives(annotation)
    if len(alternatives) == 1 and get_origin(alternatives[0]) is Literal:
        return get_args(alternatives[0])
    return ()


def _list_alternatives(annotation: Any) -> list[Any]:
    """Return the members of a union but None, without the bounds that pydantic notes beside them."""
    is_union = get_origin(annotation) in (Union, types.UnionType)
    members = get_args(annotation) if is_union else (annotation,)
    bare = [get_args(each)[0] if get_origin(each) is Annotated else each for each in members]
    return [each for each in bare if each is not type(None)]


def choose_settings(
    kind: type[AnySettings], path: Path | None, given: Given, overrides: list[str] | None
) -> AnySettings:
    """Return the defaults changed by a file, that by a command's options, and those by `--set`.

    Raises:
        ConfigError: the file can't be read, or what it says is at fault.
        BadParameter: an option is.
    """
    chosen = kind() if path is None else settings.read_settings(kind, path)
    try:
        chosen = settings.override(chosen, given)
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from None
    try:
        return settings.override(chosen, settings.parse_assignments(overrides or []))
    except ConfigError as error:
        said = error.message if error.field == "--set" else str(error)
        raise typer.BadParameter(said, param_hint="--set") from None
