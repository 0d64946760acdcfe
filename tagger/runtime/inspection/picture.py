"""The learned transitions as one self-contained SVG file: a grid of colours, a figure to each on hovering.

Red favours a move, blue disfavours it, grey is forbidden by the scheme: a scale that the colour-blind can read.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from tagger.runtime.inspection.facts import Transitions
from tagger.text.escape import escape_html
from tagger.text.output import write_text

Colour = tuple[int, int, int]

SCALE: tuple[Colour, Colour, Colour] = ((33, 102, 172), (247, 247, 247), (178, 24, 43))
"""Lowest, zero, highest: the ends and the middle of ColorBrewer's RdBu."""

_FORBIDDEN = "#d9d9d9"
_CELL = 18  # pixels
_GLYPH = 7.2  # pixels, of the monospaced label
_LONGEST_LABEL = 28  # characters


def shade(score: float, largest: float) -> Colour:
    """Return the colour of a score between -largest and largest."""
    low, zero, high = SCALE
    share = max(-1.0, min(1.0, score / largest))
    end = high if share > 0 else low
    red, green, blue = (
        round(middle + (edge - middle) * abs(share)) for middle, edge in zip(zero, end, strict=True)
    )
    return red, green, blue


def write(transitions: Transitions, path: str | PathLike[str]) -> None:
    """Write the picture whole or not at all; DataError where the disk refuses."""
    write_text(Path(path), [draw(transitions)])


def draw(transitions: Transitions) -> str:
    """Return the SVG: sources in rows, targets in columns."""
    rows, columns = (list(map(_short, names)) for names in (transitions.sources, transitions.targets))
    margin = round(_GLYPH * max(map(len, rows + columns))) + 16
    width, height = margin + _CELL * len(columns) + 16, margin + _CELL * len(rows) + 52
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="monospace" font-size="12">',
        "<title>Learned transitions: from the tag of the row to the tag of the column</title>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for i, name in enumerate(rows):
        y = margin + _CELL * i + 13
        parts.append(f'<text x="{margin - 6}" y="{y}" text-anchor="end">{escape_html(name)}</text>')
    for j, name in enumerate(columns):
        x = margin + _CELL * j + 13
        parts.append(f'<text transform="translate({x} {margin - 6}) rotate(-90)">{escape_html(name)}</text>')
    largest = transitions.largest
    for i, (source, scores) in enumerate(zip(transitions.sources, transitions.scores, strict=True)):
        for j, (target, score) in enumerate(zip(transitions.targets, scores, strict=True)):
            colour = _FORBIDDEN if score is None else "#{:02x}{:02x}{:02x}".format(*shade(score, largest))
            figure = "forbidden" if score is None else f"{score:+.3f}"
            parts.append(
                f'<rect x="{margin + _CELL * j}" y="{margin + _CELL * i}" width="{_CELL - 1}" height="{_CELL - 1}" '
                f'fill="{colour}"><title>{escape_html(source)} → {escape_html(target)} {figure}</title></rect>'
            )
    parts += _legend(margin, height - 28, largest)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend(x: int, y: int, largest: float) -> list[str]:
    low, zero, high = ("#{:02x}{:02x}{:02x}".format(*colour) for colour in SCALE)
    return [
        f'<linearGradient id="scale"><stop offset="0" stop-color="{low}"/><stop offset="0.5" stop-color="{zero}"/>'
        f'<stop offset="1" stop-color="{high}"/></linearGradient>',
        f'<rect x="{x}" y="{y}" width="120" height="8" fill="url(#scale)"/>',
        f'<text x="{x}" y="{y + 22}" font-size="10">{-largest:+.2f}</text>',
        f'<text x="{x + 120}" y="{y + 22}" font-size="10" text-anchor="end">{largest:+.2f}</text>',
    ]


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_LABEL else f"{name[: _LONGEST_LABEL - 1]}…"
