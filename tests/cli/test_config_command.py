"""`tagger config`: a file that says everything, and that `train --config` reads back."""

from __future__ import annotations

import sys

from tagger import cli, config
from tagger.config import Config


def test_the_printed_settings_are_the_defaults_and_explained(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["tagger", "config"])
    try:
        cli.main()
    except SystemExit as stopped:
        assert not stopped.code
    out, err = capsys.readouterr()
    assert err == ""
    assert config.parse_settings(Config, out) == Config()
    fields = [line for line in out.splitlines() if " =" in line]
    assert len(fields) > 30
    lines = out.splitlines()
    assert all(lines[lines.index(field) - 1].startswith("# ") for field in fields)
