"""`tagger train`: CoNLL files in, a model directory out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.options import AsJson, ConfigFile, Flag, Given, Output, Overrides, Resume, choose, takes
from tagger.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.config import Config
    from tagger.scoring import Scores
    from tagger.training.data import Corpora
    from tagger.training.recipes.labelled import FinishedLabeller
    from tagger.training.repeat import Repeated
    from tagger.training.start import Start

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

    from tagger.cli.talk import warn_of_directory
    from tagger.config import Config
    from tagger.training.start import Start

    talk = Console(stderr=True, highlight=False)
    if base is not None and base.resolve() == output.resolve():
        raise ConfigError(
            f"found {output}, which --from reads; choose another directory, or the run couldn't be resumed",
            "--output",
        )
    start = Start(base, init_encoder, vectors, vectors_all, lm, gazetteers or ())
    data = _collect(talk, (train, dev, test), choose(Config, config, given, overrides), start)
    if dry_run:
        _rehearse(data, seeds, as_json)
        return
    warn_of_directory(talk, output, resume=resume, seeds=seeds)
    _show(talk, _run(talk, data, output, resume, seeds), as_json)


def _collect(
    talk: Console, files: tuple[Path, Path | None, Path | None], chosen: Config, start: Start
) -> Corpora:
    """Read the corpora and all that a run starts from, and say what was found."""
    from tagger.cli import findings
    from tagger.training.start import collect

    data, growth, overlap = collect(*files, chosen, start)
    if growth is not None and start.base is not None:
        findings.describe_growth(talk, growth, start.base, files[0])
    if overlap is not None and start.encoder is not None:
        findings.describe_overlap(talk, overlap, start.encoder)
    if data.vectors is not None:
        findings.describe_vectors(talk, data)
    if data.gazetteers:
        findings.describe_gazetteers(talk, data)
    findings.describe_corpora(talk, data)
    return data


def _rehearse(data: Corpora, seeds: int, as_json: bool) -> None:
    """Try a run out and print what it would take."""
    from rich.console import Console

    from tagger.cli.tables import rehearsal_table
    from tagger.training.recipes import labelled
    from tagger.training.rehearsal import rehearse

    found = rehearse(labelled.prepare(data))
    if as_json:
        typer.echo(json.dumps(found.as_dict() | {"seeds": seeds}))
    else:
        Console(highlight=False).print(rehearsal_table(found, data.config.training.epochs, seeds))


def _run(talk: Console, data: Corpora, output: Path, resume: bool, seeds: int) -> FinishedLabeller | Repeated:
    """Drive the training with a progress bar."""
    from tagger.cli.progress import TrainingProgress, follow
    from tagger.training import run
    from tagger.training.recipes import labelled
    from tagger.training.recipes.labelled import FinishedLabeller
    from tagger.training.repeat import Repeated, repeat

    encoder = data.config.encoder
    cell = f"{encoder.kind.upper()} {encoder.layers} x {encoder.directions} x {encoder.hidden}"
    progress = TrainingProgress(
        talk,
        data.config.training.epochs,
        f"{cell}, {data.config.decoder.kind}",
        lambda loss: f"loss {loss:.4f}",
        _describe_dev,
    )
    found = follow(
        progress,
        talk,
        lambda stop: (
            run.train(labelled.prepare(data), output, resume=resume, stop=stop)
            if seeds == 1
            else repeat(data, output, seeds, resume=resume, stop=stop)
        ),
    )
    assert isinstance(found, FinishedLabeller | Repeated)
    return found


def _describe_dev(dev: Scores) -> str:
    name, value = dev.headline
    return f"dev {name} {100 * value:6.2f}"


def _show(talk: Console, result: FinishedLabeller | Repeated, as_json: bool) -> None:
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
