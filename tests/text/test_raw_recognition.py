"""What a raw text file is, told by its name and its beginning: columns, JSON, and all that stays running text."""

from __future__ import annotations

import os
import threading

import pytest

from tagger.errors import ConfigError
from tagger.text.passages import read_passages
from tagger.text.raw import InputSettings, Row, read_rows
from tagger.text.raw.recognition import recognise

CONLLU = "1\t東京\t_\tPROPN\t_\t_\t0\troot\t_\t_\n"
BY_CONTENT = {
    "The\tO\nferry\tO\nOslo\tB-LOC\n": "conll",
    "The O\nferry O\nOslo B-LOC\n\nAnn S-PER\n": "conll",
    "# a comment\nThe DT O\nOslo NN B-LOC\n": "conll",
    "B-LOC\tOslo\nO\tis\n": "conll",
    "-DOCSTART- -X- O\n": "conll",
    CONLLU: "conll",
    f"# text = 東京\n{CONLLU}": "conll",
    "a O\nb O\nc O\nd O\ne O\n": "conll",
    "dog\tNOUN\nbarks\tVERB\n.\tPUNCT\n": "conll",
    '{"text": "Ann."}\n{"text": "Bob."}\n': "jsonl",
    '{"text": "Ann.", "label": [': "jsonl",
    '[{"text": "Ann."}]': "jsonl",
    '[\n  {\n    "text": "Ann."\n  }\n]\n': "jsonl",
    '{\n  "text": "Ann."\n}\n': "jsonl",
    # what stays text
    "Ann met Bob in Oslo.\n": "text",
    "": "text",
    "Name\tGroup\nAnn\tO\nBob\tA\nEve\tAB\n": "text",
    "Ann\tO\nBob\tO\n": "text",
    "Oslo\tB-LOC\n": "text",
    "Oslo\t5\nRome\t7\n": "text",
    "Ann Lee\nBob Ray\nTom Fox\n": "text",
    "O Rose\nO Sun\nO Moon\nO Star\nO Sea\n": "conll",  # five lines that begin so are no poem's
    "O Rose thou art sick\nThe invisible worm\n": "text",
    "O\nO\nO\nO\nO\nO\n": "text",
    "He won B-52 bombers\nand I-95 roads ran\n": "text",
    '{"a": 1} is an object of JSON.\n': "text",
    '{"quoted": as a word} he said.\nThen.\n': "text",
    "[Note: Ann left.]\n": "text",
    "[1, 2]\n": "text",
    "{ok}\n": "text",
    "# A title\n\nText.\n": "text",
}


TAGS = frozenset(["NOUN", "VERB", "PUNCT"])


@pytest.mark.parametrize("text", BY_CONTENT)
def test_content_tells_columns_and_json_from_text(text):
    found = recognise("notes.txt", text.encode(), "utf-8", TAGS)
    assert found.format == BY_CONTENT[text]
    assert (found.note is None) == (found.format == "text")
    assert recognise("-", f"\ufeff{text}".encode("utf-16-le"), "utf-16", TAGS).format == found.format


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.conll", "conll"),
        ("a.CONLLU.gz", "conll"),
        ("a.iob2", "conll"),
        ("a.jsonl", "jsonl"),
        ("a.json", "jsonl"),
        ("a.txt", "text"),
        ("a.md", "text"),
        ("a.tsv", "conll"),
        ("a.csv", "conll"),
        ("-", "text"),
    ],
)
def test_names_tell_where_content_says_nothing(name, format):
    assert recognise(name, b"Ann lebt\n", "utf-8").format == format


def test_content_outweighs_a_name_that_lies():
    assert recognise("a.jsonl", b"Ann\tB-PER\nsaw\tO\n", "utf-8").format == "conll"
    assert recognise("a.conll", b'{"text": "Ann"}\n', "utf-8").format == "jsonl"


def test_what_is_recognised_is_said_in_one_line_once(tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("Ann\tB-PER\nleft\tO\n", encoding="utf-8")
    notes = []
    events = list(read_passages([tmp_path], InputSettings(), note=notes.append))
    assert [row.words for event in events for row in event.rows] == [["Ann", "left"]] * 2
    assert notes == [
        f"{tmp_path / 'a.txt'}: read as columns (conll); --input-format text reads it as running text"
    ]


@pytest.mark.parametrize(
    ("content", "format"),
    [
        ("The\tO\nOslo\tB-LOC\n", "conll"),
        ("# a comment\na O\nb O\nc O\nd O\ne O\n", "conll"),
        ('{"text": "Ann."}\n', "jsonl"),
        ("\n\nWe met.\n", "text"),
        ("Ann\tO\nBob\tA\n", "text"),
        ("no end", "text"),
    ],
)
def test_the_pieces_in_which_a_beginning_comes_change_nothing(content, format):
    data = content.encode()
    found = [recognise("-", data[:end], "utf-8", is_all=False) for end in range(len(data))]
    told = next((each for each in [*found, recognise("-", data, "utf-8")] if each is not None), None)
    assert told is not None
    assert told.format == format


def test_ordinary_text_is_told_by_its_first_line():
    assert recognise("-", b"Ann left. Bob", "utf-8", is_all=False) is None
    assert recognise("-", b"Ann left.\n", "utf-8", is_all=False).format == "text"


def test_a_format_that_is_given_wins(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text("Ann\tB-PER\nleft\tO\n", encoding="utf-8")
    notes = []
    rows = list(read_rows(path, InputSettings(format="lines"), note=notes.append))
    assert [row.text for row in rows] == ["Ann\tB-PER", "left\tO"]
    assert notes == []


def test_tokens_that_are_tags_are_noticed(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text("Anna\tO\nlebt\tO\n", encoding="utf-8")
    notes = []
    list(read_rows(path, InputSettings(format="conll", token_column=1), note=notes.append))
    assert notes == [
        f"{path}: the tokens read from column 1 are tags (2 of the first 2); name the column of the words with "
        "--token-column"
    ]
    list(read_rows(path, InputSettings(format="conll"), note=notes.append))
    assert len(notes) == 1


def test_settings_that_do_not_go_with_what_is_found_are_errors(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("Ann left.\n", encoding="utf-8")
    for reading, message in (
        ({"feature_columns": ("UPOS",)}, "--input-format: found text, expected conll"),
        ({"text_field": "body"}, "--text-field: found text, expected jsonl"),
    ):
        with pytest.raises(ConfigError, match=message):
            list(read_rows(path, InputSettings(**reading)))


def test_a_pipe_is_opened_once_and_not_waited_for(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    is_answered = threading.Event()

    def write() -> None:
        with path.open("w", encoding="utf-8") as pipe:
            pipe.write("Ann left. Bob came.\n\n")
            pipe.flush()
            assert is_answered.wait(10)
            pipe.write("Then Eve.\n")

    threading.Thread(target=write, daemon=True).start()
    rows = (row for row in read_rows(path, InputSettings()) if isinstance(row, Row))
    assert next(rows).text == "Ann left."
    is_answered.set()
    assert [row.text for row in rows] == ["Bob came.", "Then Eve."]


def test_columns_told_by_looking_are_whole_though_each_token_begins_alike(tmp_path):
    """Whether each does is found in a pass of its own, which must not take rows from the reader that asks."""
    path = tmp_path / "x.conll"
    path.write_text("en:Ada\tB-PER\nen:left\tO\n\n" * 400)
    found = [row.words for row in read_rows(path, InputSettings(tags=frozenset(["PER"])))]
    assert [words for words in found if words] == [["Ada", "left"]] * 400
