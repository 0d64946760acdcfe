"""`tagger train`: CoNLL files in, a model directory out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.flags import Flag, Given, choose_settings, with_settings
from tagger.cli.options import (
    SCHEMES,
    AsJson,
    ConfigFile,
    Output,
    Overrides,
    Overwrite,
    Resume,
    check_encoding,
    one_of,
    refuse_together,
)
from tagger.config import Config
from tagger.text.counting import count_of, shape_of
from tagger.text.objects import dump_json
from tagger.text.schemes import parse_scheme

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.api.training import TrainingResult
    from tagger.scoring import Scores
    from tagger.training.data import Corpora
    from tagger.training.distillation.teaching import TaughtFacts
    from tagger.training.recipes.labelled import FinishedLabeller
    from tagger.training.start import Collected, Start

_INPUT, _MODEL, _TRAINING = "Reading the corpora", "The model", "Training"


def _parse_scheme_or_auto(typed: str) -> str:
    """Return a scheme's name, or `auto`."""
    return typed if typed == "auto" else parse_scheme(typed).value


CORPUS_SETTINGS = (  # how a corpus to learn from is read
    Flag("--scheme", "corpus.scheme", _INPUT, "Tag scheme of the corpora; auto detects it.",
         f"[auto|{SCHEMES}]", _parse_scheme_or_auto),
    Flag("--token-column", "corpus.token_column", _INPUT, metavar="COLUMN"),
    Flag("--tag-column", "corpus.tag_column", _INPUT, metavar="COLUMN"),
    Flag("--blank-tokens", "corpus.blank_tokens", _INPUT),
    Flag("--task", "corpus.task", _INPUT),
    Flag("--compounds", "corpus.compounds", _INPUT),
    Flag("--encoding", "corpus.encoding", _INPUT, metavar="NAME", parse=check_encoding),
    Flag("--feature-column", "embedding.feature_columns", _INPUT, "Column that says more about a token, as UPOS:16 "
         "(repeatable).", "COLUMN[:DIM]"),
)  # fmt: skip
SETTINGS = (
    *CORPUS_SETTINGS,
    Flag("--encoder", "encoder.kind", _MODEL),
    Flag("--hidden", "encoder.hidden", _MODEL),
    Flag("--layers", "encoder.layers", _MODEL),
    Flag("--directions", "encoder.directions", _MODEL),
    Flag("--decoder", "decoder.kind", _MODEL),
    Flag("--context", "encoder.context", _MODEL),
    Flag("--lm-finetune", "lm.finetune", _MODEL),
    Flag("--epochs", "training.epochs", _TRAINING),
    Flag("--seed", "seed", _TRAINING),
    Flag("--batch-sentences", "training.batch_sentences", _TRAINING,
         "Sentences a step; of a large corpus more where they are short (training.batch_tokens)."),
    Flag("--learning-rate", "training.learning_rate", _TRAINING),
    Flag("--patience", "training.patience", _TRAINING,
         "Epochs (with --eval-steps: measurements) without a better dev F1 before training stops; absent: never."),
    Flag("--eval-steps", "training.eval_steps", _TRAINING),
    Flag("--cost", "training.costs", _TRAINING,
         "What missing a token of a type costs, in units of the loss, and what inventing one does (repeatable).",
         "TYPE=RECALL[:PRECISION]"),
    Flag("--workers", "training.workers", _TRAINING),
    Flag("--device", "training.device", _TRAINING),
)  # fmt: skip
_TEACHING = "Learning from teachers"
DISTILLATION = (
    Flag("--weight", "distillation.weight", _TEACHING),
    Flag("--ratio", "distillation.ratio", _TEACHING),
    Flag("--softness", "distillation.temperature", _TEACHING),
    Flag("--min-score", "distillation.min_score", _TEACHING),
)
_Train = Annotated[
    Path,
    typer.Argument(metavar="TRAIN", help="Training corpus: CoNLL columns, segmented text or word/TAG lines."),
]
Dev = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Corpus that chooses the best epoch; else a tenth of TRAIN is held out."
    ),
]
Test = Annotated[Path | None, typer.Option(metavar="FILE", help="Corpus to score the finished model on.")]
_Base = Annotated[
    Path | None,
    typer.Option("--from", metavar="DIR", help="Model to continue with; its words and types are kept."),
]
_Seeds = Annotated[
    int,
    typer.Option(
        min=1, metavar="N", help="Train this many seeds, from --seed upwards, and keep the best by dev."
    ),
]
_DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Read all, take a few steps, estimate time and memory, write nothing."),
]
Vectors = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Pretrained word vectors: GloVe, word2vec or fastText, gzip too.",
        rich_help_panel=_MODEL,
    ),
]
VectorsAll = Annotated[
    bool,
    typer.Option(
        "--vectors-all",
        help="Keep every vector, not only those of the corpora's words.",
        rich_help_panel=_MODEL,
    ),
]
Gazetteers = Annotated[
    list[Path] | None,
    typer.Option(
        "--gazetteer",
        metavar="FILE",
        help="List of names, one a line, that are marked where they occur; of words, for a model that cuts words "
        "(repeatable).",
        rich_help_panel=_MODEL,
    ),
]
Clusters = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="DIR",
        help="Directory of word classes (`tagger pretrain --target clusters`), or a file of them (repeatable).",
        rich_help_panel=_MODEL,
    ),
]
InitEncoder = Annotated[
    Path | None,
    typer.Option(
        "--init-encoder",
        metavar="DIR",
        help="Directory of an encoder (`tagger pretrain --target encoder`) to begin with.",
        rich_help_panel=_MODEL,
    ),
]
LanguageModel = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Directory of a language model (`tagger pretrain`) whose layers join each word.",
        rich_help_panel=_MODEL,
    ),
]


