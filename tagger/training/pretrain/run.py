"""One whole pretraining run: texts in, a language model's directory out, facts on the way.

It drives the loop, keeps the best model, the checkpoint and the history. The caller renders the facts and may
ask it to stop. It prints nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import safetensors
import torch

from tagger import __version__
from tagger.config import PretrainConfig
from tagger.text.counting import count_of
from tagger.training import checkpoint, curves, language
from tagger.training.history import History
from tagger.training.language import TrainedLanguageModel
from tagger.training.pretrain.loop import EpochFacts, Run, StepFacts, begin, measure, progress, train
from tagger.training.reading import Source, Survey, encode, survey
from tagger.training.supervision import Stopped, count_workers, find_device, supervise

_STATE = "state.safetensors"
_PLACE = (
    "epoch",
    "chunk",
    "batch",
    "nats",
    "tokens",
    "predictions",
    "seconds",
    "skipped",
    "best",
    "best_epoch",
)


@dataclass(frozen=True, slots=True)
class Started:
    """What is about to be trained. `resumed` is the share of the training already done."""

    survey: Survey
    parameters: int
    workers: int
    resumed: float


@dataclass(frozen=True, slots=True)
class Finished:
    """The result of a run: held-out perplexities of the best epoch's model."""

    forward: float
    backward: float
    epochs: int
    best_epoch: int
    seconds: float
    tokens_per_second: float
    directory: Path


Fact = Started | StepFacts | EpochFacts | Stopped | Finished


def pretrain(
    paths: Sequence[Path],
    directory: Path,
    config: PretrainConfig,
    *,
    resume: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Fact]:
    """Train a language model on raw text and write its directory, yielding facts.

    Args:
        paths: text files; they are read once for each epoch.
        directory: where the model goes; it exists and can be written.
        config: the settings.
        resume: go on from the checkpoint in `directory`, if one is there.
        stop: asked after every step; True saves a checkpoint and ends.

    Raises:
        DataError: a text can't be read or the directory can't be written; what it held before is intact.
        ModelError: the checkpoint doesn't fit this text and these settings.
        DivergenceError: twenty steps in a row had no finite gradient.
    """
    with checkpoint.locked(directory):
        yield from _pretrain(Source(paths, config), directory, config, resume, stop)


def _pretrain(
    source: Source, directory: Path, config: PretrainConfig, resume: bool, stop: Callable[[], bool]
) -> Iterator[Fact]:
    began = time.perf_counter()
    facts = survey(source)
    device = find_device(config.training.device)
    model = language.build(facts.tables, config).to(device)
    run = begin(model, config)
    trained = TrainedLanguageModel(config, facts.tables, run.averaged)
    history = History(directory, curves.of_language_model)
    if resume and checkpoint.has_run(directory):
        _load_run(directory, run, trained, facts)
        history.keep(run.epoch)
    else:
        checkpoint.discard_run(directory)
    workers = count_workers(config.training.workers, device)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    yield Started(facts, parameters, workers, progress(run, facts, config.training.epochs))

    def end_epoch(fact: EpochFacts) -> None:
        if fact.improved:
            language.save(directory, trained)
        history.add(asdict(fact))

    is_stopped = yield from supervise(
        train(run, source, facts, config, workers),
        end_epoch=end_epoch,
        save=lambda: _save_run(directory, run, trained, facts),
        best=lambda: f"the best model so far is in {directory}" if run.best_epoch else "nothing is saved",
        stop=stop,
    )
    if is_stopped:
        yield Stopped(run.epoch, directory)
        return
    best = language.load(directory)
    forward, backward = measure(best.model, encode(facts.held_out, best.tables))
    finished = Finished(
        forward,
        backward,
        run.epoch,
        run.best_epoch,
        time.perf_counter() - began,
        history.tokens_per_second,
        directory,
    )
    _write_reports(finished, facts, config, parameters)
    checkpoint.discard_run(directory)
    yield finished


def _save_run(directory: Path, run: Run, trained: TrainedLanguageModel, facts: Survey) -> None:
    """Write all that a killed run needs; one file, so it is whole or absent."""
    place = directory / checkpoint.CHECKPOINT
    place.mkdir(exist_ok=True)
    tensors = {f"optimizer.{name}": value for name, value in run.optimizer.state().items()}
    tensors |= {f"model.{name}": value for name, value in run.model.state_dict().items()}
    if run.averaged is not run.model:
        tensors |= {f"averaged.{name}": value for name, value in run.averaged.state_dict().items()}
    where = json.dumps({name: getattr(run, name) for name in _PLACE})
    checkpoint.write_tensors(place / _STATE, tensors, _belongings(trained, facts), {"place": where})


def _load_run(directory: Path, run: Run, trained: TrainedLanguageModel, facts: Survey) -> None:
    path = directory / checkpoint.CHECKPOINT / _STATE
    otherwise = "the settings or the text are not those of the interrupted run"
    tensors = checkpoint.read_tensors(path, _belongings(trained, facts), otherwise)
    run.model.load_state_dict(checkpoint.part(tensors, "model."))
    if run.averaged is not run.model:
        run.averaged.load_state_dict(checkpoint.part(tensors, "averaged."))
    run.optimizer.load(checkpoint.part(tensors, "optimizer."))
    with safetensors.safe_open(path, "pt") as file:
        for name, value in json.loads(file.metadata()["place"]).items():
            setattr(run, name, value)


def _belongings(trained: TrainedLanguageModel, facts: Survey) -> dict[str, bytes]:
    return language.contents(trained) | {"text": facts.digest.encode()}


def _write_reports(finished: Finished, facts: Survey, config: PretrainConfig, parameters: int) -> None:
    scores = {"perplexity": {"forward": finished.forward, "backward": finished.backward}}
    content = json.dumps(scores, indent=2).encode() + b"\n"
    checkpoint.write_atomically(finished.directory / checkpoint.SCORES, content)
    model = config.model
    lines = [
        "# A pair of language models made with tagger",
        "",
        f"A forward and a backward LSTM over {model.unit}: {model.layers} layers of {model.hidden} units, projected "
        f"to {model.projection}; {parameters:,} parameters, {len(facts.tables):,} words that can be predicted.",
        "",
        f"Learnt from {count_of(facts.sentences, 'sentence')}, {count_of(facts.tokens, 'token')}, "
        f"in {finished.seconds:.0f} s. Best of {count_of(finished.epochs, 'epoch')}: {finished.best_epoch}. "
        f"Seed {config.seed}.",
        "",
        f"Perplexity of {len(facts.held_out):,} held-out sentences: {finished.forward:.1f} forward, "
        f"{finished.backward:.1f} backward; {100 * facts.unknown:.1f} % of their tokens count as the unknown word.",
        "",
        "Use it: `tagger train TRAIN --lm DIRECTORY --output MODEL`, or `tagger generate DIRECTORY PROMPT`.",
        "",
        f"tagger {__version__}, torch {torch.__version__}.",
    ]
    checkpoint.write_atomically(finished.directory / checkpoint.CARD, ("\n".join(lines) + "\n").encode())
