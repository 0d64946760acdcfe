"""What help says of every command: one vocabulary, values and headings everywhere."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest
from typer.main import get_command

from tagger.cli import app

COMMANDS = get_command(app).commands
OPTIONS = [
    (name, option)
    for name, command in COMMANDS.items()
    for option in command.params
    if option.param_type_name == "option"
]
VALUES = {  # what a value is called, whatever the command
    "FILE", "DIR", "N", "P", "K", "X", "COLUMN", "COLUMN,COLUMN", "COLUMN[:DIM]", "NAME", "CODE", "TEXT",
    "ADDRESS", "BYTES", "SECONDS", "ORIGIN",
    "IDS", "SECTION.FIELD=VALUE", "OLD=NEW", "TYPE=RECALL[:PRECISION]", "TAG,TAG", "SIZE,SIZE",
}  # fmt: skip
CHOICES = re.compile(r"\[[^|\]]+(\|[^|\]]+)+\]")


@pytest.mark.parametrize(("command", "option"), OPTIONS, ids=lambda each: getattr(each, "name", each))
def test_every_option_names_its_value(command, option):
    value = option.metavar or ""
    if option.is_flag:
        assert not value, "a switch has no value"
    else:
        assert value in VALUES or CHOICES.fullmatch(value), value


def test_an_option_means_the_same_in_every_command():
    called = defaultdict(set)
    for _, option in OPTIONS:
        if not option.hidden:
            value = "a choice" if "|" in (option.metavar or "") else str(option.metavar).partition("[")[0]
            called[option.opts[0]].add("a path" if value in ("FILE", "DIR") else value)
    assert {name: values for name, values in called.items() if len(values) > 1} == {}


@pytest.mark.parametrize("command", COMMANDS)
def test_many_options_stand_under_headings(command):
    plain = [
        option.opts[0]
        for name, option in OPTIONS
        if name == command and not option.rich_help_panel and not option.hidden
    ]
    assert len(plain) <= 10, plain


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_no_type_of_the_program(run, command):
    done = run(command, "--help")
    assert done.code == 0
    assert not re.search(r"<(bool|int|float|int range|float range|text)>", done.out)
