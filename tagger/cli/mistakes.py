"""The most frequent kinds of error for the terminal, with sentences in colour: gold above predicted.

Colour is never the only mark: spans stand in brackets with their type behind them. Nothing here prints.
"""

from __future__ import annotations

from itertools import islice

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tagger.cli.tables import printable
from tagger.scoring import Kind
from tagger.scoring.report import Analysis, Confused, Mistake, WrongSentence, cut, join_tokens
from tagger.text.counting import count_of
from tagger.text.schemes import Span

EXAMPLES = 3  # of each kind of error: enough to see a pattern, few enough to read on
CONTEXT = 8  # tokens on either side of a mistake

_HEADINGS = {
    Kind.TYPE: "{gold} taken for {predicted}",
    Kind.BOUNDARY: "{gold} with wrong boundaries",
    Kind.BOTH: "{gold} taken for {predicted}, with wrong boundaries",
    Kind.MISSED: "{gold} missed",
    Kind.SPURIOUS: "{predicted} where there is none",
}


def frequent_mistakes(analysis: Analysis, limit: int) -> Group:
    """Draw the `limit` most frequent kinds of error with some sentences each."""
    confused = analysis.confusions()
    total = sum(each.count for each in confused)
    if not total:
        return Group(Text("no errors"))
    parts: list[RenderableType] = []
    for each in confused[:limit]:
        parts += [_heading(each), _examples(analysis, each), Text()]
    shown = sum(each.count for each in confused[:limit])
    parts.append(
        Text(
            f"{shown:,} of {count_of(total, 'error')}, in {count_of(len(analysis.wrong), 'sentence')}",
            style="dim",
        )
    )
    return Group(*parts)


def _heading(confused: Confused) -> Text:
    heading = _HEADINGS[confused.kind].format(gold=confused.gold, predicted=confused.predicted)
    return Text.assemble((f"{confused.count:,} x ", "bold"), printable(heading, "bold"))


def _examples(analysis: Analysis, confused: Confused) -> Table:
    """Show the first mistake of different words, so that one frequent name doesn't fill the screen."""
    different: dict[str, tuple[WrongSentence, Mistake]] = {}
    for index, mistake in confused.cases:
        sentence = analysis.wrong[index]
        start, end = mistake.place
        different.setdefault(join_tokens(sentence.tokens, start, end), (sentence, mistake))
    grid = Table.grid(padding=(0, 1))
    for column in ("place", "side"):
        grid.add_column(column, justify="right", no_wrap=True)
    grid.add_column("sentence", overflow="fold")
    for sentence, mistake in islice(different.values(), EXAMPLES):
        _add_example(grid, analysis, sentence, mistake)
    return grid


def _add_example(grid: Table, analysis: Analysis, sentence: WrongSentence, mistake: Mistake) -> None:
    """Draw one mistake as two rows, gold above found."""
    start, end = mistake.place
    window = max(0, start - CONTEXT), min(len(sentence.tokens), end + CONTEXT)
    line = sentence.sentence.line_of(start) if sentence.sentence.line else 0
    gold = _draw(analysis, sentence, window, mistake, "gold")
    found = _draw(analysis, sentence, window, mistake, "predicted")
    if mistake.confidence is not None:
        found.append(f" ({mistake.confidence:.2f})", "dim")
    grid.add_row(Text(f"{line}:" if line else "", "dim"), Text("gold", "green"), gold)
    grid.add_row("", Text("found", "red"), found)


def _draw(
    analysis: Analysis, sentence: WrongSentence, window: tuple[int, int], mistake: Mistake, side: str
) -> Text:
    """Draw a stretch of the sentence with the spans of one side in brackets, behind them their types, if any."""
    first, last = window
    text = Text("... " if first else "")
    pieces = cut(sentence, first, last, only_mistakes=analysis.covers_everything)
    for index, piece in enumerate(pieces):
        span: Span | None = getattr(piece, side)
        following: Span | None = getattr(pieces[index + 1], side) if index + 1 < len(pieces) else None
        style = _style(span, mistake, side)
        if span is not None and (span.start == piece.start or index == 0):
            text.append("[", style)
        text.append_text(printable(piece.text, style))
        if span is not None and span != following:
            text.append("]", style)
            if analysis.scores.has_types:
                text.append_text(printable(span.type, f"{style} dim" if style else "dim"))
        if piece.blank:
            text.append(" ")
    return text.append("..." if last < len(sentence.tokens) else "")


def _style(span: Span | None, mistake: Mistake, side: str) -> str:
    if span is None:
        return ""
    if span == getattr(mistake, side):
        return "bold green" if side == "gold" else "bold red"
    return "cyan"
