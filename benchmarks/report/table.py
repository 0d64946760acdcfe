"""What a table of `RESULTS.md` is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Column(NamedTuple):
    """A column.

    Attributes:
        key: of the rows.
        title: above it.
        digits: behind the point of its numbers.
        each: whether it lists the values of all seeds in place of their mean.
    """

    key: str
    title: str
    digits: int = 0
    each: bool = False


class Picture(NamedTuple):
    """What the bars of a table's picture show.

    Attributes:
        title: with the unit.
        label: the columns that name a row.
        bars: the columns whose numbers are drawn, a bar each.
    """

    title: str
    label: Sequence[str]
    bars: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of `RESULTS.md`.

    Attributes:
        title: its heading.
        about: what is measured and how, in Markdown.
        columns: from left to right.
        key: the columns that say what a row is about; a newer figure takes the place of an older one of the same key.
        commands: scripts of this folder with their arguments.
        peers: other tools that have a part in it, by the names of `benchmarks/peers`.
        packages: whose versions matter.
        picture: what is drawn; None draws nothing.
        closing: what is to be said below it, in Markdown.
    """

    title: str
    about: str
    columns: Sequence[Column]
    key: Sequence[str]
    commands: Sequence[Sequence[str]]
    peers: Sequence[str] = ()
    packages: Sequence[str] = ("numpy",)
    picture: Picture | None = None
    closing: str = ""
