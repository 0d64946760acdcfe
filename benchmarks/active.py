"""How many labels are saved by choosing what to label next: simulated curves, beside a random choice.

    python benchmarks/active.py conll2002-es wnut17 resume-zh --seeds 1 2 3 4 5 --output DIR
        [--arms random entropy errors ...] [--sizes 200 400 700 1000 1500 2000] [--report]

Each run begins with the same random sentences of the training part; the rest is the pool, whose tags are hidden. A
model is trained, chooses the next sentences, their tags are revealed, and a new model is trained on all. An arm is
CRITERION[/COST][~FADE]: `random`; `entropy` or `errors` as `tagger next` measures them; `margin`, one less the
difference of the probabilities of the two best readings. COST is `sentence` (each costs the same), `token`, or a
number of tokens that a sentence costs beside its own; FADE is how much a doubt counts that was chosen already, 1 for
as much.

What is found lies below DIR, and is not computed again. Random choice goes through all sizes, the others until they
have twice reached what it has at the last one. Every sentence stands alone, in training, in the pool and on dev; a
part of dev chooses the epoch, all of it is scored.
"""

from __future__ import annotations

import itertools
import json
import random
import shutil
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from corpora import Parts, arguments, load
from report.figures import Row
from report.rows import add_option, print_rows

import tagger
from tagger.config import parse_assignments
from tagger.runtime.evaluation import compare_tags
from tagger.runtime.questions import Doubt
from tagger.runtime.selection import FADE, Candidate, choose
from tagger.runtime.tagger import Tagger
from tagger.text.conll import Corpus, Sentence

ARMS = ("random", "entropy", "errors")
SIZES = (200, 400, 700, 1000, 1500, 2000)
_EPOCHS = 6  # and as many as it takes
_STEPS = 300  # for so many, at 16 sentences each: few sentences are learnt in few epochs by nobody
_DEV_SENTENCES = 300  # that choose the epoch


class Arm(NamedTuple):
    """How sentences are chosen."""

    criterion: str
    overhead: float | None = None  # tokens that a sentence costs beside its own; None: all cost the same
    fade: float = FADE

    def weigh_cost(self, tokens: int) -> float:
        """Return what labelling a sentence costs."""
        return 1.0 if self.overhead is None else self.overhead + tokens


def parse_arm(name: str) -> Arm:
    """Return the arm of a name such as `errors/token~0.5`."""
    rest, _, fade = name.partition("~")
    criterion, _, cost = rest.partition("/")
    overhead = {"": None, "sentence": None, "token": 0.0}.get(cost, cost)
    return Arm(criterion, None if overhead is None else float(overhead), float(fade or FADE))


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--arms", nargs="+", default=list(ARMS))
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--report", action="store_true", help="only print what was measured")
    add_option(parser)
    given = parser.parse_args()
    if not given.report:
        for seed in given.seeds:
            for name in given.corpora:
                parts = load(name)
                for arm in given.arms:
                    sizes = [each for each in given.sizes if each <= len(parts.train)]
                    changes = parse_assignments(given.overrides)
                    Simulation(given.output, name, parts, arm, seed, sizes, changes).run()
    rows = (
        row
        for name in given.corpora
        for row in report(given.output, name, given.arms, given.seeds, given.sizes)
    )
    print_rows("next", rows, as_json=given.as_json)


