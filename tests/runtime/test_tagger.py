"""Prediction: held against the network as it was trained, enumeration, and what must change nothing."""

from __future__ import annotations

import html
import random
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from oracles import BruteForceCRF
from toy_models import WORDS, make_model, random_sentences

import tagger
from tagger.errors import ConfigError, DataError, ModelError
from tagger.runtime import chainbatch, decode, directory, network
from tagger.runtime.questions import Question
from tagger.runtime.tagger import Tagger
from tagger.runtime.workers import answer
from tagger.text import schemes
from tagger.text.passages import read_passages, split_text
from tagger.text.raw import InputSettings, Pause
from tagger.text.schemes import Scheme

KINDS = {
    "default": {},
    "two layers": {"encoder__layers": 2},
    "one direction": {"encoder__directions": 1},
    "bigrams": {"embedding__bigram_dim": 5},
    "bigrams alone": dict.fromkeys(
        (f"embedding__{name}" for name in ("word_dim", "affix_dim", "shape_dim", "character_filters")), 0
    )
    | {"embedding__bigram_dim": 5},
    "gru": {"encoder__kind": "gru"},
    "softmax": {"decoder__kind": "softmax"},
    "agreement": {"decoder__agreement": 4.0},
}
SCHEMES = ["IOB1", "IOB2", "BIOES", "BMES", "IO", "BARE"]


@pytest.fixture(scope="module")
def labels() -> Tagger:
    return Tagger(make_model())


def close(first, second, tolerance=1e-4) -> None:
    """Assert that labellings agree: the same tags and spans, and confidences within a tolerance."""
    assert [each.tags for each in first] == [each.tags for each in second]
    for one, other in zip(first, second, strict=True):
        assert [span[:3] for span in one.spans] == [span[:3] for span in other.spans]
        assert [span.confidence for span in one.spans] == pytest.approx(
            [span.confidence for span in other.spans], abs=tolerance
        )


# What must change nothing.


@pytest.mark.parametrize("kind", KINDS)
def test_order_and_batch_size_change_nothing(kind, monkeypatch):
    labels = Tagger(make_model(**KINDS[kind]))
    sentences = random_sentences(80)
    expected = labels.predict_tokens(sentences)
    order = random.Random(3).sample(range(80), 80)
    shuffled = labels.predict_tokens([sentences[place] for place in order])
    close([shuffled[order.index(place)] for place in range(80)], expected)
    close([labels.predict_tokens([words])[0] for words in sentences[:20]], expected[:20])
    monkeypatch.setattr(network, "_BATCH_TOKENS", 32)
    monkeypatch.setattr(network, "_BATCH_WINDOWS", 2)
    monkeypatch.setattr(chainbatch, "_BATCH_TOKENS", 50)
    monkeypatch.setattr("tagger.runtime.tagger._SHORTEST_CHUNK", 30)
    close(labels.predict_tokens(sentences), expected)
    close(labels.predict_tokens(sentences, workers=3), expected)


def test_several_threads_share_a_tagger(labels):
    texts = [" ".join(words) for words in random_sentences(40)]
    expected = labels.predict(texts)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(labels.predict, texts * 4))
    for number, sentences in enumerate(found):
        assert [each.tokens for each in sentences] == [each.tokens for each in expected[number % 40]]


@pytest.mark.parametrize("format", ["jsonl", None])
def test_processes_give_what_one_gives(tmp_path, labels, format, monkeypatch):
    monkeypatch.setattr("tagger.runtime.network.Network.chunk_tokens", 100)
    path = tmp_path / "text.txt"
    path.write_text("\n\n".join(" ".join(words) + "." for words in random_sentences(120)), encoding="utf-8")

    def run(workers: int):
        events = read_passages([path], InputSettings(), labels.scope)
        return [each.content for each in answer(labels, events, Question(), format=format, workers=workers)]

    assert len(run(1)) > 5
    assert run(2) == run(1)


def test_repeats_agree_within_a_scope_and_nowhere_else():
    labels, without = Tagger(make_model(decoder__agreement=4.0)), Tagger(make_model())
    sentences = random_sentences(90, seed=4)
    together = labels.predict_tokens(sentences, documents=[0] * 90)
    close(labels.predict_tokens(sentences, documents=[0] * 90, workers=3), together)
    parts = [labels.predict_tokens(sentences[at : at + 30], documents=[0] * 30) for at in (0, 30, 60)]
    close([each for part in parts for each in part], together)
    plain = without.predict_tokens(sentences, documents=[0] * 90)
    assert 5 < sum(one.tags != other.tags for one, other in zip(together, plain, strict=True)) < 85


