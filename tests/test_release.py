"""The release check on changelogs, archives and answers that were made by hand."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from tools import release
from tools.release import UnfitError

CHANGELOG = """\
# Changelog

Newest first.

## Unreleased

- Something.

## 1.10.0 (2026-11-30)

### Added

- One thing.
  ## no heading

## 1.1.0

- Without a date.

## 1.0.0 (2026-01-01)

## What stays
"""
TRACKED = ("README.md", "tagger/__init__.py", "tagger/py.typed", "tests/test_a.py")


def test_notes_are_those_of_one_version() -> None:
    assert release.read_notes(CHANGELOG, "1.10.0") == "### Added\n\n- One thing.\n  ## no heading\n"
    assert release.read_notes(CHANGELOG, release.UNRELEASED) == "- Something.\n"


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("1.1", r'expected a section "## 1\.1 \(YYYY-MM-DD\)", found Unreleased, 1\.10\.0, 1\.1\.0, 1\.0\.0'),
        ("1.1.0", r"expected a date in the heading"),
        ("1.0.0", r"the section 1\.0\.0 is empty"),
    ],
)
def test_a_version_without_notes_is_not_released(version: str, message: str) -> None:
    with pytest.raises(UnfitError, match=message):
        release.read_notes(CHANGELOG, version)


def test_a_place_with_another_version_is_named(tmp_path: Path) -> None:
    for name in ("tagger", "docs"):
        (tmp_path / name).mkdir()
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n', encoding="utf-8")
    (tmp_path / "tagger/version.py").write_text('__version__ = "1.2.0"\n', encoding="utf-8")
    (tmp_path / "CITATION.cff").write_text("cff-version: 1.2.0\nversion: 1.1.0\n", encoding="utf-8")
    (tmp_path / "docs/deploy.md").write_text("image: registry.example.org/tagger:1.2.0\n", encoding="utf-8")
    with pytest.raises(UnfitError, match=r"CITATION\.cff: found version 1\.1\.0, expected 1\.2\.0"):
        release.read_version(tmp_path)
    (tmp_path / "CITATION.cff").write_text("cff-version: 1.2.0\nversion: 1.2.0\n", encoding="utf-8")
    assert release.read_version(tmp_path) == "1.2.0"


def pack_wheel(path: Path, names: list[str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in (*names, "tagger-1.dist-info/METADATA"):
            archive.writestr(name, "")
    return path


def pack_source(path: Path, names: list[str]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name in (*names, "PKG-INFO"):
            archive.addfile(tarfile.TarInfo(f"tagger-1/{name}"), io.BytesIO())
    return path


def test_archives_hold_what_git_tracks(tmp_path: Path) -> None:
    release.check_contents(pack_wheel(tmp_path / "a.whl", [*TRACKED[1:3]]), TRACKED)
    release.check_contents(pack_source(tmp_path / "a.tar.gz", [*TRACKED]), TRACKED)
    with pytest.raises(UnfitError, match=r"b\.whl lacks tagger/py\.typed \(1 in all\)"):
        release.check_contents(pack_wheel(tmp_path / "b.whl", ["tagger/__init__.py"]), TRACKED)
    with pytest.raises(UnfitError, match=r"c\.whl holds what git doesn't track: tests/test_a\.py"):
        release.check_contents(pack_wheel(tmp_path / "c.whl", [*TRACKED[1:]]), TRACKED)
    with pytest.raises(UnfitError, match=r"d\.tar\.gz holds what git doesn't track: models/m \(1 in all\)"):
        release.check_contents(pack_source(tmp_path / "d.tar.gz", [*TRACKED, "models/m"]), TRACKED)


def test_findings_are_read_from_what_pip_audit_prints() -> None:
    """Its JSON, by its documentation."""
    printed = """{"dependencies": [
        {"name": "flask", "version": "0.5", "vulns": [
            {"id": "PYSEC-2019-179", "fix_versions": ["1.0"], "aliases": [], "description": "..."}]},
        {"name": "jinja2", "version": "3.0.2", "vulns": []}
    ], "fixes": []}"""
    assert release.read_findings(printed) == ["flask 0.5: PYSEC-2019-179"]
    passed_over = printed.replace('"version": "3.0.2", "vulns": []', '"skip_reason": "could not be audited"')
    with pytest.raises(ValueError, match=r"could not be audited \(1 of 2 packages\)"):
        release.read_findings(passed_over)
    with pytest.raises(ValueError, match="Expecting value"):
        release.read_findings("")


def test_a_tag_of_another_version_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"--tag: found v99\.0\.0, expected v\d"):
        release.main(["--tag", "v99.0.0"])
    assert capsys.readouterr().out == ""
