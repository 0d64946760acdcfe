"""One whole training run: a recipe in, a model directory out, facts on the way.

It drives the loop, keeps the best model, the checkpoint and the history, and gives up where nothing is learnt any
more. The caller renders the facts and may ask it to stop. It prints nothing.
"""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from tagger.errors import ConfigError, ModelError, TaggerError
from tagger.model.memory import memory_watched
from tagger.runtime import directory as files
from tagger.runtime import reports
from tagger.training import loop, output, state
from tagger.training.history import History
from tagger.training.loop import EpochFacts, StepFacts
from tagger.training.recipe import Dev, Ended, Finished, Recipe
from tagger.training.state import Run
from tagger.training.workers.peers import ALONE, Peers

CHECKPOINT_SECONDS = 60.0  # a kill costs at most about a minute of work
MAX_SKIPPED = 20  # steps in a row without a finite gradient: the run won't recover by itself


class DivergenceError(TaggerError):
    """The loss or its gradient stopped being finite."""


@dataclass(frozen=True, slots=True)
class Started:
    """What is about to be trained.

    Attributes:
        workers: processes that this one began and itself; 1 where a launcher began several.
        resumed: the share of the training already done.
        peers: processes that a launcher began.
    """

    seed: int
    parameters: int
    workers: int
    resumed: float
    peers: int = 1


@dataclass(frozen=True, slots=True)
class Stopped:
    """The caller asked to stop; the checkpoint holds everything so far."""

    epoch: int
    directory: Path


@dataclass(frozen=True, slots=True)
class Complete:
    """The run was finished before, and nothing more is asked for. `epochs`: of them, `best_epoch` is kept."""

    epochs: float
    best_epoch: float
    directory: Path


@dataclass(frozen=True, slots=True)
class Reopened:
    """A finished run goes on, since more epochs are asked for: from the model of `best_epoch`, behind `epochs`."""

    epochs: float
    best_epoch: float


Fact = Started | StepFacts | EpochFacts[Dev] | Stopped | Finished | Complete | Reopened


def train(
    recipe: Recipe[Dev],
    directory: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    stop: Callable[[], bool] = lambda: False,
    peers: Peers = ALONE,
) -> Iterator[Fact[Dev]]:
    """Train what a recipe holds and write a model directory, yielding facts.

    Args:
        recipe: the network, its text and its settings, see `recipes`; each run takes a new one, whose network it
            changes.
        directory: where the model goes; it is made where it is absent.
        resume: go on from the checkpoint in `directory`, if one is there. A run that is finished goes on if more
            epochs are asked for: from the model that is kept, with a new optimiser, as behind those epochs in a run
            of so many; the finished model stays until one is better on held-out sentences.
        overwrite: replace what is there: a finished model stays until this run has ended.
        stop: asked after every step; True saves a checkpoint and ends.
        peers: the processes that train it together, all called with equal recipes; the first alone touches
            `directory`, and all yield the same facts.

    Raises:
        DataError: the directory can't be written, or holds what may not be replaced, or a text can't be read; what it
            held before is intact.
        ModelError: the checkpoint or the finished model doesn't fit this recipe.
        DivergenceError: twenty steps in a row had no finite gradient.
        MemoryExhaustedError: there is too little memory.
        ConfigError: workers are asked for beside peers.
        PeerLostError: one of the peers is gone.
    """
    _check_peers(recipe, peers)
    stop = peers.agree(stop)
    if not peers.is_first:
        with memory_watched(recipe.memory_advice):
            yield from _follow(recipe, directory, stop, peers)
        return
    files.prepare_directory(directory)
    with files.locked(directory), memory_watched(recipe.memory_advice):
        if resume:
            output.settle(directory)
        place = output.find_place(directory, resume=resume, overwrite=overwrite)
        done = _find_done(recipe, directory, place, resume=resume, overwrite=overwrite)
        if done is not None and done.asked >= recipe.settings.epochs:
            peers.share(False)
            yield from _review(recipe, done, peers)
            return
        if done is not None or (place == directory and output.is_finished(directory)):
            place = directory / output.NEXT
        if not (resume and output.has_run(place)):
            output.make_room(directory, place)
            output.begin(place)
        peers.share(True)
        for fact in _train(recipe, place, done, stop, peers):
            if isinstance(fact, Finished):
                output.settle(directory)
                yield replace(fact, directory=directory)
            elif isinstance(fact, Stopped):
                yield replace(fact, directory=directory)
            else:
                yield fact


class _Done(NamedTuple):
    """A finished run: where, how many epochs it was asked for, and the history of those that it took."""

    directory: Path
    asked: int
    history: History

    @property
    def epochs(self) -> float:
        return self.history.done

    @property
    def best_epoch(self) -> float:
        return reports.best_epoch(self.history.epochs)


