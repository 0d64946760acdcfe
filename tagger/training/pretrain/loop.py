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
from torch import Tensor

from tagger.config import PretrainConfig, PretrainingConfig, TrainingConfig
from tagger.model.bilm import LanguageModel
from tagger.training.loop import schedule
from tagger.training.optimizer import Optimizer
from tagger.training.parallel import Workers, seed_of
from tagger.training.reading import (
    Chunk,
    Source,
    Survey,
    chunks,
    collate,
    encode,
    fill,
    shuffled_batches,
)


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

    model: LanguageModel
    averaged: LanguageModel
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
        perplexity: of the text learnt from, over the epoch so far, both directions.
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
    """One epoch; `forward` and `backward` are the perplexities of held-out text, a word or a sentence's end each."""

    epoch: int
    perplexity: float
    forward: float
    backward: float
    improved: bool
    learning_rate: float
    seconds: float
    tokens_per_second: float
    skipped: int


def begin(model: LanguageModel, config: PretrainConfig) -> Run:
    """Set up a run at its first step."""
    settings = config.training
    averaged = copy.deepcopy(model).requires_grad_(False) if settings.average else model
    steps = TrainingConfig(
        weight_decay=settings.weight_decay, clip_norm=settings.clip_norm, average=settings.average
    )
    return Run(model, averaged, Optimizer(model, averaged, (), steps))


def train(
    run: Run, source: Source, facts: Survey, config: PretrainConfig, workers: int = 1
) -> Iterator[StepFacts | EpochFacts]:
    """Train to the last epoch, yielding after every step and every epoch.

    Args:
        run: where to begin; changed in place, and consistent whenever a fact is yielded.
        source: the text.
        facts: what the survey of that text found.
        config: the settings.
        workers: threads; each computes the gradient of a part of every batch.
    """
    settings = config.training
    with Workers(workers) as threads:
        gradient = _Gradient(run.model, settings, threads, workers)
        while run.epoch < settings.epochs:
            rate = 0.0
            for chunk in chunks(source, facts.tables, run.chunk):
                generator = np.random.default_rng((config.seed, run.epoch, run.chunk))
                batches = shuffled_batches(chunk, settings.batch_tokens, generator)
                while run.batch < len(batches):
                    share = progress(run, facts, settings.epochs)
                    rate = settings.learning_rate * schedule(share, settings.warmup)
                    norm = _step(run, gradient, chunk, batches[run.batch], rate, config.seed)
                    yield StepFacts(
                        epoch=run.epoch + 1,
                        perplexity=perplexity_of(run.nats, 2 * run.predictions),
                        progress=progress(run, facts, settings.epochs),
                        tokens_per_second=run.tokens / run.seconds,
                        norm=norm,
                    )
                run.chunk, run.batch = run.chunk + 1, 0
            yield _end_epoch(run, facts, rate)


def measure(model: LanguageModel, sentences: Chunk, batch_tokens: int = 4096) -> tuple[float, float]:
    """Return the forward and the backward perplexity of sentences, their ends predicted too."""
    sizes = np.array([len(rows) for rows in sentences.sentences])
    nats = torch.zeros(2, dtype=torch.float64)
    with torch.inference_mode():
        for places in fill(np.argsort(sizes, kind="stable").tolist(), sizes, batch_tokens):
            nats += model.losses(collate(sentences, places).to(model.device)).double().cpu()
    predictions = int(sizes.sum()) + len(sizes)
    return perplexity_of(float(nats[0]), predictions), perplexity_of(float(nats[1]), predictions)


def progress(run: Run, facts: Survey, epochs: int) -> float:
    """Return the share of all training that is done."""
    return min(1.0, (run.epoch + run.tokens / facts.tokens) / epochs)


def perplexity_of(nats: float, predictions: int) -> float:
    """Return the perplexity of predictions that cost so many nats; it never overflows."""
    return math.exp(min(nats / max(1, predictions), 700.0))


def _step(
    run: Run, gradient: _Gradient, chunk: Chunk, places: Sequence[int], rate: float, seed: int
) -> float:
    began = time.perf_counter()
    nats, gradients = gradient(chunk, places, (seed, run.epoch, run.chunk, run.batch))
    norm = run.optimizer.step(gradients, rate)
    tokens = sum(len(chunk.sentences[place]) for place in places)
    run.skipped += not math.isfinite(norm)
    run.nats += nats if math.isfinite(nats) else 0.0
    run.tokens += tokens
    run.predictions += tokens + len(places)
    run.batch += 1
    run.seconds += time.perf_counter() - began
    return norm


def _end_epoch(run: Run, facts: Survey, rate: float) -> EpochFacts:
    run.optimizer.settle()
    forward, backward = measure(run.averaged, encode(facts.held_out, facts.tables))
    run.epoch += 1
    both = math.sqrt(forward * backward)
    improved = run.best == 0.0 or both < run.best
    if improved:
        run.best, run.best_epoch = both, run.epoch
    found = EpochFacts(
        epoch=run.epoch,
        perplexity=perplexity_of(run.nats, 2 * run.predictions),
        forward=forward,
        backward=backward,
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
    """The gradient of a batch's mean loss, its sentences shared out among threads.

    The parts are summed in a fixed order: with as many threads, the same seed gives the same bits.
    """

    def __init__(
        self, model: LanguageModel, settings: PretrainingConfig, threads: Workers, parts: int
    ) -> None:
        self._model = model
        self._parameters = list(model.parameters())
        self._settings = settings
        self._threads = threads
        self._parts = parts

    def __call__(
        self, chunk: Chunk, places: Sequence[int], seeds: tuple[int, ...]
    ) -> tuple[float, list[Tensor]]:
        """Return the summed loss and the gradient of the mean loss of a prediction."""
        predictions = sum(len(chunk.sentences[place]) + 1 for place in places)
        shards = [shard for start in range(self._parts) if (shard := places[start :: self._parts])]

        def of(number: int) -> tuple[float, tuple[Tensor, ...]]:
            batch = collate(chunk, shards[number]).to(self._model.device)
            generator = torch.Generator(self._model.device).manual_seed(seed_of(*seeds, number))
            dropout, words = self._settings.dropout, self._settings.word_dropout
            loss = self._model.losses(batch, dropout, generator, word_dropout=words).sum()
            gradients = torch.autograd.grad(loss / predictions, self._parameters)
            return loss.item(), gradients

        losses, gradients = zip(*self._threads.map(of, range(len(shards))), strict=True)
        return sum(losses), [sum(parts[1:], start=parts[0]) for parts in zip(*gradients, strict=True)]
