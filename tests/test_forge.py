"""What a forge reads: forms and citation fit their schemas, versions agree, the workflow tests what is promised."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tools import release

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
SCHEMAS = {
    "vendor.github-workflows": [WORKFLOW],
    "vendor.github-issue-config": [form for form in FORMS if form.name == "config.yml"],
    "vendor.github-issue-forms": [form for form in FORMS if form.name != "config.yml"],
    "vendor.citation-file-format": [ROOT / "CITATION.cff"],
}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_what_a_forge_reads_fits_its_schema(schema: str) -> None:
    pytest.importorskip("check_jsonschema")
    assert SCHEMAS[schema]
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        schema,
        *map(str, SCHEMAS[schema]),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_place_names_the_same_version() -> None:
    assert release.read_version(ROOT) == PROJECT["version"]
    assert PROJECT["license"] in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_the_changelog_is_one_that_a_release_can_read() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    is_released = f"## {PROJECT['version']} (" in changelog
    assert release.read_notes(changelog, PROJECT["version"] if is_released else release.UNRELEASED)


def test_the_workflow_tests_the_pythons_that_the_project_names() -> None:
    named = {name.rpartition(" ")[2] for name in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", name)}
    (row,) = re.findall(r"^        python: \[(.*)\]$", WORKFLOW.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r'"(3\.\d+)"', row)) == named
    assert min(named, key=lambda each: int(each[2:])) == PROJECT["requires-python"].removeprefix(">=")


def test_what_the_workflow_and_the_hooks_call_is_there() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    text = WORKFLOW.read_text(encoding="utf-8") + hooks
    called = set(re.findall(r"(?<![\w/.])((?:\.ci|tools|tests)/[\w./]*\w)", text))
    assert {".ci/run", "tools/release.py", "tests/test_floors.py"} <= called
    assert {path for path in called if not (ROOT / path).exists()} == set()
    extras = set(re.findall(r"'\.\[(\w+)\]'", text))
    assert extras <= set(PROJECT["optional-dependencies"])
