"""Raw text in every format: places, faults, and the same sentences for prediction and for pretraining."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import ConfigError, DataError
from tagger.text.passages import Passage, read_passages, split_text, split_texts, watch_for_pauses
from tagger.text.raw import INPUT_FORMATS, InputSettings, Pause, Row, read_rows, read_words
from tagger.text.tokenizer import Mode, cut

PARTS = ["Ada", "met", "Li", ".", "\u00a0", "3.5", " ", "\t", "\n", "\r\n", "\n\n", "\ufeff", "王"]


def read(path, scope=1, **settings):
    events = read_passages([path], InputSettings(**settings), scope)
    return [(event.doc, row.start, row.text) for event in events for row in event.rows if row.text]


def test_input_formats(tmp_path):
    path = tmp_path / "x"
    path.write_bytes("\ufeffAda met Li. She left.\r\n\n  new line \n".encode())
    name = str(path)
    assert read(path) == [(name, 0, "Ada met Li."), (name, 12, "She left."), (name, 26, "new line")]
    assert read(path, format="lines") == [(name, 0, "Ada met Li. She left."), (name, 26, "new line")]
    path.write_text("a\u00a0b  c \n\n d", encoding="utf-8")
    rows = [event.rows[0] for event in read_passages([path], InputSettings(format="tokens"))]
    (first, second) = [row for row in rows if row.text]
    assert (first.words, first.starts, first.text) == (["a\u00a0b", "c"], [0, 5], "a\u00a0b  c")
    assert (second.start, second.words) == (10, ["d"])
    path.write_text(
        "-DOCSTART- O\n\nAda B-PER\nmet O\n\nLi B-PER\n\n-DOCSTART- O\n\nNew O\n", encoding="utf-8"
    )
    found = read(path, format="conll", scope=3)
    assert [row[1:] for row in found] == [(0, "Ada met"), (8, "Li"), (0, "New")]
    assert found[0][0] == found[1][0] != found[2][0]


def test_folders_stand_for_their_files(tmp_path):
    (tmp_path / "b.txt").write_text("Two.", encoding="utf-8")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "c.txt.gz").write_bytes(gzip.compress(b"One."))
    (tmp_path / ".hidden").write_text("None.", encoding="utf-8")
    (tmp_path / "b.ann").write_text("T1\tPER 0 3\tTwo", encoding="utf-8")
    assert [text for _, _, text in read(tmp_path)] == ["One.", "Two."]
    with pytest.raises(DataError, match="found an empty name"):
        read("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="is a folder without files"):
        read(tmp_path / "empty")


def test_invalid_bytes_are_an_error_with_their_offset_or_replaced(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"a " * 35_000 + b"\xe9 b")
    with pytest.raises(DataError, match=r"byte 0xe9 at offset 70000 is not valid utf-8; name .*--encoding"):
        read(path)
    assert read(path, errors="replace")[-1][2].endswith("\ufffd b")
    assert read(path, encoding="latin-1")[-1][2].endswith("é b")


def test_an_endless_line_of_sentences_is_cut(tmp_path, monkeypatch):
    monkeypatch.setattr("tagger.text.raw.spacing.LONGEST_LINE", 100)
    path = tmp_path / "x"
    path.write_text("word " * 200 + "x" * 300, encoding="utf-8")
    found = read(path, format="lines")
    assert all(len(text) <= 100 for _, _, text in found[:-1])
    text = path.read_text(encoding="utf-8")
    assert all(text[start : start + len(row)] == row for _, start, row in found)
    assert "".join(row for _, _, row in found).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(
    ("reading", "message"),
    [
        (
            {"format": "xml"},
            "--input-format: found 'xml', expected one of auto, text, lines, tokens, segmented, wordpos, conll",
        ),
        ({"encoding": "klingon"}, "--encoding: found 'klingon', expected a text encoding"),
        ({"errors": "ignore"}, "--invalid-bytes: found 'ignore', expected strict or replace"),
        ({"format": "conll", "errors": "replace"}, "--invalid-bytes: column files are read strictly"),
    ],
)
def test_faulty_readings_are_errors(tmp_path, reading, message):
    (tmp_path / "x").write_text("a O\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read(tmp_path / "x", **reading)
    assert message in str(caught.value)


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["Ada", "met", "Li", ".", "\u00a0", "3.5", " ", "\t", "\n", "\r\n", "\n\n", "\ufeff", "王"]
        )
    ),
    st.sampled_from(["text", "lines", "tokens"]),
    st.integers(1, 4),
)
def test_prediction_and_pretraining_read_the_same_sentences(tmp_path_factory, parts, form, scope):
    path = tmp_path_factory.mktemp("raw") / "x"
    text = "".join(parts)
    path.write_text(text, encoding="utf-8", newline="")
    events = list(read_passages([path], InputSettings(format=form), scope))
    rows = [row for event in events if isinstance(event, Passage) for row in event.rows if row.text]
    words = [tuple(row.words or cut(row.text, Mode.WORDS).words) for row in rows]
    assert words == list(read_words([path], InputSettings(format=form)))
    text = text.removeprefix("\ufeff")
    assert all(text[row.start : row.start + len(row.text)] == row.text for row in rows)
    pieces = [row.text + row.space for event in events for row in event.rows]
    assert "".join(pieces) == text
    assert all(
        row.text[start : start + len(word)] == word
        for row in rows
        for word, start in zip(row.words or (), row.starts or (), strict=True)
    )


def test_passages_of_a_column_file_end_with_their_document(tmp_path):
    path = tmp_path / "x"
    path.write_text("a O\n\nb O\n\nc O\n\n-DOCSTART- O\n\nd O\n", encoding="utf-8")
    passages = list(read_passages([path], InputSettings(format="conll"), 2))
    found = [(passage.doc, [row.text for row in passage.rows]) for passage in passages]
    assert found == [(str(path), ["a", "b"]), (str(path), ["c"]), (f"{path}#1", ["d"])]
    assert list(read_words([path], InputSettings(format="conll"))) == [("a",), ("b",), ("c",), ("d",)]


def test_a_pause_ends_neither_a_line_nor_a_word(tmp_path):
    path = tmp_path / "x"
    path.write_text("One two. Six x\nthree", encoding="utf-8")

    def watch(path, items, pause=Pause()):  # noqa: B008
        for item in items:
            yield from (item[:17], pause, item[17:])

    rows = {
        form: list(read_rows(path, InputSettings(format=form), watch)) for form in ("text", "lines", "tokens")
    }
    assert rows["text"] == [Row(0, "One two.", space=" "), Pause(), Row(9, "Six x\nthree")]
    assert rows["lines"] == [Row(0, "One two. Six x", space="\n"), Pause(), Row(15, "three")]
    assert [row if isinstance(row, Pause) else row.words for row in rows["tokens"]] == [
        ["One", "two.", "Six", "x"], Pause(), ["three"],
    ]  # fmt: skip
    typed = read_rows(path, InputSettings(format="text"), lambda *args: watch(*args, Pause(is_typed=True)))
    assert list(typed)[1].text == "Six x\nth"  # a person waits for an answer


@pytest.mark.parametrize("form", ["lines", "tokens"])
def test_a_lone_carriage_return_ends_a_line_as_in_column_files(tmp_path, form):
    path = tmp_path / "x"
    path.write_bytes(b"one a\rb three.\r\nc\n")
    assert read(path, format=form) == [
        (str(path), 0, "one a"),
        (str(path), 6, "b three."),
        (str(path), 16, "c"),
    ]


def test_a_faulty_file_is_reported_and_the_others_are_read(tmp_path):
    cut = gzip.compress(b"Li came here")[:-9]
    for name, content in (("a.txt", b"One."), ("b.txt", b"\xff\xd8"), ("c.gz", cut), ("d", b"Two.")):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "e").symlink_to("nowhere")
    faults = []
    paths = [tmp_path / "none", tmp_path]
    events = list(read_passages(paths, InputSettings(), 3, on_fault=faults.append))
    assert [row.text for event in events for row in event.rows] == ["One.", "Two."]
    assert [str(fault).removeprefix(f"{tmp_path}/").partition("; ")[0] for fault in faults] == [
        "none: cannot be read: No such file or directory",
        "b.txt:1: byte 0xff at offset 0 is not valid utf-8",
        "c.gz:1: the gzip stream ends too early, expected a whole one",
        "e: cannot be read: No such file or directory",
    ]
    with pytest.raises(DataError, match="none: cannot be read"):
        list(read_passages(paths, InputSettings(), 3))


def test_a_damaged_gzip_stream_is_a_fault_of_its_file(tmp_path):
    packed = bytearray(gzip.compress(bytes(range(32, 127)) * 50))
    packed[30:40] = b"\xff" * 10
    (tmp_path / "x.gz").write_bytes(packed)
    for form in INPUT_FORMATS:
        with pytest.raises(DataError, match=r"x\.gz:?1?: cannot be read: "):
            read(tmp_path / "x.gz", format=form)


def test_what_stands_before_a_fault_is_kept(tmp_path):
    (tmp_path / "x").write_text("a O\n\nb O\n\nc\n", encoding="utf-8")
    faults = []
    events = list(read_passages([tmp_path / "x"], InputSettings(format="conll"), 3, on_fault=faults.append))
    assert [fault.line for fault in faults] == [5]
    assert [[row.text for row in event.rows] for event in events] in ([["a", "b"]], [])


def test_texts_that_are_no_files_have_names_of_their_own():
    events = split_texts(["One. Two.", "a\u00e9"], InputSettings(encoding="latin-1"))
    assert [(event.doc, row.start, row.text) for event in events for row in event.rows] == [
        ("text", 0, "One."), ("text", 5, "Two."), ("text#1", 0, "a\u00e9"),
    ]  # fmt: skip
    (event,) = split_texts(["Ann  met"], InputSettings(format="tokens"))
    assert event.rows[0].words == ["Ann", "met"]


def test_items_that_lie_ready_come_without_pauses():
    assert list(watch_for_pauses(range(100))) == list(range(100))


def test_a_text_at_hand_is_cut_into_passages():
    passages = list(split_text("a", "One. Two. Three.", scope=2))
    assert [[row.text for row in passage.rows] for passage in passages] == [["One.", "Two."], ["Three."]]
    assert {passage.doc for passage in passages} == {"a"}
