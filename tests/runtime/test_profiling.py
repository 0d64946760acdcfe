"""Expected numbers of spans against enumeration; what an observer counts against counting by hand."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from oracles import BruteForceCRF
from toy_models import WORDS, make_model, make_word_model, random_sentences

from tagger.runtime import decode
from tagger.runtime.decode import Decoder
from tagger.runtime.profiling import Observer, profile_corpus
from tagger.runtime.questions import Question
from tagger.runtime.tagger import Tagger
from tagger.runtime.trained import TrainedModel
from tagger.scoring.profile import Profile
from tagger.text import schemes
from tagger.text.conll import Sentence
from tagger.text.passages import split_text
from tagger.text.schemes import Scheme

TEXT = "Ada met Zoë in Quito. The old mayor spoke on 3 May! " * 7


def enumerate_spans(model: TrainedModel, words: list[str], known=None) -> float:
    """Add up how many spans each tag sequence has, by its probability."""
    tagger = Tagger(model)
    emissions = tagger._network.emissions([words], [0]) / model.temperature
    names = ("start_transitions", "transitions", "end_transitions")
    moves = [model.weights[f"decoder.{name}"] / model.temperature for name in names]
    every = BruteForceCRF(emissions, *moves, tuple(model.constraints), known)
    inner = Scheme.BARE if model.scheme is Scheme.BARE else Scheme.BIOES
    tags = model.lexicon.tags
    return sum(
        probability * len(schemes.tags_to_spans([tags[row] for row in path], inner))
        for path, probability in zip(every.paths, every.probabilities, strict=True)
    )


@pytest.mark.parametrize("scheme", ["IOB1", "IOB2", "BIOES", "BMES", "IO", "BARE"])
def test_expected_spans_are_those_of_enumeration(scheme: str) -> None:
    model = make_model(scheme).with_fitted(temperature=1.7)
    for words in (["Ada"], ["Ada", "met"], ["old", "Li", "in", "Paris"]):
        expected = enumerate_spans(model, words)
        for least in (0.0, 0.9):  # what is left out is expected all the same
            (found,) = Tagger(model).predict_tokens([words], expected_spans=True, min_confidence=least)
            assert found.expected_spans == pytest.approx(expected, abs=1e-5)
    (unasked,) = Tagger(model).predict_tokens([["Ada"]])
    assert unasked.expected_spans is None


def test_words_are_expected_where_all_tags_cut() -> None:
    model = make_word_model("NN", "VV")
    words = list("我爱北京")
    (found,) = Tagger(model).predict_tokens([words], expected_spans=True)
    assert found.expected_spans == pytest.approx(enumerate_spans(model, words), abs=1e-5)
    assert 1 <= found.expected_spans <= 4


def test_known_tags_are_expected() -> None:
    model = make_model("BIOES")
    (found,) = Tagger(model).predict_tokens(
        [["Ada", "met", "Li"]], known=[["S-PER", "O", None]], expected_spans=True
    )
    allowed = np.ones((3, len(model.lexicon.tags)), dtype=bool)
    for token, tag in enumerate(("S-PER", "O")):
        allowed[token] = np.array(model.lexicon.tags) == tag
    assert found.expected_spans == pytest.approx(
        enumerate_spans(model, ["Ada", "met", "Li"], allowed), abs=1e-5
    )


def test_independent_tokens_expect_as_many_beginnings() -> None:
    model = make_model("IOB2", decoder__kind="softmax")
    (found,) = Tagger(model).predict_tokens([WORDS], expected_spans=True)
    scores = Tagger(model)._network.emissions([WORDS], [0]).astype(np.float64)
    shares = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    begins = [tag[0] in "BS" for tag in model.lexicon.tags]
    assert found.expected_spans == pytest.approx(shares[:, begins].sum(), abs=1e-4)


def test_asking_changes_no_answer() -> None:
    tagger = Tagger(make_model(decoder__agreement=4.0))
    sentences = random_sentences(60, longest=90)
    plain = tagger.predict_tokens(sentences, documents=[0] * 60)
    asked = tagger.predict_tokens(sentences, documents=[0] * 60, expected_spans=True)
    assert [(each.tags, each.spans) for each in asked] == [(each.tags, each.spans) for each in plain]
    (nothing,) = tagger.predict_tokens([[]], expected_spans=True)
    assert nothing.expected_spans == 0.0


def test_parts_of_a_very_long_sentence_add_up(monkeypatch) -> None:
    model = make_model()
    decoder, words = Decoder(model), WORDS * 3
    emissions = Tagger(model)._network.emissions([words], [0])
    monkeypatch.setattr(decode, "LONGEST_CHAIN", 40)
    monkeypatch.setattr(decode, "_LOOK_AHEAD", 8)
    _, sizes = decoder._cut_chains(np.array([0]), np.array([len(words)]), emissions)
    assert len(sizes) > 1
    question = Question(expected_spans=True)
    (whole,) = decoder.decode(emissions, [len(words)], question)
    parts = decoder.decode(emissions, sizes.tolist(), question)
    assert whole.expected_spans == pytest.approx(sum(each.expected_spans for each in parts))


def observe(model: TrainedModel, *texts: str) -> Profile:
    tagger, observer = Tagger(model), Observer(model)
    for text in texts:
        observer.add(tagger.label(list(split_text("x", text)), Question(expected_spans=True)))
    return observer.profile


def test_a_text_is_counted_as_by_hand() -> None:
    """`Zoë`, `Quito` and `!?` aren't among the training words, `ë`, `Q`, `z` and `?` not among their characters."""
    model = make_model()
    found = observe(model, "  Ada met Zoë in Quito.\n\nThe old mayor spoke 45 trade? ")
    assert (found.sentences, found.tokens) == (2, 13)
    assert found.words == 13
    assert (
        found.unknown_words == 4
    )  # Zoë, Quito, ? and The, whose small letters are known; 45 is as 00 unknown
    assert found.characters == len("AdametZoëinQuito.Theoldmayorspoke45trade?")
    known = set("".join(WORDS))
    assert found.unknown_characters == sum(
        each not in known for each in "AdametZoëinQuito.Theoldmayorspoke45trade?"
    )
    assert found.lengths == (0, 2, 0, 0, 0, 0)
    assert found.bigrams == 0


