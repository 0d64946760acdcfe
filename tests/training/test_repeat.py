"""Several seeds: each is the run that it would be alone, the best is kept, and a stop costs none of them."""

from __future__ import annotations

import json
import statistics
from dataclasses import replace

import pytest
from training_runs import bits, fit

from tagger import config
from tagger.errors import DataError, ModelError
from tagger.runtime import directory as files
from tagger.runtime import reports
from tagger.training import output, repeat
from tagger.training.recipe import Finished
from tagger.training.recipes import labelled
from tagger.training.repeat import Repeated, Trial, choose
from tagger.training.run import Complete, Started, Stopped

QUICK = {"training.epochs": 2, "training.batch_sentences": 5}


def run(data, directory, count=3, **options) -> list:
    return list(repeat.repeat(data, directory, count, **options))


@pytest.fixture
def data(read_tiny):
    return read_tiny(seed=4, **QUICK)


@pytest.fixture
def alone(data, tmp_path) -> dict[int, Finished]:
    """What each seed comes to by itself, in a directory of its number."""
    return {
        seed: list(
            fit(replace(data, config=config.override(data.config, {"seed": seed})), tmp_path / str(seed))
        )[-1]
        for seed in (4, 5, 6)
    }


def test_each_seed_is_the_run_that_it_would_be_alone(data, alone, tmp_path):
    facts = run(data, tmp_path / "m")
    repeated = facts[-1]
    assert isinstance(repeated, Repeated)
    assert [fact.seed for fact in facts if isinstance(fact, Started)] == [4, 5, 6]
    assert [trial.seed for trial in repeated.trials] == [4, 5, 6]
    f1 = {seed: finished.dev.scores.micro.f1 for seed, finished in alone.items()}
    assert [trial.dev for trial in repeated.trials] == list(f1.values())
    assert [trial.test for trial in repeated.trials] == [each.test.scores.micro.f1 for each in alone.values()]
    best = max(f1, key=lambda seed: (f1[seed], -seed))
    assert repeated.chosen.seed == best
    assert bits(tmp_path / "m") == bits(tmp_path / str(best))
    assert repeated.best.dev.scores == alone[best].dev.scores
    assert (repeated.best.epochs, repeated.best.best_epoch) == (2, alone[best].best_epoch)
    assert repeated.dev.mean == pytest.approx(sum(f1.values()) / 3)
    assert repeated.dev.deviation == pytest.approx(statistics.stdev(f1.values()))
    assert {path.name for path in (tmp_path / "m").iterdir()} == {
        path.name for path in (tmp_path / str(best)).iterdir()
    } | {files.SEEDS}


def test_the_record_and_the_card_tell_of_every_seed(data, tmp_path):
    repeated = run(data, tmp_path)[-1]
    record = json.loads((tmp_path / files.SEEDS).read_bytes())
    assert record["seeds"] == repeated.as_dict()["seeds"]
    card = (tmp_path / files.CARD).read_text(encoding="utf-8")
    for trial in repeated.trials:
        assert f"| {trial.seed} | {100 * trial.dev:.2f} | {100 * trial.test:.2f} |" in card
    assert f"| mean ± sd | {100 * repeated.dev.mean:.2f} ± {100 * repeated.dev.deviation:.2f} |" in card


@pytest.mark.parametrize("moments", [1, 3])
def test_seeds_stopped_again_and_again_end_with_the_same_bits(data, alone, tmp_path, moments, monkeypatch):
    started = []
    prepare = labelled.prepare
    monkeypatch.setattr(
        labelled, "prepare", lambda each: (started.append(each.config.seed), prepare(each))[1]
    )
    for _ in range(60):
        asked = iter([False] * (moments - 1) + [True] * 1000)
        last = run(data, tmp_path / "m", resume=True, stop=lambda asked=asked: next(asked))[-1]
        if isinstance(last, Repeated):
            break
        assert isinstance(last, Stopped)
        assert output.has_seeds(tmp_path / "m")
    assert started == sorted(started)  # once a seed has ended it is not begun again
    assert len(started) > 6
    assert bits(tmp_path / "m") == bits(tmp_path / str(last.chosen.seed))
    assert [trial.dev for trial in last.trials] == [each.dev.scores.micro.f1 for each in alone.values()]
    assert not list((tmp_path / "m").glob("seed-*"))


