"""`tagger check --fix` end to end: changes as a linter lists them, then the mended file checked."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from commands import Run

SOUND = "EU B-ORG\nrejects O\ncall O\n\nAda B-PER\nLovelace I-PER\nleft O\n\n" * 4
DIRTY = (
    SOUND.replace("rejects O", "rejects o", 1)
    .replace("call O", "call\t0", 1)
    .replace("EU B-ORG", "EU I-ORG", 1)
)


@pytest.fixture(autouse=True)
def dirty(run: Run, tmp_path: Path) -> None:
    (tmp_path / "dirty.conll").write_text(DIRTY, encoding="utf-8")


def test_changes_are_listed_with_their_lines(run: Run) -> None:
    assert run("check", "dirty.conll").code == 1
    done = run("check", "dirty.conll", "--fix", "-o", "clean.conll")
    assert done.code == 0, done
    assert "dirty.conll:2: 'o' -> 'O'" in done.out
    assert "dirty.conll:3: 'call\\t0' -> 'call 0'" in done.out
    assert "dirty.conll:1: 'I-ORG' -> 'B-ORG'" in done.out
    assert "dirty.conll: 4 changes -> clean.conll" in done.out
    assert "fit for training" in done.out
    assert Path("clean.conll").read_text(encoding="utf-8") == SOUND
    assert Path("dirty.conll").read_text(encoding="utf-8") == DIRTY


def test_the_limit_holds_for_changes_too(run: Run) -> None:
    done = run("check", "dirty.conll", "--fix", "-o", "clean.conll", "--limit", "1")
    assert "mended: tags that stand for O: 2" in done.out
    assert "dirty.conll: and 1 more (--limit 0 lists all)" in done.out


def test_what_cannot_be_mended_is_still_said(run: Run) -> None:
    Path("dirty.conll").write_text(DIRTY + "alone\n", encoding="utf-8")
    done = run("check", "dirty.conll", "--fix", "-o", "clean.conll", "--json")
    assert done.code == 1
    found = json.loads(done.out)
    assert [each["kind"] for each in found["defects"] if each["severity"] == "error"] == ["rows"]
    assert len(found["mended"]["changes"]) == 4


def test_a_pipe(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(DIRTY.encode())))
    done = run("check", "-", "--fix", "-o", "clean.conll")
    assert "<stdin>:2: 'o' -> 'O'" in done.out
    assert Path("clean.conll").read_text(encoding="utf-8") == SOUND


def test_another_encoding_becomes_utf_8(run: Run) -> None:
    Path("dirty.conll").write_bytes(DIRTY.replace("Ada", "Zoë").encode("latin-1"))
    assert run("check", "dirty.conll", "--fix", "-o", "clean.conll", "--encoding", "latin-1").code == 0
    assert "Zoë" in Path("clean.conll").read_text(encoding="utf-8")


def test_a_type_that_is_nearly_another_one_is_asked_about(run: Run) -> None:
    Path("x.conll").write_text(SOUND * 10 + "EU B-OGR\n\nLi B-Per\n", encoding="utf-8")
    out = run("check", "x.conll").out
    assert "type 'OGR' once: 'ORG' (40 times)?" in out
    assert "type 'Per' once: 'PER' (40 times)? check --fix takes it for that" in out


def test_mistakes_of_users(run: Run) -> None:
    for arguments, message in (
        (("dirty.conll", "--fix"), "--fix and --output go together; one is missing"),
        (("dirty.conll", "-o", "x"), "--fix and --output go together; one is missing"),
        (("dirty.conll", "dirty.conll", "--fix", "-o", "x"), "found 2 files, expected one to mend at a time"),
    ):
        done = run("check", *arguments)
        assert (done.code, message in " ".join(done.err.replace("│", " ").split())) == (2, True), done.err
    assert "is also read" in run("check", "dirty.conll", "--fix", "-o", "dirty.conll").error
