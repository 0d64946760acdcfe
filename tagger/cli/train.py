"""`tagger train`: CoNLL files in, a model directory out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tagger.cli.tables import percent, printable, scores_table

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.training.corpora import Corpora
    from tagger.training.fit import Finished


def train(
    train: Annotated[Path, typer.Argument(help="Training corpus: CoNLL columns, one token a line.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Directory for the model.")],
    dev: Annotated[
        Path | None,
        typer.Option(help="Corpus that chooses the best epoch; else a tenth of TRAIN is held out."),
    ] = None,
    test: Annotated[Path | None, typer.Option(help="Corpus to score the finished model on.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings in TOML; `tagger config` prints them all.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training sentences.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all randomness.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the interrupted run in OUTPUT.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object with the scores.")] = False,
    scheme: Annotated[
        str | None, typer.Option(help="Tag scheme of the corpora; else it is detected.")
    ] = None,
    token_column: Annotated[
        str | None, typer.Option(help="Column of the token: index or CoNLL-U name.")
    ] = None,
    tag_column: Annotated[str | None, typer.Option(help="Column of the tag: index or CoNLL-U name.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Encoding of the corpora.")] = None,
    encoder: Annotated[str | None, typer.Option(help="Recurrent cell: lstm, gru or rnn.")] = None,
    hidden: Annotated[int | None, typer.Option(help="Hidden units per direction.")] = None,
    layers: Annotated[int | None, typer.Option(help="Layers of the encoder.")] = None,
    directions: Annotated[int | None, typer.Option(help="1: left to right; 2: both directions.")] = None,
    decoder: Annotated[str | None, typer.Option(help="crf or softmax.")] = None,
    context: Annotated[int | None, typer.Option(help="Neighbouring sentences encoded together.")] = None,
    batch_sentences: Annotated[int | None, typer.Option(help="Sentences a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    patience: Annotated[
        int | None, typer.Option(help="Epochs without a better dev F1 before stopping.")
    ] = None,
    vectors: Annotated[
        Path | None, typer.Option(help="Pretrained word vectors: GloVe, word2vec or fastText, gzip too.")
    ] = None,
    vectors_all: Annotated[
        bool, typer.Option("--vectors-all", help="Keep every vector, not only those of the corpora's words.")
    ] = False,
    lm: Annotated[
        Path | None,
        typer.Option(help="Directory of a language model (`tagger pretrain`) whose layers join each word."),
    ] = None,
    lm_finetune: Annotated[
        bool, typer.Option("--lm-finetune", help="Train the language model's weights too.")
    ] = False,
    workers: Annotated[int | None, typer.Option(help="Training threads; 0: one per core, at most 2.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other setting: --set training.clip_norm=1 (repeatable)."),
    ] = None,
) -> None:
    """Train a model on a labelled corpus.

    Example: [bold]tagger train train.conll --dev dev.conll --test test.conll --output models/en[/bold]
    """
    from rich.console import Console

    from tagger import config as settings
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
        "training.device": device if device != "auto" else None,
    }
    chosen = settings.override(settings.read(config) if config else settings.Config(), flags)
    chosen = settings.override(chosen, settings.assignments(overrides or []))
    data = corpora.read(train, dev, test, chosen)
    if vectors is not None:
        data = corpora.add_vectors(data, vectors, keep_all=vectors_all)
        _describe_vectors(talk, data)
    if lm is not None:
        data = corpora.add_language_model(data, language.load(lm))
    _describe(talk, data)
    _warn_of_directory(talk, output, resume)
    finished = _run(talk, data, output, resume)
    if as_json:
        typer.echo(json.dumps(_facts(finished), ensure_ascii=False))
        return
    results = Console(highlight=False)
    results.print(scores_table(finished.dev, f"dev, epoch {finished.best_epoch} of {finished.epochs}"))
    if finished.test is not None:
        results.print(scores_table(finished.test, "test"))
    talk.print(f"model written to {output} in {finished.seconds:.0f} s", markup=False)


def _describe_vectors(talk: Console, data: Corpora) -> None:
    from tagger.text.features import normalise

    assert data.vectors is not None
    known = set(data.vectors.words)
    lowercase = data.config.embedding.lowercase
    words = {normalise(t, lowercase=lowercase) for s in data.train.sentences for t in s.tokens}
    talk.print(
        f"vectors: {len(known):,} of {data.vectors.found:,} kept, size {data.vectors.dim}; they cover "
        f"{100 * len(words & known) / len(words):.1f} % of the training corpus's distinct words",
        markup=False,
    )
    for warning in data.vectors.warnings:
        talk.print(f"warning: vectors: {warning}", markup=False, style="yellow")


def _column(name: str | None) -> int | str | None:
    if name is None:
        return None
    return int(name) if name.lstrip("-").isdigit() else name


def _describe(talk: Console, data: Corpora) -> None:
    """Say plainly what was found in the corpora."""
    from rich import box
    from rich.table import Table

    from tagger.training import corpora

    facts = {"train": corpora.describe(data.train)}
    facts |= {
        name: corpora.describe(corpus, data.train, data.types)
        for name, corpus in (("dev", data.dev), ("test", data.test))
        if corpus is not None
    }
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("corpus", "file"):
        table.add_column(heading, overflow="fold")
    for heading in ("sentences", "tokens", "spans", "unknown words", "also in train"):
        table.add_column(heading, justify="right")
    for name, each in facts.items():
        table.add_row(
            name,
            printable(each.path),
            f"{each.sentences:,}",
            f"{each.tokens:,}",
            f"{each.spans:,}",
            "" if each.unknown is None else f"{percent(each.unknown)} %",
            "" if each.repeated is None else f"{each.repeated:,}",
        )
    talk.print(table)
    talk.print(f"scheme {data.config.corpus.scheme}: {data.train.evidence}", markup=False)
    talk.print(f"types: {', '.join(data.types)}; tokens are {data.config.corpus.mode}", markup=False)
    if data.held_out:
        share = data.config.corpus.dev_share
        talk.print(
            f"no --dev file: {100 * share:.0f} % of the training sentences held out by seed {data.config.seed}",
            markup=False,
        )
    for each in facts.values():
        for warning in each.warnings:
            talk.print(f"warning: {each.path}: {warning}", markup=False, style="yellow")
        if each.strange_types:
            listed = ", ".join(f"{type_} ({count})" for type_, count in each.strange_types.items())
            talk.print(
                f"warning: {each.path}: types that training lacks, counted as missed: {listed}",
                markup=False,
                style="yellow",
            )


def _warn_of_directory(talk: Console, output: Path, resume: bool) -> None:
    from tagger.training import checkpoint

    if checkpoint.has_run(output) and not resume:
        talk.print(f"warning: {output} holds an unfinished run, which ends here (--resume goes on with it)")
    elif resume and not checkpoint.has_run(output):
        talk.print(f"warning: {output} holds no unfinished run; training starts from the beginning")
    if (output / checkpoint.WEIGHTS).exists() and not resume:
        talk.print(f"warning: {output} holds a model, which this run replaces after its first epoch")


def _run(talk: Console, data: Corpora, output: Path, resume: bool) -> Finished:
    """Drive the training with a progress bar; the first Ctrl-C saves and stops, the second leaves at once."""
    from tagger.cli.progress import TrainingProgress
    from tagger.cli.signals import asked_to_stop
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
                    talk.print(
                        f"stopped in epoch {fact.epoch + 1}; everything is saved. Go on with the same command and "
                        "--resume",
                        markup=False,
                    )
                    raise typer.Exit(130)
    raise AssertionError("a run ends finished or stopped")


def _facts(finished: Finished) -> dict[str, Any]:
    headline = finished.test if finished.test is not None else finished.dev
    return {
        **headline.as_dict(),
        "dev": finished.dev.as_dict(),
        "test": finished.test.as_dict() if finished.test is not None else None,
        "epochs": finished.epochs,
        "best_epoch": finished.best_epoch,
        "seconds": finished.seconds,
        "tokens_per_second": finished.tokens_per_second,
    }
