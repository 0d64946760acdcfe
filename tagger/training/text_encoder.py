"""The directory of an encoder that learnt from raw text: see `training.pretrained`.

What `tagger pretrain --target encoder` writes and `tagger train --init-encoder` begins with.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from tagger.config import TextEncoderConfig
from tagger.model.text_encoder import TextEncoder
from tagger.runtime.lexicon import Lexicon
from tagger.training import pretrained
from tagger.training.checkpoint import write_model

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
    return pretrained.contents(trained.config, trained.lexicon)


def save(directory: Path, trained: TrainedTextEncoder) -> None:
    """Write settings, tables and weights."""
    write_model(directory, contents(trained), trained.network.state_dict())


def load(directory: str | Path) -> TrainedTextEncoder:
    """Read the directory of an encoder; see `pretrained.load` for its errors."""
    return TrainedTextEncoder(
        *pretrained.load(
            directory,
            _EXPECTED,
            TextEncoderConfig,
            lambda found, config: Lexicon.from_dict(found, config.embedding),
            build,
        )
    )
