"""One whole pretraining run: texts in, a directory out, facts on the way.

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
from tagger.config import PretrainConfig, TextEncoderConfig
from tagger.text.counting import count_of
from tagger.training import checkpoint, curves
from tagger.training.history import History
from tagger.training.pretrain import encoder, language
from tagger.training.pretrain.loop import EpochFacts, Run, StepFacts, begin, measure, progress, train
from tagger.training.pretrain.task import Task
from tagger.training.stream import Source, Survey, survey
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
    """What is about to be trained.

    Attributes:
        survey: what the text holds.
        outline: what learns from it.
        words: how many it knows by name.
        unknown: share of the held-out tokens that are none of these.
        parameters: numbers that are learnt.
        workers: threads.
        resumed: the share of the training already done.
    """

    survey: Survey
    outline: str
    words: int
    unknown: float
    parameters: int
    workers: int
    resumed: float


@dataclass(frozen=True, slots=True)
class Finished:
    """The result of a run: held-out perplexities of the best epoch's model, and the command that takes it."""

    forward: float
    backward: float | None
    epochs: int
    best_epoch: int
    seconds: float
    tokens_per_second: float
    directory: Path
    use: str


Fact = Started | StepFacts | EpochFacts | Stopped | Finished


def pretrain(
    paths: Sequence[Path],
    directory: Path,
    config: PretrainConfig | TextEncoderConfig,
    *,
    resume: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Fact]:
    """Train on raw text and write a directory, yielding facts.

    Args:
        paths: text files; they are read once for each epoch.
        directory: where the result goes; it exists and can be written.
        config: the settings of language models, or of a labeler's encoder.
        resume: go on from the checkpoint in `directory`, if one is there.
        stop: asked after every step; True saves a checkpoint and ends.

    Raises:
        DataError: a text can't be read or the directory can't be written; what it held before is intact.
        ModelError: the checkpoint doesn't fit this text and these settings.
        DivergenceError: twenty steps in a row had no finite gradient.
    """
    with checkpoint.locked(directory):
        yield from _pretrain(*read(paths, config), directory, resume, stop)


def read(paths: Sequence[Path], config: PretrainConfig | TextEncoderConfig) -> tuple[Source, Survey, Task]:
    """Survey the text of a run and set up what is to be learnt from it."""
    if isinstance(config, PretrainConfig):
        source = language.open_text(paths, config)
        found = survey(source)
        return source, found, language.LanguageTask(config, found)
    config = encoder.settle(config)
    source = encoder.open_text(paths, config)
    found = survey(source, bigrams=config.embedding.bigram_dim > 0)
    return source, found, encoder.EncoderTask(config, found)


def _pretrain(
    source: Source, facts: Survey, task: Task, directory: Path, resume: bool, stop: Callable[[], bool]
) -> Iterator[Fact]:
    began = time.perf_counter()
    settings = task.settings
    device = find_device(settings.device)
    run = begin(task, device)
    history = History(directory, curves.of_pretraining)
    if resume and checkpoint.has_run(directory):
        _load_run(directory, run, task, facts)
        history.keep(run.epoch)
    else:
        checkpoint.discard_run(directory)
    workers = count_workers(settings.workers, device)
    parameters = sum(parameter.numel() for parameter in run.model.parameters())
    unknown = _unknown(task, facts)
    resumed = progress(run, facts, settings.epochs)
    yield Started(facts, task.describe(), task.words, unknown, parameters, workers, resumed)

    def end_epoch(fact: EpochFacts) -> None:
        if fact.improved:
            task.save(directory, run.averaged)
        history.add(asdict(fact))

    is_stopped = yield from supervise(
        train(run, source, facts, task, workers),
        end_epoch=end_epoch,
        save=lambda: _save_run(directory, run, task, facts),
        best=lambda: f"the best model so far is in {directory}" if run.best_epoch else "nothing is saved",
        stop=stop,
    )
    if is_stopped:
        yield Stopped(run.epoch, directory)
        return
    forward, *others = measure(task, task.load(directory), facts.held_out)
    finished = Finished(
        forward,
        others[0] if others else None,
        run.epoch,
        run.best_epoch,
        time.perf_counter() - began,
        history.tokens_per_second,
        directory,
        task.use,
    )
    _write_reports(finished, facts, task, parameters)
    checkpoint.discard_run(directory)
    yield finished


def _unknown(task: Task, facts: Survey) -> float:
    """Return the share of the held-out tokens that are not known by name."""
    strange = sum(not task.knows(word) for words in facts.held_out for word in words)
    return strange / sum(map(len, facts.held_out))


def _save_run(directory: Path, run: Run, task: Task, facts: Survey) -> None:
    """Write all that a killed run needs; one file, so it is whole or absent."""
    place = directory / checkpoint.CHECKPOINT
    place.mkdir(exist_ok=True)
    tensors = {f"optimizer.{name}": value for name, value in run.optimizer.state().items()}
    tensors |= {f"model.{name}": value for name, value in run.model.state_dict().items()}
    if run.averaged is not run.model:
        tensors |= {f"averaged.{name}": value for name, value in run.averaged.state_dict().items()}
    where = json.dumps({name: getattr(run, name) for name in _PLACE})
    checkpoint.write_tensors(place / _STATE, tensors, _belongings(run, task, facts), {"place": where})


def _load_run(directory: Path, run: Run, task: Task, facts: Survey) -> None:
    path = directory / checkpoint.CHECKPOINT / _STATE
    otherwise = "the settings or the text are not those of the interrupted run"
    tensors = checkpoint.read_tensors(path, _belongings(run, task, facts), otherwise)
    run.model.load_state_dict(checkpoint.part(tensors, "model."))
    if run.averaged is not run.model:
        run.averaged.load_state_dict(checkpoint.part(tensors, "averaged."))
    run.optimizer.load(checkpoint.part(tensors, "optimizer."))
    with safetensors.safe_open(path, "pt") as file:
        for name, value in json.loads(file.metadata()["place"]).items():
            setattr(run, name, value)


def _belongings(run: Run, task: Task, facts: Survey) -> dict[str, bytes]:
    return task.contents(run.averaged) | {"text": facts.digest.encode()}


def _write_reports(finished: Finished, facts: Survey, task: Task, parameters: int) -> None:
    scores = {"perplexity": {"forward": finished.forward, "backward": finished.backward}}
    content = json.dumps(scores, indent=2).encode() + b"\n"
    checkpoint.write_atomically(finished.directory / checkpoint.SCORES, content)
    backward = "" if finished.backward is None else f", {finished.backward:.1f} backward"
    lines = [
        f"# {task.title}, made with tagger",
        "",
        f"{task.describe()}; {parameters:,} parameters, {task.words:,} words known by name.",
        "",
        f"Learnt from {count_of(facts.sentences, 'sentence')}, {count_of(facts.tokens, 'token')}, "
        f"in {finished.seconds:.0f} s. Best of {count_of(finished.epochs, 'epoch')}: {finished.best_epoch}. "
        f"Seed {task.config.seed}.",
        "",
        f"Perplexity of {len(facts.held_out):,} held-out sentences: {finished.forward:.1f} forward{backward}; "
        f"{100 * _unknown(task, facts):.1f} % of their tokens are none of these words. {task.predicted}",
        "",
        f"Use it: `{task.use} DIRECTORY --output MODEL`.",
        "",
        f"tagger {__version__}, torch {torch.__version__}.",
    ]
    checkpoint.write_atomically(finished.directory / checkpoint.CARD, ("\n".join(lines) + "\n").encode())
