"""The training loop: a generator that takes gradient steps and yields facts. It neither prints nor saves.

All randomness derives from (seed, epoch, batch, shard), so the state of a run is its weights, its optimiser's
moments and its place: whoever saves those between two facts can go on with the same bits.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from tagger.config import Config
from tagger.errors import TaggerError
from tagger.model.batch import EncodedCorpus, Group, collate, group, shuffled_batches
from tagger.model.labeler import SequenceLabeler
from tagger.text.metrics import Scores
from tagger.training.optimizer import Optimizer


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
        best_epoch: the epoch that reached it, counted from 1.
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


@dataclass(frozen=True, slots=True)
class StepFacts:
    """One gradient step.

    Attributes:
        halved: whether memory ran out, so that this and all later batches are computed in halves.
        loss: mean over the epoch so far, nats a token.
        progress: share of all training done, 0 to 1.
        tokens_per_second: over the epoch so far.
        norm: of the gradient before clipping; not finite where the step was skipped.
    """

    epoch: int
    batch: int
    batches: int
    loss: float
    progress: float
    tokens_per_second: float
    norm: float
    halved: bool = False


class MemoryExhaustedError(TaggerError):
    """There is too little memory even for half a batch."""


@dataclass(frozen=True, slots=True)
class EpochFacts:
    """One epoch and its dev scores; `seconds` and `tokens_per_second` are of training alone."""

    epoch: int
    loss: float
    dev: Scores
    improved: bool
    learning_rate: float
    seconds: float
    dev_seconds: float
    tokens_per_second: float
    skipped: int


def begin(labeler: SequenceLabeler, config: Config) -> Run:
    """Set up a run at its first step."""
    averaged = copy.deepcopy(labeler).requires_grad_(False) if config.training.average else labeler
    sparse = [
        f"{name}.weight"
        for name, module in labeler.named_modules()
        if isinstance(module, nn.Embedding | nn.EmbeddingBag) and module.sparse
    ]
    return Run(labeler, averaged, Optimizer(labeler, averaged, sparse, config.training))


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
        workers: threads; each computes the gradient of a part of every batch.
    """
    settings = config.training
    gradient = _ParallelGradient(run.labeler, corpus, config, workers)
    try:
        while run.epoch < settings.epochs and not _out_of_patience(run, settings.patience):
            batches = epoch_batches(corpus, config, run.epoch)
            rate = 0.0
            while run.batch < len(batches):
                began = time.perf_counter()
                progress = (run.epoch + run.batch / len(batches)) / settings.epochs
                rate = settings.learning_rate * schedule(progress, settings.warmup)
                loss, tokens, gradients = gradient(
                    batches[run.batch], (config.seed, run.epoch, run.batch), progress
                )
                norm = run.optimizer.step(gradients, rate)
                run.skipped += not math.isfinite(norm)
                run.loss += loss if math.isfinite(loss) else 0.0
                run.tokens += tokens
                run.batch += 1
                run.seconds += time.perf_counter() - began
                yield StepFacts(
                    epoch=run.epoch + 1,
                    batch=run.batch,
                    batches=len(batches),
                    loss=run.loss / run.tokens,
                    progress=(run.epoch + run.batch / len(batches)) / settings.epochs,
                    tokens_per_second=run.tokens / run.seconds,
                    norm=norm,
                    halved=gradient.is_halved,
                )
            yield _end_epoch(run, score_dev, rate)
    finally:
        gradient.close()


def epoch_batches(corpus: EncodedCorpus, config: Config, epoch: int) -> list[list[Group]]:
    """Return the batches of an epoch, which depend on the corpus and (seed, epoch) alone."""
    generator = np.random.default_rng((config.seed, epoch))
    groups = group(corpus.examples, config.encoder.context, config.encoder.max_tokens, generator)
    return shuffled_batches(groups, config.training.batch_sentences, generator)


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
    facts = EpochFacts(
        epoch=run.epoch,
        loss=run.loss / max(1, run.tokens),
        dev=dev,
        improved=improved,
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


class _ParallelGradient:
    """The gradient of a batch, its sentences shared out among threads.

    One batch doesn't scale over cores inside an operator; parts of it side by side do, because PyTorch's
    operators release the interpreter's lock. The parts are summed in a fixed order: same seed, same bits.
    """

    def __init__(self, labeler: SequenceLabeler, corpus: EncodedCorpus, config: Config, workers: int) -> None:
        self._labeler = labeler
        self._parameters = [each for each in labeler.parameters() if each.requires_grad]
        self._corpus = corpus
        self._max_tokens = config.encoder.max_tokens
        self._workers = workers
        self.is_halved = False
        self._threads = torch.get_num_threads()
        torch.set_num_threads(1)
        self._pool = (
            ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
            if workers > 1
            else None
        )

    def __call__(
        self, groups: Sequence[Group], place: tuple[int, ...], progress: float
    ) -> tuple[float, int, list[Tensor]]:
        """Return the summed loss, the number of tokens and the gradient of the mean loss of a sentence.

        Where memory runs out, this batch and all later ones are computed in halves, one after the other.

        Args:
            groups: the batch.
            place: where in the run it stands; seeds its dropout.
            progress: share of the training that is done.

        Raises:
            MemoryExhaustedError: it runs out all the same.
        """
        for _ in range(2):
            try:
                return self._gradient(groups, place, progress)
            except (MemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error):
                    raise
                if self.is_halved:
                    break
            self.is_halved = True
        tokens = sum(item.tokens for item in groups)
        raise MemoryExhaustedError(
            f"out of memory in a step of {len(groups)} windows, {tokens:,} tokens; give a smaller --batch-sentences, "
            "a smaller --set encoder.max_tokens, or --workers 1"
        )

    def _gradient(
        self, groups: Sequence[Group], place: tuple[int, ...], progress: float
    ) -> tuple[float, int, list[Tensor]]:
        sentences = sum(item.stop - item.start for item in groups)
        parts = self._workers * (2 if self.is_halved else 1)
        shards = [shard for shard in (groups[start::parts] for start in range(parts)) if shard]
        seeds = [_seed(*place, number) for number in range(len(shards))]
        shard = partial(self._shard, scale=1 / sentences, progress=progress)
        found: Iterable[tuple[float, int, tuple[Tensor, ...]]]
        if self._pool is None:
            found = map(shard, shards, seeds)
        else:
            running = list(map(partial(self._pool.submit, shard), shards, seeds))
            wait(running)  # also where one of them fails: the others take memory until they end
            found = [each.result() for each in running]
        losses, tokens, gradients = zip(*found, strict=True)
        return sum(losses), sum(tokens), [_sum(each) for each in zip(*gradients, strict=True)]

    def _shard(
        self, groups: Sequence[Group], seed: int, scale: float, progress: float
    ) -> tuple[float, int, tuple[Tensor, ...]]:
        device = self._labeler.device
        batch = collate(self._corpus, groups, self._max_tokens).to(device)
        objective = self._labeler.objective(batch, torch.Generator(device).manual_seed(seed), progress)
        gradients = torch.autograd.grad(objective.total * scale, self._parameters)
        return objective.tags.item(), batch.num_tokens, gradients

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(self._threads)


def _is_out_of_memory(error: Exception) -> bool:
    """Tell whether memory ran out; on a CPU PyTorch has no exception of its own for that."""
    return isinstance(error, MemoryError) or any(
        words in str(error) for words in ("can't allocate memory", "not enough memory", "out of memory")
    )


def _seed(*place: int) -> int:
    return int(np.random.SeedSequence(place).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _sum(parts: Sequence[Tensor]) -> Tensor:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total.coalesce() if total.is_sparse else total
