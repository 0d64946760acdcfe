"""What is wrong with a setting, in the words of somebody who wrote it, and which one was probably meant."""

from __future__ import annotations

import difflib
import re

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails


def describe_first_fault(kind: type[BaseModel], error: ValidationError) -> tuple[str, str]:
    """Return the first faulty field as a user writes it, and what is wrong with it."""
    faults = error.errors(include_url=False)
    place = faults[0]["loc"][:2]  # section and field; what follows names an alternative of a union
    field = ".".join(map(str, place))
    if faults[0]["type"] == "extra_forbidden":
        return field, f"no such setting{suggest_field(kind, field)}"
    if faults[0]["type"] == "model_type":
        return field, f"found {faults[0]['input']!r}, expected a section with fields, as in [{field}]"
    wanted = [fault["msg"].removeprefix("Input should be ") for fault in faults if fault["loc"][:2] == place]
    near = _suggest_value(faults[0])
    return field, f"found {faults[0]['input']!r}, expected {' or '.join(wanted)}{near}"


def _suggest_value(fault: ErrorDetails) -> str:
    """Return a question that names the choice which was probably meant, if any."""
    if fault["type"] != "literal_error" or not isinstance(fault["input"], str):
        return ""
    choices = re.findall(r"'([^']*)'", fault["ctx"]["expected"])
    near = difflib.get_close_matches(fault["input"].lower(), choices, 1, 0.5)
    return f"; did you mean {near[0]}?" if near else ""


def suggest_field(kind: type[BaseModel], name: str) -> str:
    """Return a question that names the field which was probably meant, or where to find them all."""
    known = [
        f"{section}.{field}" if field else section
        for section, info in kind.model_fields.items()
        for field in ["", *_fields_of(info)]
    ]
    by_last = {path.rpartition(".")[2]: path for path in known}
    near = difflib.get_close_matches(name, known, 1, 0.6)
    if not near:
        last = difflib.get_close_matches(name.rpartition(".")[2], by_last, 1, 0.6)
        near = [by_last[last[0]]] if last else []
    return f"; did you mean {near[0]}?" if near else "; `tagger config` lists them all"


def _fields_of(info: FieldInfo) -> list[str]:
    kind = info.annotation
    return list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else []
