"""How soon the default model is as good on dev as CRFsuite ends, beside the time that CRFsuite takes.

    python benchmarks/racing.py [CORPUS] [--epochs 12 2] [--workers 1 2] [--every 50] [--seed 1]

CRFsuite, which takes one core, trains first, then tagger once for each number of workers and of epochs, one after the
other. Every so many steps the moving average of tagger's weights is scored on dev; the seconds are of training alone,
and CRFsuite's hold its features. Prints Markdown rows.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator

import crfsuite
from corpora import CORPORA, Parts, load
from report.figures import Row
from report.rows import add_option, print_rows
from templates import describe_characters, describe_words

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
    add_option(parser)
    chosen = parser.parse_args()
    if crfsuite.is_installed():
        print_rows("racing", compare(chosen), as_json=chosen.as_json)


def compare(chosen: argparse.Namespace) -> Iterator[Row]:
    """Yield a row for CRFsuite, and one for each way of training."""
    parts = load(chosen.corpus)
    is_of_characters = CORPORA[chosen.corpus].characters
    rival = crfsuite.train(parts.train, describe_characters if is_of_characters else describe_words)
    goal = crfsuite.score(rival, parts.dev, parts.scheme).headline[1]
    yield {"what": "CRFsuite", "dev": round(100 * goal, 2), "seconds": round(rival.seconds, 1)}
    for workers, epochs in itertools.product(chosen.workers, chosen.epochs):
        settings = {"seed": chosen.seed, "training.epochs": epochs, "training.workers": workers}
        passed, final, seconds = race(parts, config.override(config.Config(), settings), goal, chosen.every)
        yield {
            "what": f"tagger, {count_of(epochs, 'epoch')}, {count_of(workers, 'worker')}",
            "passes": "never" if passed is None else round(passed, 1),
            "share": None if passed is None else round(passed / rival.seconds, 2),
            "dev": round(100 * final, 2),
            "seconds": round(seconds, 1),
        }


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