def test_text_is_labelled_as_its_tokens_are():
    labels = Tagger(make_model(decoder__agreement=4.0))
    text = " ".join(
        " ".join(["Ada", *words, "Li"]) + "." for words in random_sentences(40, seed=2, longest=8)
    )
    found = labels.predict(text)
    assert len(found) > 30
    expected = labels.predict_tokens([each.words() for each in found], documents=[0] * len(found))
    assert [[tag for _, _, tag in each.tokens] for each in found] == [each.tags for each in expected]


def test_what_is_known_of_a_word_reaches_its_repeats():
    labels = Tagger(make_model(decoder__agreement=4.0))
    sentences = [["Quito", "spoke"], ["the", "Quito", "trade"]]

    def probability(known: str | None) -> float:
        facts = [[known, None], None]
        # the chance of one reading of the second sentence is the only thing that is asked of it
        found = labels.predict_tokens(sentences, documents=[0, 0], known=facts, nbest=40)[1]
        return sum(each.confidence for each in found.nbest if each.tags[1] == "B-PER")

    assert probability("B-PER") > probability(None) > probability("B-LOC")


def test_faults_are_told_and_odd_tokens_read_where_repeats_agree():
    labels = Tagger(make_model(decoder__agreement=4.0))
    with pytest.raises(DataError, match="the known tags of a sentence contradict each other"):
        labels.predict_tokens([["Ada", "Ada"], ["Ada"]], documents=[0, 0], known=[["O", "I-PER"], None])
    (found,) = labels.predict_tokens([["Ada", "", "Ada"]])
    assert len(found.tags) == 3


# Text in.


@hypothesis_settings(max_examples=60, deadline=None)
@given(st.lists(st.characters(exclude_categories=["Cs"]) | st.sampled_from([*WORDS, " ", "\n", ". "])))
def test_offsets_are_exact_and_nothing_is_lost(pieces):
    text = "".join(pieces)
    at = 0
    for sentence in HYPOTHESIS_TAGGER.predict(text):
        assert text[sentence.start : sentence.end] == sentence.text
        for start, end, _ in sentence.tokens:
            assert not text[at:start].strip()
            assert text[start:end] and not any(char.isspace() for char in text[start:end])
            at = end
        for span in sentence.spans:
            assert text[span.start : span.end] == span.text
            assert 0.0 <= span.confidence <= 1.0
    assert not text[at:].strip()


HYPOTHESIS_TAGGER = Tagger(make_model())


def test_one_text_gives_its_sentences_and_several_give_lists(labels):
    first, second = "Ada met Li in Paris.", "The old mayor spoke. Li met Ada!"
    together = labels.predict([first, "", second])
    assert [len(each) for each in together] == [1, 0, 2]
    assert [sentence.tokens for sentence in labels.predict(second)] == [each.tokens for each in together[2]]
    assert labels.predict("") == []
    assert labels.predict([]) == []


def test_a_notebook_shows_what_predict_returns(labels):
    text = "Ada met Li in New York.\n\nShe left <b>Paris</b>."
    several = labels.predict([text, ""], min_confidence=0.0)
    for found in (
        labels.predict(text, min_confidence=0.0),
        several[0],
        *labels.stream([text], min_confidence=0.0),
    ):
        shown = found._repr_html_()
        assert shown.count("<mark") == sum(len(sentence.spans) for sentence in found)
        bare = re.sub("<b [^>]*>[^<]*</b>|<[^>]*>", "", shown)
        assert html.unescape(bare) == text
    assert several[1]._repr_html_().count("<mark") == 0


def test_neighbouring_sentences_are_read_together_as_in_training(labels):
    text = "Ada met Li. The mayor spoke. New trade in York. Paris is old."
    passages = list(split_text("0", text, scope=3))
    assert [len(passage.rows) for passage in passages] == [3, 1]
    alone = labels.predict_tokens([["The", "mayor", "spoke", "."]])
    rows = [["Ada", "met", "Li", "."], ["The", "mayor", "spoke", "."], ["New", "trade", "in", "York", "."]]
    together = labels.predict_tokens(rows, documents=[0, 0, 0])
    assert [span.confidence for span in alone[0].spans] != [span.confidence for span in together[1].spans]
    found = labels.predict(text)
    assert [tag for _, _, tag in found[1].tokens] == together[1].tags


