"""`tagger train --from`: what it says of old and new types, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagger.runtime import directory as files

NEW = "Anna B-PER\nate O\nsushi B-FOOD\n\nOmar B-PER\nate O\ntea B-FOOD\n"


@pytest.fixture
def more(run, train):
    """Continue a model of the ten sentences on two others."""
    assert train("--dev", "ten.conll").code == 0
    Path("new.conll").write_text(NEW, encoding="utf-8")
    options = ("--dev", "new.conll", "--epochs", "1", "--workers", "1", "--from", "m")
    return lambda *arguments: run("train", "new.conll", *options, *arguments)


def test_what_is_added_and_what_becomes_of_the_rest_is_said(more):
    done = more("-o", "n")
    assert done.code == 0
    assert "continuing m: 3 new words; new types: FOOD" in done.err
    warning = "warning: types of m that new.conll lacks: LOC, ORG; they stay possible, but where it mentions"
    assert warning in done.err
    assert "types: FOOD, LOC, ORG, PER; tokens are words" in done.err
    assert files.load_model("n").config.encoder.hidden == 5  # the model's, which no option named


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-o", "m"], "--output: found m, with which the run begins; choose another directory"),
        (["-o", "./m/../m"], "--output: found m/../m, with which the run begins"),
        (["-o", "n", "--hidden", "6"], "encoder.hidden: found 6, but the model to continue has 5"),
        (
            ["-o", "n", "--set", "embedding.word_dim=9"],
            "embedding.word_dim: found 9, but the model to continue has 4",
        ),
        (["-o", "n", "--from", "none"], "none: does not exist"),
        (["-o", "n", "--from", "new.conll"], "new.conll: is a file; expected the directory of a labeller"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(more, arguments, expected):
    assert more(*arguments).error.startswith(expected)
    assert not Path("n").exists()


def test_several_seeds_can_continue_a_model(more):
    done = more("-o", "n", "--seeds", "2")
    assert done.code == 0
    assert files.load_model("n").types == ["FOOD", "LOC", "ORG", "PER"]
