"""Settings from TOML, from the command line and from the corpus; what doesn't fit is a `ConfigError`."""

from __future__ import annotations

import functools
import operator
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from tagger.config.mistakes import describe_first_fault, suggest_field
from tagger.config.sections import Config, Settings
from tagger.errors import ConfigError

AnySettings = TypeVar("AnySettings", bound=Settings)
Mode = Literal["words", "characters", "blanks"]


def parse_settings(kind: type[AnySettings], toml: str, origin: str | None = None) -> AnySettings:
    """Read settings of a kind from TOML text.

    Args:
        origin: the file that holds the text; an error names it before the field.

    Raises:
        ConfigError: not TOML, an unknown field, or a value of the wrong type or size.
    """
    try:
        table = tomllib.loads(toml)
    except (ValueError, RecursionError) as error:  # also for numbers of 5,000 digits and a thousand brackets
        raise ConfigError(f"not valid TOML: {error}", origin) from None
    return _build(kind, table, origin)


def read_settings(kind: type[AnySettings], path: str | Path) -> AnySettings:
    """Read settings of a kind from a TOML file; fields it doesn't name keep their defaults."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")  # some editors begin a file with a byte-order mark
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", str(path)) from None
    return parse_settings(kind, text, str(path))


def _build(kind: type[AnySettings], table: Mapping[str, Any], origin: str | None = None) -> AnySettings:
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        field, message = describe_first_fault(kind, error)
        raise ConfigError(message, f"{origin}: {field}" if origin else field) from None


def override(config: AnySettings, changes: Mapping[str, Any]) -> AnySettings:
    """Return `config` with dotted fields replaced (`{"training.epochs": 5}`); `None` means "leave as it is".

    Raises:
        ConfigError: an unknown field, or a value of the wrong type or size.
    """
    table = config.model_dump(exclude_unset=True)
    known = config.model_dump()
    for name, value in changes.items():
        if value is None:
            continue
        section, _, field = name.rpartition(".")
        fields = known.get(section) if section else known
        if not isinstance(fields, dict) or field not in fields:
            raise ConfigError(f"no such setting{suggest_field(type(config), name)}", name)
        (table.setdefault(section, {}) if section else table)[field] = value
    return _build(type(config), table)


def find_setting(kind: type[Settings], name: str) -> str:
    """Return the dotted field that a Python keyword names.

    `training__epochs` says it in full; `epochs` is enough where it is clear, and a section that has a `kind` stands
    for that. The sizes of a language model, which come with it, must be named in full.

    Raises:
        ConfigError: there is no such field.

    >>> find_setting(Config, "epochs"), find_setting(Config, "encoder"), find_setting(Config, "training__warmup")
    ('training.epochs', 'encoder.kind', 'training.warmup')
    """
    section, dots, field = name.partition("__")
    if dots:
        return f"{section}.{field}"  # whether there is one, `override` tells
    table = kind().model_dump()
    if isinstance(table.get(name), dict):
        if "kind" in table[name]:
            return f"{name}.kind"
    elif name in table:
        return name
    for section, fields in table.items():
        if isinstance(fields, dict) and name in fields and section != "language_model":
            return f"{section}.{name}"
    raise ConfigError(f"no such setting{suggest_field(kind, name)}", name)


def parse_assignments(texts: Iterable[str]) -> dict[str, Any]:
    """Read `section.field=value` texts, the value as in TOML (a bare word is a string)."""
    changes: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"found {text!r}, expected section.field=value", "--set")
        try:
            changes[name.strip()] = tomllib.loads(f"value = {value}")["value"]
        except (ValueError, RecursionError):
            changes[name.strip()] = value
    return changes


def parse_value(kind: type[AnySettings], field: str, text: str) -> Any:
    """Read the value of a dotted field as it is typed on a command line: as a number where the field takes one.

    Raises:
        ConfigError: the field doesn't take it; the message names what it does take.
    """
    fault: ConfigError | None = None
    for value in _list_readings(text):
        try:
            changed = override(kind(), {field: value})
        except ConfigError as error:
            fault = fault or error
            continue
        return functools.reduce(getattr, field.split("."), changed)
    assert fault is not None
    raise fault


def _list_readings(text: str) -> Iterator[int | float | str]:
    """Yield a text as a whole number and as a number, if it is one, and as it stands."""
    with suppress(ValueError):  # also for numbers of 5,000 digits
        yield int(text)
    with suppress(ValueError):
        yield float(text)
    yield text


def complete_settings(
    config: Config, scheme: str, mode: Mode, splits: Iterable[str] | None = None, *, cuts_words: bool = False
) -> Config:
    """Return settings with what was found in the corpus; fields that nobody set take the defaults of its kind.

    Args:
        config: the settings so far.
        scheme: of the tags.
        mode: what a token is.
        splits: where raw text is cut; None: as it is.
        cuts_words: whether tags make words of the tokens.
    """
    found = {"corpus.scheme": scheme, "corpus.mode": mode}
    chosen = override(config, found | ({} if splits is None else {"corpus.splits": sorted(splits)}))
    kinds = [_OF_MODE[mode]]
    if cuts_words and mode == "characters":
        kinds.append(_OF_WORDS)
    if scheme == "BARE":
        kinds.append(_OF_LABELS)
    return _apply_defaults(chosen, functools.reduce(operator.or_, kinds))


def apply_mode_defaults(config: AnySettings, mode: Mode) -> AnySettings:
    """Return settings in which fields that nobody set have the defaults of a mode."""
    return _apply_defaults(config, _OF_MODE[mode])


def _apply_defaults(config: AnySettings, defaults: Mapping[tuple[str, str], Any]) -> AnySettings:
    unset = {
        f"{section}.{field}": value
        for (section, field), value in defaults.items()
        if field not in getattr(config, section).model_fields_set
    }
    return override(config, unset)


# A Chinese character is its own spelling: its neighbours say more than its strokes' shape and affixes would, and
# its bigrams much the same as it does, so that more can be hidden.
_OF_MODE: dict[str, dict[tuple[str, str], Any]] = {
    "words": {},
    "blanks": {},
    "characters": {
        ("embedding", "word_dim"): 100,
        ("embedding", "bigram_dim"): 64,
        ("embedding", "character_filters"): 0,
        ("embedding", "affix_dim"): 0,
        ("training", "input_dropout"): 0.6,
    },
}

# Characters that are put together to words: which words are known says most.
_OF_WORDS: dict[tuple[str, str], Any] = {
    ("embedding", "word_mark_dim"): 8,
    ("embedding", "fold_width"): True,
}

# Labels of all tokens: there is more to learn from a sentence than where its few names are.
_OF_LABELS: dict[tuple[str, str], Any] = {
    ("encoder", "hidden"): 200,
    ("training", "learning_rate"): 5e-3,
}
