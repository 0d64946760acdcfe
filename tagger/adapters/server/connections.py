"""HTTP as uvicorn speaks it, with bounds on how large the head of a request may be and how long it may take."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD_BYTES = 64 << 10
_HEAD_SECONDS = 10.0
_STALL_SECONDS = 60.0
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """One connection; one that sends no whole head in time, or too large a one, or doesn't read, is closed."""

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._head = self._trailer = 0  # bytes
        self._is_head = True  # whether a head is what comes
        self._deadline: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._end_head()
        self._end_stall()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes of a head; the rest of a body whose request is answered has as long to come as a head."""
        self._head += len(data)
        super().data_received(data)
        if self._is_head and self._head > _HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()
        elif self.cycle is not None and self.cycle.response_complete:
            self._await_head()

    def on_message_begin(self) -> None:
        """Begin to wait for the rest of a head."""
        self._head = 0
        self._is_head = True
        self._await_head()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count what stands behind a body, too, as if it were a head."""
        super().on_header(name, value)
        if not self._is_head:
            self._trailer += len(name) + len(value)
            if self._trailer > _HEAD_BYTES:
                self.transport.abort()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._end_head()
        self._is_head = False
        self._trailer = 0
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """Begin to wait for a client that doesn't read."""
        super().pause_writing()
        self._stall = self.loop.call_later(_STALL_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It reads."""
        self._end_stall()
        super().resume_writing()

    def _await_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(_HEAD_SECONDS, self._give_up)

    def _end_head(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _give_up(self) -> None:
        self._deadline = None
        self.transport.close()
