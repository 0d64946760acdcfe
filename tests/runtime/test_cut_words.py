"""Models that cut text into words: every character is in one, and white space ends it."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_models import make_model

from tagger.errors import ConfigError
from tagger.runtime.decode import LONGEST_CHAIN, Decoder
from tagger.runtime.questions import Question
from tagger.runtime.tagger import Tagger
from tagger.text.schemes import Task

ALPHABET = "天地玄黄宇宙洪荒ab1。,"
BLANKS = [" ", "  ", "\u3000", "\t", "\n", "\u00a0"]
texts = (
    st.lists(st.sampled_from([*ALPHABET, *BLANKS]), min_size=1, max_size=40).map("".join).filter(str.strip)
)


def make_word_model(types=("",), scheme="BMES", **changes):
    return make_model(scheme, "characters", types=types, has_outside=False, **changes)


MODELS = [make_word_model(), make_word_model(("NN", "VV")), make_word_model(scheme="IOB2")]
MODELS.append(make_word_model(decoder__kind="softmax"))


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=40, deadline=None)
@given(text=texts)
def test_words_hold_every_character_once_and_no_white_space(model, text):
    found = [span for sentence in Tagger(model).predict(text) for span in sentence.spans]
    assert "".join(span.text for span in found) == "".join(text.split())
    assert all(span.text == text[span.start : span.end] and len(span.text.split()) == 1 for span in found)


@pytest.mark.parametrize("model", MODELS[:3])
@settings(max_examples=30, deadline=None)
@given(text=texts)
def test_words_may_hold_blanks_where_that_is_asked_for(model, text):
    found = Tagger(model).predict(text, words_across_blanks=True)
    covered = "".join("".join(span.text.split()) for sentence in found for span in sentence.spans)
    assert covered == "".join(text.split())
    alone = Tagger(model).predict("".join(text.split()))
    if len(found) == len(alone) == 1:  # the same characters, which the model sees without their blanks
        assert [tag for *_, tag in found[0].tokens] == [tag for *_, tag in alone[0].tokens]


def test_what_white_space_parts_is_as_if_the_tags_beside_it_were_known():
    model = make_word_model(("NN", "VV"))
    decoder, tags = Decoder(model), model.lexicon.tags
    generator = np.random.default_rng(3)
    emissions = generator.normal(size=(12, len(tags))).astype(np.float32) * 3
    parted = np.zeros(12, dtype=bool)
    parted[[3, 4, 9]] = True  # sentences of 7 and 5 tokens
    out = decoder.table.outside.tolist()
    ends = {tag for tag, end in zip(out, decoder.table.ends, strict=True) if end}
    begins = {tag for tag, begin in zip(out, decoder.table.begins, strict=True) if begin}
    known = [[None] * 7, [None] * 5]
    known[0][2], known[0][3], known[0][4] = ends, ends & begins, begins
    known[1][1], known[1][2] = ends, begins
    asked = decoder.decode(emissions, [7, 5], Question(), known)
    assert decoder.decode(emissions, [7, 5], Question(), parted=parted) == asked


def test_no_word_is_left_out_however_improbable_and_nobody_can_ask_for_it():
    model = make_word_model().with_fitted(min_confidence=0.9)
    assert model.task is Task.WORDS
    tagger, text = Tagger(model), "天地玄黄宇宙洪荒"
    assert "".join(span.text for span in tagger.predict(text)[0].spans) == text
    with pytest.raises(
        ConfigError, match=r"min_confidence: found 0.5, but the model cuts all text into words"
    ):
        tagger.predict(text, min_confidence=0.5)
    assert tagger.predict(text, min_confidence=0.0) == tagger.predict(text)


def test_a_sentence_too_long_to_be_decoded_at_once_is_cut_between_words():
    drawn = random.Random(5)
    text = "".join(drawn.choice("天地玄黄宇宙洪荒") for _ in range(LONGEST_CHAIN + 500))
    found = Tagger(make_word_model()).predict_tokens([list(text)])[0]
    assert [span.start for span in found.spans[1:]] == [span.end for span in found.spans[:-1]]
    assert (found.spans[0].start, found.spans[-1].end) == (0, len(text))


def test_tags_without_types_are_spans_beside_o_too():
    model = make_model("IOB1", types=("",))
    assert model.task is Task.LABELS
    for seed in range(30):
        drawn = random.Random(seed)
        found = Tagger(model).predict_tokens(
            [drawn.choices(["Ada", "met", "Li", "in", "New", "York"], k=9)], min_confidence=0
        )
        tags = found[0].tags
        assert sum(span.end - span.start for span in found[0].spans) == len(tags) - tags.count("O")


NAMELESS = [(model, "word") for model in (MODELS[0], *MODELS[2:])] + [
    (make_model("IOB1", types=("",)), "span")
]


@pytest.mark.parametrize(("model", "name"), NAMELESS)
def test_spans_without_a_type_have_a_name_everywhere(model, name):
    tagger = Tagger(model)
    assert tagger.types == [name]
    found = tagger.predict_tokens([list("天地玄黄宇宙洪荒")] * 3, nbest=2, min_confidence=0.0)
    spans = [span for each in found for span in each.spans]
    spans += [span for each in found for reading in each.nbest or () for span in reading.spans]
    spans += [
        span for sentence in tagger.predict("天地玄黄。", min_confidence=0.0) for span in sentence.spans
    ]
    assert {span.type for span in spans} == {name}
    assert all(name not in tag for each in found for tag in each.tags)
