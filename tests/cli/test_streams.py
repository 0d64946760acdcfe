"""Standard streams, paths and endings that every command shares."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import TINY
from toy_models import make_model

from tagger.cli import streams
from tagger.runtime import directory as files

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    directory = tmp_path_factory.mktemp("model")
    files.save_model(directory, make_model())
    return directory


def shell(line, folder, **more):
    """Run a line of a shell in which `tagger` is the program."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TAGGER": f"{sys.executable} -m tagger"} | more
    environment.pop("FORCE_COLOR", None) if "FORCE_COLOR" not in more else None
    return subprocess.run(
        ["bash", "-c", line.replace("tagger", "$TAGGER")],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_lines_end_as_they_are_where_a_system_has_others(monkeypatch):
    """Windows gives a program streams that write CR LF for every line end."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, "cp1252", newline="\r\n")
    monkeypatch.setattr(sys, "stdout", stream)
    streams.prepare_streams()
    print("Zoë\r\n北京")
    stream.flush()
    assert raw.getvalue() == "Zoë\r\n北京\n".encode()


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("tagger predict m <&-", 1, "error: <stdin>: cannot be read: is closed, expected an open one"),
        ("tagger check - <&-", 1, "<stdin>: cannot be read: is closed, expected an open one"),
        ("tagger convert - out <&-", 1, "error: <stdin>: is closed, expected an open one"),
        ("tagger predict m x.txt >&-", 1, "error: <stdout>: "),
        ("tagger check x.conll >&-", 1, "error: <stdout>: "),
        ("tagger convert x.conll - >&-", 1, "error: <stdout>: "),
        ("tagger config >&-", 1, "error: <stdout>: "),
        ("tagger predict m x.txt -o out <&- >&-", 0, "1 sentence, 4 tokens -> out"),
        ("tagger predict m x.txt 2>&-", 0, ""),
        ("tagger predict m nothing 2>&-", 1, ""),
        ("tagger predict m x.txt 0<&- 1>&- 2>&-", 1, ""),
    ],
)
def test_closed_streams_are_one_line(model, tmp_path, line, code, message):
    (tmp_path / "m").symlink_to(model)
    (tmp_path / "x.txt").write_text("Ada met Li.")
    (tmp_path / "x.conll").write_text("Ada B-PER\nmet O\n\n" * 2)
    done = shell(line, tmp_path)
    assert done.returncode == code, done.stderr
    assert message in done.stdout + done.stderr
    assert done.stderr.count("error: ") <= 1
    assert "Traceback" not in done.stderr


def wait_until_asleep(pid):
    """Wait until a process waits for something, and goes on doing so: imports are over, however slow they were."""
    asleep = 0
    while asleep < 20:
        time.sleep(0.025)
        state = Path(f"/proc/{pid}/stat")
        asleep += (
            1 if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "S" else -asleep
        )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["predict m", "check -", "convert - out", "score -"])
def test_a_waiting_command_ends_as_it_is_asked_to(model, tmp_path, command, number):
    (tmp_path / "m").symlink_to(model)
    words = [sys.executable, "-X", "importtime", "-m", "tagger", *command.split()]
    process = subprocess.Popen(
        words,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stderr:  # once this is imported the signals are handled
        if line.endswith(" tagger.cli\n"):
            break
    wait_until_asleep(process.pid)
    process.send_signal(number)
    process.wait(30)  # while the pipe is open: its end would end the command, too
    out, err = process.communicate()
    said = [line for line in err.splitlines() if not line.startswith("import time:")]
    assert process.returncode == 128 + number, said
    assert out == ""
    assert not [line for line in said if "Abort" in line or "Traceback" in line]
    assert [each.name for each in tmp_path.iterdir()] == ["m"]


def test_an_empty_path_is_wrong_usage(run, tmp_path):
    (tmp_path / "x.conll").write_text("Ada B-PER\n\n")
    for arguments in (
        ("convert", "x.conll", ""),
        ("convert", "", "y"),
        ("predict", "m", ""),
        ("predict", ""),
        ("predict", "m", "x", "-o", ""),
        ("predict", "m", "x", "--output="),
        ("evaluate", "m", ""),
        ("score", "x.conll", ""),
        ("check", "x.conll", ""),
        ("inspect", "m", "--svg", ""),
        ("train", "x.conll", "-o", ""),
        ("train", "x.conll", "-o", "m", "--dev", ""),
        ("train", "x.conll", "-o", "m", "--gazetteer", ""),
        ("pretrain", "", "-o", "m"),
        ("generate", ""),
    ):
        done = run(*arguments)
        assert (done.code, done.out) == (2, ""), arguments
        assert "found an empty path, expected a name" in done.err
    assert [each.name for each in tmp_path.iterdir()] == ["x.conll"]


def test_an_output_is_never_an_input(model, run, tmp_path):
    (tmp_path / "same.txt").write_text("Ada met Li.")
    (tmp_path / "link").symlink_to("same.txt")
    (tmp_path / "x.conll").write_text("Ada B-PER\n\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/a.txt").write_text("Ada met Li.")
    before = (model / "config.toml").read_bytes()
    for arguments in (
        ("predict", model, "same.txt", "-o", "same.txt"),
        ("predict", model, "same.txt", "-o", "link"),
        ("predict", model, "link", "-o", "same.txt"),
        ("predict", model, "folder", "-o", "folder/a.txt"),
        ("predict", model, "same.txt", "-o", model / "config.toml"),
        ("convert", "x.conll", "x.conll", "--to", "BIOES"),
        ("evaluate", model, "x.conll", "--report", "x.conll"),
        ("score", "x.conll", "x.conll", "--report", "x.conll"),
        ("inspect", model, "--svg", model / "config.toml"),
    ):
        done = run(*arguments)
        assert (done.code, done.out) == (1, ""), arguments
        assert "is also read, expected another file to write to; choose another" in done.err
    assert (tmp_path / "same.txt").read_text() == (tmp_path / "folder/a.txt").read_text() == "Ada met Li."
    assert (tmp_path / "x.conll").read_text() == "Ada B-PER\n\n"
    assert (model / "config.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("nomodel", "in.txt"), 1),
        (("m", "nothing"), 1),
        (("m", "in.txt", "--input-format", "bogus"), 2),
        (("m", "in.txt", "--encoding", "nonsense"), 2),
        (("m", "latin.txt"), 1),
    ],
)
def test_a_fault_before_the_first_result_leaves_the_old_output(model, run, tmp_path, arguments, code):
    (tmp_path / "m").symlink_to(model)
    (tmp_path / "in.txt").write_text("Ada met Li.")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    (tmp_path / "precious").write_text("old")
    assert run("predict", *arguments, "-o", "precious").code == code
    assert (tmp_path / "precious").read_text() == "old"
    assert not list(tmp_path.glob(".*"))


def test_results_so_far_are_kept_where_the_input_is_at_fault_later(model, run, tmp_path):
    (tmp_path / "in.txt").write_bytes(b"Ada met Li. " * 50_000 + b"caf\xe9")
    (tmp_path / "out").write_text("old")
    done = run("predict", model, "in.txt", "-o", "out")
    assert done.code == 1
    written = (tmp_path / "out").read_text().splitlines()
    assert f"out holds all results after {len(written):,} sentences, at character" in done.err
    assert len(written) > 10_000


def test_file_names_that_are_no_text(model, tmp_path):
    (tmp_path / "m").symlink_to(model)
    (tmp_path / os.fsdecode(b"\xff.txt")).write_text("Ada met Li.")
    for form in ("jsonl", "conll", "html", "tsv", "labelstudio"):
        done = shell(f"tagger predict m $'\\xff.txt' --format {form} -o $'\\xfe.{form}'", tmp_path)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / os.fsdecode(b"\xfe." + form.encode())).stat().st_size
    done = shell("tagger check $'\\xfd'", tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)


@pytest.mark.parametrize(
    ("wish", "environment", "is_terminal", "expected"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"TERM": "dumb"}, True, False),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("always", {"NO_COLOR": "1", "TERM": "dumb"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_colours_are_used_where_they_are_wanted(monkeypatch, wish, environment, is_terminal, expected):
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal, raising=False)
    assert streams.wants_colour(wish) is expected


def test_without_colours_spans_stand_in_brackets(model, run, tmp_path):
    (tmp_path / "x.txt").write_text("Ada met Li.")
    coloured = run("predict", model, "x.txt", "--color", "always", "--min-confidence", "0").out
    assert "\x1b[" in coloured
    assert run("predict", model, "x.txt", "--color", "never").out.startswith('{"doc"')


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_commands_are_imported_ends_them_quietly(number):
    script = (
        "import os, sys\n"
        "class Signalling:\n"
        "    def find_spec(self, name, *more):\n"
        f"        if name == 'tagger.cli.check': os.kill(os.getpid(), {int(number)})\n"
        "sys.meta_path.insert(0, Signalling())\n"
        "from tagger.__main__ import main\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (128 + number, "", "")


def test_a_signal_to_the_workers_too_is_a_stop(model, tmp_path):
    (tmp_path / "x").write_text("Ada met Li in Paris. " * 200_000)
    words = [sys.executable, "-m", "tagger", "predict", model, "x", "-o", "y", "--workers", "2"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        words, cwd=tmp_path, env=environment, start_new_session=True, stderr=pipe, text=True
    )
    until = time.monotonic() + 60
    while not any(each.stat().st_size for each in tmp_path.glob(".y.*")) and time.monotonic() < until:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 143, err
    assert "y holds all results up to there" in err
    assert (tmp_path / "y").read_text().endswith("\n")


def test_a_stop_before_the_first_result_leaves_the_old_output(model, tmp_path):
    (tmp_path / "y").write_text("old")
    words = [sys.executable, "-m", "tagger", "predict", model, "-", "-o", "y"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    process = subprocess.Popen(words, cwd=tmp_path, env=environment, stdin=pipe, stderr=pipe, text=True)
    until = time.monotonic() + 60
    while not list(tmp_path.glob(".y.*")) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.wait(30)
    _, err = process.communicate()
    assert process.returncode == 130
    assert "stopped before the first sentence; y is as it was" in err
    assert [each.read_text() for each in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize("source", ["c/a.ann", "c/a.txt", "c"])
def test_neither_half_of_a_brat_pair_is_written_over(run, tmp_path, source):
    (tmp_path / "c").mkdir()
    pair = {"a.txt": "Ada met Li.", "a.ann": "T1\tPER 0 3\tAda\n"}
    for name, content in pair.items():
        (tmp_path / "c" / name).write_text(content)
    for name in pair:
        for form in ("conll", "brat"):
            done = run("convert", source, f"c/{name}", "--format", form)
            assert done.code == 1
            assert "is also read, expected another file to write to; choose another OUT" in done.err
    assert {each.name: each.read_text() for each in (tmp_path / "c").iterdir()} == pair


def test_a_report_that_an_earlier_run_left_beside_the_model_is_replaced(model, run, tmp_path):
    (tmp_path / "x.conll").write_text("Ada B-PER\nmet O\n\n")
    for _ in range(2):
        assert run("evaluate", model, "x.conll", "--report", model / "report.html").code == 0
    (model / "report.html").unlink()


def test_training_on_files_whose_names_are_not_utf_8(run, tmp_path):
    corpus, names, place = (os.fsdecode(name) for name in (b"\xff.conll", b"\xfe.txt", b"\xfd"))
    (tmp_path / corpus).write_text("Ada B-PER\nmet O\n\n" * 12)
    (tmp_path / names).write_text("Ada\n")
    done = run("train", corpus, "--dev", corpus, "-o", place, "--gazetteer", names, "--seeds", "2", *TINY)
    assert done.code == 0, done.err
    assert f"`{ascii(corpus)[1:-1]}`" in (tmp_path / place / "README.md").read_text()
    assert run("predict", place, names).code == 0


def test_json_holds_nothing_that_a_terminal_obeys(run, tmp_path):
    (tmp_path / "x.conll").write_text("Ada B-\x9b31m\nmet O\n\n", encoding="utf-8")
    outs = [run(*words, "--json").out for words in (("check", "x.conll"), ("score", "x.conll", "x.conll"))]
    assert not any("\x9b" in out for out in outs)
    checked, scored = map(json.loads, outs)
    assert (list(checked["files"][0]["types"]), list(scored["types"])) == (["\x9b31m"], ["\x9b31m"])
