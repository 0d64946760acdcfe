"""Lines over epochs, whole ones or parts, as inline SVG.

Colours are classes that a style sheet fills in, for light and dark alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tagger.text.counting import count_of
from tagger.text.escape import escape_html

_WIDTH, _HEIGHT = 640, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 92, 16, 16, 58
_MOST_DOTS = 100  # measurements whose points are drawn one by one
_SEVERAL = 5  # ticks on an axis, about


@dataclass(frozen=True, slots=True)
class Line:
    """A value for each measurement, from the first one on; those that aren't finite leave a gap.

    `style` is its classes in the style sheet; empty: the line's number makes one.
    """

    name: str
    values: Sequence[float]
    style: str = ""


def draw(
    title: str,
    lines: Sequence[Line],
    best_epoch: float = 0,
    *,
    unit: str = "",
    form: str = "g",
    places: Sequence[float] | None = None,
) -> str:
    """Draw lines over epochs.

    Args:
        title: what the values are.
        lines: one or more, equally long.
        best_epoch: counted from 1; 0 for none.
        unit: what stands along the upright axis.
        form: how a value is written.
        places: the epochs that the values are of, rising; None: 1, 2, 3 and so on.
    """
    if places is None:
        places = range(1, max(len(line.values) for line in lines) + 1)
    scale = _Places(places)
    finite = [value for line in lines for value in line.values if math.isfinite(value)]
    marks = ticks(min(finite, default=0.0), max(finite, default=1.0))
    low, high = marks[0], marks[-1]
    parts = [
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape_html(title)} over {count_of(scale.last, "epoch")}; the table below holds the figures">'
    ]
    for mark in marks:
        y = _y(mark, low, high)
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{mark:g}</text>'
        )
    for epoch in scale.marks():
        x = scale.x(epoch)
        parts.append(f'<text x="{x}" y="{_HEIGHT - _BOTTOM + 21}" text-anchor="middle">{epoch:g}</text>')
    parts.append(
        f'<text class="axis" x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 8}" text-anchor="middle">epoch</text>'
    )
    if unit:
        middle = (_TOP + _HEIGHT - _BOTTOM) / 2
        parts.append(
            f'<text class="axis" transform="translate(16 {middle}) rotate(-90)" text-anchor="middle">'
            f"{escape_html(unit)}</text>"
        )
    if best_epoch:
        x = scale.x(best_epoch)
        parts.append(f'<line class="best" x1="{x}" x2="{x}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>')
    for number, line in enumerate(lines):
        parts += _trace(line, number, scale, (low, high), form)
    return "".join([*parts, "</svg>"])


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers, equally far apart, the first at most `low` and the last at least `high`.

    >>> ticks(0.13, 0.87)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    >>> ticks(3, 3)
    [2.0, 2.5, 3.0, 3.5, 4.0]
    """
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        margin = abs(low) / 3 or 1.0
        low, high = low - margin, high + margin
    rough = (high - low) / _SEVERAL
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= 0.99 * rough)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{place * step:.12g}") for place in range(first, last + 1)]


class _Places:
    """Where along the chart epochs stand."""

    def __init__(self, places: Sequence[float]) -> None:
        self.of_values = places
        self.first: float = places[0] if places else 1
        self.last: float = places[-1] if places else 1

    def marks(self) -> list[float]:
        """Return the epochs to be named below the chart: round numbers, whole ones if every value is of one."""
        first, last = self.first, self.last
        is_whole = all(place == int(place) for place in self.of_values)
        marks = ticks(first, max(first + 1, last) if is_whole else last)
        inside = [mark for mark in marks if first <= mark <= last and (not is_whole or mark == int(mark))]
        return inside or [first]

    def x(self, epoch: float) -> float:
        """Return where an epoch stands."""
        span = self.last - self.first
        share = (epoch - self.first) / span if span else 0.5
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)


def _trace(line: Line, number: int, places: _Places, scale: tuple[float, float], form: str) -> list[str]:
    """Draw one line: its pieces between gaps, and a dot with its figure for each measurement."""
    style = line.style or f"l{number}"
    pieces: list[list[str]] = [[]]
    dots = []
    for epoch, value in zip(places.of_values, line.values, strict=False):
        if not math.isfinite(value):
            pieces.append([])
            continue
        x, y = places.x(epoch), _y(value, *scale)
        pieces[-1].append(f"{x},{y}")
        if len(line.values) <= _MOST_DOTS:
            figure = f"{escape_html(line.name)}, epoch {epoch}: {value:{form}}"
            dots.append(f'<circle class="{style}" cx="{x}" cy="{y}" r="3"><title>{figure}</title></circle>')
    drawn = [f'<polyline class="{style}" points="{" ".join(piece)}"/>' for piece in pieces if piece]
    return drawn + dots


def _y(value: float, low: float, high: float) -> float:
    return round(_TOP + (high - value) / (high - low) * (_HEIGHT - _TOP - _BOTTOM), 1)
