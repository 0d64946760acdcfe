"""`tagger train --seeds`: what it says, what `--json` carries, stopping and going on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tagger.cli.progress import TrainingProgress
from tagger.runtime import directory as files


def test_every_seed_is_shown_and_the_best_is_kept(train):
    done = train("--dev", "ten.conll", "--test", "ten.conll", "--seeds", "2", "--seed", "7")
    assert done.code == 0
    assert "seed 7, 1 worker" in done.err
    assert "seed 8, 1 worker" in done.err
    assert ", the best of 2 on dev; the scores of all are in m/seeds.json" in " ".join(done.err.split())
    for shown in ("seed", "dev F1", "best epoch", "test F1", "mean", "standard deviation"):
        assert shown in done.out
    assert files.load_model("m").config.seed in (7, 8)
    assert all(len(line) <= 80 for line in done.out.splitlines())


def test_json_carries_every_seed(train):
    facts = json.loads(train("--dev", "ten.conll", "--seeds", "3", "--json").out)
    assert [each["seed"] for each in facts["seeds"]] == [1, 2, 3]
    f1 = [each["dev"]["micro"]["f1"] for each in facts["seeds"]]
    assert facts["mean"] == {"dev": pytest.approx(sum(f1) / 3), "test": None}
    assert facts["deviation"]["test"] is None
    assert facts["dev"]["micro"]["f1"] == facts["micro"]["f1"] == max(f1)
    assert facts["best_seed"] == 1 + f1.index(max(f1))
    assert facts["measure"] == "F1"


def test_a_run_that_ends_in_its_second_seed_goes_on_with_that(train, monkeypatch):
    train("--dev", "ten.conll", "--seeds", "2")
    expected = Path("m", files.WEIGHTS).read_bytes()
    start = TrainingProgress.start
    seeds = []

    def interrupt(self, fact) -> None:
        start(self, fact)
        seeds.append(fact.seed)
        if seeds == [1, 2]:
            raise KeyboardInterrupt

    monkeypatch.setattr(TrainingProgress, "start", interrupt)
    assert train("--dev", "ten.conll", "--seeds", "2").code == 130
    done = train("--dev", "ten.conll", "--seeds", "2", "--resume")
    assert done.code == 0
    assert "warning" not in done.err
    assert seeds == [1, 2, 2]
    assert Path("m", files.WEIGHTS).read_bytes() == expected


def test_what_seeds_will_replace_is_said(train):
    train("--dev", "ten.conll", "--seeds", "2")
    done = train("--dev", "ten.conll", "--seeds", "2")
    assert (
        "warning: m holds a run of several seeds, which ends here (--resume would go on with it)" in done.err
    )
    assert "m holds a model, which this run replaces after its first seed" in done.err
    done = train("--dev", "ten.conll", "--resume")
    assert "m holds no unfinished run; training starts from the beginning (it holds several seeds" in done.err
    done = train("--dev", "ten.conll", "--resume", "--seeds", "2")
    assert "m holds no run of several seeds; training starts from the beginning" in done.err


def test_no_seeds_at_all_are_wrong_usage(train):
    assert train("--seeds", "0").code == 2
