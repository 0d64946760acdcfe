"""Generation in numpy against the network's probabilities, and against what the draws must keep to."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch

from tagger.config import LanguageModelConfig, PretrainConfig
from tagger.model.bilm import LanguageModel
from tagger.runtime.generation import UNKNOWN_WORD, TextContinuer, cluster_bounds, continue_text
from tagger.runtime.language import TrainedLanguageModel
from tagger.text.language import END, LanguageTables

COUNTS = {"the": 9, "cat": 7, "sat": 5, "extraordinarily": 3, "a": 8, "dog": 4, "北": 2, "京": 2, "é": 6}
SIZES = {"character_dim": 4, "character_filters": 3, "hidden": 7, "projection": 6, "min_count": 1}


def make_model(unit="words", layers=2, sharpness=1.0, **sizes):
    chosen = SIZES | {"common": 3, "rare": 5, "rarest": 8} | sizes
    config = PretrainConfig(model=LanguageModelConfig(unit=unit, layers=layers, **chosen))
    tables = LanguageTables.build(COUNTS, 12, config.model)
    torch.manual_seed(3)
    model = LanguageModel(
        tables.outcome_counts, len(tables.speller.symbols), tables.targets([END])[0], config.model
    ).requires_grad_(False)
    for name, weights in model.named_parameters():
        if "boundary" in name or "cluster" in name:
            weights.normal_()
        if name == "encoder.input.words":
            weights.mul_(sharpness)
    weights = {name: each.numpy() for name, each in model.state_dict().items()}
    return model, TrainedLanguageModel(config, tables, weights)


def log_probabilities_by_torch(model, tables, words):
    top, state = model.encoder.read(model.encoder.boundary, None)
    for word in words:
        inputs = model.encoder.input(torch.from_numpy(tables.speller.rows([word])))[1]
        top, state = model.encoder.read(inputs, state)
    return model.log_probabilities(top[None])[0].numpy()


@pytest.mark.parametrize("unit", ["words", "characters"])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("cutoffs", [(3, 5, 8), (100, 200, 300), (4, 4, 900)])
def test_the_distribution_is_the_networks(unit, layers, cutoffs):
    common, rare, rarest = cutoffs
    model, parts = make_model(unit, layers, common=common, rare=rare, rarest=rarest)
    continuer = TextContinuer(parts)
    for words in ([], ["the"], ["the", "unseen"], ["the", "unseen", "京"]):
        if words:
            continuer.read(words[-1])
        found = continuer.log_probabilities()
        np.testing.assert_allclose(found, log_probabilities_by_torch(model, parts.tables, words), atol=1e-5)
        assert np.exp(found).sum() == pytest.approx(1.0)
    continuer.restart()
    np.testing.assert_array_equal(continuer.log_probabilities(), TextContinuer(parts).log_probabilities())


def test_the_likeliest_come_first_with_their_probabilities():
    _, parts = make_model(sharpness=4.0)
    continuer = TextContinuer(parts, ["the", "cat"])
    found = continuer.likeliest(1000)
    assert len(found) == len(parts.tables)
    assert {UNKNOWN_WORD, None, "the"} < {each.word for each in found}
    assert sum(each.probability for each in found) == pytest.approx(1.0)
    assert [each.probability for each in found] == sorted((each.probability for each in found), reverse=True)
    assert continuer.likeliest(2) == found[:2]
    place = parts.tables.targets([found[0].word or END])[0]
    assert found[0].probability == pytest.approx(float(np.exp(continuer.log_probabilities()[place])))


def test_words_are_drawn_as_often_as_they_are_likely():
    _, parts = make_model(sharpness=4.0)
    scores = TextContinuer(parts).log_probabilities()
    allowed = [outcome for outcome in range(1, len(scores)) if parts.tables.word(outcome) != END]
    expected = np.exp(scores[allowed] / 0.5)
    expected /= expected.sum()
    first = Counter(next(continue_text(parts, [], 1, temperature=0.5, seed=seed)) for seed in range(2000))
    found = np.array([first[parts.tables.word(outcome)] for outcome in allowed]) / 2000
    assert sum(first.values()) == round(found.sum() * 2000)
    np.testing.assert_allclose(found, expected, atol=0.05)


def test_a_seed_says_what_is_drawn_and_none_ends_a_sentence():
    _, parts = make_model()
    texts = [list(continue_text(parts, ["the"], 60, seed=seed)) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
    for text in texts:
        assert sum(word is not None for word in text) == 60
        assert None in text
        assert not any(one is None and other is None for one, other in pairwise(text))
        assert set(text) <= {*COUNTS, None}


def test_the_likeliest_word_is_taken_without_temperature():
    _, parts = make_model(sharpness=4.0)
    cold = list(continue_text(parts, ["a"], 8, temperature=0.0, seed=1))
    assert cold == list(continue_text(parts, ["a"], 8, top_k=1, seed=2))
    assert cold == list(continue_text(parts, ["a"], 8, temperature=1e-300, seed=3))


def test_an_empty_prompt_begins_with_a_word():
    _, parts = make_model()
    assert all(next(continue_text(parts, [], 1, seed=seed)) is not None for seed in range(30))


def test_bounds_beyond_the_outcomes_do_not_matter():
    assert cluster_bounds(10, (3, 5, 100)) == [3, 5, 10]
    assert cluster_bounds(10, (10, 20, 30)) == [10]
    assert cluster_bounds(10, (4, 4, 6)) == [4, 6, 10]
