"""`tagger predict` end to end: formats, streams, interruptions, and every error a user can make."""

from __future__ import annotations

import gzip
import json
import os
import signal
import time
from pathlib import Path

import pytest
from commands import start_predict
from toy_models import random_sentences


def test_jsonl_is_the_contract(predict):
    text = "Ada met Li in New York. She left."
    code, out, err = predict("x", x=text)
    assert (code, err) == (0, "")
    sentences = [json.loads(line) for line in out.splitlines()]
    assert [(each["doc"], each["start"], each["end"]) for each in sentences] == [("x", 0, 23), ("x", 24, 33)]
    for each in sentences:
        assert list(each) == ["doc", "start", "end", "text", "tokens", "spans"]
        assert text[each["start"] : each["end"]] == each["text"]
        for span in each["spans"]:
            assert list(span) == ["type", "start", "end", "text", "confidence"]
            assert text[span["start"] : span["end"]] == span["text"]
            assert 0 <= span["confidence"] <= 1


def test_formats(predict):
    text = "Ada met Li."
    assert predict("x", "--format", "conll", x=text)[1].splitlines()[0].split("\t")[0] == "Ada"
    assert predict("x", "--format", "tsv")[1].startswith("doc\tstart\tend\ttype\ttext\tconfidence\n")
    assert predict("x", "--format", "html")[1].startswith("<!DOCTYPE html>")
    assert predict("x", "--format", "inline")[1].count("\n") == 1
    found = json.loads(predict("x", "--nbest", "3")[1])
    assert len(found["nbest"]) == 3
    assert found["nbest"][0]["tags"] == [tag for _, _, tag in found["tokens"]]
    assert all(
        span["confidence"] >= 0.9 for span in json.loads(predict("x", "--min-confidence", "0.9")[1])["spans"]
    )


def test_columns_in_give_the_same_columns_out(predict):
    rows = "".join("".join(f"{word} O\n" for word in words) + "\n" for words in random_sentences(30))
    code, out, _ = predict("x", "--input-format", "conll", "--format", "conll", x=rows)
    assert code == 0
    assert [line.split("\t")[0] for line in out.split("\n")] == [
        line.split(" ")[0] for line in rows.split("\n")
    ]


def test_brat_writes_a_file_for_each_document(predict, tmp_path):
    (tmp_path / "docs").mkdir()
    for name in ("a.txt", "b.txt"):
        (tmp_path / "docs" / name).write_text("Ada met Li.", encoding="utf-8")
    assert predict("docs", "docs/a.txt", "--format", "brat", "-o", "out")[0] == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *("a-2.ann", "a-2.txt", "a.ann", "a.txt", "annotation.conf", "b.ann", "b.txt", "visual.conf")
    ]
    code, _, err = predict("docs", "--format", "brat")
    assert code == 1
    assert err == "error: --format: every document needs a file of its own; give a folder with --output\n"


def test_output_goes_to_a_file_and_talk_to_stderr(predict, tmp_path):
    printed = predict("x", x="Ada met Li. She left.")[1]
    code, out, err = predict("x", "--output", "y")
    assert (code, out) == (0, "")
    assert err == "2 sentences, 7 tokens -> y\n"
    assert (tmp_path / "y").read_text(encoding="utf-8") == printed


@pytest.mark.parametrize("output", ["docs", "docs/out", "docs/../docs"])
def test_results_of_many_files_lie_apart_from_them(predict, tmp_path, output):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("Ada met Li.", encoding="utf-8")
    code, out, err = predict("docs", "--ray", "local", "-o", output)
    assert (code, out) == (1, "")
    assert f"error: {output}: lies in docs, which is read" in err
    assert [each.name for each in (tmp_path / "docs").iterdir()] == ["a.txt"]


def test_nothing_in_gives_nothing_out(predict):
    assert predict("x", x="") == (0, "", "")
    assert predict("x", x="\ufeff\n \n\n") == (0, "", "")


