"""The pages of docs/reference that the program itself tells: its commands, its settings, its public names.

    python -m tools.reference            # writes them
    python -m tools.reference --check    # exit code 1 where one of them is stale

A page depends on the program alone, not on the terminal or on what else is installed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from typer.main import get_command

import tagger
from tagger.cli import app
from tagger.cli.pretrain import SETTINGS as PRETRAIN
from tagger.cli.train import DISTILLATION
from tagger.cli.train import SETTINGS as TRAIN
from tagger.config import ClusterConfig, Config, PretrainConfig, Section, TextEncoderConfig

REGENERATE = "python -m tools.reference"
FOLDER = Path(__file__).parents[1] / "docs" / "reference"
_NOTE = "<!-- Written by `{}` from the program; edit that, not this page. -->\n"
_NAMES = {  # how Python users meet them
    "To label": ("load", "Tagger", "Labelling", "LabelledSentence", "LabelledSpan"),
    "To train": ("train", "distill", "TrainingResult", "TrainingStoppedError", "Config"),
    "To score": ("evaluate", "score", "ScoringResult"),
    "To make a corpus": (
        "read_corpus", "Corpus", "mend", "Mended", "split", "Division", "agree", "AnnotatorAgreement",
        "review", "accept", "Review", "Suspect", "choose_sentences", "Selection",
    ),
    "To watch a model in use": ("drift", "Drift", "Profile"),
    "The CRF alone": ("CRF",),
    "What goes wrong": ("TaggerError", "DataError", "ConfigError", "ModelError"),
}  # fmt: skip


def main() -> int:
    """Write the pages, or say which are stale; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing, say which pages are stale")
    wants_check = parser.parse_args().check
    stale = find_stale()
    for name in stale:
        if wants_check:
            print(f"docs/reference/{name} is stale; write it anew: {REGENERATE}", file=sys.stderr)
        else:
            (FOLDER / name).write_text(PAGES[name](), encoding="utf-8")
            print(f"docs/reference/{name}: written")
    return 1 if stale and wants_check else 0


def find_stale() -> list[str]:
    """List the pages that aren't what the program says."""
    return [name for name, make in PAGES.items() if _read(FOLDER / name) != make()]


def _wrap(text: str) -> list[str]:
    return wrap(text, 118, break_long_words=False, break_on_hyphens=False)


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


# Commands


def describe_commands() -> str:
    """Return the page about commands: a section for each, its arguments and options as `--help` groups them."""
    commands = get_command(app).commands  # type: ignore[attr-defined]
    lines = [
        "# Commands",
        "",
        _NOTE.format(REGENERATE),
        *_wrap(
            "`tagger COMMAND --help` shows the same on a terminal. Results go to stdout, messages to stderr. The "
            "exit code is 0 when done, 1 when the data, the model or the disk is at fault, 2 for usage, 130 when "
            "interrupted, and 143 when ended by SIGTERM. What `--json` prints is described in [JSON](json.md)."
        ),
        "",
        "| command | what it does |",
        "|---|---|",
    ]
    for name, command in commands.items():
        lines.append(f"| [`{name}`](#tagger-{name}) | {_as_markdown(command.help.splitlines()[0])} |")
    for name, command in commands.items():
        lines += ["", f"## tagger {name}", "", *_describe_command(name, command)]
    return "\n".join(lines) + "\n"


def _describe_command(name: str, command: Any) -> Iterator[str]:
    paragraphs = [" ".join(each.split()) for each in command.help.split("\n\n")]
    shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    arguments = [each for each in shown if each.param_type_name == "argument"]
    words = [each.metavar if each.required else f"[{each.metavar}]" for each in arguments]
    options = [each for each in shown if each.param_type_name == "option"]
    words += ["[OPTIONS]"] if options else []
    yield f"{_as_markdown(paragraphs[0])} `{' '.join(['tagger', name, *words])}`"
    for paragraph in paragraphs[1:]:
        yield from ("", _as_markdown(paragraph))
    if arguments:
        yield from ("", "| argument | meaning |", "|---|---|")
        for each in arguments:
            yield f"| `{each.metavar}` | {_as_cell(each.help)} |"
    panels: dict[str, list[Any]] = {}
    for each in options:
        panels.setdefault(each.rich_help_panel or "", []).append(each)
    for panel in sorted(panels, key=bool):  # options without a heading come first, as in help
        yield from ("", *([f"**{panel}**", ""] if panel else []), "| option | meaning |", "|---|---|")
        for each in panels[panel]:
            meaning = f"{_tell_choices(each)}{_as_cell(each.help)}{_tell_default(each)}"
            yield f"| {_name_option(each)} | {meaning} |"


