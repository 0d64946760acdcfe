"""One whole training run: corpora in, a model directory out, facts on the way.

It drives the loop, keeps the best model, the checkpoint and the history, and scores the result. The caller
renders the facts and may ask it to stop. It prints nothing.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tagger.errors import ConfigError, TaggerError
from tagger.model import trained
from tagger.model.labeler import SequenceLabeler
from tagger.model.trained import TrainedModel
from tagger.text.conll import Corpus
from tagger.text.lexicon import Lexicon
from tagger.text.metrics import Scores
from tagger.training import card, checkpoint, corpora, evaluate, loop
from tagger.training.corpora import Corpora
from tagger.training.loop import EpochFacts, Run, StepFacts

CHECKPOINT_SECONDS = 60.0  # a kill costs at most about a minute of work
MAX_SKIPPED = 20  # steps in a row without a finite gradient: the run won't recover by itself


class DivergenceError(TaggerError):
    """The loss or its gradient stopped being finite."""


@dataclass(frozen=True, slots=True)
class Started:
    """What is about to be trained. `resumed` is the share of the training already done."""

    parameters: int
    workers: int
    resumed: float


@dataclass(frozen=True, slots=True)
class Stopped:
    """The caller asked to stop; the checkpoint holds everything so far."""

    epoch: int
    directory: Path


@dataclass(frozen=True, slots=True)
class Scored:
    """What a model is worth on a corpus, and the seconds it took to label that."""

    scores: Scores
    seconds: float


@dataclass(frozen=True, slots=True)
class Finished:
    """The result of a run: what the best epoch's model is worth."""

    dev: Scored
    test: Scored | None
    epochs: int
    best_epoch: int
    seconds: float
    tokens_per_second: float
    directory: Path


Fact = Started | StepFacts | EpochFacts | Stopped | Finished


def fit(
    data: Corpora,
    directory: Path,
    *,
    resume: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Fact]:
    """Train on corpora and write a model directory, yielding facts.

    Args:
        data: the corpora and settings.
        directory: where the model goes; it is made where it is absent, once nothing else can be at fault.
        resume: go on from the checkpoint in `directory`, if one is there.
        stop: asked after every step; True saves a checkpoint and ends.

    Raises:
        DataError: the directory can't be written; what it held before is intact.
        ModelError: the checkpoint doesn't fit these corpora and settings.
        DivergenceError: twenty steps in a row had no finite gradient.
    """
    device = find_device(data.config.training.device)
    lexicon = corpora.build_lexicon(data)
    labeler = trained.build(lexicon, data.config, cotrained=True).to(device)
    if data.language is not None and labeler.embedding.contextual is not None:
        labeler.embedding.contextual.encoder.load_state_dict(data.language.model.encoder.state_dict())
    if data.vectors is not None:
        rows = lexicon.words.rows(data.vectors.words)
        labeler.embedding.place_vectors(rows, data.vectors.rows, frozen=data.config.embedding.vectors_frozen)
    run = loop.begin(labeler, data.config)
    model = TrainedModel(data.config, lexicon, run.averaged)
    checkpoint.prepare_directory(directory)
    with checkpoint.locked(directory):
        yield from _fit(data, directory, run, model, resume, stop)


def _fit(
    data: Corpora, directory: Path, run: Run, model: TrainedModel, resume: bool, stop: Callable[[], bool]
) -> Iterator[Fact]:
    began = time.perf_counter()
    config, lexicon, labeler = data.config, model.lexicon, run.labeler
    device, fingerprint = labeler.device, data.fingerprint()
    history = _History(directory / checkpoint.HISTORY)
    if resume and checkpoint.has_run(directory):
        checkpoint.load_run(directory, run, model, fingerprint)
        history.keep(run.epoch)
    else:
        checkpoint.discard_run(directory)
    workers = 1 if device.type != "cpu" else config.training.workers or min(2, os.cpu_count() or 1)
    parameters = sum(parameter.numel() for parameter in labeler.parameters())
    begun = run.tokens / sum(map(len, data.train.sentences))  # of the epoch under way
    yield Started(parameters, workers, (run.epoch + begun) / config.training.epochs)

    saved = time.perf_counter()
    unusable = 0
    training = evaluate.keep_layers(model, corpora.encode_training(data, lexicon))
    for fact in loop.train(run, training, config, _scorer(data.dev, lexicon, model), workers):
        if isinstance(fact, EpochFacts):
            if fact.improved:
                checkpoint.save_model(directory, model)
                checkpoint.discard_reports(directory)
            history.add(fact)
        else:
            unusable = 0 if math.isfinite(fact.norm) else unusable + 1
            _check_divergence(unusable, run, directory)
        if isinstance(fact, EpochFacts) or time.perf_counter() - saved > CHECKPOINT_SECONDS:
            checkpoint.save_run(directory, run, model, fingerprint)
            saved = time.perf_counter()
        yield fact
        if stop():
            checkpoint.save_run(directory, run, model, fingerprint)
            yield Stopped(run.epoch, directory)
            return

    best = checkpoint.load_model(directory)
    best.labeler.temperature.fill_(evaluate.fit_temperature(best, data.dev))
    checkpoint.save_model(directory, best)
    dev = _score(data.dev, best)
    test = None if data.test is None else _score(data.test, best)
    finished = Finished(
        dev,
        test,
        run.epoch,
        run.best_epoch,
        time.perf_counter() - began,
        history.tokens_per_second,
        directory,
    )
    _write_reports(data, finished, history.seconds, parameters)
    checkpoint.discard_run(directory)
    yield finished


