"""An analysis on the terminal: its scores, and beside them what a command was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagger.cli.tables import details_view, interval_line, percent, printable, scores_table

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from tagger.scoring import SeqevalReport
    from tagger.scoring.report import Analysis


def show_advice(console: Console, facts: Analysis, errors: int, report: Path | None) -> None:
    """Say where the page lies, or else what shows the mistakes, if there are any."""
    from tagger.cli.messages import hint

    if report is not None:
        hint(console, f"open {report} in a browser")
    elif facts.wrong and not errors:
        hint(console, "--errors 10 lists the most frequent mistakes, --report FILE.html draws them all")


def show(
    console: Console,
    facts: Analysis,
    *,
    details: bool,
    errors: int,
    title: str | None = None,
    seqeval: SeqevalReport | str | None = None,
) -> None:
    """Print the scores with their interval; on demand what else is known.

    Args:
        details: print near misses and scores of parts, too.
        errors: so many of the most frequent kinds of error.
        seqeval: its report, or why there is none.
    """
    console.print(scores_table(facts.scores, title))
    console.print(interval_line(facts))
    if facts.calibration is not None:
        error = percent(facts.calibration.expected_error)
        console.print(f"calibration error of the confidences {error} % (ten bins)")
    if isinstance(seqeval, str):
        console.print(printable(seqeval), soft_wrap=True)
    elif seqeval is not None:
        console.print("\nseqeval's report on the same spans:")
        for line in seqeval.text.splitlines():
            console.print(printable(line), soft_wrap=True)
    if details:
        console.print(details_view(facts))
    if errors:
        from tagger.cli.mistakes import frequent_mistakes

        console.print(frequent_mistakes(facts, errors))