def _name_option(option: Any) -> str:
    value = option.metavar or ""
    names = ", ".join(f"`{each}`" for each in option.opts)
    return names if "|" in value or not value else f"{names} `{value}`"


def _tell_default(option: Any) -> str:
    value = option.default
    if option.required:
        return " Required."
    if option.is_flag or value is None or value in ([], ()):
        return ""
    return f" Default: `{getattr(value, 'value', value)}`."


def _tell_choices(option: Any) -> str:
    choices = (option.metavar or "").strip("[]").split("|")
    return f"One of {', '.join(f'`{each}`' for each in choices)}. " if len(choices) > 1 else ""


def _as_markdown(text: str) -> str:
    """Return a text of help, whose bold parts and options are code, as Markdown."""
    parts = re.split(r"(`[^`]*`)", re.sub(r"\[bold\](.*?)\[/bold\]", r"`\1`", text))
    return "".join(
        each if each.startswith("`") else re.sub(r"(?<![\w-])(--[a-z][a-z-]*[a-z])", r"`\1`", each)
        for each in parts
    )


def _as_cell(text: str) -> str:
    """Return a text of help as a cell of a table: outside of its code nothing is taken for markup."""
    parts = re.split(r"(`[^`]*`)", " ".join(_as_markdown(text).split()))
    return "".join(
        each.replace("|", "\\|") if each.startswith("`") else re.sub(r"([\\<>*_|\[\]])", r"\\\1", each)
        for each in parts
    )


# Settings


class _Kind(NamedTuple):
    """Settings of one thing that is made: a heading, how they are given, and the options that set some of them."""

    title: str
    about: str
    settings: type[Section]
    options: dict[str, list[str]]


def describe_settings() -> str:
    """Return the page about settings: default, bounds, option and meaning of each."""
    lines = [
        "# Settings",
        "",
        _NOTE.format(REGENERATE),
        *_wrap(
            "A setting has a name, `SECTION.FIELD`. `--set SECTION.FIELD=VALUE` changes one, `--config FILE` reads a "
            "file of them in TOML, and an option stands for each of those that are changed often. `tagger config` "
            "prints those of a labeller as such a file; a model's own are in its `config.toml`. An unknown name or a "
            "value that can't be is refused, and the nearest valid one is named."
        ),
    ]
    for kind in _list_kinds():
        lines += ["", f"## {kind.title}", "", kind.about]
        lines += _describe_section("", kind.settings, kind.options)
    return "\n".join(lines) + "\n"


def _list_kinds() -> list[_Kind]:
    return [
        _Kind(
            "Of a labeller",
            "`tagger train` and `tagger distill`.",
            Config,
            _find_options((*TRAIN, *DISTILLATION)),
        ),
        _Kind("Of a language model", "`tagger pretrain`.", PretrainConfig, _find_options(PRETRAIN)),
        _Kind(
            "Of an encoder",
            "`tagger pretrain --target encoder`. Options are those of a language model where it has such a setting.",
            TextEncoderConfig,
            {},
        ),
        _Kind("Of classes of words", "`tagger pretrain --target clusters`.", ClusterConfig, {}),
    ]


