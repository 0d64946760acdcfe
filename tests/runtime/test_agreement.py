"""What repeats say, against sums over all tag sequences that are written down one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from oracles import BruteForceCRF
from toy_models import make_model

from tagger.runtime.agreement import Agreement
from tagger.runtime.decode import build_decoding
from tagger.runtime.tagtable import TagTable
from tagger.text.schemes import Scheme, allowed, split_tag

SIZES = [3, 4, 2, 3]
REPEATS = np.array([0, -1, 1, 1, -1, -1, 0, 0, -1, -1, 2, 2])
STARTS = np.cumsum(SIZES) - SIZES


@pytest.fixture
def model():
    return make_model(decoder__agreement=1.0)


def draw_scores(model, scale: float = 3.0) -> np.ndarray:
    generator = torch.Generator().manual_seed(3)
    return (scale * torch.randn(sum(SIZES), len(model.lexicon.tags), generator=generator)).numpy()


def weigh(model, scores, starts=STARTS, sizes=SIZES, repeats=REPEATS, options=None):
    agreement = Agreement(TagTable(model).types, build_decoding(model))
    return agreement.weigh(scores, starts, np.array(sizes), repeats, options)


def beliefs(model, scores, options=None) -> list[dict[str, float]]:
    """p(type) of every token at a temperature of 2, `""` for none."""
    names = ("start_transitions", "transitions", "end_transitions")
    shared = [model.weights[f"decoder.{name}"] / 2 for name in names]
    rules = tuple(allowed(model.lexicon.tags, Scheme.BIOES))
    types = [split_tag(tag, Scheme.BIOES)[1] for tag in model.lexicon.tags]
    found = []
    for start, size in zip(STARTS, SIZES, strict=True):
        may = None if options is None else options[start : start + size]
        every = BruteForceCRF(scores[start : start + size] / 2, *shared, rules, may)
        for token in range(size):
            sums = dict.fromkeys(types, 0.0)
            for path, probability in zip(every.paths, every.probabilities, strict=True):
                sums[types[path[token]]] += probability
            found.append(sums)
    return found


@pytest.mark.parametrize("is_known", [False, True])
def test_the_pull_is_that_of_the_formula(model, is_known):
    scores = draw_scores(model)
    options = None
    if is_known:
        options = np.ones_like(scores, dtype=bool)
        options[6] = False
        options[6, model.lexicon.tags.index("S-PER")] = True
    pull = weigh(model, scores, options=options)
    assert pull.tokens.tolist() == [0, 2, 3, 6, 7, 10, 11]
    p = beliefs(model, scores, options)
    for row, token in enumerate(pull.tokens.tolist()):
        same = [other for other in range(len(REPEATS)) if REPEATS[other] == REPEATS[token]]
        entropy = -sum(each * math.log(each) for each in p[token].values() if each) / math.log(len(p[token]))
        for tag, value in zip(model.lexicon.tags, pull.scores[row].tolist(), strict=True):
            type_ = split_tag(tag, Scheme.BIOES)[1]
            mean = sum(p[other][type_] for other in same) / len(same)
            expected = entropy * (math.log(mean + 0.02) - math.log(p[token][type_] + 0.02))
            assert value == pytest.approx(expected, abs=1e-4)


def test_a_strength_multiplies_the_pull_and_touches_repeats_alone(model):
    scores = draw_scores(model)
    pull = weigh(model, scores)
    before = scores.copy()
    pulled = pull.add_to(scores, 3.0)
    np.testing.assert_array_equal(scores, before)
    others = REPEATS < 0
    np.testing.assert_array_equal(pulled[others], scores[others])
    np.testing.assert_allclose(pulled[pull.tokens], scores[pull.tokens] + 3 * pull.scores, rtol=1e-6)


def test_without_repeats_there_is_no_pull(model):
    scores = draw_scores(model)
    assert weigh(model, scores, repeats=np.full(sum(SIZES), -1)) is None
    assert weigh(model, scores, repeats=None) is None


def test_who_is_sure_is_not_pulled(model):
    scores = draw_scores(model, scale=0.3)
    scores[0, model.lexicon.tags.index("S-PER")] += 60.0
    pull = weigh(model, scores)
    per = [tag.endswith("PER") for tag in model.lexicon.tags]
    assert np.abs(pull.scores[0]).max() < 1e-3
    assert pull.scores[3, per].min() > 0.05  # but pulls the others
    assert pull.scores[4, per].min() > 0.05


def test_the_order_of_sentences_does_not_matter(model):
    scores = draw_scores(model)
    order = [2, 0, 3, 1]
    places = np.concatenate([np.arange(STARTS[k], STARTS[k] + SIZES[k]) for k in order])
    sizes = np.array(SIZES)[order]
    pull = weigh(model, scores)
    moved = weigh(model, scores[places], np.cumsum(sizes) - sizes, sizes, REPEATS[places])
    expected = pull.add_to(np.zeros_like(scores), 1.0)[places]
    np.testing.assert_allclose(moved.add_to(np.zeros_like(scores), 1.0), expected, rtol=1e-4, atol=1e-5)


def test_words_without_a_decoder_of_chains_agree_too():
    model = make_model(decoder__kind="softmax", decoder__agreement=1.0)
    pull = weigh(model, draw_scores(model))
    assert np.isfinite(pull.scores).all()
    assert np.abs(pull.scores).max() > 0.1
