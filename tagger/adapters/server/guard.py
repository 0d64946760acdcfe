"""What is checked of every request before anybody reads it, and counted and logged when it is answered.

An ASGI application around another one. It answers in JSON: a host that isn't ours 400, a page of another origin 403,
a body that takes too long to come 408, one that is too large 413, a compressed one 415, too many requests at once
429, one that takes too long to answer 503, a fault of ours 500.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from typing import Any

from starlette.requests import ClientDisconnect

from tagger.adapters.server.limits import Limits
from tagger.adapters.server.logs import log, log_failure
from tagger.adapters.server.metrics import Metrics
from tagger.text.objects import dump_json

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_ALWAYS = frozenset({"/health", "/ready", "/metrics"})  # answered however busy the server is
_OWN = frozenset(
    {"/reload", "/setup", "/webhook"}
)  # for those who run the server, whatever pages it may serve
_BODY_SECONDS = 15.0  # for a body to come: while it does, it has a place in the queue
_MOST_DISCARDED = 64 << 20
_DISCARDING_SECONDS = 5.0
_SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
]


class BodyTooLargeError(Exception):
    """A client sends more than it may."""


class BodyTooSlowError(Exception):
    """A client takes longer than it may to send what it wants."""


class Guard:
    """Stands before an application.

    Args:
        application: what answers requests that may pass.
        limits: what is borne.
        paths: of the application; others are counted as one, since an address may hold anything.
        metrics: where requests are counted.

    Attributes:
        at_work: requests that have come in and aren't answered to the end.
        is_draining: whether the server is about to end: clients are asked to close their connections.
    """

    def __init__(
        self, application: Application, limits: Limits, paths: Iterable[str], metrics: Metrics
    ) -> None:
        self._application = application
        self._limits = limits
        self._paths = frozenset(paths)
        self._metrics = metrics
        self._hosts = frozenset(name.lower() for name in ("localhost", socket.gethostname(), *limits.hosts))
        self.at_work = 0
        self.is_draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":  # the application's beginning and end; it has no web sockets
            await self._application(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send, self._limits.body, lambda: self.is_draining)
        began = time.perf_counter()
        self.at_work += 1
        self._metrics.at_work.inc()
        try:
            await self._answer(scope, exchange)
        finally:
            self.at_work -= 1
            self._metrics.at_work.dec()
            self._note(scope, exchange, time.perf_counter() - began)

    async def _answer(self, scope: Scope, exchange: _Exchange) -> None:
        refusal = self._refuse(scope, exchange)
        if refusal is not None:
            if refusal[0] == 413:
                await exchange.discard()
            await exchange.refuse(*refusal)
            return
        try:
            async with asyncio.timeout(self._limits.timeout):
                await self._application(scope, exchange.receive, exchange.send)
        except BodyTooLargeError:
            await exchange.discard()
            await exchange.refuse(413, self._too_large(), "body")
        except BodyTooSlowError:
            await exchange.refuse(408, f"the body took longer than {_BODY_SECONDS:g} s to come", "body")
        except ClientDisconnect:
            return
        except TimeoutError:
            await exchange.refuse(503, f"took longer than {self._limits.timeout:g} s; send less at a time")
        except Exception as error:
            log_failure("a fault of the server", error, path=self._path(scope))
            await exchange.refuse(500, "a fault of the server, which its log tells of")

    def _refuse(self, scope: Scope, exchange: _Exchange) -> tuple[int, str] | tuple[int, str, str] | None:
        """Return status, message and field if a request may not pass."""
        headers = exchange.headers
        host = headers.get(b"host", b"").decode("latin-1")
        if not self._is_ours(host):
            return (
                400,
                f"found {host[:80]!r}, expected an address, localhost, or a name given with --allow-host",
                "Host",
            )
        origin = headers.get(b"origin")
        if (
            scope["method"] == "POST"
            and origin is not None
            and not self._is_welcome(origin.decode("latin-1"), host, scope["path"])
        ):
            return 403, "pages of other origins may not use this server; --allow-origin lets them", "Origin"
        if headers.get(b"content-encoding", b"identity") != b"identity":
            return 415, "expected a body as it is, not compressed", "Content-Encoding"
        length = headers.get(b"content-length", b"0").lstrip(b"0") or b"0"
        if length.isdigit() and int(length) > self._limits.body:
            return 413, self._too_large(), "body"
        if self.at_work > self._limits.queue and scope["path"] not in _ALWAYS:
            return 429, f"{self._limits.queue} requests are at work; try again in a second"
        return None

    def _too_large(self) -> str:
        return f"expected at most {self._limits.body:,} bytes; send less at a time, or start with a larger --max-body"

    def _is_ours(self, host: str) -> bool:
        """Say whether a request means this server.

        A name that isn't known might be another site's, made to lead here, and a browser would then let that site's
        pages read the answers. An address can't be anybody else's.
        """
        if "*" in self._limits.hosts:
            return True
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        if name.lower() in self._hosts:
            return True
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True

    def _is_welcome(self, origin: str, host: str, path: str) -> bool:
        allowed = () if path in _OWN else self._limits.origins
        return "*" in allowed or origin in allowed or origin.partition("://")[2] == host

    def _path(self, scope: Scope) -> str:
        path = scope["path"]
        if path in self._paths:
            return str(path)
        return "/models/NAME" if path.startswith("/models/") else "other"

    def _note(self, scope: Scope, exchange: _Exchange, seconds: float) -> None:
        path = self._path(scope)
        status = exchange.status or 499  # the client went before it was answered
        self._metrics.note_request(scope["method"], path, status, seconds)
        if path in _ALWAYS and status == 200:
            return  # probes come every few seconds
        log(
            "request",
            method=scope["method"] if path != "other" else "-",
            path=path,
            status=status,
            ms=round(1000 * seconds, 2),
            bytes_in=exchange.received,
            bytes_out=exchange.sent,
        )


class _Exchange:
    """A request and its answer, as they pass by."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        most: int,
        is_draining: Callable[[], bool],
    ) -> None:
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.status = 0
        self.received = 0
        self.sent = 0
        self._receive = receive
        self._send = send
        self._most = most
        self._is_draining = is_draining
        self._is_whole = False  # whether all of the body has come
        self._deadline = asyncio.get_running_loop().time() + _BODY_SECONDS

    async def receive(self) -> Message:
        """Pass on what a client sends, as long as it is not too much."""
        if self._is_whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise BodyTooSlowError from None
        if message["type"] == "http.request":
            self._is_whole = not message.get("more_body", False)
            self.received += len(message.get("body", b""))
            if self.received > self._most:
                raise BodyTooLargeError
        return message

    async def discard(self) -> None:
        """Read on for a while: a client that is still sending looks at no answer, and sees the connection break.

        One that asks first whether it may send is answered at once.
        """
        if b"expect" in self.headers:
            return
        until = self.received + _MOST_DISCARDED
        with suppress(TimeoutError):
            async with asyncio.timeout(_DISCARDING_SECONDS):
                while not self._is_whole and self.received < until:
                    message = await self._receive()
                    if message["type"] != "http.request":
                        return
                    self._is_whole = not message.get("more_body", False)
                    self.received += len(message.get("body", b""))

    async def send(self, message: Message) -> None:
        """Pass an answer on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *_SECURITY]
            if self._is_draining():
                message["headers"].append((b"connection", b"close"))
        else:
            self.sent += len(message.get("body", b""))
        await self._send(message)

    async def refuse(self, status: int, error: str, field: str | None = None) -> None:
        """Answer in JSON; an answer that has begun is broken off, so that nobody takes it for whole."""
        if self.status:
            return
        body = dump_json({"error": f"{field}: {error}" if field else error, "field": field}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if status == 429:
            headers.append((b"retry-after", b"1"))
        if status in (408, 413, 503):  # what is left of the body isn't read
            headers.append((b"connection", b"close"))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})
