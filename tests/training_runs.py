"""What tests of training share: whole runs of labellers, runs under way, their bits, and a stop at a given moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from tagger.config import PretrainConfig, TextEncoderConfig
from tagger.runtime import directory as files
from tagger.training import run, state
from tagger.training.data import Corpora
from tagger.training.recipes import encoder, labelled, lm
from tagger.training.recipes.labelled import LabelledRecipe
from tagger.training.recipes.pretraining import PretrainingRecipe
from tagger.training.state import Run

CALM = {  # no dropout, and nothing beside the tags: a step is what PyTorch says of the loss itself
    "training.input_dropout": 0.0,
    "training.output_dropout": 0.0,
    "training.word_dropout": 0.0,
    "training.unknown_strength": 0.0,
    "training.character_dropout": 0.0,
    "training.language_weight": 0.0,
}


def fit(data: Corpora, directory: Path, **options: Any) -> Iterator[Any]:
    """Train a labeller on corpora, yielding facts."""
    yield from run.train(labelled.prepare(data), directory, **options)


def fit_whole(data: Corpora, directory: Path, **options: Any) -> list[Any]:
    """Train a labeller on corpora to the end, or to a stop; return all facts."""
    return list(fit(data, directory, **options))


def begin(data: Corpora) -> tuple[Run, LabelledRecipe]:
    """Return a run of a labeller at its first step, and its recipe."""
    recipe = labelled.prepare(data)
    return state.begin(recipe.learner.network, recipe.settings), recipe


def prepare_pretraining(paths: list[Path], config: PretrainConfig | TextEncoderConfig) -> PretrainingRecipe:
    """Return the recipe that settings of raw text are of."""
    return lm.prepare(paths, config) if isinstance(config, PretrainConfig) else encoder.prepare(paths, config)


def pretrain(
    paths: list[Path], directory: Path, config: PretrainConfig | TextEncoderConfig, **options: Any
) -> Iterator[Any]:
    """Train on raw text, yielding facts."""
    yield from run.train(prepare_pretraining(paths, config), directory, **options)


def bits(directory: Path) -> dict[str, bytes]:
    """Return what runs that end alike have alike."""
    names = (files.CONFIG, files.VOCAB, files.WEIGHTS, files.SCORES)
    return {name: (directory / name).read_bytes() for name in names}


def tensors_of(run: Run) -> dict[str, torch.Tensor]:
    """Return copies of all tensors of a run: weights, their average, moments."""
    found = {f"optimizer.{name}": value for name, value in run.optimizer.state().items()}
    found |= {f"network.{name}": value for name, value in run.network.state_dict().items()}
    found |= {f"averaged.{name}": value for name, value in run.averaged.state_dict().items()}
    return {name: value.detach().clone() for name, value in found.items()}


def are_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Tell whether tensors are the same bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def stop_at(calls: int) -> Callable[[], bool]:
    """Return a question that is answered with yes the n-th time."""
    asked: list[None] = []

    def stop() -> bool:
        asked.append(None)
        return len(asked) == calls

    return stop
