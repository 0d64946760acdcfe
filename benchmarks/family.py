"""The family of sequence models side by side, and how far back each of them remembers.

    python benchmarks/family.py table [CORPUS ...] [--seeds 1 2 3]  # RNN, GRU, LSTM x 1, 2 directions x softmax, CRF
    python benchmarks/family.py memory [--output docs/explanation/memory.svg]  # a tag copied over 5, 20 and 80 tokens

Prints Markdown. The table trains each member with the default settings on the labelled data alone. The second
experiment gives a sentence whose first word decides the tag of its last one, with nothing but filler between: what a
network gets right there, it has remembered.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from accuracy import run_trial
from corpora import load
from report.cells import show

from tagger import config
from tagger.text.conll import Corpus, Sentence
from tagger.text.schemes import Scheme
from tagger.training import run
from tagger.training.data import prepare_corpora
from tagger.training.recipes import labelled
from tagger.training.recipes.labelled import FinishedLabeller

CELLS = ("rnn", "gru", "lstm")
DISTANCES = (5, 20, 80)
KINDS = ("a", "b", "c", "d")


def print_table(names: Sequence[str], seeds: Sequence[int], overrides: dict[str, object]) -> None:
    """Print a row for each corpus and member."""
    print(
        "| corpus | cell | directions | decoder | dev F1 | test F1 | s | train tok/s | decode tok/s | parameters |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in names:
        parts = load(name)
        for cell, directions, decoder in itertools.product(CELLS, (1, 2), ("softmax", "crf")):
            member = overrides | {
                "encoder.kind": cell,
                "encoder.directions": directions,
                "decoder.kind": decoder,
                "training.workers": 1,
            }
            trials = [
                run_trial(parts, config.override(config.Config(), member | {"seed": seed})) for seed in seeds
            ]
            row = [
                name,
                cell.upper(),
                str(directions),
                decoder,
                show([100 * trial.dev.headline[1] for trial in trials], 2),
                show([100 * trial.test.headline[1] for trial in trials], 2),
                f"{statistics.mean(trial.seconds for trial in trials):.0f}",
                f"{statistics.median(trial.train_rate for trial in trials):,.0f}",
                f"{statistics.median(trial.decode_rate for trial in trials):,.0f}",
                f"{trials[0].parameters:,}",
            ]
            print("| " + " | ".join(row) + " |", flush=True)


def make_sentences(distance: int, count: int, seed: int) -> tuple[Sentence, ...]:
    """Write sentences whose last tag repeats what the first word said `distance` tokens before."""
    generator = np.random.default_rng((seed, distance))
    sentences = []
    for number in range(count):
        kind = KINDS[int(generator.integers(len(KINDS)))]
        filler = [f"f{word}" for word in generator.integers(20, size=distance - 1)]
        tags = ("O",) * distance + (f"B-{kind}",)
        sentences.append(Sentence((kind, *filler, "?"), tags, document=number))
    return tuple(sentences)


def measure_memory(cell: str, distance: int, seeds: Sequence[int]) -> list[float]:
    """Return the share of last tags that each seed's network gets right; a guess gets a quarter."""
    found = []
    for seed in seeds:
        settings = config.override(
            config.Config(),
            {
                "seed": seed,
                "encoder.kind": cell,
                "encoder.directions": 1,
                "encoder.context": 1,
                "decoder.kind": "softmax",
                "training.epochs": 15,
                "training.workers": 1,
                "training.language_weight": 0.0,
                "training.input_dropout": 0.0,
                "training.output_dropout": 0.0,
                "training.word_dropout": 0.0,
                "training.unknown_strength": 0.0,
            },
        )
        parts = [
            Corpus(name, make_sentences(distance, count, 1000 * seed + part), Scheme.IOB2, "", ())
            for part, (name, count) in enumerate((("train", 1000), ("dev", 200), ("test", 400)))
        ]
        data = prepare_corpora(*parts, config=settings)
        with tempfile.TemporaryDirectory() as folder:
            *_, finished = run.train(labelled.prepare(data), Path(folder))
            assert isinstance(finished, FinishedLabeller)
        assert finished.test is not None
        found.append(finished.test.scores.micro.recall)
    return found


def print_memory(seeds: Sequence[int], output: Path | None) -> None:
    """Print the table and draw the plot."""
    print("| cell | " + " | ".join(f"{distance} tokens" for distance in DISTANCES) + " |")
    print("|---|" + "---|" * len(DISTANCES))
    means: dict[str, list[float]] = {}
    for cell in CELLS:
        means[cell] = []
        cells = []
        for distance in DISTANCES:
            values = measure_memory(cell, distance, seeds)
            means[cell].append(statistics.mean(values))
            cells.append(show([100 * value for value in values], 2))
        print(f"| {cell.upper()} | " + " | ".join(cells) + " |", flush=True)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(draw(means), encoding="utf-8")


def draw(means: dict[str, list[float]]) -> str:
    """Draw the shares as lines over the distances, as SVG."""
    colours = {"rnn": "#c0392b", "gru": "#2471a3", "lstm": "#1e8449"}
    places = [60, 210, 360]
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 460 260" font-family="sans-serif" font-size="12">',
        '<rect width="460" height="260" fill="white"/>',
        '<text x="20" y="20">last tag right (%), by the distance over which it is copied</text>',
    ]
    for share in (0, 25, 50, 75, 100):
        y = 220 - 1.8 * share
        lines.append(f'<line x1="50" x2="370" y1="{y}" y2="{y}" stroke="#ddd"/>')
        lines.append(f'<text x="42" y="{y + 4}" text-anchor="end">{share}</text>')
    for x, distance in zip(places, DISTANCES, strict=True):
        lines.append(f'<text x="{x}" y="240" text-anchor="middle">{distance} tokens</text>')
    for cell, values in means.items():
        points = [(x, 220 - 180 * value) for x, value in zip(places, values, strict=True)]
        path = " ".join(f"{x},{y:.1f}" for x, y in points)
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colours[cell]}" stroke-width="2"/>')
        lines.append(
            f'<text x="370" y="{points[-1][1] + 4:.1f}" fill="{colours[cell]}">{cell.upper()}</text>'
        )
    return "\n".join([*lines, "</svg>"]) + "\n"


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("table", "memory"))
    parser.add_argument("corpora", nargs="*", default=["resume-zh", "conll2002-es"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--set", action="append", default=[], dest="overrides", help="section.field=value")
    parser.add_argument("--output", type=Path, help="where the plot goes, as SVG")
    chosen = parser.parse_args()
    if chosen.what == "table":
        print_table(chosen.corpora, chosen.seeds, config.parse_assignments(chosen.overrides))
    else:
        print_memory(chosen.seeds, chosen.output)


if __name__ == "__main__":
    main()
