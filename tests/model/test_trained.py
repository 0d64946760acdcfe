"""A network with its settings and tables: building by seed, restoring from weights, the tags inside."""

from __future__ import annotations

import pytest
import torch

from tagger import config
from tagger.config import Config
from tagger.model import trained
from tagger.model.trained import TrainedModel
from tagger.runtime.lexicon import Lexicon
from tagger.text.conll import Sentence
from tagger.text.schemes import Scheme

SETTINGS = config.override(
    Config(), {"corpus.scheme": "IOB1", "corpus.mode": "words", "encoder.hidden": 4, "embedding.word_dim": 5}
)
TAGS = trained.inner_tags(["PER", "LOC"], Scheme.IOB1)
LEXICON = Lexicon.build([Sentence(("a", "b", "Rome"))] * 2, TAGS, SETTINGS.embedding)


def test_models_work_in_bioes_or_in_bare_labels():
    assert ["O", *(f"{letter}-{name}" for name in ("LOC", "PER") for letter in "BIES")] == TAGS
    assert trained.inner_tags(["VB", "NN"], Scheme.BARE, has_outside=False) == ["NN", "VB"]
    assert trained.inner_tags(["PER"], Scheme.BARE) == ["O", "PER"]
    assert {trained.inner_scheme(scheme) for scheme in Scheme} == {Scheme.BIOES, Scheme.BARE}


def test_a_model_tells_its_scheme_and_types():
    model = TrainedModel(SETTINGS, LEXICON, trained.build(LEXICON, SETTINGS))
    assert (model.scheme, model.types) == (Scheme.IOB1, ["LOC", "PER"])


def test_weights_depend_on_the_seed_alone_and_no_global_generator_moves():
    before = torch.get_rng_state()
    first = trained.build(LEXICON, SETTINGS).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(99)
    again = trained.build(LEXICON, SETTINGS).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    other = trained.build(LEXICON, config.override(SETTINGS, {"seed": 2})).state_dict()
    assert not torch.equal(first["emission.weight"], other["emission.weight"])


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_a_network_is_restored_around_its_weights(decoder):
    settings = config.override(SETTINGS, {"decoder.kind": decoder})
    weights = trained.build(LEXICON, settings).state_dict()
    restored = trained.restore(LEXICON, settings, weights)
    assert restored.state_dict().keys() == weights.keys()
    assert all(torch.equal(value, weights[name]) for name, value in restored.state_dict().items())
    if decoder == "crf":
        assert torch.equal(restored.decoder.possible, trained.build(LEXICON, settings).decoder.possible)


def weights_with(**changes):
    weights = trained.build(LEXICON, SETTINGS).state_dict()
    for name, value in changes.items():
        weights[name.replace("__", ".")] = value
    return {name: value for name, value in weights.items() if value is not None}


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (weights_with(emission__bias=None), r"emission\.bias is absent, expected float32 \(9,\)"),
        (weights_with(extra=torch.zeros(2)), r"extra is float32 \(2,\), expected none"),
        (
            weights_with(emission__bias=torch.zeros(8)),
            r"emission\.bias is float32 \(8,\), expected float32 \(9,\)",
        ),
        (weights_with(emission__bias=torch.zeros(9).double()), r"is float64 \(9,\), expected float32"),
        (weights_with(emission__bias=torch.zeros(9).int()), r"is int32 \(9,\), expected float32"),
    ],
)
def test_weights_of_another_network_are_refused(weights, expected):
    with pytest.raises(ValueError, match=expected):
        trained.restore(LEXICON, SETTINGS, weights)


@pytest.mark.parametrize(
    "change",
    [
        {"encoder.hidden": 65_536, "encoder.layers": 8},
        {"embedding.character_filters": 65_536, "embedding.character_dim": 65_536},
        {"embedding.word_dim": 65_536},
        {"embedding.affix_dim": 65_536},
    ],
)
def test_absurd_sizes_are_refused_before_memory_is_taken(change):
    """The network of these settings would need up to 700 GB."""
    settings = config.override(SETTINGS, change)
    lexicon = Lexicon.from_dict(LEXICON.as_dict(), settings.embedding)
    with pytest.raises(ValueError, match="expected float32"):
        trained.restore(lexicon, settings, weights_with())


@pytest.mark.parametrize("number", ["agreement", "min_confidence"])
def test_weights_from_before_a_number_was_fitted_are_read(number):
    whole = trained.build(LEXICON, SETTINGS)
    weights = {name: value for name, value in whole.state_dict().items() if name != number}
    restored = trained.restore(LEXICON, SETTINGS, weights)
    assert float(getattr(restored, number)) == 0.0
    assert torch.equal(restored.emission.weight, whole.emission.weight)
