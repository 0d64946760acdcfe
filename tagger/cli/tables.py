"""Scores as rich tables, the same for `train`, `evaluate` and `score`.

Nothing here computes or prints: a function gets facts and returns something that rich can draw. Names from a
corpus are data: wrapped in `Text`, so that `[bold]` stays `[bold]`, their control characters escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tagger.cli.cells import Name, WhereItFits
from tagger.text.counting import count_of
from tagger.text.escape import escape_line
from tagger.text.schemes import Scheme, Task, name_type

if TYPE_CHECKING:
    from tagger.scoring import Average, Comparison, Confusion, Evaluation, Score, Scores
    from tagger.scoring.report import Analysis
    from tagger.text.formats.names import NameCount
    from tagger.training.rehearsal import Rehearsal
    from tagger.training.repeat import Repeated

MOST_TYPES = 60  # rows of a table of types: more than any tag set of words has; --json has all
WIDEST_MATRIX = 10  # columns that fit a terminal of 80 characters
MOST_CONFUSIONS = 20
MOST_DISAGREEMENTS = 8  # lines; --json has all
_MOST_LETTERS = 40  # of a span
MOST_NAMES = 100  # rows of a table of names; files have all


def scores_table(scores: Scores, title: str | None = None) -> Group:
    """Draw precision, recall, F1 (in per cent) and support per type, micro and macro; below, words and tokens.

    Where there is but one kind of span, and it has no type, its row says all.
    """
    table = Table(
        title=Text(title) if title else None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("type" if scores.has_types else "all")
    for heading in ("precision", "recall", "F1", "support"):
        table.add_column(heading, justify="right", no_wrap=True)
    if scores.has_types:
        _add_types(table, scores)
    else:
        table.add_row(f"{name_type('', scores.task)}s", *_cells(scores.micro), style="bold")
    lines = [line for line in (words_line(scores), _token_line(scores)) if line is not None]
    return Group(table, *lines, *([printable(scores.note)] if scores.note else []))


def agreement_table(facts: Mapping[str, Any]) -> Group:
    """Draw how far labels from elsewhere and teachers agree, type by type; below, where they don't."""
    table = Table(
        title="labels from elsewhere, and the teachers",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("type")
    for heading in ("elsewhere", "teachers", "both", "F1"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, each in list(facts["types"].items())[:MOST_TYPES]:
        f1 = 2 * each["both"] / max(1, each["silver"] + each["teacher"])
        counts = (f"{each[key]:,}" for key in ("silver", "teacher", "both"))
        table.add_row(Name(name), *counts, percent(f1))
    lines = [
        printable(
            f"{each['silver']} where teachers say {each['teacher']}: {each['count']:,} "
            f"(first: {example['file']}:{example['line']}, {example['words'][:_MOST_LETTERS]!r})"
        )
        for each in facts["instead"][:MOST_DISAGREEMENTS]
        for example in each["examples"][:1]
    ]
    return Group(table, *lines)


def _add_types(table: Table, scores: Scores) -> None:
    """Add a row for each type and for the averages; of words that have types, one for the words alone."""
    shown = scores.types
    if len(shown) > MOST_TYPES:
        frequent = sorted(shown, key=lambda name: -(shown[name].gold + shown[name].predicted))[:MOST_TYPES]
        shown = {name: shown[name] for name in sorted(frequent)}
    for name, each in shown.items():
        table.add_row(Name(name), *_cells(each))
    if len(shown) < len(scores.types):
        table.add_row(f"... and {len(scores.types) - len(shown):,} more types", *("",) * 4)
    table.add_section()
    table.add_row("micro", *_cells(scores.micro), style="bold")
    table.add_row("macro", *_cells(scores.macro))
    if scores.task is Task.JOINT and scores.words is not None:
        table.add_row("words alone", *_cells(scores.words.all), style="bold")


def _cells(score: Score | Average) -> tuple[str, str, str, str]:
    return percent(score.precision), percent(score.recall), percent(score.f1), f"{score.support:,}"


def words_line(scores: Scores) -> Text | None:
    """Write what was found of the words that training lacks, and of those that it has; None where nobody knows."""
    words = scores.words
    if words is None or words.oov_rate is None:
        return None
    what, measure = ("tokens", "accuracy") if scores.scheme is Scheme.BARE else ("words", "recall")
    new, known = ("none" if each is None else percent(each) for each in (words.oov_recall, words.iv_recall))
    return Text(
        f"{measure} of {what} unseen in training (OOV) {new}, of seen ones (IV) {known}; "
        f"{percent(words.oov_rate)} % of the {what} are unseen"
    )


def _token_line(scores: Scores) -> Text:
    covers_everything = scores.scheme is Scheme.BARE or scores.task.cuts_words
    whole = f"sentence accuracy {percent(scores.sentence_accuracy)}, " if covers_everything else ""
    return Text(
        f"token accuracy {percent(scores.token_accuracy)}, {whole}{count_of(scores.tokens, 'token')} in "
        f"{count_of(scores.sentences, 'sentence')}"
    )


def seeds_table(repeated: Repeated) -> Table:
    """Draw what each seed came to, and how far they lie apart."""
    measure = repeated.best.dev.scores.headline_name
    headings = [f"dev {measure}", "epoch kept"] + [f"test {measure}"] * (repeated.test is not None)
    table = plain_table("seed", *headings)
    for trial in repeated.trials:
        cells = [percent(trial.dev), f"{trial.facts['best_epoch']}"]
        cells += [] if trial.test is None else [percent(trial.test)]
        table.add_row(f"{trial.seed}", *cells, style="bold" if trial is repeated.chosen else "")
    spreads = [repeated.dev, None] + [repeated.test] * (repeated.test is not None)
    table.add_section()
    for name, value in (("mean", "mean"), ("standard deviation", "deviation")):
        table.add_row(name, *("" if each is None else percent(getattr(each, value)) for each in spreads))
    return table


def rehearsal_table(found: Rehearsal, epochs: int, seeds: int) -> Table:
    """Draw what a run would take: sizes, memory, speed, time."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    skipped = f", {found.skipped} of them without a finite gradient" if found.skipped else ""
    workers = count_of(found.workers, "worker")
    rows = {
        "steps taken": f"{found.steps}, loss {found.loss:.4f} a token{skipped}",
        "parameters": f"{found.parameters:,}; with their average and moments {_megabytes(found.parameter_bytes)}",
        "memory": "unknown"
        if found.peak_bytes is None
        else f"{_megabytes(found.peak_bytes)} resident at the peak",
        "training": f"{found.tokens_per_second:,.0f} tokens/s, {workers}",
        "scoring": f"{found.scored_per_second:,.0f} tokens/s",
        "an epoch": f"about {_duration(found.epoch_seconds)}",
        "the whole run": f"about {_duration(seeds * found.seconds)} ({count_of(epochs, 'epoch')}"
        + (f" each of {seeds} seeds)" if seeds > 1 else ")"),
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def _duration(seconds: float) -> str:
    """Write a length of time as one reads it.

    >>> _duration(0.25), _duration(75), _duration(7260)
    ('0.2 s', '1:15 min', '2:01 h')
    """
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02} h"


def interval_line(analysis: Analysis) -> Text:
    """Write the headline with its 95 % interval."""
    name, (_, value) = analysis.scores.headline_name, analysis.scores.headline
    return Text.assemble((f"{name} {percent(value)}", "bold"), f" (95 % interval {analysis.interval})")


def comparison_line(comparison: Comparison, measure: str) -> Text:
    """Write how two systems differ, and whether that may be chance."""
    chance = "may be chance" if comparison.p_value > 0.05 else "is hardly chance"
    return Text(
        f"{measure} {percent(comparison.first)} against {percent(comparison.second)}: a difference of "
        f"{100 * comparison.difference:+.2f} {chance} (p = {comparison.p_value:.4f}, approximate randomisation, "
        f"{count_of(comparison.trials, 'trial')})",
        style="bold",
    )


def details_view(analysis: Analysis) -> Group:
    """Draw near misses, scores by part and confusions, as far as they say more than the scores."""
    is_bare, has_types = analysis.scheme is Scheme.BARE, analysis.scores.has_types
    what = "token" if is_bare else "word" if analysis.task.cuts_words else "span"
    parts: list[RenderableType] = []
    groups = {}
    if not is_bare:
        if analysis.task is not Task.WORDS:  # whose near misses are of boundaries alone
            parts.append(_matching_table(analysis.evaluation))
        groups[f"{what} of (tokens)"] = analysis.span_lengths
    groups["sentence of (tokens)"] = analysis.sentence_lengths
    if analysis.novelty is not None:
        groups[f"{what} in training"] = analysis.novelty
    parts += [_parts_table(name, scores, is_bare=is_bare) for name, scores in groups.items()]
    if is_bare:
        parts.append(_largest_confusions(analysis.confusion))
    elif has_types:
        parts.append(_confusion_table(analysis.confusion))
    return Group(*parts)


def _matching_table(evaluation: Evaluation) -> Table:
    """Draw a column for each way of matching: so all words are whole on a narrow terminal, too."""
    tallies = evaluation.tallies
    table = plain_table("match", *tallies)
    for number, name in enumerate(("correct", "incorrect", "partial", "missed", "spurious")):
        table.add_row(name, *(f"{tally[number]:,}" for tally in tallies.values()))
    table.add_section()
    table.add_row("precision", *(percent(each.precision) for each in tallies.values()))
    table.add_row("recall", *(percent(each.recall) for each in tallies.values()))
    table.add_row("F1", *(percent(each.f1) for each in tallies.values()))
    return table


def _parts_table(name: str, scores: Mapping[str, Score], *, is_bare: bool) -> Table:
    """Draw the scores of parts; every token has a bare label, so that all three fractions are the accuracy."""
    if is_bare:
        table = plain_table(name, "accuracy", "tokens")
        for group, score in scores.items():
            table.add_row(group, percent(score.recall), f"{score.support:,}")
        return table
    table = plain_table(name, "precision", "recall", "F1", "support")
    for group, score in scores.items():
        table.add_row(group, *_cells(score))
    return table


def _confusion_table(confusion: Confusion) -> RenderableType:
    """Draw gold against predicted types; where they are many or long, the most frequent confusions as a list."""
    rows, columns = (*confusion.types, "(spurious)"), (*confusion.types, "(missed)")
    listed = _largest_confusions(confusion)
    if len(columns) > WIDEST_MATRIX:
        return listed
    table = plain_table("gold \\ predicted", *map(Name, columns))
    for name, counts in zip(rows, confusion.counts, strict=True):
        table.add_row(Name(name), *(f"{count:,}" if count else "." for count in counts))
    return WhereItFits(table, listed)


def _largest_confusions(confusion: Confusion) -> Table:
    """Draw what was most often taken for something else, with its share of all that gold has of the type."""
    table = plain_table("gold", Name("predicted"), "count", "% of gold")
    table.columns[1].justify = "left"
    for gold, predicted, count in confusion.largest()[:MOST_CONFUSIONS]:
        names = "(spurious)" if gold is None else gold, "(missed)" if predicted is None else predicted
        share = "-" if gold is None else percent(count / confusion.gold_of(gold))
        table.add_row(*map(Name, names), f"{count:,}", share)
    return table


def names_table(names: Sequence[NameCount]) -> RenderableType:
    """Draw names with how often they were found, the most frequent of them."""
    if not names:
        return Text("no names found")
    table = plain_table("name", Name("type"), "count", "mean confidence")
    table.columns[1].justify = "left"
    for text, type_, times, confidence in names[:MOST_NAMES]:
        mean = "-" if confidence is None else f"{confidence:.4f}"
        table.add_row(Name(text), Name(type_), f"{times:,}", mean)
    more = len(names) - MOST_NAMES
    if more <= 0:
        return table
    return Group(table, Text(f"... and {count_of(more, 'more name')}; --format csv, tsv or jsonl writes all"))


def plain_table(first: str | Name, *others: str | Name) -> Table:
    """Return an empty table: names of rows to the left, numbers to the right.

    Where there is too little room the first column and those whose heading is a `Name` become narrower.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column(first)
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=isinstance(heading, str))
    return table


def percent(fraction: float) -> str:
    """Write a fraction in per cent with two digits, as the shared tasks do."""
    return f"{100 * fraction:.2f}"


def printable(text: str, style: str = "") -> Text:
    """Wrap a string of the corpus: no markup is read, no control character reaches the terminal."""
    return Text(escape_line(text), style=style)
