"""A run that takes a second: ten sentences, a network of a few units, one thread inside each operator."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch
from toy_models import TINY_SIZES

from tagger import config
from tagger.config import Config, LanguageModelConfig, PretrainConfig
from tagger.model.building import export_weights
from tagger.runtime.language import TrainedLanguageModel
from tagger.text.language import LanguageTables
from tagger.training.data import Corpora, read_corpora
from tagger.training.recipes.lm import build_language_model
from tagger.training.start import add_language_model

# The tensors of these tests are so small that sharing them out costs more than it gains.
torch.set_num_threads(1)

TINY = TINY_SIZES | {
    "training.epochs": 3,
    "encoder.context": 2,
    "training.batch_sentences": 4,
    "training.learning_rate": 0.02,
    "training.workers": 1,
}


@pytest.fixture
def read_tiny(ten_sentences: Path):
    """Read the ten sentences as training and dev corpus, with the settings of a tiny network and any others."""

    def read(**changes: object) -> Corpora:
        settings = config.override(Config(), {**TINY, **changes})
        return read_corpora(ten_sentences, ten_sentences, ten_sentences, settings)

    return read


@pytest.fixture
def read_with_language_model(read_tiny):
    """Read the same with the layers of a language model, untrained and tiny, beside each word."""

    def read(**changes: object) -> Corpora:
        plain = read_tiny(**changes)
        sizes = LanguageModelConfig(character_dim=4, character_filters=3, hidden=7, projection=6, min_count=1)
        words = Counter(token for sentence in plain.train.sentences for token in sentence.tokens)
        tables = LanguageTables.build(words, len(plain.train.sentences), sizes)
        settings = PretrainConfig(model=sizes)
        weights = export_weights(build_language_model(tables, settings))
        return add_language_model(plain, TrainedLanguageModel(settings, tables, weights))

    return read
