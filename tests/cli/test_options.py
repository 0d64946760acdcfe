"""Tables of options: what typer makes of them, and what a command gets."""

from __future__ import annotations

from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tagger.cli.options import Flag, Given, choose, takes
from tagger.config import Config, PretrainConfig
from tagger.errors import ConfigError

FLAGS = (
    Flag("--batch-size", "training.batch", int, "Sentences a step.", "Learning"),
    Flag("--quick", "training.quick", bool, "Fewer of them."),
    Flag("--column", "corpus.features", list[str], "A column (repeatable).", parse=lambda typed: [*map(int, typed)]),
)  # fmt: skip


@pytest.fixture
def run():
    """Run a command with these options and one of its own; return the exit code, what it got and what it printed."""
    got: list[tuple[str, bool, Given]] = []
    app = typer.Typer()

    @app.command()
    @takes(*FLAGS)
    def learn(name: str, given: Given, loud: bool = False) -> None:
        """Learn something."""
        got.append((name, loud, given))

    def command(*arguments: str) -> tuple[int, Any, str]:
        got.clear()
        done = CliRunner().invoke(app, arguments, env={"COLUMNS": "100"})
        return done.exit_code, got[0] if got else None, done.output

    return command


def test_what_was_given_comes_by_field_and_the_rest_is_none(run):
    nothing = {"training.batch": None, "training.quick": None, "corpus.features": None}
    assert run("x")[1] == ("x", False, nothing)
    given = nothing | {"training.batch": 3, "training.quick": True}
    assert run("x", "--batch-size", "3", "--loud", "--quick")[1] == ("x", True, given)


def test_an_option_may_be_repeated_and_read(run):
    assert run("x", "--column", "1", "--column", "2")[1][2]["corpus.features"] == [1, 2]


def test_a_value_of_another_type_and_a_strange_option_are_wrong_usage(run):
    code, got, said = run("x", "--batch-size", "many")
    assert (code, got) == (2, None)
    assert "--batch-size" in said
    assert run("x", "--given", "3")[0] == 2


def test_help_lists_them_under_their_heading(run):
    code, _, said = run("--help")
    assert code == 0
    assert said.index("Options") < said.index("--quick") < said.index("Learning") < said.index("--batch-size")
    assert "Sentences a step." in said
    assert "given" not in said


def test_options_beat_the_file_and_set_beats_options(tmp_path):
    file = tmp_path / "my.toml"
    file.write_text("seed = 9\n[encoder]\nhidden = 3\nlayers = 2\n", encoding="utf-8")
    found = choose(
        Config, file, {"encoder.hidden": 4, "encoder.layers": 3, "seed": None}, ["encoder.layers=4"]
    )
    assert (found.seed, found.encoder.hidden, found.encoder.layers) == (9, 4, 4)
    assert choose(PretrainConfig, None, {}, None) == PretrainConfig()
    with pytest.raises(ConfigError, match="no such setting"):
        choose(Config, None, {"encoder.hiden": 4}, None)
