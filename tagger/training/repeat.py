"""Several runs that differ in their seed alone, one after the other: how much of a score is chance, and the best.

Each seed trains in a directory of its own below the output, where it can be resumed as any run; once it has ended its
scores are written down and its model takes the output's place, or goes. So the output always holds the best so far,
and a finished seed is never trained again.
"""

from __future__ import annotations

import hashlib
import json
import statistics
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from tagger import config as settings
from tagger.errors import ModelError
from tagger.runtime import directory as files
from tagger.runtime import reports
from tagger.scoring import Scores
from tagger.text.objects import describe, dump_json
from tagger.text.output import encode_text, write_atomically
from tagger.text.schemes import Scheme
from tagger.training import card, output, run
from tagger.training.data import Corpora
from tagger.training.recipes import labelled
from tagger.training.recipes.labelled import FinishedLabeller, score_model
from tagger.training.run import Complete, Fact, Stopped
from tagger.training.workers.peers import ALONE, Peers

_MOST_BYTES = 1 << 30  # of the record: a thousand seeds of a megabyte


@dataclass(frozen=True, slots=True)
class Trial:
    """A seed and what its run came to.

    Attributes:
        facts: what `FinishedLabeller.as_dict` says of it.
        measure: what is compared: F1, or accuracy for bare labels.
    """

    seed: int
    facts: dict[str, Any]
    measure: str

    @property
    def dev(self) -> float:
        """Between 0 and 1."""
        return self._of(self.facts["dev"])

    @property
    def test(self) -> float | None:
        """Between 0 and 1; None where there is no test corpus."""
        return None if self.facts["test"] is None else self._of(self.facts["test"])

    def _of(self, part: dict[str, Any]) -> float:
        return float(part["token_accuracy"] if self.measure == "accuracy" else part["micro"]["f1"])

    def as_dict(self) -> dict[str, Any]:
        """Return the line of the record."""
        return {"seed": self.seed, **self.facts}


class Spread(NamedTuple):
    """Of some scores: their mean, and the standard deviation of one run (n - 1); 0 where there is but one."""

    mean: float
    deviation: float


