"""The public verbs: their examples, what they are given wrongly, and that the command line does no more than they."""

from __future__ import annotations

import doctest
import importlib
import json
import pkgutil
import sys

import pytest

import tagger
from tagger import cli
from tagger.training.loop import EpochFacts, StepFacts
from tagger.training.recipes.labelled import FinishedLabeller
from tagger.training.run import Started, Stopped

PAIRS = [
    (["Ada", "met", "Li", "in", "Rome"], ["B-PER", "O", "B-PER", "O", "B-LOC"]),
    (["It", "rains", "in", "New", "York"], ["O", "O", "O", "B-LOC", "I-LOC"]),
] * 12
SMALL = {"epochs": 3, "hidden": 6, "word_dim": 6, "character_filters": 4, "workers": 1}
WORDS = ["Ada", "left", "New", "York"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Train on lists, and keep the facts."""
    facts = []
    place = tmp_path_factory.mktemp("api") / "model"
    result = tagger.train(train=PAIRS, dev=PAIRS, test=PAIRS, output=place, on_fact=facts.append, **SMALL)
    return result, facts


def weights(directory):
    return (directory / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        f"tagger.{floor}.{each.name}" if each else f"tagger.{floor}"
        for floor in ("api", "config", "scoring", "text")
        for each in [
            None,
            *pkgutil.iter_modules(importlib.import_module(f"tagger.{floor}").__path__),
        ]
    ],
)
def test_the_examples_of_docstrings_are_true(name):
    result = doctest.testmod(importlib.import_module(name))
    assert not result.failed


def test_every_public_name_is_there():
    assert {"CRF", "Config", "evaluate", "load", "read_corpus", "score", "train"} <= {*tagger.__all__}
    assert {*tagger.__all__} <= {*dir(tagger)}
    for name in tagger.__all__:
        assert getattr(tagger, name).__doc__ or name == "__version__"


def test_a_training_on_lists_tells_its_facts_and_scores(trained):
    result, facts = trained
    assert isinstance(facts[0], Started)
    assert {type(fact) for fact in facts} == {Started, StepFacts, EpochFacts, FinishedLabeller}
    assert sum(isinstance(fact, EpochFacts) for fact in facts) == result.epochs == 3
    assert result.dev.sentences == result.test.sentences == len(PAIRS)
    assert result.dev.as_dict() == result.test.as_dict()
    assert f"dev F1 {100 * result.dev.micro.f1:.2f}" in repr(result)
    assert repr(tagger.load(result.directory)).startswith("<Tagger of LOC, PER (IOB2), ")


def test_evaluating_gives_the_scores_of_the_training(trained):
    result, _ = trained
    found = tagger.evaluate(result.directory, PAIRS)
    assert found.scores.as_dict() == result.dev.as_dict()
    again = tagger.evaluate(tagger.load(result.directory), PAIRS, training=PAIRS)
    assert again.scores.as_dict() == found.scores.as_dict()


def test_the_command_line_trains_the_same_model(trained, tmp_path, monkeypatch, capsys):
    result, _ = trained
    path = tmp_path / "pairs.conll"
    rows = ["".join(f"{word}\t{tag}\n" for word, tag in zip(*pair, strict=True)) for pair in PAIRS]
    path.write_text("\n".join(rows))
    options = ["--epochs", "3", "--hidden", "6", "--workers", "1"]
    options += ["--set", "embedding.word_dim=6", "--set", "embedding.character_filters=4", "--json"]
    command = [
        "tagger",
        "train",
        path,
        "--dev",
        path,
        "--test",
        path,
        "--output",
        tmp_path / "model",
        *options,
    ]
    monkeypatch.setattr(sys, "argv", [*map(str, command)])
    with pytest.raises(SystemExit, match="0"):
        cli.main()
    assert weights(tmp_path / "model") == weights(result.directory)
    measured = {"seconds", "tokens_per_second"}

    def exact(facts):
        return {
            key: exact(value) if isinstance(value, dict) else value
            for key, value in facts.items()
            if key not in measured
        }

    assert exact(json.loads(capsys.readouterr().out)) == exact(result.as_dict())


def test_files_corpora_and_lists_are_the_same(trained, tmp_path):
    result, _ = trained
    path = tmp_path / "pairs.conll"
    rows = ["".join(f"{word} {tag}\n" for word, tag in zip(*pair, strict=True)) for pair in PAIRS]
    path.write_text("\n".join(rows))
    corpus = tagger.read_corpus(path)
    for number, source in enumerate((path, str(path), corpus)):
        place = tmp_path / str(number)
        tagger.train(train=source, dev=PAIRS, output=place, **SMALL)
        assert weights(place) == weights(result.directory)


def test_a_stopped_training_goes_on_to_the_same_bits(trained, tmp_path):
    result, _ = trained
    asked, facts = [], []

    def stop():
        asked.append(None)
        return len(asked) == 4

    with pytest.raises(tagger.TrainingStoppedError, match="resume=True goes on"):
        tagger.train(train=PAIRS, dev=PAIRS, output=tmp_path / "m", stop=stop, on_fact=facts.append, **SMALL)
    assert isinstance(facts[-1], Stopped)
    tagger.train(train=PAIRS, dev=PAIRS, output=tmp_path / "m", resume=True, **SMALL)
    assert weights(tmp_path / "m") == weights(result.directory)


def test_a_finished_model_is_replaced_only_where_that_is_said(trained, tmp_path):
    result, _ = trained
    place = tmp_path / "m"
    tagger.train(train=PAIRS, dev=PAIRS, output=place, **SMALL)
    with pytest.raises(tagger.DataError, match="holds a finished model, expected a directory without one"):
        tagger.train(train=PAIRS, dev=PAIRS, output=place, **SMALL | {"seed": 2})
    assert weights(place) == weights(result.directory)
    again = tagger.train(train=PAIRS, dev=PAIRS, output=place, resume=True, **SMALL)
    assert again.was_complete
    assert again.dev == result.dev
    assert (again.epochs, again.best_epoch) == (result.epochs, result.best_epoch)
    other = tagger.train(train=PAIRS, dev=PAIRS, output=place, overwrite=True, **SMALL | {"seed": 2})
    assert other.directory == place
    assert weights(place) != weights(result.directory)
    for seeds in (1, 2):
        with pytest.raises(tagger.DataError, match="add --overwrite to replace it"):
            tagger.train(train=PAIRS, output=place, seeds=seeds)
    tagger.train(train=PAIRS, dev=PAIRS, output=place, seeds=2, overwrite=True, **SMALL | {"epochs": 1})
    assert (place / "seeds.json").is_file()


@pytest.mark.parametrize("tag", ["B-X\tY", "B-X\n", "B-\r", "B-\ud800", ""])
def test_tags_that_no_column_file_can_hold_are_not_learnt(tmp_path, tag):
    with pytest.raises(tagger.TaggerError, match=r"found .*tag"):
        tagger.train(train=[(["a"], [tag]), (["b"], ["O"])] * 9, output=tmp_path / "m", **SMALL)
    assert not (tmp_path / "m").exists()


def test_several_seeds(tmp_path):
    result = tagger.train(train=PAIRS, dev=PAIRS, output=tmp_path / "m", seeds=2, **SMALL | {"epochs": 1})
    assert [trial.seed for trial in result.seeds.trials] == [1, 2]
    assert result.as_dict()["best_seed"] == result.seeds.chosen.seed


def test_a_model_is_continued(trained, tmp_path):
    result, _ = trained
    more = [(["Bo", "met", "Ada"], ["B-PER", "O", "B-PER"])] * 4
    found = tagger.train(train=more, dev=more, base=result.directory, output=tmp_path / "m", epochs=1)
    assert tagger.load(found.directory).model.types == ["LOC", "PER"]
    with pytest.raises(tagger.ConfigError, match="choose another directory"):
        tagger.train(train=more, base=result.directory, output=result.directory)


def test_settings_come_from_a_file_or_an_object_and_are_changed_by_name(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text("[encoder]\nhidden = 6\n")
    for name, config in (("one", path), ("two", tagger.Config(encoder={"hidden": 6}))):
        found = []
        tagger.train(
            train=PAIRS, output=tmp_path / name, config=config, encoder="rnn", training__epochs=1,
            word_dim=4, on_fact=found.append,
        )  # fmt: skip
        chosen = tagger.load(tmp_path / name).model.config
        assert (chosen.encoder.kind, chosen.encoder.hidden, chosen.training.epochs) == ("rnn", 6, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"train": 5}, r"train: found 5 \(int\), expected a file, a corpus, or sentences"),
        ({"train": [("a", "b")]}, r"train: the tokens of sentence 0 are 'a' \(str\), expected a list"),
        ({"train": [(["a"], ["O", "O"])]}, "train: sentence 0 .* has 1 tokens and 2 tags"),
        ({"train": [(["a", ""], ["O", "O"])]}, "train: sentence 0 .* has an empty token"),
        ({"train": [(["a"], ["B-X"]), (["b"], ["?"])]}, "<train>"),
        ({"train": []}, "<train>:1: found no sentence"),
        ({"train": "absent.conll"}, "absent.conll: cannot be read"),
        ({"dev": 5}, r"dev: found 5 \(int\)"),
        ({"output": None}, r"output: found None \(NoneType\), expected a path"),
        ({"config": 5}, r"config: found 5 \(int\), expected a path"),
        ({"gazetteers": "names.txt"}, r"gazetteers: found 'names.txt' \(str\), expected a list of paths"),
        ({"seeds": 0}, r"seeds: found 0 \(int\), expected a number of seeds"),
        ({"epoch": 3}, "epoch: no such setting; did you mean training.epochs"),
        ({"epochs": "x"}, "training.epochs: found 'x', expected a valid integer"),
        ({"encoder": "lst"}, "encoder.kind: found 'lst', .* did you mean lstm"),
        ({"hidden": 8, "encoder__hidden": 8}, "encoder.hidden: is given twice"),
        ({"feature_columns": ["UPOS"]}, "train: sentences have 0 feature columns, but the settings name 1"),
    ],
)
def test_what_is_wrong_with_an_argument_is_said(tmp_path, arguments, message):
    given = {"train": PAIRS, "output": tmp_path / "m"} | arguments
    with pytest.raises(tagger.TaggerError, match=message):
        tagger.train(**given)
    assert not (tmp_path / "m" / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tagger.load(5), r"directory: found 5 \(int\), expected a path"),
        (lambda: tagger.load("absent"), "absent: does not exist"),
        (lambda: tagger.read_corpus(["a"]), r"path: found \['a'\] \(list\), expected a path"),
        (lambda: tagger.evaluate("absent", PAIRS), "absent: does not exist"),
        (lambda: tagger.score(PAIRS), "predicted: found gold labels alone"),
        (lambda: tagger.score(PAIRS, PAIRS[1:]), "expected"),
        (lambda: tagger.score(PAIRS, PAIRS, scheme="IOB9"), "IOB9"),
    ],
)
def test_other_verbs_say_it_too(call, message):
    with pytest.raises(tagger.TaggerError, match=message):
        call()


def test_scoring_lists_counts_spans():
    found = [(tokens, ["O"] * len(tokens)) for tokens, _ in PAIRS[:2]]
    result = tagger.score(PAIRS[:2], found)
    assert (result.scores.micro.gold, result.scores.micro.predicted) == (4, 0)
    assert tagger.score(PAIRS[:2], PAIRS[:2]).scores.micro.f1 == 1.0


def test_gold_without_names_is_read_in_the_models_scheme(trained):
    result, _ = trained
    silent = [(["It", "rains"], ["O", "O"])]
    found = tagger.evaluate(result.directory, silent)
    assert found.gold.scheme == tagger.load(result.directory).model.scheme


def test_names_that_were_not_found_have_the_probability_that_they_would_be_found_with(trained):
    """Everything is left out that isn't certain, so that all that the model would find is missed."""
    labels = tagger.load(trained[0].directory)
    tokens = [words for words, _ in PAIRS]
    found = labels.predict_tokens(tokens, documents=[0] * len(tokens), min_confidence=0.0)
    gold = list(zip(tokens, [each.tags for each in found], strict=True))
    analysis = tagger.evaluate(labels, gold, min_confidence=1.0).analysis
    expected = [
        [(*span[:3], pytest.approx(span.confidence, abs=1e-6)) for span in each.spans] for each in found
    ]
    assert sum(map(len, expected)) > 0
    assert [[(*span, value) for span, value in each.items()] for each in analysis.missed] == [
        each for each in expected if each
    ]


def test_a_corpus_may_be_of_another_scheme_than_the_models(trained):
    result, _ = trained
    other = [([*tokens], [tag.replace("B-PER", "S-PER") for tag in tags]) for tokens, tags in PAIRS[:1]]
    assert tagger.evaluate(result.directory, other).scores.sentences == 1
