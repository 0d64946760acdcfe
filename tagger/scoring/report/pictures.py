"""Pictures of an evaluation as inline SVG: the confusion matrix, the calibration plot.

Colours are classes that the page's style sheet fills in, for light and dark alike; `style` attributes are not
used, since the page forbids them. Every string from a corpus is escaped by `escape`.
"""

from __future__ import annotations

from collections import Counter

from tagger.scoring import Calibration, Confusion, Kind
from tagger.text.escape import escape_html

MOST_TYPES = 40  # rows of the matrix: more would neither fit a screen nor be read
_LONGEST_LABEL = 14  # characters
_STRONGEST = 0.6  # opacity of a full cell: figures stay legible on it in both themes


def draw_confusion(confusion: Confusion, *, with_edges: bool = True) -> str:
    """Draw gold types as rows and predicted types as columns; each cell that isn't empty can be chosen.

    Args:
        confusion: the counts.
        with_edges: draw the row of the spurious and the column of the missed spans.
    """
    labels = _most_frequent(confusion)
    totals = Counter[str | None]()
    for (gold_type, _), value in confusion.cells.items():
        totals[gold_type] += value
    count = len(labels) + with_edges
    longest = max((len(f"{value:,}") for value in confusion.cells.values()), default=1)
    size = max(46 if count <= 16 else 30, 8 * min(longest, 6) + 6)
    shown = max((min(len(label), _LONGEST_LABEL) for label in [*labels, Kind.SPURIOUS]), default=0)
    left = top = 8 * shown + 18  # for names of this many characters
    width, height = left + count * size + round(0.6 * left), top + count * size + 8
    axis = [*labels, None] if with_edges else labels
    parts = [
        f'<svg class="matrix" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="group" '
        'aria-label="Confusion matrix: gold types in rows, predicted types in columns">'
    ]
    for position, label in enumerate([*labels, None][:count]):
        middle = position * size + size / 2
        row, column = (Kind.SPURIOUS, Kind.MISSED) if label is None else (label, label)
        special = ' class="edge"' if label is None else ""
        parts.append(
            f'<text{special} x="{left - 8}" y="{top + middle + 4}" text-anchor="end">{_short(row)}</text>'
            f'<text{special} transform="translate({left + middle + 4} {top - 8}) rotate(-40)">{_short(column)}</text>'
        )
    for i, gold in enumerate(axis):
        for j, predicted in enumerate(axis):
            value = confusion.cells.get((gold, predicted), 0)
            share = value / totals[gold] if value else 0.0
            parts.append(_cell(left + j * size, top + i * size, size, value, share, gold, predicted))
    return "".join([*parts, "</svg>"])


def _most_frequent(confusion: Confusion) -> list[str]:
    """Return the types that are shown, in the order of the matrix."""
    sizes = Counter[str | None]()
    for (gold, predicted), value in confusion.cells.items():
        sizes[gold] += value
        sizes[predicted] += value
    return sorted(sorted(confusion.types, key=lambda name: -sizes[name])[:MOST_TYPES])


def _cell(
    x: float, y: float, size: int, value: int, share: float, gold: str | None, predicted: str | None
) -> str:
    box = f'x="{x + 1}" y="{y + 1}" width="{size - 2}" height="{size - 2}" rx="3"'
    if not value:
        return f'<rect class="none" {box}/>'
    kind = "right" if gold == predicted else "wrong"
    figures = f"{value:,}" if value < 100_000 else f"{value / 1000:,.0f}k"
    drawing = (
        f'<rect class="ground" {box}/><rect class="{kind}" fill-opacity="{0.06 + share * (_STRONGEST - 0.06):.2f}" '
        f'{box}/><text x="{x + size / 2}" y="{y + size / 2 + 4}" text-anchor="middle">{figures}</text>'
    )
    if gold is None:
        what = f"{value:,} {escape_html(str(predicted))} where gold has none"
    elif predicted is None:
        what = f"{value:,} {escape_html(gold)} missed"
    elif gold == predicted:
        title = (
            f"{value:,} {escape_html(gold)} found as {escape_html(gold)} (some perhaps with other boundaries)"
        )
        return f"<g><title>{title}</title>{drawing}</g>"
    else:
        what = f"{value:,} {escape_html(gold)} taken for {escape_html(predicted)}"
    attributes = "".join(
        f' data-{name}="{escape_html(type_)}"'
        for name, type_ in (("g", gold), ("p", predicted))
        if type_ is not None
    )
    return (
        f'<g class="cell" role="button" tabindex="0" aria-label="{what}"{attributes}>'
        f"<title>{what}</title>{drawing}</g>"
    )


def _short(label: str) -> str:
    return escape_html(label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…")


def draw_calibration(calibration: Calibration, spans: str) -> str:
    """Draw the share of right spans over their confidence, and below it how many spans each bin holds.

    Args:
        calibration: what to draw.
        spans: what they are called, words for instance.
    """
    left, top, side, low = 44, 10, 300, 70
    bottom = top + side
    width, height = left + side + 12, bottom + low + 46
    parts = [
        f'<svg class="plot" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="Calibration: expected error {calibration.expected_error:.3f} over '
        f'{calibration.count:,} predicted {spans}; the table beside it holds the figures">',
        f'<rect class="frame" x="{left}" y="{top}" width="{side}" height="{side}"/>',
    ]
    for tick in (0, 0.25, 0.5, 0.75, 1):
        x, y = left + tick * side, bottom - tick * side
        parts.append(
            f'<line class="grid" x1="{left}" x2="{left + side}" y1="{y}" y2="{y}"/>'
            f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{tick:g}</text>'
            f'<text x="{x}" y="{bottom + low + 20}" text-anchor="middle">{tick:g}</text>'
        )
    largest = max((each.size for each in calibration.bins), default=0) or 1
    step = side / len(calibration.bins)
    for each in calibration.bins:
        if not each.size:
            continue
        x = left + each.low * side
        tall, count = each.accuracy * side, each.size / largest * (low - 8)
        parts.append(
            f"<g><title>confidence {each.low:.1f} to {each.high:.1f}: {each.size:,} {spans}, mean confidence "
            f"{each.confidence:.3f}, {each.accuracy:.3f} of them right</title>"
            f'<rect class="bar" x="{x + 2:.1f}" y="{bottom - tall:.1f}" width="{step - 4:.1f}" height="{tall:.1f}"/>'
            f'<rect class="count" x="{x + 2:.1f}" y="{bottom + low - count:.1f}" width="{step - 4:.1f}" '
            f'height="{count:.1f}"/>'
            f'<circle class="dot" cx="{left + each.confidence * side:.1f}" cy="{bottom - tall:.1f}" r="4"/></g>'
        )
    parts.append(
        f'<line class="ideal" x1="{left}" y1="{bottom}" x2="{left + side}" y2="{top}"/>'
        f'<text x="{left + side / 2}" y="{bottom + low + 40}" text-anchor="middle">confidence</text>'
        f'<text transform="translate(11 {top + side / 2}) rotate(-90)" text-anchor="middle">share right</text>'
        f'<text class="small" x="{left + 4}" y="{bottom + 16}">{spans} per bin</text></svg>'
    )
    return "".join(parts)
