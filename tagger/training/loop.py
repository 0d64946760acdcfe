"""The training loop: a generator that takes gradient steps and yields facts. It neither prints nor saves.

A round is a list of tasks whose gradients several workers take at the same weights, side by side. Where the workers
share a batch its parts are summed in a fixed order and make one step. Else each task is a batch of its own that makes
a step of its own; all but the first step of such a round follow a gradient that is some steps old, which costs a
little accuracy. Either way the same seed and number of workers give the same bits.

All randomness derives from (seed, epoch, ..., batch, part), so whoever saves `state.Run` between two facts can go on
with the same bits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from tagger.training.recipe import Dev, Recipe
from tagger.training.state import Run
from tagger.training.workers.gradient import GradientTask, add_up
from tagger.training.workers.team import Team, assemble


@dataclass(frozen=True, slots=True)
class StepFacts:
    """A round of gradient steps.

    Attributes:
        batch: batches completed of the chunk under way, which is the whole epoch where the text is one chunk.
        halved: whether memory ran out, so that this and all later tasks are computed in halves.
        loss: mean over the epoch so far, nats a prediction; for labellers a token, what mistakes cost included.
        progress: share of all training done, 0 to 1.
        tokens_per_second: over the epoch so far.
        norm: the largest of the gradients before clipping; not finite where a step was skipped.
    """

    epoch: int
    batch: int
    batches: int
    loss: float
    progress: float
    tokens_per_second: float
    norm: float
    halved: bool = False


@dataclass(frozen=True, slots=True)
class EpochFacts(Generic[Dev]):
    """One epoch and what it came to on held-out sentences; `seconds` and `tokens_per_second` are of training alone.

    Attributes:
        improved: whether it is better than all before.
        kept: whether its model is kept. Of a labeller's epochs that only chance tells apart the latest is kept, after
            which the weights have settled: the best one would often be the luckiest (as the 1 SE rule of Breiman et
            al. 1984, "Classification and regression trees", section 3.4.3, prefers simple trees).
    """

    epoch: int
    loss: float
    dev: Dev
    improved: bool
    kept: bool
    learning_rate: float
    seconds: float
    dev_seconds: float
    tokens_per_second: float
    skipped: int


def train(run: Run, recipe: Recipe[Dev], workers: int = 1) -> Iterator[StepFacts | EpochFacts[Dev]]:
    """Train to the last epoch, yielding after every round of steps and every epoch.

    Args:
        run: where to begin; changed in place, and consistent whenever a fact is yielded.
        recipe: what is trained, on what, and when it is better.
        workers: processes; on a CPU.
    """
    epochs = recipe.settings.epochs
    team_of = assemble(recipe.learner, workers, shared=recipe.shared, advice=recipe.memory_advice)
    with team_of as team:
        while run.epoch < epochs and not _is_out_of_patience(run, recipe.settings.patience):
            for chunk in recipe.chunks(run.epoch, run.chunk):
                yield from _learn_chunk(run, recipe, team, chunk, workers)
                run.chunk, run.batch = run.chunk + 1, 0
            yield _end_epoch(run, recipe)


def _learn_chunk(run: Run, recipe: Recipe[Dev], team: Team, chunk: Any, workers: int) -> Iterator[StepFacts]:
    team.brief(chunk)
    batches = recipe.batches(chunk, run.epoch, run.chunk, workers)
    stride = 1 if recipe.shares_batches else workers  # batches a round
    while run.batch < len(batches):
        began = time.perf_counter()
        tasks, upcoming = (
            _make_tasks(run, recipe, chunk, batches, first, workers)
            for first in (run.batch, run.batch + stride)
        )
        settings, progress = recipe.settings, recipe.progress(run, run.batch, len(batches))
        run.rate = settings.learning_rate * schedule(progress, settings.warmup)
        norm = _take_steps(run, recipe, team, tasks, upcoming)
        for batch in batches[run.batch : run.batch + stride]:
            extent = recipe.extent(chunk, batch)
            run.tokens += extent.tokens
            run.predictions += extent.predictions
            run.batch += 1
        run.seconds += time.perf_counter() - began
        yield StepFacts(
            epoch=run.epoch + 1,
            batch=run.batch,
            batches=len(batches),
            loss=_mean_loss(run),
            progress=recipe.progress(run, run.batch, len(batches)),
            tokens_per_second=run.tokens / run.seconds,
            norm=norm,
            halved=team.are_halved,
        )


def _make_tasks(
    run: Run,
    recipe: Recipe[Dev],
    chunk: Any,
    batches: Sequence[Sequence[Any]],
    first: int,
    workers: int,
) -> list[GradientTask]:
    """Return the tasks of the round that begins with a batch; none beyond the chunk's end."""
    terms = recipe.terms(run, recipe.progress(run, first, len(batches)))
    parts = workers if recipe.shares_batches else 1
    tasks = []
    for number, batch in enumerate(batches[first : first + workers // parts], first):
        scale = 1 / max(1, recipe.extent(chunk, batch).divisor)
        place = recipe.place(run.epoch, run.chunk, number)
        for part in range(parts):
            if items := batch[part::parts] if parts > 1 else batch:
                tokens = recipe.extent(chunk, items).tokens
                tasks.append(GradientTask(items, place, scale, tokens, terms, part, parts))
    return tasks


def _take_steps(
    run: Run, recipe: Recipe[Dev], team: Team, tasks: Sequence[GradientTask], upcoming: Sequence[GradientTask]
) -> float:
    """Take the gradients of some tasks at once, then a step with each or one with all; return the largest norm.

    It is NaN where a step was skipped.
    """
    gradients = team(tasks, upcoming)
    norms = []
    for gradient in [add_up(gradients)] if recipe.shares_batches else gradients:
        norms.append(run.optimizer.step(gradient.values, run.rate))
        run.skipped += not math.isfinite(norms[-1])
        run.loss += gradient.loss if math.isfinite(gradient.loss) else 0.0
    return max(norms) if all(map(math.isfinite, norms)) else math.nan


def schedule(progress: float, warmup: float) -> float:
    """Return the learning rate's share of its peak: a linear rise, then a linear fall to 0 (Smith 2018).

    >>> schedule(0.05, 0.1), schedule(0.1, 0.1), schedule(0.55, 0.1)
    (0.5, 1.0, 0.5)
    """
    if progress < warmup:
        return progress / warmup
    return round((1 - progress) / (1 - warmup), 12)


def _mean_loss(run: Run) -> float:
    return run.loss / max(1, run.predictions)


def _end_epoch(run: Run, recipe: Recipe[Dev]) -> EpochFacts[Dev]:
    run.optimizer.settle()
    began = time.perf_counter()
    dev = recipe.measure(run.averaged)
    run.epoch += 1
    value = recipe.value(dev)
    improved = run.best is None or value > run.best
    if run.best is None or improved:
        run.best, run.best_epoch = value, run.epoch
    kept = recipe.is_kept(dev, run.best) and (run.floor is None or value > run.floor)
    if kept:
        run.kept_epoch = run.epoch
    run.known = max(run.known, value)
    facts = EpochFacts(
        epoch=run.epoch,
        loss=_mean_loss(run),
        dev=dev,
        improved=improved,
        kept=kept,
        learning_rate=run.rate,
        seconds=run.seconds,
        dev_seconds=time.perf_counter() - began,
        tokens_per_second=run.tokens / max(run.seconds, 1e-9),
        skipped=run.skipped,
    )
    run.chunk = run.batch = run.tokens = run.predictions = run.skipped = 0
    run.loss = run.seconds = 0.0
    return facts


def _is_out_of_patience(run: Run, patience: int | None) -> bool:
    return patience is not None and run.best_epoch > 0 and run.epoch - run.best_epoch >= patience
