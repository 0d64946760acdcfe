"""Prediction with feature columns and gazetteers: every kind of input, and inputs that lack columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from toy_models import draw_columns, make_model, random_sentences

from tagger.errors import ConfigError, DataError, ModelError
from tagger.runtime import directory
from tagger.runtime.features import Gazetteers
from tagger.runtime.network import Network
from tagger.runtime.questions import Question
from tagger.runtime.tagger import Tagger
from tagger.runtime.trained import TrainedModel
from tagger.runtime.workers import answer
from tagger.text.gazetteer import Gazetteer
from tagger.text.passages import read_passages
from tagger.text.raw import InputSettings

LISTS = (
    Gazetteer("cities", ["New York", "Paris", "Quito"]),
    Gazetteer("other", ["York on", "Li"], ignores_case=True),
)


def make(kind: str = "both") -> TrainedModel:
    """A model that reads two columns, lists, or both."""
    columns = [] if kind == "gazetteers" else ["1:6", "2:3"]
    return make_model(gazetteers=() if kind == "columns" else LISTS, embedding__feature_columns=columns)


@pytest.mark.parametrize("kind", ["columns", "both"])
def test_columns_matter_and_threads_change_nothing(kind):
    model = make(kind)
    sentences = random_sentences(40)
    columns = draw_columns(model, sentences)
    expected = Tagger(model).predict_tokens(sentences, features=columns)
    parallel = Tagger(model).predict_tokens([*sentences, []], features=[*columns, [[], []]], workers=2)
    assert [each.tags for each in parallel] == [*(each.tags for each in expected), []]
    others = Tagger(model).predict_tokens(sentences, features=draw_columns(model, sentences, seed=4))
    assert [each.tags for each in others] != [each.tags for each in expected]


def test_column_files_are_labelled_with_their_columns(tmp_path):
    model = make()
    sentences = random_sentences(30, longest=5)  # so short that three fit into a window
    columns = draw_columns(model, sentences)
    rows = [
        "\n".join(map("\t".join, zip(words, *values, ["O"] * len(words), strict=True)))
        for words, values in zip(sentences, columns, strict=True)
    ]
    path = tmp_path / "text.conll"
    path.write_text("\n\n".join(rows) + "\n", encoding="utf-8")
    tagger = Tagger(model)
    assert tagger.feature_columns == (1, 2)
    reading = InputSettings(format="conll", feature_columns=tagger.feature_columns)
    answers = [
        each
        for each in answer(tagger, read_passages([path], reading, tagger.scope), Question())
        if each is not None
    ]
    found = [[tag for *_, tag in sentence.tokens] for each in answers for sentence in each.content]
    documents = [0] * len(sentences)
    expected = tagger.predict_tokens(sentences, features=columns, documents=documents)
    assert found == [each.tags for each in expected]


def test_gazetteers_need_nothing_but_the_text():
    model = make("gazetteers")
    text = "Ada met Li in New York . The mayor of Paris spoke ."
    tagger = Tagger(model)
    assert tagger.feature_columns == ()
    sentences = tagger.predict(text)
    words = [[text[start:end] for start, end, _ in sentence.tokens] for sentence in sentences]
    found = [[tag for *_, tag in sentence.tokens] for sentence in sentences]
    assert found == [each.tags for each in tagger.predict_tokens(words, documents=[0] * len(words))]
    empty = replace(model.lexicon.of(Gazetteers), lists=(Gazetteer("empty", ["x"]),) * 2)
    features = [empty if isinstance(each, Gazetteers) else each for each in model.lexicon.features]
    forgetful = Network(replace(model, lexicon=replace(model.lexicon, features=tuple(features))))
    places = range(len(words))
    assert not np.allclose(Network(model).emissions(words, places), forgetful.emissions(words, places))


def test_raw_text_for_a_model_that_reads_columns_is_an_error(tmp_path):
    tagger = Tagger(make("columns"))
    with pytest.raises(ModelError, match=r"trained with \(1, 2\); raw text has none: give a column file"):
        tagger.predict("Ada met Li.")
    with pytest.raises(ModelError, match="found no feature columns"):
        tagger.predict_tokens([["Ada"]])
    with pytest.raises(ModelError, match="found 1 feature columns"):
        tagger.predict_tokens([["Ada"]], features=[[["N"]]])
    path = tmp_path / "text.txt"
    path.write_text("Ada met Li.\n", encoding="utf-8")
    for format in ("text", "lines", "tokens"):
        with pytest.raises(ConfigError) as caught:
            list(read_passages([path], InputSettings(format=format, feature_columns=("UPOS", 2))))
        assert str(caught.value) == (
            f"--input-format: found {format}, expected conll: beside the tokens the model reads columns (UPOS, 2) "
            "that column files alone have"
        )


def test_features_of_another_shape_are_errors():
    tagger = Tagger(make("columns"))
    with pytest.raises(DataError, match="2 features for 1 sentences; expected one for each"):
        tagger.predict_tokens([["Ada"]], features=[[["N"], ["x"]]] * 2)
    with pytest.raises(DataError, match=r"sentence 1 .* has 2 tokens, but feature column 1 has 1 values"):
        tagger.predict_tokens([["Ada"], ["a", "b"]], features=[[["N"], ["x"]], [["N", "N"], ["x"]]])
    with pytest.raises(DataError, match="feature column 0 has a string; expected a list"):
        tagger.predict_tokens([["a", "b"]], features=[["NN", ["x", "x"]]])


def test_a_model_with_marks_is_saved_and_read_whole(tmp_path):
    model = make()
    directory.save_model(tmp_path, model)
    again = directory.load_model(tmp_path)
    assert again.lexicon == model.lexicon
    sentences = random_sentences(10)
    columns = draw_columns(model, sentences)
    assert Tagger(again).predict_tokens(sentences, features=columns) == Tagger(model).predict_tokens(
        sentences, features=columns
    )
