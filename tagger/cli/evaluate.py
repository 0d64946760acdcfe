"""`tagger evaluate`: a model scored on a labelled corpus."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.text.conll import Corpus


def evaluate(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model directory.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Labelled corpus in CoNLL columns.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    details: Annotated[
        bool, typer.Option("--details", help="Also lenient matches, confusions, results by length.")
    ] = False,
    errors: Annotated[
        int, typer.Option(min=0, help="Show the N most frequent kinds of error, with examples.")
    ] = 0,
    report: Annotated[
        Path | None, typer.Option(help="Write a self-contained HTML page with every error.")
    ] = None,
    train: Annotated[
        Path | None, typer.Option(help="The training corpus, to tell seen spans from unseen ones.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Count only spans that the scheme spells out in full.")
    ] = False,
    scheme: Annotated[
        str | None, typer.Option(help="Tag scheme of FILE; else the model's, or what is detected.")
    ] = None,
    token_column: Annotated[
        str | None, typer.Option(help="Column of the token; else as in training.")
    ] = None,
    tag_column: Annotated[str | None, typer.Option(help="Column of the tag; else as in training.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Encoding of FILE; else as in training.")] = None,
) -> None:
    """Score a model on a labelled corpus: precision, recall and F1 per type, token accuracy.

    Example: [bold]tagger evaluate models/english data/english/test.conll[/bold]
    """
    from rich.console import Console

    from tagger import config as settings
    from tagger.cli.mistakes import frequent_mistakes
    from tagger.cli.tables import details_view, interval_line, scores_table
    from tagger.inference import report as reports
    from tagger.text import metrics, schemes
    from tagger.text.conll import parse_column, read_corpus
    from tagger.training import checkpoint, corpora
    from tagger.training import evaluate as evaluation

    loaded = checkpoint.load_model(model)
    flags = {
        "corpus.token_column": None if token_column is None else parse_column(token_column),
        "corpus.tag_column": None if tag_column is None else parse_column(tag_column),
        "corpus.encoding": encoding,
    }
    chosen = settings.override(loaded.config, flags)
    reading: Any = {"columns": corpora.columns(chosen), "encoding": chosen.corpus.encoding}
    if scheme is not None:
        corpus = read_corpus(file, scheme=schemes.parse_scheme(scheme), **reading)
    else:
        corpus = corpora.read_gold(file, loaded.scheme, **reading)
    surfaces = None
    if train is not None:
        learned = corpora.read_gold(train, loaded.scheme, **reading)
        tags = [sentence.tags for sentence in learned.sentences]
        surfaces = metrics.collect_surfaces([s.tokens for s in learned.sentences], tags, learned.scheme)
    began = time.perf_counter()
    found = evaluation.predict(loaded, evaluation.encode_corpus(corpus.sentences, loaded))
    seconds = time.perf_counter() - began
    facts = reports.analyse(
        corpus.sentences,
        [schemes.convert(tags, loaded.scheme, corpus.scheme) for tags in found.tags],
        corpus.scheme,
        strict=strict,
        confidences=None if strict else found.confidences,
        training_surfaces=surfaces,
        name=corpus.path,
    )
    if report is not None:
        reports.write_page(facts, report)
    _warn(Console(stderr=True, highlight=False), corpus, loaded.types)
    if as_json:
        scores = facts.scores.as_dict() | facts.as_dict()
        if facts.calibration is not None:
            scores["calibration_error"] = facts.calibration.expected_error
        scores |= {"seconds": seconds, "tokens_per_second": facts.scores.tokens / seconds}
        typer.echo(json.dumps(scores, ensure_ascii=False))
        return
    results = Console(highlight=False)
    results.print(scores_table(facts.scores))
    results.print(interval_line(facts))
    if facts.calibration is not None:
        results.print(f"calibration error of the confidences {100 * facts.calibration.expected_error:.2f} %")
    if details:
        results.print(details_view(facts))
    if errors:
        results.print(frequent_mistakes(facts, errors))


def _warn(talk: Console, corpus: Corpus, types: list[str]) -> None:
    from tagger.cli.talk import warn
    from tagger.training import corpora

    for warning in corpus.warnings:
        warn(talk, f"{corpus.path}: {warning}")
    strange = corpora.describe(corpus, corpus, types).strange_types
    if strange:
        listed = ", ".join(f"{type_} ({count})" for type_, count in strange.items())
        warn(talk, f"{corpus.path}: types that the model doesn't know, counted as missed: {listed}")
