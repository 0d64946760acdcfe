"""`tagger serve`: models behind an address, with a page to try them in."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from tagger.cli.options import Quiet, one_of
from tagger.errors import ConfigError

_LIMITS, _CLIENTS, _STUDIO = "What is borne", "Who is answered", "Label Studio"
MAX_BODY, _MAX_STUDIO_BODY = 1 << 20, 64 << 20  # Label Studio sends a hundred whole texts at a time

_Models = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL...", help="Model directories; NAME=DIR gives one another name than its own."
    ),
]
_Host = Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen at; 0.0.0.0: all there are.")]
_Port = Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="Port; 0: any that is free.")]
_Processes = Annotated[int, typer.Option(min=0, metavar="N", help="Processes that serve; 0: one per core.")]
_LogFormat = Annotated[
    str, typer.Option(help="Lines on stderr: for people, or JSON.", **one_of(("text", "json")))
]
_MaxBody = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="BYTES",
        help=f"A request with more is answered 413; if absent {MAX_BODY}, with --label-studio {_MAX_STUDIO_BODY}.",
        rich_help_panel=_LIMITS,
    ),
]
_Queue = Annotated[
    int,
    typer.Option(
        min=1,
        metavar="N",
        help="Requests at work at once in each process; more are answered 429.",
        rich_help_panel=_LIMITS,
    ),
]
_Timeout = Annotated[
    float,
    typer.Option(
        min=0.1,
        metavar="SECONDS",
        help="A request that takes longer is answered 503.",
        rich_help_panel=_LIMITS,
    ),
]
_AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="A name by which requests may call the server (repeatable; *: any). Addresses, localhost and this "
        "machine's own name always may.",
        rich_help_panel=_CLIENTS,
    ),
]
_AllowOrigin = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ORIGIN",
        help="A web site whose pages may use the server, as https://example.org (repeatable; *: any).",
        rich_help_panel=_CLIENTS,
    ),
]
_AllowReload = Annotated[
    bool,
    typer.Option(
        "--allow-reload",
        help="POST /reload reads the models anew, as SIGHUP always does.",
        rich_help_panel=_CLIENTS,
    ),
]
_LabelStudio = Annotated[
    bool,
    typer.Option(
        "--label-studio",
        help="Be an ML backend of Label Studio: predict its tasks, hear what is annotated. Its labelling "
        "configuration: tagger inspect MODEL --label-studio.",
        rich_help_panel=_STUDIO,
    ),
]
_Annotations = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder for the annotations that come, and for the models trained on them. From then on the newest of "
        "these serves.",
        rich_help_panel=_STUDIO,
    ),
]
_Train = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="Corpus to learn from beside the annotations, usually the one that MODEL was trained on.",
        rich_help_panel=_STUDIO,
    ),
]
_Missed = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="Export of the project (JSON): what was annotated while the server was down is added to --annotations.",
        rich_help_panel=_STUDIO,
    ),
]
_TrainEvery = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Train after every N annotations, too, and not only when Label Studio is told to (Start Training).",
        rich_help_panel=_STUDIO,
    ),
]


def serve(
    models: _Models,
    host: _Host = "127.0.0.1",
    port: _Port = 8080,
    workers: _Processes = 1,
    log_format: _LogFormat = "text",
    quiet: Quiet = False,
    max_body: _MaxBody = None,
    queue: _Queue = 256,
    timeout: _Timeout = 60.0,
    allow_host: _AllowHost = None,
    allow_origin: _AllowOrigin = None,
    allow_reload: _AllowReload = False,
    label_studio: _LabelStudio = False,
    annotations: _Annotations = None,
    train: _Train = None,
    train_every: _TrainEvery = None,
    missed: _Missed = None,
) -> None:
    """Serve trained models over HTTP, with a page at / to try them in and a description at /docs.

    Example: [bold]tagger serve models/en models/zh --port 8080[/bold]
    """
    try:
        from tagger.adapters import server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "tagger":
            raise
        raise ConfigError(
            f"the server needs {error.name}, which isn't installed: pip install 'tagger[serve]'"
        ) from None
    processes = workers or os.cpu_count() or 1
    if processes > 1 and not hasattr(os, "fork"):
        raise typer.BadParameter(
            "this system can't share a server among processes; start several on ports of their own",
            param_hint="--workers",
        )
    _check_studio(label_studio, annotations, train, train_every, missed, len(models), processes)
    limits = server.Limits(
        body=max_body or (_MAX_STUDIO_BODY if label_studio else MAX_BODY),
        queue=queue,
        timeout=timeout,
        hosts=tuple(allow_host or ()),
        origins=tuple(allow_origin or ()),
        allows_reload=allow_reload,
        label_studio=label_studio,
    )
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until models are there that could be read anew
    server.set_up_logs(server.LogFormat(log_format), is_quiet=quiet)
    places = server.name_models(models)
    listener = server.Address(host, port).bind()
    lessons = None
    if annotations is not None:
        base = next(iter(places.values())).resolve()
        journal = server.Journal(annotations)
        if missed is not None:
            server.log("missed annotations were added", annotations=server.keep_missed(journal, missed))
        lessons = server.Lessons(journal, base, train, train_every)
        places = {name: server.find_newest(annotations) or place for name, place in places.items()}
    shelf = server.Shelf.read(places)
    url = server.find_url(listener)
    hint = f"serving {', '.join(places)} at {url} (requests: {url}/docs; Ctrl-C ends)"
    if label_studio:
        hint = f"serving {shelf.find(None).version} to Label Studio: add the model {url} to a project (Ctrl-C ends)"
    server.log("serving", hint, url=url, models=list(places), processes=processes)
    ended_by = server.serve(shelf, limits, listener, processes, lessons)
    raise typer.Exit(128 + ended_by if ended_by else 0)


def _check_studio(
    label_studio: bool,
    annotations: Path | None,
    train: Path | None,
    train_every: int | None,
    missed: Path | None,
    models: int,
    processes: int,
) -> None:
    """Refuse what doesn't go together, before anything is read."""
    if annotations is not None and not label_studio:
        raise typer.BadParameter(
            "annotations come from Label Studio; add --label-studio", param_hint="--annotations"
        )
    for option, given in (("--train", train), ("--train-every", train_every), ("--missed", missed)):
        if given is not None and annotations is None:
            raise typer.BadParameter(
                "needs a folder for what is learnt; add --annotations DIR", param_hint=option
            )
    if label_studio and models > 1:
        raise typer.BadParameter(
            f"found {models} models, expected the one that Label Studio asks", param_hint="MODEL"
        )
    if annotations is not None and processes > 1:
        raise typer.BadParameter("one process keeps annotations; leave it out", param_hint="--workers")
