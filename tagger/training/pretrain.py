"""Pretraining of language models: the same shape as `training.loop` and `training.fit`.

A generator takes gradient steps and yields facts; a second one drives it, keeps the best model, the checkpoint
and the history. All randomness derives from (seed, epoch, chunk, batch, shard), so weights, moments and place
are all that a killed run needs to end with the same bits. Nothing is printed.
"""

from __future__ import annotations

import copy
import json
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import safetensors
import torch
from torch import Tensor

from tagger import __version__
from tagger.config import PretrainConfig, TrainingConfig
from tagger.model.bilm import LanguageModel
from tagger.training import checkpoint, language
from tagger.training.fit import CHECKPOINT_SECONDS, MAX_SKIPPED, DivergenceError, find_device
from tagger.training.language import TrainedLanguageModel
from tagger.training.loop import schedule
from tagger.training.optimizer import Optimizer
from tagger.training.reading import (
    Chunk,
    Source,
    Survey,
    chunks,
    collate,
    encode,
    fill,
    shuffled_batches,
    survey,
)

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


@dataclass(frozen=True, slots=True)
class Started:
    """What is about to be trained. `resumed` is the share of the training already done."""

    survey: Survey
    parameters: int
    workers: int
    resumed: float


@dataclass(frozen=True, slots=True)
class Stopped:
    """The caller asked to stop; the checkpoint holds everything so far."""

    epoch: int
    directory: Path


@dataclass(frozen=True, slots=True)
class Finished:
    """The result of a run: held-out perplexities of the best epoch's model."""

    forward: float
    backward: float
    epochs: int
    best_epoch: int
    seconds: float
    tokens_per_second: float
    directory: Path


Fact = Started | StepFacts | EpochFacts | Stopped | Finished


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
    gradient = _ParallelGradient(run.model, settings.dropout, workers)
    try:
        while run.epoch < settings.epochs:
            rate = 0.0
            for chunk in chunks(source, facts.tables, run.chunk):
                generator = np.random.default_rng((config.seed, run.epoch, run.chunk))
                batches = shuffled_batches(chunk, settings.batch_tokens, generator)
                while run.batch < len(batches):
                    rate = settings.learning_rate * schedule(
                        _progress(run, facts, settings.epochs), settings.warmup
                    )
                    norm = _step(run, gradient, chunk, batches[run.batch], rate, config.seed)
                    yield StepFacts(
                        epoch=run.epoch + 1,
                        perplexity=_perplexity(run.nats, 2 * run.predictions),
                        progress=_progress(run, facts, settings.epochs),
                        tokens_per_second=run.tokens / run.seconds,
                        norm=norm,
                    )
                run.chunk, run.batch = run.chunk + 1, 0
            yield _end_epoch(run, facts, rate)
    finally:
        gradient.close()


def measure(model: LanguageModel, sentences: Chunk, batch_tokens: int = 4096) -> tuple[float, float]:
    """Return the forward and the backward perplexity of sentences, their ends predicted too."""
    sizes = np.array([len(rows) for rows in sentences.sentences])
    nats = torch.zeros(2, dtype=torch.float64)
    with torch.inference_mode():
        for places in fill(np.argsort(sizes, kind="stable").tolist(), sizes, batch_tokens):
            nats += model.losses(collate(sentences, places).to(model.device)).double().cpu()
    predictions = int(sizes.sum()) + len(sizes)
    return _perplexity(float(nats[0]), predictions), _perplexity(float(nats[1]), predictions)


def pretrain(
    paths: Sequence[Path],
    directory: Path,
    config: PretrainConfig,
    *,
    resume: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Fact]:
    """Train a language model on raw text and write its directory, yielding facts.

    Args:
        paths: text files; they are read once for each epoch.
        directory: where the model goes; it exists and can be written.
        config: the settings.
        resume: go on from the checkpoint in `directory`, if one is there.
        stop: asked after every step; True saves a checkpoint and ends.

    Raises:
        DataError: a text can't be read or the directory can't be written; what it held before is intact.
        ModelError: the checkpoint doesn't fit this text and these settings.
        DivergenceError: twenty steps in a row had no finite gradient.
    """
    with checkpoint.locked(directory):
        yield from _pretrain(Source(paths, config), directory, config, resume, stop)