def find_device(name: str) -> torch.device:
    """Return the device that a setting names; `auto` takes a GPU if there is one.

    Raises:
        ConfigError: there is no such device on this machine.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = "cuda" if there["cuda"] else "cpu"
    if not there[name]:
        found = ", ".join(device for device, usable in there.items() if usable)
        raise ConfigError(f"found {name}, but this machine has only: {found}", "training.device")
    return torch.device(name)


def _scorer(corpus: Corpus, lexicon: Lexicon, model: TrainedModel) -> Callable[[SequenceLabeler], Scores]:
    gold = evaluate.keep_layers(model, evaluate.encode_corpus(corpus.sentences, model))

    def score(labeler: SequenceLabeler) -> Scores:
        return evaluate.score(TrainedModel(model.config, lexicon, labeler), corpus, gold)

    return score


def _score(corpus: Corpus, model: TrainedModel) -> Scored:
    began = time.perf_counter()
    scores = evaluate.score(model, corpus)
    return Scored(scores, time.perf_counter() - began)


def _check_divergence(unusable: int, run: Run, directory: Path) -> None:
    if unusable >= MAX_SKIPPED:
        best = (
            f"epoch {run.best_epoch}, the best so far, is in {directory}"
            if run.best_epoch
            else "nothing is saved"
        )
        raise DivergenceError(
            f"{unusable} steps in a row had no finite gradient; {best}. Train again with a lower --learning-rate or "
            "a lower --set training.clip_norm"
        )


def _write_reports(data: Corpora, finished: Finished, seconds: float, parameters: int) -> None:
    scores = {"dev": finished.dev.scores.as_dict()}
    if finished.test is not None:
        scores["test"] = finished.test.scores.as_dict()
    directory = finished.directory
    checkpoint.write_atomically(
        directory / checkpoint.SCORES, json.dumps(scores, ensure_ascii=False, indent=2).encode() + b"\n"
    )
    text = card.write(data, scores, finished.best_epoch, finished.epochs, seconds, parameters)
    checkpoint.write_atomically(directory / checkpoint.CARD, text.encode())


class _History:
    """`history.jsonl`: one line of facts per epoch, rewritten whole so that it is never half a line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._epochs: list[dict[str, Any]] = []

    def keep(self, epochs: int) -> None:
        """Keep the first `epochs` lines of what is there."""
        with suppress(OSError, ValueError):
            lines = self._path.read_text(encoding="utf-8").split("\n")
            self._epochs = [json.loads(line) for line in lines[:epochs]]

    @property
    def seconds(self) -> float:
        """Seconds of training, of the interrupted part of a run too."""
        return sum(float(each["seconds"]) for each in self._epochs)

    @property
    def tokens_per_second(self) -> float:
        """Mean over all epochs."""
        tokens = sum(float(each["tokens_per_second"]) * float(each["seconds"]) for each in self._epochs)
        return tokens / max(self.seconds, 1e-9)

    def add(self, facts: EpochFacts) -> None:
        """Append an epoch."""
        self._epochs.append(
            {
                "epoch": facts.epoch,
                "loss": facts.loss,
                "dev": facts.dev.as_dict(),
                "improved": facts.improved,
                "learning_rate": facts.learning_rate,
                "seconds": facts.seconds,
                "tokens_per_second": facts.tokens_per_second,
                "skipped_steps": facts.skipped,
            }
        )
        lines = [json.dumps(each, ensure_ascii=False) + "\n" for each in self._epochs]
        checkpoint.write_atomically(self._path, "".join(lines).encode())
