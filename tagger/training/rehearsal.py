"""A run tried out: everything is read and built, a few steps are taken, nothing is written.

What it measures is of this machine at this moment; what it makes of that is an estimate.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from tagger.errors import ConfigError
from tagger.text.objects import describe
from tagger.training import loop, state
from tagger.training.launch import find_launch
from tagger.training.loop import StepFacts
from tagger.training.recipe import Dev, Recipe
from tagger.training.run import count_workers
from tagger.training.state import Run

STEPS_SECONDS = 2.0  # of steps at least, where the corpus has as many: enough for a speed, and soon over
SCORED_TOKENS = 5_000


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
        loss: of those, nats a prediction; of a labeller a token.
        tokens_per_second: in training, once it is warm.
        scored_per_second: tokens, in measuring held-out sentences.
        epoch_seconds: one epoch and its measurements (estimate).
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
        return describe("rehearsal", asdict(self))


def rehearse(recipe: Recipe[Dev]) -> Rehearsal:
    """Try a run out.

    Raises:
        MemoryExhaustedError: the largest batch doesn't fit.
        ConfigError: a launcher started several processes.
    """
    if (several := find_launch()) is not None:
        raise ConfigError(
            f"found {several.size} processes, expected one that tries a run out; start it without torchrun",
            "--dry-run",
        )
    began = time.perf_counter()
    run = state.begin(recipe.learner.network, recipe.settings)
    workers = count_workers(recipe)
    largest = _find_largest(recipe, workers)
    prepared = time.perf_counter() - began
    steps, tokens_per_second = _take_steps(run, recipe, workers, largest)
    scored_per_second = _measure_some(recipe, run)

    measured, measured_last = recipe.measured_tokens
    epoch = recipe.tokens / tokens_per_second
    epoch += _count_measurements(run, recipe, steps) * measured / scored_per_second
    values = [each for each in run.network.parameters() if each.requires_grad]
    copies = 3 if run.averaged is run.network else 4
    return Rehearsal(
        parameters=sum(each.numel() for each in values),
        parameter_bytes=copies * sum(each.numel() * each.element_size() for each in values),
        peak_bytes=peak_memory(workers),
        workers=workers,
        steps=steps,
        skipped=run.skipped,
        loss=run.loss / max(1, run.predictions),
        tokens_per_second=tokens_per_second,
        scored_per_second=scored_per_second,
        epoch_seconds=epoch,
        seconds=prepared + recipe.settings.epochs * epoch + measured_last / scored_per_second,
    )


def _count_measurements(run: Run, recipe: Recipe[Dev], steps: int) -> float:
    """Return how often an epoch is measured, judged by steps that were taken."""
    every = recipe.settings.eval_steps
    return 1 if every is None else 1 + recipe.tokens * steps / (run.tokens * every)


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


def _find_largest(recipe: Recipe[Dev], workers: int) -> int:
    """Return the number of the first chunk's largest batch."""
    chunk = next(recipe.chunks(0, 0))
    batches = recipe.batches(chunk, 0, 0, workers)
    return max(range(len(batches)), key=lambda number: recipe.extent(chunk, batches[number]).tokens)


def _take_steps(run: Run, recipe: Recipe[Dev], workers: int, largest: int) -> tuple[int, float]:
    """Take a step with the largest batch, which needs most memory, then some more; return their number and speed."""
    run.batch = largest if recipe.shares_batches else largest - largest % workers
    steps = _advance(run, recipe, workers, 0.0)
    run.batch, tokens, seconds = 0, run.tokens, run.seconds
    steps += _advance(run, recipe, workers, STEPS_SECONDS)
    return steps, (run.tokens - tokens) / (run.seconds - seconds)


def _advance(run: Run, recipe: Recipe[Dev], workers: int, seconds: float) -> int:
    """Take steps for some seconds, one at least, but not beyond the chunk's end; return their number."""
    first, until = run.batch, run.seconds + seconds
    facts = loop.train(run, recipe, workers)
    assert isinstance(facts, Generator)
    with closing(facts):
        for fact in facts:
            assert isinstance(fact, StepFacts), "a rehearsal ends before its epoch does"
            if fact.batch == fact.batches or run.seconds >= until:
                break
    return run.batch - first


def _measure_some(recipe: Recipe[Dev], run: Run) -> float:
    """Measure the network on the first held-out sentences; return how many tokens a second that is."""
    began = time.perf_counter()
    tokens = recipe.measure_some(run.averaged, SCORED_TOKENS)
    return tokens / (time.perf_counter() - began)
