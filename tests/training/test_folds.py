"""Folds: who is dealt together, what a model of the others learns from, and that it finds what was spoilt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from toy_models import TINY_SIZES

from tagger.config import Config, override
from tagger.errors import ConfigError, DataError
from tagger.text.conll import Corpus, Sentence
from tagger.text.schemes import Scheme, Span
from tagger.training import folds

NAMES = ["Ada", "Bob", "Eve", "Li", "Mei", "Omar", "Zoe", "Kim"]
PLACES = ["Rome", "Paris", "Quito", "Oslo", "Bern", "Lima", "Cairo", "Delhi"]


def make_corpus(count: int, per_document: int | None = None) -> Corpus:
    """Make a corpus whose sentences tell a name from a place; some come again."""
    draw = np.random.default_rng(4)
    sentences = []
    for number in range(count):
        name, place = NAMES[draw.integers(8)], PLACES[draw.integers(8)]
        words = (name, "went", "to", place, ".") if number % 2 else ("in", place, name, "slept", ".")
        tags = ("B-PER", "O", "O", "B-LOC", "O") if number % 2 else ("O", "B-LOC", "B-PER", "O", "O")
        document = 0 if per_document is None else number // per_document
        sentences.append(Sentence(words, tags, line=6 * number + 1, document=document))
    return Corpus("x.conll", tuple(sentences), Scheme.IOB2, "", ())


def make_config(**changes: object) -> Config:
    chosen = {name.replace("__", "."): value for name, value in changes.items()}
    return override(Config(), TINY_SIZES | chosen)


def test_equal_sentences_are_dealt_together() -> None:
    corpus = make_corpus(300)
    dealt = folds.deal(corpus, 5, 1)
    found: dict[tuple[str, ...], set[int]] = {}
    for sentence, fold in zip(corpus.sentences, dealt.tolist(), strict=True):
        found.setdefault(sentence.tokens, set()).add(fold)
    assert len(found) < 300
    assert all(len(each) == 1 for each in found.values())
    sizes = np.bincount(dealt, minlength=5)
    assert sizes.min() > 0.8 * sizes.max()
    assert dealt.tolist() == folds.deal(corpus, 5, 1).tolist()
    assert dealt.tolist() != folds.deal(corpus, 5, 2).tolist()


def test_documents_are_dealt_whole_where_there_are_many() -> None:
    many, few = make_corpus(300, per_document=4), make_corpus(300, per_document=100)
    dealt = folds.deal(many, 5, 1)
    assert all(len(set(dealt[start : start + 4])) == 1 for start in range(0, 300, 4))
    assert any(len(set(folds.deal(few, 5, 1)[start : start + 4])) > 1 for start in range(0, 300, 4))


def test_no_model_learns_from_a_sentence_that_it_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = make_corpus(300, per_document=4)  # equal sentences in several documents
    config = folds.settle(corpus, make_config(), 5)
    dealt = folds.deal(corpus, 5, 1)
    for fold in range(5):
        data = folds._part(corpus, dealt == fold, config)
        learnt = {each.tokens for each in data.train.sentences}
        held = {each.tokens for each, at in zip(corpus.sentences, dealt, strict=True) if at == fold}
        assert learnt
        assert not learnt & held


def test_settings_of_folds_are_chosen_unless_somebody_chose() -> None:
    corpus = make_corpus(60)
    chosen = folds.settle(corpus, make_config(), 5)
    assert (chosen.training.epochs, chosen.training.recall_cost, chosen.encoder.context) == (8, 0.0, 1)
    asked = folds.settle(corpus, make_config(training__epochs=2, encoder__context=4), 5)
    assert (asked.training.epochs, asked.encoder.context) == (2, 4)


def test_too_little_to_deal_or_to_learn_from() -> None:
    corpus = make_corpus(4)
    with pytest.raises(ConfigError, match="found 9, but the corpus has 4 distinct sentences"):
        folds.deal(corpus, 9, 1)
    nothing = [replace(each, tags=("O",) * 5) for each in corpus.sentences]
    sparse = replace(corpus, sentences=(corpus.sentences[0], *nothing[1:]))
    config = folds.settle(sparse, make_config(), 2)
    with pytest.raises(DataError, match="found no span outside of one fold"):
        folds._part(sparse, np.array([True, False, False, False]), config)


@pytest.mark.slow
def test_what_was_spoilt_comes_first_however_many_work() -> None:
    corpus = make_corpus(240)
    spoilt = {7: ("B-LOC", "O", "O", "B-LOC", "O"), 20: ("O", "O", "B-PER", "O", "O")}
    sentences = [replace(each, tags=spoilt.get(n, each.tags)) for n, each in enumerate(corpus.sentences)]
    corpus = replace(corpus, sentences=tuple(sentences))
    shares: list[float] = []
    config = make_config(training__learning_rate=0.02)
    found = folds.judge_folds(corpus, config, 3, workers=2, on_progress=shares.append)
    first = sorted(found, key=lambda each: -each.surety)[:2]
    assert {(each.sentence, each.start, each.found) for each in first} == {
        (7, 0, (Span("PER", 0, 1),)),
        (20, 1, (Span("LOC", 1, 2),)),
    }
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert folds.judge_folds(corpus, config, 3, workers=1) == found
