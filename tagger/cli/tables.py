"""Scores as rich tables, the same for `train`, `evaluate` and `score`.

Nothing here computes or prints: a function gets facts and returns something that rich can draw. Names from a
corpus are data: wrapped in `Text`, so that `[bold]` stays `[bold]`, their control characters escaped.
"""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from tagger.text.metrics import Average, Score, Scores


def scores_table(scores: Scores, title: str | None = None) -> Table:
    """Draw precision, recall, F1 (in per cent) and support per type, micro and macro."""
    table = Table(
        title=Text(title) if title else None,
        title_justify="left",
        caption=_caption(scores),
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("type", overflow="fold")
    for heading in ("precision", "recall", "F1", "support"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, each in scores.types.items():
        table.add_row(printable(name), *_cells(each))
    table.add_section()
    table.add_row("micro", *_cells(scores.micro), style="bold")
    table.add_row("macro", *_cells(scores.macro))
    return table


def _cells(score: Score | Average) -> tuple[str, str, str, str]:
    return percent(score.precision), percent(score.recall), percent(score.f1), f"{score.support:,}"


def _caption(scores: Scores) -> Text:
    return Text(
        f"token accuracy {percent(scores.token_accuracy)} %, {scores.tokens:,} tokens in "
        f"{scores.sentences:,} sentences",
        style="not italic",
    )


def percent(fraction: float) -> str:
    """Write a fraction in per cent with two digits, as the shared tasks do."""
    return f"{100 * fraction:.2f}"


def printable(text: str, style: str = "") -> Text:
    """Wrap a string of the corpus: no markup is read, no control character reaches the terminal."""
    safe = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )
    return Text(safe, style=style)
