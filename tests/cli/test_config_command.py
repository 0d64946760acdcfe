"""`tagger config`: a file that says everything, and that `train --config` reads back."""

from __future__ import annotations

import sys
from contextlib import suppress

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


def test_settings_that_a_model_leaves_out_are_printed_too(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["tagger", "config"])
    with suppress(SystemExit):
        cli.main()
    printed = {line.removeprefix("# ").partition(" =")[0] for line in capsys.readouterr().out.splitlines()}
    sections = [field.annotation for field in Config.model_fields.values() if field.annotation is not int]
    assert {name for section in sections for name in section.model_fields} <= printed
