"""`tagger pretrain`: raw text in; the directory of language models, of an encoder or of classes of words out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tagger.cli.flags import Flag, Given, as_sentence, choose_settings, find_field, with_settings
from tagger.cli.options import (
    AsJson,
    ConfigFile,
    Output,
    Overrides,
    Overwrite,
    Resume,
    check_encoding,
    one_of,
)
from tagger.cli.tables import percent
from tagger.config import ClusterConfig, PretrainConfig, TextEncoderConfig
from tagger.errors import DataError
from tagger.text.counting import count_of
from tagger.text.objects import dump_json

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.config import ReadingConfig
    from tagger.training.recipes.pretraining import FinishedPretraining, Perplexities, PretrainingRecipe


_OF_ENCODER = {  # where an encoder has the setting; the others are of language models alone, or the same
    "model.unit": "text.unit",
    "model.hidden": "encoder.hidden",
    "model.layers": "encoder.layers",
    "model.vocabulary": "text.vocabulary",
    "model.min_count": "embedding.min_count",
    "training.dropout": "training.input_dropout",
}
_OF_LANGUAGE_MODELS = ("model.projection", "training.batch_tokens")
_OF_CLUSTERS = {  # the settings that classes of words have; a field that stands here too is the same there
    "text.format": "text.format",
    "text.text_field": "text.text_field",
    "text.token_column": "text.token_column",
    "text.encoding": "text.encoding",
    "model.unit": "text.unit",
    "model.vocabulary": "text.vocabulary",
    "model.min_count": "text.min_count",
}
_INPUT, _MODEL, _TRAINING = "Reading the text", "The model", "Training"


def _flag(name: str, field: str, panel: str, **others: Any) -> Flag:
    """Return a row whose help says where an encoder's default is another one."""
    own = find_field(PretrainConfig, field)
    about = as_sentence(own)
    if field in _OF_LANGUAGE_MODELS:
        return Flag(name, field, panel, f"{about} Language models only.", **others)
    of_encoder = _OF_ENCODER.get(field, field)
    default = find_field(TextEncoderConfig, of_encoder).default
    about += f" Of an encoder: {default}." if default != own.default else ""
    if field in _OF_CLUSTERS:
        default = find_field(ClusterConfig, _OF_CLUSTERS[field]).default
        about += f" Of clusters: {default}." if default != own.default else ""
    return Flag(name, field, panel, about, also=(TextEncoderConfig, of_encoder), **others)


SETTINGS = (
    _flag("--input-format", "text.format", _INPUT),
    _flag("--text-field", "text.text_field", _INPUT, metavar="NAME"),
    _flag("--token-column", "text.token_column", _INPUT, metavar="COLUMN"),
    _flag("--encoding", "text.encoding", _INPUT, metavar="NAME", parse=check_encoding),
    _flag("--unit", "model.unit", _INPUT),
    _flag("--held-out", "text.held_out", _INPUT),
    _flag("--hidden", "model.hidden", _MODEL),
    _flag("--projection", "model.projection", _MODEL),
    _flag("--layers", "model.layers", _MODEL),
    _flag("--vocabulary", "model.vocabulary", _MODEL),
    _flag("--min-count", "model.min_count", _MODEL),
    _flag("--epochs", "training.epochs", _TRAINING),
    _flag("--seed", "seed", _TRAINING),
    _flag("--batch-tokens", "training.batch_tokens", _TRAINING),
    _flag("--learning-rate", "training.learning_rate", _TRAINING),
    _flag("--dropout", "training.dropout", _TRAINING),
    _flag("--patience", "training.patience", _TRAINING),
    _flag("--eval-steps", "training.eval_steps", _TRAINING),
    _flag("--workers", "training.workers", _TRAINING),
    _flag("--device", "training.device", _TRAINING),
)


_Texts = Annotated[list[Path], typer.Argument(metavar="TEXT", help="Text files, plain or gzip.")]
_Target = Annotated[
    str,
    typer.Option(
        help="lm: language models for `train --lm` and `generate`; encoder: for `train --init-encoder`; clusters: "
        "classes of words for `train --clusters`.",
        **one_of(("lm", "encoder", "clusters")),
    ),
]
_Classes = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help=f"{as_sentence(find_field(ClusterConfig, 'clusters.classes'))} Clusters only; "
        f"{find_field(ClusterConfig, 'clusters.classes').default} without it.",
        rich_help_panel=_MODEL,
    ),
]