class Simulation:
    """One arm on one corpus with one seed."""

    def __init__(
        self,
        output: Path,
        name: str,
        parts: Parts,
        arm: str,
        seed: int,
        sizes: Sequence[int],
        changes: Mapping[str, Any],
    ) -> None:
        self._changes = {field.replace(".", "__"): value for field, value in changes.items()}
        self._place = output / name / arm.replace("/", "_per_")
        self._shared = output / name / f"start-{seed}"
        self._parts = parts
        self._arm = parse_arm(arm)
        self._name = f"{name} {arm} seed {seed}"
        self._seed = seed
        self._sizes = sizes
        self._random = random.Random(seed)
        self._target = read_target(output, name, sizes[-1])
        documents = enumerate(parts.train)
        self._pool = [replace(sentence, document=number) for number, sentence in documents]
        self._dev = [replace(sentence, document=number) for number, sentence in enumerate(parts.dev)]
        self._choosers = random.Random(0).sample(self._dev, min(_DEV_SENTENCES, len(self._dev)))

    def run(self) -> None:
        """Go through the sizes; what is known already is read."""
        chosen = sorted(self._random.sample(range(len(self._pool)), self._sizes[0]))
        reached = 0
        for number, size in enumerate(self._sizes):
            file = self._place / f"{self._seed}-{size}.json"
            wanted = self._sizes[number + 1] - size if number + 1 < len(self._sizes) else 0
            if file.exists():
                facts = json.loads(file.read_text())
            else:
                facts = self._measure(chosen, size, wanted)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(json.dumps(facts))
                print(
                    f"{self._name}: {size} sentences, {facts['tokens']} tokens, F1 {facts['f1']:.2f}",
                    flush=True,
                )
            chosen = chosen + facts["next"]
            reached += facts["f1"] >= (self._target or 101)
            if reached >= 2 and self._arm.criterion != "random":
                break

    def _measure(self, chosen: Sequence[int], size: int, wanted: int) -> dict[str, Any]:
        is_first = size == self._sizes[0]
        place = self._shared if is_first else self._place / f"model-{self._seed}"
        if not (is_first and (place / "model.safetensors").exists()):
            self._train(chosen, place)
        labeller = tagger.load(place)
        dev = self._corpus(self._dev)
        tags = (
            each.tags
            for each in labeller.predict_tokens([each.tokens for each in self._dev], confidences=False)
        )
        scores = compare_tags(dev, tags, labeller.model.scheme)
        rest = sorted(set(range(len(self._pool))) - set(chosen))
        found = self._choose(labeller, rest, wanted)
        if not is_first:
            shutil.rmtree(place)
        tokens = sum(len(self._pool[each]) for each in chosen)
        return {"f1": 100 * scores.micro.f1, "tokens": tokens, "next": found}

    def _train(self, chosen: Sequence[int], place: Path) -> None:
        tagger.train(
            train=self._corpus([self._pool[each] for each in chosen]),
            dev=self._corpus(self._choosers),
            output=place,
            overwrite=True,
            seed=self._seed,
            epochs=max(_EPOCHS, _STEPS * 16 // len(chosen)),
            device="cpu",
            **self._changes,
        )

    def _corpus(self, sentences: Sequence[Sentence]) -> Corpus:
        return Corpus("<active>", tuple(sentences), self._parts.scheme, "", ())

    def _choose(self, labeller: Tagger, rest: Sequence[int], wanted: int) -> list[int]:
        """Return the numbers of the next sentences."""
        if self._arm.criterion == "random" or not wanted:
            return random.Random(1000 * self._seed + wanted).sample(list(rest), wanted)
        sentences = [self._pool[each].tokens for each in rest]
        is_margin = self._arm.criterion == "margin"
        doubt = None if is_margin else Doubt(self._arm.criterion)
        found = labeller.predict_tokens(sentences, doubt=doubt, nbest=2 if is_margin else 0)
        candidates = []
        for tokens, labelling in zip(sentences, found, strict=True):
            doubts = labelling.doubts
            if doubts is None:
                first, *others = labelling.nbest or ()
                margin = first.confidence - (others[0].confidence if others else 0.0)
                doubts = [(1 - margin) / len(tokens)] * len(tokens)
            candidates.append(Candidate(tokens, doubts, self._arm.weigh_cost(len(tokens))))
        return [rest[place] for place, _ in choose(candidates, wanted, self._arm.fade)]


def read_target(output: Path, name: str, size: int) -> float | None:
    """Return the mean F1 that a random choice of so many sentences has reached, as far as it is known."""
    found = [json.loads(path.read_text())["f1"] for path in (output / name / "random").glob(f"*-{size}.json")]
    return statistics.fmean(found) if found else None


def report(
    output: Path, name: str, arms: Sequence[str], seeds: Sequence[int], sizes: Sequence[int]
) -> Iterator[Row]:
    """Yield the curve of each arm, and the labels that it needs for what a random choice has at the last size."""
    target = read_target(output, name, sizes[-1])
    for arm in arms:
        row: dict[str, Any] = {"corpus": name, "arm": arm}
        curve: list[tuple[float, float, float]] = []
        for size in sizes:
            files = [output / name / arm.replace("/", "_per_") / f"{seed}-{size}.json" for seed in seeds]
            found = [json.loads(path.read_text()) for path in files if path.exists()]
            if found:
                f1 = statistics.fmean(each["f1"] for each in found)
                tokens = statistics.fmean(each["tokens"] for each in found)
                curve.append((size, tokens, f1))
                row[f"f{size}"] = [round(each["f1"], 2) for each in found]
                row[f"t{size}"] = round(tokens / 1000, 1)
        row["sentences"], row["tokens"] = _find_crossing(curve, target)
        yield row


def _find_crossing(
    curve: Sequence[tuple[float, float, float]], target: float | None
) -> tuple[int, float] | tuple[None, None]:
    """Return at how many sentences and thousands of tokens a curve, straight between its points, has the target."""
    for (size, tokens, f1), (next_size, next_tokens, next_f1) in itertools.pairwise(curve):
        if target is not None and f1 < target <= next_f1:
            share = (target - f1) / (next_f1 - f1)
            return (
                round(size + share * (next_size - size)),
                round((tokens + share * (next_tokens - tokens)) / 1000, 1),
            )
    return None, None


if __name__ == "__main__":
    main()
