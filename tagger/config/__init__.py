"""Every setting of a model and of its training, read from and written to TOML.

- `sections`: the settings, their defaults and their meaning;
- `reading`: from TOML, from the command line, from the corpus;
- `rendering`: back to TOML;
- `mistakes`: an unknown field or a wrong type, and the nearest valid one.
"""

from tagger.config.reading import (
    AnySettings,
    apply_mode_defaults,
    complete_settings,
    find_setting,
    override,
    parse_assignments,
    parse_settings,
    parse_value,
    read_settings,
)
from tagger.config.rendering import render
from tagger.config.sections import (
    ClusterConfig,
    Config,
    CorpusConfig,
    DecoderConfig,
    DistillationConfig,
    EmbeddingConfig,
    EncoderConfig,
    EncoderTextConfig,
    LanguageModelConfig,
    LanguageUseConfig,
    PretrainConfig,
    PretrainingConfig,
    RawTextConfig,
    RawTextSteps,
    ReadingConfig,
    Section,
    Settings,
    Steps,
    TextEncoderConfig,
    TextEncoderTrainingConfig,
    TrainingConfig,
)

__all__ = [
    "AnySettings",
    "ClusterConfig",
    "Config",
    "CorpusConfig",
    "DecoderConfig",
    "DistillationConfig",
    "EmbeddingConfig",
    "EncoderConfig",
    "EncoderTextConfig",
    "LanguageModelConfig",
    "LanguageUseConfig",
    "PretrainConfig",
    "PretrainingConfig",
    "RawTextConfig",
    "RawTextSteps",
    "ReadingConfig",
    "Section",
    "Settings",
    "Steps",
    "TextEncoderConfig",
    "TextEncoderTrainingConfig",
    "TrainingConfig",
    "apply_mode_defaults",
    "complete_settings",
    "find_setting",
    "override",
    "parse_assignments",
    "parse_settings",
    "parse_value",
    "read_settings",
    "render",
]
