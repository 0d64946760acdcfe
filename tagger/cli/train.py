"""`tagger train`: CoNLL files in, a model directory out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.training.corpora import Corpora
    from tagger.training.fit import Finished, Scored

_CORPORA, _MODEL, _TRAINING = "Reading the corpora", "The model", "Training"


def train(
    train: Annotated[
        Path, typer.Argument(metavar="TRAIN", help="Training corpus: CoNLL columns, one token a line.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Directory for the model.")],
    dev: Annotated[
        Path | None,
        typer.Option(help="Corpus that chooses the best epoch; else a tenth of TRAIN is held out."),
    ] = None,
    test: Annotated[Path | None, typer.Option(help="Corpus to score the finished model on.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the interrupted run in OUTPUT.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object with the scores.")] = False,
    config: Annotated[
        Path | None, typer.Option(help="Settings in TOML; `tagger config` prints them all.")
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any setting: --set training.clip_norm=1 (repeatable)."),
    ] = None,
    scheme: Annotated[
        str | None,
        typer.Option(help="Tag scheme of the corpora; else it is detected.", rich_help_panel=_CORPORA),
    ] = None,
    token_column: Annotated[
        str | None,
        typer.Option(help="Column of the token: index or CoNLL-U name.", rich_help_panel=_CORPORA),
    ] = None,
    tag_column: Annotated[
        str | None, typer.Option(help="Column of the tag: index or CoNLL-U name.", rich_help_panel=_CORPORA)
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Encoding of the corpora.", rich_help_panel=_CORPORA)
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(help="Recurrent cell: lstm, gru or rnn.", rich_help_panel=_MODEL)
    ] = None,
    hidden: Annotated[
        int | None, typer.Option(help="Hidden units per direction.", rich_help_panel=_MODEL)
    ] = None,
    layers: Annotated[int | None, typer.Option(help="Layers of the encoder.", rich_help_panel=_MODEL)] = None,
    directions: Annotated[
        int | None, typer.Option(help="1: left to right; 2: both directions.", rich_help_panel=_MODEL)
    ] = None,
    decoder: Annotated[str | None, typer.Option(help="crf or softmax.", rich_help_panel=_MODEL)] = None,
    context: Annotated[
        int | None, typer.Option(help="Neighbouring sentences encoded together.", rich_help_panel=_MODEL)
    ] = None,
    vectors: Annotated[
        Path | None,
        typer.Option(
            help="Pretrained word vectors: GloVe, word2vec or fastText, gzip too.", rich_help_panel=_MODEL
        ),
    ] = None,
    vectors_all: Annotated[
        bool,
        typer.Option(
            "--vectors-all",
            help="Keep every vector, not only those of the corpora's words.",
            rich_help_panel=_MODEL,
        ),
    ] = False,
    lm: Annotated[
        Path | None,
        typer.Option(
            help="Directory of a language model (`tagger pretrain`) whose layers join each word.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    lm_finetune: Annotated[
        bool,
        typer.Option("--lm-finetune", help="Train the language model's weights too.", rich_help_panel=_MODEL),
    ] = False,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the training sentences.", rich_help_panel=_TRAINING)
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of all randomness.", rich_help_panel=_TRAINING)
    ] = None,
    batch_sentences: Annotated[
        int | None, typer.Option(help="Sentences a step.", rich_help_panel=_TRAINING)
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Peak learning rate.", rich_help_panel=_TRAINING)
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(help="Epochs without a better dev F1 before stopping.", rich_help_panel=_TRAINING),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Training threads; 0: one per core, at most 2.", rich_help_panel=_TRAINING),
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="auto, cpu, cuda or mps.", rich_help_panel=_TRAINING)
    ] = None,
) -> None:
    """Train a model on a labelled corpus.

    Example: [bold]tagger train train.conll --dev dev.conll --output models/en[/bold]
    """
    from rich.console import Console

    from tagger import config as settings
    from tagger.cli import findings
    from tagger.cli.tables import scores_table
    from tagger.cli.talk import say, warn_of_directory
    from tagger.training import corpora, language

    talk = Console(stderr=True, highlight=False)
    flags = {
        "seed": seed,
        "corpus.scheme": scheme,
        "corpus.token_column": _column(token_column),
        "corpus.tag_column": _column(tag_column),
        "corpus.encoding": encoding,
        "encoder.kind": encoder,
        "encoder.hidden": hidden,
        "encoder.layers": layers,
        "encoder.directions": directions,
        "encoder.context": context,
        "decoder.kind": decoder,
        "training.epochs": epochs,
        "training.batch_sentences": batch_sentences,
        "training.learning_rate": learning_rate,
        "training.patience": patience,
        "training.workers": workers,
        "lm.finetune": lm_finetune or None,
        "training.device": device,
    }
    chosen = settings.override(settings.read(config) if config else settings.Config(), flags)
    chosen = settings.override(chosen, settings.assignments(overrides or []))
    data = corpora.read(train, dev, test, chosen)
    if vectors is not None:
        data = corpora.add_vectors(data, vectors, keep_all=vectors_all)
        findings.describe_vectors(talk, data)
    if lm is not None:
        data = corpora.add_language_model(data, language.load(lm))
    findings.describe_corpora(talk, data)
    warn_of_directory(talk, output, resume=resume)
    finished = _run(talk, data, output, resume)
    if as_json:
        typer.echo(json.dumps(_facts(finished), ensure_ascii=False))
        return
    results = Console(highlight=False)
    title = f"dev, epoch {finished.best_epoch} of {finished.epochs}"
    results.print(scores_table(finished.dev.scores, title))
    if finished.test is not None:
        results.print(scores_table(finished.test.scores, "test"))
    say(talk, f"model written to {output} in {finished.seconds:.0f} s; use it: tagger predict {output} TEXT")


def _column(name: str | None) -> int | str | None:
    from tagger.text.conll import parse_column

    return None if name is None else parse_column(name)


def _run(talk: Console, data: Corpora, output: Path, resume: bool) -> Finished:
    """Drive the training with a progress bar; the first Ctrl-C saves and stops, the second leaves at once."""
    from tagger.cli.progress import TrainingProgress
    from tagger.cli.signals import asked_to_stop
    from tagger.cli.talk import say
    from tagger.training.fit import Finished, Started, Stopped, fit
    from tagger.training.loop import EpochFacts, StepFacts

    with TrainingProgress(talk, data.config) as progress, asked_to_stop(talk) as stop:
        for fact in fit(data, output, resume=resume, stop=stop):
            match fact:
                case Started():
                    progress.start(fact)
                case StepFacts():
                    progress.step(fact)
                case EpochFacts():
                    progress.end_epoch(fact)
                case Finished():
                    return fact
                case Stopped():
                    progress.stop()
                    say(
                        talk,
                        f"stopped in epoch {fact.epoch + 1}; everything is saved. Go on with the same command and "
                        "--resume",
                    )
                    raise typer.Exit(130)
    raise AssertionError("a run ends finished or stopped")


def _facts(finished: Finished) -> dict[str, Any]:
    headline = finished.test if finished.test is not None else finished.dev
    return {
        **headline.scores.as_dict(),
        "dev": _part(finished.dev),
        "test": None if finished.test is None else _part(finished.test),
        "epochs": finished.epochs,
        "best_epoch": finished.best_epoch,
        "seconds": finished.seconds,
        "tokens_per_second": finished.tokens_per_second,
    }


def _part(found: Scored) -> dict[str, Any]:
    speed = found.scores.tokens / max(found.seconds, 1e-9)
    return found.scores.as_dict() | {"seconds": found.seconds, "tokens_per_second": speed}
