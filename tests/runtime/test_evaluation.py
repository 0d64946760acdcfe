"""A tagger beside gold labels: corpora are labelled in their order, and what is wrong or unknown counts as missed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from oracles import BruteForceCRF
from toy_models import make_model, random_sentences

from tagger.runtime import network
from tagger.runtime.evaluation import label_sentences, read_gold, score_tagger
from tagger.runtime.network import Network
from tagger.runtime.tagger import Tagger
from tagger.text.conll import Columns, Corpus, Sentence
from tagger.text.schemes import Scheme, convert, is_legal_step, tags_to_spans


@pytest.fixture
def labels() -> Tagger:
    """A model that reads each sentence alone."""
    return Tagger(make_model(encoder__context=1))


def make_sentences(count: int) -> list[Sentence]:
    return [Sentence(tuple(words)) for words in random_sentences(count, seed=count, longest=12)]


def tags_of(labels: Tagger, sentences: Sequence[Sentence], **options) -> list[list[str]]:
    return [each.tags for each in label_sentences(labels, sentences, **options)]


def make_corpus(sentences: Sequence[Sentence], tags, scheme: Scheme = Scheme.IOB2) -> Corpus:
    gold = (Sentence(each.tokens, tuple(own)) for each, own in zip(sentences, tags, strict=True))
    return Corpus("x", tuple(gold), scheme, "", ())


def test_labels_come_in_the_order_of_the_corpus(labels, monkeypatch):
    sentences = make_sentences(60)
    together = tags_of(labels, sentences)
    assert [len(tags) for tags in together] == [len(sentence) for sentence in sentences]
    assert together == [tags_of(labels, [sentence])[0] for sentence in sentences]
    assert len({tag for tags in together for tag in tags}) >= 3  # the model does have opinions
    monkeypatch.setattr(network, "_BATCH_TOKENS", 20)
    monkeypatch.setattr("tagger.runtime.network.Network.chunk_tokens", 50)
    assert tags_of(labels, sentences) == together


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_tags_are_those_of_the_corpus_scheme_and_legal(decoder):
    labels = Tagger(make_model(decoder__kind=decoder))
    for tags in tags_of(labels, make_sentences(40)):
        assert set(tags) <= {"O", *(f"{letter}-{name}" for letter in "BI" for name in ("PER", "LOC"))}
        steps = zip(["", *tags], [*tags, ""], strict=True)
        assert all(is_legal_step(left, right, Scheme.IOB2) for left, right in steps)


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_tags_alone_or_with_confidences_are_the_same(decoder):
    labels = Tagger(make_model(decoder__kind=decoder))
    sentences = make_sentences(40)
    found = label_sentences(labels, sentences)
    assert [each.tags for each in found] == tags_of(labels, sentences, confidences=False)
    for each in found:
        assert len(each.spans) == len(tags_to_spans(each.tags, Scheme.IOB2))
        assert all(0 < span.confidence <= 1.0001 for span in each.spans)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_a_confidence_is_the_probability_of_that_span(temperature):
    model = make_model().with_fitted(temperature=temperature)
    words = [("Ada", "met", "Paris"), ("Li", "of", "York"), ("Paris",)]
    found = label_sentences(Tagger(model), [Sentence(each, document=i) for i, each in enumerate(words)])
    moves = [model.weights[f"decoder.{name}transitions"] / temperature for name in ("start_", "", "end_")]
    spans = 0
    for tokens, labelling in zip(words, found, strict=True):
        scores = Network(model).emissions([tokens], [0]) / temperature
        every = BruteForceCRF(scores, *moves, tuple(model.constraints))
        names = [model.lexicon.tags[k] for k in every.paths[0]]
        for span, given in zip(tags_to_spans(names, Scheme.BIOES), labelling.spans, strict=True):
            spans += 1
            expected = every.span(span.start, every.paths[0][span.start : span.end])
            assert given.confidence == pytest.approx(expected, abs=1e-5)
    assert spans


def test_scores_are_those_of_the_tags_that_were_found(labels):
    sentences = make_sentences(30)
    perfect = score_tagger(labels, make_corpus(sentences, tags_of(labels, sentences)))
    assert perfect.micro.f1 == perfect.token_accuracy == 1.0
    assert perfect.micro.gold > 5
    none = score_tagger(labels, make_corpus(sentences, [["O"] * len(each) for each in sentences]))
    assert (none.micro.correct, none.micro.predicted) == (0, perfect.micro.predicted)


def test_names_that_the_model_is_too_unsure_of_are_no_answers(labels):
    sentences = make_sentences(30)
    found = label_sentences(labels, sentences)
    confidences = sorted(span.confidence for each in found for span in each.spans)
    middle = len(confidences) // 2
    least = sum(confidences[middle - 1 : middle + 1]) / 2
    corpus = make_corpus(sentences, tags_of(labels, sentences, min_confidence=least))
    of_all = score_tagger(labels, corpus).micro
    assert (of_all.gold, of_all.predicted) == (len(confidences) - middle, len(confidences))
    sure = Tagger(labels.model.with_fitted(min_confidence=least))
    assert score_tagger(sure, corpus).micro.f1 == 1.0


def test_types_that_training_lacks_count_as_missed(labels):
    corpus = make_corpus([Sentence(("Ada", "met", "Paris"))], [("B-NEW", "I-NEW", "O")])
    scores = score_tagger(labels, corpus)
    assert (scores.types["NEW"].gold, scores.types["NEW"].correct, scores.types["NEW"].recall) == (1, 0, 0.0)
    assert scores.micro.gold == 1


def test_gold_tags_may_be_of_another_scheme(labels):
    sentences = make_sentences(10)
    tags = [convert(each, Scheme.IOB2, Scheme.BILOU) for each in tags_of(labels, sentences)]
    assert score_tagger(labels, make_corpus(sentences, tags, Scheme.BILOU)).micro.f1 == 1.0


def test_a_file_of_another_scheme_is_read_in_its_own_and_says_so(tmp_path):
    path = tmp_path / "gold.conll"
    path.write_text("New B-LOC\nYork E-LOC\nfell O\n", encoding="utf-8")
    found = read_gold(path, Scheme.IOB2, columns=Columns(), encoding="utf-8")
    assert found.scheme is Scheme.BIOES
    assert found.warnings[-1] == "its tags are BIOES, the model's IOB2; their spans are compared"


def test_a_long_sentence_is_labelled_whole(labels):
    words = np.random.default_rng(0).choice(["Ada", "Paris", "of", ".", "York"], 3_000).tolist()
    (tags,) = tags_of(labels, [Sentence(tuple(words))])
    assert len(tags) == 3_000