def test_a_model_of_characters_cuts_text_into_characters():
    found = Tagger(make_model("BMES", "characters")).predict("王伟2019年任CEO。")
    assert [end - start for start, end, _ in found[0].tokens] == [1] * 12


def test_text_is_cut_as_the_corpus_was():
    split = Tagger(make_model(corpus__splits=["contraction", "hyphen"]))
    whole = Tagger(make_model(corpus__splits=[]))
    text = "Don't say self-made."
    assert split.predict(text)[0].words() == ["Do", "n't", "say", "self", "-", "made", "."]
    assert whole.predict(text)[0].words() == ["Don't", "say", "self-made", "."]


def test_a_long_word_and_a_long_sentence_come_through(labels, monkeypatch):
    monkeypatch.setattr(decode, "LONGEST_CHAIN", 128)
    text = "a" * 20_000 + " " + "Ada met Li in New York , " * 300
    sentences = labels.predict(text)
    assert "".join(word for each in sentences for word in each.words()) == "".join(text.split())
    words = ("Ada met Li in New York and " * 400).split()
    (found,) = labels.predict_tokens([words])
    assert len(found.tags) == len(words)
    schemes_valid = schemes.violations(found.tags, Scheme.IOB2)
    assert not list(schemes_valid)


def test_cutting_a_long_chain_hardly_matters(labels, monkeypatch):
    words = random.Random(5).choices(WORDS, k=900)
    (expected,) = labels.predict_tokens([words])
    monkeypatch.setattr(decode, "LONGEST_CHAIN", 200)
    (found,) = labels.predict_tokens([words])
    same = np.mean([one == other for one, other in zip(found.tags, expected.tags, strict=True)])
    assert same > 0.99


# Probabilities.


def test_readings_and_spans_have_the_probabilities_of_enumeration(labels):
    words = ["Ada", "met", "Li"]
    emissions = labels._network.emissions([words], [0])
    model = labels.model
    names = ("start_transitions", "transitions", "end_transitions")
    moves = [model.weights[f"decoder.{name}"] for name in names]
    every = BruteForceCRF(emissions, *moves, tuple(model.constraints))
    (found,) = labels.predict_tokens([words], nbest=4)
    assert [each.confidence for each in found.nbest] == pytest.approx(every.probabilities[:4], abs=1e-5)
    assert found.nbest[0].tags == found.tags
    assert len({tuple(each.tags) for each in found.nbest}) == 4
    best = every.paths[0]
    assert found.spans
    for span in found.spans:
        expected = every.span(span.start, best[span.start : span.end])
        assert span.confidence == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_all_readings_of_one_token_sum_to_one(scheme, decoder):
    labels = Tagger(make_model(scheme, decoder__kind=decoder))
    (found,) = labels.predict_tokens([["Ada"]], nbest=50)
    assert sum(each.confidence for each in found.nbest) == pytest.approx(1.0, abs=1e-5)
    for reading in found.nbest:
        assert [span.confidence for span in reading.spans] == pytest.approx(
            [reading.confidence] * len(reading.spans), abs=1e-5
        )


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_spans_of_io_are_the_runs_of_its_tags(decoder, monkeypatch):
    labels = Tagger(make_model("IO", decoder__kind=decoder))
    sentences = [*random_sentences(60), *([words * 20] for words in random_sentences(3))]
    sentences = [words if isinstance(words[0], str) else words[0] for words in sentences]
    found = labels.predict_tokens(sentences, nbest=3)
    monkeypatch.setattr(decode, "LONGEST_CHAIN", 128)
    cut = labels.predict_tokens(sentences)
    kept = labels.predict_tokens(sentences, min_confidence=0.3)
    assert any(len(each.spans) > 1 for each in kept)
    for reading in [*found, *cut, *kept, *(each for one in found for each in one.nbest)]:
        assert set(reading.tags) <= {"O", "LOC", "PER"}
        assert schemes.tags_to_spans(reading.tags, Scheme.IO) == [span[:3] for span in reading.spans]


