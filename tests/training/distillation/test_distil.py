"""A distillation as a whole: what it learns, what it leaves out, and that a stop anywhere changes no bit."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from toy_models import random_sentences
from training_runs import bits, fit_whole, stop_at

from tagger import config
from tagger.errors import ConfigError, DataError, ModelError
from tagger.runtime import directory as files
from tagger.runtime.tagger import load_tagger
from tagger.text.raw import InputSettings
from tagger.training import output
from tagger.training.data import list_tags
from tagger.training.distillation import lessons as lessons_module
from tagger.training.distillation.distil import StoppedTeaching, distil
from tagger.training.distillation.lessons import RawLesson
from tagger.training.distillation.shards import read_index
from tagger.training.distillation.teaching import TaughtFacts, Teachers
from tagger.training.distillation.teaching import teach as teach_all
from tagger.training.recipes.distilled import DistilledRecipe
from tagger.training.recipes.labelled import FinishedLabeller
from tagger.training.run import Complete, Stopped


@pytest.fixture
def data(read_tiny):
    return read_tiny(**{"training.epochs": 2})


@pytest.fixture
def teachers(read_tiny, tmp_path):
    places = [tmp_path / "one", tmp_path / "two"]
    for seed, place in enumerate(places):
        fit_whole(read_tiny(seed=seed + 7), place)
    return places


@pytest.fixture
def text(tmp_path, monkeypatch):
    """Sixty sentences, a line each, in files of about a hundred tokens."""
    monkeypatch.setattr(lessons_module, "SHARD_TOKENS", 100)
    monkeypatch.setattr("tagger.runtime.network.Network.chunk_tokens", 50)
    path = tmp_path / "text.txt"
    path.write_text("".join(" ".join(words) + "\n" for words in random_sentences(60)), encoding="utf-8")
    return path


@pytest.fixture
def teach(teachers, text):
    """Return what a student is to learn from the text."""

    def make(data, places=teachers):
        taggers = [(str(each), load_tagger(each)) for each in places]
        found = Teachers(taggers, list_tags(data), data.config)
        return [RawLesson([text], InputSettings(format="tokens"), found, longest=16)]

    return make


@pytest.fixture
def label(teach, tmp_path):
    """Return what the teachers say of the text, in files."""

    def make(data):
        (tmp_path / "labels").mkdir()
        *_, text = teach_all(teach(data)[0], tmp_path / "labels", data.config.distillation)
        assert text == read_index(tmp_path / "labels")
        return text

    return make


def test_a_student_learns_and_leaves_its_model_alone(data, teach, tmp_path):
    facts = list(distil(data, teach(data), tmp_path / "m"))
    taught = [fact for fact in facts if isinstance(fact, TaughtFacts)]
    assert taught[-1].is_complete
    assert (taught[-1].sentences + taught[-1].left_out) > 60  # some are longer than 16 tokens, and cut
    assert isinstance(facts[-1], FinishedLabeller)
    assert not output.has_labels(tmp_path / "m")
    assert files.load_model(tmp_path / "m").config == data.config
    assert "quito" in files.load_model(tmp_path / "m").lexicon.words  # of the text alone


@pytest.mark.parametrize("calls", [1, 3, 9, 14])
def test_a_stop_anywhere_changes_no_bit(data, teach, tmp_path, calls):
    whole = list(distil(data, teach(data), tmp_path / "whole"))
    assert sum(isinstance(fact, TaughtFacts) for fact in whole) > 5
    stopped = list(distil(data, teach(data), tmp_path / "m", stop=stop_at(calls)))
    assert isinstance(stopped[-1], StoppedTeaching if calls <= 3 else Stopped)
    with pytest.raises(DataError, match=r"holds an unfinished run.*add --resume"):
        output.check(tmp_path / "m", resume=False, overwrite=False)
    list(distil(data, teach(data), tmp_path / "m", resume=True))
    assert bits(tmp_path / "m") == bits(tmp_path / "whole")
    again = list(distil(data, teach(data), tmp_path / "m", resume=True))
    assert any(isinstance(fact, Complete) for fact in again)
    assert not any(isinstance(fact, TaughtFacts) for fact in again)


def test_more_epochs_of_a_finished_student_label_the_text_again(data, teach, tmp_path):
    list(distil(data, teach(data), tmp_path / "m"))
    longer = replace(data, config=config.override(data.config, {"training.epochs": 3}))
    facts = list(distil(longer, teach(longer), tmp_path / "m", resume=True))
    assert any(isinstance(fact, TaughtFacts) for fact in facts)
    assert isinstance(facts[-1], FinishedLabeller)


def test_labels_of_other_teachers_are_not_learnt_from(data, teach, teachers, tmp_path):
    list(distil(data, teach(data), tmp_path / "m", stop=stop_at(2)))
    with pytest.raises(ModelError, match="holds labels of other texts or teachers; start anew"):
        list(distil(data, teach(data, teachers[:1]), tmp_path / "m", resume=True))
    list(distil(data, teach(data, teachers[:1]), tmp_path / "m", overwrite=True))
    assert output.is_finished(tmp_path / "m")


def test_short_and_unsure_sentences_are_left_out(read_tiny, teach, tmp_path):
    counted = []
    for changes in (
        {"min_tokens": 1},
        {"min_tokens": 5},
        {"min_tokens": 1, "min_surety": 0.3, "temperature": 2.0},
    ):
        data = read_tiny(**{f"distillation.{name}": value for name, value in changes.items()})
        lesson = teach(data)
        sentences = [words for cut, _ in lesson[0].parts() for words in cut]
        facts = list(distil(data, lesson, tmp_path / "m", overwrite=True, stop=stop_at(100)))
        counted.append(next(fact for fact in facts if isinstance(fact, TaughtFacts) and fact.is_complete))
        assert counted[-1].sentences + counted[-1].left_out == len(sentences)
    every, long, sure = counted
    assert every.left_out == 0
    assert long.left_out == sum(len(words) < 5 for words in sentences)
    assert 0 < sure.left_out < len(sentences)
    impossible = read_tiny(**{"distillation.min_tokens": 100})
    with pytest.raises(DataError, match=r"found nothing to learn from: .* too short or too unsure"):
        list(distil(impossible, teach(impossible), tmp_path / "n"))


def test_an_epoch_goes_on_where_the_one_before_ended(read_tiny, label):
    data = read_tiny(**{"distillation.ratio": 1.0})
    text = label(data)
    recipe = DistilledRecipe(data, text)
    gold = sum(map(len, data.train.sentences))
    assert recipe.tokens == 2 * gold < text.tokens
    ends = np.cumsum([0, *(len(words) for shard in text.shards() for words in shard.sentences)])
    for epoch, other in pairwise(range(12)):  # twice round and more
        here, there = (text.stretch(each * gold, gold) for each in (epoch, other))
        first = np.searchsorted(ends, epoch * gold % text.tokens, side="right") - 1
        words = [words for shard in text.shards() for words in shard.sentences] * 2
        assert here.sentences == words[first : first + len(here.sentences)]
        assert gold <= sum(map(len, here.sentences)) <= gold + 32
        assert len(here.labels) == len(here.sentences) == len(here.documents)
        assert (
            here.sentences[-1] == there.sentences[0]
            or words[first + len(here.sentences)] == there.sentences[0]
        )


def test_gold_sentences_learn_as_ever_and_the_others_from_what_is_believed(data, label):
    """Of a batch with both, the loss is that of each by itself, the second weighted."""
    text = label(data)
    weighted = replace(data, config=config.override(data.config, {"distillation.weight": 0.25}))
    recipe = DistilledRecipe(weighted, text)
    learner, (chunk,) = recipe.learner, recipe.chunks(0, 0)
    first = chunk.taught.first
    groups = [each for batch in recipe.batches(chunk, 0, 0, 1) for each in batch]
    gold = [each for each in groups if each.start < first][:2]
    taught = [each for each in groups if each.start >= first][:3]
    network = learner.network.eval()

    def loss(items) -> float:
        return network(learner.lay_out(chunk, items), None, 1.0, 0.0).told.item()

    assert loss(gold + taught) == pytest.approx(loss(gold) + loss(taught), rel=1e-4)
    batch = learner.lay_out(chunk, taught)
    assert batch.soft.weights.tolist() == [0.25] * len(batch.lengths)
    with torch.no_grad():
        labeler = network.labeler
        states = labeler.encode(batch, None, labeler.embedding.embed_forms(batch.forms, None))
        emissions = labeler.emissions(states, batch, None)
        expected = labeler.decoder.cross_entropy(emissions, batch.soft.tags, batch.lengths).sum()
    assert loss(taught) == pytest.approx(0.25 * expected.item(), rel=1e-5)


def test_teachers_of_other_tags_are_refused(read_tiny, teach, teachers, tmp_path):
    data = read_tiny()
    with pytest.raises(
        ConfigError, match=r"one finds .*LOC.*, the gold corpus has .*; expected teachers of the same"
    ):
        teach(replace(data, types=("GPE", *data.types)))
    softmax = tmp_path / "softmax"
    fit_whole(read_tiny(**{"decoder.kind": "softmax"}), softmax)
    with pytest.raises(ConfigError, match=r"softmax has the decoder softmax.*expected one with a crf"):
        teach(data, [softmax])
