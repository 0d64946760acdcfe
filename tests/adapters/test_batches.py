"""Batches of rows in dicts, Arrow and pandas: the same answers as `predict`, other columns as they were."""

from __future__ import annotations

import numpy as np
import pytest
from toy_models import make_model

from tagger.adapters.batches import BatchLabeller
from tagger.errors import ConfigError, DataError
from tagger.runtime.tagger import Tagger

TEXTS = ["Ada met Li in New York. The mayor spoke.", "", "Li left 🙂 Paris."]


@pytest.fixture
def tagger() -> Tagger:
    return Tagger(make_model())


@pytest.fixture
def spans(tagger: Tagger) -> list[list[tuple[str, int, int]]]:
    """What `predict` finds in each text."""
    labelled = tagger.predict(TEXTS)
    found = [[(span.type, span.start, span.end) for each in text for span in each.spans] for text in labelled]
    assert any(found)
    return found


def places(rows) -> list[list[tuple[str, int, int]] | None]:
    return [
        None if row is None else [(each["type"], each["start"], each["end"]) for each in row] for row in rows
    ]


def test_a_dict_of_columns(tagger, spans):
    numbers = np.arange(3)
    batch = BatchLabeller(tagger)({"id": numbers, "text": np.array(TEXTS, dtype=object)})
    assert list(batch) == ["id", "text", "tokens", "spans"]
    assert batch["id"] is numbers
    assert places(batch["spans"]) == spans
    for text, row in zip(TEXTS, batch["spans"], strict=True):
        assert all(text[each["start"] : each["end"]] == each["text"] for each in row)
    for text, row in zip(TEXTS, batch["tokens"], strict=True):
        assert "".join(text[each["start"] : each["end"]] for each in row) == text.replace(" ", "")


def test_a_frame_of_pandas_with_missing_texts(tagger, spans):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"body": [*TEXTS, None, float("nan")]}, index=[3, 1, 4, 1, 5])
    found = BatchLabeller(tagger, column="body", prefix="ner_")(frame)
    assert list(found.columns) == ["body", "ner_tokens", "ner_spans"]
    assert list(found.index) == [3, 1, 4, 1, 5]
    assert places(found["ner_spans"]) == [*spans, None, None]


def test_a_table_of_arrow(tagger, spans):
    arrow = pytest.importorskip("pyarrow")
    found = BatchLabeller(tagger)(arrow.table({"text": [*TEXTS, None]}))
    assert places(found.column("spans").to_pylist()) == [*spans, None]
    assert str(found.schema.field("spans").type).startswith("list<")


def test_spark_hands_over_frames_one_by_one(tagger, spans):
    pandas = pytest.importorskip("pandas")
    label = BatchLabeller(tagger)

    def label_all(frames):  # as docs/guides/cluster.md has it
        for frame in frames:
            yield label(frame)

    found = pandas.concat(label_all(pandas.DataFrame({"text": [text]}) for text in TEXTS))
    assert places(found["spans"]) == spans


def test_what_is_no_text_is_told(tagger):
    with pytest.raises(ConfigError, match=r"column: found no column 'text', expected one of a, b"):
        BatchLabeller(tagger)({"a": [], "b": []})
    with pytest.raises(ConfigError, match="prefix: the column 'spans' is there already; give a prefix"):
        BatchLabeller(tagger)({"text": ["x"], "spans": [1]})
    with pytest.raises(DataError, match=r"column 'text': row 1 of the batch \(counted from 0\) holds .*7"):
        BatchLabeller(tagger)({"text": ["x", 7]})
