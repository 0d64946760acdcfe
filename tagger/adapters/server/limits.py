"""What a server bears of its clients, and whom it answers."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a server bears.

    Attributes:
        body: bytes of a request's body; more is answered 413.
        queue: requests at work in one process; more are answered 429.
        timeout: seconds from a request's first byte to its last answer; longer is answered 503.
        hosts: names that requests may call the server, beside addresses and `localhost`; `*`: any.
        origins: pages of other origins that may use the server; `*`: any. None are answered unless they are named.
        allows_reload: whether `POST /reload` is answered.
        label_studio: whether the protocol of Label Studio's ML backends is spoken, with the first model.
    """

    body: int = MEBIBYTE
    queue: int = 256
    timeout: float = 60.0
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    allows_reload: bool = False
    label_studio: bool = False
