"""Commands run within the test's own process, in a directory of their own."""

from __future__ import annotations

import sys

import pytest
import torch
from commands import TINY, Done, Run
from toy_models import make_model

from tagger import cli
from tagger.runtime import directory as files


@pytest.fixture
def run(monkeypatch, capsys, tmp_path) -> Run:
    """Run a command in a directory of its own, 80 columns wide."""
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def command(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["tagger", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        return Done(code, *capsys.readouterr())

    return command


@pytest.fixture
def train(run, ten_sentences) -> Run:
    return lambda *arguments: run("train", "ten.conll", "-o", "m", *TINY, *arguments)


@pytest.fixture(scope="module")
def toy_model(tmp_path_factory) -> str:
    directory = tmp_path_factory.mktemp("model")
    files.save_model(directory, make_model())
    return str(directory)


@pytest.fixture
def predict(tmp_path, monkeypatch, capfd, toy_model):
    """Run `tagger predict MODEL ...` in a folder of files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run_predict(*arguments: str, directory: str = toy_model, **files: str) -> tuple[int, str, str]:
        for name, content in files.items():
            (tmp_path / name).write_text(content, encoding="utf-8", newline="")
        monkeypatch.setattr(sys, "argv", ["tagger", "predict", directory, *arguments])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        return int(stopped.value.code or 0), *capfd.readouterr()

    return run_predict
