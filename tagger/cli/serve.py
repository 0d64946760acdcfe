"""`tagger serve`: models behind an address, with a page to try them in."""

from __future__ import annotations

import os
import signal
from typing import Annotated

import typer

from tagger.cli.options import Quiet, one_of
from tagger.errors import ConfigError

_LIMITS, _CLIENTS = "What is borne", "Who is answered"

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
    int,
    typer.Option(
        min=1, metavar="BYTES", help="A request with more is answered 413.", rich_help_panel=_LIMITS
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


def serve(
    models: _Models,
    host: _Host = "127.0.0.1",
    port: _Port = 8080,
    workers: _Processes = 1,
    log_format: _LogFormat = "text",
    quiet: Quiet = False,
    max_body: _MaxBody = 1 << 20,
    queue: _Queue = 256,
    timeout: _Timeout = 60.0,
    allow_host: _AllowHost = None,
    allow_origin: _AllowOrigin = None,
    allow_reload: _AllowReload = False,
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
    limits = server.Limits(
        body=max_body,
        queue=queue,
        timeout=timeout,
        hosts=tuple(allow_host or ()),
        origins=tuple(allow_origin or ()),
        allows_reload=allow_reload,
    )
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until models are there that could be read anew
    server.set_up_logs(server.LogFormat(log_format), is_quiet=quiet)
    places = server.name_models(models)
    listener = server.Address(host, port).bind()
    shelf = server.Shelf.read(places)
    url = server.find_url(listener)
    hint = f"serving {', '.join(places)} at {url} (requests: {url}/docs; Ctrl-C ends)"
    server.log("serving", hint, url=url, models=list(places), processes=processes)
    ended_by = server.serve(shelf, limits, listener, processes)
    raise typer.Exit(128 + ended_by if ended_by else 0)
