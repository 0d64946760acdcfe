"""Language models against reading word by word, against their definition and against what must not matter."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from tagger.config import LanguageModelConfig, PretrainConfig
from tagger.model.bilm import LanguageBatch, LanguageModel, ScalarMix
from tagger.text.language import END, LanguageTables
from tagger.training.recipes.lm import build_language_model, collate, encode

SENTENCES = [
    ("the", "cat", "sat"),
    ("a", "dog"),
    ("the", "extraordinarily", "long", "cat", "sat", "down"),
    ("a",),
]
SIZES = {
    "character_dim": 4,
    "character_filters": 3,
    "hidden": 7,
    "projection": 6,
    "min_count": 1,
    "common": 3,
    "rare": 5,
}


def _build(unit: str = "words") -> tuple[LanguageTables, LanguageModel]:
    config = PretrainConfig(model=LanguageModelConfig(unit=unit, **SIZES))
    counts = {word: 2 for words in SENTENCES for word in words}
    tables = LanguageTables.build(counts, len(SENTENCES), config.model)
    model = build_language_model(tables, config)
    with torch.no_grad():
        model.encoder.boundary.normal_()
    return tables, model.requires_grad_(False)


def _batch(tables: LanguageTables, *sentences: tuple[str, ...]) -> LanguageBatch:
    return collate(encode(sentences, tables), range(len(sentences)))


@pytest.mark.parametrize("unit", ["words", "characters"])
def test_layers_ignore_padding_and_neighbours(unit: str) -> None:
    tables, model = _build(unit)
    together = model.encoder(_batch(tables, *SENTENCES))
    for place, sentence in enumerate(SENTENCES):
        alone = model.encoder(_batch(tables, sentence))
        torch.testing.assert_close(together[: len(sentence), place], alone[:, 0])


def test_forward_layers_see_the_past_and_backward_layers_the_future() -> None:
    tables, model = _build()
    one = model.encoder(_batch(tables, ("the", "cat", "sat", "down")))[:, 0]
    other = model.encoder(_batch(tables, ("the", "cat", "dog", "down")))[:, 0]
    half = model.encoder.size // 2
    torch.testing.assert_close(one[:2, :, :half], other[:2, :, :half])
    torch.testing.assert_close(one[3:, :, half:], other[3:, :, half:])
    assert not torch.allclose(one[2:, 1:, :half], other[2:, 1:, :half])
    assert not torch.allclose(one[:3, 1:, half:], other[:3, 1:, half:])


def test_first_layer_is_the_input_twice() -> None:
    tables, model = _build()
    batch = _batch(tables, ("a", "dog"))
    inputs = functional.embedding(batch.tokens, model.encoder.input(batch.spelling))[:, 0]
    torch.testing.assert_close(model.encoder(batch)[:, 0, 0], torch.cat([inputs, inputs], dim=1))


def test_losses_are_those_of_reading_word_by_word() -> None:
    tables, model = _build()
    found = model.losses(_batch(tables, *SENTENCES))
    forward = sum(_nats(tables, model, words) for words in SENTENCES)
    model.encoder.directions = torch.nn.ModuleList(reversed(list(model.encoder.directions)))
    backward = sum(_nats(tables, model, words[::-1]) for words in SENTENCES)
    torch.testing.assert_close(found, torch.tensor([forward, backward]))


def _nats(tables: LanguageTables, model: LanguageModel, words: tuple[str, ...]) -> float:
    top, state = model.encoder.read(model.encoder.boundary, None)
    total = 0.0
    for word in (*words, END):
        scores = model.log_probabilities(top.unsqueeze(0))[0]
        total -= float(scores[tables.targets([word])[0]])
        spelled = torch.from_numpy(tables.speller.rows([word]))
        top, state = model.encoder.read(model.encoder.input(spelled)[1], state)
    return total


def test_probabilities_sum_to_one() -> None:
    tables, model = _build()
    scores = model.log_probabilities(torch.randn(5, SIZES["projection"]))
    assert scores.shape == (5, len(tables))
    torch.testing.assert_close(scores.exp().sum(1), torch.ones(5))


def test_an_untrained_model_predicts_by_frequency() -> None:
    tables, model = _build()
    model.encoder.input.words.zero_()
    scores = model.log_probabilities(torch.randn(1, SIZES["projection"]))[0]
    shares = torch.tensor(tables.outcome_counts).clamp(min=0.5)
    torch.testing.assert_close(scores.exp(), shares / shares.sum())


def test_unknown_words_differ_by_their_spelling() -> None:
    tables, model = _build()
    layers = model.encoder(_batch(tables, ("tac", "cats")))[:, 0, 0]
    assert not torch.allclose(layers[0], layers[1])


def test_hidden_words_are_read_by_their_spelling() -> None:
    tables, model = _build()
    batch = _batch(tables, ("the", "cat"))
    generator = torch.Generator().manual_seed(1)
    hidden = model.encoder.input(batch.spelling, 0.9999, generator)
    model.encoder.input.words.zero_()
    assert torch.equal(hidden, model.encoder.input(batch.spelling))


def test_dropout_depends_on_its_generator_alone() -> None:
    tables, model = _build()
    batch = _batch(tables, *SENTENCES)
    one, same, other = (
        model.losses(batch, 0.5, torch.Generator().manual_seed(seed)).tolist() for seed in (1, 1, 2)
    )
    assert one == same != other


def test_scalar_mix_begins_as_the_mean_and_follows_its_formula() -> None:
    layers = torch.randn(4, 2, 3, 5)
    mix = ScalarMix(3)
    torch.testing.assert_close(mix(layers), layers.mean(2))
    with torch.no_grad():
        mix.weights.copy_(torch.tensor([0.0, math.log(2), math.log(5)]))
        mix.scale.fill_(4.0)
    expected = 4 * (layers[:, :, 0] / 8 + layers[:, :, 1] * 2 / 8 + layers[:, :, 2] * 5 / 8)
    torch.testing.assert_close(mix(layers), expected)
