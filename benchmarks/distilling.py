"""Students beside their teachers: F1 on dev and on test, and the share of the ensemble's gain that students keep.

    python benchmarks/distilling.py TRAIN DEV TEST TEXT... --output DIR [--teachers 3] [--students 2]

Teachers have seeds from 1 upwards, students from 11. Everything lies below DIR; what is there isn't trained again.
The ensemble is what the mean of the teachers' probabilities says of each token. It can't leave names out, so that on
dev all are compared with every name given; test is scored as the models are used.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

import tagger
from tagger.config import parse_assignments
from tagger.errors import DataError
from tagger.runtime.directory import load_model
from tagger.runtime.evaluation import compare_tags, label_sentences
from tagger.runtime.tagger import Tagger, load_tagger
from tagger.text.schemes import Scheme, convert
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
    parser.add_argument("--teachers", type=int, default=3)
    parser.add_argument("--students", type=int, default=2)
    parser.add_argument("--set", action="append", default=[], help="settings of the students")
    given = parser.parse_args()
    corpora = {"dev": given.dev, "test": given.test}
    teachers = [given.output / f"teacher-{seed}" for seed in range(1, given.teachers + 1)]
    alone = [
        tagger.train(train=given.train, output=place, seed=seed, resume=True, **corpora)
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
            resume=True,
            **corpora,
            **{name.replace(".", "__"): value for name, value in parse_assignments(given.set).items()},
        )
        for seed in range(11, 11 + given.students)
    ]
    together = score_ensemble(given.train, given.dev, teachers)
    rows = {"teachers": alone, "students": students}
    means = {}
    for name, row in rows.items():
        scores = [score_all_names(given.train, given.dev, each.directory) for each in row]
        means[name] = statistics.fmean(scores)
        print(f"dev  {name}: {', '.join(f'{each:.2f}' for each in scores)}; mean {means[name]:.2f}")
    kept = (means["students"] - means["teachers"]) / (together - means["teachers"])
    print(f"dev  teachers together: {together:.2f}; students keep {kept:.2f} of what they gain")
    for name, row in rows.items():
        scores = [100 * each.test.micro.f1 for each in row if each.test is not None]
        print(
            f"test {name}: {', '.join(f'{each:.2f}' for each in scores)}; mean {statistics.fmean(scores):.2f}"
        )


def score_all_names(train: Path, dev: Path, place: Path) -> float:
    """Return the F1 (per cent) of a model that gives every name of the best sequence."""
    model = load_model(place).with_fitted(min_confidence=0.0)
    data = read_corpora(train, dev, None, model.config)
    found = label_sentences(Tagger(model), data.dev.sentences)
    return 100 * compare_tags(data.dev, (each.tags for each in found), model.scheme, None).micro.f1


def score_ensemble(train: Path, dev: Path, places: list[Path]) -> float:
    """Return the F1 (per cent) of the likeliest tag of each token, contradictions mended as when tags are read."""
    data = read_corpora(train, dev, None, load_tagger(places[0]).model.config)
    tags = list_tags(data)
    teachers = Teachers([(str(each), load_tagger(each)) for each in places], tags, data.config)
    sentences = data.dev.sentences
    if not sentences:
        raise DataError("found no sentence, expected some to score", dev)
    labels = teachers.soften([each.tokens for each in sentences], [each.document for each in sentences])
    found = [
        convert([option[0] for option in options], Scheme.BIOES, data.dev.scheme)
        for options in labels.options(tags)
    ]
    return 100 * compare_tags(data.dev, found, data.dev.scheme, None).micro.f1


if __name__ == "__main__":
    main()
