"""One whole training run: a recipe in, a model directory out, facts on the way.

It drives the loop, keeps the best model, the checkpoint and the history, and gives up where nothing is learnt any
more. The caller renders the facts and may ask it to stop. It prints nothing.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tagger.errors import TaggerError
from tagger.runtime import directory as files
from tagger.training import loop, state
from tagger.training.history import History
from tagger.training.loop import EpochFacts, StepFacts
from tagger.training.recipe import Dev, Ended, Finished, Recipe
from tagger.training.state import Run

CHECKPOINT_SECONDS = 60.0  # a kill costs at most about a minute of work
MAX_SKIPPED = 20  # steps in a row without a finite gradient: the run won't recover by itself


class DivergenceError(TaggerError):
    """The loss or its gradient stopped being finite."""


@dataclass(frozen=True, slots=True)
class Started:
    """What is about to be trained. `resumed` is the share of the training already done."""

    seed: int
    parameters: int
    workers: int
    resumed: float


@dataclass(frozen=True, slots=True)
class Stopped:
    """The caller asked to stop; the checkpoint holds everything so far."""

    epoch: int
    directory: Path


Fact = Started | StepFacts | EpochFacts[Dev] | Stopped | Finished


def train(
    recipe: Recipe[Dev],
    directory: Path,
    *,
    resume: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Fact[Dev]]:
    """Train what a recipe holds and write a model directory, yielding facts.

    Args:
        recipe: the network, its text and its settings, see `recipes`; each run takes a new one, whose network it
            changes.
        directory: where the model goes; it is made where it is absent.
        resume: go on from the checkpoint in `directory`, if one is there.
        stop: asked after every step; True saves a checkpoint and ends.

    Raises:
        DataError: the directory can't be written, or a text can't be read; what it held before is intact.
        ModelError: the checkpoint doesn't fit this recipe.
        DivergenceError: twenty steps in a row had no finite gradient.
    """
    files.prepare_directory(directory)
    with files.locked(directory):
        yield from _train(recipe, directory, resume, stop)


def _train(
    recipe: Recipe[Dev], directory: Path, resume: bool, stop: Callable[[], bool]
) -> Iterator[Fact[Dev]]:
    began = time.perf_counter()
    run = state.begin(recipe.learner.network, recipe.settings)
    history = History(directory, recipe.draw)
    if resume and state.has_run(directory):
        state.load_run(directory, run, recipe.identity())
        history.keep(run.epoch)
    else:
        state.discard_run(directory)
    workers = count_workers(recipe)
    parameters = sum(parameter.numel() for parameter in run.network.parameters())
    resumed = min(1.0, (run.epoch + run.tokens / recipe.tokens) / recipe.settings.epochs)
    yield Started(recipe.seed, parameters, workers, resumed)
    if not run.optimizer.steps:
        run.known = recipe.value_before(run.averaged)
    is_stopped = yield from _supervise(recipe, run, directory, history, workers, stop)
    if is_stopped:
        yield Stopped(run.epoch, directory)
        return
    finished = recipe.finish(
        Ended(
            directory=directory,
            epochs=run.epoch,
            best_epoch=run.kept_epoch,
            parameters=parameters,
            began=began,
            learning_seconds=history.seconds,
            tokens_per_second=history.tokens_per_second,
        )
    )
    state.discard_run(directory)
    yield finished


def _supervise(
    recipe: Recipe[Dev],
    run: Run,
    directory: Path,
    history: History,
    workers: int,
    stop: Callable[[], bool],
) -> Generator[StepFacts | EpochFacts[Dev], None, bool]:
    """Pass the facts of the loop on, and see that the run is written down in time; return whether it was stopped.

    Everything is saved after every epoch, at least once a minute, and before a stop.

    Raises:
        DivergenceError: `MAX_SKIPPED` steps in a row had no finite gradient.
    """
    saved = time.perf_counter()
    unusable = 0
    for fact in loop.train(run, recipe, workers):
        if isinstance(fact, StepFacts):
            unusable = 0 if math.isfinite(fact.norm) else unusable + 1
            if unusable >= MAX_SKIPPED:
                raise DivergenceError(
                    f"{unusable} steps in a row had no finite gradient; {_describe_kept(run, directory)}. Train "
                    "again with a lower --learning-rate or a lower --set training.clip_norm"
                )
            is_due = time.perf_counter() - saved > CHECKPOINT_SECONDS
        else:
            if fact.kept:
                recipe.save(directory, run.averaged)
                files.discard_reports(directory)
            history.add(_line(recipe, fact))
            is_due = True
        if is_due:
            state.save_run(directory, run, recipe.identity())
            saved = time.perf_counter()
        yield fact
        if stop():
            state.save_run(directory, run, recipe.identity())
            return True
    return False


def count_workers(recipe: Recipe[Any]) -> int:
    """Return how many processes train: one beside a GPU; else as many as wanted, or one per core, at most 2."""
    device = next(recipe.learner.network.parameters()).device
    if device != torch.device("cpu"):
        return 1
    return recipe.settings.workers or min(2, os.cpu_count() or 1)


def _describe_kept(run: Run, directory: Path) -> str:
    if not run.kept_epoch:
        return "nothing is saved"
    return f"epoch {run.kept_epoch}, the one kept so far, is in {directory}"


def _line(recipe: Recipe[Dev], facts: EpochFacts[Dev]) -> dict[str, Any]:
    """Return the line of the history that tells of an epoch."""
    return {
        "epoch": facts.epoch,
        **recipe.describe_epoch(facts.loss, facts.dev),
        "improved": facts.improved,
        "kept": facts.kept,
        "learning_rate": facts.learning_rate,
        "seconds": facts.seconds,
        "tokens_per_second": facts.tokens_per_second,
        "skipped_steps": facts.skipped,
    }
