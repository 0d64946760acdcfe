"""The training loop: a generator that takes gradient steps and yields facts. It neither prints nor saves.

Several workers take the gradients of as many batches at the same weights, side by side; then each batch takes a step
of its own. The order of the steps is fixed, so the same seed and number of workers give the same bits. All but the
first step of such a round follow a gradient that is some steps old, which costs a little accuracy. Who the workers
are is the concern of `workers.team`.

All randomness derives from (seed, epoch, batch, part), so the state of a run is its weights, its optimiser's
moments and its place: whoever saves those between two facts can go on with the same bits.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tagger.config import Config
from tagger.model.batch import EncodedCorpus, Group, group, shuffled_batches
from tagger.model.labeler import SequenceLabeler
from tagger.model.margin import recall_cost
from tagger.scoring import Scores
from tagger.training.optimizer import Optimizer, row_sparse
from tagger.training.workers.gradient import Task, count_tokens
from tagger.training.workers.team import Team, assemble


@dataclass(slots=True)
class Run:
    """A training run between two steps.

    Attributes:
        labeler: the weights that are trained.
        averaged: their moving average, which is what gets evaluated and saved; `labeler` itself where it is off.
        optimizer: its moments and step count.
        epoch: epochs completed.
        batch: batches completed of the epoch after those.
        loss, tokens, seconds: of the epoch under way: sum of losses (nats), tokens seen, time spent.
        skipped: steps skipped because the gradient was not finite.
        best_f1: best dev F1 so far; -1 before the first evaluation.
        best_epoch: the first epoch that reached it, counted from 1.
        kept_epoch: the latest one within chance of it, whose model is kept, counted from 1.
        known_f1: best dev F1 known, that of a model which the run continues included; -1 if none is.
    """

    labeler: SequenceLabeler
    averaged: SequenceLabeler
    optimizer: Optimizer
    epoch: int = 0
    batch: int = 0
    loss: float = 0.0
    tokens: int = 0
    seconds: float = 0.0
    skipped: int = 0
    best_f1: float = -1.0
    best_epoch: int = 0
    kept_epoch: int = 0
    known_f1: float = -1.0


@dataclass(frozen=True, slots=True)
class StepFacts:
    """A round of gradient steps: one for each worker.

    Attributes:
        batch: batches completed of the epoch.
        halved: whether memory ran out, so that this and all later batches are computed in halves.
        loss: mean over the epoch so far, nats a token, what mistakes cost included.
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
class EpochFacts:
    """One epoch and its dev scores; `seconds` and `tokens_per_second` are of training alone.

    Attributes:
        improved: whether the dev F1 is better than all before.
        kept: whether it ties with the best so far. Of epochs that only chance tells apart the latest is kept, after
            which the weights have settled: the best one would often be the luckiest (as the 1 SE rule of Breiman et
            al. 1984, "Classification and regression trees", section 3.4.3, prefers simple trees).
    """

    epoch: int
    loss: float
    dev: Scores
    improved: bool
    kept: bool
    learning_rate: float
    seconds: float
    dev_seconds: float
    tokens_per_second: float
    skipped: int


def begin(labeler: SequenceLabeler, config: Config) -> Run:
    """Set up a run at its first step."""
    averaged = copy.deepcopy(labeler).requires_grad_(False) if config.training.average else labeler
    return Run(labeler, averaged, Optimizer(labeler, averaged, row_sparse(labeler), config.training))


def train(
    run: Run,
    corpus: EncodedCorpus,
    config: Config,
    score_dev: Callable[[SequenceLabeler], Scores],
    workers: int = 1,
) -> Iterator[StepFacts | EpochFacts]:
    """Train to the last epoch, yielding after every step and every epoch.

    Args:
        run: where to begin; changed in place, and consistent whenever a fact is yielded.
        corpus: the training sentences.
        config: the settings.
        score_dev: evaluates a labeler on the dev sentences.
        workers: processes, and batches whose gradients are taken at the same weights; on a CPU.
    """
    settings = config.training
    with assemble(run.labeler, corpus, config.encoder.max_tokens, workers) as team:
        while run.epoch < settings.epochs and not _out_of_patience(run, settings.patience):
            batches = epoch_batches(corpus, config, run.epoch, workers)
            rate = 0.0
            while run.batch < len(batches):
                tasks, upcoming = (
                    _tasks(batches, first, workers, run, config) for first in (run.batch, run.batch + workers)
                )
                rate = settings.learning_rate * schedule(tasks[0].progress, settings.warmup)
                norm = _round(run, team, tasks, upcoming, rate)
                yield StepFacts(
                    epoch=run.epoch + 1,
                    batch=run.batch,
                    batches=len(batches),
                    loss=run.loss / run.tokens,
                    progress=(run.epoch + run.batch / len(batches)) / settings.epochs,
                    tokens_per_second=run.tokens / run.seconds,
                    norm=norm,
                    halved=team.are_halved,
                )
            yield _end_epoch(run, score_dev, rate)


