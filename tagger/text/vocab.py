"""An immutable table from strings to rows of an embedding.

Built once from counts; a lookup never grows it. It doesn't know what its strings are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat

PAD = 0
UNKNOWN = 1


class Vocab:
    """Strings numbered from 2; 0 pads and 1 stands for every string that is not in the table.

    >>> vocab = Vocab(["a", "b"])
    >>> len(vocab), vocab.row("b"), vocab.row("z"), vocab.rows(["a", "z"])
    (4, 3, 1, [2, 1])
    """

    __slots__ = ("_rows", "items")

    def __init__(self, items: Iterable[str]) -> None:
        self.items: tuple[str, ...] = tuple(items)
        self._rows: Mapping[str, int] = {item: row for row, item in enumerate(self.items, 2)}
        if len(self._rows) != len(self.items):
            raise ValueError("the items of a vocabulary must differ")

    @classmethod
    def from_counts(cls, counts: Mapping[str, int], min_count: int = 1) -> Vocab:
        """Number the strings seen at least `min_count` times, the commonest first, ties in alphabetical order."""
        kept = [item for item, count in counts.items() if count >= min_count]
        return cls(sorted(kept, key=lambda item: (-counts[item], item)))

    def __len__(self) -> int:
        return len(self.items) + 2

    def __contains__(self, item: str) -> bool:
        return item in self._rows

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocab) and self.items == other.items

    def __hash__(self) -> int:
        return hash(self.items)

    def row(self, item: str) -> int:
        """Return the row of `item`, or `UNKNOWN`."""
        return self._rows.get(item, UNKNOWN)

    def iter_rows(self, items: Iterable[str]) -> Iterator[int]:
        """Yield the row of each item."""
        return map(self._rows.get, items, repeat(UNKNOWN))

    def rows(self, items: Sequence[str]) -> list[int]:
        """Return the row of each item."""
        get = self._rows.get
        return [get(item, UNKNOWN) for item in items]
