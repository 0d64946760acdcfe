"""How soon the default model is as good on dev as CRFsuite ends, beside the time that CRFsuite takes.

    python benchmarks/racing.py [CORPUS] [--epochs 12 2] [--workers 1 2] [--every 50] [--seed 1]

CRFsuite, which takes one core, trains first, then tagger once for each number of workers and of epochs, one after the
other. Every so many steps the moving average of tagger's weights is scored on dev; the seconds are of training alone,
and CRFsuite's hold its features. Prints Markdown rows.
"""

from __future__ import annotations

import argparse
import itertools
import platform

import crfsuite
import torch
from corpora import CORPORA, Parts, load

from tagger import config
from tagger.text.conll import Corpus
from tagger.text.counting import count_of
from tagger.training import loop, state
from tagger.training.data import prepare_corpora
from tagger.training.recipes import labelled


def main() -> None:
    """Print CRFsuite's row and one for each number of epochs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", nargs="?", default="conll2002-es", choices=CORPORA)
    parser.add_argument("--epochs", type=int, nargs="+", default=[12, 2])
    parser.add_argument("--workers", type=int, nargs="+", default=[1], help="processes that train")
    parser.add_argument("--every", type=int, default=50, help="steps between two looks at dev")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    parts = load(chosen.corpus)
    print(f"{chosen.corpus}, {platform.machine()}, torch {torch.__version__}, seed {chosen.seed}\n")
    print("| | goal passed after | share of CRFsuite's time | dev F1 at the end | after |")
    print("|---|---|---|---|---|")
    rival = crfsuite.train(
        parts.train,
        crfsuite.describe_characters if CORPORA[chosen.corpus].characters else crfsuite.describe_words,
    )
    goal = crfsuite.score(rival, parts.dev, parts.scheme).headline[1]
    print(f"| CRFsuite | | | {100 * goal:.2f} | {rival.seconds:.1f} s |", flush=True)
    for workers, epochs in itertools.product(chosen.workers, chosen.epochs):
        settings = {"seed": chosen.seed, "training.epochs": epochs, "training.workers": workers}
        passed, final, seconds = race(parts, config.override(config.Config(), settings), goal, chosen.every)
        reached = "never" if passed is None else f"{passed:.1f} s"
        share = "" if passed is None else f"{passed / rival.seconds:.2f}"
        name = f"tagger, {count_of(epochs, 'epoch')}, {count_of(workers, 'worker')}"
        print(f"| {name} | {reached} | {share} | {100 * final:.2f} | {seconds:.1f} s |", flush=True)


def race(parts: Parts, settings: config.Config, goal: float, every: int) -> tuple[float | None, float, float]:
    """Return the seconds of training until dev's score passed the goal, the last score, and all seconds."""
    read = (Corpus("", sentences, parts.scheme, "", ()) for sentences in (parts.train, parts.dev))
    data = prepare_corpora(*read, None, config=settings)
    recipe = labelled.prepare(data)
    run = state.begin(recipe.learner.network, recipe.settings)
    passed, final, before = None, 0.0, 0.0  # `before`: seconds of the epochs that have ended
    for fact in loop.train(run, recipe, settings.training.workers):
        if isinstance(fact, loop.EpochFacts):
            before += fact.seconds
            final = fact.dev.headline[1]
            now = final
        elif passed is None and fact.batch % every < settings.training.workers:
            run.optimizer.settle()
            now = recipe.measure(run.averaged).headline[1]
        else:
            continue
        if passed is None and now > goal:
            passed = before + run.seconds
    return passed, final, before


if __name__ == "__main__":
    main()
