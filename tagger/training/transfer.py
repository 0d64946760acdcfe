"""A run whose embeddings and encoder learnt from raw text first: their sizes and words join its own."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from tagger.config import Config, override
from tagger.errors import ConfigError
from tagger.text.features import normalise
from tagger.training.data import Corpora
from tagger.training.text_encoder import TrainedTextEncoder

_OPTION = "--init-encoder"
_LEARNT = {  # fields that say what was learnt; a run may choose all others
    "embedding": (
        "word_dim", "lowercase", "min_count", "character_dim", "character_filters", "character_width",
        "max_characters", "shape_dim", "affix_dim", "affix_length", "bigram_dim",
    ),
    "encoder": ("kind", "hidden", "layers", "directions"),
    "training": ("language_dim",),
}  # fmt: skip


class Overlap(NamedTuple):
    """Distinct words of the training sentences, and how many of them the text had."""

    words: int
    known: int


def inherit_settings(chosen: Config, encoder: TrainedTextEncoder) -> Config:
    """Return the settings of a run that begins with an encoder: how it is built is the encoder's.

    Raises:
        ConfigError: something was chosen that the encoder has otherwise.
    """
    kept = {}
    for section, fields in _LEARNT.items():
        wanted, there = getattr(chosen, section), getattr(encoder.config, section)
        for field in fields:
            kept[f"{section}.{field}"] = getattr(there, field)
            if field in wanted.model_fields_set and getattr(wanted, field) != getattr(there, field):
                raise ConfigError(
                    f"found {getattr(wanted, field)!r}, but the encoder of {_OPTION} has {getattr(there, field)!r}; "
                    "leave the setting out, or pretrain an encoder with it",
                    f"{section}.{field}",
                )
    return override(chosen, kept)


def join(data: Corpora, encoder: TrainedTextEncoder) -> tuple[Corpora, Overlap]:
    """Let a run begin with an encoder; tell how much of the corpus it knows.

    Args:
        data: read with `inherit_settings`.
        encoder: what learnt from text.

    Raises:
        ConfigError: the text was cut into words and the corpus is of characters, or the other way round.
    """
    unit, mode = encoder.config.text.unit, data.config.corpus.mode
    if (unit == "characters") != (mode == "characters"):
        raise ConfigError(
            f"found an encoder of {unit}, but the tokens of the corpus are {mode}; pretrain one with "
            f"--unit {'characters' if mode == 'characters' else 'words'}",
            _OPTION,
        )
    lowercase = encoder.config.embedding.lowercase
    surfaces = {token for sentence in data.train.sentences for token in sentence.tokens}
    words = {normalise(token, lowercase=lowercase) for token in surfaces}
    return replace(data, encoder=encoder), Overlap(
        len(words), sum(word in encoder.lexicon.words for word in words)
    )
