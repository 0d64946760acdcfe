"""The picture of three annotators or more: how far each two of them agree, as inline SVG.

Colours are classes of the page's style sheet, as in `scoring.report.pictures`.
"""

from __future__ import annotations

from tagger.scoring.annotators.agreement import AnnotatorAgreement
from tagger.text.escape import escape_html

MOST_ANNOTATORS = 30  # rows: more would neither fit a screen nor be read
_LONGEST_NAME = 14  # characters
_WIDTH, _HEIGHT = 58, 36  # of a cell, in pixels
_STRONGEST = 0.6  # opacity of the deepest cell: figures stay legible on it in both themes


def draw_pairs(agreement: AnnotatorAgreement) -> str:
    """Draw F1 of each two annotators as a matrix, the deeper the higher, and each one's mean beside it.

    The colour runs from the lowest of these F1 to the highest, since all may lie close together.
    """
    names = agreement.annotators.names[:MOST_ANNOTATORS]
    means = agreement.f1_with_others()
    values = [pair.scores.micro.f1 for pair in agreement.pairs]
    low, high = min(values), max(values)
    count = len(names)
    left = top = 8 * max(min(len(name), _LONGEST_NAME) for name in names) + 18
    width, height = left + (count + 1) * _WIDTH + 16 + round(0.6 * left), top + count * _HEIGHT + 8
    parts = [
        f'<svg class="matrix" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" '
        'aria-label="F1 of each two annotators; the table holds the figures">'
    ]
    for place, name in enumerate(names):
        parts += [
            f'<text x="{left - 8}" y="{top + (place + 0.5) * _HEIGHT + 4}" text-anchor="end">{_short(name)}</text>',
            _slanted(left + (place + 0.5) * _WIDTH, top, _short(name)),
            f'<rect class="none" {_box(left, top, place, place)}/>',
            f'<text class="edge" x="{left + (count + 0.5) * _WIDTH + 8}" y="{top + (place + 0.5) * _HEIGHT + 4}" '
            f'text-anchor="middle">{100 * means[place]:.1f}</text>',
        ]
    parts.append(_slanted(left + (count + 0.5) * _WIDTH + 8, top, "mean", "edge"))
    for pair in agreement.pairs:
        first, second = pair.annotators
        if second >= count:
            continue
        f1 = pair.scores.micro.f1
        depth = (f1 - low) / (high - low) if high > low else 0.5
        what = (
            f"{escape_html(names[first])} / {escape_html(names[second])}: F1 {100 * f1:.2f}, "
            f"95 % interval {pair.interval}"
        )
        for row, column in ((first, second), (second, first)):
            box = _box(left, top, row, column)
            parts.append(
                f'<g><title>{what}</title><rect class="ground" {box}/>'
                f'<rect class="share" fill-opacity="{0.06 + depth * (_STRONGEST - 0.06):.2f}" {box}/>'
                f'<text x="{left + (column + 0.5) * _WIDTH}" y="{top + (row + 0.5) * _HEIGHT + 4}" '
                f'text-anchor="middle">{100 * f1:.1f}</text></g>'
            )
    hidden = len(agreement.annotators.names) - count
    more = f" The first {count} of {count + hidden} annotators are shown." if hidden else ""
    return (
        f'<p class="note">F1 of each two annotators: the palest cell is {100 * low:.1f}, the deepest '
        f"{100 * high:.1f}; on the right the mean of one annotator with all others.{more}</p>"
        f'<div class="wide">{"".join(parts)}</svg></div>'
    )


def _box(left: int, top: int, row: int, column: int) -> str:
    x, y = left + column * _WIDTH + 1, top + row * _HEIGHT + 1
    return f'x="{x}" y="{y}" width="{_WIDTH - 2}" height="{_HEIGHT - 2}" rx="3"'


def _slanted(x: float, top: int, text: str, kind: str = "") -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f'<text{attribute} transform="translate({x} {top - 8}) rotate(-40)">{text}</text>'


def _short(name: str) -> str:
    return escape_html(name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…")
