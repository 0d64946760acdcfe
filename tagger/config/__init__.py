"""Every setting of a model and of its training, read from and written to TOML.

- `sections`: the settings, their defaults and their meaning;
- `reading`: from TOML, from the command line, from the corpus;
- `rendering`: back to TOML;
- `mistakes`: an unknown field or a wrong type, and the nearest valid one.
"""

from tagger.config.reading import (
    assignments,
    build,
    override,
    parse,
    parse_as,
    read,
    read_as,
    settle,
    suit,
)
from tagger.config.rendering import render
from tagger.config.sections import (
    Config,
    CorpusConfig,
    DecoderConfig,
    EmbeddingConfig,
    EncoderConfig,
    EncoderTextConfig,
    LanguageModelConfig,
    LanguageUseConfig,
    PretrainConfig,
    PretrainingConfig,
    RawTextConfig,
    Section,
    TextEncoderConfig,
    TextEncoderTrainingConfig,
    TrainingConfig,
)

__all__ = [
    "Config",
    "CorpusConfig",
    "DecoderConfig",
    "EmbeddingConfig",
    "EncoderConfig",
    "EncoderTextConfig",
    "LanguageModelConfig",
    "LanguageUseConfig",
    "PretrainConfig",
    "PretrainingConfig",
    "RawTextConfig",
    "Section",
    "TextEncoderConfig",
    "TextEncoderTrainingConfig",
    "TrainingConfig",
    "assignments",
    "build",
    "override",
    "parse",
    "parse_as",
    "read",
    "read_as",
    "render",
    "settle",
    "suit",
]
