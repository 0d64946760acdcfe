"""Test F1 of the default model beside CRFsuite's, several seeds, from the labelled data alone.

    python benchmarks/accuracy.py [CORPUS ...] [--seeds 1 2 3] [--threads 1] [--set training.epochs=10]

Each seed trains with dev choosing the epoch; test is scored once, at the end. Corpora that are not on this machine
are left out. Prints Markdown rows: means over the seeds, with the spread.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import crfsuite
from corpora import Parts, arguments, load
from report.figures import Row
from report.rows import add_option, print_rows

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
    return round(100 * scores.headline[1], 2)


def measure(corpora: Sequence[str], seeds: Sequence[int], changes: Mapping[str, Any]) -> Iterator[Row]:
    """Yield a row a corpus and tool; CRFsuite's is missing where it isn't installed."""
    has_crfsuite = crfsuite.is_installed()
    for name in corpora:
        parts = load(name)
        if has_crfsuite:
            result = crfsuite.measure(name, parts)
            yield {
                "corpus": name,
                "tool": "CRFsuite",
                "dev": _headline(result.dev),
                "test": _headline(result.test),
                "seconds": round(result.train_seconds, 1),
            }
        trials = [
            run_trial(parts, config.override(config.Config(), {**changes, "seed": seed})) for seed in seeds
        ]
        yield {
            "corpus": name,
            "tool": "tagger",
            "dev": [_headline(trial.dev) for trial in trials],
            "test": [_headline(trial.test) for trial in trials],
            "seconds": round(statistics.mean(trial.seconds for trial in trials), 1),
            "train_rate": round(statistics.median(trial.train_rate for trial in trials)),
            "decode_rate": round(statistics.median(trial.decode_rate for trial in trials)),
        }


def main() -> None:
    """Print one table."""
    parser = arguments(__doc__)
    parser.add_argument("--threads", type=int, default=1, help="training threads")
    add_option(parser)
    chosen = parser.parse_args()
    changes = config.parse_assignments(chosen.overrides) | {"training.workers": chosen.threads}
    print_rows("accuracy", measure(chosen.corpora, chosen.seeds, changes), as_json=chosen.as_json)


if __name__ == "__main__":
    main()
