"""An encoder that learnt from raw text, as a run begins with it: what `tagger pretrain --target encoder` wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from tagger.config import TextEncoderConfig
from tagger.model.building import load_weights
from tagger.model.text_encoder import TextEncoder
from tagger.runtime import directory as files
from tagger.runtime.lexicon import Lexicon

_EXPECTED = "an encoder, as `tagger pretrain TEXT --target encoder --output DIR` writes"


@dataclass(frozen=True, slots=True)
class TrainedTextEncoder:
    """What the directory holds."""

    config: TextEncoderConfig
    lexicon: Lexicon
    weights: Mapping[str, NDArray[Any]]


def load_text_encoder(directory: str | Path) -> TrainedTextEncoder:
    """Read the directory of an encoder.

    Raises:
        ModelError: it or a file in it is missing, truncated, altered, or of another format version or kind; or its
            settings don't fit its weights.
    """
    found = files.open_model(directory, _EXPECTED)
    config = found.parse_config(TextEncoderConfig)
    lexicon = found.parse_tables(lambda tables: Lexicon.from_dict(tables, config.embedding))
    with torch.device("meta"):  # shapes alone: absurd sizes are found before memory is taken
        wanted = {name: tuple(each.shape) for name, each in TextEncoder(lexicon, config).state_dict().items()}
    return TrainedTextEncoder(config, lexicon, found.read_weights(wanted))


def restore_text_encoder(trained: TrainedTextEncoder) -> TextEncoder:
    """Rebuild the network of an encoder, which learns no more."""
    with torch.random.fork_rng(devices=[]):
        network = TextEncoder(trained.lexicon, trained.config)
    load_weights(network, trained.weights)
    return network.requires_grad_(False).eval()
