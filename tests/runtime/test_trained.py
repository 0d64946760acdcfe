"""A labeller's settings, tables and weights: the tags inside, and weights that aren't those of its settings."""

from __future__ import annotations

import numpy as np
import pytest

from tagger import config
from tagger.config import Config
from tagger.errors import ModelError
from tagger.runtime.directory import load_model, render_belongings, save_model, write_model
from tagger.runtime.lexicon import Lexicon
from tagger.runtime.trained import TrainedModel, inner_scheme, inner_tags, weight_shapes
from tagger.text.conll import Sentence
from tagger.text.schemes import Scheme

SETTINGS = config.override(
    Config(), {"corpus.scheme": "IOB1", "corpus.mode": "words", "encoder.hidden": 4, "embedding.word_dim": 5}
)
TAGS = inner_tags(["PER", "LOC"], Scheme.IOB1)
LEXICON = Lexicon.build([Sentence(("a", "b", "Rome"))] * 2, TAGS, SETTINGS.embedding)


def weights_with(**changes):
    """Draw weights, some of them changed; None leaves one out."""
    draw = np.random.default_rng(5)
    shapes = weight_shapes(LEXICON, SETTINGS)
    weights = {name: draw.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    weights |= {name.replace("__", "."): value for name, value in changes.items()}
    return {name: np.asarray(value) for name, value in weights.items() if value is not None}


def test_models_work_in_bioes_or_in_bare_labels():
    assert ["O", *(f"{letter}-{name}" for name in ("LOC", "PER") for letter in "BIES")] == TAGS
    assert inner_tags(["VB", "NN"], Scheme.BARE, has_outside=False) == ["NN", "VB"]
    assert inner_tags(["PER"], Scheme.BARE) == ["O", "PER"]
    assert {inner_scheme(scheme) for scheme in Scheme} == {Scheme.BIOES, Scheme.BARE}


def test_a_model_tells_its_scheme_and_types():
    model = TrainedModel(SETTINGS, LEXICON, weights_with())
    assert (model.scheme, model.types) == (Scheme.IOB1, ["LOC", "PER"])


def test_fitted_numbers_are_changed_in_a_model_of_its_own():
    model = TrainedModel(SETTINGS, LEXICON, weights_with(temperature=np.float32(1.0)))
    other = model.with_fitted(temperature=2.5, min_confidence=0.25)
    assert (other.temperature, other.agreement, other.min_confidence) == (2.5, model.agreement, 0.25)
    assert model.temperature == 1.0
    assert other.parameters == model.parameters == sum(each.size for each in model.weights.values()) - 3


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"emission__bias": None}, r"emission\.bias is absent, expected float32 \(9,\)"),
        ({"extra": np.zeros(2, np.float32)}, r"extra is float32 \(2,\), expected none"),
        (
            {"emission__bias": np.zeros(8, np.float32)},
            r"emission\.bias is float32 \(8,\), expected float32 \(9,\)",
        ),
        ({"emission__bias": np.zeros(9)}, r"emission\.bias is float64 \(9,\), expected float32"),
        ({"emission__bias": np.zeros(9, np.int32)}, r"emission\.bias is int32 \(9,\), expected float32"),
    ],
)
def test_weights_of_another_network_are_refused(tmp_path, changes, expected):
    save_model(tmp_path, TrainedModel(SETTINGS, LEXICON, weights_with(**changes)))
    with pytest.raises(ModelError, match=expected):
        load_model(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"encoder.hidden": 65_536, "encoder.layers": 8},
        {"embedding.character_filters": 65_536, "embedding.character_dim": 65_536},
        {"embedding.word_dim": 65_536},
        {"embedding.affix_dim": 65_536},
    ],
)
def test_absurd_sizes_are_refused_before_memory_is_taken(tmp_path, change):
    """The network of these settings would need up to 700 GB."""
    settings = config.override(SETTINGS, change)
    write_model(tmp_path, render_belongings(settings, LEXICON), weights_with())
    with pytest.raises(ModelError, match="expected float32"):
        load_model(tmp_path)


@pytest.mark.parametrize("number", ["agreement", "min_confidence"])
def test_weights_from_before_a_number_was_fitted_are_read(tmp_path, number):
    fitted = {"temperature": np.float32(1.0), "agreement": np.float32(4.0), "min_confidence": np.float32(0.5)}
    weights = weights_with(**fitted | {number: None})
    save_model(tmp_path, TrainedModel(SETTINGS, LEXICON, weights))
    restored = load_model(tmp_path)
    assert getattr(restored, number) == 0.0
    assert restored.weights.keys() == weights.keys() | {number}
    assert all(np.array_equal(value, restored.weights[name]) for name, value in weights.items())
