"""Objects of JSON that other programs read: what commands print with `--json`, and what a run leaves beside a model.

Each has the version of its kind, `"schema"`, and that of the program, `"tagger"`; `docs/schemas/KIND.json` says what
it holds. A key that goes, or that means something else, makes a new version; a new key doesn't. The lines of
`predict` have no version: their keys stay as `docs/architecture.md` has them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from tagger.text.escape import escape_json
from tagger.version import __version__

SCHEMAS = {
    "agreement": 1,
    "check": 1,
    "clusters": 1,
    "drift": 1,
    "epoch": 1,
    "generation": 1,
    "inspection": 1,
    "next-words": 1,
    "pretraining": 1,
    "pretraining-scores": 1,
    "profile": 1,
    "rehearsal": 1,
    "scores": 1,
    "scoring": 1,
    "seeds": 1,
    "selection": 1,
    "split": 1,
    "training": 1,
    "trial": 1,
}
"""The version of each kind of object."""

VERSIONS = ("schema", "tagger")
"""The keys that every object has."""


def describe(kind: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts as the object of a kind, in values of JSON: no tuple, and null for a number that isn't finite.

    >>> describe("check", {"ok": True, "share": math.nan})["share"] is None
    True
    """
    versions = {"schema": SCHEMAS[kind], "tagger": __version__}
    return {**versions, **{name: _plain(value) for name, value in facts.items() if name not in versions}}


def dump_json(value: object, indent: int | None = None) -> str:
    """Return a value as JSON.

    Half a surrogate pair, as names of files that aren't UTF-8 have, is escaped: no encoding has it. So are the
    control characters that JSON allows and a terminal obeys.

    Raises:
        ValueError: a number isn't finite, for which JSON has no name; see `describe`.
    """
    return escape_json(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent))


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, Sequence):
        return [_plain(each) for each in value]
    return value
