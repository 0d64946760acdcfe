"""Training on a GPU, or on whatever device is named: tokens a second by batch size, and what F1 on dev they come to.

    python benchmarks/device.py [CORPUS ...] [--device cuda cpu] [--batch 16 32 64 128] [--precision float32]
    python benchmarks/device.py [CORPUS ...] --f1 [--batch 16 64] [--rate 0.006 0.012] [--seeds 1 2 3]

Without `--f1` each row is the rate of the whole road (batches laid out, gradient, optimiser, average) over some
seconds behind a warm-up, and on a CUDA device what share of the time it computes (its profiler's, over `PROFILED`
steps) and how many kernels a step launches. With `--f1` every row is trained to the end, once a seed; dev alone is
read, so that a batch size and a learning rate can be chosen by it. Prints Markdown rows.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import torch
from corpora import Parts, arguments, load
from report.figures import Row
from report.rows import add_option, print_rows
from torch.profiler import ProfilerActivity, profile

from tagger import config
from tagger.errors import TaggerError
from tagger.text.conll import Corpus
from tagger.training import loop, run, state
from tagger.training.data import Corpora, prepare_corpora
from tagger.training.loop import StepFacts
from tagger.training.recipes import labelled
from tagger.training.recipes.labelled import FinishedLabeller
from tagger.training.state import Run

WARM_UP = 2.0  # seconds: kernels are chosen and compiled, memory is found
PROFILED = 20  # steps


class Way(NamedTuple):
    """How to train."""

    device: str
    batch: int
    rate: float
    precision: str

    def prepare(self, parts: Parts, seed: int, overrides: dict[str, Any]) -> Corpora:
        """Return the corpora with the settings."""
        chosen = {
            "seed": seed,
            "training.device": self.device,
            "training.batch_sentences": self.batch,
            "training.learning_rate": self.rate,
            "training.precision": self.precision,
        }
        train, dev = (Corpus("", sentences, parts.scheme, "", ()) for sentences in (parts.train, parts.dev))
        return prepare_corpora(train, dev, None, config=config.override(config.Config(), overrides | chosen))


class Speed(NamedTuple):
    """Tokens a second and milliseconds a step; of a CUDA device the share of the time it computes, and launches."""

    tokens_per_second: float
    step: float
    busy: float | None
    launches: float | None


def measure_speed(data: Corpora, seconds: float) -> Speed:
    """Take steps for some seconds; a corpus that is too short for them is begun anew."""
    recipe = labelled.prepare(data)
    under_way = state.begin(recipe.learner.network, recipe.settings)
    facts = _steps(under_way, recipe)
    _go_on(facts, under_way, WARM_UP)
    steps, tokens, took = _go_on(facts, under_way, seconds)
    busy = launches = None
    if data.config.training.device == "cuda":
        with profile(activities=[ProfilerActivity.CUDA]) as profiler:
            began = time.perf_counter()
            for _ in range(PROFILED):
                next(facts)
            torch.cuda.synchronize()
            profiled = time.perf_counter() - began
        events = profiler.key_averages()
        busy = sum(event.self_device_time_total for event in events) / 1e6 / profiled
        launches = sum(event.count for event in events) / PROFILED
    return Speed(tokens / took, 1e3 * took / steps, busy, launches)


def _steps(under_way: Run, recipe: labelled.LabelledRecipe) -> Iterator[int]:
    """Yield the tokens of each step, epoch after epoch, without a measurement."""
    while True:
        before = 0
        for fact in loop.train(under_way, recipe):
            assert isinstance(fact, StepFacts)
            yield under_way.tokens - before
            before = under_way.tokens
            if fact.batch == fact.batches:
                break
        under_way.batch = under_way.tokens = 0


def _go_on(facts: Iterator[int], under_way: Run, seconds: float) -> tuple[int, int, float]:
    """Take steps for some seconds, to the end of the last one; return their number, tokens and seconds."""
    began = time.perf_counter()
    steps = tokens = 0
    while time.perf_counter() - began < seconds:
        tokens += next(facts)
        steps += 1
    under_way.listen(to_all=True)
    return steps, tokens, time.perf_counter() - began


def measure_f1(data: Corpora) -> tuple[float, float]:
    """Train to the end; return dev's F1 in points and the seconds."""
    with tempfile.TemporaryDirectory() as folder:
        for fact in run.train(labelled.prepare(data), Path(folder)):
            if isinstance(fact, FinishedLabeller):
                return 100 * fact.dev.scores.headline[1], fact.seconds
    raise AssertionError("a run that nobody stops finishes")


def main() -> None:
    """Print one table."""
    parser = arguments(__doc__)
    parser.add_argument("--device", nargs="+", default=["cuda" if torch.cuda.is_available() else "cpu"])
    parser.add_argument("--batch", type=int, nargs="+", default=[16, 32, 64, 128])
    parser.add_argument("--rate", type=float, nargs="+", default=[config.Config().training.learning_rate])
    parser.add_argument("--precision", nargs="+", default=["float32"])
    parser.add_argument("--seconds", type=float, default=5.0, help="of steps that are measured")
    parser.add_argument("--f1", action="store_true", help="train to the end and score dev")
    add_option(parser)
    chosen = parser.parse_args()
    overrides = config.parse_assignments(chosen.overrides) | {"training.workers": 1}
    print(torch.cuda.get_device_name() if torch.cuda.is_available() else "no CUDA device")
    print_rows("gpu", list_rows(chosen, overrides), as_json=chosen.as_json)


def list_rows(chosen: argparse.Namespace, overrides: dict[str, Any]) -> Iterator[Row]:
    """Yield a row a corpus and way: how fast it is, or what dev's F1 is."""
    for name in chosen.corpora:
        parts = load(name)
        for way in map(Way._make, product(chosen.device, chosen.batch, chosen.rate, chosen.precision)):
            row: dict[str, Any] = {"corpus": name, **way._asdict(), "rate": f"{way.rate:g}"}
            if chosen.f1:
                found = [measure_f1(way.prepare(parts, seed, overrides)) for seed in chosen.seeds]
                scores, seconds = zip(*found, strict=True)
                row |= {"f1": [round(each, 2) for each in scores], "seconds": statistics.mean(seconds)}
            else:
                speed = measure_speed(way.prepare(parts, chosen.seeds[0], overrides), chosen.seconds)
                row |= speed._asdict()
            yield row


if __name__ == "__main__":
    try:
        main()
    except TaggerError as error:  # no such device, or no such setting
        raise SystemExit(f"error: {error}") from None
