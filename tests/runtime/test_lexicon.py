"""The lexicon: what it numbers, what it doesn't know, and its way through JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tagger.config import EmbeddingConfig
from tagger.runtime.features import Affixes, Bigrams, Characters, Words, WordShapes
from tagger.runtime.lexicon import Lexicon, number_distinct
from tagger.text import features
from tagger.text.conll import Sentence
from tagger.text.vocab import PAD, UNKNOWN

SENTENCES = [
    Sentence(("Anna", "saw", "Paris", "1999")),
    Sentence(("anna", "saw", "ANNA", "1847", "x" * 40)),
]
TAGS = ("O", "B-PER", "I-PER", "E-PER", "S-PER")


def build(**changes) -> Lexicon:
    return Lexicon.build(SENTENCES, TAGS, EmbeddingConfig(**changes))


def test_words_are_counted_by_their_normal_form():
    lexicon = build()
    counts = dict(zip(lexicon.words.items, lexicon.of(Words).counts, strict=True))
    assert counts == {"anna": 3, "0000": 2, "saw": 2, "paris": 1, "x" * 40: 1}
    assert set(build(lowercase=False).words.items) >= {"Anna", "anna", "ANNA"}
    assert set(build(min_count=2).words.items) == {"anna", "0000", "saw"}


def test_affixes_and_bigrams_seen_once_are_left_out():
    lexicon = build(bigram_dim=4)
    affixes, bigrams = lexicon.of(Affixes).vocab, lexicon.of(Bigrams).vocab
    assert "an-" in affixes or "-na" in affixes
    assert "P-" not in affixes
    assert bigrams.items == () or all("saw" not in pair for pair in bigrams.items)
    assert build(bigram_dim=0).of(Bigrams).vocab.items == ()
    assert build(affix_dim=0).of(Affixes).vocab.items == ()


def test_forms_hold_the_rows_of_each_table():
    lexicon = build(max_characters=8)
    rows = lexicon.forms(["Anna", "never", "x" * 40]).rows
    assert rows["word"][:, 0].tolist() == [
        PAD,
        lexicon.words.row("anna"),
        UNKNOWN,
        lexicon.words.row("x" * 40),
    ]
    assert rows["word"][:, 1].tolist() == [0, 3, 0, 1]
    assert rows["shape"].tolist()[:2] == [PAD, lexicon.of(WordShapes).vocab.row("Xxx")]
    assert rows["character"].shape == (4, 8)
    assert rows["character"][1].tolist() == [*lexicon.of(Characters).vocab.rows("Anna"), 0, 0, 0, 0]
    assert set(rows["character"][0].tolist()) == {PAD}
    assert rows["affix"][1].tolist() == lexicon.of(Affixes).vocab.rows(features.affixes("Anna", 4))
    assert set(rows["affix"][0].tolist()) == {PAD}


def test_a_long_word_is_looked_at_from_both_ends():
    lexicon = Lexicon.build([Sentence(("abcdefgh", "ijklmnop"))], TAGS, EmbeddingConfig(max_characters=5))
    rows = lexicon.forms(["abcdefghijklmnop"]).rows["character"][1]
    assert rows.tolist() == lexicon.of(Characters).vocab.rows("abc" + "op")


def test_looking_up_changes_nothing():
    lexicon = build(bigram_dim=2)
    before = json.dumps(lexicon.as_dict())
    lexicon.forms(["brand", "new", "words"])
    assert json.dumps(lexicon.as_dict()) == before


@pytest.mark.parametrize(
    "changes", [{}, {"bigram_dim": 3, "affix_dim": 0}, {"lowercase": False, "min_count": 2}]
)
def test_a_lexicon_survives_json(changes):
    lexicon = build(**changes)
    again = Lexicon.from_dict(json.loads(json.dumps(lexicon.as_dict())), EmbeddingConfig(**changes))
    assert again == lexicon
    words = ["Anna", "new", "1999"]
    one, other = lexicon.forms(words).rows, again.forms(words).rows
    assert one.keys() == other.keys()
    assert all(np.array_equal(rows, other[name]) for name, rows in one.items())


def test_the_tables_keep_their_order_in_json():
    tables = build(bigram_dim=2).as_dict()
    assert list(tables) == ["tags", "counts", "words", "characters", "shapes", "affixes", "bigrams"]


def test_features_lie_side_by_side_and_their_weights_have_known_shapes():
    lexicon = build(bigram_dim=3, shape_dim=0, character_filters=5, character_width=2)
    words, affixes, characters = len(lexicon.words), lexicon.of(Affixes).vocab, lexicon.of(Characters).vocab
    assert lexicon.slices() == {
        "word": slice(0, 64),
        "affix": slice(64, 112),
        "character": slice(112, 117),
        "bigram": slice(117, 123),
    }
    assert lexicon.weight_shapes() == {
        "embedding.word.weight": (words, 64),
        "embedding.affix.weight": (len(affixes), 48),
        "embedding.character.embedding": (len(characters), 32),
        "embedding.character.weight": (2, 32, 5),
        "embedding.character.bias": (5,),
        "embedding.bigram.weight": (len(lexicon.of(Bigrams).vocab), 3),
    }


def test_old_entries_keep_their_rows_and_new_ones_follow():
    old = build(bigram_dim=2)
    new = Lexicon.build([Sentence(("Anna", "flew", "ŝ"))] * 2, ("O", "S-NEW"), EmbeddingConfig(bigram_dim=2))
    both = old.followed_by(new)
    assert both.tags == (*TAGS, "S-NEW")
    for one, grown in zip(old.features, both.features, strict=True):
        if hasattr(one, "vocab"):
            assert grown.vocab.items[: len(one.vocab.items)] == one.vocab.items
    assert both.words.items[len(old.words.items) :] == ("flew", "ŝ")
    assert dict(zip(both.words.items, both.of(Words).counts, strict=True))["anna"] == 5
    assert new.behind(old).features == both.features
    assert new.behind(old).tags == new.tags


def test_words_that_only_vectors_know_were_never_seen():
    lexicon = build().with_words(["anna", "oslo", "oslo"])
    assert lexicon.words.items[-1] == "oslo"
    assert lexicon.of(Words).counts[-1] == 0
    assert len(lexicon.of(Words).counts) == len(lexicon.words.items) == len(build().words.items) + 1


@pytest.mark.parametrize("rows", [[[3, 1], [1, 1]], [[3, 1], [1, 0]]])
def test_row_zero_is_padding_also_where_nothing_is_padded(rows):
    used, places = number_distinct(np.array(rows))
    assert used.tolist() == [0, 1, 3]
    assert used[places].tolist() == rows


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"words": ["a", "a"]}, "differ"),
        ({"words": "abc"}, "words is not a list of strings"),
        ({"characters": [1]}, "characters is not a list of strings"),
        ({"tags": ["O", "O"]}, "differ"),
        ({"counts": [1]}, "5 words but 1 counts"),
        ({"counts": ["1"] * 5}, "counts is not a list of whole numbers"),
        ({"counts": [2**63] * 5}, "counts is not a list of whole numbers"),
        ({"counts": [-1] * 5}, "counts is not a list of whole numbers"),
        ({"shapes": None}, "shapes is not a list of strings"),
    ],
)
def test_tables_from_a_stranger_are_checked(change, expected):
    tables = build().as_dict() | change
    with pytest.raises(ValueError, match=expected):
        Lexicon.from_dict(tables, EmbeddingConfig())


@pytest.mark.parametrize("tables", [[], None, 5, {}, {"words": [], "counts": []}])
def test_something_else_than_tables(tables):
    with pytest.raises(ValueError, match=r"expected an object|is missing"):
        Lexicon.from_dict(tables, EmbeddingConfig())
