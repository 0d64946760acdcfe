"""A rehearsal tells of the run what the run would tell of itself, and leaves no trace."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from training_runs import fit

from tagger.errors import ConfigError
from tagger.training import loop, rehearsal
from tagger.training.calibration import DevScorer
from tagger.training.data import count_tokens
from tagger.training.optimizer import Optimizer
from tagger.training.recipes import labelled
from tagger.training.rehearsal import Rehearsal, peak_memory, rehearse


def rehearse_training(data) -> Rehearsal:
    return rehearse(labelled.prepare(data))


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    monkeypatch.setattr(rehearsal, "STEPS_SECONDS", 0.05)


def test_it_counts_what_the_run_counts(read_tiny, tmp_path):
    data = read_tiny()
    found = rehearse_training(data)
    started = next(iter(fit(data, tmp_path / "m")))
    assert (found.parameters, found.workers) == (started.parameters, started.workers)
    assert found.parameter_bytes == 4 * 4 * started.parameters  # weights, average, two moments; 32 bits each
    without = rehearse_training(read_tiny(**{"training.average": 0.0}))
    assert without.parameter_bytes == 3 * 4 * started.parameters
    assert found.steps > 1
    assert found.skipped == 0
    assert 0 < found.loss < 2 * math.log(13)  # untrained: about the log of the number of tags
    assert min(found.tokens_per_second, found.scored_per_second) > 0


def test_the_time_of_the_run_follows_from_the_speeds(read_tiny):
    data = read_tiny(**{"training.epochs": 1000})
    found = rehearse_training(data)
    assert count_tokens(data.train) == 50
    assert found.epoch_seconds == pytest.approx(50 / found.tokens_per_second + 50 / found.scored_per_second)
    assert found.seconds > 1000 * found.epoch_seconds


def test_nothing_is_written(read_tiny, tmp_path, monkeypatch):
    data = read_tiny()
    opened = []
    plain = Path.open

    def watched(self, mode="r", *rest, **options):
        opened.append(mode)
        return plain(self, mode, *rest, **options)

    monkeypatch.setattr(Path, "open", watched)
    before = sorted(tmp_path.rglob("*"))
    rehearse_training(data)
    assert sorted(tmp_path.rglob("*")) == before
    assert not [mode for mode in opened if set(mode) & set("wax+")]


def test_the_largest_batch_is_taken_first(read_tiny, monkeypatch):
    data = read_tiny(**{"training.batch_sentences": 1, "encoder.context": 1})
    seen = []
    train = loop.train

    def watched(run, recipe, *rest):
        batches = recipe.batches(recipe.corpus, 0, 0, 1)
        seen.append((run.batch, [sum(g.tokens for g in b) for b in batches]))
        return train(run, recipe, *rest)

    monkeypatch.setattr(loop, "train", watched)
    rehearse_training(data)
    (first, sizes), (second, _) = seen
    assert sizes[first] == max(sizes) == 7
    assert second == 0


def test_a_step_without_a_finite_gradient_is_told(read_tiny, monkeypatch):
    monkeypatch.setattr(Optimizer, "step", lambda self, gradients, rate: math.nan)
    assert rehearse_training(read_tiny()).skipped > 0


def test_faults_are_those_of_the_run(read_tiny):
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match=r"training\.device"):
            rehearse_training(read_tiny(**{"training.device": "cuda"}))


def test_dev_is_read_only_in_part(read_tiny, monkeypatch):
    monkeypatch.setattr(rehearsal, "SCORED_TOKENS", 12)
    scored = []

    class Watched(DevScorer):
        def __init__(self, corpus, config, lexicon):
            super().__init__(corpus, config, lexicon)
            self.tokens = count_tokens(corpus)

        def fit_agreement(self, weights):
            scored.append(self.tokens)
            return super().fit_agreement(weights)

    monkeypatch.setattr(labelled, "DevScorer", Watched)
    rehearse_training(read_tiny())
    assert scored == [14]  # two sentences of 7 tokens


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc")
def test_memory_is_what_the_kernel_says():
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    (line,) = (each for each in lines if each.startswith("VmHWM"))
    assert peak_memory() == pytest.approx(1024 * int(line.split()[1]), rel=0.05)
