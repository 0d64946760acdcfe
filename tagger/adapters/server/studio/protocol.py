"""What Label Studio asks of an ML backend, and what it is answered.

It calls `/health` and `/setup` when a backend is connected and before it asks for predictions, `/predict` with tasks,
and `/webhook` with everything that happens in a project. `/predict` goes on to answer what it answers without Label
Studio: a body with `tasks` is Label Studio's.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from tagger.adapters.server.bodies import MOST_TEXTS, TextsBody
from tagger.adapters.server.jobs import TextJob
from tagger.adapters.server.logs import log, log_warning
from tagger.adapters.server.shelf import ServedModel, Shelf
from tagger.adapters.server.studio.journal import Annotated
from tagger.adapters.server.studio.pupil import Pupil
from tagger.errors import ConfigError, DataError, TaggerError
from tagger.text.formats.labelling import Control, read_labelling
from tagger.text.formats.sentence import LabelledSpan
from tagger.text.formats.tasks import make_prediction
from tagger.text.objects import dump_json
from tagger.text.schemes import OUTSIDE, UNKNOWN_TAG

Answers = Callable[[Request, TextJob], AsyncIterator[list[Any]]]

_BREAKS = "\t\r\n"
_HALVES = re.compile("[\ud800-\udfff]")  # of characters of two units, which JSON can hold and no encoding can
_WITHOUT_FOLDER = "annotations aren't kept: start `tagger serve` with --annotations DIR"


def is_asked(body: Any) -> bool:
    """Say whether a body of `POST /predict` is Label Studio's."""
    return isinstance(body, dict) and "tasks" in body


def add_protocol(app: FastAPI, shelf: Shelf, pupil: Pupil | None) -> None:
    """Add the routes that Label Studio alone asks.

    Args:
        app: the server.
        shelf: its model.
        pupil: what learns; None: annotations aren't kept.
    """

    @app.post("/setup", summary="Label Studio: whether a project fits")
    async def setup(request: Request) -> Response:
        asked = _read(await request.body())
        model = shelf.find(None)
        control = read_labelling(str(asked.get("schema") or ""))
        missing = [type_ for type_ in model.tagger.types if control.labels and type_ not in control.labels]
        if missing:
            log_warning("a project lacks labels of the model, which are left out", labels=", ".join(missing))
        return _json({"model_version": model.version})

    @app.post("/webhook", summary="Label Studio: what happens in a project")
    async def webhook(request: Request) -> Response:
        asked = _read(await request.body())
        try:
            done = await _hear(asked, pupil)
        except DataError as error:  # Label Studio doesn't tell anybody, nor does it try again
            log_warning("an annotation isn't kept", error=str(error))
            raise HTTPException(507, str(error)) from None
        return _json({"action": str(asked.get("action")), "done": done}, 201)


async def predict_tasks(request: Request, asked: dict[str, Any], shelf: Shelf, label: Answers) -> Response:
    """Answer `POST /predict` of Label Studio: a prediction for each task, in their order.

    Args:
        request: as it came.
        asked: its body.
        shelf: the model.
        label: lets a job be labelled, and yields its answers.

    Raises:
        ConfigError: the body isn't what Label Studio sends.
    """
    tasks = asked["tasks"]
    if not isinstance(tasks, list) or len(tasks) > MOST_TEXTS:
        raise ConfigError(f"expected a list of at most {MOST_TEXTS:,} tasks", "tasks")
    control = read_labelling(str(asked.get("label_config") or ""))
    texts = [_find_text(task, control) for task in tasks]
    without = texts.count(None)
    if without:
        log_warning("tasks without a text, which get no prediction", tasks=without, field=control.field)
    model = shelf.find(None)
    spans: list[list[LabelledSpan]] = [[] for _ in texts]
    body = TextsBody.model_construct(texts=[text or "" for text in texts])
    async for pieces in label(request, TextJob(model, body)):
        for number, sentence in pieces:
            spans[number] += [LabelledSpan(**span) for span in json.loads(sentence)["spans"]]
    results = [_predict(found, model, control) for found in spans]
    return _json({"results": results, "model_version": model.version})


def _predict(spans: Sequence[LabelledSpan], model: ServedModel, control: Control) -> dict[str, Any]:
    """Return the prediction of a text; labels that a project doesn't have it would refuse."""
    kept = [span for span in spans if not control.labels or span.type in control.labels]
    return make_prediction(kept, model.version, control.from_name, control.to_name)


def _find_text(task: Any, control: Control) -> str | None:
    data = task.get("data") if isinstance(task, dict) else None
    text = data.get(control.field) if isinstance(data, dict) else None
    return _HALVES.sub("\ufffd", text) if isinstance(text, str) else None


