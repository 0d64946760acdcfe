"""Options made from the settings: what help says of them, what they take, and what a command gets."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tagger.cli import pretrain, train
from tagger.cli.flags import (
    Flag,
    Given,
    choose_settings,
    find_field,
    list_choices,
    name_values,
    with_settings,
)
from tagger.config import Config, PretrainConfig, TextEncoderConfig
from tagger.errors import ConfigError

FLAGS = (
    Flag("--batch-size", "training.batch_sentences", "Learning"),
    Flag("--cell", "encoder.kind"),
    Flag("--rate", "training.learning_rate"),
    Flag("--patience", "training.patience"),
    Flag("--ways", "encoder.directions"),
    Flag("--quick", "lm.finetune", help="Fewer of them."),
    Flag("--column", "corpus.token_column", metavar="COLUMN"),
    Flag("--feature", "embedding.feature_columns", metavar="COLUMN"),
    Flag("--code", "corpus.encoding", parse=str.lower),
)
NOTHING = {flag.field: None for flag in FLAGS}


@pytest.fixture
def run():
    """Run a command with these options and one of its own; return the exit code, what it got and what it printed."""
    got: list[tuple[str, bool, Given]] = []
    app = typer.Typer()

    @app.command()
    @with_settings(Config, *FLAGS)
    def learn(name: str, given: Given, loud: bool = False) -> None:
        """Learn something."""
        got.append((name, loud, given))

    def command(*arguments: str) -> tuple[int, Any, str]:
        got.clear()
        done = CliRunner().invoke(app, arguments, env={"COLUMNS": "100"})
        return done.exit_code, got[0] if got else None, " ".join(re.sub("[│╭╰─╮╯]", " ", done.output).split())

    return command


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], {}),
        (["--batch-size", "3", "--quick"], {"training.batch_sentences": 3, "lm.finetune": True}),
        (["--batch-size", "16"], {"training.batch_sentences": 16}),  # the default, but typed
        (["--cell", "gru", "--ways", "1"], {"encoder.kind": "gru", "encoder.directions": 1}),
        (["--rate", "1", "--patience", "4"], {"training.learning_rate": 1.0, "training.patience": 4}),
        (["--column", "-1"], {"corpus.token_column": -1}),
        (["--column", "FORM"], {"corpus.token_column": "FORM"}),
        (["--feature", "1", "--feature", "UPOS:4"], {"embedding.feature_columns": ["1", "UPOS:4"]}),
        (["--code", "UTF-8"], {"corpus.encoding": "utf-8"}),
    ],
)
def test_what_was_given_comes_by_field_and_the_rest_is_none(run, arguments, expected):
    assert run("x", "--loud", *arguments)[1] == ("x", True, NOTHING | expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--batch-size", "many"], "'--batch-size': found 'many', expected a valid integer"),
        (["--batch-size", "2.5"], "'--batch-size': found 2.5, expected a valid integer"),
        (["--batch-size", "0"], "'--batch-size': found 0, expected greater than or equal to 1"),
        (["--batch-size", "9" * 5000], "'--batch-size': found "),
        (["--cell", "ltsm"], "'--cell': found 'ltsm', expected 'lstm', 'gru' or 'rnn'; did you mean lstm?"),
        (["--cell", "GRU"], "expected 'lstm', 'gru' or 'rnn'; did you mean gru?"),
        (["--cell", "transformer"], "'--cell': found 'transformer', expected 'lstm', 'gru' or 'rnn' "),
        (["--ways", "3"], "'--ways': found 3, expected 1 or 2"),
        (["--rate", "nan"], "'--rate': found nan, expected a finite number"),
        (["--given", "3"], "No such option"),
        (["--batch-sise", "3"], "No such option: --batch-sise"),
    ],
)
def test_what_a_field_does_not_take_is_wrong_usage_and_says_what_it_takes(run, arguments, message):
    code, got, said = run("x", *arguments)
    assert (code, got) == (2, None)
    assert message in said + " "


def test_help_says_values_defaults_and_meaning_under_their_heading(run):
    code, _, said = run("--help")
    assert code == 0
    assert said.index("Options") < said.index("--quick") < said.index("Learning") < said.index("--batch-size")
    for part in (
        "--batch-size N Sentences a step. [default: 16]",
        "--cell [lstm|gru|rnn] Recurrent cell. [default: lstm]",
        "--ways [1|2] 1: left to right only; 2: both. [default: 2]",
        "--patience N Epochs without",
        "Fewer of them.",
    ):
        assert part in said
    assert "given" not in said
    assert "context" not in said


def test_names_of_values():
    assert list_choices(find_field(Config, "decoder.kind").annotation) == ("crf", "softmax")
    assert list_choices(find_field(Config, "decoder.agreement").annotation) == ()  # a number does, too
    assert name_values(find_field(Config, "training.patience").annotation) == "N"
    assert name_values(find_field(Config, "corpus.encoding").annotation) == "TEXT"


def test_every_row_of_every_table_names_a_field():
    for table, kinds in (
        (inspect.getmodule(train).SETTINGS, [Config]),
        (inspect.getmodule(train).DISTILLATION, [Config]),
        (inspect.getmodule(pretrain).SETTINGS, [PretrainConfig]),
    ):
        assert len({flag.name for flag in table}) == len(table)
        for flag in table:
            assert all(find_field(kind, flag.field).description for kind in kinds)


def test_settings_of_encoders_are_found_where_the_table_says():
    module = inspect.getmodule(pretrain)
    for flag in module.SETTINGS:
        if flag.field not in module._OF_LANGUAGE_MODELS:
            assert find_field(TextEncoderConfig, module._OF_ENCODER.get(flag.field, flag.field)).description


def test_options_beat_the_file_and_set_beats_options(tmp_path):
    file = tmp_path / "my.toml"
    file.write_text("seed = 9\n[encoder]\nhidden = 3\nlayers = 2\n", encoding="utf-8")
    found = choose_settings(
        Config, file, {"encoder.hidden": 4, "encoder.layers": 3, "seed": None}, ["encoder.layers=4"]
    )
    assert (found.seed, found.encoder.hidden, found.encoder.layers) == (9, 4, 4)
    assert choose_settings(PretrainConfig, None, {}, None) == PretrainConfig()


def test_a_bad_option_is_wrong_usage_and_a_bad_file_is_not(tmp_path):
    with pytest.raises(typer.BadParameter, match=r"encoder.hiden: no such setting; did you mean"):
        choose_settings(Config, None, {"encoder.hiden": 4}, None)
    with pytest.raises(typer.BadParameter, match=r"found 'gro', expected .*; did you mean gru"):
        choose_settings(Config, None, {}, ["encoder.kind=gro"])
    file = tmp_path / "my.toml"
    file.write_text("[encoder]\nkind = 'gro'\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"my.toml: encoder.kind: found 'gro'"):
        choose_settings(Config, Path(file), {}, None)
