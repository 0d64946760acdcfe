"""Marks in batches and embeddings: each token has its own, and what training forgets of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger import config
from tagger.config import Config
from tagger.errors import ModelError
from tagger.model.batch import collate, encode, group
from tagger.model.embeddings import TokenEmbedding
from tagger.runtime.lexicon import Lexicon
from tagger.runtime.wordclusters import WordClusters
from tagger.text.clusters import Clusters
from tagger.text.conll import Sentence
from tagger.text.gazetteer import BEGIN, END, INSIDE, OUTSIDE, SINGLE, Gazetteer
from tagger.text.vocab import PAD, UNKNOWN

POS = ["N", "V", "A", "P"]
LISTS = (Gazetteer("pairs", ["a b", "c"]), Gazetteer("letters", ["b c d", "d"]))


def make_sentences(lengths, seed: int = 0) -> list[Sentence]:
    draw = np.random.default_rng(seed)
    return [
        Sentence(
            tuple(draw.choice(list("abcde"), length).tolist()),
            features=(tuple(draw.choice(POS, length).tolist()), ("same",) * length),
        )
        for length in lengths
    ]


def make(sentences, **changes):
    chosen = config.override(
        Config(),
        {"embedding.feature_columns": ["1:3", "2:2"], "embedding.gazetteer_dim": 4, "embedding.word_dim": 5}
        | changes,
    )
    lexicon = Lexicon.build(sentences, ("O",), chosen.embedding, LISTS)
    torch.manual_seed(0)
    return lexicon, TokenEmbedding(lexicon, chosen.training)


def side_by_side(batch):
    """Return the (T, R, F) marks of a batch."""
    return torch.cat([batch.local["columns"], batch.local["gazetteers"]], dim=-1)


def drop_marks(embedding, marks, seed: int = 0):
    """Return marks (T, R, 4) of two columns and two lists with those changed that dropout changes."""
    generator = torch.Generator().manual_seed(seed)
    sides = {each.name: each for each in embedding.features}
    parts = [sides["columns"].drop(marks[..., :2], generator)]
    return torch.cat([*parts, sides["gazetteers"].drop(marks[..., 2:], generator)], dim=-1)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.integers(1, 4))
def test_every_token_has_its_own_marks_wherever_windows_are_cut(lengths, context):
    sentences = make_sentences(lengths)
    lexicon, _ = make(sentences)
    corpus = encode(sentences, lexicon, None)
    batch = collate(corpus, group(corpus, context, 16), 16)
    marks = side_by_side(batch)
    flat = marks.flatten(0, 1)  # (T * R, F)
    for column, number in enumerate(batch.sentences):
        sentence = sentences[number]
        places = batch.places[: len(sentence), column]
        expected = lexicon.mark_rows(sentence.tokens, sentence.features)
        assert flat[places].tolist() == expected.tolist()
    inside = torch.arange(len(batch.tokens)).unsqueeze(1) < batch.window_lengths
    assert not marks[~inside].any()
    assert (marks[inside] >= UNKNOWN).all()


def test_marks_join_the_form_and_stand_before_the_bigrams():
    sentences = make_sentences([4, 6])
    lexicon, embedding = make(sentences, **{"embedding.bigram_dim": 3})
    corpus = encode(sentences, lexicon, None)
    batch = collate(corpus, group(corpus, 1, 64), 64)
    found = embedding(batch)
    assert embedding.size == embedding.form_size + 3 + 2 + 4 + 4 + 2 * 3 == found.shape[-1]
    t, r = 2, 1
    expected = [
        table.weight[row]
        for table, row in zip(embedding.marks.children(), side_by_side(batch)[t, r], strict=True)
    ]
    form = embedding.embed_forms(batch.forms)[batch.tokens[t, r]]
    pairs = embedding.bigram(batch.local["bigram"][t, r]).flatten()
    torch.testing.assert_close(found[t, r], torch.cat([form, *expected, pairs]))
    gradients = torch.autograd.grad(found.sum(), [table.weight for table in embedding.marks.children()])
    assert all(gradient.is_sparse for gradient in gradients)


def test_a_model_without_marks_has_none_in_its_batches():
    sentences = make_sentences([3])
    lexicon = Lexicon.build(sentences, ("O",), Config().embedding)
    corpus = encode(sentences, lexicon, None)
    assert collate(corpus, group(corpus, 1, 64), 64).local == {}


def test_sentences_without_the_columns_are_refused():
    lexicon, _ = make(make_sentences([3]))
    with pytest.raises(ModelError, match="no feature columns beside the tokens"):
        encode([Sentence(("a", "b"))], lexicon, None)


names = st.lists(
    st.sampled_from([(OUTSIDE,), (SINGLE,), (BEGIN, END), (BEGIN, INSIDE, INSIDE, END)]), min_size=1
)


@settings(deadline=None, max_examples=40)
@given(st.lists(names, min_size=1, max_size=4), st.integers(0, 99))
def test_a_name_is_forgotten_as_a_whole_or_not_at_all(windows, seed):
    _, embedding = make(
        make_sentences([3]), **{"training.gazetteer_dropout": 0.5, "training.column_dropout": 0.0}
    )
    flat = [[row for name in window for row in name] for window in windows]
    marks = torch.full((max(map(len, flat)), len(flat), 4), PAD)
    for place, rows in enumerate(flat):
        marks[: len(rows), place] = torch.tensor(rows).unsqueeze(-1)
    found = drop_marks(embedding, marks, seed)
    assert torch.equal(found[..., :2], marks[..., :2])  # the columns
    for place, window in enumerate(windows):
        for which in (2, 3):
            rows, at = found[:, place, which].tolist(), 0
            for name in window:
                assert tuple(rows[at : at + len(name)]) in (name, (OUTSIDE,) * len(name))
                at += len(name)
            assert not any(rows[at:])


def test_as_many_names_and_values_are_forgotten_as_asked_for():
    changes = {"training.gazetteer_dropout": 0.3, "training.column_dropout": 0.1}
    _, embedding = make(make_sentences([3]), **changes)
    marks = torch.tensor([3, 3, SINGLE, SINGLE]).expand(200, 50, 4)
    found = drop_marks(embedding, marks)
    shares = (found != marks).float().mean((0, 1)).tolist()
    assert shares == pytest.approx([0.1, 0.1, 0.3, 0.3], abs=0.02)
    assert set(found[..., 0].unique().tolist()) == {UNKNOWN, 3}
    assert set(found[..., 2].unique().tolist()) == {OUTSIDE, SINGLE}


def test_nothing_is_forgotten_without_a_generator():
    sentences = make_sentences([5, 5])
    lexicon, embedding = make(
        sentences, **{"training.gazetteer_dropout": 0.9, "training.column_dropout": 0.9}
    )
    corpus = encode(sentences, lexicon, None)
    batch = collate(corpus, group(corpus, 1, 64), 64)
    assert torch.equal(embedding(batch), embedding(batch))
    one, again, other = (embedding(batch, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_dropout_takes_all_classes_of_a_word_in_each_tree_or_none():
    trees = tuple(Clusters(name, {"a": "0000", "b": "01", "c": "1"}) for name in ("one", "two"))
    chosen = config.override(Config(), {"embedding.cluster_dim": 3, "training.column_dropout": 0.5})
    lexicon = Lexicon.build(make_sentences([9]), ("O",), chosen.embedding, clusters=trees)
    embedding = TokenEmbedding(lexicon, chosen.training)
    (side,) = (each for each in embedding.features if each.name == "cluster")
    rows = torch.from_numpy(
        np.concatenate([np.zeros((1, 8), np.int64), lexicon.of(WordClusters).rows(["a"] * 400)])
    )
    assert side.look_up(rows).shape == (401, 24)
    found = side.drop(rows, torch.Generator().manual_seed(1))
    assert (found[0] == PAD).all()
    is_hidden = found[1:] == UNKNOWN
    assert torch.equal(is_hidden, is_hidden[:, :1].expand(-1, 8))
    assert 0.4 < is_hidden.float().mean() < 0.6
    assert torch.equal(found[1:][~is_hidden[:, 0]], rows[1:][~is_hidden[:, 0]])
