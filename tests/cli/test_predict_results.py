"""What `tagger predict` leaves behind: spreadsheets, counts of names, folders for brat, pages."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from commands import start_predict
from toy_models import make_word_model, random_sentences

from tagger.runtime import directory as files

TEXT = "Ada met Li in New York.\r\n\r\n  =Li left 北京, and Paris\nspoke. مرحبا Ada! "


def long_text(count: int) -> str:
    return "\n\n".join(" ".join(words) + "." for words in random_sentences(count))


def spans_of(printed: str) -> list[dict[str, Any]]:
    return [span for line in printed.splitlines() for span in json.loads(line)["spans"]]


def rows_of(written: str) -> list[dict[str, str]]:
    assert written.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(written.removeprefix("\ufeff"), newline="")))


# Spreadsheets.


def test_csv_has_the_spans_of_jsonl(predict):
    code, out, err = predict("x", "--format", "csv", "--min-confidence", "0", x=TEXT)
    assert (code, err) == (0, "")
    spans = spans_of(predict("x", "--min-confidence", "0")[1])
    assert [(int(row["start"]), int(row["end"]), row["type"]) for row in rows_of(out)] == [
        (span["start"], span["end"], span["type"]) for span in spans
    ]
    assert [float(row["confidence"]) for row in rows_of(out)] == [span["confidence"] for span in spans]
    for row in rows_of(out):
        match = " ".join(TEXT[int(row["start"]) : int(row["end"])].split())
        assert row["match"].removeprefix("'") == match
        assert not row["left"].startswith("=")


def test_xlsx_has_the_rows_of_csv(predict, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    pytest.importorskip("xlsxwriter")
    code, out, err = predict("x", "--format", "xlsx", "-o", "y.xlsx", x=TEXT)
    assert (code, out) == (0, "")
    assert err.endswith("-> y.xlsx\n")
    header, *rows = openpyxl.load_workbook(tmp_path / "y.xlsx").active.iter_rows(values_only=True)
    expected = rows_of(predict("x", "--format", "csv")[1])
    assert expected
    assert list(header) == list(expected[0])
    assert [["" if cell is None else f"{cell}" for cell in row] for row in rows] == [
        [cell.removeprefix("'") for cell in row.values()] for row in expected
    ]


def test_words_are_rows(predict, tmp_path):
    (tmp_path / "words").mkdir()
    files.save_model(tmp_path / "words", make_word_model())
    rows = rows_of(predict("x", "--format", "csv", directory="words", x="我爱北京。天安门")[1])
    assert "".join(row["match"] for row in rows) == "我爱北京。天安门"
    assert {row["type"] for row in rows} == {"word"}


def test_a_workbook_is_not_printed(predict, toy_model, tmp_path):
    code, out, err = predict("x", "--format", "xlsx", x=TEXT)
    assert (code, out) == (2, "")
    assert "name its file: --output FILE.xlsx" in " ".join(err.replace("│", " ").split())
    leader, follower = pytest.importorskip("pty").openpty()
    process = start_predict(
        toy_model, str(tmp_path / "x"), "--format", "xlsx", "-o", "/dev/stdout", stdout=follower
    )
    _, err = process.communicate()
    os.close(follower)
    os.close(leader)
    assert (process.returncode, err) == (
        1,
        "error: /dev/stdout: is a terminal, expected a file: the format is no text\n",
    )


@pytest.mark.parametrize("form", ["csv", "xlsx", "html"])
def test_what_can_not_be_written_is_said(predict, tmp_path, form):
    code, _, err = predict("x", "--format", form, "-o", f"none/y.{form}", x=TEXT)
    assert code == 1
    assert err.startswith(f"error: none/y.{form}: cannot be written: No such file or directory")
    if Path("/dev/full").exists():
        code, _, err = predict("x", "--format", form, "-o", "/dev/full")
        assert code == 1
        assert err.startswith("error: /dev/full: cannot be written: No space left on device")
    (tmp_path / "old").write_text("old")
    code, _, err = predict("none", "--format", form, "-o", "old")
    assert (code, (tmp_path / "old").read_text()) == (1, "old")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old", "x"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "end"), [("html", "</html>\n"), ("labelstudio", "]\n"), ("csv", "\r\n"), ("xlsx", "")]
)
def test_results_up_to_a_fault_are_a_whole_document(predict, tmp_path, form, end):
    (tmp_path / "in").write_bytes(b"Ada met Li. " * 50_000 + b"caf\xe9")
    code, _, err = predict("in", "--format", form, "-o", "y.xlsx")
    assert code == 1
    assert "y.xlsx holds all results after " in err
    assert "is not valid utf-8" in err
    if form == "xlsx":
        openpyxl = pytest.importorskip("openpyxl")
        assert openpyxl.load_workbook(tmp_path / "y.xlsx", read_only=True).active.max_row > 1_000
    else:
        assert (tmp_path / "y.xlsx").read_bytes().decode().endswith(end)


def test_nothing_in_gives_a_header(predict, tmp_path):
    assert rows_of(predict("x", "--format", "csv", x="")[1]) == []
    assert "Nothing was found." in predict("x", "--format", "html")[1]
    openpyxl = pytest.importorskip("openpyxl")
    assert predict("x", "--format", "xlsx", "-o", "y.xlsx")[0] == 0
    assert openpyxl.load_workbook(tmp_path / "y.xlsx").active.max_row == 1


def test_workers_write_the_same_rows(predict, monkeypatch):
    monkeypatch.setattr("tagger.runtime.network.Network.chunk_tokens", 100)
    for options in (["--format", "csv"], ["--counts"], ["--counts", "--format", "csv"]):
        expected = predict("x", *options, x=long_text(100))
        assert predict("x", *options, "--workers", "2") == expected
        assert (expected[0], len(expected[1].splitlines()) > 3) == (0, True)


# Names and how often they are found.


def test_counts_are_those_of_the_spans(predict, tmp_path):
    spans = spans_of(predict("x", "--min-confidence", "0.2", x=long_text(200))[1])
    expected = Counter((span["type"], " ".join(span["text"].split())) for span in spans)
    code, out, err = predict("x", "--counts", "--min-confidence", "0.2")
    assert (code, err) == (0, "")
    names = [json.loads(line) for line in out.splitlines()]
    assert {(name["type"], name["text"]): name["count"] for name in names} == expected
    assert [name["count"] for name in names] == sorted(expected.values(), reverse=True)
    for name in names[:20]:
        own = [
            span["confidence"]
            for span in spans
            if (span["type"], " ".join(span["text"].split())) == (name["type"], name["text"])
        ]
        assert name["confidence"] == pytest.approx(sum(own) / len(own), abs=2e-6)
    code, out, err = predict("x", "--counts", "--min-confidence", "0.2", "--format", "csv", "-o", "y")
    assert (code, out) == (0, "")
    assert err.endswith("-> y\n")
    rows = rows_of((tmp_path / "y").read_text(encoding="utf-8"))
    assert [int(row["count"]) for row in rows] == [name["count"] for name in names]


def test_a_name_that_promises_another_format_is_pointed_out(predict, tmp_path):
    _, _, err = predict("x", "-o", "y.csv", x=TEXT)
    assert "warning: y.csv will hold jsonl; --format csv writes what its name says" in err
    assert (tmp_path / "y.csv").read_text(encoding="utf-8").startswith('{"doc"')
    for arguments in (["-o", "y.txt"], ["-o", "y.jsonl"], ["-o", "z.csv", "--format", "csv"]):
        assert "will hold" not in predict("x", *arguments)[2]


def test_counts_of_nothing(predict):
    assert predict("x", "--counts", x="") == (0, "", "")
    assert predict("x", "--counts", "--format", "tsv") == (0, "text\ttype\tcount\tconfidence\n", "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--nbest", "2"], "for --nbest: names are counted in the best reading alone"),
        (["--format", "html"], "for --format: --counts is written as jsonl, csv or tsv, found html"),
        (["--format", "brat", "-o", "y"], "--counts is written as jsonl, csv or tsv, found brat"),
    ],
)
def test_what_does_not_go_with_counts(predict, options, message):
    code, out, err = predict("x", "--counts", *options, x="Ada")
    assert (code, out) == (2, "")
    assert message in " ".join(err.replace("│", " ").split())


def test_counts_are_a_table_on_a_terminal(toy_model, tmp_path):
    (tmp_path / "x").write_text(
        "\n\n".join(f"Ada {n} met \x1b[31m Li." for n in range(300)), encoding="utf-8"
    )
    leader, follower = pytest.importorskip("pty").openpty()
    arguments = [str(tmp_path / "x"), "--counts", "--min-confidence", "0"]
    process = start_predict(toy_model, *arguments, stdout=follower)
    shown = b""
    os.close(follower)
    while part := read_terminal(leader):
        shown += part
    process.communicate()
    os.close(leader)
    table = shown.decode()
    assert "mean confidence" in table
    assert "\x1b[31m" not in table
    assert "more names; --format csv, tsv or jsonl writes all" in table


def read_terminal(leader: int) -> bytes:
    try:
        return os.read(leader, 10_000)
    except OSError:  # the other side is closed
        return b""


@pytest.mark.slow
def test_counts_of_an_interrupted_command_are_those_so_far(toy_model, tmp_path):
    process = start_predict(toy_model, "-", "--counts", "-o", str(tmp_path / "y"))
    process.stdin.write("Ada met Li in Paris. " * 200_000)
    process.stdin.flush()
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped after " in err
    names = [json.loads(line) for line in (tmp_path / "y").read_text(encoding="utf-8").splitlines()]
    assert sum(name["count"] for name in names) > 1_000
    assert len(names) < 100


# Folders for brat.


def check_folder(folder: Path) -> int:
    """Hold the offsets of annotations against the texts beside them; return how many there are."""
    count = 0
    for file in folder.glob("*.ann"):
        text = file.with_suffix(".txt").read_bytes().decode()
        for line in file.read_text(encoding="utf-8").split("\n"):
            if line.startswith("T"):
                _, place, shown = line.split("\t")
                pieces = [part.split() for part in place.partition(" ")[2].split(";")]
                assert (
                    " ".join(text[int(first) : int(last)] for first, last in pieces).replace("\r", " ")
                    == shown
                )
                count += 1
    return count


def test_a_brat_folder_holds_the_texts_and_its_settings(predict, tmp_path):
    docs = {"a.txt": TEXT, "b.txt": f"\ufeff{TEXT}", "c.conll": "Ada O\nmet O\nLi O\n\nLi O\n\n"}
    (tmp_path / "docs").mkdir()
    for name, text in docs.items():
        (tmp_path / "docs" / name).write_text(text, encoding="utf-8", newline="")
    code, out, _ = predict("docs", "--format", "brat", "-o", "out", "--min-confidence", "0")
    assert (code, out) == (0, "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *("a.ann", "a.txt", "annotation.conf", "b.ann", "b.txt", "c.conll.ann", "c.conll.txt", "visual.conf")
    ]
    assert (tmp_path / "out" / "a.txt").read_bytes().decode() == TEXT
    assert (
        tmp_path / "out" / "b.txt"
    ).read_bytes().decode() == TEXT  # a byte-order mark is no part of a text
    assert check_folder(tmp_path / "out") > 5
    assert "\nLOC\nPER\n" in (tmp_path / "out" / "annotation.conf").read_text()


def test_annotations_go_beside_the_texts_they_are_of(predict, tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("Ada met Li.\n", encoding="utf-8")
    assert predict("docs", "--format", "brat", "-o", "docs")[0] == 0
    first = {path.name: path.read_bytes() for path in (tmp_path / "docs").iterdir()}
    assert sorted(first) == ["a.ann", "a.txt", "annotation.conf", "visual.conf"]
    assert (
        predict("docs", "--format", "brat", "-o", "docs")[0] == 0
    )  # neither settings nor annotations are input
    assert {path.name: path.read_bytes() for path in (tmp_path / "docs").iterdir()} == first
    (tmp_path / "a.txt").write_text("Li left Ada.", encoding="utf-8")
    assert (
        predict("a.txt", "docs", "--format", "brat", "-o", "docs")[0] == 0
    )  # the text of another is not written over
    assert (tmp_path / "docs" / "a.txt").read_text(encoding="utf-8") == "Ada met Li.\n"
    assert (tmp_path / "docs" / "a-2.txt").read_text(encoding="utf-8") == "Li left Ada."
    check_folder(tmp_path / "docs")


def test_settings_that_somebody_changed_stay_and_that_is_said(predict, tmp_path):
    assert predict("x", "--format", "brat", "-o", "out", x=TEXT)[0] == 0
    assert "conf" not in predict("x", "--format", "brat", "-o", "out")[2]
    (tmp_path / "out" / "visual.conf").write_text("mine")
    code, _, err = predict("x", "--format", "brat", "-o", "out")
    assert (code, (tmp_path / "out" / "visual.conf").read_text()) == (0, "mine")
    assert "warning: out/visual.conf: was there already and stays as it is" in err


def test_the_standard_input_has_a_text_too(toy_model, tmp_path):
    process = start_predict(toy_model, "-", "--format", "brat", "-o", str(tmp_path / "out"))
    process.communicate("Ada met Li.\n")
    assert (tmp_path / "out" / "stdin.txt").read_text(encoding="utf-8") == "Ada met Li.\n"
