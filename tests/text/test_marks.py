"""How columns that are read as features are written."""

from __future__ import annotations

import pytest

from tagger.errors import ConfigError
from tagger.text.marks import parse_feature_columns


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
