"""Features of a token: their rows, their way through JSON, how they grow, and their look-up against plain loops."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.config import EmbeddingConfig
from tagger.errors import ModelError
from tagger.runtime.features import Affixes, Gazetteers, MarkColumns
from tagger.runtime.kinds import lay_out
from tagger.runtime.lexicon import Lexicon
from tagger.text.conll import Sentence
from tagger.text.features import affixes
from tagger.text.gazetteer import BEGIN, END, OUTSIDE, SINGLE, Gazetteer
from tagger.text.vocab import UNKNOWN

SENTENCES = [
    Sentence(("Anna", "saw", "Rome"), features=(("N", "V", "N"), ("cap", "low", "cap"))),
    Sentence(("it", "rained"), features=(("P", "V"), ("low", "low"))),
]
LISTS = (Gazetteer("cities", ["Rome", "New York"]),)


def build(columns: Sequence[str] = ("UPOS:4", "2")) -> Lexicon:
    sentences = SENTENCES if columns else [Sentence(each.tokens) for each in SENTENCES]
    return Lexicon.build(sentences, ("O",), EmbeddingConfig(feature_columns=list(columns)), LISTS)


def test_values_have_rows_of_their_column_and_names_of_their_list():
    lexicon = build()
    assert [shape for name, shape in lexicon.weight_shapes().items() if ".marks." in name] == [
        (2 + 3, 4),
        (2 + 2, 16),
        (2 + 5, 16),
    ]
    found = lexicon.mark_rows(
        ("New", "York", "Rome", "it"), (("N", "N", "X", "P"), ("cap", "cap", "cap", "low"))
    )
    pos, case = (column.values for column in lexicon.of(MarkColumns).columns)
    assert found.shape == (4, 3)
    assert found[:, 0].tolist() == [pos.row("N"), pos.row("N"), UNKNOWN, pos.row("P")]
    assert found[:, 1].tolist() == case.rows(["cap", "cap", "cap", "low"])
    assert found[:, 2].tolist() == [BEGIN, END, SINGLE, OUTSIDE]


def test_a_model_without_marks_looks_nothing_up():
    lexicon = Lexicon.build(SENTENCES, ("O",), EmbeddingConfig())
    assert lexicon.mark_rows(("a",), ()) is None
    assert lexicon.mark_rows(("a",), (("unread",),)) is None
    assert lexicon.pair_rows(("a",)) is None
    assert not lexicon.of(MarkColumns).as_dict() | lexicon.of(Gazetteers).as_dict()


def test_missing_columns_are_named():
    with pytest.raises(ModelError) as caught:
        build().mark_rows(("Rome",), ())
    assert str(caught.value) == (
        "found no feature columns beside the tokens, expected those the model was trained with (UPOS, 2); raw text "
        "has none: give a column file with --input-format conll, or in Python predict_tokens(..., features=...)"
    )
    with pytest.raises(ModelError, match=r"found 1 feature columns, .*\(UPOS, 2\)"):
        build().mark_rows(("Rome",), (("N",),))
    with pytest.raises(ModelError, match=r"found 1 feature columns, .*\(none\)"):
        build([]).mark_rows(("Rome",), (("N",),))


def test_marks_are_part_of_a_lexicon_and_of_its_json():
    embedding = EmbeddingConfig(feature_columns=["UPOS:4", "2"])
    lexicon = build()
    tables = json.loads(json.dumps(lexicon.as_dict()))
    assert Lexicon.from_dict(tables, embedding) == lexicon
    with pytest.raises(ValueError, match="there are 2 columns but 0 in the settings"):
        Lexicon.from_dict(tables, EmbeddingConfig())
    assert list(tables)[-2:] == ["columns", "gazetteers"]
    plain = Lexicon.build(SENTENCES, ("O",), EmbeddingConfig())
    assert not {"columns", "gazetteers"} & plain.as_dict().keys()


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        ({"columns": {}}, "not a list"),
        ({"gazetteers": "x"}, "not a list"),
        ({"columns": [{"name": "UPOS"}]}, "not an object of name and values"),
        ({"columns": [{"name": 1, "values": []}]}, "another type"),
        ({"columns": [{"name": "UPOS", "values": [None]}]}, "not strings"),
        ({"columns": [{"name": "UPOS", "values": ["N", "N"]}]}, "must differ"),
        ({"gazetteers": [7]}, "a gazetteer is not"),
    ],
)
def test_marks_from_a_stranger_are_checked(faulty, message):
    with pytest.raises(ValueError, match=message):
        for feature in (Gazetteers, MarkColumns):
            feature.from_dict(faulty, EmbeddingConfig(feature_columns=["UPOS"]))


def test_no_word_at_all_has_no_rows():
    assert lay_out([], [], 3).shape == (0, 3)


@given(st.lists(st.text("ab-", max_size=6), max_size=8), st.integers(1, 6))
def test_affixes_are_looked_up_as_they_are_written(words, longest):
    lexicon = Lexicon.build([Sentence((*words, *words))], ("O",), EmbeddingConfig(affix_length=longest), ())
    affix = lexicon.of(Affixes)
    for word, row in zip([*words, "b-a", "-"], affix.rows([*words, "b-a", "-"]), strict=True):
        expected = affix.vocab.rows(affixes(word, longest))
        assert row.tolist() == expected + [0] * (2 * longest - len(expected))
