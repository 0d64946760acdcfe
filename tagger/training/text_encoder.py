"""The directory of an encoder that learnt from raw text: settings, tables and weights, as a labeler's directory.

What `tagger pretrain --target encoder` writes and `tagger train --init-encoder` begins with.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from tagger import config as settings
from tagger.config import TextEncoderConfig
from tagger.errors import ConfigError, ModelError
from tagger.model.text_encoder import TextEncoder
from tagger.text.lexicon import Lexicon
from tagger.training.checkpoint import CONFIG, VOCAB, expect_kind, read_model, write_model

KIND = {"kind": "text encoder"}  # in the header of the weights
_EXPECTED = "an encoder, as `tagger pretrain TEXT --target encoder --output DIR` writes"


@dataclass(frozen=True, slots=True)
class TrainedTextEncoder:
    """What the directory holds."""

    config: TextEncoderConfig
    lexicon: Lexicon
    network: TextEncoder


def build(lexicon: Lexicon, config: TextEncoderConfig) -> TextEncoder:
    """Build a network with fresh weights drawn by the configuration's seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return TextEncoder(lexicon, config)


def contents(trained: TrainedTextEncoder) -> dict[str, bytes]:
    """Return the files that belong with the weights."""
    return {
        CONFIG: settings.render(trained.config).encode(),
        VOCAB: json.dumps(trained.lexicon.as_dict(), ensure_ascii=False).encode(),
    }


def save(directory: Path, trained: TrainedTextEncoder) -> None:
    """Write settings, tables and weights."""
    write_model(directory, contents(trained), trained.network.state_dict(), KIND)


def load(directory: str | Path) -> TrainedTextEncoder:
    """Read the directory of an encoder.

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
        config = settings.parse_as(TextEncoderConfig, files[CONFIG].decode("utf-8"))
    except (ConfigError, UnicodeDecodeError) as error:
        raise ModelError(str(error), directory / CONFIG) from None
    try:
        lexicon = Lexicon.from_dict(json.loads(files[VOCAB]), config.embedding)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"is not a table of words: {error}", directory / VOCAB) from None
    with torch.device("meta"):  # shapes alone: absurd sizes are found before memory is taken
        expected = {name: value.shape for name, value in TextEncoder(lexicon, config).state_dict().items()}
    if expected != {name: value.shape for name, value in tensors.items()}:
        raise ModelError(
            f"the weights don't fit {CONFIG} and {VOCAB}; the directory mixes two models", directory
        )
    network = build(lexicon, config)
    network.load_state_dict(tensors)
    return TrainedTextEncoder(config, lexicon, network.requires_grad_(False).eval())
