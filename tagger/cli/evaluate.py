"""`tagger evaluate`: a model scored on a labelled corpus."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tagger.cli.options import (
    ENCODING,
    READING,
    SCHEME,
    AsJson,
    Details,
    Errors,
    MinConfidence,
    Report,
    Seqeval,
    Strict,
    TrainingCorpus,
)
from tagger.text import schemes
from tagger.text.schemes import Scheme

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.config import Config
    from tagger.model.trained import TrainedModel
    from tagger.scoring.report import Analysis
    from tagger.text.conll import Corpus


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
_Encoding = Annotated[
    str | None,
    typer.Option(help="Encoding of FILE; else as in training.", rich_help_panel=READING, **ENCODING),
]


def evaluate(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model directory.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Labelled corpus in CoNLL columns.")],
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
    encoding: _Encoding = None,
) -> None:
    """Score a model on a labelled corpus: precision, recall and F1 per type, token accuracy.

    Example: [bold]tagger evaluate models/english data/english/test.conll[/bold]
    """
    from rich.console import Console

    from tagger import config as settings
    from tagger import scoring
    from tagger.cli.analysis import seqeval_as_dict, show
    from tagger.scoring.report import write_page
    from tagger.text.conll import parse_column
    from tagger.training import checkpoint

    if seqeval:
        scoring.require_seqeval()
    loaded = checkpoint.load_model(model)
    flags = {
        "corpus.token_column": None if token_column is None else parse_column(token_column),
        "corpus.tag_column": None if tag_column is None else parse_column(tag_column),
        "corpus.encoding": encoding,
    }
    chosen = settings.override(loaded.config, flags)
    corpus = _read(file, chosen, loaded.scheme, scheme)
    learned = _read(train, chosen, loaded.scheme) if train else None
    facts, tags, seconds = _measure(loaded, corpus, learned, strict=strict, min_confidence=min_confidence)
    other = None
    if seqeval:
        gold = [sentence.tags for sentence in corpus.sentences]
        pairs = scoring.pair_spans(gold, tags, corpus.scheme, strict=strict)
        other = scoring.report_with_seqeval(pairs, corpus.scheme)
    if report is not None:
        write_page(facts, report)
    _warn(Console(stderr=True, highlight=False), corpus, loaded.types)
    if as_json:
        typer.echo(json.dumps(_as_json(facts, seconds) | seqeval_as_dict(other), ensure_ascii=False))
    else:
        show(Console(highlight=False), facts, details=details, errors=errors, seqeval=other)


def _read(path: Path, chosen: Config, model_scheme: Scheme, scheme: Scheme | None = None) -> Corpus:
    """Read a labelled corpus in the scheme asked for, else in the model's or the one its tags are of."""
    from tagger.text.conll import read_corpus
    from tagger.training.data import name_columns, read_gold

    columns, encoding = name_columns(chosen), chosen.corpus.encoding
    if scheme is not None:
        return read_corpus(path, columns=columns, scheme=scheme, encoding=encoding)
    return read_gold(path, model_scheme, columns=columns, encoding=encoding)


def _measure(
    model: TrainedModel,
    corpus: Corpus,
    learned: Corpus | None,
    *,
    strict: bool,
    min_confidence: float | None,
) -> tuple[Analysis, list[list[str]], float]:
    """Label the corpus, compare, and return what was found, the tags, and how many seconds the labelling took."""
    from tagger.scoring.answers import surfaces_of
    from tagger.scoring.report import analyse
    from tagger.training.evaluate import encode_corpus, predict

    began = time.perf_counter()
    found = predict(model, encode_corpus(corpus.sentences, model), min_confidence=min_confidence)
    seconds = time.perf_counter() - began
    predicted = [schemes.convert(tags, model.scheme, corpus.scheme) for tags in found.tags]
    facts = analyse(
        corpus.sentences,
        predicted,
        corpus.scheme,
        strict=strict,
        confidences=None if strict else found.confidences,
        training_surfaces=surfaces_of(learned) if learned else None,
        name=corpus.path,
    )
    return facts, predicted, seconds


def _as_json(facts: Analysis, seconds: float) -> dict[str, Any]:
    """Return the contract of `--json`."""
    found = facts.scores.as_dict() | facts.as_dict()
    if facts.calibration is not None:
        found["calibration_error"] = facts.calibration.expected_error
    return found | {"seconds": seconds, "tokens_per_second": facts.scores.tokens / seconds}


def _warn(console: Console, corpus: Corpus, types: list[str]) -> None:
    from tagger.cli.messages import warn
    from tagger.training.data import describe_corpus

    for warning in corpus.warnings:
        warn(console, f"{corpus.path}: {warning}")
    strange = describe_corpus(corpus, corpus, types).strange_types
    if strange:
        listed = ", ".join(f"{type_} ({count})" for type_, count in strange.items())
        warn(console, f"{corpus.path}: types that the model doesn't know, counted as missed: {listed}")
