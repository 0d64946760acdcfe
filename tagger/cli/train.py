"""`tagger train`: CoNLL files in, a model directory out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.options import AsJson, ConfigFile, Flag, Given, Output, Overrides, Resume, choose, takes
from tagger.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.config import Config
    from tagger.training.data import Corpora
    from tagger.training.events import EventLog
    from tagger.training.fit import Fact, Finished
    from tagger.training.repeat import Repeated

_INPUT, _MODEL, _TRAINING = "Reading the corpora", "The model", "Training"


def _column(typed: str) -> int | str:
    from tagger.text.conll import parse_column

    return parse_column(typed)


def _listed(typed: list[str]) -> list[str] | None:
    """Return what a repeatable option was given; None where it wasn't, so that a file of settings holds."""
    return typed or None


_SETTINGS = (
    Flag("--scheme", "corpus.scheme", str, "Tag scheme of the corpora; else it is detected.", _INPUT),
    Flag("--token-column", "corpus.token_column", str, "Column of the token: index or name.", _INPUT, _column),
    Flag("--tag-column", "corpus.tag_column", str, "Column of the tag: index or name.", _INPUT, _column),
    Flag("--encoding", "corpus.encoding", str, "Encoding of the corpora.", _INPUT),
    Flag("--feature-column", "embedding.feature_columns", list[str],
         "COLUMN[:DIM] that says more about a token, as UPOS:16 (repeatable).", _INPUT, _listed),
    Flag("--encoder", "encoder.kind", str, "Recurrent cell: lstm, gru or rnn.", _MODEL),
    Flag("--hidden", "encoder.hidden", int, "Hidden units per direction.", _MODEL),
    Flag("--layers", "encoder.layers", int, "Layers of the encoder.", _MODEL),
    Flag("--directions", "encoder.directions", int, "1: left to right; 2: both directions.", _MODEL),
    Flag("--decoder", "decoder.kind", str, "crf or softmax.", _MODEL),
    Flag("--context", "encoder.context", int, "Neighbouring sentences encoded together.", _MODEL),
    Flag("--lm-finetune", "lm.finetune", bool, "Train the language model's weights too.", _MODEL),
    Flag("--epochs", "training.epochs", int, "Passes over the training sentences.", _TRAINING),
    Flag("--seed", "seed", int, "Seed of all randomness.", _TRAINING),
    Flag("--batch-sentences", "training.batch_sentences", int, "Sentences a step.", _TRAINING),
    Flag("--learning-rate", "training.learning_rate", float, "Peak learning rate.", _TRAINING),
    Flag("--patience", "training.patience", int, "Epochs without a better dev F1 before stopping.", _TRAINING),
    Flag("--cost", "training.costs", list[str],
         "TYPE=RECALL[:PRECISION]: what missing and inventing it costs (repeatable).", _TRAINING, _listed),
    Flag(
        "--workers",
        "training.workers",
        int,
        "Training processes, each with a batch of its own: faster, and a little less is learnt in an epoch.",
        _TRAINING,
    ),
    Flag("--device", "training.device", str, "auto, cpu, cuda or mps.", _TRAINING),
)  # fmt: skip
_Train = Annotated[
    Path, typer.Argument(metavar="TRAIN", help="Training corpus: CoNLL columns, one token a line.")
]
_Dev = Annotated[
    Path | None,
    typer.Option(help="Corpus that chooses the best epoch; else a tenth of TRAIN is held out."),
]
_Test = Annotated[Path | None, typer.Option(help="Corpus to score the finished model on.")]
_Base = Annotated[
    Path | None, typer.Option("--from", help="Model to continue with; its words and types are kept.")
]
_Seeds = Annotated[
    int, typer.Option(min=1, help="Train this many seeds, from --seed upwards, and keep the best by dev.")
]
_DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Read all, take a few steps, estimate time and memory, write nothing."),
]
_TensorBoard = Annotated[
    bool, typer.Option("--tensorboard", help="Write event files for TensorBoard below OUTPUT.")
]
_Vectors = Annotated[
    Path | None,
    typer.Option(
        help="Pretrained word vectors: GloVe, word2vec or fastText, gzip too.", rich_help_panel=_MODEL
    ),
]
_VectorsAll = Annotated[
    bool,
    typer.Option(
        "--vectors-all",
        help="Keep every vector, not only those of the corpora's words.",
        rich_help_panel=_MODEL,
    ),
]
_Gazetteers = Annotated[
    list[Path] | None,
    typer.Option(
        "--gazetteer",
        help="List of names, one a line, that are marked where they occur (repeatable).",
        rich_help_panel=_MODEL,
    ),
]
_InitEncoder = Annotated[
    Path | None,
    typer.Option(
        "--init-encoder",
        help="Directory of an encoder (`tagger pretrain --target encoder`) to begin with.",
        rich_help_panel=_MODEL,
    ),
]
_LanguageModel = Annotated[
    Path | None,
    typer.Option(
        help="Directory of a language model (`tagger pretrain`) whose layers join each word.",
        rich_help_panel=_MODEL,
    ),
]


