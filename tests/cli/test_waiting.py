"""The bar of predict, evaluate, check and convert: on a terminal, from its bytes; and nowhere else."""

from __future__ import annotations

import gzip
import os
import re
import signal
import subprocess
import sys
from itertools import pairwise

import pytest
from terminal import ROOT, run_on_terminal
from toy_models import make_model

from tagger.runtime import directory as files
from tagger.text.files import WatchedFile, read_pieces

pytestmark = pytest.mark.slow


TEXT = "Ada met Li in Paris. " * 30_000
ROWS = "Ada B-PER\nmet O\nLi B-PER\n. O\n\n"
BAR = "━"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model, a text, and a corpus, each worth waiting for."""
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "m").mkdir()
    files.save_model(folder / "m", make_model())
    (folder / "x.txt").write_text(TEXT)
    (folder / "x.conll").write_text(ROWS * 20_000)
    return folder


def shares(written):
    """Return the percentages that were drawn, in their order."""
    return [int(share) for share in re.findall(r"(\d+) %", re.sub(r"\x1b\[[\d;]*m", "", written))]


COMMANDS = {
    "predict": ("predict", "m", "x.txt", "-o", "y"),
    "workers": ("predict", "m", "x.txt", "-o", "y", "--workers", "2"),
    "columns": ("predict", "m", "x.conll", "-o", "y"),
    "evaluate": ("evaluate", "m", "x.conll", "--json"),
    "drift": ("drift", "m", "x.txt", "--reference", "x.conll", "--threshold", "99", "--json"),
    "check": ("check", "x.conll", "--json"),
    "convert": ("convert", "x.conll", "y", "--to", "BIOES"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_bar_comes_grows_and_vanishes(folder, name):
    done = run_on_terminal(COMMANDS[name], folder, out=folder / "out")
    assert done.code == 0
    drawn = shares(done.written)
    assert len(set(drawn)) > 2
    stretches = {"convert": 2, "evaluate": 2, "drift": 2, "check": 3}.get(
        name, 1
    )  # how often it reads the file
    assert sum(after < before for before, after in pairwise(drawn)) < stretches
    assert re.search(r"[\d,]+ (tokens|rows)/s", done.written)
    screen = done.screen
    assert BAR not in screen.text
    assert "/s" not in screen.text or name in ("predict", "workers", "columns")  # which sum up what they did
    assert screen.is_cursor_shown
    assert screen.column == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_results_are_the_same_and_nothing_is_said_when_nothing_shall_be(folder, name):
    words = [sys.executable, "-m", "tagger", *COMMANDS[name]]
    plain = subprocess.run(
        words, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert "\x1b" not in plain.stderr
    assert BAR not in plain.stderr
    has_output = "y" in COMMANDS[name]
    written = (folder / "y").read_bytes() if has_output else b""
    done = run_on_terminal([*COMMANDS[name], "-q"], folder, out=folder / "out")
    assert (done.code, done.written) == (0, "")
    same = r'second[s"]*: [\d.]+'
    assert re.sub(same, "", done.out) == re.sub(same, "", plain.stdout)
    assert not has_output or (folder / "y").read_bytes() == written


def test_what_counts_is_what_was_labelled_not_what_was_read(folder):
    """The text is read by blocks of a quarter of a megabyte, far ahead of the labels."""
    done = run_on_terminal(COMMANDS["predict"], folder)
    tokens = [int(count.replace(",", "")) for count in re.findall(r"([\d,]+) tokens  ", done.written)]
    for share, count in zip(shares(done.written), tokens, strict=True):
        assert abs(share - 100 * count / 180_000) < 3


def test_quick_calls_are_silent(folder, tmp_path):
    (tmp_path / "x.txt").write_text("Ada met Li.")
    done = run_on_terminal(
        ["predict", folder / "m", "x.txt", "-o", "y"], tmp_path, out=tmp_path / "out", is_patient=True
    )
    assert done.written == "1 sentence, 4 tokens -> y\r\n"


def test_results_on_the_terminal_are_alone_there(folder):
    for arguments in (("predict", "m", "x.conll"), ("convert", "x.conll", "-", "--to", "BIOES")):
        done = run_on_terminal(arguments, folder, NO_COLOR="1")
        assert done.code == 0
        assert BAR not in done.written
        assert "\x1b" not in done.written


@pytest.mark.parametrize(
    ("environment", "has_bar", "has_colour"),
    [
        ({}, True, True),
        ({"NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, False, False),
    ],
)
def test_terminals_that_want_less(folder, environment, has_bar, has_colour):
    done = run_on_terminal(COMMANDS["check"], folder, out=folder / "out", **environment)
    assert (BAR in done.written) is has_bar
    assert bool(re.search(r"\x1b\[[\d;]*3\d", done.written)) is has_colour


def test_a_narrow_terminal_has_one_line_of_it(folder):
    for width in (20, 50):
        done = run_on_terminal(COMMANDS["check"], folder, out=folder / "out", width=width)
        assert "\x1b[1A" not in done.written.rpartition("\x1b[?25h")[0]
        assert done.screen.text == ""


def test_no_bar_in_a_pipe_whatever_is_forced(folder):
    done = subprocess.run(
        [sys.executable, "-m", "tagger", *COMMANDS["predict"]],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "FORCE_COLOR": "1"},
        capture_output=True,
        text=True,
    )
    assert BAR not in done.stderr
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("predict", signal.SIGINT),
        ("workers", signal.SIGTERM),
        ("evaluate", signal.SIGTERM),
        ("check", signal.SIGINT),
        ("convert", signal.SIGTERM),
    ],
)
def test_a_signal_takes_the_bar_away(folder, name, number):
    sent = []

    def react(written, process):
        if not sent and written.count(" %") > 1:
            sent.append(process.send_signal(number))

    done = run_on_terminal(COMMANDS[name], folder, out=folder / "out", react=react)
    assert done.code == 128 + number
    assert BAR not in done.screen.text
    assert done.screen.is_cursor_shown
    said = done.screen.text.splitlines()
    if name in ("predict", "workers"):
        assert said[0] == "stopping after the sentences at work (again: leave at once)"
        assert re.fullmatch(r"stopped after .* of x.txt; y holds all results up to there", said[1])
        assert len(said) == 2
    elif name != "convert":
        assert said == []


def test_an_error_stands_alone(folder, tmp_path):
    (tmp_path / "x.txt").write_bytes(TEXT.encode() + b"caf\xe9")
    (tmp_path / "x.conll").write_text(ROWS * 20_000 + "Ada\n")
    done = run_on_terminal(["predict", folder / "m", "x.txt", "-o", "y"], tmp_path, width=300)
    assert BAR in done.written
    held, error = done.screen.text.splitlines()
    assert held.startswith("y holds all results after ")
    assert error.startswith("error: x.txt:1: byte 0xe9 at offset 630003 is not valid utf-8")
    done = run_on_terminal(["convert", "x.conll", "y", "-q"], tmp_path, width=300)
    assert done.screen.text.startswith("error: x.conll:100001: ")


def test_messages_stand_above_the_bar(folder, tmp_path):
    (tmp_path / "x.conll").write_text(ROWS * 20_000)
    (tmp_path / "x.txt").write_text(TEXT)
    (tmp_path / "bad.txt").write_bytes(b"caf\xe9")
    (tmp_path / "z.txt").write_text(TEXT)
    done = run_on_terminal(
        ["predict", folder / "m", "x.txt", "bad.txt", "z.txt", "x.conll", "-o", "y"], tmp_path, width=300
    )
    error, note, summary = done.screen.text.splitlines()
    assert error.startswith("error: bad.txt:1: byte 0xe9")
    assert note.startswith("warning: x.conll: read as ")
    assert summary.endswith(" -> y")
    assert done.code == 1


def test_quiet_keeps_faults(run, folder, tmp_path):
    (tmp_path / "bad.txt").write_bytes(b"caf\xe9")
    (tmp_path / "x.txt").write_text("Ada met Li.")
    (tmp_path / "x.conll").write_text(ROWS)
    (tmp_path / "odd.conll").write_text("Ada NNP B-PER\nmet VBD O\n\n")
    done = run("predict", folder / "m", "x.txt", "bad.txt", "x.conll", "-o", "y", "--quiet")
    assert done.code == 1
    assert re.fullmatch(r"error: bad.txt:1: byte 0xe9 .*\n", done.err)
    done = run("convert", "odd.conll", "y.jsonl", "-q")
    assert done.code == 0
    assert done.err == "warning: column 1 of IN left out: jsonl has no place for it\n"
    assert run("convert", "x.conll", "y", "--to", "BIOES", "-q").err == ""
    assert run("check", "x.conll", "-q").out == run("check", "x.conll").out != ""


def test_input_without_an_end_in_sight_has_no_share(folder):
    """Through a pipe: what was done and how fast, but neither a share nor a time left."""
    os.mkfifo(folder / "fifo")
    feeder = subprocess.Popen(["cp", "x.txt", "fifo"], cwd=folder)
    done = run_on_terminal(["predict", "m", "fifo", "-o", "y"], folder, out=folder / "out")
    assert feeder.wait(30) == 0
    assert re.search(r"labelling [\d,]+ tokens  [\d,]+ tokens/s", re.sub(r"\x1b\[[\d;]*m", "", done.written))
    assert BAR not in done.written
    assert "%" not in done.written


def test_packed_input_has_the_share_of_its_packed_bytes(folder):
    (folder / "x.txt.gz").write_bytes(gzip.compress(os.urandom(1 << 16).hex().encode() * 8 + TEXT.encode()))
    done = run_on_terminal(["predict", "m", "x.txt.gz", "-o", "y"], folder, out=folder / "out")
    assert done.code == 0
    assert max(shares(done.written)) <= 100


def test_nobody_who_types_is_disturbed(folder):
    done = run_on_terminal(["predict", "m", "-", "x.txt", "-o", "y"], folder, typed=b"Ada met Li.\n\x04")
    assert done.code == 0
    assert BAR not in done.written


def test_nothing_of_it_is_imported_where_nobody_watches(folder):
    script = (
        "import sys; sys.argv = ['tagger', 'check', 'x.conll', '--json']\n"
        "from tagger.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print('rich.progress' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_watched_file_adds_up_to_its_size_and_its_lines(tmp_path, is_packed):
    content = b"a line\n" * 100_000
    (tmp_path / "x").write_bytes(gzip.compress(content) if is_packed else content)
    heard = [0, 0]

    def listen(size, lines):
        heard[0] += size
        heard[1] += lines

    file = WatchedFile(tmp_path / "x", listen)
    for _ in range(2):  # read again it begins again
        assert "".join(piece.text for piece in read_pieces(file, "utf-8")) == content.decode()
        assert heard == [(tmp_path / "x").stat().st_size, 100_000]
