"""Lines over epochs as inline SVG. Colours are classes that a style sheet fills in, for light and dark alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tagger.text.counting import count_of
from tagger.text.escape import escape_html

_WIDTH, _HEIGHT = 640, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 14, 34
_MOST_DOTS = 100  # epochs whose points are drawn one by one
_SEVERAL = 5  # ticks on an axis, about


@dataclass(frozen=True, slots=True)
class Line:
    """A value for each epoch, from the first one on; those that aren't finite leave a gap."""

    name: str
    values: Sequence[float]


def draw(title: str, lines: Sequence[Line], best_epoch: int = 0, *, form: str = "g") -> str:
    """Draw lines over epochs.

    Args:
        title: what the values are, with their unit.
        lines: one or more, equally long.
        best_epoch: counted from 1; 0 for none.
        form: how a value is written.
    """
    epochs = max(len(line.values) for line in lines)
    finite = [value for line in lines for value in line.values if math.isfinite(value)]
    marks = ticks(min(finite, default=0.0), max(finite, default=1.0))
    low, high = marks[0], marks[-1]
    parts = [
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape_html(title)} over {count_of(epochs, "epoch")}; the table below holds the figures">'
    ]
    for mark in marks:
        y = _y(mark, low, high)
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{mark:g}</text>'
        )
    for epoch in _whole(ticks(1, max(2, epochs)), epochs):
        x = _x(epoch, epochs)
        parts.append(f'<text x="{x}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{epoch}</text>')
    if best_epoch:
        x = _x(best_epoch, epochs)
        parts.append(f'<line class="best" x1="{x}" x2="{x}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>')
    for number, line in enumerate(lines):
        parts += _trace(line, number, epochs, (low, high), form)
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


def _trace(line: Line, number: int, epochs: int, scale: tuple[float, float], form: str) -> list[str]:
    """Draw one line: its pieces between gaps, and a dot with its figure for each epoch."""
    pieces: list[list[str]] = [[]]
    dots = []
    for epoch, value in enumerate(line.values, 1):
        if not math.isfinite(value):
            pieces.append([])
            continue
        x, y = _x(epoch, epochs), _y(value, *scale)
        pieces[-1].append(f"{x},{y}")
        if epochs <= _MOST_DOTS:
            figure = f"{escape_html(line.name)}, epoch {epoch}: {value:{form}}"
            dots.append(f'<circle class="l{number}" cx="{x}" cy="{y}" r="3"><title>{figure}</title></circle>')
    drawn = [f'<polyline class="l{number}" points="{" ".join(piece)}"/>' for piece in pieces if piece]
    return drawn + dots


def _whole(marks: Sequence[float], epochs: int) -> list[int]:
    return [int(mark) for mark in marks if mark == int(mark) and 1 <= mark <= epochs] or [1]


def _x(epoch: int, epochs: int) -> float:
    share = (epoch - 1) / (epochs - 1) if epochs > 1 else 0.5
    return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)


def _y(value: float, low: float, high: float) -> float:
    return round(_TOP + (high - value) / (high - low) * (_HEIGHT - _TOP - _BOTTOM), 1)
