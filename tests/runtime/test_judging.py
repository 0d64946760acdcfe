"""Gold labels beside a model's reading: the places by hand, their probabilities against every reading there is."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from oracles import BruteForceCRF
from toy_models import make_model, make_word_model, random_sentences

from tagger.runtime.judging import Judge
from tagger.runtime.network import Network
from tagger.runtime.tagger import Tagger
from tagger.text import schemes
from tagger.text.conll import Sentence
from tagger.text.schemes import Scheme, Span

MODELS = {
    "IOB2": make_model(encoder__context=1),
    "IOB1": make_model("IOB1", encoder__context=1),
    "bare": make_model("BARE", encoder__context=1),
    "words": make_word_model(),
    "typed words": make_word_model("NN", "VV"),
}
WORDS = ["Ada", "York", "unseen", "Li"]


def make_gold(model, rows, seed=5):
    """Return sentences with drawn tags, legal ones."""
    draw = np.random.default_rng(seed)
    inner = Scheme.BARE if model.scheme is Scheme.BARE else Scheme.BIOES
    found = []
    for number, words in enumerate(rows):
        tags = draw.choice(model.lexicon.tags, len(words)).tolist()
        spans = schemes.tags_to_spans(tags, inner)
        if "O" not in model.lexicon.tags and inner is not Scheme.BARE:  # every token is in a word
            type_ = schemes.split_tag(model.lexicon.tags[0], inner)[1]
            cuts = [0, *np.flatnonzero(draw.random(len(words)) < 0.5).tolist(), len(words)]
            edges = sorted(set(cuts))
            spans = [Span(type_, *edge) for edge in pairwise(edges)]
        tags = schemes.spans_to_tags(spans, len(words), model.scheme)
        found.append(Sentence(tuple(words), tuple(tags), document=number))  # none has neighbours
    return found


@pytest.mark.parametrize("kind", MODELS)
def test_probabilities_are_those_of_enumeration(kind):
    model = MODELS[kind]
    inner = Scheme.BARE if model.scheme is Scheme.BARE else Scheme.BIOES
    gold = make_gold(model, [WORDS[:3], WORDS, WORDS[::-1], WORDS[1:]] * 3)
    rows = {tag: row for row, tag in enumerate(model.lexicon.tags)}
    weights = [
        model.weights[f"decoder.{name}"] for name in ("start_transitions", "transitions", "end_transitions")
    ]
    doubts = list(Judge(model, model.scheme).judge(gold))
    assert doubts == sorted(doubts)
    assert len(doubts) > 5
    for doubt in doubts:
        words = gold[doubt.sentence].tokens
        every = BruteForceCRF(Network(model).emissions([words], [0]), *weights, tuple(model.constraints))
        for spans, chance in ((doubt.gold, doubt.gold_probability), (doubt.found, doubt.probability)):
            moved = [
                span._replace(start=span.start - doubt.start, end=span.end - doubt.start) for span in spans
            ]
            tags = schemes.spans_to_tags(moved, doubt.end - doubt.start, inner)
            assert chance == pytest.approx(every.span(doubt.start, [rows[tag] for tag in tags]), abs=1e-5)


@pytest.mark.parametrize("kind", MODELS)
def test_a_places_readings_put_into_gold_make_the_models_own(kind):
    """Where every proposal is accepted, the labels are those of the best reading."""
    model = MODELS[kind]
    rows = [list(WORDS) for _ in range(1)] + random_sentences(20, longest=9)
    gold = make_gold(model, rows)
    best = Tagger(model.with_fitted(agreement=0.0)).predict_tokens(rows, min_confidence=0.0)
    spans = [set(schemes.tags_to_spans(each.tags, model.scheme)) for each in gold]
    for doubt in Judge(model, model.scheme).judge(gold):
        assert set(doubt.gold) <= spans[doubt.sentence]
        spans[doubt.sentence] -= set(doubt.gold)
        spans[doubt.sentence] |= set(doubt.found)
        assert all(doubt.start <= span.start < span.end <= doubt.end for span in (*doubt.gold, *doubt.found))
    assert spans == [set(schemes.tags_to_spans(each.tags, model.scheme)) for each in best]


def test_gold_that_is_read_alike_is_in_no_doubt():
    model = MODELS["IOB2"]
    rows = random_sentences(30)
    found = Tagger(model.with_fitted(agreement=0.0)).predict_tokens(rows, min_confidence=0.0)
    gold = [Sentence(tuple(words), tuple(each.tags)) for words, each in zip(rows, found, strict=True)]
    assert list(Judge(model, Scheme.IOB2).judge(gold)) == []


def test_one_faulty_place_is_one_doubt_and_unknown_tags_are_none():
    model = MODELS["IOB2"]
    words = ("Ada", "met", "Li", "in", "New", "York")
    [found] = Tagger(model.with_fitted(agreement=0.0)).predict_tokens([words], min_confidence=0.0)
    spans = schemes.tags_to_spans(found.tags, Scheme.IOB2)
    whole = Sentence(words, tuple(schemes.spans_to_tags([Span("LOC", 0, 6)], 6, Scheme.IOB2)))
    assert len(spans) > 1
    [doubt] = Judge(model, Scheme.IOB2).judge([whole])
    assert (doubt.start, doubt.end, doubt.gold, doubt.found) == (0, 6, (Span("LOC", 0, 6),), tuple(spans))
    hidden = replace(whole, tags=("?", *whole.tags[1:]))
    assert all(each.start > 0 for each in Judge(model, Scheme.IOB2).judge([hidden]))


def test_a_type_that_the_model_does_not_know_is_no_certain_fault():
    model = MODELS["IOB2"]
    gold = Sentence(("Ada", "met"), ("B-NEW", "I-NEW"))
    doubts = list(Judge(model, Scheme.IOB2).judge([gold]))
    assert [each.gold_probability for each in doubts] == [1e-3]