def test_workers_change_no_byte(predict, monkeypatch):
    monkeypatch.setattr("tagger.runtime.network.Network.chunk_tokens", 100)
    text = "\n\n".join(" ".join(words) + "." for words in random_sentences(100))
    for format in ("jsonl", "html"):
        expected = predict("x", "--format", format, x=text)
        assert predict("x", "--format", format, "--workers", "2") == expected
        assert expected[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "nothing: cannot be read: No such file or directory"),
        (
            ["x", "--encoding", "ascii"],
            "x:1: byte 0xc3 at offset 3 is not valid ascii; name the file's encoding",
        ),
        (["x", "-o", "nowhere/y"], "nowhere/y: cannot be written: No such file or directory; choose another"),
        (["x", "-o", "x/y", "--format", "brat"], "x/y: cannot be used as a folder: Not a directory"),
    ],
)
def test_errors_are_one_line(predict, arguments, message):
    code, out, err = predict(*arguments, x="Café Ada.")
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {message}")
    assert err.count("\n") == 1


def test_a_model_that_is_none_is_an_error(predict):
    code, _, err = predict("x", directory="x", x="Ada")
    assert code == 1
    assert (
        err
        == "error: x: is a file; expected the directory of a labeller, as `tagger train --output DIR` writes\n"
    )


def test_usage_errors(predict):
    assert predict("x", "--min-confidence", "2", x="")[0] == 2
    assert predict("x", "--workers", "-1")[0] == 2


# What is read.


def test_columns_and_json_are_recognised_and_said(predict):
    code, out, err = predict("x.txt", "--format", "conll", **{"x.txt": "Ada\tB-PER\nmet\tO\n"})
    assert (code, [line.split("\t")[0] for line in out.splitlines()]) == (0, ["Ada", "met", ""])
    assert err == "warning: x.txt: read as columns (conll); --input-format text reads it as running text\n"
    code, out, err = predict("y", y='{"id": 1, "text": "Ada met Li."}\n{"text": "Li left."}\n')
    assert [json.loads(line)["doc"] for line in out.splitlines()] == ["1", "y#2"]
    assert err == "warning: y: read as JSON (jsonl); --input-format text reads it as running text\n"
    code, out, err = predict("y", "--input-format", "text")
    assert (code, err) == (0, "")
    assert json.loads(out.splitlines()[0])["text"].startswith("{")


def test_what_predict_prints_is_read_again_at_its_places(predict, tmp_path):
    text = "Ada met Li. She left.\n\nThen Li came."
    printed = predict("x", "-o", "y.jsonl", x=text)
    assert printed[0] == 0
    first = (tmp_path / "y.jsonl").read_text(encoding="utf-8")
    again = predict("y.jsonl", "--input-format", "jsonl")[1]
    assert [json.loads(line)["start"] for line in again.splitlines()] == [0, 12, 23]
    for line in again.splitlines():
        found = json.loads(line)
        assert found["doc"] == "x"
        assert text[found["start"] : found["end"]] == found["text"]
    assert len(first.splitlines()) == 3


def test_a_text_field_is_found_and_a_broken_line_has_its_place(predict):
    lines = '{"meta": {"body": "Ada met Li."}}\n'
    code, out, err = predict("x", "--input-format", "jsonl", "--text-field", "meta.body", x=lines)
    assert (code, err, json.loads(out)["text"]) == (0, "", "Ada met Li.")
    code, out, err = predict("x", "--input-format", "jsonl", x=lines)
    assert (code, err) == (
        1,
        "error: x:1: found no text (keys: 'meta'), expected a string; name the field that holds the text with "
        "--text-field\n",
    )
    code, _, err = predict("x", "--input-format", "jsonl", x='{"text": "a"}\n{"text": \n')
    assert (code, err) == (1, "error: x:2: found no JSON (Expecting value), expected an object\n")


