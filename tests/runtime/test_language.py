"""Language models in numpy against the network that was trained."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.config import LanguageModelConfig
from tagger.model.bilm import LanguageBatch
from tagger.model.contextual import LONGEST, ContextualEmbedding
from tagger.runtime import language
from tagger.runtime.language import LanguageReader, WordInputs, mix_layers, weight_shapes
from tagger.text.language import LanguageTables

WORDS = ["the", "cat", "sat", "extraordinarily", "a", "dog", "é" * 30, "北", "京"]
UNSEEN = ["unseen", "x", "人"]
SENTENCES = [
    ("the", "cat", "sat"),
    ("a",),
    ("the", "unseen", "dog", "extraordinarily", "sat", "京"),
    ("é" * 30, "x"),
]


def make_embedding(unit="words", layers=2, seed=0, **sizes):
    chosen = {
        "character_dim": 4,
        "character_filters": 3,
        "hidden": 7,
        "projection": 6,
        "min_count": 1,
    } | sizes
    config = LanguageModelConfig(unit=unit, layers=layers, **chosen)
    speller = LanguageTables.build(dict.fromkeys(WORDS, 2), 3, config).speller
    torch.manual_seed(seed)
    embedding = ContextualEmbedding(len(speller.words), len(speller.symbols), config, finetune=False)
    with torch.no_grad():
        for name, weights in embedding.named_parameters():
            if "bias" in name or "boundary" in name or "mix" in name:
                weights.normal_()
    return embedding.requires_grad_(False), config, speller


def weights_of(module):
    return {name: each.numpy() for name, each in module.state_dict().items()}


def layers_by_torch(embedding, speller, sentences):
    """Return (N, L, D): each sentence read alone."""
    found = []
    for words in sentences:
        batch = LanguageBatch(
            torch.from_numpy(speller.rows(words)),
            torch.arange(1, len(words) + 1)[:, None],
            torch.tensor([len(words)]),
            None,
        )
        found.append(embedding.encoder(batch)[:, 0])
    return torch.cat(found)


def sentences_of(unit):
    return [tuple("the 北京x人"), tuple("京")] if unit == "characters" else SENTENCES


@settings(max_examples=40, deadline=None)
@given(
    unit=st.sampled_from(["words", "characters"]),
    layers=st.integers(1, 3),
    width=st.integers(1, 4),
    seed=st.integers(0, 2**16),
    numbers=st.lists(
        st.lists(st.integers(0, len(WORDS + UNSEEN) - 1), min_size=1, max_size=9), min_size=1, max_size=6
    ),
)
def test_layers_and_their_mix_are_the_networks(unit, layers, width, seed, numbers):
    embedding, config, speller = make_embedding(unit, layers, seed, character_width=width)
    sentences = [[(WORDS + UNSEEN)[number] for number in row] for row in numbers]
    expected = layers_by_torch(embedding, speller, sentences)
    reader = LanguageReader(weights_of(embedding), config, speller)
    assert (reader.depth, reader.size) == (embedding.encoder.depth, embedding.size)
    assert reader.layers(sentences).dtype == reader.read(sentences).dtype == np.float32
    np.testing.assert_allclose(reader.layers(sentences), expected.numpy(), atol=1e-4)
    np.testing.assert_allclose(reader.read(sentences), embedding.mix(expected).numpy(), atol=1e-4)


@pytest.mark.parametrize("unit", ["words", "characters"])
def test_layers_that_are_kept_are_mixed_anew(unit):
    embedding, config, speller = make_embedding(unit)
    reader = LanguageReader(weights_of(embedding), config, speller)
    layers = reader.layers(sentences_of(unit))
    torch.nn.init.normal_(embedding.mix.weights)
    expected = embedding.mix(torch.from_numpy(layers)).numpy()
    weights = weights_of(embedding.mix)
    np.testing.assert_allclose(mix_layers(layers, weights["weights"], weights["scale"]), expected, atol=1e-5)


def test_long_sentences_are_read_in_pieces():
    embedding, config, speller = make_embedding()
    reader = LanguageReader(weights_of(embedding), config, speller)
    words = tuple(np.random.default_rng(1).choice(WORDS, 2 * LONGEST + 5).tolist())
    expected = layers_by_torch(
        embedding, speller, [words[start : start + LONGEST] for start in range(0, len(words), LONGEST)]
    )
    assert language.LONGEST == LONGEST
    np.testing.assert_allclose(reader.layers([words]), expected.numpy(), atol=1e-4)


def test_many_sentences_are_read_in_batches(monkeypatch):
    embedding, config, speller = make_embedding()
    monkeypatch.setattr(language, "_BATCH_PIECES", 2)
    monkeypatch.setattr(language, "_BATCH_TOKENS", 7)
    monkeypatch.setattr(language, "_SPELLED_AT_ONCE", 2)
    reader = LanguageReader(weights_of(embedding), config, speller)
    sentences = [SENTENCES[0], (), *SENTENCES]
    expected = layers_by_torch(embedding, speller, [SENTENCES[0], *SENTENCES])
    np.testing.assert_allclose(reader.layers(sentences), expected.numpy(), atol=1e-4)


def test_nothing_is_made_of_no_sentences():
    embedding, config, speller = make_embedding()
    reader = LanguageReader(weights_of(embedding), config, speller)
    assert reader.read([]).shape == (0, embedding.size)
    assert reader.layers([()]).shape == (0, embedding.encoder.depth, embedding.size)


@pytest.mark.parametrize("unit", ["words", "characters"])
def test_inputs_of_words_are_the_same_kept_or_not(unit, monkeypatch):
    embedding, _, speller = make_embedding(unit)
    words = list(dict.fromkeys(word for words in sentences_of(unit) for word in words))
    expected = embedding.encoder.input(torch.from_numpy(speller.rows(words)))[1:].numpy()
    inputs = WordInputs(weights_of(embedding), speller)
    monkeypatch.setattr(language, "_KEPT_WORDS", len(words) + 1)
    np.testing.assert_allclose(inputs.of(words), expected, atol=1e-5)
    np.testing.assert_allclose(inputs.of(words[::-1]), expected[::-1], atol=1e-5)
    inputs.of(["other", "words"])  # beyond the bound: all are forgotten
    np.testing.assert_allclose(inputs.of(words), expected, atol=1e-5)
    assert inputs.of([]).shape == (0, expected.shape[1])


def test_several_threads_may_read_at_once(monkeypatch):
    embedding, config, speller = make_embedding()
    monkeypatch.setattr(language, "_KEPT_WORDS", 3)
    reader = LanguageReader(weights_of(embedding), config, speller)
    expected = reader.read(SENTENCES)
    found = []
    threads = [
        threading.Thread(target=lambda: found.extend(reader.read(SENTENCES) for _ in range(20)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 60
    for each in found:
        np.testing.assert_allclose(each, expected, atol=1e-6)


@pytest.mark.parametrize("unit", ["words", "characters"])
@pytest.mark.parametrize("layers", [1, 3])
def test_shapes_are_those_of_the_networks_weights(unit, layers):
    embedding, config, speller = make_embedding(unit, layers)
    expected = {name: each.shape for name, each in weights_of(embedding).items()}
    assert weight_shapes(len(speller.words), len(speller.symbols), config) == expected
