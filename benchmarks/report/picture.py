"""Bars of a table as SVG: no fonts or files from elsewhere, readable on light and on dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

_WIDTH = 760
_LABELS = 345  # where bars begin
_LENGTH = 320  # of the longest bar
_THICK = 13
_GAP = 9
_STYLE = """<style>
 text { font: 12px system-ui, sans-serif; fill: #24292f }
 .title { font-weight: 600 }
 .axis { stroke: #8c959f }
 .s0 { fill: #1f6feb } .s1 { fill: #e07b00 } .s2 { fill: #2da44e } .s3 { fill: #8250df }
 .other { fill: #8c959f }
 @media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .s0 { fill: #58a6ff } .s1 { fill: #f0a04b } .s2 { fill: #56d364 } .s3 { fill: #bc8cff }
  .other { fill: #6e7681 }
 }
</style>"""


class Bars(NamedTuple):
    """The bars of one row, one a series; None leaves one out.

    Attributes:
        label: stands left of them.
        values: their lengths, none below 0.
        texts: stand at their ends.
        is_ours: whether the row is tagger's; the bars of a single series are grey where it isn't.
    """

    label: str
    values: Sequence[float | None]
    texts: Sequence[str]
    is_ours: bool


def draw_bars(title: str, series: Sequence[str], rows: Sequence[Bars]) -> str:
    """Draw rows of bars, all from 0 and to one scale.

    Args:
        title: what is drawn, with its unit.
        series: what each bar of a row is; a legend names them where there are several.
        rows: from top to bottom.
    """
    longest = max((each for row in rows for each in row.values if each is not None), default=0) or 1
    shapes: list[str] = []
    top = 34
    if len(series) > 1:
        left = _LABELS
        for number, name in enumerate(series):
            shapes.append(f'<rect class="s{number}" x="{left}" y="{top - 10}" width="10" height="10"/>')
            shapes.append(f'<text x="{left + 15}" y="{top - 1}">{escape(name)}</text>')
            left += 35 + 7 * len(name)
        top += 14
    start = top
    for row in rows:
        drawn = [place for place, each in enumerate(row.values) if each is not None]
        middle = top + (_THICK + 1) * max(1, len(drawn)) / 2 + 4
        shapes.append(f'<text x="{_LABELS - 8}" y="{middle:g}" text-anchor="end">{escape(row.label)}</text>')
        for place in drawn:
            kind = f"s{place}" if len(series) > 1 or row.is_ours else "other"
            length = _LENGTH * row.values[place] / longest
            shapes.append(
                f'<rect class="{kind}" x="{_LABELS}" y="{top}" width="{length:.1f}" height="{_THICK}" rx="2"/>'
            )
            shapes.append(
                f'<text x="{_LABELS + length + 6:.1f}" y="{top + 11}">{escape(row.texts[place])}</text>'
            )
            top += _THICK + 1
        top += _GAP
    height = top + 4
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
            f"<title>{escape(title)}</title>",
            _STYLE,
            f'<text class="title" x="8" y="18">{escape(title)}</text>',
            *shapes,
            f'<line class="axis" x1="{_LABELS}" x2="{_LABELS}" y1="{start - 3}" y2="{top - _GAP + 3}"/>',
            "</svg>\n",
        ]
    )
