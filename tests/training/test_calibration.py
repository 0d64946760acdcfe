"""What is fitted on dev: how much repeats weigh, the temperature, how probable a name must be."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import toy_models

from tagger import scoring
from tagger.config import override
from tagger.runtime.evaluation import label_sentences, score_tagger
from tagger.runtime.language import LanguageReader
from tagger.runtime.network import Network
from tagger.runtime.tagger import Tagger
from tagger.runtime.trained import TrainedModel
from tagger.scoring import Score, Scores
from tagger.text.conll import Corpus, Sentence
from tagger.text.schemes import Scheme, spans_to_tags, tags_to_spans
from tagger.training import calibration
from tagger.training.calibration import DevScorer
from tagger.training.data import build_lexicon

WORDS = ["Anna", "Rome", "left", ".", "Geneva", "of", "in", "Li"]


def make_model(data, scale: float = 8.0) -> TrainedModel:
    """An untrained model with opinions, which grow with the scale."""
    model = toy_models.finish_model(build_lexicon(data), data.config)
    return replace_weight(model, "emission.weight", model.weights["emission.weight"] * np.float32(scale / 12))


def replace_weight(model: TrainedModel, name: str, value: np.ndarray) -> TrainedModel:
    return replace(model, weights={**model.weights, name: value})


@pytest.fixture
def model(read_tiny) -> TrainedModel:
    return make_model(read_tiny(**{"encoder.context": 1}))


def make_sentences(count: int, longest: int = 12) -> list[Sentence]:
    draw = random.Random(count)
    return [Sentence(tuple(draw.choices(WORDS, k=draw.randint(1, longest)))) for _ in range(count)]


def make_corpus(sentences: Sequence[Sentence], tags) -> Corpus:
    gold = (replace(each, tags=tuple(own)) for each, own in zip(sentences, tags, strict=True))
    return Corpus("x", tuple(gold), Scheme.IOB2, "", ())


def label(model: TrainedModel, sentences: Sequence[Sentence]) -> Corpus:
    """A corpus whose tags are those of a model."""
    return make_corpus(sentences, [each.tags for each in label_sentences(Tagger(model), sentences)])


def scorer_of(model: TrainedModel, dev: Corpus) -> DevScorer:
    return DevScorer(dev, model.config, model.lexicon)


def score(model: TrainedModel, dev: Corpus) -> Scores:
    return score_tagger(Tagger(model), dev)


# The say of repeats.


@pytest.mark.parametrize("strength", [0.0, 4.0])
def test_repeats_weigh_what_is_best_on_dev(model, strength):
    dev = label(model.with_fitted(agreement=strength), make_sentences(100))
    other = model.with_fitted(agreement=4.0 - strength)
    assert score(other, dev).micro.f1 < 1.0
    found, scores = scorer_of(other, dev).fit_agreement(other.weights)
    assert (found, scores.micro.f1) == (strength, 1.0)
    assert score(model.with_fitted(agreement=found), dev) == scores


@pytest.mark.parametrize(("correct", "strength"), [(798, 0.0), (799, 4.0)])
def test_a_gain_within_chance_is_none(model, monkeypatch, correct, strength):
    """Of 1,000 names: a quarter of the standard error at an F1 of 0.8 is 0.0032."""
    found = [Scores(Score(1000, 1000, right), None) for right in (795, correct)]
    left = iter(found)
    monkeypatch.setattr(calibration, "compare_tags", lambda *_: next(left))
    dev = Corpus("x", tuple(make_sentences(5)), Scheme.IOB2, "", ())
    chosen, scores = scorer_of(model, dev).fit_agreement(model.weights)
    assert chosen == strength
    assert scores is found[strength > 0]


def test_repeats_that_change_nothing_weigh_nothing(model):
    dev = make_corpus([Sentence(("left", "."))] * 5, [("O", "B-LOC")] * 5)
    assert scorer_of(model, dev).fit_agreement(model.weights)[0] == 0.0


def test_repeats_weigh_what_the_settings_say(read_tiny):
    data = read_tiny(**{"decoder.agreement": 1.5})
    model = make_model(data)
    found, scores = scorer_of(model, data.dev).fit_agreement(model.weights)
    assert found == 1.5
    assert score(model.with_fitted(agreement=1.5), data.dev) == scores
    without = make_model(read_tiny(**{"decoder.agreement": 0.0}))
    assert scorer_of(without, data.dev).fit_agreement(without.weights)[0] == 0.0


def test_sections_do_not_part_what_has_a_say(model, monkeypatch):
    model = replace(model, config=override(model.config, {"decoder.agreement": 4.0}))
    dev = label(model.with_fitted(agreement=4.0), make_sentences(100))
    whole, seen = scorer_of(model, dev), []

    class Watched(Network):
        def emissions(self, sentences, *rest):
            seen.append(len(sentences))
            return super().emissions(sentences, *rest)

    monkeypatch.setattr(calibration, "SECTION_TOKENS", 1)
    monkeypatch.setattr(calibration, "Network", Watched)
    parts = scorer_of(model, dev)
    strength, scores = parts.fit_agreement(model.weights)
    assert seen == [30, 30, 30, 10]  # a scope has 30 sentences at most
    assert (strength, scores.micro.f1) == (4.0, 1.0)
    assert parts.fit_temperature(model.weights) == whole.fit_temperature(model.weights)
    assert parts.fit_min_confidence(model.weights) == whole.fit_min_confidence(model.weights)


# The temperature.


def test_a_model_too_sure_of_itself_is_cooled(read_tiny):
    data = read_tiny()
    sure = make_model(data, scale=60.0)
    found = scorer_of(sure, data.dev).fit_temperature(sure.weights)
    assert found > 1.2

    def error(temperature: float) -> float:
        labels = Tagger(sure.with_fitted(temperature=temperature))
        held = [(each, set(tags_to_spans(each.tags, Scheme.IOB2))) for each in data.dev.sentences]
        spans = [
            (span.confidence, tuple(span[:3]) in {tuple(each) for each in gold})
            for sentence, gold in held
            for span in label_sentences(labels, [sentence])[0].spans
        ]
        return scoring.calibrate(
            [value for value, _ in spans], [is_right for _, is_right in spans]
        ).expected_error

    assert error(found) <= error(1.0)


def test_nothing_found_leaves_the_temperature_alone(read_tiny):
    data = read_tiny()
    model = make_model(data)
    bias = model.weights["emission.bias"].copy()
    bias[model.lexicon.tags.index("O")] = 1e4
    model = replace_weight(model, "emission.bias", bias)
    assert scorer_of(model, data.dev).fit_temperature(model.weights) == 1.0


# How probable a name must be.


def doubt(model: TrainedModel, sentences: Sequence[Sentence], gold: Callable[[float], bool]) -> Corpus:
    """A corpus that holds those names of a model whose confidence `gold` wants."""
    held = []
    for sentence, found in zip(sentences, label_sentences(Tagger(model), sentences), strict=True):
        spans = tags_to_spans(found.tags, Scheme.IOB2)
        own = [span for span, given in zip(spans, found.spans, strict=True) if gold(given.confidence)]
        held.append(spans_to_tags(own, len(sentence), Scheme.IOB2))
    return make_corpus(sentences, held)


def test_a_name_must_be_half_as_probable_as_f1_is_high(model):
    model = model.with_fitted(temperature=8.0)
    dev = doubt(model, make_sentences(200), lambda confidence: confidence > 0.3)
    f1 = score(model, dev).micro.f1
    assert 0.3 < f1 < 0.9
    scorer = scorer_of(model, dev)
    found = scorer.fit_min_confidence(model.weights)
    assert found == f1 / 2
    sure = model.with_fitted(min_confidence=found)
    assert score(sure, dev).micro.f1 > f1
    assert scorer.fit_min_confidence(sure.weights) == found  # whatever the model has already
    assert scorer.fit_agreement(sure.weights)[1].micro.f1 == pytest.approx(f1)


def test_names_stay_where_leaving_them_out_is_worse(model):
    model = model.with_fitted(temperature=8.0)
    dev = doubt(model, make_sentences(200), lambda confidence: confidence < 0.3)
    assert scorer_of(model, dev).fit_min_confidence(model.weights) == 0.0


@pytest.mark.parametrize(("correct", "found"), [(792, 0.3975), (791, 0.0)])
def test_a_loss_within_chance_is_none(model, monkeypatch, correct, found):
    """Of 1,000 names: a quarter of the standard error at an F1 of 0.8 is 0.0032."""
    left = iter([Scores(Score(1000, 1000, right), None) for right in (795, correct)])
    monkeypatch.setattr(calibration, "compare_tags", lambda *_: next(left))
    dev = Corpus("x", tuple(make_sentences(5)), Scheme.IOB2, "", ())
    assert scorer_of(model, dev).fit_min_confidence(model.weights) == found


def test_how_probable_a_name_must_be_is_a_setting(read_tiny):
    data = read_tiny(**{"decoder.min_confidence": 0.3})
    model = make_model(data)
    assert scorer_of(model, data.dev).fit_min_confidence(model.weights) == 0.3


def test_bare_labels_need_no_confidence():
    words = tuple(toy_models.WORDS)
    dev = Corpus("x", (Sentence(words, ("NOUN",) * len(words)),), Scheme.BARE, "", ())
    model = toy_models.make_model("BARE")
    assert scorer_of(model, dev).fit_min_confidence(model.weights) == 0.0


# A language model that is frozen.


@pytest.mark.parametrize(
    ("settings", "readings"), [({}, 1), ({"lm.cache_megabytes": 0}, 2), ({"lm.finetune": True}, 2)]
)
def test_a_frozen_language_model_reads_dev_once(read_with_language_model, monkeypatch, settings, readings):
    data = read_with_language_model(**settings)
    model = make_model(data)
    dev = label(model, data.dev.sentences)
    read, seen = LanguageReader._read, []

    def watched(self, sentences):
        seen.append(len(sentences))
        return read(self, sentences)

    monkeypatch.setattr(LanguageReader, "_read", watched)
    scorer = scorer_of(model, dev)
    for _ in range(2):
        assert scorer.fit_agreement(model.weights)[1].micro.f1 == 1.0
    assert seen == [len(dev.sentences)] * readings
    mix = "embedding.contextual.mix.scale"
    moved = replace_weight(model, mix, model.weights[mix] * np.float32(-3.0))
    assert scorer.fit_agreement(moved.weights)[1].micro.f1 < 1.0  # the mix is that of the weights at hand
