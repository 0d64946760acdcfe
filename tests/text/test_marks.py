"""Marks: how columns are named, numbered and looked up, and their way through JSON."""

from __future__ import annotations

import json

import pytest

from tagger.config import EmbeddingConfig
from tagger.errors import ConfigError, ModelError
from tagger.text.conll import Sentence
from tagger.text.gazetteer import BEGIN, END, OUTSIDE, SINGLE, Gazetteer
from tagger.text.lexicon import Lexicon
from tagger.text.marks import NO_MARKS, Marks, parse_feature_columns
from tagger.text.vocab import UNKNOWN

SENTENCES = [
    Sentence(("Anna", "saw", "Rome"), features=(("N", "V", "N"), ("cap", "low", "cap"))),
    Sentence(("it", "rained"), features=(("P", "V"), ("low", "low"))),
]
LISTS = (Gazetteer("cities", ["Rome", "New York"]),)


def build() -> Marks:
    return Marks.build(SENTENCES, ["UPOS:4", "2"], LISTS)


@pytest.mark.parametrize(
    ("text", "column", "dim"),
    [
        ("UPOS", "UPOS", 16),
        ("UPOS:8", "UPOS", 8),
        ("2", 2, 16),
        ("-2:3", -2, 3),
        ("MISC:NER", "MISC:NER", 16),
        ("MISC:NER:5", "MISC:NER", 5),
    ],
)
def test_a_column_is_a_number_or_a_name_and_may_have_a_size(text, column, dim):
    assert parse_feature_columns([text]) == [(column, dim)]


@pytest.mark.parametrize("text", ["", ":", ":8", "UPOS:0", "UPOS:70000", " : 4"])
def test_a_column_written_otherwise_is_refused(text):
    with pytest.raises(ConfigError, match=r"--feature-column: found .*expected COLUMN or COLUMN:DIM"):
        parse_feature_columns([text])


def test_a_column_given_twice_is_refused():
    with pytest.raises(ConfigError, match="found column UPOS twice, expected each once"):
        parse_feature_columns(["UPOS:4", "UPOS"])


def test_values_have_rows_of_their_column_and_names_of_their_list():
    marks = build()
    assert len(marks) == 3
    assert marks.sizes == [2 + 3, 2 + 2, 2 + 5]
    found = marks.rows(("New", "York", "Rome", "it"), (("N", "N", "X", "P"), ("cap", "cap", "cap", "low")))
    pos, case = (column.values for column in marks.columns)
    assert found.shape == (4, 3)
    assert found[:, 0].tolist() == [pos.row("N"), pos.row("N"), UNKNOWN, pos.row("P")]
    assert found[:, 1].tolist() == case.rows(["cap", "cap", "cap", "low"])
    assert found[:, 2].tolist() == [BEGIN, END, SINGLE, OUTSIDE]


def test_a_model_without_marks_looks_nothing_up():
    assert NO_MARKS.rows(("a",), ()) is None
    assert NO_MARKS.rows(("a",), (("unread",),)) is None
    assert NO_MARKS.as_dict() == {}


def test_missing_columns_are_named():
    with pytest.raises(ModelError) as caught:
        build().rows(("Rome",), ())
    assert str(caught.value) == (
        "found no feature columns beside the tokens, expected those the model was trained with (UPOS, 2); raw text "
        "has none: give a column file with --input-format conll, or in Python predict_tokens(..., features=...)"
    )
    with pytest.raises(ModelError, match=r"found 1 feature columns, .*\(UPOS, 2\)"):
        build().rows(("Rome",), (("N",),))
    with pytest.raises(ModelError, match=r"found 1 feature columns, .*\(none\)"):
        Marks((), LISTS).rows(("Rome",), (("N",),))


def test_marks_are_part_of_a_lexicon_and_of_its_json():
    embedding = EmbeddingConfig(feature_columns=["UPOS:4", "2"])
    lexicon = Lexicon.build(SENTENCES, ("O",), embedding, LISTS)
    assert lexicon.marks == build()
    tables = json.loads(json.dumps(lexicon.as_dict()))
    assert Lexicon.from_dict(tables, embedding) == lexicon
    with pytest.raises(ValueError, match="there are 2 columns but 0 in the settings"):
        Lexicon.from_dict(tables, EmbeddingConfig())
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
        Marks.from_dict(faulty)
