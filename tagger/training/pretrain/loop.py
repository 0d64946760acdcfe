"""The gradient steps of pretraining: a generator that yields facts. It neither prints nor saves.

All randomness derives from (seed, epoch, chunk, batch, shard), so weights, moments and place are all that a
killed run needs to end with the same bits.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from tagger.config import TrainingConfig
from tagger.text.raw import Words
from tagger.training.loop import schedule
from tagger.training.optimizer import Optimizer, row_sparse
from tagger.training.parallel import Workers, seed_of
from tagger.training.pretrain.task import Batch, Chunk, Extent, Task
from tagger.training.stream import Source, Survey


@dataclass(slots=True)
class Run:
    """A run between two steps.

    Attributes:
        model: the weights that are trained.
        averaged: their moving average, which is evaluated and saved; `model` itself where it is off.
        optimizer: its moments and step count.
        epoch, chunk, batch: completed; of the epoch, of the chunk after those.
        nats, tokens, predictions, seconds, skipped: of the epoch under way.
        best: lowest held-out perplexity so far; 0 before the first epoch ends.
        best_epoch: the epoch that reached it, counted from 1.
    """

    model: nn.Module
    averaged: nn.Module
    optimizer: Optimizer
    epoch: int = 0
    chunk: int = 0
    batch: int = 0
    nats: float = 0.0
    tokens: int = 0
    predictions: int = 0
    seconds: float = 0.0
    skipped: int = 0
    best: float = 0.0
    best_epoch: int = 0


@dataclass(frozen=True, slots=True)
class StepFacts:
    """One gradient step.

    Attributes:
        perplexity: of the text learnt from, over the epoch so far, all directions.
        progress: share of all training done, 0 to 1.
        norm: of the gradient before clipping; not finite where the step was skipped.
    """

    epoch: int
    perplexity: float
    progress: float
    tokens_per_second: float
    norm: float


@dataclass(frozen=True, slots=True)
class EpochFacts:
    """One epoch; `forward` and `backward` are the perplexities of held-out text, see `measure`."""

    epoch: int
    perplexity: float
    forward: float
    backward: float | None
    improved: bool
    learning_rate: float
    seconds: float
    tokens_per_second: float
    skipped: int


def begin(task: Task, device: torch.device) -> Run:
    """Set up a run at its first step."""
    settings = task.settings
    model = task.build().to(device)
    averaged = copy.deepcopy(model).requires_grad_(False) if settings.average else model
    steps = TrainingConfig(
        weight_decay=settings.weight_decay, clip_norm=settings.clip_norm, average=settings.average
    )
    return Run(model, averaged, Optimizer(model, averaged, row_sparse(model), steps))


def train(
    run: Run, source: Source, facts: Survey, task: Task, workers: int = 1
) -> Iterator[StepFacts | EpochFacts]:
    """Train to the last epoch, yielding after every step and every epoch.

    Args:
        run: where to begin; changed in place, and consistent whenever a fact is yielded.
        source: the text.
        facts: what the survey of that text found.
        task: what is learnt, and its settings.
        workers: threads; each computes the gradient of a part of every batch.
    """
    settings, seed = task.settings, task.config.seed
    held_out = task.encode(facts.held_out)
    with Workers(workers) as threads:
        gradient = _Gradient(run.model, task, threads, workers)
        while run.epoch < settings.epochs:
            rate = 0.0
            for sentences in source.chunks(settings.chunk_sentences, run.chunk):
                chunk = task.encode(sentences)
                batches = task.batches(chunk, np.random.default_rng((seed, run.epoch, run.chunk)))
                while run.batch < len(batches):
                    share = progress(run, facts, settings.epochs)
                    rate = settings.learning_rate * schedule(share, settings.warmup)
                    norm = _step(run, gradient, chunk, batches[run.batch], rate)
                    yield StepFacts(
                        epoch=run.epoch + 1,
                        perplexity=perplexity_of(run.nats, task.directions * run.predictions),
                        progress=progress(run, facts, settings.epochs),
                        tokens_per_second=run.tokens / run.seconds,
                        norm=norm,
                    )
                run.chunk, run.batch = run.chunk + 1, 0
            yield _end_epoch(run, task, held_out, rate)


def measure(task: Task, network: nn.Module, sentences: Sequence[Words]) -> list[float]:
    """Return the perplexity of sentences in each direction: e to the mean loss of what the task predicts."""
    return _measure(task, network, task.encode(sentences))


def _measure(task: Task, network: nn.Module, chunk: Chunk) -> list[float]:
    nats = torch.zeros(task.directions, dtype=torch.float64)
    predictions = 0
    with torch.inference_mode():
        for batch in task.batches(chunk, None):
            nats += task.losses(network, chunk, batch, None).double().cpu()
            predictions += task.extent(chunk, batch).predictions
    return [perplexity_of(each, predictions) for each in nats.tolist()]


def progress(run: Run, facts: Survey, epochs: int) -> float:
    """Return the share of all training that is done."""
    return min(1.0, (run.epoch + run.tokens / facts.tokens) / epochs)


def perplexity_of(nats: float, predictions: int) -> float:
    """Return the perplexity of predictions that cost so many nats; it never overflows."""
    return math.exp(min(nats / max(1, predictions), 700.0))


def _step(run: Run, gradient: _Gradient, chunk: Chunk, batch: Batch, rate: float) -> float:
    began = time.perf_counter()
    nats, extent, gradients = gradient(chunk, batch, (run.epoch, run.chunk, run.batch))
    norm = run.optimizer.step(gradients, rate)
    run.skipped += not math.isfinite(norm)
    run.nats += nats if math.isfinite(nats) else 0.0
    run.tokens += extent.tokens
    run.predictions += extent.predictions
    run.batch += 1
    run.seconds += time.perf_counter() - began
    return norm


def _end_epoch(run: Run, task: Task, held_out: Chunk, rate: float) -> EpochFacts:
    run.optimizer.settle()
    forward, *others = _measure(task, run.averaged, held_out)
    run.epoch += 1
    both = math.prod((forward, *others)) ** (1 / task.directions)
    improved = run.best == 0.0 or both < run.best
    if improved:
        run.best, run.best_epoch = both, run.epoch
    found = EpochFacts(
        epoch=run.epoch,
        perplexity=perplexity_of(run.nats, task.directions * run.predictions),
        forward=forward,
        backward=others[0] if others else None,
        improved=improved,
        learning_rate=rate,
        seconds=run.seconds,
        tokens_per_second=run.tokens / max(run.seconds, 1e-9),
        skipped=run.skipped,
    )
    run.chunk = run.batch = run.tokens = run.predictions = run.skipped = 0
    run.nats = run.seconds = 0.0
    return found


class _Gradient:
    """The gradient of a batch's mean loss, its parts shared out among threads.

    The parts are summed in a fixed order: with as many threads, the same seed gives the same bits.
    """

    def __init__(self, model: nn.Module, task: Task, threads: Workers, parts: int) -> None:
        self._model = model
        self._parameters = list(model.parameters())
        self._device = self._parameters[0].device
        self._task = task
        self._threads = threads
        self._parts = parts

    def __call__(
        self, chunk: Chunk, batch: Batch, place: tuple[int, ...]
    ) -> tuple[float, Extent, list[Tensor]]:
        """Return the summed loss of a batch, what it holds, and the gradient of the mean loss of a prediction.

        Args:
            chunk: some sentences.
            batch: which of them.
            place: epoch, chunk and batch, which seed the dropout.
        """
        task, extent = self._task, self._task.extent(chunk, batch)
        shards = [shard for start in range(self._parts) if (shard := batch[start :: self._parts])]

        def of(number: int) -> tuple[float, list[Tensor]]:
            seed = seed_of(task.config.seed, *place, number)
            generator = torch.Generator(self._device).manual_seed(seed)
            loss = task.losses(self._model, chunk, shards[number], generator).sum()
            values = torch.autograd.grad(loss / max(1, extent.predictions), self._parameters)
            return loss.item(), list(values)

        losses, gradients = zip(*self._threads.map(of, range(len(shards))), strict=True)
        return sum(losses), extent, [_sum(parts) for parts in zip(*gradients, strict=True)]


def _sum(parts: Sequence[Tensor]) -> Tensor:
    total = sum(parts[1:], start=parts[0])
    return total.coalesce() if total.is_sparse else total
