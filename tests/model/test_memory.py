"""Memory that runs out: told in one line, whoever says it, and found before it is taken where sizes tell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tagger.model import memory
from tagger.model.memory import MemoryExhaustedError, check_size, memory_watched


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried"
        ),
        RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB"),
    ],
)
def test_every_way_to_say_it_becomes_one_line(error: Exception) -> None:
    with (
        pytest.raises(MemoryExhaustedError, match=r"^out of memory; give a smaller --hidden$"),
        memory_watched("a smaller --hidden"),
    ):
        raise error


def test_other_errors_stay() -> None:
    with pytest.raises(RuntimeError, match="sizes"), memory_watched("less"):
        raise RuntimeError("sizes must match")


def test_a_network_beyond_the_machines_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A weight takes four bytes, its average and two moments as many each."""
    monkeypatch.setattr(memory, "_memory", lambda: 16_000)
    check_size([(10, 50), (500,)], "less")
    with pytest.raises(MemoryExhaustedError, match=r"out of memory before the first step: .*; give less"):
        check_size([(10, 50), (501,)], "less")
    monkeypatch.setattr(memory, "_memory", lambda: None)  # the system doesn't tell
    check_size([(1 << 20, 1 << 20)], "less")


@pytest.mark.slow
@pytest.mark.parametrize("command", ["train", "pretrain", "encoder"])
def test_a_network_that_does_not_fit_is_one_line(tmp_path: Path, command: str) -> None:
    resource = pytest.importorskip("resource")
    (tmp_path / "c.conll").write_text("Ada B-PER\nleft O\n\n" * 50, encoding="utf-8")
    (tmp_path / "c.txt").write_text("Ada left .\n" * 200, encoding="utf-8")
    options = {
        "train": ("train", "c.conll", "--hidden", "8000"),
        "pretrain": ("pretrain", "c.txt", "--input-format", "tokens", "--hidden", "8000"),
        "encoder": (
            "pretrain",
            "c.txt",
            "--input-format",
            "tokens",
            "--target",
            "encoder",
            "--hidden",
            "8000",
        ),
    }
    done = subprocess.run(
        [sys.executable, "-m", "tagger", *options[command], "-o", "m"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1_800_000 << 10, -1)),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: out of memory")
    assert "--hidden" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