def test_the_token_column_can_be_named_and_tags_taken_for_tokens_are_noticed(predict):
    rows = "O\tAda\nO\tmet\nB-PER\tLi\n"
    code, out, err = predict("x", "--input-format", "conll", "--format", "conll", x=rows)
    assert (code, [line.split("\t")[0] for line in out.splitlines()]) == (0, ["O", "O", "B-PER", ""])
    assert err == (
        "warning: x: the tokens read from column 0 are tags (3 of the first 3); name the column of the words with "
        "--token-column\n"
    )
    code, out, err = predict("x", "--input-format", "conll", "--format", "conll", "--token-column", "1")
    assert (code, err, [line.split("\t")[0] for line in out.splitlines()]) == (
        0,
        "",
        ["Ada", "met", "Li", ""],
    )


def test_a_text_may_be_given_on_the_command_line(predict):
    code, out, err = predict("--text", "Ada met Li. She left.", "--text", "Li.")
    found = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert [(each["doc"], each["text"]) for each in found] == [
        ("text", "Ada met Li."),
        ("text", "She left."),
        ("text#1", "Li."),
    ]
    code, out, err = predict("Ada met Li.")
    assert (code, out) == (1, "")
    assert err.startswith(
        "error: Ada met Li.: cannot be read: No such file or directory; to label these words"
    )
    assert "--text" in err


