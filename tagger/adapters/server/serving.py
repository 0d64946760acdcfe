"""One process that serves: a socket, uvicorn, and what signals do.

SIGTERM and Ctrl-C drain: no connection is accepted any more, requests at work are answered, clients are asked to
close their connections, and the process ends. SIGHUP reads the models anew.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Any

import uvicorn

from tagger.adapters.server.app import Service, build
from tagger.adapters.server.connections import BoundedProtocol
from tagger.adapters.server.guard import Guard
from tagger.adapters.server.limits import Limits
from tagger.adapters.server.logs import log, log_warning
from tagger.adapters.server.shelf import Shelf
from tagger.adapters.server.studio import Lessons
from tagger.collector import spare_collector
from tagger.errors import ConfigError, ModelError

_KEEP_ALIVE = 5  # seconds that a connection may idle
_SWITCH = 0.0005  # seconds between two threads of Python: the event loop must not wait long for a batch
_BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens; port 0 takes any that is free."""

    host: str
    port: int

    def bind(self) -> socket.socket:
        """Return a socket that listens there.

        Raises:
            ConfigError: there is no such address, or somebody else listens there.
        """
        try:
            family, kind, protocol, _, place = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listener = socket.socket(family, kind, protocol)
            if os.name == "posix":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(place)
            listener.listen(_BACKLOG)
        except (OSError, UnicodeError) as error:
            is_taken = getattr(error, "errno", None) in (errno.EADDRINUSE, errno.EACCES)
            advice = "; choose another one with --port" if is_taken else ""
            reason = getattr(error, "strerror", None) or error
            raise ConfigError(f"{self.host}:{self.port}: {reason}{advice}") from None
        listener.setblocking(False)
        os.set_inheritable(listener.fileno(), True)
        return listener


def find_url(listener: socket.socket) -> str:
    """Return the address at which a browser finds a listening socket."""
    host, port = listener.getsockname()[:2]
    shown = (
        "127.0.0.1"
        if host == "0.0.0.0"
        else "[::1]"
        if host == "::"
        else f"[{host}]"
        if ":" in host
        else host
    )
    return f"http://{shown}:{port}"


def heed(loop: asyncio.AbstractEventLoop, number: int, react: Callable[[], object]) -> None:
    """Let a signal call a function within a loop, by Python's own handler where loops know no signals: on Windows."""
    try:
        loop.add_signal_handler(number, react)
    except NotImplementedError:
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(react))


class _Server(uvicorn.Server):
    """uvicorn, whose signals are ours."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


class Serving:
    """Serves until a signal ends it.

    Args:
        shelf: the models.
        limits: what is borne of clients.
        supervisor: the process that has to know of reloads, and without which this one ends; None: there is none.
        lessons: what the model learns from Label Studio; None: nothing.
    """

    def __init__(
        self, shelf: Shelf, limits: Limits, supervisor: int | None = None, lessons: Lessons | None = None
    ) -> None:
        self._supervisor = supervisor
        on_reload = None if supervisor is None else self._tell_supervisor
        self._service = Service(shelf, limits, on_reload, lessons)
        self._guard: Guard = build(self._service)
        self._ended_by = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = _Server(
            uvicorn.Config(
                self._guard,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                lifespan="on",
                ws="none",
                timeout_keep_alive=_KEEP_ALIVE,
                timeout_graceful_shutdown=ceil(limits.timeout) + 1,
                http=BoundedProtocol,
            )
        )

    def run(self, listener: socket.socket) -> int:
        """Serve, and return the number of the signal that ended it; 0: none did."""
        sys.setswitchinterval(_SWITCH)
        spare_collector()
        with asyncio.Runner(loop_factory=self._server.config.get_loop_factory()) as runner:
            runner.run(self._serve(listener))
        return self._ended_by

    async def _serve(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            heed(loop, number, partial(self._end, number))
        if hasattr(signal, "SIGHUP"):
            heed(loop, signal.SIGHUP, partial(self._start, self._reload))
        if self._supervisor is not None:
            self._start(self._watch_supervisor)
        await self._server.serve(sockets=[listener])

    def _start(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = asyncio.get_running_loop().create_task(work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _end(self, number: int) -> None:
        if self._ended_by:
            os._exit(128 + number)  # asked twice
        self._ended_by = number
        log("ending", requests=self._guard.at_work)
        self._start(self._drain)

    async def _drain(self) -> None:
        """Let clients go, and then end.

        A connection that idles could carry a request at the moment at which we close it, and the client would see it
        fail. So first they are all told to close after their next answer, and idle ones run out.
        """
        while not self._server.started:
            await asyncio.sleep(0.01)
        self._service.is_draining = self._guard.is_draining = True
        for server in self._server.servers:
            server.close()
        patience = _KEEP_ALIVE if self._ended_by == signal.SIGTERM else 0
        until = time.monotonic() + patience
        while self._server.server_state.connections and time.monotonic() < until:
            await asyncio.sleep(0.02)
        self._server.should_exit = True

    async def _reload(self) -> None:
        with suppress(ModelError):  # it has been logged
            await self._service.reload()

    def _tell_supervisor(self) -> None:
        assert self._supervisor is not None
        os.kill(self._supervisor, signal.SIGHUP)

    async def _watch_supervisor(self) -> None:
        """End when the supervisor is gone: nobody would restart this process, nor end it."""
        while os.getppid() == self._supervisor:
            await asyncio.sleep(1.0)
        if not self._ended_by:
            log_warning("the supervising process is gone; ending")
            self._end(signal.SIGTERM)
