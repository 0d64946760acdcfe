"""To add a feature of a token takes two classes and a line in two tables: here the length of a word is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from toy_models import WORDS, make_model, random_sentences

from tagger import config as settings
from tagger.config import EmbeddingConfig, TextEncoderConfig, TrainingConfig
from tagger.model import features as learned
from tagger.model.batch import Choices, collate, encode, group
from tagger.model.building import build_labeler, export_weights, inherit, restore_labeler
from tagger.model.features import LearnedFeature
from tagger.model.on_device import DeviceNetwork
from tagger.model.tables import look_up
from tagger.model.text_encoder import TextEncoder, begin_with
from tagger.runtime import features
from tagger.runtime.directory import load_model, save_model
from tagger.runtime.kinds import FormFeature, Reader, Rows, Shapes, TextCounts, Weights
from tagger.runtime.lexicon import Lexicon
from tagger.runtime.network import Network
from tagger.runtime.tagger import Tagger
from tagger.text.conll import Sentence
from tagger.training.objective import LabellingObjective

DIM, LONGEST = 3, 8  # a size that users choose would be a field of `EmbeddingConfig`


# What stands in `runtime/features.py`, where `FEATURES` names the class,


@dataclass(frozen=True)
class WordLength(FormFeature):
    """How many characters a word has, up to `longest`, as a row of a table."""

    name: ClassVar[str] = "length"
    longest: int

    @classmethod
    def build(cls, found: TextCounts, config: EmbeddingConfig) -> WordLength:
        return cls(min(LONGEST, max(map(len, found.words))))

    @classmethod
    def from_dict(cls, tables: Mapping[str, object], config: EmbeddingConfig) -> WordLength:
        longest = tables.get("length")
        if type(longest) is not int or not 0 < longest <= LONGEST:
            raise ValueError("length is not a number of characters")
        return cls(longest)

    def as_dict(self) -> dict[str, Any]:
        return {"length": self.longest}

    @property
    def size(self) -> int:
        return DIM

    def rows(self, words: Sequence[str]) -> Rows:
        return np.array([1 + min(len(word), self.longest) for word in words], dtype=np.int64)

    def weight_shapes(self) -> Shapes:
        return {"length.weight": (2 + self.longest, DIM)}

    def reader(self, weights: Weights) -> Reader:
        return lambda rows: weights["length.weight"][rows]

    def joined(self, other: WordLength) -> WordLength:
        return WordLength(max(self.longest, other.longest))


# and in `model/features.py`, where `LEARNED` names it.


class LearnedLength(LearnedFeature[WordLength]):
    """A table of lengths."""

    def build(self, feature: WordLength, training: TrainingConfig) -> Mapping[str, nn.Module]:
        self.table = nn.Embedding(*feature.weight_shapes()["length.weight"], padding_idx=0, sparse=True)
        return {"length": self.table}

    def look_up(self, rows: Tensor) -> Tensor:
        return look_up(self.table, rows)


@pytest.fixture(autouse=True)
def added(monkeypatch):
    monkeypatch.setattr(features, "FEATURES", (*features.FEATURES, WordLength))
    monkeypatch.setitem(learned.LEARNED, WordLength, LearnedLength)


def test_it_is_trained_saved_read_and_predicted_with(tmp_path):
    model = make_model(embedding__bigram_dim=2)
    labeler = restore_labeler(model)
    table = labeler.get_parameter("embedding.length.weight").requires_grad_(True)
    assert model.lexicon.weight_shapes()["embedding.length.weight"] == table.shape == (2 + 5, DIM)
    before = table.detach().clone()
    sentences = [Sentence(tuple(WORDS))]
    corpus = encode(sentences, model.lexicon, Choices.of([[("O",)] * len(WORDS)]))
    batch = collate(corpus, group(corpus, 1, 64), 64)
    LabellingObjective(labeler, model.lexicon, model.config)(batch, torch.Generator()).told.backward()
    torch.optim.SGD([table], 0.1).step()
    assert not torch.equal(table, before)

    save_model(tmp_path, replace(model, weights=export_weights(labeler)))
    again = load_model(tmp_path)
    assert again.lexicon == model.lexicon
    np.testing.assert_array_equal(again.weights["embedding.length.weight"], table.detach().numpy())
    texts = random_sentences(20)
    places = range(len(texts))
    fast, general = Network(again), DeviceNetwork(again, torch.device("cpu"))
    np.testing.assert_allclose(
        fast.emissions(texts, places), general.emissions(texts, places), rtol=1e-4, atol=2e-5
    )
    assert len(Tagger(again).predict_tokens(texts)) == len(texts)


def test_it_grows_with_a_model_that_is_continued():
    old = make_model(embedding__bigram_dim=2)
    short = Lexicon.build([Sentence(("a", "bc"))] * 2, old.lexicon.tags, old.config.embedding)
    assert short.of(WordLength).longest == 2
    small = build_labeler(short, old.config)
    grown = short.followed_by(old.lexicon)
    large = build_labeler(grown, old.config)
    inherit(large, small)
    table = large.get_parameter("embedding.length.weight")
    assert torch.equal(table[:4], small.get_parameter("embedding.length.weight"))
    assert torch.equal(table[4:], table[1].expand(3, DIM))


def test_the_first_layer_reads_it_where_an_encoder_learnt_it():
    model = make_model(embedding__bigram_dim=2)
    config = settings.override(
        TextEncoderConfig(),
        {
            f"{section}.{name}": value
            for section in ("embedding", "encoder")
            for name, value in getattr(model.config, section).model_dump().items()
        },
    )
    text = Lexicon.of_counts(TextCounts({"a": 2, "bcd": 1}, {}), config.embedding)
    encoder = TextEncoder(text, config)
    labeler = build_labeler(model.lexicon, model.config)
    begin_with(labeler, encoder)
    mine, theirs = labeler.embedding.slices["length"], encoder.embedding.slices["length"]
    name = "encoder.layers.0.1.weight_ih_l0"
    assert torch.equal(labeler.get_parameter(name)[:, mine], encoder.get_parameter(name)[:, theirs])