def test_what_is_given_is_counted() -> None:
    model = make_model()
    tagger, observer = Tagger(model), Observer(model)
    answers = tagger.label(list(split_text("x", TEXT)), Question(expected_spans=True))
    observer.add(answers)
    spans = [span for each in answers for span in each.spans]
    found = observer.profile
    assert spans
    assert found.spans == len(spans) == sum(found.types.values())
    assert found.correct == pytest.approx(sum(span.confidence for span in spans))
    assert found.expected_spans == pytest.approx(sum(each.expected_spans for each in answers))
    for place, count in enumerate(found.confidences):
        assert count == sum(place / 20 < span.confidence <= (place + 1) / 20 for span in spans)


def test_texts_add_up_and_threads_lose_nothing() -> None:
    model = make_model()
    one, two = TEXT[:104], "Li in New York. Bob met Eve on 9 June. "
    both, total = observe(model, one, two), observe(model, one) + observe(model, two)
    assert both.correct == pytest.approx(total.correct)
    assert both.expected_spans == pytest.approx(total.expected_spans)
    same = {"correct": 0.0, "expected_spans": None}
    assert replace(both, **same) == replace(total, **same)
    tagger, observer = Tagger(model), Observer(model)
    answers = tagger.label(list(split_text("x", TEXT)), Question(expected_spans=True))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(observer.add, [answers] * 200))
    once = Observer(model)
    once.add(answers)
    assert observer.profile.tokens == 200 * once.profile.tokens
    assert observer.profile.types == {name: 200 * count for name, count in once.profile.types.items()}
    assert observer.profile.correct == pytest.approx(200 * once.profile.correct)


def test_tokens_are_counted_as_the_text_they_come_from() -> None:
    model = make_model("BIOES", embedding__bigram_dim=5)
    sentences = [Sentence(tuple(words)) for words in random_sentences(50)]
    tagger = Tagger(model)
    labelled = tagger.predict_tokens([each.tokens for each in sentences], expected_spans=True)
    assert profile_corpus(model, sentences, labelled).words == sum(map(len, sentences))
    unasked = tagger.predict_tokens([["Ada"]])
    observer = Observer(model)
    observer.add_tokens([["Ada"]], unasked)
    assert observer.profile.expected_spans is None
    assert observer.profile.expected_f1 is None


def test_words_that_a_model_cuts_are_looked_up() -> None:
    """Characters are its tokens: which of its words training had, its list of words says."""
    model = make_model(
        "BMES",
        "characters",
        types=[""],
        has_outside=False,
        embedding__word_mark_dim=3,
        embedding__bigram_dim=4,
    )
    found = observe(model, "天地玄黄宇宙洪荒NewYork")
    assert found.tokens == 15
    assert found.bigrams == 0
    assert 0 < found.words <= found.spans
    tagger = Tagger(model)
    (answer,) = tagger.label(list(split_text("x", "天地玄黄宇宙洪荒NewYork")), Question())
    cut = [span.text for span in answer.spans if 1 < len(span.text) <= 12]
    assert found.words == len(cut)
    assert found.unknown_words == sum(
        word not in {"NewYork", "metLi", "天地", "天地玄", "宇宙洪荒"} for word in cut
    )


def test_characters_without_words_are_looked_up_in_pairs() -> None:
    model = make_model("BIOES", "characters", embedding__bigram_dim=4)
    found = observe(model, "AdaXX")
    assert found.words == 0
    assert found.bigrams == 6
    assert 0 < found.unknown_bigrams <= 6
