"""The training loop: a generator that takes gradient steps and yields facts. It neither prints nor saves.

Several threads take the gradients of as many batches at the same weights, side by side; then each batch takes a step
of its own. The order of the steps is fixed, so the same seed and number of threads give the same bits. All but the
first step of such a round follow a gradient that is some steps old, which costs a little accuracy.

All randomness derives from (seed, epoch, batch, part), so the state of a run is its weights, its optimiser's
moments and its place: whoever saves those between two facts can go on with the same bits.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tagger.config import Config
from tagger.errors import TaggerError
from tagger.model.batch import EncodedCorpus, Group, collate, group, shuffled_batches
from tagger.model.labeler import SequenceLabeler
from tagger.text.metrics import Scores
from tagger.training.optimizer import Optimizer, row_sparse
from tagger.training.parallel import Workers, seed_of


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
    """A round of gradient steps: one for each thread.

    Attributes:
        batch: batches completed of the epoch.
        halved: whether memory ran out, so that this and all later batches are computed in halves.
        loss: mean over the epoch so far, nats a token.
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
        workers: threads, and batches whose gradients are taken at the same weights.
    """
    settings = config.training
    with Workers(workers) as threads:
        gradients = _Gradients(run.labeler, corpus, config, threads)
        while run.epoch < settings.epochs and not _out_of_patience(run, settings.patience):
            batches = epoch_batches(corpus, config, run.epoch)
            rate = 0.0
            while run.batch < len(batches):
                progress = (run.epoch + run.batch / len(batches)) / settings.epochs
                rate = settings.learning_rate * schedule(progress, settings.warmup)
                chosen = range(run.batch, min(run.batch + workers, len(batches)))
                norm = _round(run, gradients, batches, chosen, progress, rate)
                yield StepFacts(
                    epoch=run.epoch + 1,
                    batch=run.batch,
                    batches=len(batches),
                    loss=run.loss / run.tokens,
                    progress=(run.epoch + run.batch / len(batches)) / settings.epochs,
                    tokens_per_second=run.tokens / run.seconds,
                    norm=norm,
                    halved=gradients.are_halved,
                )
            yield _end_epoch(run, score_dev, rate)


def _round(
    run: Run,
    gradients: _Gradients,
    batches: Sequence[Sequence[Group]],
    chosen: range,
    progress: float,
    rate: float,
) -> float:
    """Take the gradients of the chosen batches at once, then a step with each; return the largest norm, or NaN."""
    began = time.perf_counter()
    norms = []
    for gradient in gradients(batches, (run.epoch, chosen), progress):
        norms.append(run.optimizer.step(gradient.values, rate))
        run.skipped += not math.isfinite(norms[-1])
        run.loss += gradient.loss if math.isfinite(gradient.loss) else 0.0
        run.tokens += gradient.tokens
        run.batch += 1
    run.seconds += time.perf_counter() - began
    return max(norms) if all(map(math.isfinite, norms)) else math.nan


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


class _Gradient(NamedTuple):
    """Of a batch: the summed loss of its tags (nats), its tokens, and the gradient of the mean loss of a sentence."""

    loss: float
    tokens: int
    values: Sequence[Tensor]


class _Gradients:
    """Takes gradients at the labeler's present weights.

    Attributes:
        are_halved: whether memory ran out, so that every batch is computed in halves, one after the other.
    """

    def __init__(
        self, labeler: SequenceLabeler, corpus: EncodedCorpus, config: Config, threads: Workers
    ) -> None:
        self._labeler = labeler
        self._parameters = [each for each in labeler.parameters() if each.requires_grad]
        self._corpus = corpus
        self._seed = config.seed
        self._max_tokens = config.encoder.max_tokens
        self._threads = threads
        self.are_halved = False

    def __call__(
        self, batches: Sequence[Sequence[Group]], place: tuple[int, Sequence[int]], progress: float
    ) -> list[_Gradient]:
        """Return the gradients of some batches.

        Args:
            batches: of an epoch.
            place: the epoch, and which of its batches; they seed the dropout.
            progress: share of the training that is done.

        Raises:
            MemoryExhaustedError: memory runs out even for halves.
        """
        epoch, chosen = place

        def of(number: int) -> _Gradient:
            return self._of(batches[number], (self._seed, epoch, number), progress)

        for _ in range(2):
            try:
                return self._threads.map(of, chosen)
            except (MemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error):
                    raise
                if self.are_halved:
                    break
            self.are_halved = True
        largest = max((batches[number] for number in chosen), key=_tokens)
        raise MemoryExhaustedError(
            f"out of memory in a step of {len(largest)} windows, {_tokens(largest):,} tokens; give a smaller "
            "--batch-sentences, a smaller --set encoder.max_tokens, or --workers 1"
        )

    def _of(self, groups: Sequence[Group], place: tuple[int, ...], progress: float) -> _Gradient:
        sentences = sum(item.stop - item.start for item in groups)
        halves = [groups[::2], groups[1::2]] if self.are_halved and len(groups) > 1 else [groups]
        total: _Gradient | None = None
        for number, half in enumerate(halves):
            found = self._of_part(half, seed_of(*place, number), 1 / sentences, progress)
            total = found if total is None else _sum(total, found)
        assert total is not None
        return total

    def _of_part(self, groups: Sequence[Group], seed: int, scale: float, progress: float) -> _Gradient:
        device = self._labeler.device
        batch = collate(self._corpus, groups, self._max_tokens).to(device)
        objective = self._labeler.objective(batch, torch.Generator(device).manual_seed(seed), progress)
        values = torch.autograd.grad(objective.total * scale, self._parameters)
        coalesced = [each.coalesce() if each.is_sparse else each for each in values]
        return _Gradient(objective.tags.item(), batch.num_tokens, coalesced)


def _sum(one: _Gradient, other: _Gradient) -> _Gradient:
    values = [
        (left + right).coalesce() if left.is_sparse else left + right
        for left, right in zip(one.values, other.values, strict=True)
    ]
    return _Gradient(one.loss + other.loss, one.tokens + other.tokens, values)


def _tokens(groups: Sequence[Group]) -> int:
    return sum(item.tokens for item in groups)


def _is_out_of_memory(error: Exception) -> bool:
    """Tell whether memory ran out; on a CPU PyTorch has no exception of its own for that."""
    return isinstance(error, MemoryError) or any(
        words in str(error) for words in ("can't allocate memory", "not enough memory", "out of memory")
    )