def _find_done(
    recipe: Recipe[Dev], directory: Path, place: Path, *, resume: bool, overwrite: bool
) -> _Done | None:
    """Return the finished run that is to go on; None where there is none, or one that may be replaced.

    Raises:
        ModelError: it was of other settings or sentences, or its history is lost.
    """
    if not resume or place != directory or not output.is_finished(directory):
        return None
    settings, tables, *_ = recipe.identity().values()
    try:
        asked = output.check_settings(directory, settings, tables)
    except ModelError:
        if overwrite:
            return None
        raise
    history = History(directory, recipe.draw)
    history.keep()
    if not history.epochs:
        raise ModelError(
            "is missing or not what training writes, so nothing tells what the finished run came to; use its model "
            "as it is, go on from it with --from and another --output, or start anew with --overwrite",
            directory / files.HISTORY,
        )
    return _Done(directory, asked, history)


def _check_peers(recipe: Recipe[Dev], peers: Peers) -> None:
    """See that all processes are about to train the same, each with one worker."""
    if peers.is_alone:
        return
    if recipe.settings.workers > 1:
        raise ConfigError(
            f"found {recipe.settings.workers} beside {peers.size} processes of torchrun's, each a worker of its own; "
            "leave it out, or start tagger without torchrun",
            "training.workers",
        )
    peers.check_device(_device_of(recipe))
    digest = hashlib.sha256()
    for name, content in sorted(recipe.identity().items()):
        digest.update(name.encode() + hashlib.sha256(content).digest())
    peers.check_same(digest.digest())


def _follow(
    recipe: Recipe[Dev], directory: Path, stop: Callable[[], bool], peers: Peers
) -> Iterator[Fact[Dev]]:
    """Train along with the first process, which does all that has to do with files."""
    is_trained = peers.share(True)
    if is_trained:
        _settle_beside(recipe, peers)
        run = state.begin(recipe.learner.network, recipe.settings)
        state.share_run(run, peers)
        yield _started(recipe, run, peers)
        if (yield from _supervise(recipe, run, None, stop, peers)):
            yield Stopped(run.epoch, directory)
            return
    finished: Finished | None = peers.share(None)
    assert finished is not None
    if not is_trained:
        yield Complete(finished.epochs, finished.best_epoch, directory)
    yield finished


def _review(recipe: Recipe[Dev], done: _Done, peers: Peers) -> Iterator[Fact[Dev]]:
    """Tell what a finished run came to."""
    yield Complete(done.epochs, done.best_epoch, done.directory)
    finished = recipe.review(
        Ended(
            directory=done.directory,
            epochs=done.epochs,
            best_epoch=done.best_epoch,
            parameters=sum(parameter.numel() for parameter in recipe.learner.network.parameters()),
            began=time.perf_counter(),
            learning_seconds=done.history.seconds,
            tokens_per_second=done.history.tokens_per_second,
        )
    )
    peers.share(finished)
    yield finished


def _started(recipe: Recipe[Dev], run: Run, peers: Peers) -> Started:
    parameters = sum(parameter.numel() for parameter in run.network.parameters())
    resumed = min(1.0, (run.epoch + run.tokens / recipe.tokens) / recipe.settings.epochs)
    return Started(recipe.seed, parameters, count_workers(recipe, peers), resumed, peers.size)


def _train(
    recipe: Recipe[Dev], place: Path, done: _Done | None, stop: Callable[[], bool], peers: Peers
) -> Iterator[Fact[Dev]]:
    began = time.perf_counter()
    _settle(recipe, place / output.CHECKPOINT, peers)
    history = History(place, recipe.draw)
    if done is not None:
        yield Reopened(done.epochs, done.best_epoch)
        run = _reopen(recipe, place, history, done)
    else:
        run = state.begin(recipe.learner.network, recipe.settings)
        if output.has_run(place):
            state.load_run(place, run, recipe.identity())
            history.keep(run.measured)
    started = _started(recipe, run, peers)
    yield started
    if not run.optimizer.steps and run.floor is None:
        run.known = recipe.value_before(run.averaged)
    state.share_run(run, peers)
    is_stopped = yield from _supervise(recipe, run, _Books(recipe, place, history), stop, peers)
    if is_stopped:
        yield Stopped(run.epoch, place)
        return
    finished = recipe.finish(
        Ended(
            directory=place,
            epochs=history.done or run.epoch,
            best_epoch=run.kept_epoch,
            parameters=started.parameters,
            began=began,
            learning_seconds=history.seconds,
            tokens_per_second=history.tokens_per_second,
        )
    )
    output.discard_run(place)
    peers.share(finished)
    yield finished


