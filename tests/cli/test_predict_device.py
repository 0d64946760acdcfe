"""`tagger predict --device cuda --workers N` end to end, with PyTorch on the CPU in the place of the GPU; slow."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The process that holds the device is told to take the CPU where the user says cuda; all else is the command.
SCRIPT = """
from tagger.model import device_process
held_by_process = device_process.held_by_process
device_process.held_by_process = lambda model, name: held_by_process(model, {"cuda": "cpu"}[name])
from tagger.__main__ import main
main()
"""
NAMES = {"holder": b"multiprocessing.spawn", "worker": b"from tagger.__main__ import main"}


def start(folder: Path, model: str, *words: str) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-c",
        SCRIPT,
        "predict",
        model,
        "x",
        "--device",
        "cuda",
        "--workers",
        "2",
        *words,
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True, **pipes)


def find_children(parent: int) -> dict[int, bytes]:
    """Return the processes that a process has started, and how they were called."""
    found = {}
    for each in Path("/proc").glob("[0-9]*"):
        try:
            ours = int((each / "stat").read_text().rpartition(")")[2].split()[1]) == parent
            if ours:
                found[int(each.name)] = (each / "cmdline").read_bytes()
        except OSError:
            continue
    return found


def are_gone(processes: Iterable[int]) -> bool:
    """Say whether processes have ended, or do so within seconds; zombies have, whose parent is gone."""

    def lives(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    until = time.monotonic() + 20
    while any(map(lives, processes)) and time.monotonic() < until:
        time.sleep(0.1)
    return not any(map(lives, processes))


def wait_for_results(folder: Path) -> None:
    until = time.monotonic() + 60
    while not any(each.stat().st_size for each in folder.glob(".y.*.partial")) and time.monotonic() < until:
        time.sleep(0.05)


@pytest.mark.slow
def test_the_answers_are_those_of_the_cpu_in_their_order(toy_model, predict, tmp_path):
    (tmp_path / "x").write_text("Ada met Li in New York. She left.\n\n" * 30_000)
    code, expected, _ = predict("x", "--format", "inline")
    with start(tmp_path, toy_model, "--format", "inline") as process:
        found, err = process.communicate(timeout=120)
    assert (code, process.returncode, err) == (0, 0, "")
    assert found == expected


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are found in /proc")
@pytest.mark.parametrize(
    ("victim", "message"),
    [
        ("holder", "error: the process that holds the device was killed, perhaps for lack of memory"),
        ("worker", "error: a worker process was killed, perhaps for lack of memory; give fewer --workers"),
    ],
)
def test_a_killed_process_is_one_line_and_what_is_written_is_whole(toy_model, tmp_path, victim, message):
    (tmp_path / "x").write_text("Ada met Li in New York. " * 200_000)
    with start(tmp_path, toy_model, "-o", "y") as process:
        wait_for_results(tmp_path)
        children = find_children(process.pid)
        os.kill(next(pid for pid, name in children.items() if NAMES[victim] in name), signal.SIGKILL)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    told, last = err.splitlines()
    assert last == message
    assert told.startswith("y holds all results after ")
    assert (tmp_path / "y").read_text().endswith("}\n")
    assert are_gone(children)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_command_that_ends_leaves_no_process_behind(toy_model, tmp_path, number):
    (tmp_path / "x").write_text("Ada met Li in New York. " * 200_000)
    with start(tmp_path, toy_model, "-o", "y") as process:
        wait_for_results(tmp_path)
        children = find_children(process.pid)
        assert len(children) >= 3
        os.killpg(process.pid, number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == (130 if number == signal.SIGINT else -9)
    assert "Traceback" not in err
    assert are_gone(children)
    if number == signal.SIGINT:
        assert "y holds all results up to there" in err
        assert (tmp_path / "y").read_text().endswith("}\n")
