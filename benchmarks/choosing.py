"""Which epoch to keep and whether repeats should have a say, judged on sentences that no choice has seen.

    python benchmarks/choosing.py [CORPUS ...] [--seeds 1 2 3] [--held 0.2] [--set training.language_share=1]

Without `--held` dev is cut into two halves, in blocks of 30 sentences: one chooses and the other judges, by turns.
With `--held` the last part of the training sentences, which then isn't trained on, judges what all of dev chose. Test
is not read. Prints a Markdown row for each rule.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from corpora import Parts, arguments, load
from torch import nn

from tagger import config, scoring
from tagger.runtime.agreement import STRENGTHS
from tagger.runtime.evaluation import label_sentences
from tagger.runtime.tagger import Tagger
from tagger.runtime.trained import TrainedModel
from tagger.scoring import Score, Scores
from tagger.text.conll import Corpus, Sentence
from tagger.training import loop, state
from tagger.training.data import prepare_corpora
from tagger.training.recipes import labelled

BLOCK = 30
ERRORS = {
    "the best": 0.0,
    "1/4 (the default)": 0.25,
    "1/2": 0.5,
    "1": 1.0,
    "2": 2.0,
    "the last": float("inf"),
}
Answer = Mapping[float, Score]  # by strength


class Epoch(NamedTuple):
    """What the sentences that choose and those that judge say after an epoch."""

    choosing: Answer
    judging: Answer

    def decide(self, errors: float | None) -> tuple[Score, Score]:
        """Return the scores of the least strength within so many standard errors of the best; None: of none."""
        if errors is None:
            return self.choosing[0.0], self.judging[0.0]
        best = max(score.f1 for score in self.choosing.values())
        chosen = next(
            strength
            for strength, score in self.choosing.items()
            if score.f1 >= best - errors * score.f1_error
        )
        return self.choosing[chosen], self.judging[chosen]


def judge(epochs: Sequence[Epoch], errors: float, repeats: float | None) -> float:
    """Return the F1 of the judges for the latest epoch within so many standard errors of the best."""
    decided = [epoch.decide(repeats) for epoch in epochs]
    best = max(chosen.f1 for chosen, _ in decided)
    if errors == 0.0:
        return next(judged.f1 for chosen, judged in decided if chosen.f1 == best)
    within = [
        judged.f1
        for chosen, judged in decided
        if math.isinf(errors) or chosen.f1 >= best - errors * chosen.f1_error
    ]
    return within[-1]


def main() -> None:
    """Print one table for each corpus."""
    parser = arguments(__doc__)
    parser.add_argument("--held", type=float, default=0.0, help="share of the training sentences")
    chosen = parser.parse_args()
    changes = config.parse_assignments(chosen.overrides) | {"training.workers": 1}
    for name in chosen.corpora:
        parts = load(name)
        runs = [
            run
            for seed in chosen.seeds
            for run in watch(parts, chosen.held, config.override(config.Config(), changes | {"seed": seed}))
        ]
        print(f"\n{name}, seeds {chosen.seeds}, {chosen.overrides or 'default'}: mean F1 of the judges\n")
        print("| the latest epoch within standard errors | " + " | ".join(ERRORS) + " |")
        print("|---|" + "---|" * len(ERRORS))
        for title, repeats in (
            ("no repeats", None),
            ("repeats where best", 0.0),
            ("within 1/4 (the default)", 0.25),
            ("within 1", 1.0),
        ):
            means = [
                statistics.mean(judge(run, errors, repeats) for run in runs) for errors in ERRORS.values()
            ]
            print(f"| {title} | " + " | ".join(f"{100 * mean:.2f}" for mean in means) + " |", flush=True)


def watch(parts: Parts, held: float, settings: config.Config) -> list[list[Epoch]]:
    """Train once; return what every epoch is worth, for each way to divide choosers from judges."""
    cut = len(parts.train) - round(held * len(parts.train))
    train, dev = (Corpus("", sentences, parts.scheme, "", ()) for sentences in (parts.train[:cut], parts.dev))
    data = prepare_corpora(train, dev, None, config=settings)
    recipe = labelled.prepare(data)
    run = state.begin(recipe.learner.network, recipe.settings)
    rest = [
        replace(each, document=-1 - each.document) for each in parts.train[cut:]
    ]  # none of dev's documents
    every = [*data.dev.sentences, *rest]
    size = len(data.dev.sentences)
    first, second = (
        (list(range(size)), list(range(size, len(every))))
        if held
        else ([n for n in range(size) if n // BLOCK % 2 == half] for half in (0, 1))
    )
    ways = [(first, second)] if held else [(first, second), (second, first)]
    found: list[list[Epoch]] = [[] for _ in ways]

    measure_dev = recipe.measure

    def measure(network: nn.Module) -> Scores:
        trained, tags = recipe.model_of(network), {}
        for strength in STRENGTHS:
            labels = Tagger(trained.with_fitted(agreement=strength))
            tags[strength] = [each.tags for each in label_sentences(labels, every, confidences=False)]
        for epochs, way in zip(found, ways, strict=True):
            epochs.append(
                Epoch(*({s: _score(trained, every, tags[s], part) for s in STRENGTHS} for part in way))
            )
        return measure_dev(network)

    recipe.measure = measure  # type: ignore[method-assign]
    for _ in loop.train(run, recipe):
        pass
    return found


def _score(
    model: TrainedModel, sentences: Sequence[Sentence], tags: Sequence[Sequence[str]], part: Sequence[int]
) -> Score:
    gold = [sentences[number].tags for number in part]
    return scoring.score(gold, [tags[number] for number in part], model.scheme, model.scheme).micro


if __name__ == "__main__":
    main()
