"""Test F1 of the default model beside CRFsuite's, several seeds, from the labelled data alone.

    python benchmarks/accuracy.py [CORPUS ...] [--seeds 1 2 3] [--threads 1] [--set training.epochs=10]

Each seed trains with dev choosing the epoch; test is scored once, at the end. Corpora that are not on this machine
are left out. Prints Markdown rows: what is measured, over how many seeds, with the spread.
"""

from __future__ import annotations

import platform
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import crfsuite
import torch
from corpora import Parts, arguments, load

from tagger import config
from tagger.runtime.evaluation import label_sentences
from tagger.runtime.tagger import load_tagger
from tagger.scoring import Scores
from tagger.text.conll import Corpus
from tagger.training import run
from tagger.training.data import prepare_corpora
from tagger.training.recipes import labelled
from tagger.training.recipes.labelled import FinishedLabeller
from tagger.training.run import Started


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One seed; seconds are of the whole run, rates are tokens a second."""

    seed: int
    dev: Scores
    test: Scores
    seconds: float
    epochs: int
    best_epoch: int
    train_rate: float
    decode_rate: float
    parameters: int


def run_trial(parts: Parts, settings: config.Config) -> Trial:
    """Train and test once."""
    data = prepare_corpora(
        *(Corpus("", sentences, parts.scheme, "", ()) for sentences in (parts.train, parts.dev, parts.test)),
        config=settings,
    )
    with tempfile.TemporaryDirectory() as folder:
        for fact in run.train(labelled.prepare(data), Path(folder)):
            if isinstance(fact, Started):
                parameters = fact.parameters
            if isinstance(fact, FinishedLabeller):
                assert fact.test is not None
                return Trial(
                    seed=settings.seed,
                    dev=fact.dev.scores,
                    test=fact.test.scores,
                    seconds=fact.seconds,
                    epochs=fact.epochs,
                    best_epoch=fact.best_epoch,
                    train_rate=fact.tokens_per_second,
                    decode_rate=_decode_rate(Path(folder), parts),
                    parameters=parameters,
                )
    raise AssertionError("a run that nobody stops finishes")


def _decode_rate(folder: Path, parts: Parts) -> float:
    """Tokens a second from lists of tokens to lists of tags, one thread, the best of three."""
    tagger = load_tagger(folder)
    rates = []
    for _ in range(3):
        began = time.perf_counter()
        found = label_sentences(tagger, parts.test, confidences=False)
        rates.append(sum(len(each.tags) for each in found) / (time.perf_counter() - began))
    return max(rates)


def _headline(scores: Scores) -> float:
    return 100 * scores.headline[1]


def spread(values: list[float]) -> str:
    """Write a mean and, of several seeds, the standard deviation."""
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f}"


def main() -> None:
    """Print one table."""
    parser = arguments(__doc__)
    parser.add_argument("--threads", type=int, default=1, help="training threads")
    parser.add_argument("--no-crfsuite", action="store_true", help="leave the baseline out")
    chosen = parser.parse_args()
    changes = config.parse_assignments(chosen.overrides) | {"training.workers": chosen.threads}

    print(f"{platform.machine()}, torch {torch.__version__}, Python {platform.python_version()}, ", end="")
    print(
        f"{chosen.threads} training thread(s), seeds {chosen.seeds}, settings {chosen.overrides or 'default'}\n"
    )
    print(
        "| corpus | CRFsuite dev | test | s | tagger dev | test | seeds | s | epochs | train tok/s | decode tok/s |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for name in chosen.corpora:
        parts = load(name)
        baseline = ["", "", ""]
        if not chosen.no_crfsuite:
            result = crfsuite.measure(name, parts)
            baseline = [
                f"{_headline(result.dev):.2f}",
                f"{_headline(result.test):.2f}",
                f"{result.train_seconds:.0f}",
            ]
        trials = [
            run_trial(parts, config.override(config.Config(), changes | {"seed": seed}))
            for seed in chosen.seeds
        ]
        tests = [_headline(trial.test) for trial in trials]
        row = [
            name,
            *baseline,
            spread([_headline(trial.dev) for trial in trials]),
            spread(tests),
            ", ".join(f"{value:.2f}" for value in tests),
            f"{statistics.mean(trial.seconds for trial in trials):.0f}",
            f"{trials[0].epochs}",
            f"{statistics.median(trial.train_rate for trial in trials):,.0f}",
            f"{statistics.median(trial.decode_rate for trial in trials):,.0f}",
        ]
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
