"""`tagger pretrain`: raw text in, the directory of a pair of language models, or of a labeller's encoder, out."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tagger.cli.flags import Flag, Given, as_sentence, choose_settings, find_field, with_settings
from tagger.cli.options import AsJson, ConfigFile, Output, Overrides, Resume, check_encoding
from tagger.cli.tables import percent
from tagger.config import PretrainConfig, TextEncoderConfig
from tagger.errors import ConfigError
from tagger.text.counting import count_of

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.training.pretrain import EpochFacts, Finished, Started


_OF_ENCODER = {  # where an encoder has the setting; the others are of language models alone, or the same
    "model.unit": "text.unit",
    "model.hidden": "encoder.hidden",
    "model.layers": "encoder.layers",
    "model.vocabulary": "text.vocabulary",
    "model.min_count": "embedding.min_count",
    "training.dropout": "training.input_dropout",
}
_OF_LANGUAGE_MODELS = ("model.projection", "training.batch_tokens")
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
    return Flag(name, field, panel, about, also=(TextEncoderConfig, of_encoder), **others)


_SETTINGS = (
    _flag("--input-format", "text.format", _INPUT),
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
    _flag("--workers", "training.workers", _TRAINING),
    _flag("--device", "training.device", _TRAINING),
)


class Target(StrEnum):
    """What learns from the text: language models, or the embeddings and the encoder of a labeller."""

    LM = "lm"
    ENCODER = "encoder"


_Texts = Annotated[list[Path], typer.Argument(metavar="TEXT...", help="Text files, plain or gzip.")]
_Target = Annotated[
    Target,
    typer.Option(
        help="lm: language models for `train --lm` and `generate`; encoder: for `train --init-encoder`."
    ),
]


@with_settings(PretrainConfig, *_SETTINGS)
def pretrain(
    texts: _Texts,
    output: Output,
    given: Given,
    target: _Target = Target.LM,
    config: ConfigFile = None,
    resume: Resume = False,
    as_json: AsJson = False,
    overrides: Overrides = None,
) -> None:
    """Learn a pair of language models, or a labeller's encoder, from raw text.

    Example: [bold]tagger pretrain tweets.txt --input-format tokens --output models/lm[/bold]
    """
    from rich.console import Console

    from tagger.cli.messages import say, warn_of_directory
    from tagger.training import checkpoint

    talk = Console(stderr=True, highlight=False)
    chosen = _choose(target, config, given, overrides)
    checkpoint.prepare_directory(output)
    warn_of_directory(talk, output, resume=resume)
    finished = _run(talk, texts, output, chosen, resume)
    if as_json:
        typer.echo(json.dumps(_facts(finished), ensure_ascii=False))
        return
    typer.echo(f"perplexity of held-out text: {_perplexities(finished)}")
    say(
        talk,
        f"model written to {output} in {finished.seconds:.0f} s; use it: {finished.use} {output}",
    )


def _choose(
    target: Target, config: Path | None, given: Given, overrides: list[str] | None
) -> PretrainConfig | TextEncoderConfig:
    """Return the settings of what is to learn."""
    if target is Target.LM:
        return choose_settings(PretrainConfig, config, given, overrides)
    for flag in _SETTINGS:
        if flag.field in _OF_LANGUAGE_MODELS and given[flag.field] is not None:
            raise ConfigError(
                "is a setting of language models; leave it out with --target encoder", flag.name
            )
    own = {
        _OF_ENCODER.get(field, field): value
        for field, value in given.items()
        if field not in _OF_LANGUAGE_MODELS
    }
    return choose_settings(TextEncoderConfig, config, own, overrides)


def _run(
    talk: Console,
    texts: list[Path],
    output: Path,
    config: PretrainConfig | TextEncoderConfig,
    resume: bool,
) -> Finished:
    """Drive the training with a progress bar; the first Ctrl-C saves and stops, the second leaves at once."""
    from tagger.cli.messages import say
    from tagger.cli.progress import end_stopped, make_bar, warn_of_step
    from tagger.cli.signals import asked_to_stop
    from tagger.training.pretrain import EpochFacts, Finished, Started, StepFacts, Stopped
    from tagger.training.pretrain import pretrain as learn

    with make_bar(talk) as bar, asked_to_stop(talk) as stop:
        task = bar.add_task("pretraining", total=1.0, facts="")
        for fact in learn(texts, output, config, resume=resume, stop=stop):
            match fact:
                case Started():
                    _describe(talk, fact, config)
                    bar.update(task, completed=fact.resumed)
                case StepFacts():
                    warn_of_step(talk, fact.epoch, fact.norm)
                    bar.update(
                        task,
                        completed=fact.progress,
                        description=f"epoch {fact.epoch}/{config.training.epochs}",
                        facts=f"perplexity {fact.perplexity:,.0f}  {fact.tokens_per_second:,.0f} tokens/s",
                    )
                case EpochFacts():
                    say(talk, _line(fact))
                case Finished():
                    return fact
                case Stopped():
                    bar.stop()
                    end_stopped(talk, fact)
    raise AssertionError("a run ends finished or stopped")


def _describe(talk: Console, fact: Started, config: PretrainConfig | TextEncoderConfig) -> None:
    """Say plainly what was found and what is about to be trained."""
    from tagger.cli.messages import say

    found = fact.survey
    say(
        talk,
        f"{count_of(found.sentences, 'sentence')}, {count_of(found.tokens, 'token')} to learn from; "
        f"{count_of(len(found.held_out), 'sentence')} "
        f"held out, {percent(fact.unknown)} % of their tokens are none of the {fact.words:,} known words",
    )
    threads = count_of(fact.workers, "thread")
    say(talk, f"{fact.outline}; {fact.parameters:,} parameters, seed {config.seed}, {threads}")
    if fact.resumed:
        say(talk, f"resumed at {100 * fact.resumed:.0f} % of the training")


def _line(fact: EpochFacts) -> str:
    mark = "  best so far" if fact.improved else ""
    return (
        f"epoch {fact.epoch:>3}  perplexity {fact.perplexity:.1f}  held-out {_perplexities(fact)}  "
        f"{fact.tokens_per_second:>7,.0f} tokens/s  {fact.seconds:.1f} s{mark}"
    )


def _perplexities(fact: EpochFacts | Finished) -> str:
    backward = "" if fact.backward is None else f", {fact.backward:.1f} backward"
    return f"{fact.forward:.1f} forward{backward}"


def _facts(finished: Finished) -> dict[str, object]:
    return {
        "perplexity": {"forward": finished.forward, "backward": finished.backward},
        "epochs": finished.epochs,
        "best_epoch": finished.best_epoch,
        "seconds": finished.seconds,
        "tokens_per_second": finished.tokens_per_second,
    }
