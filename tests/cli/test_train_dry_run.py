"""`tagger train --dry-run`: estimates on stdout, and not a byte on the disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tagger.cli.tables import rehearsal_table
from tagger.training import rehearsal
from tagger.training.rehearsal import Rehearsal


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    monkeypatch.setattr(rehearsal, "STEPS_SECONDS", 0.05)


def snapshot() -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in [Path(), *Path().rglob("*")]}


def test_estimates_are_printed_and_the_directory_is_not_made(train):
    before = snapshot()
    done = train("--dev", "ten.conll", "--dry-run", "--seeds", "3")
    assert done.code == 0
    for shown in ("parameters", "MB resident at the peak", "tokens/s, 1 worker", "2 epochs each of 3 seeds"):
        assert shown in done.out
    assert "scheme IOB2: " in done.err
    assert "model written" not in done.err
    assert snapshot() == before


def test_a_model_that_is_there_is_not_touched(train):
    train("--dev", "ten.conll")
    before = snapshot()
    facts = json.loads(train("--dev", "ten.conll", "--dry-run", "--json").out)
    assert {"parameters", "peak_bytes", "tokens_per_second", "seconds", "seeds"} <= set(facts)
    assert snapshot() == before


def test_a_faulty_corpus_is_an_error_as_in_the_run(train):
    Path("dev.conll").write_text("a O\nb\n", encoding="utf-8")
    assert train("--dev", "dev.conll", "--dry-run").error.startswith("dev.conll:2: found 1 column")


def test_long_runs_are_given_in_hours_and_faults_are_told(capsys):
    from rich.console import Console

    found = Rehearsal(
        parameters=5,
        parameter_bytes=80,
        peak_bytes=None,
        workers=2,
        steps=7,
        skipped=2,
        loss=1.0,
        tokens_per_second=1000.0,
        scored_per_second=2000.0,
        epoch_seconds=95.0,
        seconds=3700.0,
    )
    Console(width=80).print(rehearsal_table(found, 3, 1))
    out = capsys.readouterr().out
    for shown in ("1:35 min", "1:01 h", "unknown", "2 workers", "2 of them without a finite gradient"):
        assert shown in out
