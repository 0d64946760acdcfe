"""A run tried out: everything is read and built, a few steps are taken, nothing is written.

What it measures is of this machine at this moment; what it makes of that is an estimate.
"""

from __future__ import annotations

import sys
import time
from bisect import bisect_left
from collections.abc import Generator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from typing import Any

from tagger.config import Config
from tagger.model.batch import EncodedCorpus
from tagger.model.labeler import SequenceLabeler
from tagger.model.trained import TrainedModel
from tagger.scoring import Scores
from tagger.text.conll import Corpus
from tagger.training import evaluate, loop
from tagger.training.data import Corpora, encode_training
from tagger.training.fit import begin
from tagger.training.loop import Run, StepFacts
from tagger.training.supervision import count_workers

STEPS_SECONDS = 2.0  # of steps at least, where the corpus has as many: enough for a speed, and soon over
SCORED_TOKENS = 5_000
FINAL_READINGS = 2  # of dev, after the last epoch: to calibrate confidences, and to score


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a few steps showed.

    Attributes:
        parameters: numbers that are learnt.
        parameter_bytes: what they take, with their average and the optimiser's two moments.
        peak_bytes: the most memory that the process held (resident): corpora, network, the largest batch of an epoch;
            a run takes hardly more. Each further worker counts as the largest child that has ended, though all share
            PyTorch's code and the weights. None where the system doesn't tell.
        workers: processes that train.
        steps: gradient steps taken, forward and back.
        skipped: of those, without a finite gradient.
        loss: of those, nats a token.
        tokens_per_second: in training, once it is warm.
        scored_per_second: tokens, in labelling dev.
        epoch_seconds: one epoch and its dev scores (estimate).
        seconds: the whole run to its last epoch (estimate).
    """

    parameters: int
    parameter_bytes: int
    peak_bytes: int | None
    workers: int
    steps: int
    skipped: int
    loss: float
    tokens_per_second: float
    scored_per_second: float
    epoch_seconds: float
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return asdict(self)


def rehearse(data: Corpora) -> Rehearsal:
    """Try a run out.

    Raises:
        ConfigError: there is no such device, or every feature is off.
        MemoryExhaustedError: the largest batch doesn't fit.
    """
    began = time.perf_counter()
    run, model = begin(data)
    training = evaluate.keep_layers(model, encode_training(data, model.lexicon))
    prepared = time.perf_counter() - began
    workers = count_workers(data.config.training.workers, run.labeler.device)
    steps, tokens_per_second = _take_steps(run, training, data.config, workers)
    scored_per_second = _score_some(data.dev, model)

    dev = count_tokens(data.dev)
    epoch = count_tokens(data.train) / tokens_per_second + dev / scored_per_second
    last = FINAL_READINGS * dev + (0 if data.test is None else count_tokens(data.test))
    values = [each for each in run.labeler.parameters() if each.requires_grad]
    copies = 3 if run.averaged is run.labeler else 4
    return Rehearsal(
        parameters=sum(each.numel() for each in values),
        parameter_bytes=copies * sum(each.numel() * each.element_size() for each in values),
        peak_bytes=peak_memory(workers),
        workers=workers,
        steps=steps,
        skipped=run.skipped,
        loss=run.loss / max(1, run.tokens),
        tokens_per_second=tokens_per_second,
        scored_per_second=scored_per_second,
        epoch_seconds=epoch,
        seconds=prepared + data.config.training.epochs * epoch + last / scored_per_second,
    )


def count_tokens(corpus: Corpus) -> int:
    """Return the tokens of all sentences."""
    return sum(map(len, corpus.sentences))


def peak_memory(processes: int = 1) -> int | None:
    """Return the most bytes that this process held in memory so far; None where the system doesn't tell.

    Each further process counts as the largest child that has ended.
    """
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak += (processes - 1) * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _take_steps(run: Run, training: EncodedCorpus, config: Config, workers: int) -> tuple[int, float]:
    """Take a step with the largest batch, which needs most memory, then some more; return their number and speed."""
    sizes = [
        sum(group.tokens for group in batch) for batch in loop.epoch_batches(training, config, 0, workers)
    ]
    largest = sizes.index(max(sizes))
    run.batch = largest - largest % workers
    steps = _advance(run, training, config, workers, 0.0)
    run.batch, tokens, seconds = 0, run.tokens, run.seconds
    steps += _advance(run, training, config, workers, STEPS_SECONDS)
    return steps, (run.tokens - tokens) / (run.seconds - seconds)


def _advance(run: Run, training: EncodedCorpus, config: Config, workers: int, seconds: float) -> int:
    """Take steps for some seconds, one at least, but not beyond the epoch's end; return their number."""
    first, until = run.batch, run.seconds + seconds
    facts = loop.train(run, training, config, _refuse, workers)
    assert isinstance(facts, Generator)
    with closing(facts):
        for fact in facts:
            assert isinstance(fact, StepFacts)
            if fact.batch == fact.batches or run.seconds >= until:
                break
    return run.batch - first


def _refuse(labeler: SequenceLabeler) -> Scores:
    raise AssertionError("a rehearsal ends before its epoch does")


def _score_some(corpus: Corpus, model: TrainedModel) -> float:
    """Score a model on a corpus's first sentences; return how many tokens a second that is."""
    ends = list(accumulate(map(len, corpus.sentences)))
    some = replace(corpus, sentences=corpus.sentences[: bisect_left(ends, SCORED_TOKENS) + 1])
    began = time.perf_counter()
    evaluate.fit_agreement(model, some, evaluate.encode_corpus(some.sentences, model))
    return count_tokens(some) / (time.perf_counter() - began)
