"""Processes beside one process that does all by itself, and what happens when they fail, die or are left alone.

Child processes import this module for `Faulty`.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training_runs import begin, fit, tensors_of

import tagger
from tagger.training import loop, output
from tagger.training.loop import StepFacts
from tagger.training.margin import LARGEST_RECALL_COST
from tagger.training.objective import LabellingObjective
from tagger.training.workers.gradient import GradientComputer, GradientTask
from tagger.training.workers.team import MemoryExhaustedError, WorkerLostError, assemble


def train_alone(run, recipe, rounds: int, workers: int) -> None:
    """Take the gradients of each round one after the other, then its steps."""
    compute = GradientComputer(recipe.learner)
    compute.begin(recipe.corpus)
    config, batches = recipe.config, recipe.batches(recipe.corpus, 0, 0, workers)
    for start in range(0, workers * rounds, workers):
        progress = start / len(batches) / config.training.epochs
        rate = config.training.learning_rate * loop.schedule(progress, config.training.warmup)
        cost = LARGEST_RECALL_COST  # as long as no dev score is known
        numbers = range(start, min(start + workers, len(batches)))
        gradients = [compute(make_task(batches[number], number, (progress, cost))) for number in numbers]
        for gradient in gradients:
            run.optimizer.step(gradient.values, rate)


def make_task(groups, number: int, terms: tuple[float, float] = (0.0, 0.0)) -> GradientTask:
    sentences = sum(item.stop - item.start for item in groups)
    return GradientTask(groups, (1, 0, number), 1 / sentences, sum(item.tokens for item in groups), terms)


@pytest.mark.parametrize(
    ("workers", "changes"),
    [
        (3, {}),
        (2, {"lm.cache_megabytes": 512, "training.average": 0.0}),
        (2, {"lm.finetune": True}),
    ],
    ids=["plain", "kept layers", "tuned language model"],
)
def test_processes_end_with_the_bits_of_one(read_tiny, read_with_language_model, workers, changes):
    read = read_with_language_model if any(name.startswith("lm.") for name in changes) else read_tiny
    data = read(**{"encoder.context": 1, "training.batch_sentences": 2, "training.epochs": 1, **changes})
    run, recipe = begin(data)
    facts = loop.train(run, recipe, workers)
    rounds = 0
    for fact in facts:
        rounds += 1
        if fact.batch == fact.batches:
            break
    facts.close()
    assert rounds == -(-fact.batches // workers) >= 2
    assert fact.batches % workers or workers == 2  # a last round with fewer batches than workers
    alone, same = begin(data)
    train_alone(alone, same, rounds, workers)
    found, expected = tensors_of(run), tensors_of(alone)
    assert found.keys() == expected.keys()
    assert [name for name in expected if not torch.equal(found[name], expected[name])] == []
    assert not multiprocessing.active_children()


class Faulty(LabellingObjective):
    """It fails in child processes alone; how is told by the progress of the training."""

    def forward(self, batch, generator=None, progress=0.0, recall_cost=0.0):
        if multiprocessing.parent_process() is not None:
            if progress == 0.2:
                raise ValueError("the child's own words")
            if progress == 0.3:
                raise UnportableError("found", "expected")
            if progress == 0.4 and len(batch.lengths) > 1:
                raise MemoryError
            if progress == 0.5:
                raise RuntimeError(
                    "DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"
                )
        return super().forward(batch, generator, progress, recall_cost)


class UnportableError(Exception):
    """It can't be unpickled, as many can't."""

    def __init__(self, found: str, expected: str) -> None:
        super().__init__(f"{found} instead of {expected}")


def test_what_fails_in_a_child_is_told_here_and_the_team_goes_on(read_tiny):
    data = read_tiny(**{"encoder.context": 1, "training.batch_sentences": 2})
    _, recipe = begin(data)
    recipe.learner.network.__class__ = Faulty
    batches = recipe.batches(recipe.corpus, 0, 0, 2)

    def tasks(progress: float) -> list[GradientTask]:
        return [make_task(groups, number, (progress, 0.0)) for number, groups in enumerate(batches[:2])]

    with assemble(recipe.learner, 2) as team:
        team.brief(recipe.corpus)
        with pytest.raises(ValueError, match="the child's own words") as caught:
            team(tasks(0.2))
        assert "in forward" in caught.value.__notes__[0]  # the child's traceback
        with pytest.raises(RuntimeError, match="UnportableError: found instead of expected"):
            team(tasks(0.3))
        with pytest.raises(TypeError):  # this process fails, while the child computes
            team([tasks(0.0)[0]._replace(items=None), tasks(0.0)[1]])
        assert not team.are_halved
        compute = GradientComputer(recipe.learner)
        compute.begin(recipe.corpus)
        losses = [compute(task).loss for task in tasks(0.0)]
        assert [each.loss for each in team(tasks(0.0))] == losses
        assert [each.loss for each in team(tasks(0.0)[::-1], tasks(0.0))] == losses[::-1]
        assert [each.loss for each in team(tasks(0.0)[1:], tasks(0.4))] == losses[1:]
        halves = team(tasks(0.4))
        assert team.are_halved
        expected = [compute(task._replace(is_halved=True)).loss for task in tasks(0.4)]
        assert [each.loss for each in halves] == expected
        with pytest.raises(
            MemoryExhaustedError,
            match=r"out of memory in a step of \d+ tokens; give smaller batches, or --workers 1",
        ):
            team(tasks(0.5))


def test_a_team_takes_up_one_chunk_after_another(read_tiny):
    _, recipe = begin(read_tiny(**{"encoder.context": 1, "training.batch_sentences": 2}))
    corpora = [recipe.corpus, replace(recipe.corpus, tokens=recipe.corpus.tokens[::-1].copy())]
    alone, losses = GradientComputer(recipe.learner), []
    with assemble(recipe.learner, 2) as team:
        for corpus in (*corpora, corpora[0]):
            team.brief(corpus)
            alone.begin(corpus)
            batches = recipe.batches(corpus, 0, 0, 2)[:2]
            tasks = [make_task(groups, number) for number, groups in enumerate(batches)]
            losses.append([each.loss for each in team(tasks)])
            assert losses[-1] == [alone(task).loss for task in tasks]
    assert losses[0] == losses[2] != losses[1]


def test_the_death_of_a_child_ends_the_run_and_the_checkpoint_stays(read_tiny, tmp_path):
    data = read_tiny(**{"training.workers": 2, "training.epochs": 50})
    facts = fit(data, tmp_path / "m")
    for fact in facts:
        if isinstance(fact, StepFacts) and fact.epoch == 2:
            break
    (child,) = multiprocessing.active_children()
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(
        WorkerLostError, match=r"killed \(exit code -9\), perhaps for lack of memory; go on with"
    ):
        list(facts)
    assert not multiprocessing.active_children()
    assert output.has_run(tmp_path / "m")
    one_more = fit(data, tmp_path / "m", resume=True)
    assert next(one_more).resumed >= 1 / 50
    one_more.close()


SCRIPT = """
import multiprocessing, sys, time
from pathlib import Path
from tagger.config import Config, override
from tagger.training import output, run
from tagger.training.data import read_corpora
from tagger.training.recipes import labelled
settings = override(Config(), {'encoder.hidden': 4, 'training.epochs': 10000, 'training.workers': 2})
data = read_corpora(Path(sys.argv[1]), Path(sys.argv[1]), None, settings)
facts = run.train(labelled.prepare(data), Path(sys.argv[2]))
for _ in range(3):
    next(facts)
