"""`tagger score`: predicted labels compared with gold labels, no model; what `conlleval` does, and more."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.options import (
    READING,
    SCHEME,
    AsJson,
    Details,
    Encoding,
    Errors,
    Report,
    Seqeval,
    Strict,
    TokenColumn,
    TrainingCorpus,
)
from tagger.text.schemes import Scheme

if TYPE_CHECKING:
    from tagger.scoring import Comparison, SeqevalReport
    from tagger.scoring.answers import Answers
    from tagger.scoring.report import Analysis
    from tagger.text.conll import Corpus


_Gold = Annotated[
    Path, typer.Argument(metavar="GOLD", help="File with the right labels; - is the standard input.")
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
    from tagger.scoring import answers as scoring
    from tagger.scoring import require_seqeval
    from tagger.scoring.report import write_page
    from tagger.text.conll import parse_column

    began = time.perf_counter()
    if seqeval:
        require_seqeval()
    columns = scoring.AnswerColumns(
        token_column=parse_column(token_column),
        gold_column=parse_column(gold_column) if gold_column else None,
        predicted_column=parse_column(predicted_column),
        scheme=scheme,
        predicted_scheme=predicted_scheme,
        encoding=encoding,
    )
    corpus, systems = scoring.read_answers([path for path in (gold, predicted, other) if path], columns)
    _say_what_was_found(corpus, systems)
    surfaces = scoring.read_surfaces(train, columns) if train else None
    facts = [
        scoring.analyse_answers(corpus, each, strict=strict, training_surfaces=surfaces) for each in systems
    ]
    comparison = scoring.compare_answers(corpus, *systems, strict=strict) if len(systems) == 2 else None
    others = [
        scoring.report_answers_with_seqeval(corpus, each, strict=strict) if seqeval else None
        for each in systems
    ]
    if report:
        write_page(facts[0], report)
    if as_json:
        found = _as_json(facts, others, comparison, time.perf_counter() - began)
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        _render(systems, facts, others, comparison, details=details, errors=errors)


def _say_what_was_found(corpus: Corpus, systems: list[Answers]) -> None:
    """Tell how the tags are read, and what was odd about the files, on stderr."""
    from rich.console import Console

    from tagger.cli.tables import printable

    stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    stderr.print(printable(f"{corpus.path}: gold tags in {corpus.scheme} ({corpus.evidence})"))
    for warning in corpus.warnings:
        stderr.print(printable(f"warning: {corpus.path}: {warning}"))
    for system in systems:
        if system.scheme is not corpus.scheme:
            stderr.print(printable(f"{system.path}: predicted tags in {system.scheme}"))
        for warning in system.warnings:
            stderr.print(printable(f"warning: {system.path}: {warning}"))


def _as_json(
    facts: list[Analysis],
    others: list[SeqevalReport | str | None],
    comparison: Comparison | None,
    seconds: float,
) -> dict[str, object]:
    """Return the contract of `--json` for the first system; a second one and the test stand beside it."""
    from tagger.cli.analysis import seqeval_as_dict

    first = facts[0].scores.as_dict() | {
        "seconds": seconds,
        "tokens_per_second": facts[0].scores.tokens / seconds,
    }
    first |= facts[0].as_dict() | seqeval_as_dict(others[0])
    if comparison is None:
        return first
    return first | {
        "other": facts[1].scores.as_dict() | facts[1].as_dict() | seqeval_as_dict(others[1]),
        "comparison": {
            "measure": facts[0].scores.headline[0],
            "first": comparison.first,
            "second": comparison.second,
            "difference": comparison.difference,
            "p_value": comparison.p_value,
            "trials": comparison.trials,
        },
    }


def _render(
    systems: list[Answers],
    facts: list[Analysis],
    others: list[SeqevalReport | str | None],
    comparison: Comparison | None,
    *,
    details: bool,
    errors: int,
) -> None:
    from rich.console import Console

    from tagger.cli import analysis, tables

    console = Console(highlight=False)
    for system, each, other in zip(systems, facts, others, strict=True):
        title = system.path if comparison else None
        analysis.show(console, each, details=details, errors=errors, title=title, seqeval=other)
    if comparison:
        console.print(tables.comparison_line(comparison, facts[0].scores.headline[0]))
