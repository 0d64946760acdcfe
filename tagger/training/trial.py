"""Whether an encoder that learnt from raw text helps on a corpus: tried out on dev, before a run begins.

It helps where labels are few and hurts where they are many (benchmarks/EXPERIMENTS.md), and which of the two a
corpus is nobody knows beforehand. So the first quarter of the run is taken twice, with the encoder and without, and
what is ahead on dev then is what the run takes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagger import config as settings
from tagger.model.memory import memory_watched
from tagger.runtime import directory as files
from tagger.text.objects import describe, dump_json
from tagger.text.output import write_atomically
from tagger.training import loop, state
from tagger.training.data import Corpora
from tagger.training.loop import StepFacts
from tagger.training.recipes import labelled
from tagger.training.run import Stopped, count_workers

_SHARE = 4  # of the epochs one in so many is tried
_MOST_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Tried:
    """What a trial came to.

    Attributes:
        epochs: that were tried.
        learnt, plain: the score on dev after them, with the encoder and without: F1, or accuracy for bare labels.
    """

    epochs: int
    learnt: float
    plain: float

    @property
    def is_taken(self) -> bool:
        """Whether the run begins with the encoder."""
        return self.learnt >= self.plain


def count_epochs(data: Corpora) -> int:
    """Return how many epochs of a run are tried; 0 where it begins with its encoder unasked, or has none."""
    chosen = data.config.training
    return chosen.epochs // _SHARE if data.encoder and chosen.try_encoder and data.dev_has_spans else 0


def try_out(
    learnt: Corpora,
    plain: Corpora,
    directory: Path,
    *,
    resume: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[StepFacts | Stopped | Tried]:
    """Run the first epochs with an encoder and without, yielding the steps, and at last what they came to.

    Args:
        learnt, plain: what the run learns from, with the encoder and without.
        directory: of the run, which keeps the outcome, so that a run that is resumed goes on as it began.
        resume: whether to take an outcome that is there.
        stop: asked after every step; True ends the trial.

    Raises:
        DataError: the directory can't be written.
        MemoryExhaustedError: there is too little memory.
    """
    epochs, fingerprint = count_epochs(learnt), _fingerprint(learnt)
    files.prepare_directory(directory)
    with files.locked(directory):
        known = _read(directory, fingerprint) if resume else None
        if known is None:
            scores = []
            for data in (learnt, plain):
                recipe = labelled.prepare(data)
                score = 0.0  # of the last epoch: patience may end before the trial does
                with memory_watched(recipe.memory_advice):
                    run = state.begin(recipe.learner.network, recipe.settings)
                    for fact in loop.train(run, recipe, count_workers(recipe)):
                        if isinstance(fact, StepFacts):
                            yield fact
                        else:
                            score = recipe.value(fact.dev)
                            if fact.epoch >= epochs:
                                break
                        if stop():
                            yield Stopped(run.epoch, directory)
                            return
                scores.append(score)
            known = Tried(epochs, *scores)
            content = describe("trial", {"fingerprint": fingerprint, **_facts(known)})
            write_atomically(directory / files.TRIAL, dump_json(content).encode() + b"\n")
    yield known


def _facts(tried: Tried) -> dict[str, Any]:
    return {"epochs": tried.epochs, "with": tried.learnt, "without": tried.plain, "taken": tried.is_taken}


def _read(directory: Path, fingerprint: str) -> Tried | None:
    """Return the outcome of the same trial; None where there is none."""
    try:
        found = json.loads(files.read_bounded(directory / files.TRIAL, _MOST_BYTES) or b"")
        if found["fingerprint"] != fingerprint:
            return None
        return Tried(int(found["epochs"]), float(found["with"]), float(found["without"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _fingerprint(data: Corpora) -> str:
    """Return what differs where a trial's settings, sentences or encoder do; more epochs are the same run."""
    assert data.encoder is not None
    steps = settings.override(data.config, {"training.epochs": 1})
    digest = hashlib.sha256(settings.render(steps).encode() + data.fingerprint())
    for name, weights in sorted(data.encoder.weights.items()):
        digest.update(name.encode() + weights.tobytes())
    return digest.hexdigest()
