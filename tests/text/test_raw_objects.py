"""JSON as raw text: which field is the text, what its document is called, and every fault with its line."""

from __future__ import annotations

import json

import pytest

from tagger.errors import DataError
from tagger.text.passages import read_passages
from tagger.text.raw import InputSettings, Pause, Row, read_rows, read_words


def read(path, content, **reading):
    path.write_text(content, encoding="utf-8", newline="")
    events = read_passages([path], InputSettings(format="jsonl", **reading), 3)
    return [
        (event.doc.removeprefix(str(path.parent) + "/"), row.start, row.text)
        for event in events
        for row in event.rows
    ]


def test_each_object_is_a_document(tmp_path):
    lines = '{"text": "Ann left. Bob came."}\n\n{"id": 7, "text": "Eve."}\r\n{"id": "x", "text": ""}'
    assert read(tmp_path / "a", lines) == [
        ("a#1", 0, "Ann left."),
        ("a#1", 10, "Bob came."),
        ("7", 0, "Eve."),
    ]


@pytest.mark.parametrize(
    ("record", "field"),
    [
        ({"text": "Ann.", "content": "no"}, None),
        ({"data": {"text": "Ann."}, "annotations": []}, None),
        ({"data": "Ann.", "label": []}, None),
        ({"content": "Ann."}, None),
        ({"body": "Ann.", "text": "no"}, "body"),
        ({"meta": {"body": "Ann."}}, "meta.body"),
        ({"meta.body": "Ann."}, "meta.body"),
    ],
)
def test_the_field_that_holds_the_text(tmp_path, record, field):
    assert read(tmp_path / "a", json.dumps(record), text_field=field) == [("a#1", 0, "Ann.")]


@pytest.mark.parametrize("indent", [None, 1])
def test_arrays_and_objects_that_are_laid_out_over_lines(tmp_path, indent):
    records = [{"id": f"{n}", "text": text} for n, text in enumerate(["Ann.", "Bob] }.", "{"])]
    expected = [("0", 0, "Ann."), ("1", 0, "Bob] }."), ("2", 0, "{")]
    assert read(tmp_path / "a", json.dumps(records, indent=indent)) == expected
    assert (
        read(tmp_path / "a", "\n".join(json.dumps(record, indent=indent) for record in records)) == expected
    )
    assert read(tmp_path / "a", "[]\n") == []
    assert read(tmp_path / "a", json.dumps(["Ann."])) == [("a#1", 0, "Ann.")]


def test_tokens_are_kept_where_there_is_no_text(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"tokens": ["New", "York"], "tags": ["O", "O"]}\n', encoding="utf-8")
    (row,) = read_rows(path, InputSettings())
    assert (row.words, row.starts, row.text) == (["New", "York"], [0, 4], "New York")
    assert list(read_words([path], InputSettings())) == [("New", "York")]


def test_a_sentence_of_predict_keeps_its_place_in_its_document(tmp_path):
    line = '{"doc": "letter.txt", "start": 24, "end": 33, "text": "She left.", "tokens": [[24, 27, "O"]]}'
    assert read(tmp_path / "a", line) == [("letter.txt", 24, "She left.")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "a"}\n{"text": \n', "a:2: found no JSON (Expecting value), expected an object"),
        ('{"text": "a"} x\n', "a:1: found 'x' behind a JSON value, expected one a line"),
        ('{"body": "a"}\n', "a:1: found no text (keys: 'body'), expected a string; name the field"),
        ('{"text": null}\n', "a:1: found no text (keys: 'text'), expected a string"),
        ("5\n", "a:1: found 5, expected an object that holds a text"),
        ('[{"text": "a"}\n{"text": "b"}]', "a:1: found no JSON (',' is missing), expected an array"),
        ('[{"text": "a"},\n5]', "a:2: found 5, expected an object"),
        ('[{"text": "a"}', "a:1: found no JSON (',' is missing)"),
        ('[{"text": "a"}] x', "a:1: found more text behind an array"),
        ('{\n "text": "a"\n', "a:3: found no JSON"),
        ('{"text": "\\ud800"}\n', "a:1: found no JSON ('utf-8' codec can't encode"),
        ("[" * 100_000, "a:1: found no JSON ("),
    ],
)
def test_faults_have_file_and_line(tmp_path, content, message):
    with pytest.raises(DataError) as caught:
        read(tmp_path / "a", content)
    assert str(caught.value).removeprefix(f"{tmp_path}/").startswith(message)


def test_a_pause_waits_for_the_end_of_a_line(tmp_path):
    path = tmp_path / "a"
    path.write_text('{"text": "Ann."}\n{"text": "Bob."}\n', encoding="utf-8")

    def watch(path, items):
        for item in items:
            yield from (item._replace(text=item.text[:25]), Pause(), item._replace(text=item.text[25:]))

    found = list(read_rows(path, InputSettings(format="jsonl"), watch))
    assert [each.text if isinstance(each, Row) else None for each in found if each] == [
        "Ann.",
        None,
        "Bob.",
        None,
    ]
