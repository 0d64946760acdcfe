"""Prediction with feature columns and gazetteers: both roads, every kind of input, and inputs that lack columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_models import SMALL, WORDS, random_sentences

from tagger import config as settings
from tagger.config import Config
from tagger.errors import ConfigError, DataError, ModelError
from tagger.inference.predict import InputSettings, Question, Tagger, network, read_passages
from tagger.inference.predict.network import Network
from tagger.inference.predict.workers import answer
from tagger.model import trained
from tagger.model.trained import TrainedModel
from tagger.runtime.features import Gazetteers
from tagger.runtime.lexicon import Lexicon
from tagger.text.conll import Sentence
from tagger.text.gazetteer import Gazetteer
from tagger.text.schemes import Scheme
from tagger.training import checkpoint, evaluate

LISTS = (
    Gazetteer("cities", ["New York", "Paris", "Quito"]),
    Gazetteer("other", ["York on", "Li"], ignores_case=True),
)
FORMLESS = dict.fromkeys(
    (f"embedding.{name}" for name in ("word_dim", "affix_dim", "shape_dim", "character_filters")), 0
)
KINDS = {
    "columns": ((), {}),
    "gazetteers": (LISTS, {"embedding.feature_columns": []}),
    "both": (LISTS, {}),
    "both and bigrams": (LISTS, {"embedding.bigram_dim": 5}),
    "both alone": (LISTS, FORMLESS),
    "both, two layers": (LISTS, {"encoder.layers": 2}),
    "both, gru": (LISTS, {"encoder.kind": "gru"}),
}


def make(kind: str = "both") -> TrainedModel:
    lists, changes = KINDS[kind]
    chosen = SMALL | {
        "corpus.scheme": "IOB2",
        "corpus.mode": "words",
        "embedding.feature_columns": ["1:6", "2:3"],
    }
    config = settings.override(Config(), chosen | changes)
    values = tuple("NVA"[n % 3] for n in range(len(WORDS))), tuple("xy"[n % 2] for n in range(len(WORDS)))
    lexicon = Lexicon.build(
        [Sentence(tuple(WORDS), features=values[: len(config.embedding.feature_columns)])],
        trained.inner_tags(["LOC", "PER"], Scheme.IOB2),
        config.embedding,
        lists,
    )
    labeler = trained.build(lexicon, config)
    with torch.no_grad():
        labeler.emission.weight *= 12.0  # untrained scores are all alike; these disagree
    return TrainedModel(config, lexicon, labeler.requires_grad_(False).eval())


def columns_of(model: TrainedModel, sentences, seed: int = 3):
    draw = np.random.default_rng(seed)
    wanted = len(model.config.embedding.feature_columns)
    return [[draw.choice(list("NVAz"), len(words)).tolist() for _ in range(wanted)] for words in sentences]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("together", [False, True])
def test_both_roads_compute_the_same_scores(kind, together):
    model = make(kind)
    sentences = random_sentences(60, longest=70)
    columns = columns_of(model, sentences)
    documents = [number // 7 if together else number for number in range(60)]
    fast, general = Network(model), Network(model, fast=False)
    for _ in range(2):  # the second time the forms are cached
        torch.testing.assert_close(
            fast.emissions(sentences, documents, columns),
            general.emissions(sentences, documents, columns),
            rtol=1e-4,
            atol=2e-5,
        )


def test_a_full_cache_begins_anew(monkeypatch):
    model = make()
    sentences = random_sentences(50)
    columns = columns_of(model, sentences)
    expected = Network(model, fast=False).emissions(sentences, range(50), columns)
    monkeypatch.setattr(network, "_FORMS", 40)
    monkeypatch.setattr(network, "_BATCH_TOKENS", 20)
    found = Network(model).emissions(sentences, range(50), columns)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("kind", ["columns", "both"])
def test_tokens_with_features_get_the_tags_of_evaluate(kind):
    model = make(kind)
    sentences = random_sentences(40)
    columns = columns_of(model, sentences)
    rows = [
        Sentence(tuple(words), document=n, features=tuple(map(tuple, values)))
        for n, (words, values) in enumerate(zip(sentences, columns, strict=True))
    ]
    expected = evaluate.predict(model, evaluate.encode_corpus(rows, model))
    found = Tagger(model).predict_tokens(sentences, features=columns)
    assert [each.tags for each in found] == expected.tags
    parallel = Tagger(model).predict_tokens([*sentences, []], features=[*columns, [[], []]], workers=2)
    assert [each.tags for each in parallel] == [*expected.tags, []]
    others = Tagger(model).predict_tokens(sentences, features=columns_of(model, sentences, seed=4))
    assert [each.tags for each in others] != expected.tags  # the columns matter


def test_column_files_are_labelled_with_their_columns(tmp_path):
    model = make()
    sentences = random_sentences(30, longest=5)  # so short that three fit into a window
    columns = columns_of(model, sentences)
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
    assert not torch.allclose(Network(model).emissions(words, places), forgetful.emissions(words, places))


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
    checkpoint.save_model(tmp_path, model)
    again = checkpoint.load_model(tmp_path)
    assert again.lexicon == model.lexicon
    sentences = random_sentences(10)
    columns = columns_of(model, sentences)
    assert Tagger(again).predict_tokens(sentences, features=columns) == Tagger(model).predict_tokens(
        sentences, features=columns
    )