@takes(*_SETTINGS)
def train(
    train: _Train,
    output: Output,
    given: Given,
    dev: _Dev = None,
    test: _Test = None,
    base: _Base = None,
    seeds: _Seeds = 1,
    dry_run: _DryRun = False,
    tensorboard: _TensorBoard = False,
    resume: Resume = False,
    as_json: AsJson = False,
    config: ConfigFile = None,
    overrides: Overrides = None,
    vectors: _Vectors = None,
    vectors_all: _VectorsAll = False,
    lm: _LanguageModel = None,
    init_encoder: _InitEncoder = None,
    gazetteers: _Gazetteers = None,
) -> None:
    """Train a model on a labelled corpus.

    Example: [bold]tagger train train.conll --dev dev.conll --output models/en[/bold]
    """
    from rich.console import Console

    from tagger.cli.findings import describe_corpora
    from tagger.cli.talk import warn_of_directory
    from tagger.config import Config
    from tagger.training.events import EventLog

    talk = Console(stderr=True, highlight=False)
    if base is not None and base.resolve() == output.resolve():
        raise ConfigError(
            f"found {output}, which --from reads; choose another directory, or the run couldn't be resumed",
            "--output",
        )
    data = _read(talk, (train, dev, test), choose(Config, config, given, overrides), base, init_encoder)
    data = _join(talk, data, vectors, vectors_all, lm, gazetteers or [])
    describe_corpora(talk, data)
    if dry_run:
        _rehearse(data, seeds, as_json)
        return
    warn_of_directory(talk, output, resume=resume, seeds=seeds)
    with EventLog(output) if tensorboard else nullcontext() as events:
        result = _run(talk, data, output, resume, seeds, events)
    _show(talk, result, as_json)


def _read(
    talk: Console,
    files: tuple[Path, Path | None, Path | None],
    chosen: Config,
    base: Path | None,
    init_encoder: Path | None,
) -> Corpora:
    """Read the corpora, for a new model, to continue one, or to begin with an encoder that learnt from text."""
    from tagger.cli.findings import describe_growth, describe_overlap
    from tagger.training import checkpoint, finetune, text_encoder, transfer
    from tagger.training.data import read_corpora

    if base is not None and init_encoder is not None:
        raise ConfigError(
            "a model that is continued (--from) has its encoder; leave it out", "--init-encoder"
        )
    if base is not None:
        model = checkpoint.load_model(base)
        data, growth = finetune.continue_from(
            read_corpora(*files, finetune.inherit_settings(chosen, model)), model
        )
        describe_growth(talk, growth, base, files[0])
        return data
    if init_encoder is not None:
        encoder = text_encoder.load(init_encoder)
        data, overlap = transfer.join(
            read_corpora(*files, transfer.inherit_settings(chosen, encoder)), encoder
        )
        describe_overlap(talk, overlap, init_encoder)
        return data
    return read_corpora(*files, chosen)