def _find_options(flags: tuple[Any, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for flag in flags:
        names = found.setdefault(flag.field, [])
        if flag.name not in names:
            names.append(flag.name)
    return found


def _describe_section(prefix: str, section: type[Section], options: dict[str, list[str]]) -> Iterator[str]:
    fields = section.model_fields
    plain = [name for name, field in fields.items() if not _is_section(field)]
    if plain:
        yield from ("", "| setting | default | value | meaning |", "|---|---|---|---|")
    defaults = section()
    for name in plain:
        field = fields[name]
        given = ", ".join(f"`{each}`" for each in options.get(prefix + name, ()))
        meaning = _as_cell(field.description or "") + (f" ({given})" if given else "")
        yield f"| `{prefix}{name}` | {_show_value(getattr(defaults, name))} | {_tell_values(field)} | {meaning} |"
    for name, field in fields.items():
        if _is_section(field):
            kind = field.annotation
            yield from (
                "",
                f"### {name}",
                "",
                *(_as_cell(line) for line in [" ".join((kind.__doc__ or "").split())]),
            )
            yield from _describe_section(f"{prefix}{name}.", kind, options)


def _is_section(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, Section)


def _show_value(value: object) -> str:
    if value is None:
        return "absent"
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"


def _tell_values(field: FieldInfo) -> str:
    """Say which values a field takes, in words."""
    return _tell_type(field.annotation, field.metadata)


def _tell_type(annotation: Any, metadata: Any = ()) -> str:
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *bounds = get_args(annotation)
        return _tell_type(inner, [each for bound in bounds for each in getattr(bound, "metadata", [bound])])
    if origin in (Union, types.UnionType):
        return ", ".join(
            "or absent" if each is type(None) else _tell_type(each, metadata) for each in get_args(annotation)
        )
    if origin is Literal:
        return ", ".join(f"`{each}`" for each in get_args(annotation))
    if origin in (list, tuple):
        return f"a list of {_tell_type(get_args(annotation)[0]).replace('a text', 'texts')}"
    names = {bool: "true, false", int: "a whole number", float: "a number", str: "a text"}
    return " ".join([names.get(annotation, str(annotation)), *_tell_bounds(metadata)])


def _tell_bounds(metadata: Any) -> Iterator[str]:
    words = {"ge": "from {}", "gt": "above {}", "le": "to {}", "lt": "below {}"}
    for each in metadata:
        for name, word in words.items():
            if getattr(each, name, None) is not None:
                yield word.format(f"{getattr(each, name):,.10g}")


# JSON


def describe_json() -> str:
    """Return the page about objects of JSON: what each kind is, and where its schema is."""
    lines = [
        "# JSON",
        "",
        _NOTE.format(REGENERATE),
        *_wrap(
            "What `--json`, `--format jsonl` and the JSON files of a model directory hold is described key by key in "
            "a JSON Schema (draft 2020-12) for each kind. An object has the version of its kind, `schema`, and that "
            "of the program, `tagger`; a key that goes, or that comes to mean something else, makes a new version. "
            "`null` stands for what is no number."
        ),
        "",
        "| kind | what it is |",
        "|---|---|",
    ]
    for path in sorted((FOLDER.parent / "schemas").glob("*.json")):
        about = json.loads(path.read_text(encoding="utf-8"))["description"]
        lines.append(f"| [{path.stem}](../schemas/{path.name}) | {_as_cell(about)} |")
    return "\n".join(lines) + "\n"


# Python


def describe_python() -> str:
    """Return the page about Python, whose directives become docstrings when the site is built."""
    listed = {name for names in _NAMES.values() for name in names}
    public = {name for name in tagger.__all__ if name != "__version__"}
    if listed != public:
        raise ValueError(
            f"expected the names of tagger.__all__ in _NAMES, found a difference: {listed ^ public}"
        )
    lines = [
        "# Python",
        "",
        _NOTE.format(REGENERATE),
        *_wrap(
            "What `import tagger` gives. [The library by example](../guides/python.md) shows it at work. Names are "
            "resolved when they are first used; all but `train`, `distill`, `review` and `CRF` do without PyTorch. "
            "`tagger.__version__` is the version. The same texts are in the docstrings: `help(tagger.load)`."
        ),
    ]
    for title, names in _NAMES.items():
        lines += ["", f"## {title}"]
        for name in names:
            lines += ["", f"::: tagger.{name}"]
    return "\n".join(lines) + "\n"


PAGES = {
    "commands.md": describe_commands,
    "settings.md": describe_settings,
    "json.md": describe_json,
    "python.md": describe_python,
}

if __name__ == "__main__":
    sys.exit(main())
