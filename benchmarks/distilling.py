"""Students beside their teachers: F1 on dev and on test, and the share of the ensemble's gain that students keep.

    python benchmarks/distilling.py TRAIN DEV TEST TEXT... --output DIR [--teachers 5] [--students 5]
        [--init-encoder DIR] [--clusters DIR]

Teachers have seeds from 1 upwards, students from 11; both begin with an encoder or clusters where they are given.
Everything lies below DIR; what is there isn't trained again. The ensemble's tags are the likeliest legal sequence by
the mean of the teachers' probabilities of each tag at each token. It leaves no names out, so that all are compared
with every name given; `used` are the models as they are.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import tagger
from tagger.config import override, parse_assignments
from tagger.errors import DataError
from tagger.runtime.directory import load_model
from tagger.runtime.evaluation import compare_tags, label_sentences
from tagger.runtime.tagger import Tagger, load_tagger
from tagger.text.schemes import Scheme, convert
from tagger.text.schemes.steps import Constraints, allowed
from tagger.training.data import list_tags, read_corpora
from tagger.training.distillation.teaching import Teachers


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("train", type=Path)
    parser.add_argument("dev", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("texts", type=Path, nargs="+")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--input-format", default="auto")
    parser.add_argument("--teachers", type=int, default=5)
    parser.add_argument("--students", type=int, default=5)
    parser.add_argument("--init-encoder", type=Path)
    parser.add_argument("--clusters", type=Path, action="append", default=[])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], help="settings of the students")
    given = parser.parse_args()
    shared = {
        "dev": given.dev,
        "test": given.test,
        "init_encoder": given.init_encoder,
        "clusters": given.clusters,
        "workers": given.workers,
        "resume": True,
    }
    teachers = [given.output / f"teacher-{seed}" for seed in range(1, given.teachers + 1)]
    alone = [
        tagger.train(train=given.train, output=place, seed=seed, **shared)
        for seed, place in enumerate(teachers, 1)
    ]
    students = [
        tagger.distill(
            texts=given.texts,
            teachers=teachers,
            gold=given.train,
            output=given.output / f"student-{seed}",
            input_format=given.input_format,
            seed=seed,
            **shared,
            **{name.replace(".", "__"): value for name, value in parse_assignments(given.set).items()},
        )
        for seed in range(11, 11 + given.students)
    ]
    parts = {"dev": given.dev, "test": given.test}
    for part, path in parts.items():
        used = {"teachers": alone, "students": students}
        together = score_ensemble(given.train, path, teachers)
        means = {}
        for name, row in used.items():
            scores = [score_all_names(given.train, path, each.directory) for each in row]
            means[name] = statistics.fmean(scores)
            own = [100 * (each.test if part == "test" else each.dev).headline[1] for each in row]
            print(f"{part:4} {name}: all names {show(scores)}; used {show(own)}")
        kept = (means["students"] - means["teachers"]) / (together - means["teachers"])
        print(f"{part:4} teachers together: {together:.2f}; students keep {kept:.2f} of what they gain")


def show(scores: Sequence[float]) -> str:
    """Return scores, their mean, and their standard deviation."""
    spread = statistics.stdev(scores) if len(scores) > 1 else 0.0
    return (
        f"{', '.join(f'{each:.2f}' for each in scores)} (mean {statistics.fmean(scores):.2f}, {spread:.2f})"
    )


def score_all_names(train: Path, gold: Path, place: Path) -> float:
    """Return the F1 (per cent) of a model that gives every name of the best sequence."""
    model = load_model(place).with_fitted(min_confidence=0.0)
    data = read_corpora(train, gold, None, model.config)
    found = label_sentences(Tagger(model), data.dev.sentences)
    return 100 * compare_tags(data.dev, (each.tags for each in found), model.scheme, None).micro.f1


def score_ensemble(train: Path, gold: Path, places: list[Path]) -> float:
    """Return the F1 (per cent) of the likeliest legal tags by the mean of the models' probabilities."""
    config = override(load_model(places[0]).config, {"distillation.temperature": 1.0})
    data = read_corpora(train, gold, None, config)
    tags = list_tags(data)
    teachers = Teachers([(str(each), load_tagger(each)) for each in places], tags, config)
    sentences = data.dev.sentences
    if not sentences:
        raise DataError("found no sentence, expected some to score", gold)
    labels = teachers.soften([each.tokens for each in sentences], [each.document for each in sentences])
    shares = np.zeros((int(labels.sizes.sum()), len(tags)))
    shares[labels.tokens, labels.tags] = labels.shares
    legal = allowed(tags, Scheme.BIOES)
    ends = np.cumsum(labels.sizes)[:-1]
    found = [
        convert([tags[each] for each in find_best(own, legal)], Scheme.BIOES, data.dev.scheme)
        for own in np.split(shares, ends)
    ]
    return 100 * compare_tags(data.dev, found, data.dev.scheme, None).micro.f1


def find_best(shares: NDArray[np.float64], legal: Constraints) -> list[int]:
    """Return the legal sequence of tags whose shares (T, K) have the greatest product."""
    scores = np.log(np.maximum(shares, 1e-12))
    start, steps, end = (np.where(each, 0.0, -np.inf) for each in legal)
    best, sources = scores[0] + start, []
    for row in scores[1:]:
        through = best[:, None] + steps
        sources.append(through.argmax(axis=0))
        best = through.max(axis=0) + row
    path = [int((best + end).argmax())]
    for source in reversed(sources):
        path.append(int(source[path[-1]]))
    return path[::-1]


if __name__ == "__main__":
    main()
