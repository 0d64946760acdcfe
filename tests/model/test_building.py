"""Networks built by seed, and rebuilt around the weights of a trained labeller."""

from __future__ import annotations

import pytest
import torch

from tagger import config
from tagger.config import Config
from tagger.model.building import build_labeler, export_weights, load_weights, restore_labeler
from tagger.runtime.lexicon import Lexicon
from tagger.runtime.trained import TrainedModel, inner_tags
from tagger.text.conll import Sentence
from tagger.text.schemes import Scheme
from tagger.training import objective

SETTINGS = config.override(
    Config(), {"corpus.scheme": "IOB1", "corpus.mode": "words", "encoder.hidden": 4, "embedding.word_dim": 5}
)
TAGS = inner_tags(["PER", "LOC"], Scheme.IOB1)
LEXICON = Lexicon.build([Sentence(("a", "b", "Rome"))] * 2, TAGS, SETTINGS.embedding)


def test_weights_depend_on_the_seed_alone_and_no_global_generator_moves():
    before = torch.get_rng_state()
    first = objective.build(LEXICON, SETTINGS).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(99)
    again = objective.build(LEXICON, SETTINGS).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    other = objective.build(LEXICON, config.override(SETTINGS, {"seed": 2})).state_dict()
    assert not torch.equal(first["labeler.emission.weight"], other["labeler.emission.weight"])


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_a_network_is_restored_around_its_weights(decoder):
    settings = config.override(SETTINGS, {"decoder.kind": decoder})
    built = build_labeler(LEXICON, settings)
    before = torch.get_rng_state()
    restored = restore_labeler(TrainedModel(settings, LEXICON, export_weights(built)))
    assert torch.equal(torch.get_rng_state(), before)
    assert not restored.training
    assert not any(parameter.requires_grad for parameter in restored.parameters())
    weights = built.state_dict()
    assert restored.state_dict().keys() == weights.keys()
    assert all(torch.equal(value, weights[name]) for name, value in restored.state_dict().items())
    if decoder == "crf":
        assert torch.equal(restored.decoder.possible, built.decoder.possible)


def test_a_restored_network_has_weights_of_its_own():
    built = build_labeler(LEXICON, SETTINGS)
    model = TrainedModel(SETTINGS, LEXICON, export_weights(built))
    before = model.weights["emission.weight"].copy()
    restore_labeler(model).emission.weight.zero_()
    assert (model.weights["emission.weight"] == before).all()


def test_a_part_of_a_network_takes_the_weights_that_bear_its_name():
    built, other = (build_labeler(LEXICON, SETTINGS) for _ in range(2))
    load_weights(other.encoder, export_weights(built), "encoder.")
    for name, value in built.encoder.state_dict().items():
        assert torch.equal(other.encoder.state_dict()[name], value)
