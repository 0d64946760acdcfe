"""Continuing a model: before the first step it reads every text as before; then it learns what is new."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close
from training_runs import begin, fit

from tagger import config
from tagger.config import Config
from tagger.errors import ConfigError, DataError
from tagger.runtime import directory as files
from tagger.runtime.features import Affixes, Bigrams, Characters, Words, WordShapes
from tagger.runtime.network import Network
from tagger.runtime.trained import TrainedModel
from tagger.scoring import Score, Scores
from tagger.scoring.exact import Average
from tagger.training.data import Corpora, build_lexicon, read_corpora
from tagger.training.margin import recall_cost
from tagger.training.objective import LabellingObjective
from tagger.training.recipes.labelled import LabelledRecipe
from tagger.training.start import Growth, add_vectors, continue_from, continue_settings

FOOD = """\
Anna B-PER
ate O
sushi B-FOOD
. O

Crème B-FOOD
brûlée I-FOOD
and O
tea B-FOOD
. O

Omar B-PER
ate O
tea B-FOOD
in O
Peru B-LOC
. O
"""
STRANGE = [
    ("Anna", "Keller", "ate", "sushi", "in", "New", "York", "."),
    ("Crème", "brûlée", "42", "%", "Ωmega", "rates", "ran"),
    ("Peru",),
]


@pytest.fixture
def base(read_tiny, tmp_path) -> TrainedModel:
    """A model of the ten sentences with every kind of table."""
    data = read_tiny(**{"embedding.bigram_dim": 3})
    list(fit(data, tmp_path / "base"))
    return files.load_model(tmp_path / "base")


@pytest.fixture
def food(tmp_path) -> Path:
    path = tmp_path / "food.conll"
    path.write_text(FOOD, encoding="utf-8")
    return path


def read(base: TrainedModel, path: Path, **changes: object) -> tuple[Corpora, Growth]:
    chosen = config.override(Config(), {"training.workers": 1, "training.epochs": 2} | changes)
    return continue_from(read_corpora(path, path, None, continue_settings(chosen, base)), base)


def emissions(model: TrainedModel, sentences: list[tuple[str, ...]]) -> dict[tuple[str, int, str], float]:
    """Return the score of every tag of every token, by name."""
    network = Network(model)
    found = {}
    for place, tokens in enumerate(sentences):
        scores = network.emissions([tokens], [0])
        for step, token in enumerate(tokens):
            for row, tag in enumerate(model.lexicon.tags):
                found[f"{place} {token}", step, tag] = float(scores[step, row])
    return found


def weight_of(model: TrainedModel, name: str) -> torch.Tensor:
    return torch.from_numpy(model.weights[name])


def test_before_the_first_step_every_text_is_read_as_before(base, food, read_tiny):
    data, _ = read(base, food)
    run, recipe = begin(data)
    model = recipe.model_of(run.averaged)
    assert len(model.lexicon.words) > len(base.lexicon.words)
    old = [sentence.tokens for sentence in read_tiny().train.sentences]
    before, after = emissions(base, old + STRANGE), emissions(model, old + STRANGE)
    assert set(before) < set(after)
    assert_close([after[place] for place in before], [*before.values()])
    for labeler in (run.network.labeler, run.averaged.labeler):
        crf = labeler.decoder
        rows = [model.lexicon.tags.index(tag) for tag in base.lexicon.tags]
        assert torch.equal(crf.transitions[rows][:, rows], weight_of(base, "decoder.transitions"))
        assert torch.equal(crf.start_transitions[rows], weight_of(base, "decoder.start_transitions"))
        assert torch.equal(crf.end_transitions[rows], weight_of(base, "decoder.end_transitions"))


def test_tables_grow_by_what_is_new_alone(base, food):
    data, growth = read(base, food)
    lexicon = build_lexicon(data)
    assert growth == (5, ("FOOD",), ("ORG",))
    assert data.types == ("FOOD", "LOC", "ORG", "PER")
    for kind in (Words, Characters, WordShapes, Affixes, Bigrams):
        old, new = (each.of(kind).vocab.items for each in (base.lexicon, lexicon))
        assert new[: len(old)] == old
    assert set(lexicon.words.items[len(base.lexicon.words.items) :]) == {
        "ate",
        "sushi",
        "crème",
        "brûlée",
        "tea",
    }
    before, after = (each.of(Characters).vocab.items for each in (base.lexicon, lexicon))
    assert set(after[len(before) :]) == {"û", "è"} - set(before) | {"é"}
    counts = dict(zip(lexicon.words.items, lexicon.of(Words).counts, strict=True))
    assert (counts["omar"], counts["tea"], counts["geneva"]) == (3, 2, 2)
    assert lexicon.tags[: len(base.lexicon.tags)] == base.lexicon.tags
    assert {tag for tag in lexicon.tags if tag not in base.lexicon.tags} == {
        f"{role}-FOOD" for role in "BIES"
    }


def test_a_new_row_begins_as_the_unknown_one(base, food):
    data, _ = read(base, food)
    run, model = begin(data)
    word = run.network.labeler.embedding.word.weight
    new = model.lexicon.words.row("sushi")
    assert torch.equal(word[new], weight_of(base, "embedding.word.weight")[1])
    assert torch.equal(word[: len(base.lexicon.words)], weight_of(base, "embedding.word.weight"))


def test_new_types_are_learnt_and_old_ones_stay_possible(base, food, tmp_path):
    steady = {f"training.{name}_dropout": 0.0 for name in ("input", "output", "word")}
    data, _ = read(base, food, **steady, **{"training.epochs": 30, "training.learning_rate": 0.05})
    finished = list(fit(data, tmp_path / "new"))[-1]
    assert finished.dev.scores.types["FOOD"].f1 > 0.9
    model = files.load_model(tmp_path / "new")
    assert model.types == ["FOOD", "LOC", "ORG", "PER"]
    assert model.config.encoder == base.config.encoder
    assert "It continues a model of `LOC`, `ORG`, `PER`." in (tmp_path / "new" / files.CARD).read_text(
        "utf-8"
    )


def test_a_stopped_run_goes_on_to_the_same_bits(base, food, tmp_path):
    data, _ = read(base, food)
    list(fit(data, tmp_path / "whole"))
    asked = iter([False, True, *[False] * 99])
    list(fit(data, tmp_path / "m", stop=lambda: next(asked)))
    list(fit(data, tmp_path / "m", resume=True))
    one, other = ((tmp_path / name / files.WEIGHTS).read_bytes() for name in ("whole", "m"))
    assert one == other


def test_how_it_is_built_is_the_models_and_how_it_learns_is_chosen(base):
    chosen = config.override(Config(), {"training.learning_rate": 0.5, "seed": 9, "corpus.tag_column": 1})
    found = continue_settings(chosen, base)
    assert found.embedding == base.config.embedding
    assert (found.encoder, found.decoder) == (base.config.encoder, base.config.decoder)
    assert (found.training, found.seed, found.corpus.tag_column) == (chosen.training, 9, 1)
    assert found.corpus.mode == "words"
    same = config.override(Config(), {"encoder.hidden": base.config.encoder.hidden})
    assert continue_settings(same, base).encoder == base.config.encoder


@pytest.mark.parametrize(
    ("field", "value", "there"),
    [
        ("encoder.hidden", 77, "5"),
        ("encoder.kind", "gru", "'lstm'"),
        ("embedding.word_dim", 7, "6"),
        ("decoder.kind", "softmax", "'crf'"),
        ("corpus.mode", "characters", "'words'"),
    ],
)
def test_a_setting_that_the_model_has_otherwise_is_named(base, field, value, there):
    with pytest.raises(ConfigError) as caught:
        continue_settings(config.override(Config(), {field: value}), base)
    assert str(caught.value).startswith(f"{field}: found {value!r}, but the model to continue has {there}, ")


def test_another_scheme_of_spans_is_no_hindrance(base, tmp_path):
    path = tmp_path / "bioes.conll"
    path.write_text("Anna B-PER\nLee E-PER\nate O\ntea S-FOOD\n\nLi S-PER\nran O\n", encoding="utf-8")
    data, growth = read(base, path)
    assert growth.new_types == ("FOOD",)
    list(fit(data, tmp_path / "new"))
    assert files.load_model(tmp_path / "new").scheme == "BIOES"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            "Anna NOUN\nran VERB\n\nLi NOUN\nsat VERB\n",
            "found bare labels, but the model to continue was trained on",
        ),
        (
            "北 B-LOC\n京 I-LOC\n\n王 B-PER\n去 O\n" * 5,
            "found tokens that are characters, but those of the model",
        ),
    ],
)
def test_a_corpus_of_another_kind_is_refused(base, tmp_path, rows, message):
    path = tmp_path / "other.conll"
    path.write_text(rows, encoding="utf-8")
    with pytest.raises(DataError, match=message) as caught:
        read(base, path)
    assert str(caught.value).startswith(f"{path}: ")


def test_bare_labels_grow_too(tmp_path):
    (tmp_path / "one.conll").write_text("Anna NOUN\nran VERB\n\nLi NOUN\nsat VERB\n", encoding="utf-8")
    (tmp_path / "two.conll").write_text("Anna NOUN\nran VERB\nfast ADV\n\nLi NOUN\n", encoding="utf-8")
    settings = config.override(Config(), {"training.epochs": 1, "training.workers": 1, "encoder.hidden": 4})
    one = read_corpora(tmp_path / "one.conll", tmp_path / "one.conll", None, settings)
    list(fit(one, tmp_path / "base"))
    base = files.load_model(tmp_path / "base")
    data, growth = read(base, tmp_path / "two.conll")
    assert growth.new_types == ("ADV",)
    run, recipe = begin(data)
    model = recipe.model_of(run.averaged)
    assert model.lexicon.tags == ("NOUN", "VERB", "ADV")
    before, after = (emissions(each, [("Anna", "sat", "slowly")]) for each in (base, model))
    assert_close([after[place] for place in before], [*before.values()])


def test_vectors_are_for_new_words_alone(base, food, tmp_path):
    size = base.config.embedding.word_dim
    rows = {"sushi": 2.0, "omar": 3.0}
    text = "".join(f"{word} {' '.join([str(value)] * size)}\n" for word, value in rows.items())
    (tmp_path / "vectors.txt").write_text(text, encoding="utf-8")
    data, _ = read(base, food)
    data = add_vectors(data, tmp_path / "vectors.txt")
    run, model = begin(data)
    weight, row = run.network.labeler.embedding.word.weight, model.lexicon.words.row
    assert weight[row("sushi")].tolist() == [2.0] * size
    assert torch.equal(
        weight[row("omar")], weight_of(base, "embedding.word.weight")[base.lexicon.words.row("omar")]
    )
    (tmp_path / "vectors.txt").write_text("sushi 1 2\n", encoding="utf-8")
    with pytest.raises(
        ConfigError, match=f"found vectors of size 2, but the words of the model .* have {size}"
    ):
        add_vectors(replace(data, vectors=None), tmp_path / "vectors.txt")


def test_frozen_words_stay_frozen(read_tiny, food, tmp_path):
    list(fit(read_tiny(**{"embedding.vectors_frozen": True}), tmp_path / "base"))
    base = files.load_model(tmp_path / "base")
    data, _ = read(base, food)
    list(fit(data, tmp_path / "new"))
    word = weight_of(files.load_model(tmp_path / "new"), "embedding.word.weight")
    assert torch.equal(word[: len(base.lexicon.words)], weight_of(base, "embedding.word.weight"))


def test_missing_a_name_costs_what_suits_the_continued_model_from_the_first_step_on(
    base, food, tmp_path, monkeypatch
):
    real, seen = LabellingObjective.forward, []

    def forward(self, batch, generator, progress, cost):
        seen.append(cost)
        return real(self, batch, generator, progress, cost)

    good = Scores(Score(10, 10, 8), Average(0.0, 0.0, 0.0, 10))  # of dev, before the first step and after
    monkeypatch.setattr(LabellingObjective, "forward", forward)
    monkeypatch.setattr(LabelledRecipe, "measure", lambda recipe, network: good)
    data, _ = read(base, food)
    list(fit(data, tmp_path / "more"))
    assert set(seen) == {recall_cost(0.8)}
    seen.clear()
    list(fit(replace(data, base=None), tmp_path / "anew"))
    assert set(seen) == {recall_cost(-1.0), recall_cost(0.8)}, "nothing is known before the first epoch"
