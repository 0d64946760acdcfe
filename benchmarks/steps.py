"""How fast a labeller learns: tokens a second of gradient steps, on this processor and on one without AVX-512.

    python benchmarks/steps.py [CORPUS ...] [--set SECTION.FIELD=VALUE ...] [--steps 100] [--rounds 3] [--seed 1]

One thread. Each corpus is trained for some steps with the default settings, once as the processor is and once with
oneDNN, MKL and PyTorch held to AVX2, which gives an idea of an older or smaller processor (on a real one caches and
clock differ too). The settings after `--set` make rows of their own, turn about with the default. Rates are of the
process's time, medians of the rounds. Prints Markdown rows.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from corpora import CORPORA, load
from report.figures import Row
from report.machine import HELD_TO_AVX2
from report.rows import add_option, print_rows

from tagger import config
from tagger.errors import TaggerError
from tagger.text.conll import Corpus
from tagger.training import loop, state
from tagger.training.data import prepare_corpora
from tagger.training.recipes import labelled

_WARMING = 30  # steps before the clock starts


class Rate(NamedTuple):
    """Tokens of a step, and tokens a second."""

    step: float
    speed: float


def main() -> None:
    """Print a row a corpus and choice of settings."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "corpora", nargs="*", default=["english", "wnut17", "conll2002-es"], help=", ".join(CORPORA)
    )
    parser.add_argument(
        "--set", action="append", default=[], dest="assignments", help="settings of a second row"
    )
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)  # a process of its own
    add_option(parser)
    chosen = parser.parse_args()
    if unknown := [name for name in chosen.corpora if name not in CORPORA]:
        parser.error(f"found {unknown[0]!r}, expected one of {', '.join(CORPORA)}")
    try:
        config.override(config.Config(), config.parse_assignments(chosen.assignments))
    except TaggerError as error:
        parser.error(str(error))
    if chosen.measure:
        print(json.dumps(_measure(chosen.corpora[0], chosen.assignments, chosen.steps, chosen.seed)))
        return
    rows = (row for corpus in chosen.corpora for row in _compare(corpus, chosen))
    print_rows("training", rows, as_json=chosen.as_json)


def _compare(corpus: str, chosen: argparse.Namespace) -> Iterator[Row]:
    found: dict[tuple[bool, bool], list[Rate]] = defaultdict(list)
    for _ in range(chosen.rounds):
        for is_changed in {False, bool(chosen.assignments)}:
            for is_held in (False, True):
                found[is_changed, is_held].append(_run(corpus, chosen, is_changed, is_held))
    for is_changed in sorted({changed for changed, _ in found}):
        wide, held = (
            round(statistics.median(rate.speed for rate in found[is_changed, is_held]))
            for is_held in (False, True)
        )
        yield {
            "corpus": corpus,
            "settings": ", ".join(chosen.assignments) if is_changed else "default",
            "step": round(found[is_changed, False][0].step),
            "rate": wide,
            "held": held,
        }


def _run(corpus: str, chosen: argparse.Namespace, is_changed: bool, is_held: bool) -> Rate:
    """Measure in a process of its own: what an operator may use of the processor is settled when it starts."""
    command = [
        sys.executable,
        __file__,
        corpus,
        "--measure",
        f"--steps={chosen.steps}",
        f"--seed={chosen.seed}",
    ]
    command += [f"--set={each}" for each in chosen.assignments if is_changed]
    surroundings = os.environ | {"OMP_NUM_THREADS": "1"} | (HELD_TO_AVX2 if is_held else {})
    told = subprocess.run(command, env=surroundings, check=True, capture_output=True, text=True).stdout
    return Rate(*json.loads(told))


def _measure(corpus: str, assignments: list[str], steps: int, seed: int) -> Rate:
    parts = load(corpus)
    settings = config.override(config.Config(), {"seed": seed} | config.parse_assignments(assignments))
    read = (Corpus("", sentences, parts.scheme, "", ()) for sentences in (parts.train, parts.dev))
    recipe = labelled.prepare(prepare_corpora(*read, None, config=settings))
    run = state.begin(recipe.learner.network, recipe.settings)
    taken = islice(_take_steps(run, loop.train(run, recipe)), _WARMING, _WARMING + steps)
    tokens, seconds = map(sum, zip(*taken, strict=True))
    return Rate(tokens / steps, tokens / seconds)


def _take_steps(run: state.Run, facts: Iterator[object]) -> Iterator[tuple[int, float]]:
    """Yield the tokens of each step, and the seconds that the process computed for it."""
    tokens, began = 0, time.process_time()
    for fact in facts:
        ended = time.process_time()
        if isinstance(fact, loop.StepFacts):
            yield run.tokens - tokens, ended - began
        tokens, began = run.tokens, time.process_time()


if __name__ == "__main__":
    main()
