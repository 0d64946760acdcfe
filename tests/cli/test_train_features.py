"""Feature columns, gazetteers and costs on the command line: what is said, what is written, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import TINY

from tagger.runtime import directory as files
from tagger.runtime.features import Gazetteers


@pytest.fixture(autouse=True)
def columns(ten_sentences, monkeypatch) -> None:
    """The ten sentences with a column between token and tag: whether the word begins with a capital."""
    monkeypatch.setenv("COLUMNS", "200")
    rows = (row.split() for row in ten_sentences.read_text(encoding="utf-8").splitlines())
    lines = (f"{row[0]} {row[0][:1].isupper()} {row[1]}" if row else "" for row in rows)
    ten_sentences.with_name("columns.conll").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_columns_lists_and_costs_are_learned_and_used(run):
    Path("names.txt").write_text("# places\nNew York\nPeru\n", encoding="utf-8")
    Path("none.txt").write_text("Nowhere\n", encoding="utf-8")
    features = ["--feature-column", "1:3", "--gazetteer", "names.txt", "--gazetteer", "none.txt"]
    costs = ["--cost", "PER=1:0.5", "--cost", "LOC=2"]
    code, _, err = run(
        "train", "columns.conll", "--dev", "columns.conll", "-o", "m", *features, *costs, *TINY
    )
    assert code == 0, err
    assert "gazetteer names.txt: 2 entries, naming 21.43 % of the spans in train and 21.43 % in dev" in err
    assert "gazetteer none.txt: 1 entry, naming 0.00 % of the spans in train" in err
    assert "warning" not in err
    model = files.load_model("m")
    assert model.config.training.costs == ["PER=1:0.5", "LOC=2"]
    assert [each.name for each in model.lexicon.of(Gazetteers).lists] == ["names.txt", "none.txt"]
    code, out, _ = run("evaluate", "m", "columns.conll", "--json")
    assert (code, json.loads(out)["sentences"]) == (0, 10)
    code, out, _ = run("predict", "m", "columns.conll", "--input-format", "conll")
    assert (code, len(out.splitlines())) == (0, 10)
    code, _, err = run("predict", "m", "names.txt")
    assert code == 1
    assert err == (
        "error: --input-format: found text, expected conll: beside the tokens the model reads columns (1) that "
        "column files alone have\n"
    )


def test_a_list_made_from_the_training_corpus_is_warned_of(run):
    Path("names.txt").write_text("Anna Keller\nOmar\nLi Na\nNew York\nPeru\nBrazil\n", encoding="utf-8")
    Path("dev.conll").write_text("Ida B-PER\nleft O\nOslo B-LOC\n", encoding="utf-8")
    code, _, err = run(
        "train", "ten.conll", "--dev", "dev.conll", "-o", "m", "--gazetteer", "names.txt", *TINY
    )
    assert code == 0
    assert "gazetteer names.txt knows far more of train than of dev" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--feature-column", "UPOS:0"], "--feature-column: found 'UPOS:0', expected COLUMN or COLUMN:DIM"),
        (["--feature-column", "2"], "--feature-column: found 2, which is the column of the tag"),
        (["--cost", "PER"], "--cost: found 'PER', expected TYPE=RECALL or TYPE=RECALL:PRECISION"),
        (
            ["--cost", "PRE=1"],
            "--cost: found type 'PRE', expected one of the training corpus; did you mean PER?",
        ),
        (["--gazetteer", "absent.txt"], "absent.txt: cannot be read: No such file"),
    ],
)
def test_what_cannot_be_used_is_refused_before_training(run, arguments, message):
    code, out, err = run("train", "columns.conll", "-o", "m", *arguments, *TINY)
    assert (code, out) == (1, "")
    assert message in err
    assert not Path("m").exists()
