"""Whole runs: what they write, that they end with the same bits however often they stop, and when they give up."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from training_runs import bits, fit, fit_whole, stop_at

from tagger.errors import ConfigError, DataError, ModelError
from tagger.runtime import directory as files
from tagger.runtime.evaluation import label_sentences, score_tagger
from tagger.runtime.profiling import profile_corpus
from tagger.runtime.reports import read_history, read_profiles_of
from tagger.runtime.tagger import Tagger
from tagger.training import output, run
from tagger.training.loop import EpochFacts, StepFacts
from tagger.training.objective import LabellingObjective
from tagger.training.recipe import Finished
from tagger.training.run import Complete, DivergenceError, Reopened, Started, Stopped


def test_a_run_leaves_a_whole_model_directory(read_tiny, tmp_path):
    data = read_tiny()
    facts = fit_whole(data, tmp_path / "new" / "model")
    directory = tmp_path / "new" / "model"
    assert sorted(path.name for path in directory.iterdir()) == sorted(
        [
            files.CONFIG,
            files.VOCAB,
            files.WEIGHTS,
            files.SCORES,
            files.HISTORY,
            files.CARD,
            files.CURVES,
            files.PROFILE,
        ]
    )
    finished = facts[-1]
    assert isinstance(facts[0], Started)
    assert isinstance(finished, Finished)
    loaded = Tagger(files.load_model(directory))
    assert score_tagger(loaded, data.dev) == finished.dev.scores
    assert score_tagger(loaded, data.test) == finished.test.scores
    profiles = read_profiles_of(directory)
    assert profiles == {"dev": finished.dev.profile, "test": finished.test.profile}
    labelled = label_sentences(loaded, data.test.sentences, expected_spans=True)
    assert profiles["test"] == profile_corpus(loaded.model, data.test.sentences, labelled)
    assert profiles["test"].spans == finished.test.scores.micro.predicted
    scores = json.loads((directory / files.SCORES).read_bytes())
    for name, part in (("dev", finished.dev), ("test", finished.test)):
        assert scores[name] == part.scores.as_dict() | {"interval": list(part.interval)}
    history = [json.loads(line) for line in (directory / files.HISTORY).read_text("utf-8").splitlines()]
    epochs = [fact for fact in facts if isinstance(fact, EpochFacts)]
    assert [line["epoch"] for line in history] == [1, 2, 3] == [fact.epoch for fact in epochs]
    assert [line["loss"] for line in history] == [fact.loss for fact in epochs]
    assert finished.best_epoch == max(epochs, key=lambda fact: (fact.dev.micro.f1, -fact.epoch)).epoch
    of_all = epochs[finished.best_epoch - 1].dev  # names of any confidence
    assert finished.min_confidence in (0.0, pytest.approx(of_all.micro.f1 / 2))
    assert finished.dev.scores.micro.predicted <= of_all.micro.predicted
    told = f"Names less probable than {finished.min_confidence:.2f} are left out."
    assert (told in (directory / files.CARD).read_text("utf-8")) == (finished.min_confidence > 0)
    assert finished.tokens_per_second > 0
    assert sum(line["seconds"] for line in history) <= finished.seconds


def test_names_of_any_confidence_are_given_where_the_settings_say_so(read_tiny, tmp_path):
    facts = fit_whole(read_tiny(**{"decoder.min_confidence": 0.0}), tmp_path / "m")
    epochs = [fact for fact in facts if isinstance(fact, EpochFacts)]
    assert facts[-1].dev.scores == epochs[facts[-1].best_epoch - 1].dev
    assert "less probable" not in (tmp_path / "m" / files.CARD).read_text("utf-8")


def test_the_card_tells_what_the_model_is(read_tiny, tmp_path):
    data = read_tiny()
    fit_whole(data, tmp_path / "m")
    card = (tmp_path / "m" / files.CARD).read_text(encoding="utf-8")
    for part in (
        "`LOC`, `ORG`, `PER`",
        "scheme IOB2",
        "Seed 1",
        torch.__version__,
        f"`{data.train.path}` | 10 |",
    ):
        assert part in card


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_the_same_seed_gives_the_same_files(read_tiny, tmp_path, workers):
    for name in ("one", "two"):
        fit_whole(read_tiny(**{"training.workers": workers}), tmp_path / name)
    assert bits(tmp_path / "one") == bits(tmp_path / "two")
    fit_whole(read_tiny(seed=2, **{"training.workers": workers}), tmp_path / "three")
    assert bits(tmp_path / "three")[files.WEIGHTS] != bits(tmp_path / "one")[files.WEIGHTS]


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_run_stopped_after_any_step_ends_with_the_same_bits(read_tiny, tmp_path, workers):
    data = read_tiny(**{"training.workers": workers, "training.epochs": 2})
    facts = fit_whole(data, tmp_path / "whole")
    moments = len([fact for fact in facts if isinstance(fact, StepFacts | EpochFacts)])
    for moment in range(1, moments + 1):
        directory = tmp_path / str(moment)
        stopped = fit_whole(data, directory, stop=stop_at(moment))[-1]
        assert isinstance(stopped, Stopped)
        assert output.has_run(directory)
        resumed = fit_whole(data, directory, resume=True)
        assert stopped.epoch / 2 <= resumed[0].resumed <= (stopped.epoch + 1) / 2
        assert resumed[0].resumed > 0
        assert isinstance(resumed[-1], Finished)
        assert bits(directory) == bits(tmp_path / "whole")
        assert not output.has_run(directory)
        assert len((directory / files.HISTORY).read_text("utf-8").splitlines()) == 2


def test_a_run_stopped_after_every_step_ends_with_the_same_bits(read_tiny, tmp_path):
    data = read_tiny()
    whole = fit_whole(data, tmp_path / "whole")
    for _ in range(100):
        last = fit_whole(data, tmp_path / "often", resume=True, stop=lambda: True)[-1]
        if isinstance(last, Finished):
            break
    assert bits(tmp_path / "often") == bits(tmp_path / "whole")
    assert (last.epochs, last.best_epoch) == (whole[-1].epochs, whole[-1].best_epoch)


@pytest.mark.parametrize("finetune", [False, True])
def test_a_run_with_a_language_model_ends_with_the_same_bits(read_with_language_model, tmp_path, finetune):
    data = read_with_language_model(**{"lm.finetune": finetune, "training.epochs": 2})
    facts = fit_whole(data, tmp_path / "whole")
    moments = len([fact for fact in facts if isinstance(fact, StepFacts | EpochFacts)])
    for moment in range(1, moments):
        directory = tmp_path / str(moment)
        assert isinstance(fit_whole(data, directory, stop=stop_at(moment))[-1], Stopped)
        assert isinstance(fit_whole(data, directory, resume=True)[-1], Finished)
        assert bits(directory) == bits(tmp_path / "whole")


def test_a_run_measured_within_epochs_ends_with_the_same_bits(read_tiny, tmp_path):
    """Stopped anywhere, between two measurements too; the history holds each of them once."""
    data = read_tiny(**{"training.eval_steps": 2, "training.epochs": 2, "training.recall_cost": "auto"})
    facts = fit_whole(data, tmp_path / "whole")
    moments = [fact for fact in facts if isinstance(fact, StepFacts | EpochFacts)]
    measured = [fact for fact in moments if isinstance(fact, EpochFacts)]
    assert [fact.step for fact in measured] == [2, 3, 4, 6]
    for moment in range(1, len(moments) + 1):
        directory = tmp_path / str(moment)
        assert isinstance(fit_whole(data, directory, stop=stop_at(moment))[-1], Stopped)
        assert isinstance(fit_whole(data, directory, resume=True)[-1], Finished)
        assert bits(directory) == bits(tmp_path / "whole")
        history = read_history(directory)
        assert [line["step"] for line in history] == [2, 3, 4, 6]
        assert [line["epoch"] for line in history] == [fact.epoch for fact in measured]
        assert [line["loss"] for line in history] == [fact.loss for fact in measured]


def test_patience_may_end_within_an_epoch(read_tiny, tmp_path):
    patient = {"training.learning_rate": 1e-12, "training.patience": 1, "training.eval_steps": 1}
    data = read_tiny(**patient, **{"training.epochs": 9})
    finished = fit_whole(data, tmp_path / "m")[-1]
    assert (finished.epochs, finished.best_epoch) == (0.6667, 0.6667)
    told = "Of 0.6667 epochs epoch 0.6667 is kept"
    assert told in (tmp_path / "m" / files.CARD).read_text("utf-8")
    again = fit_whole(data, tmp_path / "m", resume=True)
    assert (again[0].epochs, again[-1].epochs) == (0.6667, 0.6667)
    facts = fit_whole(read_tiny(**patient, **{"training.epochs": 10}), tmp_path / "m", resume=True)
    measured = [fact for fact in facts if isinstance(fact, EpochFacts)]
    assert [(fact.epoch, fact.step) for fact in measured] == [(1.3333, 3)]  # the first epoch is over
    assert [line["step"] for line in read_history(tmp_path / "m")][:2] == [1, 2]


def test_resuming_without_a_checkpoint_begins_at_the_beginning(read_tiny, tmp_path):
    data = read_tiny()
    fit_whole(data, tmp_path / "one")
    assert fit_whole(data, tmp_path / "two", resume=True)[0].resumed == 0
    assert bits(tmp_path / "one") == bits(tmp_path / "two")


def test_a_new_run_does_not_touch_the_old_model_before_its_end(read_tiny, tmp_path):
    fit_whole(read_tiny(), tmp_path / "m")
    before = bits(tmp_path / "m")
    other = read_tiny(**{"encoder.hidden": 6, "embedding.min_count": 2})
    fit_whole(other, tmp_path / "alone")
    with pytest.raises(DataError, match="holds a finished model, expected a directory without one"):
        fit_whole(other, tmp_path / "m")
    assert isinstance(fit_whole(other, tmp_path / "m", overwrite=True, stop=stop_at(1))[-1], Stopped)
    assert bits(tmp_path / "m") == before
    with pytest.raises(DataError, match="holds a finished model and an unfinished run that is to replace it"):
        fit_whole(other, tmp_path / "m")
    for fact in fit(other, tmp_path / "m", resume=True):
        if isinstance(fact, EpochFacts):
            assert bits(tmp_path / "m") == before
        files.load_model(tmp_path / "m")
    assert bits(tmp_path / "m") == bits(tmp_path / "alone")
    assert fact.directory == tmp_path / "m"
    assert {path.name for path in (tmp_path / "m").iterdir()} == {
        path.name for path in (tmp_path / "alone").iterdir()
    }
    assert read_profiles_of(tmp_path / "m") == read_profiles_of(tmp_path / "alone")


def test_a_finished_run_goes_on_from_its_model(read_tiny, tmp_path):
    """Stopped on the way and resumed it ends with the same bits; the model is never worse on dev."""
    short, long = read_tiny(**{"training.epochs": 2}), read_tiny(**{"training.epochs": 5})
    for name in ("whole", "parts"):
        before = fit_whole(short, tmp_path / name)[-1]
    facts = fit_whole(long, tmp_path / "whole", resume=True)
    assert isinstance(facts[0], Reopened)
    assert (facts[0].epochs, facts[1].resumed) == (2, 2 / 5)
    assert [fact.epoch for fact in facts if isinstance(fact, EpochFacts)] == [3, 4, 5]
    finished = facts[-1]
    assert finished.dev.scores.micro.f1 >= before.dev.scores.micro.f1
    assert finished.epochs == 5
    history = [
        json.loads(line) for line in (tmp_path / "whole" / files.HISTORY).read_text("utf-8").splitlines()
    ]
    assert [line["epoch"] for line in history] == [1, 2, 3, 4, 5]
    moments = len([fact for fact in facts if isinstance(fact, StepFacts | EpochFacts)])
    old = bits(tmp_path / "parts")
    assert isinstance(
        fit_whole(long, tmp_path / "parts", resume=True, stop=stop_at(moments // 2))[-1], Stopped
    )
    assert bits(tmp_path / "parts") == old
    fit_whole(long, tmp_path / "parts", resume=True)
    assert bits(tmp_path / "parts") == bits(tmp_path / "whole")
    assert isinstance(fit_whole(long, tmp_path / "parts", resume=True)[0], Complete)


def test_a_finished_model_stays_where_nothing_better_comes(read_tiny, tmp_path):
    """A learning rate of nearly nothing changes no score."""
    slow = {"training.learning_rate": 1e-12}
    fit_whole(read_tiny(**slow, **{"training.epochs": 1}), tmp_path / "m")
    weights = files.load_model(tmp_path / "m").weights
    facts = fit_whole(read_tiny(**slow, **{"training.epochs": 3}), tmp_path / "m", resume=True)
    assert not [fact for fact in facts if isinstance(fact, EpochFacts) and fact.kept]
    assert (facts[-1].best_epoch, facts[-1].epochs) == (1, 3)
    found = files.load_model(tmp_path / "m").weights
    assert all(np.array_equal(found[name], value) for name, value in weights.items())
    again = fit_whole(read_tiny(**slow, **{"training.epochs": 3}), tmp_path / "m", resume=True)
    assert isinstance(again[0], Complete)


def test_a_run_that_patience_ended_is_finished(read_tiny, tmp_path):
    patient = {"training.learning_rate": 1e-12, "training.patience": 1}
    data = read_tiny(**patient, **{"training.epochs": 9})
    assert fit_whole(data, tmp_path / "m")[-1].epochs == 2
    assert isinstance(fit_whole(data, tmp_path / "m", resume=True)[0], Complete)
    more = fit_whole(read_tiny(**patient, **{"training.epochs": 10}), tmp_path / "m", resume=True)
    assert more[-1].epochs == 3  # patience counts anew


def test_a_run_with_other_settings_is_not_resumed(read_tiny, tmp_path):
    fit_whole(read_tiny(), tmp_path / "m", stop=stop_at(2))
    with pytest.raises(ModelError, match="the settings are not those of the interrupted run"):
        fit_whole(read_tiny(**{"training.epochs": 4}), tmp_path / "m", resume=True)
    assert output.has_run(tmp_path / "m")


def test_a_second_run_into_the_same_directory_is_refused(read_tiny, tmp_path):
    data = read_tiny()
    first = fit(data, tmp_path / "m")
    next(first)
    with pytest.raises(DataError, match="another run is writing here"):
        fit_whole(data, tmp_path / "m")
    first.close()
    fit_whole(data, tmp_path / "m")


def test_nothing_is_made_where_the_settings_are_at_fault(read_tiny, tmp_path):
    features = ("word_dim", "affix_dim", "shape_dim", "bigram_dim", "character_filters")
    with pytest.raises(ConfigError, match="every feature is switched off"):
        fit_whole(read_tiny(**{f"embedding.{name}": 0 for name in features}), tmp_path / "m")
    if not torch.cuda.is_available():
        with pytest.raises(
            ConfigError, match=r"training\.device: found 'cuda', expected auto or what this machine has: cpu"
        ):
            fit_whole(read_tiny(**{"training.device": "cuda"}), tmp_path / "m")
    assert not (tmp_path / "m").exists()


def spoil(monkeypatch, when) -> None:
    """Make the loss NaN in the steps, counted from 1, for which `when` holds."""
    calls = []
    forward = LabellingObjective.forward

    def spoilt(self, batch, *rest):
        calls.append(None)
        loss = forward(self, batch, *rest)
        return loss._replace(total=loss.total * math.nan) if when(len(calls)) else loss

    monkeypatch.setattr(LabellingObjective, "forward", spoilt)


def test_some_steps_without_a_finite_gradient_are_counted_and_survived(read_tiny, tmp_path, monkeypatch):
    spoil(monkeypatch, lambda call: call in (1, 2, 5))
    facts = fit_whole(read_tiny(), tmp_path / "m")
    assert sum(not math.isfinite(fact.norm) for fact in facts if isinstance(fact, StepFacts)) == 3
    assert sum(fact.skipped for fact in facts if isinstance(fact, EpochFacts)) == 3
    assert isinstance(facts[-1], Finished)


def test_a_run_that_does_not_recover_is_ended_with_advice(read_tiny, tmp_path, monkeypatch):
    data = read_tiny(**{"training.epochs": 40})
    spoil(monkeypatch, lambda call: call > 7)
    with pytest.raises(DivergenceError) as caught:
        fit_whole(data, tmp_path / "m")
    message = str(caught.value)
    assert message.startswith("20 steps in a row had no finite gradient; epoch ")
    assert f"the one kept so far, is in {tmp_path / 'm'}. Train again with a lower --learning-rate" in message
    files.load_model(tmp_path / "m")


def test_a_run_that_never_starts_to_learn_says_so(read_tiny, tmp_path, monkeypatch):
    spoil(monkeypatch, lambda call: True)
    data = read_tiny(**{"training.batch_sentences": 1, "encoder.context": 1, "training.epochs": 9})
    with pytest.raises(DivergenceError, match="20 steps in a row"):
        fit_whole(data, tmp_path / "m")


def test_a_checkpoint_is_written_within_an_epoch_when_time_passes(read_tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "CHECKPOINT_SECONDS", 0.0)
    facts = fit(read_tiny(), tmp_path / "m")
    for fact in facts:
        if isinstance(fact, StepFacts):
            break
    facts.close()  # as if killed
    assert output.has_run(tmp_path / "m")
    fit_whole(read_tiny(), tmp_path / "m", resume=True)
    fit_whole(read_tiny(), tmp_path / "whole")
    assert bits(tmp_path / "m") == bits(tmp_path / "whole")


@pytest.mark.parametrize("found", [b"\xff{", b"{}\n{}\n", b"[1]\n2\n", b'{"epoch": 1, "loss": "low"}\n', b""])
def test_a_mangled_history_does_not_stop_a_run(read_tiny, tmp_path, found):
    data = read_tiny()
    fit_whole(data, tmp_path / "m", stop=stop_at(6))
    (tmp_path / "m" / files.HISTORY).write_bytes(found)
    assert isinstance(fit_whole(data, tmp_path / "m", resume=True)[-1], Finished)