def test_spans_of_io_have_the_probabilities_of_enumeration():
    """A run is the span; the other spans of its type that touch it are no readings of it."""
    labels = Tagger(make_model("IO"))
    words = ["Ada", "Li"]
    (found,) = labels.predict_tokens([words], nbest=100)
    assert sum(each.confidence for each in found.nbest) == pytest.approx(1.0, abs=1e-5)
    assert (
        len({tuple(each.tags) for each in found.nbest}) == len(found.nbest) == 9
    )  # three types of two tokens
    for span in found.spans:
        having = [each.confidence for each in found.nbest if span[:3] in [other[:3] for other in each.spans]]
        assert span.confidence == pytest.approx(sum(having), abs=1e-5)


def test_known_tags_of_io():
    labels = Tagger(make_model("IO"))
    (found,) = labels.predict_tokens([["Ada", "met", "Li"]], known=[["PER", "PER", "O"]])
    assert found.tags == ["PER", "PER", "O"]
    assert [(*span[:3], round(span.confidence, 4)) for span in found.spans] == [("PER", 0, 2, 1.0)]


def test_unlikely_spans_and_their_tags_are_left_out(labels):
    sentences = random_sentences(30)
    everything = labels.predict_tokens(sentences)
    kept = labels.predict_tokens(sentences, min_confidence=0.5)
    for all_of, some in zip(everything, kept, strict=True):
        assert some.spans == [span for span in all_of.spans if span.confidence >= 0.5]
        assert [tuple(span) for span in schemes.tags_to_spans(some.tags, Scheme.IOB2)] == [
            span[:3] for span in some.spans
        ]
    bare = Tagger(make_model("BARE"))
    assert [each.tags for each in bare.predict_tokens(sentences, min_confidence=0.9)] == [
        each.tags for each in bare.predict_tokens(sentences)
    ]


@pytest.mark.parametrize("kind", ["crf", "softmax"])
@pytest.mark.parametrize("scheme", [scheme for scheme in SCHEMES if scheme != "BARE"])
def test_the_model_says_how_probable_a_name_must_be(scheme, kind):
    model = make_model(scheme, decoder__kind=kind)
    sentences = random_sentences(30)
    expected = Tagger(model).predict_tokens(sentences, min_confidence=0.4)
    everything = Tagger(model).predict_tokens(sentences, nbest=3)
    assert expected != Tagger(model).predict_tokens(sentences)
    labels = Tagger(model.with_fitted(min_confidence=0.4))
    assert labels.predict_tokens(sentences) == expected
    for found, same in zip(labels.predict_tokens(sentences, confidences=False), expected, strict=True):
        assert found.tags == same.tags
        assert [span[:3] for span in found.spans] == [span[:3] for span in same.spans]
        assert {span.confidence for span in found.spans} <= {None}
    assert [each.tags for each in labels.predict_tokens(sentences, min_confidence=0.0)] == [
        each.tags for each in everything
    ]
    assert [each.nbest for each in labels.predict_tokens(sentences, nbest=3)] == [
        each.nbest for each in everything
    ]


def test_names_that_are_known_need_no_confidence(labels):
    sentences = random_sentences(40)
    known = [["B-PER", *[None] * (len(words) - 1)] for words in sentences]
    of_all = labels.predict_tokens(sentences, known=known, min_confidence=0.0)
    found = labels.predict_tokens(sentences, known=known, min_confidence=0.99)
    assert any(each.spans[0].confidence < 0.99 for each in of_all)
    for some, every in zip(found, of_all, strict=True):
        assert some.tags[0] == "B-PER"
        assert some.spans == [span for span in every.spans if span.start == 0 or span.confidence >= 0.99]


def test_known_tags_are_kept_and_the_rest_decoded(labels):
    words = ["Ada", "met", "Li", "in", "Paris"]
    known = [None, "O", "B-PER", "?", {"B-LOC", "O"}]
    (found,) = labels.predict_tokens([words], known=[known])
    assert found.tags[1:3] == ["O", "B-PER"]
    assert found.tags[4] in ("B-LOC", "O")
    (certain,) = labels.predict_tokens([["Li", "spoke"]], known=[["B-PER", "O"]])
    assert certain.spans[0][:3] == ("PER", 0, 1)
    assert certain.spans[0].confidence == pytest.approx(1.0)
    free = labels.predict_tokens([words, ["Ada"]], known=[None, None])
    close(free, labels.predict_tokens([words, ["Ada"]]))


