"""One whole training run: corpora in, a model directory out, facts on the way.

It drives the loop, keeps the best model, the checkpoint and the history, and scores the result. The caller
renders the facts and may ask it to stop. It prints nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tagger.model import extension, trained
from tagger.model.labeler import SequenceLabeler
from tagger.model.text_encoder import begin_with
from tagger.model.trained import TrainedModel
from tagger.scoring import Scores
from tagger.text.conll import Corpus
from tagger.text.schemes import Scheme
from tagger.training import card, checkpoint, curves, evaluate, loop
from tagger.training.data import Corpora, build_lexicon, encode_training, mean_span_length
from tagger.training.history import History
from tagger.training.loop import EpochFacts, Run, StepFacts
from tagger.training.supervision import Stopped, count_workers, find_device, supervise


@dataclass(frozen=True, slots=True)
class Started:
    """What is about to be trained. `resumed` is the share of the training already done."""

    seed: int
    parameters: int
    workers: int
    resumed: float


@dataclass(frozen=True, slots=True)
class Scored:
    """What a model is worth on a corpus, and the seconds it took to label that."""

    scores: Scores
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints of it."""
        speed = self.scores.tokens / max(self.seconds, 1e-9)
        return self.scores.as_dict() | {"seconds": self.seconds, "tokens_per_second": speed}


@dataclass(frozen=True, slots=True)
class Finished:
    """The result of a run: what the best epoch's model is worth.

    Attributes:
        min_confidence: how probable a name of the model must be, see `model.decoding`; 0: no matter.
    """

    dev: Scored
    test: Scored | None
    epochs: int
    best_epoch: int
    seconds: float
    tokens_per_second: float
    min_confidence: float
    directory: Path

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints of it."""
        return {
            "dev": self.dev.as_dict(),
            "test": None if self.test is None else self.test.as_dict(),
            "epochs": self.epochs,
            "best_epoch": self.best_epoch,
            "seconds": self.seconds,
            "tokens_per_second": self.tokens_per_second,
            "min_confidence": self.min_confidence,
        }


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
    run, model = begin(data)
    checkpoint.prepare_directory(directory)
    with checkpoint.locked(directory):
        yield from _fit(data, directory, run, model, resume, stop)


def begin(data: Corpora) -> tuple[Run, TrainedModel]:
    """Build the network of a run, with all that it begins with, before its first step."""
    lexicon = build_lexicon(data)
    labeler = trained.build(
        lexicon,
        data.config,
        cotrained=True,
        is_spelled=data.encoder is None,  # what learnt from text has a table of words, which goes on learning
        span_length=mean_span_length(data.train),
    )
    labeler.to(find_device(data.config.training.device))
    if data.language is not None and labeler.embedding.contextual is not None:
        labeler.embedding.contextual.encoder.load_state_dict(data.language.model.encoder.state_dict())
    if data.base is not None:
        extension.inherit(labeler, data.base.labeler)
        if labeler.embedding.word is not None and data.config.embedding.vectors_frozen:
            labeler.embedding.word.weight.requires_grad_(False)
    if data.encoder is not None:
        begin_with(labeler, data.encoder.network)
    if data.vectors is not None:
        rows = lexicon.words.rows(data.vectors.words)
        labeler.embedding.place_vectors(rows, data.vectors.rows, frozen=data.config.embedding.vectors_frozen)
    run = loop.begin(labeler, data.config)
    return run, TrainedModel(data.config, lexicon, run.averaged)


def _fit(
    data: Corpora, directory: Path, run: Run, model: TrainedModel, resume: bool, stop: Callable[[], bool]
) -> Iterator[Fact]:
    began = time.perf_counter()
    config, fingerprint = data.config, data.fingerprint()
    draw = partial(curves.of_tagger, has_spans=data.train.scheme is not Scheme.BARE)
    history = History(directory, draw)
    if resume and checkpoint.has_run(directory):
        checkpoint.load_run(directory, run, model, fingerprint)
        history.keep(run.epoch)
    else:
        checkpoint.discard_run(directory)
    workers = count_workers(config.training.workers, run.labeler.device)
    parameters = sum(parameter.numel() for parameter in run.labeler.parameters())
    begun = run.tokens / sum(map(len, data.train.sentences))  # of the epoch under way
    yield Started(config.seed, parameters, workers, (run.epoch + begun) / config.training.epochs)

    def end_epoch(fact: EpochFacts) -> None:
        if fact.kept:
            checkpoint.save_model(directory, model)
            checkpoint.discard_reports(directory)
        history.add(_line(fact))

    training = evaluate.keep_layers(model, encode_training(data, model.lexicon))
    score = _scorer(data.dev, model)
    if data.base is not None and not run.optimizer.steps:
        run.known_f1 = score(run.averaged).micro.f1
    is_stopped = yield from supervise(
        loop.train(run, training, config, score, workers),
        end_epoch=end_epoch,
        save=lambda: checkpoint.save_run(directory, run, model, fingerprint),
        best=lambda: _describe_best(run, directory),
        stop=stop,
    )
    if is_stopped:
        yield Stopped(run.epoch, directory)
        return
    best = _fit_confidences(data.dev, directory)
    dev, test = score_model(data, best)
    finished = Finished(
        dev,
        test,
        run.epoch,
        run.kept_epoch,
        time.perf_counter() - began,
        history.tokens_per_second,
        float(best.labeler.min_confidence),
        directory,
    )
    _write_reports(data, finished, history.seconds, parameters)
    checkpoint.discard_run(directory)
    yield finished


def score_model(data: Corpora, model: TrainedModel) -> tuple[Scored, Scored | None]:
    """Score a model on dev and on test, where there is one."""
    return _score(data.dev, model), None if data.test is None else _score(data.test, model)


def _scorer(corpus: Corpus, model: TrainedModel) -> Callable[[SequenceLabeler], Scores]:
    gold = evaluate.keep_layers(model, evaluate.encode_corpus(corpus.sentences, model))

    def score(labeler: SequenceLabeler) -> Scores:
        return evaluate.fit_agreement(TrainedModel(model.config, model.lexicon, labeler), corpus, gold)

    return score


def _fit_confidences(dev: Corpus, directory: Path) -> TrainedModel:
    """Calibrate the best model's confidences, and choose how low that of a name may be."""
    best = checkpoint.load_model(directory)
    best.labeler.temperature.fill_(evaluate.fit_temperature(best, dev))
    best.labeler.min_confidence.fill_(evaluate.fit_min_confidence(best, dev))
    checkpoint.save_model(directory, best)
    return best


