"""What a model believes of sentences, beside every tag sequence written down; and what is done with it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from oracles import BruteForceCRF
from toy_models import make_model, random_sentences

from tagger.runtime import softlabels
from tagger.runtime.softlabels import SoftLabels, chain_labels, mean
from tagger.runtime.tagger import Tagger
from tagger.runtime.trained import TrainedModel


def write_down(
    model: TrainedModel, sentences: Sequence[Sequence[str]], temperature: float
) -> list[BruteForceCRF]:
    """Every tag sequence of some short sentences that stand alone."""
    tagger = Tagger(model)
    scores = tagger._network.emissions(sentences, range(len(sentences)), [()] * len(sentences))
    chain = [
        model.weights[f"decoder.{name}"] for name in ("start_transitions", "transitions", "end_transitions")
    ]
    ends = np.cumsum([len(words) for words in sentences])
    parts = np.split(scores, ends[:-1])
    return [
        BruteForceCRF(part / temperature, *(each / temperature for each in chain), model.constraints)
        for part in parts
    ]


def spread(labels: SoftLabels, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Marginals (T, K) and expected moves (K, K) of a sentence."""
    one = labels.take([number])
    marginals = np.zeros((int(one.sizes[0]), one.num_tags))
    marginals[one.tokens, one.tags] = one.shares
    moves = np.zeros(one.num_tags**2)
    moves[one.moves] = one.counts
    return marginals, moves.reshape(one.num_tags, one.num_tags)


@pytest.fixture
def model() -> TrainedModel:
    return make_model(types=["X"], encoder__context=1).with_fitted(temperature=2.0)


@pytest.fixture
def sentences() -> list[list[str]]:
    return [words[: 1 + number % 5] for number, words in enumerate(random_sentences(12))]


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_they_are_those_of_enumeration(model, sentences, temperature, monkeypatch):
    monkeypatch.setattr(softlabels, "LEAST", 0.0)
    labels = Tagger(model).soften(sentences, range(len(sentences)), temperature=temperature)
    for number, oracle in enumerate(write_down(model, sentences, 2.0 * temperature)):
        marginals, moves = spread(labels, number)
        assert np.allclose(marginals, oracle.marginals(), atol=1e-3)
        assert np.allclose(moves, oracle.expected_moves(), atol=2e-3)


def test_what_is_seldom_is_left_out_and_the_rest_adds_up(model, sentences, monkeypatch):
    monkeypatch.setattr(softlabels, "LEAST", 0.05)
    labels = Tagger(model).soften(sentences, range(len(sentences)))
    for number, oracle in enumerate(write_down(model, sentences, 2.0)):
        marginals, moves = spread(labels, number)
        kept = np.where(oracle.marginals() < 0.05, 0.0, oracle.marginals())
        assert np.allclose(marginals, kept / kept.sum(1, keepdims=True), atol=1e-3)
        assert moves.sum() == pytest.approx(len(sentences[number]) - 1, abs=5e-3)
    assert labels.surety().tolist() == pytest.approx(
        [min(spread(labels, number)[0].max(1)) for number in range(len(sentences))]
    )


def test_the_mean_of_several_is_the_mean_of_their_probabilities(model, sentences, monkeypatch):
    monkeypatch.setattr(softlabels, "LEAST", 0.0)
    found = [
        Tagger(model).soften(sentences, range(len(sentences)), temperature=each) for each in (0.5, 1.0, 4.0)
    ]
    together = mean(found)
    for number in range(len(sentences)):
        ours, *others = (spread(each, number) for each in (together, *found))
        for one, several in zip(ours, zip(*others, strict=True), strict=True):
            assert np.allclose(one, sum(several) / 3, atol=2e-3)


def test_they_are_taken_put_together_and_renumbered(model, sentences):
    labels = Tagger(model).soften(sentences, range(len(sentences)))
    parts = chain_labels([labels.take([4, 1]), labels.take([7])])
    assert parts.sizes.tolist() == [len(sentences[number]) for number in (4, 1, 7)]
    K = labels.num_tags
    turned = parts.renumbered([K - 1 - row for row in range(K)], K)
    for place, number in enumerate((4, 1, 7)):
        for one, other in zip(spread(labels, number), spread(parts, place), strict=True):
            assert np.array_equal(one, other)
        marginals, moves = spread(turned, place)
        assert np.array_equal(marginals, spread(labels, number)[0][:, ::-1])
        assert np.array_equal(moves, spread(labels, number)[1][::-1, ::-1])


def test_the_likeliest_tags_are_those_of_the_marginals(model, sentences):
    labels = Tagger(model).soften(sentences, range(len(sentences)))
    names = model.lexicon.tags
    assert not labels.are_open().any()
    for number, options in enumerate(labels.options(names)):
        best = spread(labels, number)[0].argmax(1)
        assert options == [(names[row],) for row in best]


def test_what_is_known_of_tags_is_heeded(model, sentences):
    known = [["B-X", *[None] * (len(words) - 1)] for words in sentences]
    labels = Tagger(model).soften(sentences, range(len(sentences)), known=known)
    names = model.lexicon.tags
    for number in range(len(sentences)):
        first = spread(labels, number)[0][0]
        assert {names[row] for row in np.flatnonzero(first)} <= {"B-X", "S-X"}