@dataclass(frozen=True, slots=True)
class Repeated:
    """All seeds, by number, and the best one's model."""

    best: FinishedLabeller
    trials: tuple[Trial, ...]

    @property
    def chosen(self) -> Trial:
        """The seed whose model is kept: the best on dev, the first of equals."""
        return choose(self.trials)

    @property
    def dev(self) -> Spread:
        """The spread of the dev scores."""
        return spread([trial.dev for trial in self.trials])

    @property
    def test(self) -> Spread | None:
        """The spread of the test scores."""
        found = [trial.test for trial in self.trials if trial.test is not None]
        return spread(found) if found else None

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` says beside the scores of the best."""
        return {
            "best_seed": self.chosen.seed,
            "measure": self.chosen.measure,
            "mean": {"dev": self.dev.mean, "test": self.test and self.test.mean},
            "deviation": {"dev": self.dev.deviation, "test": self.test and self.test.deviation},
            "seeds": [trial.as_dict() for trial in self.trials],
        }


def choose(trials: Iterable[Trial]) -> Trial:
    """Return the best on dev; of equals the one with the lowest seed."""
    return min(trials, key=lambda trial: (-trial.dev, trial.seed))


def spread(values: list[float]) -> Spread:
    """Return the mean of one or more values and their standard deviation.

    >>> spread([0.5, 0.7])
    Spread(mean=0.6, deviation=0.1414213562373095)
    """
    return Spread(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0)


def repeat(
    data: Corpora,
    directory: Path,
    count: int,
    *,
    resume: bool = False,
    overwrite: bool = False,
    keeps_all: bool = False,
    stop: Callable[[], bool] = lambda: False,
    peers: Peers = ALONE,
) -> Iterator[Fact[Scores] | Repeated]:
    """Train on the same corpora with `count` seeds, from the configuration's upwards, yielding the facts of each run.

    Sentences that are held out are the same for all: their scores can be compared.

    Args:
        directory: where the best model goes, and the record of all seeds.
        resume: go on where a run with the same settings and corpora stopped; it may have had another `count`.
        overwrite: replace what is there: a finished model stays until the last seed has ended.
        keeps_all: every seed's model stays in its own directory (`place_of`), for students.
        peers: processes that train each seed together, see `run.train`.

    Raises:
        DataError: the directory holds what may not be replaced.
        ModelError: the record in `directory` is of other settings or corpora.
    """
    if not peers.is_first:
        yield from _follow(data, directory, stop, peers)
        return
    files.prepare_directory(directory)
    with files.locked(directory):
        if resume:
            output.settle(directory)
        place = output.find_place(directory, resume=resume, overwrite=overwrite, several=True)
        is_new = not (resume and output.has_seeds(place))
        if is_new:
            output.make_room(directory, place)
            output.begin(place)
        record = _Record(place, data, keeps_all=keeps_all)
        record.read()
        first = data.config.seed
        missing = peers.share([seed for seed in range(first, first + count) if seed not in record.trials])
        for seed in missing:
            recipe = labelled.prepare(_seeded(data, seed))
            for fact in run.train(recipe, place_of(place, seed), resume=resume, stop=stop, peers=peers):
                if not isinstance(fact, Complete):  # a kill came between its end and the record
                    yield fact
                if isinstance(fact, Stopped):
                    return
                if isinstance(fact, FinishedLabeller):
                    record.add(seed, fact)
        if not missing:
            chosen = record.chosen.facts
            yield Complete(chosen["epochs"], chosen["best_epoch"], directory)
        repeated = _conclude(data, place, record)
        output.discard_run(place)
        output.settle(directory)
        yield peers.share(replace(repeated, best=replace(repeated.best, directory=directory)))


def _follow(
    data: Corpora, directory: Path, stop: Callable[[], bool], peers: Peers
) -> Iterator[Fact[Scores] | Repeated]:
    """Train along with the first process, which knows what is left to be done."""
    missing: list[int] = peers.share([])
    for seed in missing:
        recipe = labelled.prepare(_seeded(data, seed))
        for fact in run.train(recipe, place_of(directory, seed), stop=stop, peers=peers):
            yield fact
            if isinstance(fact, Stopped):
                return
    repeated: Repeated | None = peers.share(None)
    assert repeated is not None
    if not missing:
        yield Complete(repeated.best.epochs, repeated.best.best_epoch, directory)
    yield repeated


def _seeded(data: Corpora, seed: int) -> Corpora:
    return replace(data, config=settings.override(data.config, {"seed": seed}))


def place_of(directory: Path, seed: int) -> Path:
    """Return where a seed is trained."""
    return directory / f"seed-{seed}"


class _Record:
    """`seeds.json`: what the finished seeds came to. It names the settings and corpora that it holds for."""

    def __init__(self, directory: Path, data: Corpora, *, keeps_all: bool) -> None:
        self._directory = directory
        self._keeps_all = keeps_all
        self._path = directory / files.SEEDS
        content = settings.render(data.config).encode() + data.fingerprint()
        self._fingerprint = hashlib.sha256(content).hexdigest()
        self._measure = "accuracy" if Scheme(data.config.corpus.scheme) is Scheme.BARE else "F1"
        self.trials: dict[int, Trial] = {}

    def read(self) -> None:
        """Take over what is there, and end what a kill left half done."""
        if not self._path.is_file():
            return
        try:
            found = json.loads(files.read_bounded(self._path, _MOST_BYTES) or b"")
            trials = {int(line["seed"]): self._trial(line) for line in found["seeds"]}
            fingerprint = found["fingerprint"]
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            reason = str(error)[:100]
            raise ModelError(
                f"is not what --seeds writes ({reason}); start anew with --overwrite", self._path
            ) from None
        if fingerprint != self._fingerprint:
            raise ModelError(
                "the settings or corpora are not those of the seeds trained so far; give the same files and options "
                "again (with more epochs they can't go on, since only the best one's model is kept), or start anew "
                "with --overwrite",
                self._path,
            )
        self.trials = trials
        for seed in trials:
            self._settle(seed)

    def _trial(self, line: dict[str, Any]) -> Trial:
        trial = Trial(
            line["seed"], {key: value for key, value in line.items() if key != "seed"}, self._measure
        )
        spread([trial.dev, trial.dev if trial.test is None else trial.test])  # they are numbers
        return trial

    @property
    def chosen(self) -> Trial:
        """The best seed so far."""
        return choose(self.trials.values())

    def add(self, seed: int, finished: FinishedLabeller) -> None:
        """Write down what a seed came to; its model takes the place of the best so far, or goes."""
        self.trials[seed] = Trial(seed, finished.as_dict(), self._measure)
        lines = [self.trials[each].as_dict() for each in sorted(self.trials)]
        content = describe("seeds", {"fingerprint": self._fingerprint, "seeds": lines})
        write_atomically(self._path, encode_text(dump_json(content) + "\n"))
        self._settle(seed)

    def _settle(self, seed: int) -> None:
        place = place_of(self._directory, seed)
        if output.is_finished(place) and self.chosen.seed == seed:
            reports.copy_model(place, self._directory)
        if not self._keeps_all:
            output.clear(place)


def _conclude(data: Corpora, directory: Path, record: _Record) -> Repeated:
    """Add the seeds to the card of the best model, and score that as the end of any run does."""
    trials = tuple(record.trials[seed] for seed in sorted(record.trials))
    chosen = choose(trials).facts
    model = files.load_model(directory)
    dev, test = score_model(data, model)
    best = FinishedLabeller(
        dev=dev,
        test=test,
        epochs=chosen["epochs"],
        best_epoch=chosen["best_epoch"],
        seconds=sum(trial.facts["seconds"] for trial in trials),
        tokens_per_second=chosen["tokens_per_second"],
        min_confidence=model.min_confidence,
        directory=directory,
    )
    repeated = Repeated(best, trials)
    path = directory / files.CARD
    rows = [(trial.seed, trial.dev, trial.test) for trial in trials]
    if path.is_file() and reports.is_card(path):
        text = path.read_text(encoding="utf-8", errors="replace")
        text = card.with_seeds(text, rows, repeated.dev, repeated.test)
        write_atomically(path, encode_text(text))
    return repeated