def _score(corpus: Corpus, model: TrainedModel) -> Scored:
    began = time.perf_counter()
    scores = evaluate.score(model, corpus)
    return Scored(scores, time.perf_counter() - began)


def _describe_best(run: Run, directory: Path) -> str:
    if not run.kept_epoch:
        return "nothing is saved"
    return f"epoch {run.kept_epoch}, the one kept so far, is in {directory}"


def _line(facts: EpochFacts) -> dict[str, Any]:
    """Return the line of the history that tells of an epoch."""
    return {
        "epoch": facts.epoch,
        "loss": facts.loss,
        "dev": facts.dev.as_dict(),
        "improved": facts.improved,
        "kept": facts.kept,
        "learning_rate": facts.learning_rate,
        "seconds": facts.seconds,
        "tokens_per_second": facts.tokens_per_second,
        "skipped_steps": facts.skipped,
    }


def _write_reports(data: Corpora, finished: Finished, seconds: float, parameters: int) -> None:
    scores = {"dev": finished.dev.scores.as_dict()}
    if finished.test is not None:
        scores["test"] = finished.test.scores.as_dict()
    directory = finished.directory
    checkpoint.write_atomically(
        directory / checkpoint.SCORES, json.dumps(scores, ensure_ascii=False, indent=2).encode() + b"\n"
    )
    text = card.write(
        data, scores, finished.best_epoch, finished.epochs, seconds, parameters, finished.min_confidence
    )
    checkpoint.write_atomically(directory / checkpoint.CARD, text.encode())
