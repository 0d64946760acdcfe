"""The directory of a network that learnt from raw text: settings, tables and weights, checked when read.

The same files and checks as a labeler's directory (see `training.checkpoint`). Which network it is,
`training.language` and `training.text_encoder` say.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch import nn

from tagger import config as settings
from tagger.config import PretrainConfig, TextEncoderConfig
from tagger.errors import ConfigError, ModelError
from tagger.training.checkpoint import CONFIG, VOCAB, expect_kind, read_model

Settings = TypeVar("Settings", PretrainConfig, TextEncoderConfig)
Network = TypeVar("Network", bound=nn.Module)


class _Tables(Protocol):
    def as_dict(self) -> dict[str, Any]:
        """Return the tables as plain lists, for JSON."""


Tables = TypeVar("Tables", bound=_Tables)


def contents(config: PretrainConfig | TextEncoderConfig, tables: _Tables) -> dict[str, bytes]:
    """Return the files that belong with the weights."""
    return {
        CONFIG: settings.render(config).encode(),
        VOCAB: json.dumps(tables.as_dict(), ensure_ascii=False).encode(),
    }


def load(
    directory: str | Path,
    expected: str,
    kind: type[Settings],
    restore: Callable[[object, Settings], Tables],
    build: Callable[[Tables, Settings], Network],
) -> tuple[Settings, Tables, Network]:
    """Read a directory: settings, tables, and the network, which learns no more.

    Args:
        directory: where.
        expected: the kind of model and what writes it, see `checkpoint.expect_kind`.
        kind: of the settings.
        restore: makes tables of JSON, or raises what a stranger's JSON may make it raise.
        build: makes a network of the sizes of the tables and settings.

    Raises:
        ModelError: it or a file in it is missing, truncated, altered, or of another format version or kind; or
            its settings don't fit its weights.
    """
    directory = Path(directory)
    if not directory.is_dir():
        found = "is a file" if directory.exists() else "does not exist"
        raise ModelError(f"{found}; expected the directory of {expected}", directory)
    files, tensors = read_model(directory)
    expect_kind(expected, files, directory)
    try:
        config = settings.parse_settings(kind, files[CONFIG].decode("utf-8"))
    except (ConfigError, UnicodeDecodeError) as error:
        raise ModelError(str(error), directory / CONFIG) from None
    try:
        tables = restore(json.loads(files[VOCAB]), config)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"is not a table of words: {error}", directory / VOCAB) from None
    with torch.device("meta"):  # shapes alone: absurd sizes are found before memory is taken
        wanted = {name: value.shape for name, value in build(tables, config).state_dict().items()}
    if wanted != {name: value.shape for name, value in tensors.items()}:
        raise ModelError(
            f"the weights don't fit {CONFIG} and {VOCAB}; the directory mixes two models", directory
        )
    network = build(tables, config)
    network.load_state_dict(tensors)
    return config, tables, network.requires_grad_(False).eval()
