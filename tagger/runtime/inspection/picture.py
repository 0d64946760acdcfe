"""The learned transitions as one self-contained SVG file: a grid of colours, a figure to each on hovering.

Red favours a move, blue disfavours it, grey is forbidden by the scheme: a scale that the colour-blind can read. The
picture is for light and dark screens.
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

_CELL = 18  # pixels
_AXIS = 18  # pixels, of the words "from" and "to"
_LEGEND = 160  # pixels
_GLYPH = 7.2  # pixels, of the monospaced label
_LONGEST_LABEL = 28  # characters


def _write(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


# A dark screen has the same hues on a dark zero, with ends that are light enough to be told from it.
_STYLE = (
    ".paper { fill: #fff } text { fill: #1b1f24 } .axis { font-weight: bold } .forbidden { fill: #d0d3d8 } "
    f".low {{ fill: {_write(SCALE[0])} }} .zero {{ fill: {_write(SCALE[1])} }} .high {{ fill: {_write(SCALE[2])} }}\n"
    "@media (prefers-color-scheme: dark) { .paper { fill: #14171c } text { fill: #e7eaee } .zero { fill: #2a2f36 } "
    ".low { fill: #5aa9e6 } .high { fill: #f4736b } .forbidden { fill: #14171c; stroke: #39404a } }"
)


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
    """Return the SVG: sources in rows, targets in columns.

    A score is a natural logarithm: a move of +0.69 doubles the weight of each sequence that makes it.
    """
    rows, columns = (list(map(_short, names)) for names in (transitions.sources, transitions.targets))
    margin = round(_GLYPH * max(map(len, rows + columns))) + 16 + _AXIS
    width = max(margin + _CELL * len(columns) + 16, margin + _LEGEND + 16)
    bottom = margin + _CELL * len(rows)
    height = bottom + 62
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="monospace" font-size="12" role="img">',
        "<title>Learned transitions: from the tag of the row to the tag of the column</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
        f'<text class="axis" x="{margin + _CELL * len(columns) / 2}" y="16" text-anchor="middle">to</text>',
        f'<text class="axis" transform="translate(16 {(margin + bottom) / 2}) rotate(-90)" '
        'text-anchor="middle">from</text>',
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
            figure = "forbidden" if score is None else f"{score:+.3f}"
            box = (
                f'x="{margin + _CELL * j}" y="{margin + _CELL * i}" width="{_CELL - 1}" height="{_CELL - 1}"'
            )
            parts.append(
                f"<g><title>{escape_html(source)} → {escape_html(target)} {figure}</title>"
                f"{_draw_cell(box, score, largest)}</g>"
            )
    parts += _legend(margin, bottom + 14, largest)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _draw_cell(box: str, score: float | None, largest: float) -> str:
    """Draw a square; a score is as strong a colour over that of zero as `shade` mixes."""
    if score is None:
        return f'<rect class="forbidden" {box}/>'
    share = max(-1.0, min(1.0, score / largest))
    kind = "high" if share > 0 else "low"
    return f'<rect class="zero" {box}/><rect class="{kind}" fill-opacity="{abs(share):.3f}" {box}/>'


def _legend(x: int, y: int, largest: float) -> list[str]:
    half, bar = _LEGEND // 2, f'y="{y}" height="8"'
    steps = 20
    cells = []
    for step in range(-steps, steps):
        share = (step + 0.5) / steps
        box = f'x="{x + half + step * half / steps:g}" width="{half / steps:g}" {bar}'
        cells.append(_draw_cell(box, share, 1.0))
    return [
        *cells,
        f'<text x="{x}" y="{y + 22}" font-size="10">{-largest:+.2f}</text>',
        f'<text x="{x + half}" y="{y + 22}" font-size="10" text-anchor="middle">0</text>',
        f'<text x="{x + _LEGEND}" y="{y + 22}" font-size="10" text-anchor="end">{largest:+.2f}</text>',
        f'<text x="{x}" y="{y + 38}" font-size="10">score, in nats</text>',
        f'<rect class="forbidden" x="{x + 104}" y="{y + 30}" width="9" height="9"/>',
        f'<text x="{x + 118}" y="{y + 38}" font-size="10">forbidden</text>',
    ]


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_LABEL else f"{name[: _LONGEST_LABEL - 1]}…"