_FailFast = Annotated[
    bool,
    typer.Option(
        "--fail-fast",
        help="Stop at the first file that can't be read; else the others are learnt from.",
        rich_help_panel=_INPUT,
    ),
]
_DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Read all, take a few steps, estimate time and memory, write nothing."),
]


@with_settings(PretrainConfig, *SETTINGS)
def pretrain(
    texts: _Texts,
    output: Output,
    given: Given,
    target: _Target = "lm",
    classes: _Classes = None,
    config: ConfigFile = None,
    dry_run: _DryRun = False,
    resume: Resume = False,
    overwrite: Overwrite = False,
    fail_fast: _FailFast = False,
    as_json: AsJson = False,
    overrides: Overrides = None,
) -> None:
    """Learn a pair of language models, a labeller's encoder, or classes of words from raw text.

    Example: [bold]tagger pretrain tweets.txt --input-format tokens --output models/lm[/bold]
    """
    from rich.console import Console

    from tagger.api.sources import require_torch
    from tagger.cli.messages import tell_of_directory
    from tagger.training import output as place

    talk = Console(stderr=True, highlight=False)
    if target == "clusters":
        _make_clusters(
            talk,
            texts,
            output,
            _choose_clusters(config, {**given, "clusters.classes": classes}, overrides),
            resume=resume,
            dry_run=dry_run,
            overwrite=overwrite,
            fail_fast=fail_fast,
            as_json=as_json,
        )
        return
    require_torch("pretraining")
    if classes is not None:
        raise typer.BadParameter("is a setting of --target clusters; leave it out", param_hint="--classes")
    chosen = _choose(target, config, given, overrides)
    if not dry_run:
        place.check(output, resume=resume, overwrite=overwrite)
        tell_of_directory(talk, output, resume=resume)
    faults = _Faults(talk)
    recipe = _prepare(faults.leave_out(texts, chosen.text, fail_fast=fail_fast), chosen)
    _describe(talk, recipe)
    if dry_run:
        _rehearse(recipe, as_json)
    else:
        from tagger.training.run import train
        from tagger.training.workers.peers import joined

        with joined() as peers:
            run = partial(train, recipe, output, resume=resume, overwrite=overwrite, peers=peers)
            _show(talk, *_run(talk, recipe, run), output, as_json=as_json)
    if faults.found:
        raise typer.Exit(1)


def _make_clusters(
    talk: Console,
    texts: list[Path],
    output: Path,
    config: ClusterConfig,
    *,
    resume: bool,
    dry_run: bool,
    overwrite: bool,
    fail_fast: bool,
    as_json: bool,
) -> None:
    """Make classes of words, which takes minutes and has no steps to go on from."""
    from tagger.cli.clustering import make_clusters
    from tagger.training.clustering import check_place

    for option, is_given in (("--resume", resume), ("--dry-run", dry_run)):
        if is_given:
            raise typer.BadParameter(
                "is for what is trained; clusters take minutes and are written at the end: leave it out",
                param_hint=option,
            )
    check_place(output, overwrite=overwrite)
    faults = _Faults(talk)
    make_clusters(
        talk, faults.leave_out(texts, config.text, fail_fast=fail_fast), config, output, as_json=as_json
    )
    if faults.found:
        raise typer.Exit(1)


def _show(
    talk: Console, finished: FinishedPretraining, was_complete: bool, output: Path, *, as_json: bool
) -> None:
    """Print what was learnt and how it is used."""
    from tagger.cli.messages import say

    if as_json:
        typer.echo(dump_json(finished.as_dict()))
        return
    typer.echo(f"perplexity of held-out text: {_perplexities(finished)}")
    if not was_complete:
        say(
            talk,
            f"model written to {output} in {finished.seconds:.0f} s; use it: {finished.use} {output}",
        )


class _Faults:
    """The files that can't be read: left out, each with its reason said, so that the others are learnt from."""

    def __init__(self, talk: Console) -> None:
        self._talk = talk
        self.found: list[DataError] = []

    def leave_out(self, texts: list[Path], text: ReadingConfig, *, fail_fast: bool) -> list[Path]:
        """Return the files that can be read.

        Raises:
            DataError: there is none, or the first fault if that is to be the last.
        """
        from tagger.cli.messages import warn
        from tagger.text.raw import check_files
        from tagger.training.stream import read_settings

        is_alone = len(texts) == 1 and not texts[0].is_dir()
        readable = check_files(
            texts,
            read_settings(text),
            lambda fact: warn(self._talk, fact),
            None if fail_fast or is_alone else self._report,
        )
        if not readable:
            raise DataError("found no file that can be read; mend one of them", texts[0])
        return [Path(path) for path in readable]

    def _report(self, fault: DataError) -> None:
        from tagger.cli.messages import say

        self.found.append(fault)
        say(self._talk, f"error: {fault}", "red")


