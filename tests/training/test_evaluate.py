"""Predictions in the order of the corpus, their confidences against brute force, and unknown types as missed."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
import toy_models
from oracles import BruteForceCRF

from tagger import scoring
from tagger.model import trained
from tagger.model.batch import group
from tagger.model.emissions import score_tokens
from tagger.model.trained import TrainedModel
from tagger.text.conll import Corpus, Sentence
from tagger.text.schemes import Scheme, allowed, is_legal_step, spans_to_tags, tags_to_spans
from tagger.training import evaluate
from tagger.training.data import build_lexicon

WORDS = ["Anna", "Rome", "left", ".", "Geneva", "of", "in", "Li"]


def make_model(data, scheme: str | None = None, scale: float = 8.0) -> TrainedModel:
    """An untrained model with opinions."""
    lexicon = build_lexicon(data)
    labeler = trained.build(lexicon, data.config).requires_grad_(False)
    labeler.emission.weight *= scale
    return TrainedModel(data.config, lexicon, labeler)


@pytest.fixture
def model(read_tiny) -> TrainedModel:
    return make_model(read_tiny(**{"encoder.context": 1}))


def make_sentences(count: int, longest: int = 12) -> list[Sentence]:
    draw = random.Random(count)
    return [Sentence(tuple(draw.choices(WORDS, k=draw.randint(1, longest)))) for _ in range(count)]


def test_predictions_come_in_the_order_of_the_corpus(model, monkeypatch):
    sentences = make_sentences(60)
    together = evaluate.tag(model, evaluate.encode_corpus(sentences, model))
    assert [len(tags) for tags in together] == [len(sentence) for sentence in sentences]
    alone = [evaluate.tag(model, evaluate.encode_corpus([sentence], model))[0] for sentence in sentences]
    assert together == alone
    assert len({tag for tags in together for tag in tags}) >= 3  # the model does have opinions
    monkeypatch.setattr(evaluate, "BATCH_TOKENS", 20)
    monkeypatch.setattr(evaluate, "SECTION_TOKENS", 50)
    assert evaluate.tag(model, evaluate.encode_corpus(sentences, model)) == together


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_tags_are_those_of_the_corpus_scheme_and_legal(read_tiny, decoder):
    model = make_model(read_tiny(**{"decoder.kind": decoder}))
    sentences = make_sentences(40)
    for tags in evaluate.tag(model, evaluate.encode_corpus(sentences, model)):
        assert set(tags) <= {"O", *(f"{letter}-{name}" for letter in "BI" for name in ("PER", "LOC", "ORG"))}
        steps = zip(["", *tags], [*tags, ""], strict=True)
        assert all(is_legal_step(left, right, Scheme.IOB2) for left, right in steps)


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_predicting_tags_alone_or_with_confidences_is_the_same(read_tiny, decoder):
    model = make_model(read_tiny(**{"decoder.kind": decoder}))
    encoded = evaluate.encode_corpus(make_sentences(40), model)
    found = evaluate.predict(model, encoded)
    assert found.tags == evaluate.tag(model, encoded)
    for tags, confidences in zip(found.tags, found.confidences, strict=True):
        assert len(confidences) == len(tags_to_spans(tags, Scheme.IOB2))
        assert all(0 < value <= 1.0001 for value in confidences)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_a_confidence_is_the_probability_of_that_span(model, temperature):
    model.labeler.temperature.fill_(temperature)
    sentences = [Sentence(("Anna", "left", "Rome")), Sentence(("Li", "of", "Geneva")), Sentence(("Rome",))]
    encoded = evaluate.encode_corpus(sentences, model)
    found = evaluate.predict(model, encoded)
    crf = model.labeler.decoder
    scores = [
        each.numpy() / temperature for each in (crf.start_transitions, crf.transitions, crf.end_transitions)
    ]
    spans = 0
    encoder = model.config.encoder
    groups = group(encoded.examples, encoder.context, encoder.max_tokens)
    emissions = score_tokens(
        model.labeler, encoded, groups, max_tokens=encoder.max_tokens, batch_tokens=10
    ).split([len(sentence) for sentence in sentences])
    for number, scored in enumerate(emissions):
        own = scored.numpy() / temperature
        every = BruteForceCRF(own, *scores, tuple(allowed(model.lexicon.tags, Scheme.BIOES)))
        names = [model.lexicon.tags[k] for k in every.paths[0]]
        for span, value in zip(tags_to_spans(names, Scheme.BIOES), found.confidences[number], strict=True):
            spans += 1
            expected = every.span(span.start, every.paths[0][span.start : span.end])
            assert value == pytest.approx(expected, abs=1e-5)
    assert spans


def test_scores_are_those_of_the_predicted_tags(model):
    sentences = make_sentences(30)
    gold = tuple(
        Sentence(sentence.tokens, tuple(tags))
        for sentence, tags in zip(
            sentences, evaluate.tag(model, evaluate.encode_corpus(sentences, model)), strict=True
        )
    )
    perfect = evaluate.score(model, Corpus("x", gold, Scheme.IOB2, "", ()))
    assert perfect.micro.f1 == perfect.token_accuracy == 1.0
    assert perfect.micro.gold > 5
    blank = tuple(Sentence(sentence.tokens, ("O",) * len(sentence)) for sentence in sentences)
    none = evaluate.score(model, Corpus("x", blank, Scheme.IOB2, "", ()))
    assert (none.micro.correct, none.micro.predicted) == (0, perfect.micro.predicted)


def test_types_that_training_lacks_count_as_missed(model):
    tokens = ("Anna", "left", "Rome")
    corpus = Corpus("x", (Sentence(tokens, ("B-NEW", "I-NEW", "O")),), Scheme.IOB2, "", ())
    scores = evaluate.score(model, corpus)
    assert (scores.types["NEW"].gold, scores.types["NEW"].correct, scores.types["NEW"].recall) == (1, 0, 0.0)
    assert scores.micro.gold == 1


def test_gold_tags_may_be_of_another_scheme(model):
    sentences = make_sentences(10)
    tags = evaluate.tag(model, evaluate.encode_corpus(sentences, model))
    gold = []
    for sentence, found in zip(sentences, tags, strict=True):
        other = evaluate.schemes.convert(found, Scheme.IOB2, Scheme.BILOU)
        gold.append(Sentence(sentence.tokens, tuple(other)))
    assert evaluate.score(model, Corpus("x", tuple(gold), Scheme.BILOU, "", ())).micro.f1 == 1.0


def label(model, sentences, strength: float) -> Corpus:
    """A corpus whose tags are those of a model in which repeats weigh so much."""
    model.labeler.agreement.fill_(strength)
    tags = evaluate.tag(model, evaluate.encode_corpus(sentences, model))
    gold = (Sentence(each.tokens, tuple(own)) for each, own in zip(sentences, tags, strict=True))
    return Corpus("x", tuple(gold), Scheme.IOB2, "", ())


@pytest.mark.parametrize("strength", [0.0, 4.0])
def test_repeats_weigh_what_is_best_on_dev(model, strength):
    sentences = make_sentences(100)
    dev = label(model, sentences, strength)
    model.labeler.agreement.fill_(4.0 - strength)
    assert evaluate.score(model, dev).micro.f1 < 1.0
    assert evaluate.fit_agreement(model, dev, evaluate.encode_corpus(sentences, model)).micro.f1 == 1.0
    assert float(model.labeler.agreement) == strength
    assert evaluate.score(model, dev).micro.f1 == 1.0


@pytest.mark.parametrize(("correct", "strength"), [(798, 0.0), (799, 4.0)])
def test_a_gain_within_chance_is_none(model, monkeypatch, correct, strength):
    """Of 1,000 names: a quarter of the standard error at an F1 of 0.8 is 0.0032."""
    found = [scoring.Scores(scoring.Score(1000, 1000, right), None) for right in (795, correct)]
    left = iter(found)
    monkeypatch.setattr(evaluate.scoring, "score", lambda *_: next(left))
    sentences = make_sentences(5)
    scores = evaluate.fit_agreement(
        model, Corpus("x", tuple(sentences), Scheme.IOB2, "", ()), evaluate.encode_corpus(sentences, model)
    )
    assert float(model.labeler.agreement) == strength
    assert scores is found[strength > 0]


def test_repeats_that_change_nothing_weigh_nothing(model):
    sentences = [Sentence(("left", "."), ("O", "B-LOC"))] * 5
    dev = Corpus("x", tuple(sentences), Scheme.IOB2, "", ())
    evaluate.fit_agreement(model, dev, evaluate.encode_corpus(sentences, model))
    assert float(model.labeler.agreement) == 0.0


def test_repeats_weigh_what_the_settings_say(read_tiny):
    data = read_tiny(**{"decoder.agreement": 1.5})
    model = make_model(data)
    encoded = evaluate.encode_corpus(data.dev.sentences, model)
    found = evaluate.fit_agreement(model, data.dev, encoded)
    assert float(model.labeler.agreement) == 1.5
    assert evaluate.score(model, data.dev, encoded) == found
    without = make_model(read_tiny(**{"decoder.agreement": 0.0}))
    evaluate.fit_agreement(without, data.dev, encoded)
    assert float(without.labeler.agreement) == 0.0


def test_sections_do_not_part_what_has_a_say(model, monkeypatch):
    model.labeler.agreement.fill_(4.0)
    sentences = make_sentences(100)
    encoded = evaluate.encode_corpus(sentences, model)
    expected = evaluate.predict(model, encoded)
    monkeypatch.setattr(evaluate, "SECTION_TOKENS", 1)
    assert len(list(evaluate._sections(model, encoded))) == 4  # of 30 sentences each at most
    found = evaluate.predict(model, encoded)
    assert found.tags == expected.tags
    for one, other in zip(found.confidences, expected.confidences, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_a_model_too_sure_of_itself_is_cooled(read_tiny):
    data = read_tiny()
    sure = make_model(data, scale=60.0)
    assert evaluate.fit_temperature(sure, data.dev) > 1.2

    def error(temperature: float) -> float:
        sure.labeler.temperature.fill_(temperature)
        found = evaluate.predict(sure, evaluate.encode_corpus(data.dev.sentences, sure))
        gold = [set(tags_to_spans(sentence.tags, Scheme.IOB2)) for sentence in data.dev.sentences]
        right = [
            span in gold[i] for i, tags in enumerate(found.tags) for span in tags_to_spans(tags, Scheme.IOB2)
        ]
        return scoring.calibrate(
            [value for values in found.confidences for value in values], right
        ).expected_error

    assert error(evaluate.fit_temperature(sure, data.dev)) <= error(1.0)


def test_nothing_found_leaves_the_temperature_alone(read_tiny):
    data = read_tiny()
    model = make_model(data)
    model.labeler.emission.bias[model.lexicon.tags.index("O")] = 1e4
    assert evaluate.fit_temperature(model, data.dev) == 1.0


def doubt(model, sentences, gold: Callable[[float], bool]) -> Corpus:
    """A corpus that holds those names of a model whose confidence `gold` wants."""
    model.labeler.temperature.fill_(8.0)
    encoded = evaluate.encode_corpus(sentences, model)
    held = []
    for sentence, tags, confidences in zip(sentences, *evaluate.predict(model, encoded), strict=True):
        spans = zip(tags_to_spans(tags, Scheme.IOB2), confidences, strict=True)
        own = [span for span, value in spans if gold(value)]
        held.append(Sentence(sentence.tokens, tuple(spans_to_tags(own, len(sentence), Scheme.IOB2))))
    return Corpus("x", tuple(held), Scheme.IOB2, "", ())


def test_a_name_must_be_half_as_probable_as_f1_is_high(model):
    dev = doubt(model, make_sentences(200), lambda confidence: confidence > 0.3)
    f1 = evaluate.score(model, dev).micro.f1
    assert 0.3 < f1 < 0.9
    found = evaluate.fit_min_confidence(model, dev)
    assert found == f1 / 2
    model.labeler.min_confidence.fill_(found)
    assert evaluate.score(model, dev).micro.f1 > f1
    assert evaluate.fit_min_confidence(model, dev) == found  # whatever the model has already
    assert evaluate.fit_agreement(
        model, dev, evaluate.encode_corpus(dev.sentences, model)
    ).micro.f1 == pytest.approx(f1)


def test_names_stay_where_leaving_them_out_is_worse(model):
    dev = doubt(model, make_sentences(200), lambda confidence: confidence < 0.3)
    assert evaluate.fit_min_confidence(model, dev) == 0.0


@pytest.mark.parametrize(("correct", "found"), [(792, 0.3975), (791, 0.0)])
def test_a_loss_within_chance_is_none(model, monkeypatch, correct, found):
    """Of 1,000 names: a quarter of the standard error at an F1 of 0.8 is 0.0032."""
    left = iter([scoring.Scores(scoring.Score(1000, 1000, right), None) for right in (795, correct)])
    monkeypatch.setattr(evaluate.scoring, "score", lambda *_: next(left))
    dev = Corpus("x", tuple(make_sentences(5)), Scheme.IOB2, "", ())
    assert evaluate.fit_min_confidence(model, dev) == found


def test_how_probable_a_name_must_be_is_a_setting(read_tiny):
    data = read_tiny(**{"decoder.min_confidence": 0.3})
    assert evaluate.fit_min_confidence(make_model(data), data.dev) == 0.3


def test_bare_labels_need_no_confidence():
    words = tuple(toy_models.WORDS)
    dev = Corpus("x", (Sentence(words, ("NOUN",) * len(words)),), Scheme.BARE, "", ())
    assert evaluate.fit_min_confidence(toy_models.make_model("BARE"), dev) == 0.0


def test_a_long_sentence_is_tagged_whole(model):
    sentence = Sentence(tuple(np.random.default_rng(0).choice(WORDS, 3_000).tolist()))
    (tags,) = evaluate.tag(model, evaluate.encode_corpus([sentence], model))
    assert len(tags) == 3_000
    assert torch.get_default_dtype() == torch.float32