def _tasks(
    batches: Sequence[Sequence[Group]], first: int, workers: int, run: Run, config: Config
) -> list[Task]:
    """Return the tasks of the round that begins with a batch; none beyond the epoch's end."""
    settings = config.training
    progress = (run.epoch + first / len(batches)) / settings.epochs
    cost = recall_cost(run.known_f1) if settings.recall_cost == "auto" else settings.recall_cost
    return [
        Task(groups, (config.seed, run.epoch, number), progress, cost)
        for number, groups in enumerate(batches[first : first + workers], first)
    ]


def _round(run: Run, team: Team, tasks: Sequence[Task], upcoming: Sequence[Task], rate: float) -> float:
    """Take the gradients of some batches at once, then a step with each; return the largest norm, or NaN."""
    began = time.perf_counter()
    norms = []
    for gradient in team(tasks, upcoming):
        norms.append(run.optimizer.step(gradient.values, rate))
        run.skipped += not math.isfinite(norms[-1])
        run.loss += gradient.loss if math.isfinite(gradient.loss) else 0.0
        run.tokens += gradient.tokens
        run.batch += 1
    run.seconds += time.perf_counter() - began
    return max(norms) if all(map(math.isfinite, norms)) else math.nan


def epoch_batches(corpus: EncodedCorpus, config: Config, epoch: int, workers: int = 1) -> list[list[Group]]:
    """Return the batches of an epoch, which depend on the corpus, (seed, epoch) and the workers alone.

    The batches of a round, as many as there are workers, have nearly as many tokens each: no worker waits long for
    another. A round stands where the first of them was drawn.
    """
    generator = np.random.default_rng((config.seed, epoch))
    groups = group(corpus.examples, config.encoder.context, config.encoder.max_tokens, generator)
    batches = shuffled_batches(groups, config.training.batch_sentences, generator)
    whole = len(batches) - len(batches) % workers  # what is left over is the last round
    by_size = sorted(range(whole), key=lambda number: count_tokens(batches[number]))
    rounds = sorted(sorted(by_size[start : start + workers]) for start in range(0, whole, workers))
    return [batches[number] for each in rounds for number in each] + batches[whole:]


def schedule(progress: float, warmup: float) -> float:
    """Return the learning rate's share of its peak: a linear rise, then a linear fall to 0 (Smith 2018).

    >>> schedule(0.05, 0.1), schedule(0.1, 0.1), schedule(0.55, 0.1)
    (0.5, 1.0, 0.5)
    """
    if progress < warmup:
        return progress / warmup
    return round((1 - progress) / (1 - warmup), 12)


def _end_epoch(run: Run, score_dev: Callable[[SequenceLabeler], Scores], rate: float) -> EpochFacts:
    run.optimizer.settle()
    began = time.perf_counter()
    dev = score_dev(run.averaged)
    run.epoch += 1
    improved = dev.micro.f1 > run.best_f1
    if improved:
        run.best_f1, run.best_epoch = dev.micro.f1, run.epoch
    kept = dev.micro.ties(run.best_f1)
    if kept:
        run.kept_epoch = run.epoch
    run.known_f1 = max(run.known_f1, dev.micro.f1)
    facts = EpochFacts(
        epoch=run.epoch,
        loss=run.loss / max(1, run.tokens),
        dev=dev,
        improved=improved,
        kept=kept,
        learning_rate=rate,
        seconds=run.seconds,
        dev_seconds=time.perf_counter() - began,
        tokens_per_second=run.tokens / max(run.seconds, 1e-9),
        skipped=run.skipped,
    )
    run.batch = run.tokens = run.skipped = 0
    run.loss = run.seconds = 0.0
    return facts


def _out_of_patience(run: Run, patience: int | None) -> bool:
    return patience is not None and run.best_epoch > 0 and run.epoch - run.best_epoch >= patience