def _choose(
    target: str, config: Path | None, given: Given, overrides: list[str] | None
) -> PretrainConfig | TextEncoderConfig:
    """Return the settings of what is to learn."""
    if target == "lm":
        return choose_settings(PretrainConfig, config, given, overrides)
    for flag in SETTINGS:
        if flag.field in _OF_LANGUAGE_MODELS and given[flag.field] is not None:
            raise typer.BadParameter(
                "is a setting of language models; leave it out with --target encoder", param_hint=flag.name
            )
    own = {
        _OF_ENCODER.get(field, field): value
        for field, value in given.items()
        if field not in _OF_LANGUAGE_MODELS
    }
    return choose_settings(TextEncoderConfig, config, own, overrides)


def _choose_clusters(config: Path | None, given: Given, overrides: list[str] | None) -> ClusterConfig:
    """Return the settings of classes of words."""
    for flag in SETTINGS:
        if flag.field not in _OF_CLUSTERS and given[flag.field] is not None:
            raise typer.BadParameter(
                "is a setting of what is trained; leave it out with --target clusters", param_hint=flag.name
            )
    own = {_OF_CLUSTERS.get(field, field): value for field, value in given.items() if value is not None}
    return choose_settings(ClusterConfig, config, own, overrides)


def _prepare(texts: list[Path], config: PretrainConfig | TextEncoderConfig) -> PretrainingRecipe:
    """Survey the texts and build what learns from them."""
    from tagger.config import PretrainConfig
    from tagger.training.recipes import encoder, lm

    return lm.prepare(texts, config) if isinstance(config, PretrainConfig) else encoder.prepare(texts, config)


def _describe(talk: Console, recipe: PretrainingRecipe) -> None:
    """Say plainly what was found."""
    from tagger.cli.messages import say

    found = recipe.survey
    say(
        talk,
        f"{count_of(found.sentences, 'sentence')}, {count_of(found.tokens, 'token')} to learn from; "
        f"{count_of(len(found.held_out), 'sentence')} held out, {percent(recipe.unknown)} % of their tokens are none "
        f"of the {recipe.task.words:,} known words",
    )


def _rehearse(recipe: PretrainingRecipe, as_json: bool) -> None:
    """Try a run out and print what it would take."""
    from rich.console import Console

    from tagger.cli.tables import rehearsal_table
    from tagger.training.rehearsal import rehearse

    found = rehearse(recipe)
    if as_json:
        typer.echo(dump_json(found.as_dict()))
    else:
        Console(highlight=False).print(rehearsal_table(found, recipe.settings.epochs, 1))


def _run(
    talk: Console, recipe: PretrainingRecipe, train: Callable[..., Any]
) -> tuple[FinishedPretraining, bool]:
    """Drive the training with a progress bar; return its result, and whether that was there before."""
    from tagger.cli.progress import TrainingProgress, follow
    from tagger.training.recipes.pretraining import FinishedPretraining, perplexity_of
    from tagger.training.run import Complete

    progress = TrainingProgress(
        talk,
        recipe.settings.epochs,
        recipe.task.describe(),
        "perplexities, forward / backward; kept is the epoch lowest on held-out sentences",
        lambda loss: f"learnt {perplexity_of(loss):,.1f}",
        lambda dev: f"held out {_perplexity_pair(dev)}",
    )
    found, was_complete = None, False
    with follow(progress, talk) as (stop, show):
        for found in train(stop=stop):
            was_complete = was_complete or isinstance(found, Complete)
            show(found)
    assert isinstance(found, FinishedPretraining)
    return found, was_complete


def _perplexities(found: Perplexities | FinishedPretraining) -> str:
    backward = "" if found.backward is None else f", {found.backward:.1f} backward"
    return f"{found.forward:.1f} forward{backward}"


def _perplexity_pair(found: Perplexities) -> str:
    """Write the same for a line that has to fit a narrow terminal."""
    return " / ".join(f"{each:.1f}" for each in (found.forward, found.backward) if each is not None)
