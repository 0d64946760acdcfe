"""The diagrams of docs/: drawn from numbers, none by hand.

    python -m tools.diagrams                              # the lattice of docs/explanation/crf.md
    python -m tools.diagrams --model M --gold FILE        # and what there is to see of a model

Of a model and a corpus with gold labels: its moves (`transitions.svg`), whether its confidences come true
(`calibration.svg`) and F1 over the least confidence of a name (`left-out.svg`). The pages say which model it was.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from itertools import pairwise, product
from pathlib import Path
from typing import NamedTuple

import tagger
from tagger.runtime import inspection
from tagger.scoring.report.pictures import draw_calibration
from tagger.text.output import write_text

FOLDER = Path(__file__).parents[1] / "docs" / "images"
THRESHOLDS = [number / 50 for number in range(50)]

# The example of docs/explanation/crf.md: weights, whose logarithms are the scores.
TAGS = "OBI"
WORDS = {"Ada": (1, 4, 1), "Li": (2, 1, 4), "sings": (8, 1, 1)}
STARTS = (1, 1, 0)
MOVES = ((2, 1, 0), (1, 1, 2), (2, 1, 1))

# As the pictures of `tagger inspect`, for light and dark screens alike.
_STYLE = """
.paper { fill: #fff }
text { fill: #1b1f24 }
.small { font-size: 11px }
.frame, .ideal, .curve, .mark, .way { fill: none }
.frame, .ideal { stroke: #8a9099 }
.ideal, .mark { stroke-dasharray: 4 4 }
.mark { stroke: #b2182b }
.marked { fill: #b2182b }
.curve, .way { stroke: #2166ac }
.curve { stroke-width: 2 }
.grid { stroke: #d0d3d8 }
.bar { fill: #92c5de }
.count { fill: #d0d3d8 }
.dot { fill: #2166ac }
.node { fill: #f7f7f7; stroke: #2166ac }
@media (prefers-color-scheme: dark) {
.paper { fill: #14171c }
text { fill: #e7eaee }
.mark { stroke: #f4736b }
.marked { fill: #f4736b }
.curve, .way { stroke: #5aa9e6 }
.grid { stroke: #39404a }
.bar { fill: #2f5f85 }
.count { fill: #39404a }
.dot { fill: #5aa9e6 }
.node { fill: #2a2f36; stroke: #5aa9e6 }
}
"""


# The lattice


class Lattice(NamedTuple):
    """What a list of all tag sequences says of a short sentence.

    Attributes:
        total: Z, the sum of their weights.
        tags: how probable each tag is, by the token's number and the tag's row.
        moves: how probable each move is, by the token it starts from and the rows of its tags.
    """

    total: int
    tags: dict[tuple[int, int], float]
    moves: dict[tuple[int, int, int], float]


def enumerate_paths() -> Lattice:
    """Weigh every tag sequence of the example."""
    rows = list(WORDS.values())
    weights = {}
    for path in product(range(len(TAGS)), repeat=len(rows)):
        steps = (MOVES[i][j] for i, j in pairwise(path))
        weights[path] = STARTS[path[0]] * math.prod(steps) * math.prod(map(tuple.__getitem__, rows, path))
    total = sum(weights.values())
    tags: dict[tuple[int, int], float] = {}
    moves: dict[tuple[int, int, int], float] = {}
    for path, weight in weights.items():
        for place in enumerate(path):
            tags[place] = tags.get(place, 0.0) + weight / total
        for token, (i, j) in enumerate(pairwise(path)):
            moves[token, i, j] = moves.get((token, i, j), 0.0) + weight / total
    return Lattice(total, tags, moves)


def draw_lattice() -> str:
    """Draw the example: words in columns, tags in rows, moves as lines that are as thick as they are probable."""
    lattice = enumerate_paths()

    def place(token: int, row: int) -> tuple[int, int]:
        return 110 + 190 * token, 76 + 84 * row

    parts = []
    for (token, i, j), probability in lattice.moves.items():
        if MOVES[i][j] and lattice.tags[token, i]:
            (x1, y1), (x2, y2) = place(token, i), place(token + 1, j)
            share = 0.24  # labels stand where lines have parted and not yet crossed others
            x, y = x1 + share * (x2 - x1), y1 + share * (y2 - y1) - 5
            parts.append(
                f'<path class="way" d="M{x1} {y1}L{x2} {y2}" stroke-width="{0.6 + 11 * probability:.1f}" '
                f'stroke-opacity="0.55"><title>{TAGS[i]} to {TAGS[j]}: {probability:.4f}</title></path>'
                f'<text class="small" x="{x:.0f}" y="{y:.0f}" text-anchor="middle">× {MOVES[i][j]}</text>'
            )
    for (token, row), probability in lattice.tags.items():
        x, y = place(token, row)
        weight = list(WORDS.values())[token][row]
        parts.append(
            f'<circle class="node" cx="{x}" cy="{y}" r="29"/>'
            f'<text x="{x}" y="{y}" text-anchor="middle">{probability:.4f}</text>'
            f'<text class="small" x="{x}" y="{y + 15}" text-anchor="middle">× {weight}</text>'
        )
    for token, word in enumerate(WORDS):
        parts.append(f'<text x="{place(token, 0)[0]}" y="24" text-anchor="middle">{word}</text>')
    for row, tag in enumerate(TAGS):
        parts.append(f'<text x="30" y="{place(0, row)[1] + 5}" text-anchor="middle">{tag}</text>')
    title = f"Probabilities of tags and moves; all sequences together weigh {lattice.total}"
    return frame(title, 600, 300, "".join(parts))


# A model


def draw_curve(scores: Sequence[tuple[float, float]], chosen: float, title: str) -> str:
    """Draw F1 over the least confidence of a name.

    Args:
        scores: least confidence and F1, rising.
        chosen: the least confidence that the model has.
        title: what is seen.
    """
    left, top, wide, tall = 54, 20, 480, 240
    low = math.floor(min(f1 for _, f1 in scores[: len(scores) * 4 // 5]) * 50) / 50  # the end falls to 0
    high = math.ceil(max(f1 for _, f1 in scores) * 50) / 50

    def place(least: float, f1: float) -> tuple[float, float]:
        return left + wide * least, top + tall * (high - f1) / (high - low)

    parts = [f'<rect class="frame" x="{left}" y="{top}" width="{wide}" height="{tall}"/>']
    for number in range(6):
        least, f1 = number / 5, low + (high - low) * number / 5
        x, y = place(least, f1)
        parts.append(
            f'<line class="grid" x1="{left}" x2="{left + wide}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{100 * f1:.1f}</text>'
            f'<text x="{x:.1f}" y="{top + tall + 18}" text-anchor="middle">{least:g}</text>'
        )
    points = " ".join("{:.1f},{:.1f}".format(*place(*each)) for each in scores if each[1] >= low)
    x, _ = place(chosen, low)
    parts.append(
        f'<polyline class="curve" points="{points}"/>'
        f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{top + tall}"/>'
        f'<text class="marked" x="{x + 6:.1f}" y="{top + tall - 8}">half of dev F1: {chosen:.2f}</text>'
        f'<text x="{left + wide / 2}" y="{top + tall + 38}" text-anchor="middle">'
        "names less probable are left out</text>"
        f'<text transform="translate(12 {top + tall / 2}) rotate(-90)" text-anchor="middle">F1</text>'
    )
    return frame(title, left + wide + 20, top + tall + 50, "".join(parts))


def frame(title: str, width: float, height: float, drawing: str) -> str:
    """Return a drawing as an SVG file of its own."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" font-family="sans-serif" font-size="13" role="img">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n"
        f'<rect class="paper" width="{width:g}" height="{height:g}"/>\n'
        + drawing.replace("><", ">\n<")
        + "\n</svg>\n"
    )


def draw_model(model: str, gold: str) -> None:
    """Draw what there is to see of a model into docs/images."""
    labeller = tagger.load(model)
    transitions = inspection.inspect(model).transitions
    assert transitions is not None, "a model with a softmax has no moves"
    inspection.write(transitions, FOLDER / "transitions.svg")

    found = tagger.evaluate(labeller, gold)
    calibration = found.analysis.calibration
    assert calibration is not None, "an evaluation has confidences"
    inner = draw_calibration(calibration, "names").partition(">")[2].removesuffix("</svg>")
    title = f"Share of names that are right, by confidence; {calibration.count:,} names"
    write_text(FOLDER / "calibration.svg", [frame(title, 356, 426, inner)])

    scores = [
        (least, tagger.evaluate(labeller, gold, min_confidence=least).scores.micro.f1) for least in THRESHOLDS
    ]
    assert found.min_confidence is not None
    title = "F1 on test over the least confidence of a name"
    write_text(FOLDER / "left-out.svg", [draw_curve(scores, found.min_confidence, title)])
    print(
        f"F1 {found.scores.micro.f1:.4f}, of all names {scores[0][1]:.4f}, best {max(f1 for _, f1 in scores):.4f}"
    )
    print(f"calibration error {calibration.expected_error:.4f}")
    for each in calibration.bins:
        print(
            f"{each.low:.1f} to {each.high:.1f}: {each.size:,} names, {each.confidence:.2f}, {each.accuracy:.2f}"
        )


def main() -> None:
    """Draw what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", help="directory of a labeller")
    parser.add_argument("--gold", help="a corpus with gold labels that it wasn't trained on")
    options = parser.parse_args()
    if (options.model is None) != (options.gold is None):
        parser.error("--model and --gold go together")
    FOLDER.mkdir(exist_ok=True)
    write_text(FOLDER / "lattice.svg", [draw_lattice()])
    if options.model is not None:
        draw_model(options.model, options.gold)


if __name__ == "__main__":
    main()
