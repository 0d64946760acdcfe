"""Which epoch to keep and whether repeats should have a say, judged on training text that is held out.

    python benchmarks/choosing.py [CORPUS ...] [--seeds 1 2 3] [--held 0.2] [--set training.language_share=1]

The last part of the training sentences is neither trained on nor looked at for a choice: dev makes the choices, and
the held-out part tells what they were worth. Test is not read. Prints a Markdown row for each rule.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

from corpora import CORPORA, Parts, load

from tagger import config
from tagger.model.labeler import SequenceLabeler
from tagger.model.trained import TrainedModel
from tagger.text.conll import Corpus
from tagger.text.metrics import Score, Scores
from tagger.training import corpora, evaluate, fit, loop


class Epoch(NamedTuple):
    """What dev and the held-out part say after an epoch, without repeats and as `fit_agreement` decides."""

    plain: Score
    held_plain: Score
    dev: Score
    held: Score


def _latest(epochs: Sequence[Epoch], errors: float) -> Epoch:
    """Return the latest epoch within so many standard errors of the best on dev."""
    best = max(epoch.dev.f1 for epoch in epochs)
    return [epoch for epoch in epochs if epoch.dev.f1 >= best - errors * epoch.dev.f1_error][-1]


RULES: dict[str, Callable[[Sequence[Epoch]], float]] = {
    "the best, without repeats": lambda epochs: max(epochs, key=lambda epoch: epoch.plain.f1).held_plain.f1,
    "the last, without repeats": lambda epochs: epochs[-1].held_plain.f1,
    "the best": lambda epochs: max(epochs, key=lambda epoch: epoch.dev.f1).held.f1,
    "the latest within 1/2 of a standard error": lambda epochs: _latest(epochs, 0.5).held.f1,
    "the latest within 1 (the default)": lambda epochs: _latest(epochs, 1.0).held.f1,
    "the latest within 2": lambda epochs: _latest(epochs, 2.0).held.f1,
    "the last": lambda epochs: epochs[-1].held.f1,
}


def main() -> None:
    """Print one table for each corpus."""
    there = [name for name, source in CORPORA.items() if source.found()]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpora", nargs="*", default=there, metavar="CORPUS")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--held", type=float, default=0.2, help="share of the training sentences")
    parser.add_argument(
        "--set", action="append", default=[], dest="overrides", help="a setting, section.field=value"
    )
    chosen = parser.parse_args()
    changes = config.assignments(chosen.overrides) | {"training.workers": 1}
    for name in chosen.corpora:
        parts = load(name)
        runs = [
            watch(parts, chosen.held, config.override(config.Config(), changes | {"seed": seed}))
            for seed in chosen.seeds
        ]
        print(f"\n| {name}, seeds {chosen.seeds}: which epoch | held-out F1 | each seed |\n|---|---|---|")
        for rule, judge in RULES.items():
            values = [100 * judge(epochs) for epochs in runs]
            row = ", ".join(f"{value:.2f}" for value in values)
            print(f"| {rule} | {statistics.mean(values):.2f} | {row} |", flush=True)
        best = [100 * max(epoch.dev.f1 for epoch in epochs) for epochs in runs]
        print(f"| dev, its best epoch | {statistics.mean(best):.2f} | |", flush=True)


def watch(parts: Parts, held: float, settings: config.Config) -> list[Epoch]:
    """Train on all but the last part of the training sentences; return what every epoch is worth."""
    cut = len(parts.train) - round(held * len(parts.train))
    train, dev, rest = (
        Corpus("", sentences, parts.scheme, "", ())
        for sentences in (parts.train[:cut], parts.dev, parts.train[cut:])
    )
    data = corpora.prepare(train, dev, None, config=settings)
    run, model = fit.begin(data)
    encoded = [evaluate.encode_corpus(each.sentences, model) for each in (data.dev, rest)]
    epochs: list[Epoch] = []

    def score(labeler: SequenceLabeler) -> Scores:
        trained = TrainedModel(model.config, model.lexicon, labeler)
        labeler.agreement.fill_(0.0)
        plain, held_plain = (
            evaluate.score(trained, *each).micro for each in zip((data.dev, rest), encoded, strict=True)
        )
        chosen = evaluate.fit_agreement(trained, data.dev, encoded[0])
        epochs.append(Epoch(plain, held_plain, chosen.micro, evaluate.score(trained, rest, encoded[1]).micro))
        return chosen

    for _ in loop.train(run, corpora.encode_training(data, model.lexicon), data.config, score):
        pass
    return epochs


if __name__ == "__main__":
    main()
