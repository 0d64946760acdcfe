"""`tagger score`: predicted labels compared with gold labels, no model; what `conlleval` does, and more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tagger.cli.options import (
    READING,
    SCHEME,
    AsJson,
    Compounds,
    Details,
    Encoding,
    Errors,
    ReadingTask,
    Report,
    Seqeval,
    Strict,
    TokenColumn,
    TrainingCorpus,
)
from tagger.text.objects import dump_json
from tagger.text.schemes import Scheme, parse_task

if TYPE_CHECKING:
    from tagger.scoring.result import ScoringResult
    from tagger.text import conll

_Gold = Annotated[
    Path,
    typer.Argument(
        metavar="GOLD",
        help="The right labels: CoNLL columns, words, an annotation tool's JSON, a folder of brat; - is the "
        "standard input.",
    ),
]
_Predicted = Annotated[
    Path | None,
    typer.Argument(metavar="PREDICTED", help="The same tokens with predicted labels; else GOLD has both."),
]
_Other = Annotated[
    Path | None,
    typer.Argument(metavar="OTHER", help="Labels of a second system, compared with the first."),
]
_GoldScheme = Annotated[
    Scheme | None,
    typer.Option(help="Tag scheme of gold; else it is detected.", rich_help_panel=READING, **SCHEME),
]
_PredictedScheme = Annotated[
    Scheme | None,
    typer.Option(
        help="Tag scheme of the predicted labels, if it is another one.", rich_help_panel=READING, **SCHEME
    ),
]
_GoldColumn = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Column of the gold label; else the last, in one file the last but one.",
        rich_help_panel=READING,
    ),
]
_PredictedColumn = Annotated[
    str, typer.Option(metavar="COLUMN", help="Column of the predicted label.", rich_help_panel=READING)
]


def score(
    gold: _Gold,
    predicted: _Predicted = None,
    other: _Other = None,
    scheme: _GoldScheme = None,
    predicted_scheme: _PredictedScheme = None,
    token_column: TokenColumn = "0",
    gold_column: _GoldColumn = None,
    predicted_column: _PredictedColumn = "-1",
    task: ReadingTask = "auto",
    compounds: Compounds = "open",
    encoding: Encoding = "utf-8",
    strict: Strict = False,
    train: TrainingCorpus = None,
    details: Details = False,
    errors: Errors = 0,
    report: Report = None,
    seqeval: Seqeval = False,
    as_json: AsJson = False,
) -> None:
    """Compare predicted labels with gold labels, span by span.

    The labels stand in two files, or in the last two columns of one, as conlleval reads them.

    A third file, of a second system, is compared with the first by approximate randomisation.

    Example: [bold]tagger score gold.conll predicted.conll[/bold]
    """
    from rich.console import Console

    from tagger.api import scoring
    from tagger.cli.analysis import show_advice
    from tagger.scoring.report import write_page
    from tagger.text.conll import parse_column
    from tagger.text.output import check_output

    if report is not None:
        check_output(
            report, [each for each in (gold, predicted, other, train) if each is not None], "--report"
        )
    result = scoring.score(
        gold,
        predicted,
        other,
        training=train,
        scheme=scheme,
        predicted_scheme=predicted_scheme,
        token_column=parse_column(token_column),
        gold_column=parse_column(gold_column) if gold_column else None,
        predicted_column=parse_column(predicted_column),
        task=parse_task(task),
        compounds=cast("conll.Compounds", compounds),
        encoding=encoding,
        strict=strict,
        seqeval=seqeval,
    )
    _say_what_was_found(result)
    if report is not None:
        write_page(result.analysis, report)
    if as_json:
        typer.echo(dump_json(result.as_dict()))
    else:
        _render(result, details=details, errors=errors)
        show_advice(Console(stderr=True, highlight=False), result.analysis, errors, report)


def _say_what_was_found(result: ScoringResult) -> None:
    """Tell how the tags are read, and what was odd about the files, on stderr."""
    from rich.console import Console

    from tagger.cli.tables import printable

    corpus = result.gold
    stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    stderr.print(printable(f"{corpus.path}: gold tags in {corpus.scheme} ({corpus.evidence})"))
    for warning in corpus.warnings:
        stderr.print(printable(f"warning: {corpus.path}: {warning}"))
    for system in result.answers:
        if system.scheme is not corpus.scheme:
            stderr.print(printable(f"{system.path}: predicted tags in {system.scheme}"))
        for warning in system.warnings:
            stderr.print(printable(f"warning: {system.path}: {warning}"))


def _render(result: ScoringResult, *, details: bool, errors: int) -> None:
    from rich.console import Console

    from tagger.cli import analysis, tables

    console = Console(highlight=False)
    for answers, each, report in zip(result.answers, result.analyses, result.reports, strict=True):
        title = answers.path if result.comparison else None
        analysis.show(console, each, details=details, errors=errors, title=title, seqeval=report)
    if result.comparison:
        console.print(tables.comparison_line(result.comparison, result.scores.headline_name))