(child,) = multiprocessing.active_children()
print(child.pid, flush=True)
if sys.argv[3] == 'goes on':
    for fact in facts:
        pass
"""  # neither a function nor a guard: a child that imported it would train too


@pytest.fixture
def script(ten_sentences, tmp_path):
    def start(what: str) -> subprocess.Popen[str]:
        (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
        command = [sys.executable, tmp_path / "script.py", ten_sentences, tmp_path / "m", what]
        here = os.environ | {"PYTHONPATH": str(Path(tagger.__file__).parents[1])}
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=here
        )

    return start


@pytest.mark.slow
def test_a_script_that_leaves_a_run_alone_ends(script):
    with script("leaves") as process:
        assert int(process.stdout.readline()) > 0
        assert process.communicate(timeout=30)[1] == ""
        assert process.returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no /proc")
def test_children_end_with_a_process_that_is_killed(script):
    with script("goes on") as process:
        child = Path("/proc") / process.stdout.readline().strip()
        assert child.is_dir()
        process.kill()
        for _ in range(100):
            if not child.is_dir():
                break
            time.sleep(0.1)
        assert not child.is_dir()
        assert process.stderr.read() == ""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_processes_saves_the_run(ten_sentences, tmp_path, number):
    command = [sys.executable, "-m", "tagger", "train", ten_sentences, "-o", tmp_path / "m"]
    command += ["--workers", "2", "--epochs", "10000"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", start_new_session=True
    ) as process:
        for line in process.stderr:
            if line.startswith("epoch   1"):
                break
        os.killpg(process.pid, number)
        err = process.communicate(timeout=30)[1]
    assert process.returncode == 128 + number
    assert "everything is saved" in err
    assert "Traceback" not in err
    assert output.has_run(tmp_path / "m")
