"""`tagger pretrain --target clusters` and `tagger train --clusters` end to end."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from commands import TINY

from tagger.runtime import directory as files
from tagger.runtime.wordclusters import WordClusters
from tagger.text import clusters

NAMES, PLACES = ("Ada", "Bob", "Eve"), ("Rome", "Oslo", "Peru")
MAKE = ("pretrain", "text.txt", "--target", "clusters", "-o", "words", "--input-format", "tokens")


@pytest.fixture(autouse=True)
def text(ten_sentences: Path, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    pairs = itertools.product(NAMES, PLACES)
    lines = [f"{name} met her in {place} ." for name, place in pairs] * 3 + ["It snows"]
    ten_sentences.with_name("text.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_classes_are_made_given_to_a_model_and_shown(run):
    code, out, err = run(*MAKE, "--classes", 6)
    assert code == 0, err
    assert out.startswith("6 classes of 10 words; they tell ")
    assert "164 tokens to learn from; 10 words, 98.78 % of them, get one of 6 classes" in err
    assert "use them: tagger train TRAIN --clusters words" in err
    assert {path.name for path in Path("words").iterdir()} == {"clusters.tsv", "config.toml"}
    paths = clusters.read(Path("words")).paths
    assert len({paths[name] for name in NAMES}) == len({paths[place] for place in PLACES}) == 1
    assert "It" not in paths

    given = ("--clusters", "words", "--clusters", "words/clusters.tsv", "--set", "embedding.cluster_dim=3")
    code, _, err = run("train", "ten.conll", "--dev", "ten.conll", "-o", "m", *given, *TINY)
    assert code == 0, err
    assert "clusters words: 10 words in 6 classes, among them" in err
    model = files.load_model("m")
    assert [tree.name for tree in model.lexicon.of(WordClusters).trees] == ["words", "clusters.tsv"]
    assert model.lexicon.of(WordClusters).size == 24
    assert "clusters" in json.loads(Path("m/vocab.json").read_text(encoding="utf-8"))
    _, out, _ = run("inspect", "m")
    assert "words: 10 words in 6 classes" in out
    _, out, _ = run("inspect", "m", "--json")
    assert json.loads(out)["clusters"][0] == {"name": "words", "words": 10, "classes": 6}
    code, out, _ = run("evaluate", "m", "ten.conll", "--json")
    assert (code, json.loads(out)["sentences"]) == (0, 10)
    code, _, err = run("train", "ten.conll", "--from", "m", "-o", "n", *TINY)
    assert code == 0, err
    assert files.load_model("n").lexicon.of(WordClusters) == model.lexicon.of(WordClusters)


def test_the_same_text_makes_the_same_classes_and_nothing_is_replaced_unasked(run):
    assert run(*MAKE, "--json").code == 0
    before = Path("words/clusters.tsv").read_bytes()
    assert "words: holds classes of words, expected a directory without; add --overwrite" in run(*MAKE).error
    assert run(*MAKE, "--overwrite").code == 0
    assert Path("words/clusters.tsv").read_bytes() == before
    assert run(*MAKE, "--overwrite", "--min-count", 1, "--json").code == 0
    assert "It" in clusters.read(Path("words")).paths
    assert run("train", "ten.conll", "-o", "words2", *TINY).code == 0
    assert "holds a model" in run(*MAKE[:5], "words2", "--overwrite").error


def test_characters_have_classes_too(run):
    Path("zh.txt").write_text("我爱北京。\n我去上海。\n" * 9, encoding="utf-8")
    done = run("pretrain", "zh.txt", "--target", "clusters", "-o", "zh", "--unit", "characters", "--json")
    assert done.code == 0, done.err
    assert {"我", "京"} <= clusters.read(Path("zh")).paths.keys()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--epochs", "3"), "--epochs: is a setting of what is trained; leave it out"),
        (("--resume",), "--resume: is for what is trained"),
        (("--dry-run",), "--dry-run: is for what is trained"),
        (("--classes", "1"), "clusters.classes"),
        (("--min-count", "100"), "found 0 words that are there 100 times"),
        (("--target", "lm", "--classes", "9"), "--classes: is a setting of --target clusters"),
    ],
)
def test_what_does_not_go_together_is_refused(run, arguments, message):
    done = run(*MAKE, *arguments)
    assert done.code != 0
    assert message in done.err
    assert not Path("words/clusters.tsv").exists()


def test_a_directory_of_something_else_is_refused(run):
    Path("empty").mkdir()
    done = run("train", "ten.conll", "-o", "m", "--clusters", "empty", *TINY)
    assert "empty: holds no clusters.tsv; expected a directory that `tagger pretrain" in done.error
