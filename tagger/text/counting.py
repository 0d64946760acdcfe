"""Numbers of things in words, for messages; things that happen many times and are said once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

Note = Callable[[str, str, str], None]  # gets a noun, what is odd about it, and where: see `Oddities.note`


def count_of(count: float, noun: str, several: str = "") -> str:
    """Return a number and its noun, in the plural unless it is one; `several` where that does not just add an s.

    >>> count_of(1, "span"), count_of(1200, "span"), count_of(0, "entry", "entries")
    ('1 span', '1,200 spans', '0 entries')
    """
    return f"{count:,} {noun if count == 1 else several or noun + 's'}"


def shape_of(layers: int, directions: int, units: int) -> str:
    """Return how large a recurrent network is.

    >>> shape_of(1, 2, 128)
    '1 layer x 2 directions x 128 units'
    """
    counts = {"layer": layers, "direction": directions, "unit": units}
    return " x ".join(count_of(count, noun) for noun, count in counts.items())


class Oddities:
    """What was odd, how often, and where first.

    >>> oddities = Oddities()
    >>> oddities.note("span", "given twice, counted once", "a.jsonl:3")
    >>> oddities.note("span", "given twice, counted once", "a.jsonl:7")
    >>> list(oddities.lines())
    ['2 spans given twice, counted once (first: a.jsonl:3)']
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[int, str]] = {}

    def note(self, noun: str, oddity: str, place: str) -> None:
        """Count one thing; `oddity` follows the noun, whatever its number."""
        count, first = self._found.get((noun, oddity), (0, place))
        self._found[noun, oddity] = (count + 1, first)

    def lines(self) -> Iterator[str]:
        """Yield a line for each kind, in the order in which they came."""
        for (noun, oddity), (count, first) in self._found.items():
            where = f" (first: {first})" if first else ""
            yield f"{count_of(count, noun)} {oddity}{where}"


def overlook(noun: str, oddity: str, place: str) -> None:
    """Count nothing, where nobody asks."""
