"""A language model's directory: settings, tables and weights, written atomically and checked when read.

The same files and checks as a labeler's directory (see `training.checkpoint`), with other tables.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from tagger import config as settings
from tagger.config import PretrainConfig
from tagger.errors import ConfigError, ModelError
from tagger.model.bilm import LanguageModel
from tagger.text.language import END, LanguageTables
from tagger.training.checkpoint import CONFIG, VOCAB, expect_kind, read_model, write_model

KIND = {"kind": "language model"}  # in the header of the weights
_EXPECTED = "a language model, as `tagger pretrain TEXT --output DIR` writes"


@dataclass(frozen=True, slots=True)
class TrainedLanguageModel:
    """What a language model's directory holds."""

    config: PretrainConfig
    tables: LanguageTables
    model: LanguageModel


def build(tables: LanguageTables, config: PretrainConfig) -> LanguageModel:
    """Build a network with fresh weights drawn by the configuration's seed."""
    torch.manual_seed(config.seed)
    symbols = len(tables.speller.symbols)
    return LanguageModel(tables.outcome_counts, symbols, tables.targets([END])[0], config.model)


def contents(trained: TrainedLanguageModel) -> dict[str, bytes]:
    """Return the files that belong with the weights."""
    return {
        CONFIG: settings.render(trained.config).encode(),
        VOCAB: json.dumps(trained.tables.as_dict(), ensure_ascii=False).encode(),
    }


def save(directory: Path, trained: TrainedLanguageModel) -> None:
    """Write settings, tables and weights."""
    write_model(directory, contents(trained), trained.model.state_dict(), KIND)


def load(directory: str | Path) -> TrainedLanguageModel:
    """Read a language model's directory.

    Raises:
        ModelError: it or a file in it is missing, truncated, altered, or of another format version or kind; or
            its settings don't fit its weights.
    """
    directory = Path(directory)
    if not directory.is_dir():
        found = "is a file" if directory.exists() else "does not exist"
        raise ModelError(f"{found}; expected the directory of {_EXPECTED}", directory)
    files, tensors = read_model(directory)
    expect_kind(_EXPECTED, files, directory)
    try:
        config = settings.parse_as(PretrainConfig, files[CONFIG].decode("utf-8"))
    except (ConfigError, UnicodeDecodeError) as error:
        raise ModelError(str(error), directory / CONFIG) from None
    try:
        tables = LanguageTables.from_dict(json.loads(files[VOCAB]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"is not a table of words: {error}", directory / VOCAB) from None
    with torch.device("meta"):  # shapes alone: absurd sizes are found before memory is taken
        expected = {name: value.shape for name, value in build(tables, config).state_dict().items()}
    if expected != {name: value.shape for name, value in tensors.items()}:
        raise ModelError(
            f"the weights don't fit {CONFIG} and {VOCAB}; the directory mixes two models", directory
        )
    model = build(tables, config)
    model.load_state_dict(tensors)
    return TrainedLanguageModel(config, tables, model.requires_grad_(False).eval())
