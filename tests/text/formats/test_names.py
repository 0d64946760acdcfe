"""Names and their counts, against a count by hand and one by collections."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from statistics import fmean

from hypothesis import given
from hypothesis import strategies as st

from tagger.text.formats import LabelledSentence, LabelledSpan
from tagger.text.formats.names import NAME_WRITERS, NameCount, count_names

FOUND = [
    ("PER", "Ada", 0.5),
    ("LOC", "New\nYork", 0.9),
    ("PER", "Ada", 1.0),
    ("ORG", "Ada", None),
    ("LOC", "New  York", 0.8),
    ("X", "=1", float("nan")),
]


def sentences(found: list[tuple[str, str, float | None]]) -> list[LabelledSentence]:
    spans = [LabelledSpan(type_, 0, len(text), text, value) for type_, text, value in found]
    return [LabelledSentence(doc="d", start=0, end=1, text="x", tokens=[], spans=[span]) for span in spans]


def test_the_most_frequent_come_first():
    assert count_names(sentences(FOUND)) == [
        NameCount("Ada", "PER", 2, 0.75),
        NameCount("New York", "LOC", 2, 0.85),
        NameCount("=1", "X", 1, None),
        NameCount("Ada", "ORG", 1, None),
    ]


def test_each_form_says_the_same():
    written = {name: "".join(write(sentences(FOUND))) for name, write in NAME_WRITERS.items()}
    assert [json.loads(line) for line in written["jsonl"].splitlines()] == [
        {"text": "Ada", "type": "PER", "count": 2, "confidence": 0.75},
        {"text": "New York", "type": "LOC", "count": 2, "confidence": 0.85},
        {"text": "=1", "type": "X", "count": 1, "confidence": None},
        {"text": "Ada", "type": "ORG", "count": 1, "confidence": None},
    ]
    rows = list(csv.DictReader(io.StringIO(written["csv"].removeprefix("\ufeff"))))
    assert [row["text"] for row in rows] == ["Ada", "New York", "'=1", "Ada"]
    assert [row["confidence"] for row in rows] == ["0.75", "0.85", "", ""]
    assert written["tsv"].splitlines()[:2] == ["text\ttype\tcount\tconfidence", "Ada\tPER\t2\t0.7500"]


def test_nothing_found():
    assert ["".join(write([])) for write in NAME_WRITERS.values()] == [
        *("", "\ufefftext,type,count,confidence\r\n", "text\ttype\tcount\tconfidence\n")
    ]


@given(st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from(["x", "y", "\\t"]), st.floats(0, 1))))
def test_counts_and_means_are_those_of_python(found):
    names = count_names(sentences(found))
    assert {(name.type, name.text): name.times for name in names} == Counter(each[:2] for each in found)
    for name in names:
        mean = fmean(value for type_, text, value in found if (type_, text) == (name.type, name.text))
        assert name.confidence is not None
        assert abs(name.confidence - mean) < 2e-6
    assert [name.times for name in names] == sorted((name.times for name in names), reverse=True)