def test_more_seeds_go_on_from_those_there_are_and_the_card_is_no_longer(data, tmp_path):
    run(data, tmp_path, 2)
    before = (tmp_path / files.CARD).read_text(encoding="utf-8")
    facts = run(data, tmp_path, 2, resume=True)
    assert [type(fact) for fact in facts] == [Complete, Repeated]
    assert (tmp_path / files.CARD).read_text(encoding="utf-8") == before
    facts = run(data, tmp_path, 3, resume=True)
    assert [fact.seed for fact in facts if isinstance(fact, Started)] == [6]
    assert len(facts[-1].trials) == 3


def test_a_kill_between_the_record_and_the_model_is_made_good(data, tmp_path, monkeypatch):
    class Death(BaseException):
        pass

    def die(*arguments: object) -> None:
        raise Death

    with monkeypatch.context() as patch:
        patch.setattr(reports, "copy_model", die)
        with pytest.raises(Death):
            run(data, tmp_path / "m", 1)
    assert not (tmp_path / "m" / files.WEIGHTS).exists()
    facts = run(data, tmp_path / "m", 1, resume=True)
    assert [type(fact) for fact in facts] == [Complete, Repeated]
    run(data, tmp_path / "whole", 1)
    assert bits(tmp_path / "m") == bits(tmp_path / "whole")


def test_a_new_run_forgets_the_seeds_before_it(data, read_tiny, tmp_path):
    assert isinstance(run(data, tmp_path, stop=lambda: True)[-1], Stopped)
    run(data, tmp_path, 1, overwrite=True)
    facts = run(read_tiny(seed=9, **QUICK), tmp_path, 1, overwrite=True)
    assert [trial.seed for trial in facts[-1].trials] == [9]
    assert not list(tmp_path.glob("seed-*"))
    list(fit(data, tmp_path, overwrite=True))  # a single run, whose model the record doesn't tell of
    assert not (tmp_path / files.SEEDS).exists()


def test_seeds_of_other_settings_are_not_gone_on_with(data, read_tiny, tmp_path):
    run(data, tmp_path, 1)
    for other in ({"seed": 5}, {"seed": 4, "encoder.hidden": 6}):
        with pytest.raises(ModelError, match=r"seeds\.json: the settings or corpora are not those"):
            run(read_tiny(**{**QUICK, **other}), tmp_path, 2, resume=True)


@pytest.mark.parametrize(
    "content", [b"\xff", b"[]", b"{}", b'{"seeds": [{"seed": 1}], "fingerprint": ""}', b'{"seeds": [1]}']
)
def test_a_mangled_record_is_named(data, tmp_path, content):
    (tmp_path / files.SEEDS).write_bytes(content)
    with pytest.raises(ModelError, match="is not what --seeds writes"):
        run(data, tmp_path, resume=True)


def test_a_second_run_into_the_directory_is_refused(data, tmp_path):
    with files.locked(tmp_path), pytest.raises(DataError, match="another run is writing here"):
        run(data, tmp_path)


def test_of_equals_the_first_seed_is_chosen():
    def trial(seed: int, f1: float, accuracy: float, measure: str) -> Trial:
        part = {"micro": {"f1": f1}, "token_accuracy": accuracy}
        return Trial(seed, {"dev": part, "test": None}, measure)

    assert choose([trial(3, 0.5, 0.1, "F1"), trial(2, 0.5, 0, "F1"), trial(1, 0.4, 1, "F1")]).seed == 2
    assert choose([trial(1, 0.5, 0.1, "accuracy"), trial(2, 0.4, 0.2, "accuracy")]).seed == 2
