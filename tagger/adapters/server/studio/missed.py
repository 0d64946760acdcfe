"""What was annotated while the server was down: an export of the project, laid beside what has come.

Label Studio sends an event once; who doesn't hear it never will. Its export (JSON) holds every annotation with its
number, so that the same one is known again: what is new or was changed is kept, as if its event had come.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tagger.adapters.server.studio.journal import Annotated, Journal
from tagger.adapters.server.studio.protocol import read_annotation
from tagger.errors import ConfigError, DataError
from tagger.text.files import read_text
from tagger.text.formats.labelling import Control

_EXPECTED = "expected the project's export as JSON (not JSON-MIN), a list of tasks with their annotations"


def keep_missed(journal: Journal, export: Path) -> int:
    """Keep the annotations of an export that the journal lacks or has otherwise; return how many.

    What was deleted meanwhile isn't in an export, and stays.

    Raises:
        DataError: the file is no such export, which is found before anything is kept; or the journal can't be
            written.
    """
    found = list(_read(export))
    changed = 0
    for each in found:
        if isinstance(each, Annotated) and not journal.has(each):
            journal.keep(each)
            changed += 1
        elif isinstance(each, int) and journal.has_number(each):  # it was submitted once, and is skipped now
            journal.drop_annotations([each])
            changed += 1
    return changed


def _read(export: Path) -> Iterator[Annotated | int]:
    """Yield the annotations, and the numbers of those that were skipped."""
    try:
        tasks = json.loads(read_text(export, "utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"found no JSON ({error}), {_EXPECTED}", export) from None
    if not isinstance(tasks, list):
        raise DataError(f"found {type(tasks).__name__}, {_EXPECTED}", export)
    for number, task in enumerate(tasks, 1):
        match task:
            case {"data": dict(data), "annotations": list(annotations)}:
                control = Control(_find_name(annotations), "", _find_field(data), ())
            case _:
                raise DataError(f"found no data and annotations in task {number}, {_EXPECTED}", export)
        for annotation in annotations:
            try:
                read = read_annotation(annotation if isinstance(annotation, dict) else {}, task, control)
            except ConfigError as error:
                raise DataError(f"task {number}: {error}; {_EXPECTED}", export) from None
            if read is not None:
                yield read


def _find_name(annotations: list[Any]) -> str:
    """Return what the labels of spans are called in the project: an export doesn't hold its configuration."""
    for annotation in annotations:
        results = annotation.get("result") if isinstance(annotation, dict) else None
        for result in results if isinstance(results, list) else []:
            match result:
                case {"type": "labels", "from_name": str(name)}:
                    return name
    return ""


def _find_field(data: dict[Any, Any]) -> str:
    """Return the field with the text: `text`, or the only string."""
    strings = [key for key, value in data.items() if isinstance(value, str)]
    return strings[0] if len(strings) == 1 else "text"
