"""The facts of a model directory, read from its files and its weights."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tagger.config import Config
from tagger.runtime import directory as files
from tagger.runtime import reports
from tagger.runtime.trained import FITTED, TrainedModel
from tagger.runtime.wordclusters import WordClusters
from tagger.text.objects import describe
from tagger.text.schemes import Task, name_type

START, END = "(start)", "(end)"
"""Names of the two edges of a sentence; no tag has brackets around it."""


class Move(NamedTuple):
    """A step from one tag to the next, or from or to an edge of the sentence, and its learned score (nats)."""

    source: str
    target: str
    score: float


@dataclass(frozen=True, slots=True)
class Transitions:
    """The learned scores of moves; None where the scheme forbids them.

    Attributes:
        sources: the start, then the K tags.
        targets: the K tags, then the end.
        scores: (K + 1, K + 1), rows by source.
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    scores: tuple[tuple[float | None, ...], ...]

    @classmethod
    def of(cls, model: TrainedModel) -> Transitions:
        """Read them from a model with a CRF."""
        tags, constraints = model.lexicon.tags, model.constraints
        start, transitions, end = (
            model.weights[f"decoder.{name}"]
            for name in ("start_transitions", "transitions", "end_transitions")
        )
        possible = np.block(
            [[constraints.start, np.zeros(1, bool)], [constraints.transitions, constraints.end[:, None]]]
        )
        scores = np.block([[start, np.zeros(1)], [transitions, end[:, None]]]).tolist()
        rows = tuple(
            tuple(score if is_possible else None for score, is_possible in zip(row, allowed, strict=True))
            for row, allowed in zip(scores, possible.tolist(), strict=True)
        )
        return cls((START, *tags), (*tags, END), rows)

    @property
    def moves(self) -> list[Move]:
        """All possible moves, the best first."""
        found = [
            Move(source, target, score)
            for source, row in zip(self.sources, self.scores, strict=True)
            for target, score in zip(self.targets, row, strict=True)
            if score is not None
        ]
        return sorted(found, key=lambda move: -move.score)

    @property
    def largest(self) -> float:
        """The largest magnitude of a score; 1 if all are 0."""
        return max((abs(move.score) for move in self.moves), default=0.0) or 1.0


class TreeFacts(NamedTuple):
    """A tree of words that the model looks words up in."""

    name: str
    words: int
    classes: int


@dataclass(frozen=True, slots=True)
class TrainingFacts:
    """What `history.jsonl` says."""

    epochs: float
    best_epoch: float  # the one whose weights were kept
    seconds: float
    loss: float | None  # of the last epoch; None where it wasn't finite


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What is inside a model directory.

    Attributes:
        directory: where it is.
        config: the settings it was trained with.
        task: what its tags are about.
        types: what spans (or bare labels) it finds; those without a type are called `word` or `span`.
        tags: what its decoder chooses from.
        parameters: how many numbers were learned, by part of the network.
        vocabulary: how many rows each table has, those for padding and the unknown included.
        clusters: the trees of words that it reads, none in most models.
        temperature: what scores are divided by before they become confidences.
        agreement: how much the repeats of a word say about each other.
        min_confidence: names that are less probable are left out.
        scores: what `scores.json` holds, None if there is no such file.
        training: None if there is no history.
        transitions: None where the decoder has none.
    """

    directory: str
    config: Config
    task: Task
    types: tuple[str, ...]
    tags: tuple[str, ...]
    parameters: dict[str, int]
    vocabulary: dict[str, int]
    clusters: tuple[TreeFacts, ...]
    temperature: float
    agreement: float
    min_confidence: float
    scores: dict[str, Any] | None
    training: TrainingFacts | None
    transitions: Transitions | None

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        moves = [] if self.transitions is None else [move._asdict() for move in self.transitions.moves]
        facts = {
            "model": self.directory,
            "scheme": self.config.corpus.scheme,
            "mode": self.config.corpus.mode,
            "task": self.task.value,
            "types": self.types,
            "tags": self.tags,
            "encoder": self.config.encoder.model_dump(),
            "decoder": self.config.decoder.kind,
            "parameters": self.parameters | {"total": sum(self.parameters.values())},
            "vocabulary": self.vocabulary,
            "clusters": [tree._asdict() for tree in self.clusters],
            "temperature": self.temperature,
            "agreement": self.agreement,
            "min_confidence": self.min_confidence,
            "scores": self.scores,
            "training": None if self.training is None else asdict(self.training),
            "transitions": None if self.transitions is None else asdict(self.transitions),
            "moves": moves,
        }
        return describe("inspection", facts)


def inspect(directory: str | Path) -> Inspection:
    """Read a model directory.

    Raises:
        ModelError: it is no model, or a file in it is damaged.
    """
    directory = Path(directory)
    model = files.load_model(directory)
    return Inspection(
        directory=str(directory),
        config=model.config,
        task=model.task,
        types=tuple(name_type(each, model.task) for each in model.types),
        tags=tuple(model.lexicon.tags),
        parameters=_count_parameters(model),
        vocabulary={key: len(vocab) for key, vocab in model.lexicon.vocabularies().items()},
        clusters=tuple(
            TreeFacts(tree.name, len(tree), tree.classes) for tree in model.lexicon.of(WordClusters).trees
        ),
        temperature=model.temperature,
        agreement=model.agreement,
        min_confidence=model.min_confidence,
        scores=_read_scores(directory, model.task),
        training=_read_training(directory),
        transitions=Transitions.of(model) if model.config.decoder.kind == "crf" else None,
    )


def _count_parameters(model: TrainedModel) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for name, value in model.weights.items():
        if name not in FITTED:
            counts[name.partition(".")[0]] += value.size
    return dict(counts)


def _read_scores(directory: Path, task: Task) -> dict[str, Any] | None:
    """Return the scores; a nameless type of the first releases gets its name."""
    found = reports.read_scores(directory)
    for part in (found or {}).values():
        if isinstance(part.get("types"), dict):
            part["types"] = {name_type(name, task): row for name, row in part["types"].items()}
    return found


def _read_training(directory: Path) -> TrainingFacts | None:
    epochs = reports.read_history(directory)
    if not epochs:
        return None
    seconds = sum(float(each["seconds"]) for each in epochs)
    return TrainingFacts(epochs[-1]["epoch"], reports.best_epoch(epochs), seconds, epochs[-1].get("loss"))