_Distilled = Annotated[
    list[Path] | None,
    typer.Option(
        "--distill",
        metavar="FILE",
        help="Raw text, or a folder of it, that the --seeds label for a student, which learns it beside TRAIN and is "
        "the result; they stay in the folder teachers (repeatable).",
        rich_help_panel=_TEACHING,
    ),
]
_TextFormat = Annotated[
    str,
    typer.Option(
        "--input-format",
        help="How that text is read, as by `tagger predict`.",
        rich_help_panel=_TEACHING,
        **one_of(("auto", "text", "lines", "tokens", "conll", "jsonl")),
    ),
]
_TextLanguage = Annotated[
    str,
    typer.Option(
        "--language",
        metavar="CODE",
        help="Its language, such as de: whose abbreviations end no sentence.",
        rich_help_panel=_TEACHING,
    ),
]


@with_settings(Config, *SETTINGS, *DISTILLATION)
def train(
    train: _Train,
    output: Output,
    given: Given,
    dev: Dev = None,
    test: Test = None,
    base: _Base = None,
    seeds: _Seeds = 1,
    dry_run: _DryRun = False,
    resume: Resume = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    config: ConfigFile = None,
    overrides: Overrides = None,
    vectors: Vectors = None,
    vectors_all: VectorsAll = False,
    lm: LanguageModel = None,
    init_encoder: InitEncoder = None,
    gazetteers: Gazetteers = None,
    clusters: Clusters = None,
    texts: _Distilled = None,
    input_format: _TextFormat = "auto",
    language: _TextLanguage = "en",
) -> None:
    """Train a model on a labelled corpus.

    Example: [bold]tagger train train.conll --dev dev.conll --output models/en[/bold]

    Words of segmented text: [bold]tagger train train.seg --dev dev.seg --output models/words[/bold]

    Words and their tags: [bold]tagger train train.pos --dev dev.pos --output models/joint[/bold]

    Parts of speech: [bold]tagger train train.conllu --dev dev.conllu --output models/pos[/bold]
    """
    from rich.console import Console

    from tagger.api import distillation, training
    from tagger.api.sources import require_torch
    from tagger.cli.messages import tell_of_directory, warn

    refuse_together(
        "--from",
        base,
        ("--init-encoder", init_encoder),
        ("--lm", lm),
        ("--gazetteer", gazetteers),
        ("--clusters", clusters),
    )
    refuse_together("--init-encoder", init_encoder, ("--vectors", vectors))
    talk = Console(stderr=True, highlight=False)
    training.refuse_overwriting(base, output, "--output")
    if not dry_run and texts:
        distillation.refuse_occupied_by_student(output, resume=resume, overwrite=overwrite, seeds=seeds)
    elif not dry_run:
        training.refuse_occupied(output, resume=resume, overwrite=overwrite, seeds=seeds)
    chosen = choose_settings(Config, config, given, overrides)
    require_torch("training")
    from tagger.training.start import Start

    start = Start(base, init_encoder, vectors, vectors_all, lm, gazetteers or (), clusters or ())
    prepared = training.prepare_training(train, dev, test, chosen, start, output)
    describe_corpora(talk, prepared, train, start, output)
    if dry_run:
        _rehearse(prepared.data, seeds, as_json)
        return
    tell_of_directory(talk, output, resume=resume)
    run: Callable[..., TrainingResult] = partial(training.run_training, prepared)
    if texts:
        reading = distillation.TextReading(input_format, language)
        note = partial(warn, talk)
        run = partial(distillation.run_with_seeds, prepared, texts, reading, note=note)
    run = partial(run, output=output, seeds=seeds, resume=resume, overwrite=overwrite)
    shown = teaching_shown(talk, seeds)
    show_result(talk, follow_training(talk, prepared.data.config, run, shown), as_json)


