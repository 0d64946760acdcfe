"""Parquet: what PyArrow reads back is what JSON lines say."""

from __future__ import annotations

import io
import json
import sys

import pytest
from toy_models import make_model, random_sentences

from tagger.errors import ConfigError
from tagger.runtime.tagger import Tagger
from tagger.text.formats import FORMATS, LabelledSentence
from tagger.text.formats.jsonl import write_jsonl


def test_rows_are_those_of_json_lines(monkeypatch):
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("tagger.text.formats.parquet._GROUP", 7)
    text = "\n\n".join(" ".join(words) for words in random_sentences(40))
    sentences = Tagger(make_model()).predict(text)
    stream = io.BytesIO()
    FORMATS["parquet"].save(iter(sentences), stream)
    found = parquet.read_table(io.BytesIO(stream.getvalue())).to_pylist()
    expected = [json.loads(line) for line in write_jsonl(sentences)]
    for row in found:
        row["tokens"] = [[token["start"], token["end"], token["tag"]] for token in row["tokens"]]
    assert found == expected
    assert len(found) > 40


def test_nothing_is_a_table_without_rows_and_half_a_pair_is_escaped():
    parquet = pytest.importorskip("pyarrow.parquet")
    odd = LabelledSentence(doc="a\udcff", start=0, end=2, text="é\ud800", tokens=[(0, 2, "O")], spans=[])
    for sentences, docs in ([], []), ([odd], ["a\\udcff"]):
        stream = io.BytesIO()
        FORMATS["parquet"].save(sentences, stream)
        table = parquet.read_table(io.BytesIO(stream.getvalue()))
        assert table.column_names == ["doc", "start", "end", "text", "tokens", "spans"]
        assert table.column("doc").to_pylist() == docs


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"pyarrow, which isn't installed: pip install 'tagger\[parquet\]'"):
        FORMATS["parquet"].save([], io.BytesIO())