async def _hear(asked: dict[str, Any], pupil: Pupil | None) -> str:
    """Do what an event asks for, and say what that was."""
    action = asked.get("action")
    if action == "START_TRAINING":
        if pupil is None:
            raise HTTPException(501, _WITHOUT_FOLDER)
        try:
            pupil.ask()
        except TaggerError as error:
            raise HTTPException(501, str(error)) from None
        return "training begins"
    if pupil is None:
        return "nothing: " + _WITHOUT_FOLDER
    journal = pupil.journal
    match action:
        case "ANNOTATION_CREATED" | "ANNOTATION_UPDATED" | "ANNOTATIONS_CREATED":
            kept = [each for each in _find_annotations(asked) if each is not None]
            for each in kept:
                if isinstance(each, Annotated):
                    await asyncio.to_thread(journal.keep, each)
                else:  # it was submitted once, and is skipped now
                    await asyncio.to_thread(journal.drop_annotations, [each])
            pupil.count()
            log("annotations came", kept=len(kept), annotations=len(journal))
            return f"kept {len(kept)}"
        case "ANNOTATION_DELETED" | "ANNOTATIONS_DELETED":
            gone = _list_numbers(asked, "annotations", "annotation")
            await asyncio.to_thread(journal.drop_annotations, gone)
            return f"deleted {len(gone)}"
        case "TASKS_DELETED":
            gone = _list_numbers(asked, "tasks", "task")
            await asyncio.to_thread(journal.drop_tasks, gone)
            return f"deleted those of {len(gone)}"
        case _:
            return "nothing"


def _find_annotations(asked: dict[str, Any]) -> list[Annotated | int | None]:
    """Return the annotations of an event; the number of one that doesn't count, None for what is no annotation."""
    project = asked.get("project")
    config = project.get("label_config") if isinstance(project, dict) else None
    control = read_labelling(str(config or ""))
    annotations, tasks = asked.get("annotation"), asked.get("task")
    together = annotations if isinstance(annotations, list) else [annotations]
    beside = tasks if isinstance(tasks, list) else [tasks]
    by_number = {str(task.get("id")): task for task in beside if isinstance(task, dict)}
    return [
        read_annotation(each, by_number.get(str(each.get("task"))), control)
        for each in together
        if isinstance(each, dict)
    ]


def read_annotation(annotation: dict[str, Any], task: Any, control: Control) -> Annotated | int | None:
    """Return an annotation of a task; its number if it was skipped, None where there is no text.

    Raises:
        ConfigError: it has no number.
    """
    number, text = annotation.get("id"), _find_text(task, control)
    if not isinstance(number, int):
        raise ConfigError("expected an annotation with a number", "annotation.id")
    if text is None or not text.strip():
        log_warning("an annotation without a text, which isn't kept", field=control.field)
        return None
    if annotation.get("was_cancelled"):
        return number
    results = annotation.get("result")
    listed = results if isinstance(results, list) else []
    found = (_read_label(each, control, len(text)) for each in listed)
    labels = tuple(sorted({label for label in found if label is not None}))
    return Annotated(number, task["id"] if isinstance(task.get("id"), int) else 0, text, labels)


def _read_label(result: Any, control: Control, length: int) -> tuple[int, int, str] | None:
    """Return start, end and type of a span; None for choices, relations, other texts' spans, and what is no span."""
    match result:
        case {
            "from_name": control.from_name,
            "value": {"start": int(start), "end": int(end), "labels": [str(type_), *_]},
        } if (
            0 <= start < end <= length
            and type_.strip()
            and type_ not in (OUTSIDE, UNKNOWN_TAG)
            and not any(each in type_ for each in _BREAKS)
        ):
            return start, end, type_
    return None


def _list_numbers(asked: dict[str, Any], *keys: str) -> list[int]:
    """Return the numbers of what was deleted: objects with an `id`, one or several."""
    found: list[Any] = []
    for key in keys:
        value = asked.get(key)
        found += value if isinstance(value, list) else [value]
    return [each["id"] for each in found if isinstance(each, dict) and isinstance(each.get("id"), int)]


def _read(body: bytes) -> dict[str, Any]:
    """Return a body of JSON.

    Raises:
        ConfigError: it is something else.
    """
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"expected JSON: {error}", "body") from None
    if not isinstance(asked, dict):
        raise ConfigError(f"found {type(asked).__name__}, expected an object", "body")
    return asked


def _json(value: object, status: int = 200) -> Response:
    return Response(dump_json(value).encode(), status, media_type="application/json")
