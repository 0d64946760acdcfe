"""Commands run within the test's own process, in a directory of their own."""

from __future__ import annotations

import sys

import pytest
import torch
from commands import TINY, Done, Run

from tagger import cli


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
