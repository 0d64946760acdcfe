"""A language model's directory, which `tagger pretrain` writes and `train --lm` reads; see `training.pretrained`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from tagger.config import PretrainConfig
from tagger.model.bilm import LanguageModel
from tagger.text.language import END, LanguageTables
from tagger.training import pretrained
from tagger.training.checkpoint import write_model

_EXPECTED = "a language model, as `tagger pretrain TEXT --output DIR` writes"


@dataclass(frozen=True, slots=True)
class TrainedLanguageModel:
    """What a language model's directory holds."""

    config: PretrainConfig
    tables: LanguageTables
    model: LanguageModel


def build(tables: LanguageTables, config: PretrainConfig) -> LanguageModel:
    """Build a network with fresh weights drawn by the configuration's seed."""
    symbols = len(tables.speller.symbols)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return LanguageModel(tables.outcome_counts, symbols, tables.targets([END])[0], config.model)


def contents(trained: TrainedLanguageModel) -> dict[str, bytes]:
    """Return the files that belong with the weights."""
    return pretrained.contents(trained.config, trained.tables)


def save(directory: Path, trained: TrainedLanguageModel) -> None:
    """Write settings, tables and weights."""
    write_model(directory, contents(trained), trained.model.state_dict())


def load(directory: str | Path) -> TrainedLanguageModel:
    """Read a language model's directory; see `pretrained.load` for its errors."""
    return TrainedLanguageModel(
        *pretrained.load(
            directory, _EXPECTED, PretrainConfig, lambda found, _: LanguageTables.from_dict(found), build
        )
    )
