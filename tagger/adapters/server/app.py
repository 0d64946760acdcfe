"""The routes of the server.

Answers that are large are put together as text, sentence by sentence, in the way of `predict --format jsonl`. FastAPI
describes the routes in `/openapi.json`; its page about them loads scripts from elsewhere, so ours is at `/docs`.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import HTMLResponse, StreamingResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from tagger.adapters.server.bodies import Body, TextsBody, TokensBody, describe_body, read_json, read_text
from tagger.adapters.server.desk import Desk
from tagger.adapters.server.guard import Application, Guard, Receive, Scope, Send
from tagger.adapters.server.jobs import LabellingJob, TextJob, TokenJob
from tagger.adapters.server.limits import Limits
from tagger.adapters.server.logs import log, log_failure, log_warning
from tagger.adapters.server.metrics import CONTENT_TYPE, Metrics
from tagger.adapters.server.page import docs, page
from tagger.adapters.server.shelf import ServedModel, Shelf, name_models
from tagger.adapters.server.studio import Lessons, Pupil, add_protocol, is_asked, predict_tasks
from tagger.errors import ModelError, TaggerError
from tagger.text.objects import dump_json
from tagger.version import __version__

_LONG = 0.1  # seconds after which it is looked at whether anybody still waits
_JSON_LINES = "application/x-ndjson"
_EXAMPLE_TEXT = "Ada Lovelace met Charles Babbage in London."
_EXAMPLE_TEXTS = {"texts": [_EXAMPLE_TEXT]}
_EXAMPLE_TOKENS = {"sentences": [["Ada", "met", "Li"]], "known": [["B-PER", None, None]]}
_PLAIN = {"text/plain": {"schema": {"type": "string"}, "example": _EXAMPLE_TEXT}}


class Service:
    """What the routes share.

    Args:
        shelf: the models.
        limits: what is borne of clients.
        on_reload: called when `POST /reload` has replaced models, so that other processes do, too.
        lessons: what its model learns from Label Studio; None: nothing.

    Attributes:
        pupil: what learns.
        is_draining: whether the server is about to end.
    """

    def __init__(
        self,
        shelf: Shelf,
        limits: Limits,
        on_reload: Callable[[], None] | None = None,
        lessons: Lessons | None = None,
    ) -> None:
        self.shelf = shelf
        self.pupil = None if lessons is None else Pupil(lessons, shelf, self.put)
        self.limits = limits
        self.metrics = Metrics()
        self.desk = Desk(self.metrics.observe_round)
        self.is_draining = False
        self._on_reload = on_reload
        self.metrics.note_models(shelf.models)

    def put(self, model: ServedModel) -> None:
        """Let a model serve in the place of the one that has its name."""
        self.shelf.put(model)
        self.metrics.note_models(self.shelf.models)

    async def reload(self, *, is_asked_here: bool = False) -> list[ServedModel]:
        """Read the models anew, beside the requests at work.

        Raises:
            ModelError: one can't be read; the old ones stay.
        """
        try:
            changed = await asyncio.to_thread(self.shelf.reload)
        except ModelError as error:
            self.metrics.note_reload(is_done=False)
            log_warning("models stay as they are: one can't be read", error=str(error))
            raise
        except Exception as error:
            self.metrics.note_reload(is_done=False)
            log_failure("models stay as they are", error)
            raise ModelError("models could not be read; the log tells why") from None
        self.metrics.note_reload(is_done=True)
        self.metrics.note_models(self.shelf.models)
        log("models read anew", changed=[model.name for model in changed])
        if is_asked_here and self._on_reload is not None:
            self._on_reload()
        return changed


def create_app(
    models: Sequence[str | os.PathLike[str]] | Mapping[str, str | os.PathLike[str]] | Shelf,
    limits: Limits | None = None,
    lessons: Lessons | None = None,
) -> Any:
    """Return the server as an ASGI application, for `uvicorn`, `gunicorn` or `hypercorn`.

    Args:
        models: model directories, by name or called as they are; the first one answers requests that name none.
        limits: what is borne of clients; `limits.label_studio` lets Label Studio ask.
        lessons: what the model learns from Label Studio; None: nothing.

    Raises:
        ModelError: a model is missing or damaged.
    """
    if isinstance(models, Shelf):
        shelf = models
    elif isinstance(models, Mapping):
        shelf = Shelf.read({name: Path(place) for name, place in models.items()})
    else:
        shelf = Shelf.read(name_models([os.fspath(each) for each in models]))
    return build(Service(shelf, limits or Limits(), lessons=lessons))


def build(service: Service) -> Guard:
    """Return the application of a service."""

    @asynccontextmanager
    async def run_desk(app: FastAPI) -> AsyncIterator[None]:
        works = [asyncio.create_task(service.desk.work())]
        if service.pupil is not None:
            works.append(asyncio.create_task(service.pupil.work()))
        yield
        for work in works:
            work.cancel()

    app = FastAPI(
        title="tagger",
        version=__version__,
        description="Trained BiLSTM-CRF sequence labellers; offsets count Unicode code points.",
        lifespan=run_desk,
        docs_url=None,
        redoc_url=None,
    )
    _add_labelling(app, service)
    _add_facts(app, service)
    if service.limits.label_studio:
        add_protocol(app, service.shelf, service.pupil)
    app.add_exception_handler(TaggerError, _answer_fault)
    app.add_exception_handler(HTTPException, _answer_http_fault)
    paths = {path for path in (getattr(route, "path", "") for route in app.routes) if "{" not in path}
    application: Application = _take_short_cuts(app)
    if service.limits.origins:
        application = CORSMiddleware(
            application,
            allow_origins=list(service.limits.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Content-Type"],
        )
    return Guard(application, service.limits, paths, service.metrics)


def _take_short_cuts(app: FastAPI) -> Application:
    """Return an application that answers labelling by itself, and asks FastAPI about all else.

    The way through FastAPI's layers took a sixth of the time of a request; these routes use none of them.
    """
    endpoints = {
        route.path: route.endpoint
        for route in app.routes
        if isinstance(route, APIRoute) and route.path in ("/predict", "/predict_tokens")
    }

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = endpoints.get(scope.get("path", ""))
        if endpoint is None or scope["method"] != "POST":
            await app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await endpoint(request)
        except TaggerError as error:
            response = await _answer_fault(request, error)
        except HTTPException as error:
            response = await _answer_http_fault(request, error)
        await response(scope, receive, send)

    return answer


def _add_labelling(app: FastAPI, service: Service) -> None:
    """Add the routes that label."""

    @app.post(
        "/predict",
        summary="Label texts",
        response_class=Response,
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": describe_body(TextsBody, _EXAMPLE_TEXTS) | _PLAIN,
            }
        },
    )
    async def predict(request: Request) -> Response:
        """Label texts: for each the sentences as `tagger predict --format jsonl` writes them.

        With `Accept: application/x-ndjson` the answer is a stream, a sentence a line, in order.
        """
        if service.limits.label_studio and (tasks := await _read_tasks(request)) is not None:
            return await predict_tasks(request, tasks, service.shelf, partial(_label, desk=service.desk))
        asked = await _read_texts(request)
        model = service.shelf.find(asked.model)
        job = TextJob(model, asked)
        if _JSON_LINES in request.headers.get("accept", ""):
            return await _stream(service.desk, job)
        results: list[list[str]] = [[] for _ in asked.texts]
        async for pieces in _label(request, job, service.desk):
            for number, sentence in pieces:
                results[number].append(sentence)
        listed = ", ".join([f"[{', '.join(sentences)}]" for sentences in results])
        return _answer(model, listed)

    @app.post(
        "/predict_tokens",
        summary="Label tokens",
        response_class=Response,
        openapi_extra={
            "requestBody": {"required": True, "content": describe_body(TokensBody, _EXAMPLE_TOKENS)}
        },
    )
    async def predict_tokens(request: Request) -> Response:
        """Label sentences that are tokens already: for each its tags, and its spans in token indices.

        `known` holds what is known of their tags; the rest, and all probabilities, are given that.
        """
        asked = await _read_json(request, TokensBody)
        model = service.shelf.find(asked.model)
        results: list[str] = []
        async for pieces in _label(request, TokenJob(model, asked), service.desk):
            results += pieces
        return _answer(model, ", ".join(results))


def _add_facts(app: FastAPI, service: Service) -> None:
    """Add the routes that tell of the server and its models."""

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def try_it() -> HTMLResponse:
        return HTMLResponse(page())

    @app.get("/docs", response_class=HTMLResponse, include_in_schema=False)
    async def describe_routes() -> HTMLResponse:
        return HTMLResponse(docs())

    @app.get("/health", summary="Whether the process is alive")
    async def health() -> Response:
        return _json({"status": "UP" if service.limits.label_studio else "ok"})  # as its protocol has it

    @app.get("/ready", summary="Whether it takes requests")
    async def ready() -> Response:
        if service.is_draining:
            return _json({"status": "ending"}, 503)
        return _json({"status": "ready"})

    @app.get("/version", summary="Versions")
    async def version() -> Response:
        models = {model.name: model.sha256 for model in service.shelf.models}
        return _json({"tagger": __version__, "python": platform.python_version(), "models": models})

    @app.get("/models", summary="The models")
    async def models() -> Response:
        return _json({"models": [dict(model.facts) for model in service.shelf.models]})

    @app.get(
        "/models/{name}", summary="A model: its card, its scores, and the scores of moves between its tags"
    )
    async def describe_model(name: str) -> Response:
        try:
            model = service.shelf.find(name)
        except TaggerError as error:
            raise HTTPException(404, str(error)) from None
        return _json({**model.facts, **model.details})

    @app.get("/metrics", summary="Numbers for Prometheus")
    async def metrics() -> Response:
        return Response(service.metrics.render(), media_type=CONTENT_TYPE)

    if service.limits.allows_reload:

        @app.post("/reload", summary="Read the models anew")
        async def reload() -> Response:
            try:
                changed = await service.reload(is_asked_here=True)
            except ModelError as error:
                raise HTTPException(500, f"{error}; the old models stay") from None
            return _json({"changed": [model.name for model in changed]})


async def _label(request: Request, job: LabellingJob, desk: Desk) -> AsyncIterator[list[Any]]:
    """Let a job be labelled, and yield its answers; one that takes long is given up if its client goes."""
    watches: list[asyncio.Task[None]] = []
    timer = asyncio.get_running_loop().call_later(
        _LONG, lambda: watches.append(asyncio.create_task(_watch_client(request, job)))
    )
    try:
        async for pieces in desk.label(job):
            yield pieces
    finally:
        timer.cancel()
        for watch in watches:
            watch.cancel()


async def _watch_client(request: Request, job: LabellingJob) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    job.deliver([], is_last=True, fault=ClientDisconnect())


async def _stream(desk: Desk, job: TextJob) -> Response:
    """Answer a sentence a line, as they come."""
    pieces = desk.label(job)
    nothing: list[Any] = []
    first = await anext(pieces, nothing)  # a fault comes before any answer, and has a status of its own

    async def lines() -> AsyncIterator[bytes]:
        yield _lines(first)
        async for each in pieces:
            yield _lines(each)

    return StreamingResponse(lines(), media_type=_JSON_LINES)


def _lines(pieces: Sequence[tuple[int, str]]) -> bytes:
    return "".join([f"{sentence}\n" for _, sentence in pieces]).encode()


async def _read_texts(request: Request) -> TextsBody:
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    if kind.strip().lower() != "text/plain":
        return await _read_json(request, TextsBody)
    charset = parameters.partition("charset=")[2].partition(";")[0].strip(' "') or "utf-8"
    return read_text(await request.body(), charset, dict(request.query_params))


async def _read_tasks(request: Request) -> dict[str, Any] | None:
    """Return what Label Studio asks to be labelled; None where it is somebody else who asks."""
    body = await request.body()
    if b'"tasks"' not in body:
        return None
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return None  # the usual way says what is wrong with it
    return asked if is_asked(asked) else None


async def _read_json(request: Request, kind: type[Body]) -> Body:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != "application/json":
        expected = "application/json" if kind is TokensBody else "application/json or text/plain"
        raise HTTPException(415, f"Content-Type: found {given[:80]!r}, expected {expected}")
    return read_json(await request.body(), kind)


def _answer(model: ServedModel, results: str) -> Response:
    return Response(
        f'{{"model": {dump_json(model.name)}, "results": [{results}]}}'.encode(),
        media_type="application/json",
    )


def _json(value: object, status: int = 200) -> Response:
    return Response(dump_json(value).encode(), status, media_type="application/json")


async def _answer_fault(request: Request, error: Exception) -> Response:
    """Answer a fault of the request, with its field where it has one."""
    return _json({"error": str(error), "field": getattr(error, "field", None)}, 422)


async def _answer_http_fault(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    field = "Content-Type" if error.status_code == 415 else None
    shown = str(error.detail)
    response = _json({"error": shown, "field": field}, error.status_code)
    response.headers.update(error.headers or {})
    return response