def test_one_bad_file_is_reported_and_the_others_are_labelled(predict, tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.txt").write_text("Ada met Li.", encoding="utf-8")
    (folder / "b.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    (folder / "c.txt").write_text("Li left.", encoding="utf-8")
    for workers in ("1", "2"):
        code, out, err = predict("docs", "none", "docs/c.txt", "--workers", workers)
        assert code == 1
        assert [json.loads(line)["doc"] for line in out.splitlines()] == [
            "docs/a.txt",
            "docs/c.txt",
            "docs/c.txt",
        ]
        assert [line.partition(";")[0] for line in sorted(err.splitlines())] == [
            "error: docs/b.jpg:1: byte 0xff at offset 0 is not valid utf-8",
            "error: none: cannot be read: No such file or directory",
        ]
    code, out, err = predict("docs", "--fail-fast")
    assert (code, err.count("\n"), out) == (1, 1, "")
    assert predict("docs", "-o", "y")[0] == 1
    assert len((tmp_path / "y").read_text(encoding="utf-8").splitlines()) == 2


def test_damaged_gzip_is_one_line(predict, tmp_path):
    packed = gzip.compress(bytes(range(32, 127)) * 99)
    (tmp_path / "cut.gz").write_bytes(packed[:-20])
    (tmp_path / "bad.gz").write_bytes(packed[:30] + b"\xff" * 20 + packed[50:])
    code, _, err = predict("cut.gz")
    assert (code, err) == (
        1, "error: cut.gz:1: the gzip stream ends too early, expected a whole one; copy the file again\n",
    )  # fmt: skip
    code, _, err = predict("bad.gz")
    assert code == 1
    assert err.startswith("error: bad.gz:1: cannot be read: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("encoding", ["utf-16"])
def test_a_codec_that_fails_is_one_line(predict, encoding):
    code, out, err = predict("x", "--encoding", encoding, x="Ada met Li.")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("error: x:1: ")


@pytest.mark.parametrize(
    "encoding", ["base64", "hex", "rot13", "zlib", "bz2", "uu", "quopri", "punycode", "undefined"]
)
def test_a_codec_of_no_text_is_wrong_usage(predict, encoding):
    code, out, err = predict("x", "--encoding", encoding, x="Ada met Li.")
    assert (code, out) == (2, "")
    assert "expected a text encoding" in " ".join(err.split())


def test_wrapped_lines_are_joined_where_asked(predict):
    text = "We met in New\nYork with Ann\n- a list -\nLee."
    assert len(predict("x", "--join-lines", x=text)[1].splitlines()) == 1
    assert len(predict("x")[1].splitlines()) > 1


# Pipes and terminals.


def test_a_pause_cuts_neither_a_word_nor_a_name(toy_model):
    process = start_predict(toy_model, "-")
    process.stdin.write("Eve left.\nAda met Li. She went to New")  # a first line tells what the input is
    process.stdin.flush()
    for complete in ("Eve left.", "Ada met Li."):
        assert json.loads(process.stdout.readline())["text"] == complete  # after a pause
    out, err = process.communicate("castle yesterday.\n")
    assert ([json.loads(line)["text"] for line in out.splitlines()], err) == (
        ["She went to Newcastle yesterday."],
        "",
    )


def test_a_pipe_is_answered_line_by_line(toy_model):
    process = start_predict(toy_model, "-")
    for number in range(3):
        process.stdin.write(f"Ada met Li, {number}.\n")
        process.stdin.flush()
        began = time.monotonic()
        assert json.loads(process.stdout.readline())["text"] == f"Ada met Li, {number}."
        assert number == 0 or time.monotonic() - began < 1.0
    out, err = process.communicate()
    assert (out, err, process.returncode) == ("", "", 0)


def test_a_pipe_gives_what_a_file_gives(predict, toy_model):
    text = "\n".join(" ".join(words) + "." for words in random_sentences(300))
    expected = predict("x", x=text)[1].replace('"doc": "x"', '"doc": "-"')
    process = start_predict(toy_model)
    assert process.communicate(text) == (expected, "")


def test_a_closed_pipe_ends_quietly(toy_model):
    process = start_predict(toy_model, "-")
    process.stdin.write("Ada.\n")
    process.stdin.flush()
    process.stdout.readline()
    process.stdout.close()
    process.stdin.write("Li.\n")
    process.stdin.flush()  # and it stays open: nobody waits for its end
    assert process.wait(20) == 0
    assert process.stderr.read() == ""
    process.stdin.close()
    process.stderr.close()


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_an_interrupted_command_leaves_whole_lines_and_says_where_it_stopped(toy_model, tmp_path, workers):
    path, output = tmp_path / "x", tmp_path / "y"
    path.write_text("Ada met Li in Paris. " * 200_000, encoding="utf-8")
    process = start_predict(toy_model, str(path), "-o", str(output), "--workers", workers)
    until = time.monotonic() + 60
    while not any(part.stat().st_size for part in tmp_path.glob(".y.*.partial")) and time.monotonic() < until:
        time.sleep(0.05)
    assert not output.exists()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    written = output.read_text(encoding="utf-8")
    last = json.loads(written.splitlines()[-1])
    assert written.endswith("\n")
    place = f"stopped after {written.count(chr(10)):,} sentences, at character {last['end']:,} of {path}"
    assert place in " ".join(err.split())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_full_disk_is_an_error(toy_model, tmp_path):
    (tmp_path / "x").write_text("Ada.", encoding="utf-8")
    with open("/dev/full", "w") as full:  # noqa: PTH123
        process = start_predict(toy_model, str(tmp_path / "x"), stdout=full)
        _, err = process.communicate()
    assert (process.returncode, err) == (1, "error: <stdout>: cannot be written: No space left on device\n")


def test_a_person_sees_coloured_spans_and_no_control_characters(toy_model, tmp_path):
    (tmp_path / "x").write_text("Ada \x1b[31m met Li.", encoding="utf-8")
    leader, follower = pytest.importorskip("pty").openpty()
    process = start_predict(toy_model, str(tmp_path / "x"), stdout=follower)
    process.communicate()
    os.close(follower)
    shown = os.read(leader, 10_000).decode()
    os.close(leader)
    assert "\\x1b" in shown
    assert "\x1b[31m" not in shown
    assert "\x1b[97;48;5;" in shown
