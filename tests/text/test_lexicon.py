"""The lexicon: what it numbers, what it doesn't know, and its way through JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tagger.config import EmbeddingConfig
from tagger.text import features
from tagger.text.conll import Sentence
from tagger.text.lexicon import Lexicon
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
    counts = dict(zip(lexicon.words.items, lexicon.counts, strict=True))
    assert counts == {"anna": 3, "0000": 2, "saw": 2, "paris": 1, "x" * 40: 1}
    assert set(build(lowercase=False).words.items) >= {"Anna", "anna", "ANNA"}
    assert set(build(min_count=2).words.items) == {"anna", "0000", "saw"}


def test_affixes_and_bigrams_seen_once_are_left_out():
    lexicon = build(bigram_dim=4)
    assert "an-" in lexicon.affixes or "-na" in lexicon.affixes
    assert "P-" not in lexicon.affixes
    assert lexicon.bigrams.items == () or all("saw" not in pair for pair in lexicon.bigrams.items)
    assert build(bigram_dim=0).bigrams.items == ()
    assert build(affix_dim=0).affixes.items == ()


def test_forms_hold_the_rows_of_each_table():
    lexicon = build(max_characters=8)
    forms = lexicon.forms(["Anna", "never", "x" * 40])
    assert len(forms) == 4
    assert forms.words.tolist() == [PAD, lexicon.words.row("anna"), UNKNOWN, lexicon.words.row("x" * 40)]
    assert forms.counts.tolist() == [0, 3, 0, 1]
    assert forms.shapes.tolist()[:2] == [PAD, lexicon.shapes.row("Xxx")]
    assert forms.characters.shape == (4, 8)
    assert forms.characters[1].tolist() == [*lexicon.characters.rows("Anna"), 0, 0, 0, 0]
    assert set(forms.characters[0].tolist()) == {PAD}
    assert forms.affixes[1].tolist() == lexicon.affixes.rows(features.affixes("Anna", 4))
    assert set(forms.affixes[0].tolist()) == {PAD}


def test_a_long_word_is_looked_at_from_both_ends():
    lexicon = Lexicon.build([Sentence(("abcdefgh", "ijklmnop"))], TAGS, EmbeddingConfig(max_characters=5))
    rows = lexicon.forms(["abcdefghijklmnop"]).characters[1]
    assert rows.tolist() == lexicon.characters.rows("abc" + "op")


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
    for one, other in zip(*(list(_arrays(each.forms(words))) for each in (lexicon, again)), strict=True):
        assert np.array_equal(one, other)


def _arrays(forms):
    return (getattr(forms, name) for name in ("words", "counts", "characters", "shapes", "affixes"))


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


@pytest.mark.parametrize("tables", [[], None, 5, {}, {"words": []}])
def test_something_else_than_tables(tables):
    with pytest.raises(ValueError, match=r"expected an object|is missing"):
        Lexicon.from_dict(tables, EmbeddingConfig())
