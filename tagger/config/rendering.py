"""Settings as TOML that says what each of them means."""

from __future__ import annotations

import json
from collections.abc import Iterator

from pydantic.fields import FieldInfo

from tagger.config.sections import Section, Settings


def render(config: Settings, *, comments: bool = True, shows_silent: bool = False) -> str:
    """Write settings as TOML, each field's meaning in a comment above it.

    Args:
        config: the settings.
        comments: whether to say what they mean.
        shows_silent: whether what a file leaves out stands in it as comments; see `Section.is_silent`.
    """
    lines: list[str] = []
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        is_silent = config.is_silent(name)
        if is_silent and not shows_silent:
            continue
        if isinstance(value, Section):
            lines.append("")
            if comments and value.__doc__:
                lines += [f"# {line.strip()}" for line in value.__doc__.strip().splitlines()]
            lines.append(f"# [{name}]" if is_silent else f"[{name}]")
            for inner in type(value).written_fields():
                rows = _render_field(inner, type(value).model_fields[inner], getattr(value, inner), comments)
                if not (is_silent or value.is_silent(inner)):
                    lines += rows
                elif shows_silent:
                    lines += [row if row.startswith("#") else f"# {row}" for row in rows]
        else:
            lines += _render_field(name, field, value, comments)
    return "\n".join(lines).lstrip() + "\n"


def _render_field(name: str, field: FieldInfo, value: object, comments: bool) -> Iterator[str]:
    if comments and field.description:
        yield f"# {field.description}"
    yield f"{name} = {_toml(value)}" if value is not None else f"# {name} ="


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return repr(value)
