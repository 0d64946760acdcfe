"""Language models against reading word by word, against their definition and against what must not matter."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from tagger.config import LanguageModelConfig, PretrainConfig
from tagger.model.bilm import Convolutions, LanguageBatch, LanguageModel, ScalarMix, SpellingInput
from tagger.text.language import END, LanguageTables
from tagger.training import language
from tagger.training.reading import collate, encode

SENTENCES = [
    ("the", "cat", "sat"),
    ("a", "dog"),
    ("the", "extraordinarily", "long", "cat", "sat", "down"),
    ("a",),
]
SIZES = {"character_dim": 4, "character_filters": 3, "hidden": 7, "projection": 6, "min_count": 1}


def _build(unit: str = "words") -> tuple[LanguageTables, LanguageModel]:
    config = PretrainConfig(model=LanguageModelConfig(unit=unit, **SIZES))
    counts = {word: 2 for words in SENTENCES for word in words}
    tables = LanguageTables.build(counts, len(SENTENCES), config.model)
    model = language.build(tables, config)
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


def test_a_softmax_without_weights_is_uniform_within_its_clusters() -> None:
    tables, model = _build()
    for parameter in model.softmax.parameters():
        parameter.zero_()
    nats = model.losses(_batch(tables, ("the", "cat")))
    head = len(tables) - 1  # one word is in the cluster of rare ones, which is one more outcome of the head
    torch.testing.assert_close(nats, torch.full((2,), 3 * math.log(head + 1)))


def test_convolutions_are_those_of_pytorch_over_one_word() -> None:
    torch.manual_seed(0)
    filters = (2, 5, 3)
    convolutions = Convolutions(20, 4, filters)
    torch.nn.init.normal_(convolutions.bias)
    spelling = torch.tensor([[3, 7, 3, 19, 0, 0]])
    found = convolutions(spelling)[0].split(filters[::-1])
    ends = [sum(filters[width:]) for width in range(len(filters) + 1)]  # of the filters wider than `width`
    inputs = torch.cat([convolutions.embedding[[3, 7, 3, 19]], torch.zeros(2, 4)]).T  # (dim, C)
    for width in (1, 2, 3):
        mine = slice(ends[width], ends[width - 1])
        kernel = torch.stack([weight[:, mine] for weight in convolutions.weights[:width]])  # (w, dim, F)
        read = inputs[:, : 4 + width - 1]
        expected = functional.conv1d(read, kernel.permute(2, 1, 0), convolutions.bias[mine])
        torch.testing.assert_close(found[3 - width], expected.relu().amax(1))


def test_a_word_is_spelled_alike_beside_any_others() -> None:
    torch.manual_seed(0)
    spell = SpellingInput(20, LanguageModelConfig(**SIZES))
    rows = np.zeros((9, 12), dtype=np.int64)
    for row, length in enumerate([0, 3, 12, 1, 7, 3, 2, 11, 5]):
        rows[row, :length] = np.arange(1, length + 1)
    spelled = spell(torch.from_numpy(rows))
    for row in range(1, 9):
        alone = spell(torch.from_numpy(rows[row : row + 1, : max(1, (rows[row] > 0).sum())]))
        torch.testing.assert_close(spelled[row], alone[0])
    assert torch.isfinite(spelled).all()


def test_unknown_words_differ_by_their_spelling() -> None:
    tables, model = _build()
    layers = model.encoder(_batch(tables, ("tac", "cats")))[:, 0, 0]
    assert not torch.allclose(layers[0], layers[1])


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
