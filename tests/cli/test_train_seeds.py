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
    for shown in ("seed", "dev F1", "epoch kept", "test F1", "mean", "standard deviation"):
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
    assert train("--dev", "ten.conll", "--seeds", "2", "--overwrite").code == 130
    assert Path("m", files.WEIGHTS).read_bytes() == expected
    done = train("--dev", "ten.conll", "--seeds", "2", "--resume", "--overwrite")
    assert done.code == 0
    assert "warning" not in done.err
    assert seeds == [1, 2, 2]
    assert Path("m", files.WEIGHTS).read_bytes() == expected


def test_seeds_are_not_replaced_unasked(train):
    seeds = ("--dev", "ten.conll", "--seeds", "2")
    train(*seeds)
    before = {path.name: path.read_bytes() for path in Path("m").iterdir()}
    ways_out = "--overwrite to start anew or choose another --output"
    for options in (seeds, ("--dev", "ten.conll")):
        assert train(*options).error.startswith(
            "m: holds a finished model, expected a directory without one; "
        )
    assert train("--dev", "ten.conll", "--resume").error == (
        f"m: holds a run of several seeds, expected one of a single seed; add --seeds to go on with it, {ways_out}"
    )
    assert train(*seeds, "--resume", "--epochs", "5").error.startswith(
        "m/seeds.json: the settings or corpora are not those of the seeds trained so far; "
    )
    done = train(*seeds, "--resume")
    assert (done.code, "m is finished already" in done.err) == (0, True)
    assert {path.name: path.read_bytes() for path in Path("m").iterdir()} == before
    assert train("--dev", "ten.conll", "--overwrite").code == 0
    assert not Path("m", files.SEEDS).exists()
    assert train(*seeds, "--resume").error == (
        "m: holds a run of a single seed, expected one of several; leave out --seeds to go on with it, "
        + ways_out
    )
    assert train(*seeds, "--overwrite").code == 0
    assert {path.name for path in Path("m").iterdir()} == before.keys()


def test_no_seeds_at_all_are_wrong_usage(train):
    assert train("--seeds", "0").code == 2
