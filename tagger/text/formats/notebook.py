"""Text with highlighted spans for the output of a notebook's cell: a piece of HTML that needs nothing around it.

Each element brings its style, since sites that show notebooks drop style sheets and scripts. Colours let what lies
behind shine through and letters keep theirs, so it is right in a light notebook and in a dark one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tagger.text.escape import escape_html, escape_html_text
from tagger.text.formats.hues import find_hue

_TEXT = "white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.9; unicode-bidi: plaintext; text-align: start"
_SPAN = "color: inherit; border-radius: .3em; padding: .12em .3em; margin: 0 1px"
_LABEL = "font-size: .7em; margin-inline-start: .45em; opacity: .8"


class Stretch(NamedTuple):
    """A stretch of text; with a type (and a confidence, if it has one) it is a span.

    `is_named`: whether its type is written behind it.
    """

    text: str
    type: str | None = None
    confidence: float | None = None
    is_named: bool = True


def draw_pieces(pieces: Iterable[Stretch], rest: str = "") -> str:
    """Return pieces of a text, one after the other, as HTML; `rest` says below it what isn't shown."""
    shown = "".join(escape_html_text(piece.text) if piece.type is None else _draw(piece) for piece in pieces)
    below = f'<div style="opacity: .7">{escape_html(rest)}</div>' if rest else ""
    return f'<div><div dir="auto" style="{_TEXT}">{shown}</div>{below}</div>'


def _draw(span: Stretch) -> str:
    type_ = span.type or ""
    colour = f"background: hsla({find_hue(type_)}, 75%, 50%, .32)"
    name = escape_html(type_)
    title = name if span.confidence is None else f"{name}, confidence {span.confidence:.4f}"
    label = f'<b style="{_LABEL}">{name}</b>' if span.is_named else ""
    return f'<mark style="{_SPAN}; {colour}" title="{title}">{escape_html_text(span.text)}{label}</mark>'
