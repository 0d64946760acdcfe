"""README.md does what it says: blocks run, the main job makes models that are worth something, the server answers.

What holds for every page, its links and its options, is in `test_docs.py`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documents import README, ROOT, list_blocks, run_page, run_script

from tagger.text.conll import read_corpus
from tagger.text.schemes import Scheme

BLOCKS = list_blocks(README)
INSTALLS = re.compile(r"python3 -m venv \.venv && \.venv/bin/pip install -q -c constraints\.txt (\S+) && ")


def list_commands() -> list[str]:
    """List the lines of the shell blocks, without their comments."""
    lines = [line for block in BLOCKS if block.language == "sh" for line in block.text.splitlines()]
    return [re.sub(r"\s+# .*", "", line) for line in lines]


def find_command(word: str) -> str:
    """Return the one command that installs and then runs `word`, as it is printed."""
    (command,) = (line for line in list_commands() if "pip install" in line and word in line)
    return command


@pytest.fixture(scope="module")
def main_job(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Run all blocks; return their folder and what the first of them, the main job, printed. Nothing is installed."""
    folder = tmp_path_factory.mktemp("readme")
    return folder, run_page(README, folder, tmp_path_factory.mktemp("stand-ins"))[0]


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
        for group in ("dependencies", "train", "dev", "parquet", "ray", "docs")
        for listed in re.findall(rf"^{group} = \[(.*?)\]$", settings, re.MULTILINE | re.DOTALL)
        for name in re.findall(r'"([A-Za-z0-9_-]+)(?:\[[a-z]+\])?[>=<]', listed)
    ]
    assert len(needed) >= 12
    assert {name.lower() for name in needed} <= pinned


@pytest.mark.slow
def test_the_main_job_trains_scores_and_labels(
    main_job: tuple[Path, str],
) -> None:
    folder, printed = main_job
    for name in ("english", "chinese"):
        scores = json.loads((folder / "models" / name / "scores.json").read_text(encoding="utf-8"))
        assert scores["dev"]["micro"]["f1"] > 0.9
        assert scores["test"]["micro"]["f1"] > 0.9
        assert (folder / "models" / name / "model.safetensors").is_file()
    text = (folder / "data" / "english.txt").read_text(encoding="utf-8")
    labelled = [json.loads(line) for line in printed.splitlines() if line.startswith('{"doc"')]
    spans = [span for sentence in labelled for span in sentence["spans"]]
    assert len(spans) >= 20
    for span in spans:
        assert text[span["start"] : span["end"]] == span["text"]
        assert 0 <= span["confidence"] <= 1


@pytest.mark.slow
def test_the_server_answers_the_requests_of_the_readme(
    main_job: tuple[Path, str],
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
            answered = json.loads(run_script(request.replace("http://127.0.0.1:8080", url), folder))
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