def _settle(recipe: Recipe[Dev], checkpoint: Path, peers: Peers) -> None:
    """Keep large things in a checkpoint. What several processes read must be there before the others look."""
    recipe.settle_in(checkpoint)
    if not peers.is_alone:
        len(recipe.shared)  # which is of the corpus
        peers.share(checkpoint.resolve())


def _settle_beside(recipe: Recipe[Dev], peers: Peers) -> None:
    """Read what the first process has written, on its machine; on another one it is written once more."""
    checkpoint: Path | None = peers.share(None)
    assert checkpoint is not None
    if (checkpoint / output.CORPUS).is_dir():
        recipe.settle_in(checkpoint)


def _reopen(recipe: Recipe[Dev], place: Path, history: History, done: _Done) -> Run:
    """Set up a run behind the epochs of a finished one, whose model is what it begins with and has to beat.

    Patience counts from here. An epoch that it ended in the midst of is over.
    """
    recipe.begin_with(done.directory)
    run = state.begin(recipe.learner.network, recipe.settings)
    run.epoch, run.measured = math.ceil(done.epochs), len(done.history.epochs)
    run.steps = run.measured_step = done.history.steps
    run.kept_epoch = done.best_epoch
    run.best = run.known = run.floor = recipe.value(recipe.measure(run.averaged))
    recipe.save(place, run.averaged)
    history.take_over(done.history)
    state.save_run(place, run, recipe.identity())
    return run


class _Books(NamedTuple):
    """What is written of a run while it goes on."""

    recipe: Recipe[Any]
    directory: Path
    history: History

    def add(self, run: Run, fact: EpochFacts[Any]) -> None:
        """Write a measurement down, and the model if it is kept."""
        if fact.kept:
            self.recipe.save(self.directory, run.averaged)
            reports.discard_reports(self.directory)
        self.history.add(_line(self.recipe, fact))

    def save(self, run: Run) -> None:
        """Write the checkpoint."""
        state.save_run(self.directory, run, self.recipe.identity())


def _supervise(
    recipe: Recipe[Dev],
    run: Run,
    books: _Books | None,
    stop: Callable[[], bool],
    peers: Peers,
) -> Generator[StepFacts | EpochFacts[Dev], None, bool]:
    """Pass the facts of the loop on, and see that the run is written down in time; return whether it was stopped.

    Everything is saved after every measurement, at least once a minute, and before a stop, by the process that has
    the books.

    Raises:
        DivergenceError: `MAX_SKIPPED` steps in a row had no finite gradient.
    """
    saved = time.perf_counter()
    unusable = 0
    facts = loop.train(
        run, recipe, count_workers(recipe, peers), eval_steps=recipe.settings.eval_steps, peers=peers
    )
    for fact in facts:
        if isinstance(fact, StepFacts):
            unusable = 0 if math.isfinite(fact.norm) else unusable + 1
            if unusable >= MAX_SKIPPED:
                raise DivergenceError(
                    f"{unusable} steps in a row had no finite gradient; {_describe_kept(run, books)}. Train "
                    "again with a lower --learning-rate or a lower --set training.clip_norm, and --overwrite"
                )
            is_due = time.perf_counter() - saved > CHECKPOINT_SECONDS
        else:
            if books is not None:
                books.add(run, fact)
            is_due = True
        if is_due and books is not None:
            books.save(run)
            saved = time.perf_counter()
        yield fact
        if stop():
            if books is not None:
                books.save(run)
            return True
    return False


def count_workers(recipe: Recipe[Any], peers: Peers = ALONE) -> int:
    """Return how many processes this one begins, itself included.

    It is one beside a GPU or peers; else as many as wanted, or one per core, at most 2.
    """
    if _device_of(recipe).type != "cpu" or not peers.is_alone:
        return 1
    return recipe.settings.workers or min(2, os.cpu_count() or 1)


def _device_of(recipe: Recipe[Any]) -> torch.device:
    return next(recipe.learner.network.parameters()).device


def _describe_kept(run: Run, books: _Books | None) -> str:
    if not run.kept_epoch:
        return "nothing is saved"
    place = "" if books is None else f", is in {books.directory}"
    return f"epoch {run.kept_epoch:g}, the one kept so far{place}"


def _line(recipe: Recipe[Dev], facts: EpochFacts[Dev]) -> dict[str, Any]:
    """Return the line of the history that tells of a measurement."""
    return {
        "epoch": facts.epoch,
        **({} if facts.step is None else {"step": facts.step}),
        **recipe.describe_epoch(facts.loss, facts.dev),
        "improved": facts.improved,
        "kept": facts.kept,
        "learning_rate": facts.learning_rate,
        "seconds": facts.seconds,
        "tokens_per_second": facts.tokens_per_second,
        "skipped_steps": facts.skipped,
    }
