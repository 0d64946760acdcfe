"""`tagger split` end to end."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from commands import Run

CORPUS = "".join(f"Anna B-PER\nsaw O\nTown{number} B-LOC\n\n" for number in range(20))


def test_three_parts(run: Run, tmp_path: Path) -> None:
    Path("all.conll").write_text(CORPUS, encoding="utf-8")
    done = run("split", "all.conll", "-o", "parts")
    assert done.code == 0, done.err
    assert "20 groups dealt out" in done.err
    assert "16 (80.0 %)" in done.out
    assert sorted(path.name for path in Path("parts").iterdir()) == ["dev.conll", "test.conll", "train.conll"]
    again = run("split", "all.conll", "-o", "parts")
    assert "is there already" in again.error
    assert run("split", "all.conll", "-o", "parts", "--overwrite", "-q").err == ""


def test_what_recurs_is_said(run: Run, tmp_path: Path) -> None:
    rows = [f"-DOCSTART- O\n\nSport O\n\nTown{number} B-LOC\nis O\n\n" for number in range(20)]
    Path("all.conll").write_text("".join(rows), encoding="utf-8")
    done = run("split", "all.conll", "-o", "parts", "--parts", "fit=3,held=1")
    assert "of up to 1 token recur in several parts" in done.err
    assert "documents whole" in done.err
    assert Path("parts/held.conll").exists()


def test_a_pipe(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CORPUS.encode())))
    done = run("split", "-", "-o", "parts", "--parts", "1,1")
    assert done.code == 0, done.err
    assert sorted(path.stem for path in Path("parts").iterdir()) == ["test", "train"]


def test_mistakes_of_users(run: Run, tmp_path: Path) -> None:
    Path("all.conll").write_text(CORPUS, encoding="utf-8")
    assert run("split", "all.conll", "--parts", "80").code == 2
    assert run("split", "all.conll").code == 2
    assert "no sentence" in run("split", "/dev/null", "-o", "parts").error
    Path("file").write_text("x", encoding="utf-8")
    assert "is a file, expected a folder" in run("split", "all.conll", "-o", "file").error
