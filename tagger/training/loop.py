"""The training loop: a generator that takes gradient steps and yields facts. It neither prints nor saves.

A round is a list of tasks whose gradients several workers take at the same weights, side by side. Where the workers
share a batch its parts are summed in a fixed order and make one step. Else each task is a batch of its own that makes
a step of its own; all but the first step of such a round follow a gradient that is some steps old, which costs a
little accuracy. Processes that a launcher started (`workers.peers`) always share a batch. In every case the same seed
and number of processes give the same bits.

All randomness derives from (seed, epoch, ..., batch, part), so whoever saves `state.Run` between two facts can go on
with the same bits.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple

from tagger.training.recipe import Dev, Extent, Recipe
from tagger.training.state import Run
from tagger.training.workers.gradient import GradientTask, add_up
from tagger.training.workers.peers import ALONE, Peers
from tagger.training.workers.team import Team, TeamOfPeers, assemble


@dataclass(frozen=True, slots=True)
class StepFacts:
    """A round of gradient steps.

    Attributes:
        batch: batches completed of the chunk under way, which is the whole epoch where the text is one chunk.
        halved: whether memory ran out, so that this and all later tasks are computed in halves.
        loss: mean since the last measurement, nats a prediction; for labellers a token, what mistakes cost included.
        progress: share of all training done, 0 to 1.
        tokens_per_second: since the last measurement.
        norm: the largest of the gradients before clipping; not finite where a step was skipped. Beside a GPU loss and
            norm are those of the steps up to the last but one: see `training.echoes`.
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

    With `eval_steps` also what some steps within an epoch came to. Loss, seconds, tokens per second and skipped steps
    are then of what was trained since the measurement before.

    Attributes:
        epoch: epochs done, counted from the run's beginning; a fraction within one.
        improved: whether it is better than all before.
        kept: whether its model is kept. Of a labeller's epochs that only chance tells apart the latest is kept, after
            which the weights have settled: the best one would often be the luckiest (as the 1 SE rule of Breiman et
            al. 1984, "Classification and regression trees", section 3.4.3, prefers simple trees).
        step: steps taken; None where each epoch is measured once.
    """

    epoch: float
    loss: float
    dev: Dev
    improved: bool
    kept: bool
    learning_rate: float
    seconds: float
    dev_seconds: float
    tokens_per_second: float
    skipped: int
    step: int | None = None


def train(
    run: Run,
    recipe: Recipe[Dev],
    workers: int = 1,
    *,
    eval_steps: int | None = None,
    peers: Peers = ALONE,
) -> Iterator[StepFacts | EpochFacts[Dev]]:
    """Train to the last epoch, yielding after every round of steps and every measurement.

    Args:
        run: where to begin; changed in place, and consistent whenever a fact is yielded.
        recipe: what is trained, on what, and when it is better.
        workers: processes; on a CPU.
        eval_steps: steps after which dev is measured within an epoch, too; None: never.
        peers: processes that train the same run, each of them with one worker; their runs are the same, too.
    """
    epochs, patience = recipe.settings.epochs, recipe.settings.patience
    team_of = assemble(
        recipe.learner, workers, shared=recipe.shared, advice=recipe.memory_advice, peers=peers
    )
    is_shared = recipe.shares_batches or not peers.is_alone
    processes = workers * peers.size
    plan = _Plan(1, processes) if is_shared else _Plan(processes, 1)
    with team_of as team:
        while run.epoch < epochs and not _is_out_of_patience(run, patience):
            for chunk in recipe.chunks(run.epoch, run.chunk):
                yield from _learn_chunk(run, recipe, team, chunk, plan, eval_steps, peers)
                if _is_out_of_patience(run, patience):
                    return
                run.chunk, run.batch = run.chunk + 1, 0
            yield _end_epoch(run, recipe, eval_steps, peers)


class _Plan(NamedTuple):
    """How many batches make a round, and into how many parts each of them is shared out."""

    batches: int
    parts: int


def _learn_chunk(
    run: Run,
    recipe: Recipe[Dev],
    team: Team | TeamOfPeers,
    chunk: Any,
    plan: _Plan,
    eval_steps: int | None,
    peers: Peers,
) -> Iterator[StepFacts | EpochFacts[Dev]]:
    """Learn from the rest of a chunk, or until patience ends."""
    team.brief(chunk)
    batches = recipe.batches(chunk, run.epoch, run.chunk, plan.batches)
    while run.batch < len(batches):
        if _is_due(run, eval_steps):  # rather than behind the step: at an epoch's end it is measured anyway
            yield _measure(run, recipe, _position(run, recipe, len(batches)), eval_steps, peers)
            if _is_out_of_patience(run, recipe.settings.patience):
                return
        began = time.perf_counter()
        tasks, upcoming = (
            _make_tasks(run, recipe, chunk, batches, first, plan)
            for first in (run.batch, run.batch + plan.batches)
        )
        settings, progress = recipe.settings, recipe.progress(run, run.batch, len(batches))
        run.rate = settings.learning_rate * schedule(progress, settings.warmup)
        extents = [recipe.extent(chunk, batch) for batch in batches[run.batch : run.batch + plan.batches]]
        _take_steps(run, team, tasks, upcoming, extents, plan)
        for extent in extents:
            run.tokens += extent.tokens
            run.batch += 1
            run.steps += 1
        run.seconds += time.perf_counter() - began
        yield StepFacts(
            epoch=run.epoch + 1,
            batch=run.batch,
            batches=len(batches),
            loss=_mean_loss(run),
            progress=recipe.progress(run, run.batch, len(batches)),
            tokens_per_second=(run.tokens - run.measured_tokens) / run.seconds,
            norm=run.echoes.norm,
            halved=team.are_halved,
        )


def _make_tasks(
    run: Run,
    recipe: Recipe[Dev],
    chunk: Any,
    batches: Sequence[Sequence[Any]],
    first: int,
    plan: _Plan,
) -> list[GradientTask]:
    """Return the tasks of the round that begins with a batch; none beyond the chunk's end."""
    terms = recipe.terms(run, recipe.progress(run, first, len(batches)))
    parts = plan.parts
    tasks = []
    for number, batch in enumerate(batches[first : first + plan.batches], first):
        scale = 1 / max(1, recipe.extent(chunk, batch).divisor)
        place = recipe.place(run.epoch, run.chunk, number)
        for part in range(parts):
            if items := batch[part::parts] if parts > 1 else batch:
                tokens = recipe.extent(chunk, items).tokens
                tasks.append(GradientTask(items, place, scale, tokens, terms, part, parts))
    return tasks


