"""The runtime's scores held against those of the PyTorch network, over the whole family of models."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from toy_models import WORDS, draw_columns, make_lm_model, make_model, random_sentences

from tagger.model.building import restore_labeler
from tagger.model.on_device import DeviceNetwork
from tagger.runtime import embed, network
from tagger.runtime.network import Network
from tagger.runtime.trained import weight_shapes
from tagger.text.clusters import Clusters
from tagger.text.gazetteer import Gazetteer

LISTS = (
    Gazetteer("cities", ["New York", "Paris", "Quito"]),
    Gazetteer("other", ["York on", "Li"], ignores_case=True),
)
TREES = (
    Clusters("news", {"New": "00000001", "York": "00000010", "met": "01", "the": "1"}),
    Clusters("tweets", {"met": "1", "li": "0"}),
)
OFF = dict.fromkeys(
    (f"embedding__{name}" for name in ("word_dim", "affix_dim", "shape_dim", "character_filters")), 0
)


@st.composite
def models(draw: st.DrawFn):
    sizes = {f"embedding__{name}": draw(st.sampled_from([0, 5])) for name in ("affix_dim", "shape_dim")}
    sizes |= {
        "embedding__word_dim": draw(st.sampled_from([0, 7])),
        "embedding__bigram_dim": draw(st.sampled_from([0, 4])),
    }
    sizes |= {"embedding__character_filters": draw(st.sampled_from([0, 6]))}
    sizes |= {
        "embedding__character_width": draw(st.integers(1, 5)),
        "embedding__affix_length": draw(st.integers(1, 4)),
    }
    columns = draw(st.sampled_from([[], ["1:3"], ["1:3", "2:2"]]))
    lists = draw(st.sampled_from([(), LISTS[:1], LISTS]))
    if not any(
        sizes[f"embedding__{name}"]
        for name in ("affix_dim", "shape_dim", "word_dim", "bigram_dim", "character_filters")
    ):
        columns = columns or ["1:3"]
    return make_model(
        draw(st.sampled_from(["IOB1", "BIOES", "IO", "BARE"])),
        gazetteers=lists,
        clusters=draw(st.sampled_from([(), TREES[:1], TREES])),
        embedding__cluster_dim=draw(st.integers(1, 4)),
        encoder__kind=draw(st.sampled_from(["lstm", "gru", "rnn"])),
        encoder__layers=draw(st.integers(1, 3)),
        encoder__directions=draw(st.integers(1, 2)),
        encoder__hidden=draw(st.integers(1, 12)),
        encoder__context=draw(st.integers(1, 4)),
        decoder__kind=draw(st.sampled_from(["crf", "softmax"])),
        embedding__feature_columns=columns,
        embedding__lowercase=draw(st.booleans()),
        embedding__fold_width=draw(st.booleans()),
        embedding__word_mark_dim=draw(st.sampled_from([0, 3])),
        seed=draw(st.integers(0, 1000)),
        **sizes,
    )


def assert_same_scores(model, sentences, documents) -> None:
    columns = draw_columns(model, sentences)
    expected = DeviceNetwork(model, torch.device("cpu")).emissions(sentences, documents, columns)
    ours = Network(model)
    for _ in range(2):  # the second time the forms are cached
        np.testing.assert_allclose(
            ours.emissions(sentences, documents, columns), expected, rtol=1e-4, atol=1e-4
        )


@hypothesis_settings(max_examples=40, deadline=None)
@given(models(), st.booleans(), st.integers(1, 70))
def test_scores_are_those_of_the_network_on_every_member_of_the_family(model, together, longest):
    sentences = random_sentences(25, longest=longest)
    assert_same_scores(model, sentences, [number // 7 if together else number for number in range(25)])


@pytest.mark.parametrize("unit", ["words", "characters"])
@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize("changes", [{}, OFF, {"embedding__bigram_dim": 4}])
def test_scores_are_those_of_the_network_with_a_language_model(unit, kind, changes):
    model = make_lm_model(unit, encoder__kind=kind, **changes)
    assert_same_scores(model, random_sentences(20, longest=40), [number // 5 for number in range(20)])


@pytest.mark.parametrize(
    "changes", [{}, {"decoder__kind": "softmax"}, {"encoder__kind": "rnn", "encoder__layers": 2}]
)
def test_the_expected_shapes_are_those_of_the_network(changes):
    for model in (
        make_model(gazetteers=LISTS, clusters=TREES, embedding__feature_columns=["1:3"], **changes),
        make_lm_model("words", **changes),
    ):
        state = restore_labeler(model).state_dict()
        assert {name: tuple(value.shape) for name, value in state.items()} == weight_shapes(
            model.lexicon, model.config
        )


def test_rows_of_places_beyond_the_bound_are_computed_each_time(monkeypatch):
    model = make_model(embedding__bigram_dim=4, embedding__word_mark_dim=2)
    sentences = random_sentences(50)
    expected = Network(model).emissions(sentences, range(50))
    for bound in (1, 3, 10):
        monkeypatch.setattr(embed, "_PLACES", bound)
        ours = Network(model)
        for _ in range(2):
            assert np.array_equal(ours.emissions(sentences, range(50)), expected)


def test_a_full_cache_of_forms_begins_anew(monkeypatch):
    model = make_model(gazetteers=LISTS, embedding__feature_columns=["1:3"])
    sentences = random_sentences(50)
    columns = draw_columns(model, sentences)
    expected = Network(model).emissions(sentences, range(50), columns)
    monkeypatch.setattr(network, "_FORMS", 40)
    monkeypatch.setattr(network, "_BATCH_TOKENS", 20)
    found = Network(model).emissions(sentences, range(50), columns)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-5)


def test_the_company_of_a_sentence_changes_nothing_but_rounding():
    model = make_model()
    sentences = [[*WORDS], *random_sentences(30, longest=40)]
    together = Network(model).emissions(sentences, range(31))
    alone = Network(model).emissions(sentences[:1], [0])
    np.testing.assert_allclose(together[: len(WORDS)], alone, atol=1e-5)
