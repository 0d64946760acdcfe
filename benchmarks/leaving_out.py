"""How probable a name must be to be given, judged on one half of dev where the other half chose.

    python benchmarks/leaving_out.py DEV MODEL [MODEL ...]

Each half of a labelled corpus, in blocks of 30 sentences, fits the temperature and the least confidence of a model;
the other one judges, by turns. Prints a Markdown row for each rule: mean F1 of the judges over all models.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import replace
from pathlib import Path

from choosing import BLOCK

from tagger.runtime.directory import load_model
from tagger.runtime.evaluation import find_columns, read_gold, score_tagger
from tagger.runtime.tagger import Tagger
from tagger.runtime.trained import TrainedModel
from tagger.text.conll import Corpus
from tagger.training.calibration import DevScorer

GRID = [step / 20 for step in range(1, 17)]


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dev", type=Path)
    parser.add_argument("models", type=Path, nargs="+")
    chosen = parser.parse_args()
    judged: dict[str, list[float]] = {}
    for place in chosen.models:
        model = load_model(place)
        dev = read_gold(
            chosen.dev,
            model.scheme,
            columns=find_columns(model.config),
            encoding=model.config.corpus.encoding,
        )
        halves = [
            replace(
                dev, sentences=tuple(each for n, each in enumerate(dev.sentences) if n // BLOCK % 2 == half)
            )
            for half in (0, 1)
        ]
        for choosing, judging in (halves, reversed(halves)):
            calibrated, rules = choose(model, choosing)
            for rule, least in rules.items():
                judged.setdefault(rule, []).append(f1(calibrated, judging, least))
    print(
        f"{chosen.dev.name}, {len(chosen.models)} models: mean F1 of the judges\n\n| names given | F1 |\n|---|---|"
    )
    for rule, values in judged.items():
        print(f"| {rule} | {100 * statistics.mean(values):.2f} |")


def choose(model: TrainedModel, dev: Corpus) -> tuple[TrainedModel, dict[str, float]]:
    """Return the model with its temperature, and the least confidence by each rule."""
    scorer = DevScorer(dev, model.config, model.lexicon)
    model = model.with_fitted(temperature=scorer.fit_temperature(model.weights))
    return model, {
        "all": 0.0,
        "from half the F1 on": f1(model, dev, 0.0) / 2,
        "from half the F1 on, unless that loses (the default)": scorer.fit_min_confidence(model.weights),
        "from the best of 0.05, 0.1 ... 0.8 on": max(GRID, key=lambda least: f1(model, dev, least)),
    }


def f1(model: TrainedModel, corpus: Corpus, least: float) -> float:
    """Return the F1 of a model that gives names from a confidence on."""
    return score_tagger(Tagger(model.with_fitted(min_confidence=least)), corpus).micro.f1


if __name__ == "__main__":
    main()