@pytest.mark.parametrize(
    ("sentences", "options", "message"),
    [
        (
            [["a"]],
            {"known": [["B-X"]]},
            "sentence 0, token 0 (counted from 0): found the known tag 'B-X', expec",
        ),
        ([["a"]], {"known": [[[]]]}, "found no tag at all that a token may have"),
        ([["a", "b"]], {"known": [["O"]]}, "has 2 tokens, but tags are known for 1"),
        ([["a"]], {"known": []}, "0 known for 1 sentences; expected one for each"),
        ([["a"], ["b"]], {"documents": [1]}, "1 documents for 2 sentences"),
        (["raw text"], {}, "is a string, expected a list of tokens; `predict` takes raw text"),
        ([["a", "b"]], {"known": [["O", "I-PER"]]}, "the known tags of a sentence contradict each other"),
    ],
)
def test_faulty_tokens_and_tags_are_errors(labels, sentences, options, message):
    with pytest.raises(DataError) as caught:
        labels.predict_tokens(sentences, **options)
    assert message in str(caught.value)


def test_faulty_questions_are_errors(labels):
    with pytest.raises(
        ConfigError, match=r"min_confidence: found 1.5, expected a probability between 0 and 1"
    ):
        labels.predict("Ada", min_confidence=1.5)
    with pytest.raises(ConfigError, match="nbest: found -1"):
        labels.predict("Ada", nbest=-1)


# Streams and files.


def test_a_stream_answers_without_waiting_for_the_next_text(labels):
    asked = threading.Event()

    def texts():
        yield "Ada met Li."
        yield ""
        asked.wait(10)
        yield "Paris."

    answers = labels.stream(texts())
    began = time.monotonic()
    assert next(answers)[0].text == "Ada met Li."
    assert next(answers) == []
    assert time.monotonic() - began < 5
    asked.set()
    assert [each[0].text for each in answers] == ["Paris."]


def test_a_stream_is_what_predict_gives(labels):
    texts = [" ".join(words) for words in random_sentences(200)]
    assert list(labels.stream(iter(texts))) == labels.predict(texts)


def test_an_error_in_a_stream_reaches_its_user(labels):
    def texts():
        yield "Ada."
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        list(labels.stream(texts()))


def test_chunks_are_cut_by_size_and_at_pauses(labels, monkeypatch):
    monkeypatch.setattr("tagger.runtime.network.Network.chunk_tokens", 10)
    passages = [next(split_text(str(n), "Ada met Li in the old Paris.")) for n in range(5)]
    chunks = list(labels.chunks([*passages[:3], Pause(), Pause(), *passages[3:]]))
    assert [chunk if isinstance(chunk, Pause) else len(chunk) for chunk in chunks] == [
        2,
        1,
        Pause(),
        Pause(),
        2,
    ]


def test_load(tmp_path):
    model = make_model()
    directory.save_model(tmp_path, model)
    labels = tagger.load(tmp_path)
    assert isinstance(labels, tagger.Tagger)
    assert labels.types == ["LOC", "PER"]
    text = "Ada met Li in New York."
    assert labels.predict(text) == Tagger(model).predict(text)
    with pytest.raises(ConfigError, match="device: found 'abacus', expected auto or what this machine has"):
        tagger.load(tmp_path, device="abacus")
    with pytest.raises(ModelError, match="does not exist"):
        tagger.load(tmp_path / "nowhere")


@pytest.mark.slow
def test_offsets_over_all_raw_text(labels):
    raw = Path(__file__).parents[3] / "shared" / "data" / "raw"
    if not raw.is_dir():
        pytest.skip("the shared corpora are absent")
    for path in [*raw.rglob("*.txt")][::6]:
        text = path.read_bytes().decode("utf-8", "replace").removeprefix("\ufeff")
        kept = "".join(word for sentence in labels.predict(text) for word in sentence.words())
        assert kept == "".join(text.split())


def test_a_network_on_a_gpu_has_one_process():
    model = make_model()
    there = Tagger(model, Recording(model))
    assert there.is_on_device
    assert not Tagger(model).is_on_device
    with pytest.raises(ConfigError, match="workers: this process holds the GPU"):
        list(answer(there, [], Question(), workers=2))


class Recording:
    """A network that is none of the runtime's."""

    chunk_tokens = 1000
    is_shared = False

    def __init__(self, model):
        self.emissions = network.Network(model).emissions
