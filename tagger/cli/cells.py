"""What stands in the cells of tables: names that are cut in the middle where there is too little room, on one line.

A name of a type, a file or an annotator may be of any length and of any script. Folded into a narrow column it would
run down the screen letter by letter; so it loses its middle, because names of one corpus often begin alike.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len, get_character_cell_size
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from tagger.text.escape import escape_line

_LEAST = 5  # cells below which nothing of a name is to be recognised


class Name:
    """A name from a corpus in a table: no markup is read, no control character reaches the terminal.

    Args:
        text: the name.
        style: how it is drawn.
    """

    def __init__(self, text: str, style: str = "") -> None:
        self._text = escape_line(text)
        self._style = style

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Say how wide it is at most, and how narrow it may become."""
        width = cell_len(self._text)
        return Measurement(min(width, _LEAST), width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it, cut to the width that there is."""
        text = shorten(self._text, options.max_width)
        yield Text(text, self._style, no_wrap=True, justify=options.justify)


class WhereItFits:
    """A table that is drawn as it is where it fits the screen, and something else where it doesn't.

    Args:
        table: what is drawn where there is room.
        instead: what is drawn elsewhere.
    """

    def __init__(self, table: Table, instead: RenderableType) -> None:
        self._table = table
        self._instead = instead

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw one of both."""
        wanted = self._table.__rich_measure__(console, options.update(width=_UNBOUNDED)).maximum
        yield self._table if wanted <= options.max_width else self._instead


_UNBOUNDED = 10_000  # cells: more than any table of ten columns takes


def shorten(text: str, width: int) -> str:
    """Take the middle out of a text that is wider than so many cells of a terminal; wide characters count two.

    >>> shorten("organisation", 9), shorten("organisation", 12), shorten("北京北京北京", 7)
    ('orga…tion', 'organisation', '北…京')
    """
    if cell_len(text) <= width:
        return text
    if width < 1:
        return ""
    behind = _prefix(reversed(text), (width - 1) // 2)
    before = _prefix(text, width - 1 - (width - 1) // 2)
    return f"{before}…{behind[::-1]}"


def _prefix(characters: Iterable[str], width: int) -> str:
    """Return as many of the first characters as so many cells hold."""
    taken, used = [], 0
    for character in characters:
        used += get_character_cell_size(character)
        if used > width:
            break
        taken.append(character)
    return "".join(taken)
