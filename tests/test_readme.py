"""README.md does what it says: its commands and its Python run as printed, where only what they need is present."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tagger.text.conll import read_corpus
from tagger.text.schemes import Scheme

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
INSTALLS = re.compile(r"python3 -m venv \.venv && \.venv/bin/pip install -q -c constraints\.txt (\S+) && ")


class Block(NamedTuple):
    """A fenced block: the language after the fence, and its text."""

    language: str
    text: str


BLOCKS = [Block(*found) for found in re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)]


def list_commands() -> list[str]:
    """List the lines of the shell blocks, without their comments."""
    lines = [line for block in BLOCKS if block.language == "sh" for line in block.text.splitlines()]
    return [re.sub(r"\s+# .*", "", line) for line in lines]


def find_command(word: str) -> str:
    """Return the one command that installs and then runs `word`, as it is printed."""
    (command,) = (line for line in list_commands() if "pip install" in line and word in line)
    return command


def run(command: str, folder: Path, codes: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
    """Run a command of the README in a folder where `tagger` and `.venv/bin/tagger` are the ones under test."""
    scripts = folder / ".venv" / "bin"
    scripts.mkdir(parents=True, exist_ok=True)
    script = scripts / "tagger"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m tagger "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=900,
        check=False,
    )
    assert done.returncode in codes, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done


@pytest.fixture(scope="module")
def main_job(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Run the main job, less its installation, and return its folder and what it printed."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "data", folder / "data")
    return folder, run(INSTALLS.sub("", find_command("tagger train")), folder)


def test_both_lines_install_from_the_constraints() -> None:
    for word, what in (("tagger train", "'.[train]'"), ("-m pytest", "'.[dev]'")):
        installed = INSTALLS.match(find_command(word).replace("-e ", ""))
        assert installed is not None
        assert installed[1] == what


def test_constraints_name_every_dependency() -> None:
    pinned = {
        line.partition("==")[0].lower()
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    }
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    needed = [
        name
        for group in ("dependencies", "train", "dev", "parquet", "ray")
        for listed in re.findall(rf"^{group} = \[(.*?)\]$", settings, re.MULTILINE | re.DOTALL)
        for name in re.findall(r'"([A-Za-z0-9_-]+)(?:\[[a-z]+\])?[>=<]', listed)
    ]
    assert len(needed) >= 12
    assert {name.lower() for name in needed} <= pinned


@pytest.mark.slow
def test_the_main_job_trains_scores_and_labels(
    main_job: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, done = main_job
    for name in ("english", "chinese"):
        scores = json.loads((folder / "models" / name / "scores.json").read_text(encoding="utf-8"))
        assert scores["dev"]["micro"]["f1"] > 0.9
        assert scores["test"]["micro"]["f1"] > 0.9
        assert (folder / "models" / name / "model.safetensors").is_file()
    text = (folder / "data" / "english.txt").read_text(encoding="utf-8")
    labelled = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"doc"')]
    spans = [span for sentence in labelled for span in sentence["spans"]]
    assert len(spans) >= 20
    for span in spans:
        assert text[span["start"] : span["end"]] == span["text"]
        assert 0 <= span["confidence"] <= 1


@pytest.mark.slow
def test_the_python_of_the_readme_runs(
    main_job: tuple[Path, subprocess.CompletedProcess[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = main_job
    monkeypatch.chdir(folder)
    blocks = [block.text for block in BLOCKS if block.language == "python"]
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})


@pytest.mark.slow
def test_the_other_commands_run_on_files_of_those_names(tmp_path: Path) -> None:
    for part, size in (("train", 60), ("dev", 20), ("test", 20)):
        blocks = (
            (ROOT / "data" / "english" / f"{part}.conll").read_text(encoding="utf-8").split("\n\n")[:size]
        )
        (tmp_path / f"{part}.conll").write_text("\n\n".join(blocks) + "\n", encoding="utf-8")
        words = tmp_path / "data" / "words" / f"{part}.pos"
        words.parent.mkdir(parents=True, exist_ok=True)
        lines = (ROOT / "data" / "words" / words.name).read_text(encoding="utf-8").splitlines(keepends=True)
        words.write_text("".join(lines[:size]), encoding="utf-8")
    shutil.copy(ROOT / "data" / "words.txt", tmp_path / "data" / "words.txt")
    for name in ("corpus", "ada", "li"):
        shutil.copy(tmp_path / "train.conll", tmp_path / f"{name}.conll")
    shutil.copy(tmp_path / "test.conll", tmp_path / "gold.conll")
    shutil.copy(tmp_path / "test.conll", tmp_path / "predicted.conll")
    letter = (ROOT / "data" / "english.txt").read_text(encoding="utf-8")
    (tmp_path / "letter.txt").write_text(20 * letter, encoding="utf-8")  # enough to hold sentences out of
    record = {"text": "Ada met Li.", "spans": [{"start": 0, "end": 3, "label": "PER"}]}
    (tmp_path / "labels.jsonl").write_text(20 * (json.dumps(record) + "\n"), encoding="utf-8")
    commands = [line for line in list_commands() if line.startswith("tagger ") and " serve " not in line]
    assert len(commands) >= 5
    for command in commands:
        run(command, tmp_path, codes=(0, 1) if " drift " in command else (0,))


@pytest.mark.slow
def test_the_server_answers_the_requests_of_the_readme(
    main_job: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    pytest.importorskip("fastapi")
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    folder, _ = main_job
    shutil.copy(ROOT / "data" / "english.txt", folder / "letter.txt")
    (serve,) = (line for line in list_commands() if line.startswith("tagger serve "))
    requests = [line for line in list_commands() if line.startswith("curl ")]
    assert len(requests) == 2
    command = [sys.executable, "-m", *shlex.split(serve), "--port", "0", "--log-format", "json"]
    with subprocess.Popen(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        url = json.loads(server.stderr.readline())["url"]
        for request in requests:
            answered = json.loads(run(request.replace("http://127.0.0.1:8080", url), folder).stdout)
            assert answered["model"] == "english"
            assert any(sentence["spans"] for sentence in answered["results"][0])
        server.terminate()
        server.communicate()
    assert server.returncode == 143


def test_the_example_corpus_is_one(tmp_path: Path) -> None:
    (example,) = (block.text for block in BLOCKS if block.language == "" and "B-PER" in block.text)
    path = tmp_path / "example.conll"
    path.write_text(example, encoding="utf-8")
    corpus = read_corpus(path)
    assert corpus.scheme == Scheme.IOB2
    assert corpus.warnings == ()