def _join(
    talk: Console,
    data: Corpora,
    vectors: Path | None,
    vectors_all: bool,
    lm: Path | None,
    gazetteers: list[Path],
) -> Corpora:
    """Read what joins the corpora."""
    from tagger.cli.findings import describe_gazetteers, describe_vectors
    from tagger.training import language
    from tagger.training.data import add_gazetteers, add_language_model, add_vectors

    if vectors is not None:
        data = add_vectors(data, vectors, keep_all=vectors_all)
        describe_vectors(talk, data)
    if gazetteers:
        data = add_gazetteers(data, gazetteers)
        describe_gazetteers(talk, data)
    return data if lm is None else add_language_model(data, language.load(lm))


def _rehearse(data: Corpora, seeds: int, as_json: bool) -> None:
    """Try a run out and print what it would take."""
    from rich.console import Console

    from tagger.cli.tables import rehearsal_table
    from tagger.training.rehearsal import rehearse

    found = rehearse(data)
    if as_json:
        typer.echo(json.dumps(found.as_dict() | {"seeds": seeds}))
    else:
        Console(highlight=False).print(rehearsal_table(found, data.config.training.epochs, seeds))


def _run(
    talk: Console, data: Corpora, output: Path, resume: bool, seeds: int, events: EventLog | None
) -> Finished | Repeated:
    """Drive the training with a progress bar; the first Ctrl-C saves and stops, the second leaves at once."""
    from tagger.cli.progress import TrainingProgress, end_stopped
    from tagger.cli.signals import asked_to_stop
    from tagger.training.fit import Finished, Started, fit
    from tagger.training.loop import EpochFacts, StepFacts
    from tagger.training.repeat import Repeated, repeat
    from tagger.training.supervision import Stopped

    with TrainingProgress(talk, data.config) as progress, asked_to_stop(talk) as stop:
        facts: Iterable[Fact | Repeated] = (
            fit(data, output, resume=resume, stop=stop)
            if seeds == 1
            else repeat(data, output, seeds, resume=resume, stop=stop)
        )
        for fact in facts:
            if events is not None:
                events.add(fact)
            match fact:
                case Started():
                    progress.start(fact)
                case StepFacts():
                    progress.step(fact)
                case EpochFacts():
                    progress.end_epoch(fact)
                case Finished() if seeds == 1:
                    return fact
                case Repeated():
                    return fact
                case Stopped():
                    progress.stop()
                    end_stopped(talk, fact)
    raise AssertionError("a run ends finished or stopped")


def _show(talk: Console, result: Finished | Repeated, as_json: bool) -> None:
    """Print what a run, or several, came to."""
    from rich.console import Console

    from tagger.cli.tables import scores_table, seeds_table
    from tagger.cli.talk import say
    from tagger.training.repeat import Repeated

    repeated = result if isinstance(result, Repeated) else None
    finished = result.best if isinstance(result, Repeated) else result
    headline = finished.test if finished.test is not None else finished.dev
    if as_json:
        facts = headline.scores.as_dict() | finished.as_dict() | (repeated.as_dict() if repeated else {})
        typer.echo(json.dumps(facts, ensure_ascii=False))
        return
    results = Console(highlight=False)
    title = f"dev, epoch {finished.best_epoch} of {finished.epochs}"
    if repeated is not None:
        title += f" of seed {repeated.chosen.seed}"
    results.print(scores_table(finished.dev.scores, title))
    if finished.test is not None:
        results.print(scores_table(finished.test.scores, "test"))
    place = finished.directory
    if repeated is not None:
        results.print(seeds_table(repeated))
        say(
            talk,
            f"{place} holds seed {repeated.chosen.seed}, the best of {len(repeated.trials)} on dev; the scores of "
            f"all are in {place / 'seeds.json'}",
        )
    if finished.min_confidence:
        least = f"{finished.min_confidence:.2f}"
        say(talk, f"names less probable than {least} are left out (predict --min-confidence 0: none)")
    say(talk, f"model written to {place} in {finished.seconds:.0f} s; use it: tagger predict {place} TEXT")
