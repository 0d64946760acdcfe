"""The spaCy component inside real spaCy; skipped where it isn't installed."""

from __future__ import annotations

import warnings

import pytest
from toy_models import make_model

from tagger.errors import ConfigError
from tagger.runtime import directory
from tagger.runtime.tagger import Tagger

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # spaCy's own, on import
    spacy = pytest.importorskip("spacy")

TEXT = "Ada met Li in New York.  The old mayor of Paris spoke!"


@pytest.fixture
def add(tmp_path):
    """Return a blank English pipeline with the component, its sentences marked."""
    from tagger.adapters import spacy as spacy_component

    spacy_component.register()

    def add_component(scheme: str = "IOB2", sentences: bool = True, **options):
        directory.save_model(tmp_path, make_model(scheme))
        nlp = spacy.blank("en")
        if sentences:
            nlp.add_pipe("sentencizer")
        nlp.add_pipe("tagger_ner", config={"model": str(tmp_path), **options})
        return nlp

    return add_component


def test_entities_are_what_predict_tokens_finds(add):
    doc = add()(TEXT)
    sentences = [[token.text for token in sentence if not token.is_space] for sentence in doc.sents]
    expected = Tagger(make_model()).predict_tokens(sentences, documents=[0] * len(sentences))
    wanted = [
        (type_, words[start:end], confidence)
        for words, labelling in zip(sentences, expected, strict=True)
        for type_, start, end, confidence in labelling.spans
    ]
    found = [
        (entity.label_, [token.text for token in entity if not token.is_space], entity._.confidence)
        for entity in doc.ents
    ]
    assert [each[:2] for each in found] == [each[:2] for each in wanted]
    assert [each[2] for each in found] == pytest.approx([each[2] for each in wanted], abs=1e-4)
    assert found


def test_many_documents_give_what_each_gives(add):
    nlp = add()
    texts = [TEXT, "", "   ", "Li spoke."]
    piped = [[(e.label_, e.start, e.end) for e in doc.ents] for doc in nlp.pipe(texts)]
    assert piped == [[(e.label_, e.start, e.end) for e in nlp(text).ents] for text in texts]


def test_bare_labels_become_tags_and_documents_need_no_sentences(add):
    doc = add("BARE", sentences=False)("Ada met Li.")
    assert {token.tag_ for token in doc} <= {"O", "ADJ", "NOUN", "VERB"}
    assert all(token.tag_ for token in doc)
    assert not doc.ents


def test_unlikely_spans_are_left_out(add):
    assert all(entity._.confidence >= 0.8 for entity in add(min_confidence=0.8)(TEXT).ents)


def test_a_missing_model_is_an_error(add):
    with pytest.raises(ConfigError, match="model: found no model directory; give one"):
        add(model="")