def teaching_shown(talk: Console, teachers: int) -> Callable[[TaughtFacts], None]:
    """Return what says how much text was labelled, before the student begins."""
    from tagger.cli.messages import say
    from tagger.cli.tables import agreement_table

    def show(fact: TaughtFacts) -> None:
        if fact.is_complete:
            left_out = f"; {count_of(fact.left_out, 'sentence')} left out" if fact.left_out else ""
            found = f"{count_of(fact.sentences, 'sentence')}, {count_of(fact.tokens, 'token')} of text"
            by = (
                f" labelled by {count_of(teachers, 'teacher')}" if teachers else " with labels from elsewhere"
            )
            say(talk, f"{found}{by}{left_out}")
            if fact.agreement is not None:
                talk.print(agreement_table(fact.agreement))

    return show


def describe_corpora(talk: Console, prepared: Collected, train: Path, start: Start, output: Path) -> None:
    """Say what was found in the corpora and in all that the run starts from."""
    from tagger.cli import findings

    data = prepared.data
    if prepared.growth is not None and start.base is not None:
        findings.describe_growth(talk, prepared.growth, start.base, train)
    if prepared.overlap is not None and start.encoder is not None:
        findings.describe_overlap(talk, prepared.overlap, start.encoder)
    if data.vectors is not None:
        findings.describe_vectors(talk, data)
    if data.gazetteers:
        findings.describe_gazetteers(talk, data)
    if data.clusters:
        findings.describe_clusters(talk, data)
    findings.describe_corpora(talk, data)
    findings.describe_room(talk, data, output)


def _rehearse(data: Corpora, seeds: int, as_json: bool) -> None:
    """Try a run out and print what it would take."""
    from rich.console import Console

    from tagger.cli.tables import rehearsal_table
    from tagger.training.recipes import labelled
    from tagger.training.rehearsal import rehearse

    found = rehearse(labelled.prepare(data))
    if as_json:
        typer.echo(dump_json(found.as_dict() | {"seeds": seeds}))
    else:
        Console(highlight=False).print(rehearsal_table(found, data.config.training.epochs, seeds))


def follow_training(
    talk: Console,
    config: Config,
    run: Callable[..., TrainingResult],
    show_teaching: Callable[[TaughtFacts], None] | None = None,
) -> TrainingResult:
    """Drive a training with a progress bar; what teachers label before it is shown by a function of its own."""
    from tagger.cli.progress import TrainingProgress, follow

    encoder = config.encoder
    shape = shape_of(encoder.layers, encoder.directions, encoder.hidden)
    progress = TrainingProgress(
        talk,
        config.training.epochs,
        f"{encoder.kind.upper()} of {shape}, decoder {config.decoder.kind}",
        "kept is the best epoch on dev, or a later one that ties with it (within chance)",
        lambda loss: f"loss {loss:.4f}",
        _describe_dev,
    )
    with follow(progress, talk, show_teaching) as (stop, show):
        return run(on_fact=show, stop=stop)


def _describe_dev(dev: Scores) -> str:
    return f"dev {dev.headline_name} {100 * dev.headline[1]:6.2f}"


def show_result(talk: Console, result: TrainingResult, as_json: bool) -> None:
    """Print what a run, or several, came to."""
    from rich.console import Console

    from tagger.cli.messages import command, say
    from tagger.cli.tables import scores_table, seeds_table

    if as_json:
        typer.echo(dump_json(result.as_dict()))
        return
    finished, repeated = result.finished, result.seeds
    results = Console(highlight=False)
    of_seed = "" if repeated is None else f" of seed {repeated.chosen.seed}"
    title = f"dev, epoch {finished.best_epoch} of {finished.epochs}{of_seed}, which is kept"
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
        say(talk, _describe_left_out(finished))
        say(talk, "predict leaves them out, too; --min-confidence 0 keeps them")
    if not result.was_complete:
        use = command("predict", place, "TEXT")
        say(talk, f"model written to {place} in {finished.seconds:.0f} s; use it: {use}")


def _describe_left_out(finished: FinishedLabeller) -> str:
    """Say why the scores differ from those of the kept epoch's line: only the finished model leaves names out."""
    from tagger.cli.tables import percent
    from tagger.runtime.reports import find_epoch_f1

    least = f"names less probable than {finished.min_confidence:.2f} are left out"
    with_all = find_epoch_f1(finished.directory, finished.best_epoch)
    if with_all is None:
        return least
    return f"dev F1 {percent(with_all)}; {percent(finished.dev.scores.micro.f1)} after {least}"
