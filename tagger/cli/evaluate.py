"""`tagger evaluate`: a model scored on a labelled corpus."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tagger.cli.options import (
    BLANK_TOKENS,
    COMPOUNDS,
    ENCODING,
    READING,
    SCHEME,
    TASK,
    AsJson,
    Details,
    Errors,
    MinConfidence,
    Model,
    Quiet,
    Report,
    Seqeval,
    Strict,
    TrainingCorpus,
)
from tagger.text.objects import dump_json
from tagger.text.schemes import Scheme, Task, parse_task

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.scoring.result import ScoringResult
    from tagger.text.conll import BlankTokens, Compounds


_SchemeOfFile = Annotated[
    Scheme | None,
    typer.Option(
        help="Tag scheme of FILE; else the model's, or what is detected.", rich_help_panel=READING, **SCHEME
    ),
]
_TokenColumn = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Column of the token; else as in training.", rich_help_panel=READING),
]
_TagColumn = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Column of the tag; else as in training.", rich_help_panel=READING),
]
_BlankTokens = Annotated[
    str | None,
    typer.Option(
        help="Rows whose token is nothing but blanks; else as in training.",
        rich_help_panel=READING,
        **BLANK_TOKENS,
    ),
]
_Task = Annotated[
    str,
    typer.Option(
        "--task",
        help="What FILE is read for: words compares words alone where the model has types, too; auto: what the "
        "model is for.",
        rich_help_panel=READING,
        **TASK,
    ),
]
_Compounds = Annotated[
    str | None,
    typer.Option(
        help="Brackets around compound words; else as in training.", rich_help_panel=READING, **COMPOUNDS
    ),
]
_Encoding = Annotated[
    str | None,
    typer.Option(help="Encoding of FILE; else as in training.", rich_help_panel=READING, **ENCODING),
]


def evaluate(
    model: Model,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Labelled corpus: CoNLL columns, segmented text, word/TAG lines."
        ),
    ],
    as_json: AsJson = False,
    train: TrainingCorpus = None,
    details: Details = False,
    errors: Errors = 0,
    report: Report = None,
    seqeval: Seqeval = False,
    strict: Strict = False,
    min_confidence: MinConfidence = None,
    scheme: _SchemeOfFile = None,
    token_column: _TokenColumn = None,
    tag_column: _TagColumn = None,
    blank_tokens: _BlankTokens = None,
    task: _Task = "auto",
    compounds: _Compounds = None,
    encoding: _Encoding = None,
    quiet: Quiet = False,
) -> None:
    """Score a model on a labelled corpus: precision, recall and F1 per type, token accuracy.

    Of words, and of tokens with parts of speech, those unseen in training are scored apart: training has left its
    words in the model's directory. For a model that has none, give --train.

    Example: [bold]tagger evaluate models/english data/english/test.conll[/bold]
    """
    from rich.console import Console

    from tagger.api import scoring, sources
    from tagger.cli.analysis import show, show_advice
    from tagger.cli.waiting import Waiting
    from tagger.runtime.directory import FILES
    from tagger.scoring.report import write_page
    from tagger.text.conll import parse_column
    from tagger.text.output import check_output

    if report is not None:
        check_output(
            report, [file, *([train] if train else []), *(model / name for name in FILES)], "--report"
        )
    talk = Console(stderr=True, highlight=False)
    tagger = sources.load(model)
    with Waiting(talk, is_wanted=not quiet) as waiting:
        (gold,) = waiting.watch([file])
        result = scoring.evaluate(
            tagger,
            gold,
            training=train,
            min_confidence=min_confidence,
            scheme=scheme,
            token_column=None if token_column is None else parse_column(token_column),
            tag_column=None if tag_column is None else parse_column(tag_column),
            blank_tokens=cast("BlankTokens | None", blank_tokens),
            task=parse_task(task),
            compounds=cast("Compounds | None", compounds),
            encoding=encoding,
            strict=strict,
            seqeval=seqeval,
            on_labelled=waiting.count_labelled,
        )
    if report is not None:
        write_page(result.analysis, report)
    _warn(talk, result, tagger.types)
    if as_json:
        typer.echo(dump_json(result.as_dict()))
    else:
        console = Console(highlight=False)
        show(console, result.analysis, details=details, errors=errors, seqeval=result.reports[0])
        if not quiet:
            show_advice(talk, result.analysis, errors, report)


def _warn(console: Console, result: ScoringResult, types: list[str]) -> None:
    """Say what was odd about the corpus, and which of its types no model could find that doesn't know them."""
    from tagger.cli.messages import list_counts, warn
    from tagger.text.schemes import name_type

    corpus = result.gold
    for warning in corpus.warnings:
        warn(console, f"{corpus.path}: {warning}")
    if corpus.task is Task.WORDS:
        return
    known = {name_type(name, corpus.task) for name in types}
    strange = {name: each.support for name, each in sorted(result.scores.types.items()) if name not in known}
    if strange:
        listed = list_counts(strange)
        warn(console, f"{corpus.path}: types that the model doesn't know, counted as missed: {listed}")
