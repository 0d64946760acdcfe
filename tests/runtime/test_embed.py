"""The look-up of features in numpy and its cache, against the network's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_models import random_sentences

from tagger import config
from tagger.config import Config
from tagger.model.batch import collate, encode, group
from tagger.model.embeddings import TokenEmbedding
from tagger.runtime.embed import FormTable, TokenFeatures
from tagger.runtime.lexicon import Lexicon
from tagger.text.conll import Sentence
from tagger.text.gazetteer import Gazetteer

LISTS = (Gazetteer("cities", ["New York", "Paris"]), Gazetteer("names", ["Li"]))
SENTENCES = [
    Sentence(tuple(words), features=(tuple(map(str, map(len, words))),)) for words in random_sentences(30)
]

sizes = st.fixed_dictionaries(
    {
        "embedding.word_dim": st.sampled_from([0, 5]),
        "embedding.affix_dim": st.sampled_from([0, 3]),
        "embedding.affix_length": st.integers(1, 6),
        "embedding.shape_dim": st.sampled_from([0, 2]),
        "embedding.character_filters": st.sampled_from([0, 4]),
        "embedding.character_width": st.integers(1, 5),
        "embedding.max_characters": st.integers(4, 30),
        "embedding.bigram_dim": st.sampled_from([0, 3]),
        "embedding.feature_columns": st.sampled_from([[], ["1:3"]]),
        "embedding.lowercase": st.booleans(),
        "embedding.fold_width": st.booleans(),
        "embedding.word_mark_dim": st.sampled_from([0, 2]),
    }
)


def build(changes, lists=LISTS):
    """Return a lexicon, a network's embedding of it, and the look-up in numpy of the same weights."""
    chosen = config.override(Config(), changes)
    columns = chosen.embedding.feature_columns
    known = [each if columns else Sentence(each.tokens) for each in SENTENCES[:20]]
    lexicon = Lexicon.build(known, ("O",), chosen.embedding, lists, [{"NewYork": 2, "Li": 1}])
    torch.manual_seed(0)
    embedding = TokenEmbedding(lexicon, chosen.training)
    weights = {f"embedding.{name}": value.numpy() for name, value in embedding.state_dict().items()}
    assert {name: value.shape for name, value in weights.items()} == lexicon.weight_shapes()
    return lexicon, embedding, TokenFeatures(lexicon, weights)


@settings(deadline=None, max_examples=40)
@given(sizes, st.sampled_from([(), LISTS]))
def test_features_are_those_of_the_network(changes, lists):
    if not lists and not any(size for name, size in changes.items() if name.endswith(("_dim", "filters"))):
        changes |= {"embedding.word_dim": 5}
    lexicon, embedding, features = build(changes, lists)
    rows = [each if lexicon.embedding.feature_columns else Sentence(each.tokens) for each in SENTENCES]
    corpus = encode(rows, lexicon, None)
    with torch.no_grad():
        for number, sentence in enumerate(rows):
            batch = collate(corpus, group(corpus, 1, 64)[number : number + 1], 64)
            expected = embedding(batch)[:, 0].numpy()
            parts = [features.embed_forms(sentence.tokens)]
            marks = lexicon.mark_rows(sentence.tokens, sentence.features)
            pairs = lexicon.pair_rows(sentence.tokens)
            parts += [] if marks is None else [features.embed_marks(marks)]
            parts += [] if pairs is None else [features.embed_pairs(pairs)]
            assert [part.shape[1] for part in parts] == [
                size for size in (features.form_size, features.mark_size, features.pair_size) if size
            ] or not features.form_size
            np.testing.assert_allclose(np.concatenate(parts, axis=1), expected, atol=1e-5)


def make_table(features: TokenFeatures, capacity: int) -> FormTable:
    size = features.form_size + features.mark_size
    return FormTable(features, np.eye(size, dtype=np.float32), np.zeros(size, np.float32), capacity)


def test_rows_of_forms_stay_with_their_words():
    _, _, features = build({}, ())
    table = make_table(features, 8)
    first = table.values[table.rows(["Ada", "Li", "Ada"])]
    assert np.array_equal(first[0], first[2])
    assert not np.array_equal(first[0], first[1])
    table.rows(["a", "b", "c", "d", "e", "f", "g"])
    assert np.array_equal(table.values[table.rows(["Li", "Ada"])], first[[1, 0]])


def test_a_word_with_other_marks_has_another_row():
    lexicon, _, features = build({"embedding.feature_columns": ["1:3"]})
    table = make_table(features, 100)
    words = ("York", "New", "York", "York")
    marks = lexicon.mark_rows(words, (("4", "3", "4", "5"),))
    rows = table.rows(words, marks)
    assert len(set(rows.tolist())) == 4
    assert table.rows(words, marks).tolist() == rows.tolist()
    expected = np.concatenate([features.embed_forms(words), features.embed_marks(marks)], axis=1)
    np.testing.assert_allclose(table.values[rows], expected, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 63, 1025])
def test_a_row_does_not_depend_on_how_many_are_computed_at_once(count):
    _, _, features = build({}, ())
    draw = np.random.default_rng(0)
    weights = draw.normal(size=(40, features.form_size)).astype(np.float32)
    words = [f"word{number}x{number * 7}" for number in range(2000)]
    one, other = (FormTable(features, weights, np.ones(40, np.float32), 2000) for _ in range(2))
    expected = one.values[one.rows(words)][:count]
    assert np.array_equal(other.values[other.rows(words[:count])], expected)