def _pretrain(
    source: Source, directory: Path, config: PretrainConfig, resume: bool, stop: Callable[[], bool]
) -> Iterator[Fact]:
    began = time.perf_counter()
    facts = survey(source)
    device = find_device(config.training.device)
    model = language.build(facts.tables, config).to(device)
    run = begin(model, config)
    trained = TrainedLanguageModel(config, facts.tables, run.averaged)
    history = _History(directory / checkpoint.HISTORY)
    if resume and checkpoint.has_run(directory):
        _load_run(directory, run, trained, facts)
        history.keep(run.epoch)
    else:
        checkpoint.discard_run(directory)
    workers = 1 if device.type != "cpu" else config.training.workers or min(2, os.cpu_count() or 1)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    yield Started(facts, parameters, workers, _progress(run, facts, config.training.epochs))

    saved = time.perf_counter()
    unusable = 0
    tokens = seconds = 0.0
    for fact in train(run, source, facts, config, workers):
        if isinstance(fact, EpochFacts):
            tokens, seconds = tokens + fact.tokens_per_second * fact.seconds, seconds + fact.seconds
            if fact.improved:
                language.save(directory, trained)
            history.add(fact)
        else:
            unusable = 0 if math.isfinite(fact.norm) else unusable + 1
            _check_divergence(unusable, directory)
        if isinstance(fact, EpochFacts) or time.perf_counter() - saved > CHECKPOINT_SECONDS:
            _save_run(directory, run, trained, facts)
            saved = time.perf_counter()
        yield fact
        if stop():
            _save_run(directory, run, trained, facts)
            yield Stopped(run.epoch, directory)
            return

    best = language.load(directory)
    forward, backward = measure(best.model, encode(facts.held_out, best.tables))
    finished = Finished(
        forward,
        backward,
        run.epoch,
        run.best_epoch,
        time.perf_counter() - began,
        tokens / max(seconds, 1e-9),
        directory,
    )
    _write_reports(finished, facts, config, parameters)
    checkpoint.discard_run(directory)
    yield finished


def _progress(run: Run, facts: Survey, epochs: int) -> float:
    return min(1.0, (run.epoch + run.tokens / facts.tokens) / epochs)


def _perplexity(nats: float, predictions: int) -> float:
    return math.exp(min(nats / max(1, predictions), 700.0))


