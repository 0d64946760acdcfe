"""Numbers on a page: tables, the few that stand below the title, and bars beside those that are shares."""

from __future__ import annotations

from collections.abc import Iterable

_LENGTH = 140  # of a bar, in pixels


def draw_table(headings: Iterable[str], rows: Iterable[str], caption: str = "") -> str:
    """Return a table that scrolls sideways by itself where the screen is narrow.

    Args:
        headings: of the columns, as HTML.
        rows: see `draw_row`.
        caption: what the numbers are, as HTML; it stands above them.
    """
    head = "".join(f'<th scope="col">{heading}</th>' for heading in headings)
    note = f'<p class="note">{caption}</p>' if caption else ""  # beside the box, so that it doesn't scroll
    return (
        f'{note}<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def draw_row(heading: str, cells: Iterable[str], kind: str = "") -> str:
    """Return a row; heading and cells are HTML, `kind` is a class of the style sheet."""
    attribute = f' class="{kind}"' if kind else ""
    return (
        f'<tr{attribute}><th scope="row">{heading}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
    )


def draw_figures(figures: Iterable[tuple[str, str]]) -> str:
    """Return the numbers that a page opens with, each with what it is, as HTML."""
    items = "".join(f"<li><b>{number}</b><span>{what}</span></li>" for number, what in figures)
    return f'<ul class="figures">{items}</ul>'


def draw_bar(fraction: float, interval: tuple[float, float] | None = None) -> str:
    """Draw a fraction as a small bar, and an interval across its end, if there is one; numbers stand beside it."""
    bounds = ""
    if interval is not None:
        low, high = (1 + (_LENGTH - 2) * min(max(each, 0.0), 1.0) for each in interval)
        bounds = f'<path class="bounds" d="M{low:.1f} 6H{high:.1f}M{low:.1f} 2v8M{high:.1f} 2v8"/>'
    return (
        f'<svg class="meter" width="{_LENGTH}" height="12" viewBox="0 0 {_LENGTH} 12" aria-hidden="true">'
        f'<rect class="track" y="1" width="{_LENGTH}" height="10" rx="3"/>'
        f'<rect class="fill" y="1" width="{_LENGTH * fraction:.1f}" height="10" rx="3"/>{bounds}</svg>'
    )