def _take_steps(
    run: Run,
    team: Team | TeamOfPeers,
    tasks: Sequence[GradientTask],
    upcoming: Sequence[GradientTask],
    extents: Sequence[Extent],
    plan: _Plan,
) -> None:
    """Take the gradients of some tasks at once, then a step with each or one with all, of batches so large."""
    gradients = team(tasks, upcoming)
    if plan.batches == 1:
        gradients = [add_up(gradients)]
    for gradient, extent in zip(gradients, extents, strict=True):
        norm = run.optimizer.step(gradient.values, run.rate)
        run.echoes.expect(gradient.loss, norm, extent.predictions)
    run.listen()


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


def _is_due(run: Run, eval_steps: int | None) -> bool:
    """Tell whether dev has to be measured: a multiple of `eval_steps` was reached since it was measured last."""
    return eval_steps is not None and run.steps // eval_steps > run.measured_step // eval_steps


def _position(run: Run, recipe: Recipe[Dev], batches: int) -> float:
    """Return how many epochs are done within an epoch, to four digits behind the point; never 0."""
    progress = recipe.progress(run, run.batch, batches)
    return max(1e-4, round(progress * recipe.settings.epochs, 4))


def _end_epoch(run: Run, recipe: Recipe[Dev], eval_steps: int | None, peers: Peers) -> EpochFacts[Dev]:
    facts = _measure(run, recipe, run.epoch + 1, eval_steps, peers)
    run.epoch += 1
    run.chunk = run.batch = run.tokens = run.measured_tokens = 0
    return facts


def _measure(
    run: Run, recipe: Recipe[Dev], epoch: float, eval_steps: int | None, peers: Peers
) -> EpochFacts[Dev]:
    """Measure dev, and decide whether it is the best and whether the model is kept.

    Args:
        epoch: epochs done.
        eval_steps: None where each epoch is measured once.
        peers: the first of them measures; what follows from that, each finds out for itself.
    """
    run.optimizer.settle()
    began = time.perf_counter()
    run.listen(to_all=True)
    run.seconds += time.perf_counter() - began
    began = time.perf_counter()
    dev = recipe.measure(run.averaged) if peers.is_first else None
    dev = peers.share(dev)
    assert dev is not None
    value = recipe.value(dev)
    improved = run.best is None or value > run.best
    run.stale += 1
    if run.best is None or improved:
        run.best, run.stale = value, 0
    kept = recipe.is_kept(dev, run.best) and (run.floor is None or value > run.floor)
    if kept:
        run.kept_epoch = epoch
    run.known = max(run.known, value)
    facts = EpochFacts(
        epoch=epoch,
        loss=_mean_loss(run),
        dev=dev,
        improved=improved,
        kept=kept,
        learning_rate=run.rate,
        seconds=run.seconds,
        dev_seconds=time.perf_counter() - began,
        tokens_per_second=(run.tokens - run.measured_tokens) / max(run.seconds, 1e-9),
        skipped=run.skipped,
        step=None if eval_steps is None else run.steps,
    )
    run.predictions = run.skipped = 0
    run.loss = run.seconds = 0.0
    run.measured += 1
    run.measured_step, run.measured_tokens = run.steps, run.tokens
    return facts


def _is_out_of_patience(run: Run, patience: int | None) -> bool:
    return patience is not None and run.stale >= patience