def _step(
    run: Run, gradient: _ParallelGradient, chunk: Chunk, places: Sequence[int], rate: float, seed: int
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
        perplexity=_perplexity(run.nats, 2 * run.predictions),
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


def _check_divergence(unusable: int, directory: Path) -> None:
    if unusable >= MAX_SKIPPED:
        raise DivergenceError(
            f"{unusable} steps in a row had no finite gradient; the best model so far is in {directory}. "
            "Train again with a lower --learning-rate"
        )


class _ParallelGradient:
    """The gradient of a batch's mean loss, its sentences shared out among threads (see `training.loop`)."""

    def __init__(self, model: LanguageModel, dropout: float, workers: int) -> None:
        self._model = model
        self._parameters = list(model.parameters())
        self._dropout = dropout
        self._workers = workers
        self._threads = torch.get_num_threads()
        torch.set_num_threads(1)
        self._pool = (
            ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
            if workers > 1
            else None
        )

    def __call__(
        self, chunk: Chunk, places: Sequence[int], seeds: tuple[int, ...]
    ) -> tuple[float, list[Tensor]]:
        """Return the summed loss and the gradient of the mean loss of a prediction."""
        predictions = sum(len(chunk.sentences[place]) + 1 for place in places)
        shards = [shard for start in range(self._workers) if (shard := places[start :: self._workers])]
        drawn = [np.random.SeedSequence((*seeds, number)) for number in range(len(shards))]

        def compute(shard: Sequence[int], seed: np.random.SeedSequence) -> tuple[float, tuple[Tensor, ...]]:
            batch = collate(chunk, shard).to(self._model.device)
            state = int(seed.generate_state(1, np.uint64)[0] >> np.uint64(1))
            generator = torch.Generator(self._model.device).manual_seed(state)
            loss = self._model.losses(batch, self._dropout, generator).sum()
            return loss.item(), torch.autograd.grad(loss / predictions, self._parameters)

        run = map if self._pool is None else self._pool.map
        losses, gradients = zip(*run(compute, shards, drawn), strict=True)
        return sum(losses), [sum(parts[1:], start=parts[0]) for parts in zip(*gradients, strict=True)]

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(self._threads)


def _save_run(directory: Path, run: Run, trained: TrainedLanguageModel, facts: Survey) -> None:
    """Write all that a killed run needs; one file, so it is whole or absent."""
    place = directory / checkpoint.CHECKPOINT
    place.mkdir(exist_ok=True)
    tensors = {f"optimizer.{name}": value for name, value in run.optimizer.state().items()}
    tensors |= {f"model.{name}": value for name, value in run.model.state_dict().items()}
    if run.averaged is not run.model:
        tensors |= {f"averaged.{name}": value for name, value in run.averaged.state_dict().items()}
    where = json.dumps({name: getattr(run, name) for name in _PLACE})
    checkpoint.write_tensors(place / _STATE, tensors, _belongings(trained, facts), {"place": where})


def _load_run(directory: Path, run: Run, trained: TrainedLanguageModel, facts: Survey) -> None:
    path = directory / checkpoint.CHECKPOINT / _STATE
    otherwise = "the settings or the text are not those of the interrupted run"
    tensors = checkpoint.read_tensors(path, _belongings(trained, facts), otherwise)
    run.model.load_state_dict(checkpoint.part(tensors, "model."))
    if run.averaged is not run.model:
        run.averaged.load_state_dict(checkpoint.part(tensors, "averaged."))
    run.optimizer.load(checkpoint.part(tensors, "optimizer."))
    with safetensors.safe_open(path, "pt") as file:
        for name, value in json.loads(file.metadata()["place"]).items():
            setattr(run, name, value)


def _belongings(trained: TrainedLanguageModel, facts: Survey) -> dict[str, bytes]:
    return language.contents(trained) | {"text": facts.digest.encode()}


def _write_reports(finished: Finished, facts: Survey, config: PretrainConfig, parameters: int) -> None:
    scores = {"perplexity": {"forward": finished.forward, "backward": finished.backward}}
    content = json.dumps(scores, indent=2).encode() + b"\n"
    checkpoint.write_atomically(finished.directory / checkpoint.SCORES, content)
    model = config.model
    lines = [
        "# A pair of language models made with tagger",
        "",
        f"A forward and a backward LSTM over {model.unit}: {model.layers} layers of {model.hidden} units, projected "
        f"to {model.projection}; {parameters:,} parameters, {len(facts.tables):,} words that can be predicted.",
        "",
        f"Learnt from {facts.sentences:,} sentences, {facts.tokens:,} tokens, in {finished.seconds:.0f} s. "
        f"Best of {finished.epochs} epochs: {finished.best_epoch}. Seed {config.seed}.",
        "",
        f"Perplexity of {len(facts.held_out):,} held-out sentences: {finished.forward:.1f} forward, "
        f"{finished.backward:.1f} backward; {100 * facts.unknown:.1f} % of their tokens count as the unknown word.",
        "",
        "Use it: `tagger train TRAIN --lm DIRECTORY --output MODEL`, or `tagger generate DIRECTORY PROMPT`.",
        "",
        f"tagger {__version__}, torch {torch.__version__}.",
    ]
    checkpoint.write_atomically(finished.directory / checkpoint.CARD, ("\n".join(lines) + "\n").encode())


class _History:
    """`history.jsonl`: one line of facts per epoch, rewritten whole so that it is never half a line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: list[str] = []

    def keep(self, epochs: int) -> None:
        """Keep the first `epochs` lines of what is there."""
        if self._path.exists():
            self._lines = self._path.read_text(encoding="utf-8").splitlines()[:epochs]

    def add(self, facts: EpochFacts) -> None:
        """Append an epoch."""
        self._lines.append(json.dumps(asdict(facts)))
        checkpoint.write_atomically(self._path, ("\n".join(self._lines) + "\n").encode())
