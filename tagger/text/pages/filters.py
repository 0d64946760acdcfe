"""The form above a list of places: which are shown, and in which order. The script reads it and counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tagger.text.escape import escape_html


class Filters(NamedTuple):
    """What a list can be cut down to.

    Attributes:
        label: what the form does, for those who don't see it.
        things: what is counted, in the plural.
        places: what holds them, in the plural; empty where each place is one thing.
        types: labels to choose from.
        kinds: value, name and count of each kind of thing.
        orders: value and name of each order.
        more: further controls, as HTML.
        keys: what keys do, as HTML.
    """

    label: str
    things: str
    places: str
    types: Sequence[str]
    kinds: Sequence[tuple[str, str, int]] = ()
    orders: Iterable[tuple[str, str]] = ()
    more: str = ""
    keys: str = "<kbd>j</kbd> <kbd>k</kbd> next and previous, <kbd>/</kbd> search, <kbd>Esc</kbd> show all"


def write_types(types: Iterable[str]) -> str:
    r"""Return the attribute by which the script knows of which types a place or a thing is: each on its line.

    >>> write_types(["PER", "A&B", "PER"])
    'data-types="PER\nA&amp;B"'
    """
    return 'data-types="' + "\n".join(dict.fromkeys(map(escape_html, types))) + '"'


def draw_filters(filters: Filters) -> str:
    """Return the form as HTML, hidden: it is of no use without the script, which shows it."""
    boxes = "".join(
        f'<label><input type="checkbox" name="kind" value="{value}" checked> {name} ({count:,})</label>'
        for value, name, count in filters.kinds
    )
    types = "".join(
        f'<option value="{number}" data-t="{escape_html(name)}">{escape_html(name)}</option>'
        for number, name in enumerate(filters.types, 1)
    )
    orders = "".join(f'<option value="{value}">{name}</option>' for value, name in filters.orders)
    return (
        f'<form class="filters" id="filters" hidden aria-label="{filters.label}" '
        f'data-things="{filters.things}" data-places="{filters.places}">'
        + (f"<fieldset><legend>Kinds of {filters.things}</legend>{boxes}</fieldset>" if boxes else "")
        + f'<label>type <select id="type"><option value="">any</option>{types}</select></label>'
        '<label>words <input type="search" id="search" autocomplete="off" spellcheck="false"></label>'
        + (f'<label>order <select id="order">{orders}</select></label>' if orders else "")
        + f'{filters.more}<button type="button" id="chosen" hidden></button>'
        '<button type="button" id="clear">show all</button><p id="status" aria-live="polite"></p>'
        f'<p class="note keys">{filters.keys}</p></form>\n'
    )
