"""The parts that a user asks for."""

from __future__ import annotations

import re
from typing import NamedTuple

from tagger.errors import ConfigError

MOST_PARTS = 100
_NAME = re.compile(r"\w[\w.-]*")
_USUAL = {2: ("train", "test"), 3: ("train", "dev", "test")}


class Part(NamedTuple):
    """A part and how much of the corpus it shall hold, between 0 and 1; the shares of all add up to 1."""

    name: str
    share: float


def parse_parts(typed: str) -> tuple[Part, ...]:
    """Return parts as a user writes them: sizes in any unit, with names or without.

    >>> parse_parts("80,10,10")[0], [part.name for part in parse_parts("1,1,1,1")]
    (Part(name='train', share=0.8), ['part1', 'part2', 'part3', 'part4'])
    >>> parse_parts("train=3,held-out=1")[1]
    Part(name='held-out', share=0.25)

    Raises:
        ConfigError: these are no such parts.
    """
    expected = "expected sizes such as 80,10,10, or with names train=80,test=20"
    pieces = [piece.strip() for piece in typed.split(",")]
    if not 2 <= len(pieces) <= MOST_PARTS:
        raise ConfigError(
            f"found {typed!r}, {expected}, two parts at least and {MOST_PARTS} at most", "parts"
        )
    usual = _USUAL.get(len(pieces)) or tuple(f"part{number}" for number in range(1, len(pieces) + 1))
    sizes: dict[str, float] = {}
    for piece, given in zip(pieces, usual, strict=True):
        name, sign, size = piece.rpartition("=")
        name = name.strip() if sign else given
        try:
            number = float(size)
        except ValueError:
            number = 0.0
        if not 0 < number < float("inf"):
            raise ConfigError(f"found {piece!r}, {expected}, every size more than 0", "parts")
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"found the name {name!r}, expected letters, digits, `_`, `-` and `.`: a file is called so",
                "parts",
            )
        if name in sizes:
            raise ConfigError(f"found {name} twice, expected a name for each part", "parts")
        sizes[name] = number
    whole = sum(sizes.values())
    return tuple(Part(name, size / whole) for name, size in sizes.items())
