"""The models that a server has, by name, and their replacement while it runs."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tagger.api.sources import load
from tagger.collector import resting_collector
from tagger.errors import ConfigError, ModelError
from tagger.runtime import reports
from tagger.runtime.directory import CARD, WEIGHTS, join_version, read_bounded
from tagger.runtime.inspection import Transitions
from tagger.runtime.profiling import Observer
from tagger.runtime.tagger import Tagger
from tagger.runtime.tensors import read_header
from tagger.scoring.profile import Profile

_WARMING = "Ada Lovelace met Charles Babbage in London."
_LONGEST_CARD = 1 << 20  # bytes
_LARGEST_PICTURE = 512  # tags: beyond these nobody looks at a matrix of moves, and it would be megabytes


@dataclass(frozen=True, slots=True, eq=False)
class ServedModel:
    """A model as it was read; never changed, only replaced.

    Attributes:
        name: what requests call it.
        directory: where it was read.
        tagger: what labels.
        sha256: of its weights.
        observer: counts what it meets in use.
        profiles: what it met on dev and on test, as training counted it; nothing where that isn't known.
        facts: what `GET /models` says of it.
        details: what else `GET /models/NAME` says: its card, its scores, the scores of its moves.
    """

    name: str
    directory: Path
    tagger: Tagger
    sha256: str
    observer: Observer
    profiles: Mapping[str, Profile]
    facts: Mapping[str, Any]
    details: Mapping[str, Any]

    @classmethod
    def read(cls, name: str, directory: Path) -> ServedModel:
        """Read a model and label a sentence, so that the first request finds every module and table at hand.

        Raises:
            ModelError: it is missing or damaged.
        """
        if not (directory / WEIGHTS).is_file():
            load(directory)  # says what is wrong
        sha256 = read_header(directory / WEIGHTS).facts.get("sha256", "")
        with resting_collector():
            tagger = load(directory)
        if not tagger.feature_columns:
            tagger.predict(_WARMING, nbest=1)
        scores = _read_scores(directory)
        facts = {"name": name} | _describe(tagger, scores) | {"sha256": sha256, "loaded": _now()}
        details = {"card": _read_card(directory), "scores": scores, "transitions": _find_transitions(tagger)}
        observer, profiles = Observer(tagger.model), _read_profiles(directory)
        return cls(name, directory, tagger, sha256, observer, profiles, facts, details)

    @property
    def version(self) -> str:
        """What tells it from others, and from what it was before it was trained again."""
        return join_version(self.name, self.sha256)


class Shelf:
    """The models of a server; requests take them from here, and `reload` replaces them.

    Args:
        models: in their order; requests that name none get the first.
    """

    def __init__(self, models: Iterable[ServedModel]) -> None:
        self._models = {model.name: model for model in models}
        self._reloading = threading.Lock()

    @classmethod
    def read(cls, places: Mapping[str, Path]) -> Shelf:
        """Read models by their names.

        Raises:
            ModelError: one is missing or damaged.
        """
        return cls(ServedModel.read(name, directory) for name, directory in places.items())

    @property
    def models(self) -> list[ServedModel]:
        """All of them, in their order."""
        return list(self._models.values())

    def find(self, name: str | None) -> ServedModel:
        """Return a model by its name; the first where none is named.

        Raises:
            ConfigError: there is none of that name.
        """
        models = self._models
        if name is None:
            return next(iter(models.values()))
        if name not in models:
            raise ConfigError(f"found {name[:80]!r}, expected one of {', '.join(models)}", "model")
        return models[name]

    def put(self, model: ServedModel) -> None:
        """Put a model in the place of the one that has its name; requests at work go on with that."""
        with self._reloading:
            self._models = {**self._models, model.name: model}

    def reload(self) -> list[ServedModel]:
        """Read every model anew and put those that have changed in the place of the old ones; return them.

        Requests at work go on with the model they began with.

        Raises:
            ModelError: one is missing or damaged; then all stay as they are.
        """
        # One after the other, or the one that ends last could bring back what it began with.
        with self._reloading:
            found = {}
            changed = []
            for name, model in self._models.items():
                sha256 = read_header(model.directory / WEIGHTS).facts.get("sha256", "")
                if sha256 == model.sha256:
                    found[name] = model
                else:
                    found[name] = ServedModel.read(name, model.directory)
                    changed.append(found[name])
            self._models = found  # in one step: requests see the old models or the new ones
            return changed


def name_models(given: Iterable[str]) -> dict[str, Path]:
    """Return directories by name: `NAME=DIR`, or the name of the directory itself.

    Raises:
        ConfigError: two have one name.

    >>> list(name_models(["models/en", "zh=models/chinese"]))
    ['en', 'zh']
    """
    places: dict[str, Path] = {}
    for each in given:
        name, separator, directory = each.partition("=")
        if not separator or Path(each).exists():
            directory = each
            name = Path(each).resolve().name
        if not name or not directory or "/" in name:
            raise ConfigError(f"found {each!r}, expected a model directory, or NAME=DIRECTORY", "model")
        if name in places:
            raise ConfigError(
                f"{places[name]} and {directory} are both called {name}; give one another name: NAME={directory}",
                "model",
            )
        places[name] = Path(directory)
    if not places:
        raise ConfigError("found no model, expected at least one", "model")
    return places


def _describe(tagger: Tagger, scores: Mapping[str, Any] | None) -> dict[str, Any]:
    model = tagger.model
    return {
        "types": tagger.types,
        "task": model.task.value,
        "mode": model.config.corpus.mode,
        "scheme": model.scheme.value,
        "parameters": model.parameters,
        "min_confidence": round(float(model.min_confidence), 6),
        "f1": {part: _find_f1(scores, part) for part in ("dev", "test")},
    }


def _find_f1(scores: Mapping[str, Any] | None, part: str) -> float | None:
    with suppress(KeyError, TypeError):
        return float((scores or {})[part]["micro"]["f1"])
    return None


def _read_scores(directory: Path) -> dict[str, Any] | None:
    with suppress(ModelError):  # spoilt scores harm no labelling
        return reports.read_scores(directory)
    return None


def _read_profiles(directory: Path) -> dict[str, Profile]:
    with suppress(ModelError):
        return reports.read_profiles_of(directory)
    return {}


def _read_card(directory: Path) -> str | None:
    with suppress(ModelError):
        content = read_bounded(directory / CARD, _LONGEST_CARD)
        return None if content is None else reports.read_card(content.decode(errors="replace"))
    return None


def _find_transitions(tagger: Tagger) -> dict[str, Any] | None:
    """Return the learned scores of moves, three digits each; None where there are none, or too many to look at."""
    model = tagger.model
    if model.config.decoder.kind != "crf" or len(model.lexicon.tags) > _LARGEST_PICTURE:
        return None
    found = Transitions.of(model)
    rows = [[None if score is None else round(score, 3) for score in row] for row in found.scores]
    return {
        "tags": list(model.lexicon.tags),
        "start": rows[0][:-1],
        "moves": [row[:-1] for row in rows[1:]],
        "end": [row[-1] for row in rows[1:]],
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
