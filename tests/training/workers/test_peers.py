"""Processes that a launcher started: gradients and steps of one process, one voice, stops, deaths, resuming.

Two ranks are two threads where that is enough, with an exchange in place of PyTorch's messages; else processes that
torchrun starts and Gloo connects.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import torch
from toy_models import TINY_SIZES
from training_runs import CALM, begin, bits, stop_at, tensors_of

import tagger
from tagger.errors import ConfigError
from tagger.runtime import directory as files
from tagger.text import spool
from tagger.training import encoded, launch, loop, output, repeat, run, state
from tagger.training.loop import EpochFacts, StepFacts
from tagger.training.recipe import Finished
from tagger.training.recipes import labelled
from tagger.training.run import Complete, Started, Stopped
from tagger.training.workers import peers
from tagger.training.workers.gradient import GradientComputer, GradientTask
from tagger.training.workers.peers import Peers, PeersDifferError
from tagger.training.workers.team import assemble

SMALL = {
    "encoder.context": 1,
    "training.batch_sentences": 3,
}  # the last batch has one sentence: nothing for rank 1


class Exchange:
    """What `torch.distributed` does, among the threads of one process."""

    def __init__(self, size: int) -> None:
        self._own = threading.local()
        self._barrier = threading.Barrier(size, timeout=60)
        self._slots: list[torch.Tensor] = [torch.empty(0)] * size

    def enter(self, rank: int) -> None:
        self._own.rank = rank

    def all_gather(self, found: list[torch.Tensor], tensor: torch.Tensor) -> None:
        for place, other in zip(found, self._put(tensor), strict=True):
            place.copy_(other)

    def all_reduce(self, tensor: torch.Tensor) -> None:
        tensor.copy_(sum(self._put(tensor)))

    def broadcast(self, tensor: torch.Tensor, source: int) -> None:
        tensor.copy_(self._put(tensor)[source])

    def _put(self, tensor: torch.Tensor) -> list[torch.Tensor]:
        self._slots[self._own.rank] = tensor.clone()
        self._barrier.wait()
        found = list(self._slots)
        self._barrier.wait()
        return found


@pytest.fixture
def side_by_side(monkeypatch) -> Callable[..., list[Any]]:
    """Call a function in several threads, each with its `Peers`; return what they return, by rank."""

    def call(work: Callable[[Peers], Any], size: int = 2) -> list[Any]:
        exchange = Exchange(size)
        monkeypatch.setattr(peers, "dist", exchange)

        def enter(rank: int) -> Any:
            exchange.enter(rank)
            return work(Peers(rank, size))

        with ThreadPoolExecutor(size) as pool:
            return [each.result() for each in [pool.submit(enter, rank) for rank in range(size)]]

    return call


@pytest.mark.parametrize("size", [2, 3])
def test_gradients_are_those_of_one_process(read_tiny, side_by_side, size):
    data = read_tiny(**CALM, **SMALL)
    recipes = [begin(data)[1] for _ in range(size)]

    def take(peers: Peers) -> list[list[torch.Tensor]]:
        recipe, found = recipes[peers.rank], []
        with assemble(recipe.learner, 1, peers=peers) as team:
            team.brief(recipe.corpus)
            for number, batch in enumerate(recipe.batches(recipe.corpus, 0, 0, 1)):
                place, parts = (1, 0, number), [batch[part::size] for part in range(size)]
                tasks = [
                    GradientTask(part, place, 1 / len(batch), 1, (0.0, 1.0), each, size)
                    for each, part in enumerate(parts)
                    if part
                ]
                (gradient,) = team(tasks)
                found.append([torch.tensor(gradient.loss), *(each.to_dense() for each in gradient.values)])
        return found

    _, recipe = begin(data)
    compute = GradientComputer(recipe.learner)
    compute.begin(recipe.corpus)
    batches = recipe.batches(recipe.corpus, 0, 0, 1)
    assert sorted(len(batch) for batch in batches) == [1, 3, 3, 3]
    for found in side_by_side(take, size):
        for number, batch in enumerate(batches):
            task = GradientTask(batch, (1, 0, number), 1 / len(batch), 1, (0.0, 1.0))
            expected = compute(task)
            torch.testing.assert_close(found[number][0], torch.tensor(expected.loss), rtol=1e-6, atol=1e-5)
            for one, other in zip(found[number][1:], expected.values, strict=True):
                torch.testing.assert_close(one, other.to_dense(), rtol=0, atol=1e-6)


def test_processes_make_the_network_of_one(read_tiny, side_by_side):
    """Bit for bit the same among each other; one process differs by the rounding of sums."""
    data = read_tiny(**CALM, **SMALL, **{"training.average": 0.9, "training.epochs": 2})

    begun = [begin(data) for _ in range(3)]  # weights are drawn from a source that all threads share

    def train(peers: Peers) -> tuple[list[Any], dict[str, torch.Tensor]]:
        run, recipe = begun.pop()
        facts = list(loop.train(run, recipe, eval_steps=3, peers=peers))
        return facts, tensors_of(run)

    (facts, one), (others, two) = side_by_side(train)
    assert all(torch.equal(one[name], two[name]) for name in one if not name.endswith("agreement"))
    expected, alone = train(Peers())
    for found in (facts, others):
        assert [type(fact) for fact in found] == [type(fact) for fact in expected]
        measured = [fact for fact in found if isinstance(fact, EpochFacts)]
        assert [fact.step for fact in measured] == [3, 4, 6, 8]
        assert [fact.dev for fact in measured] == [fact.dev for fact in facts if isinstance(fact, EpochFacts)]
    for name in alone:
        torch.testing.assert_close(one[name], alone[name], rtol=1e-4, atol=1e-5)


def test_only_the_first_process_writes_and_all_tell_the_same(read_tiny, side_by_side, tmp_path):
    data = read_tiny()

    def train(name: str, stop: Callable[[], bool] = lambda: False, **options: Any) -> list[list[Any]]:
        places, stops = [tmp_path / name / "first", tmp_path / name / "other"], [stop, lambda: False]
        recipes = [
            labelled.prepare(data) for _ in places
        ]  # weights are drawn from a source that threads share

        def work(peers: Peers) -> list[Any]:
            rank = peers.rank
            return list(run.train(recipes[rank], places[rank], stop=stops[rank], peers=peers, **options))

        return side_by_side(work)

    facts, others = train("whole")
    assert not (tmp_path / "whole" / "other").exists()
    assert (facts[0].peers, facts[0].workers) == (2, 1)
    assert [type(fact) for fact in facts] == [type(fact) for fact in others]
    assert isinstance(others[-1], Finished)
    assert others[-1].dev == facts[-1].dev

    steps = len([fact for fact in facts if isinstance(fact, StepFacts)])
    for moment in range(1, steps, 3):  # each step asks
        stopped = train(str(moment), stop_at(moment))
        assert all(isinstance(found[-1], Stopped) for found in stopped)
        resumed = train(str(moment), resume=True)
        assert [found[0].resumed > 0 for found in resumed] == [True, True]
        assert bits(tmp_path / str(moment) / "first") == bits(tmp_path / "whole" / "first")
    again = train("whole", resume=True)
    assert all(isinstance(found[0], Complete) for found in again)


def test_the_files_of_a_large_corpus_are_written_once(read_tiny, side_by_side, tmp_path, monkeypatch):
    data = read_tiny()
    recipes = [labelled.prepare(data) for _ in range(2)]
    monkeypatch.setattr(spool, "HELD_BYTES", 100)
    written = []
    write = encoded._write
    monkeypatch.setattr(encoded, "_write", lambda *given: (written.append(given), write(*given)))

    def work(peers: Peers) -> Any:
        *_, finished = run.train(recipes[peers.rank], tmp_path / str(peers.rank), peers=peers)
        return finished

    first, other = side_by_side(work)
    assert isinstance(first, Finished)
    assert first == other
    assert len(written) == 1


def test_several_seeds_are_trained_together(read_tiny, side_by_side, tmp_path):
    data = read_tiny(**{"training.epochs": 1})
    facts, others = side_by_side(lambda each: list(repeat.repeat(data, tmp_path / "m", 2, peers=each)))
    assert [type(fact) for fact in facts] == [type(fact) for fact in others]
    assert [fact.seed for fact in others if isinstance(fact, Started)] == [1, 2]
    assert others[-1].trials == facts[-1].trials
    again = side_by_side(lambda each: list(repeat.repeat(data, tmp_path / "m", 2, resume=True, peers=each)))
    assert [type(fact) for fact in again[0]] == [type(fact) for fact in again[1]]
    assert isinstance(again[1][0], Complete)


def test_a_process_takes_over_the_run_of_the_first(read_tiny, side_by_side):
    data = read_tiny()

    def share(peers: Peers) -> tuple[Any, dict[str, torch.Tensor]]:
        run, recipe = begin(data)
        if peers.is_first:
            run.best, run.kept_epoch = 0.25, 1.5
            facts = loop.train(run, recipe)
            next(facts)
        state.share_run(run, peers)
        return (run.best, run.kept_epoch, run.batch, run.steps), tensors_of(run)

    (place, one), (other, two) = side_by_side(share)
    assert place == other == (0.25, 1.5, 1, 1)
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_what_processes_share_is_what_the_first_has(side_by_side):
    given = {"scores": MappingProxyType({"PER": 0.5}), "none": None}
    assert side_by_side(lambda each: each.share(given if each.is_first else None)) == [given, given]


def test_processes_that_read_something_else_are_refused(read_tiny, side_by_side, tmp_path):
    kinds = [read_tiny(), read_tiny(seed=2)]

    def train(peers: Peers) -> str:
        if peers.is_first:
            return run._check_peers(labelled.prepare(kinds[0]), peers) or ""
        with pytest.raises(PeersDifferError) as caught:
            run._check_peers(labelled.prepare(kinds[1]), peers)
        return str(caught.value)

    assert "process 1 has other settings or other sentences than process 0" in side_by_side(train)[1]
    busy = labelled.prepare(read_tiny(**{"training.workers": 2}))
    with pytest.raises(ConfigError, match=r"training\.workers: found 2 beside 3 processes of torchrun's"):
        next(run.train(busy, tmp_path / "m", peers=Peers(0, 3)))


def test_a_launcher_is_told_by_its_variables(monkeypatch):
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert launch.find_launch() is None
    assert launch.is_first()
    monkeypatch.setenv("RANK", "5")
    assert launch.find_launch() is None
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert launch.find_launch() == (5, 5, 8, 8)
    assert not launch.is_first()
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert launch.find_launch() == (5, 1, 8, 4)
    monkeypatch.setenv("RANK", "first")
    with pytest.raises(ConfigError, match="RANK: found 'first', expected a number, as torchrun sets it"):
        launch.find_launch()


@pytest.fixture
def torchrun(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `tagger` in two processes that torchrun looks after."""
    begun: list[subprocess.Popen[str]] = []

    def start(*arguments: object) -> subprocess.Popen[str]:
        here = os.environ | {"PYTHONPATH": str(Path(tagger.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        begun.append(
            subprocess.Popen(
                [*command, "-m", "tagger", *map(str, arguments)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                env=here,
                cwd=tmp_path,
            )
        )
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.communicate()


def own_lines(stderr: str) -> list[str]:
    """Return what tagger says, without what torchrun does."""
    return [line for line in stderr.splitlines() if line.startswith(("error:", "stopp", "resumed", "epoch"))]


def find_ranks(process: subprocess.Popen[str]) -> dict[int, int]:
    """Return the process of each rank that torchrun started."""
    found = {}
    for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        variables = Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
        ranks = [each.partition(b"=")[2] for each in variables if each.startswith(b"RANK=")]
        found |= {int(rank): int(child) for rank in ranks}
    return found


def await_epoch(process: subprocess.Popen[str]) -> list[str]:
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if line.startswith("epoch"):
            break
    return seen


LONG = [f"--set={name}={value}" for name, value in TINY_SIZES.items()]
LONG += ["--epochs", "80", "--batch-sentences", "3", "--context", "1"]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no /proc")
def test_a_run_goes_on_after_a_death_and_after_a_stop_with_the_same_bits(torchrun, ten_sentences, tmp_path):
    train = ["train", ten_sentences, "--dev", ten_sentences, *LONG]
    whole = torchrun(*train, "-o", "whole")
    out, err = whole.communicate(timeout=120)
    assert (whole.returncode, out.count("token accuracy")) == (0, 1), err
    assert "2 processes that share each batch" in err
    assert len(own_lines(err)) == 80

    for rank in (0, 1):
        killed = torchrun(*train, "-o", "killed", "--resume")
        await_epoch(killed)
        began = time.monotonic()
        os.kill(find_ranks(killed)[rank], signal.SIGKILL)
        _, err = killed.communicate(timeout=30)
        assert time.monotonic() - began < 20
        faults = [line for line in own_lines(err) if line.startswith("error")]
        assert len(faults) == 1
        assert "another process of this training was killed" in faults[0]
        assert "--resume" in faults[0]
        files.load_model(tmp_path / "killed")
        assert output.has_run(tmp_path / "killed")

    stopped = torchrun(*train, "-o", "killed", "--resume")
    await_epoch(stopped)
    stopped.send_signal(signal.SIGINT)
    _, err = stopped.communicate(timeout=30)
    said = [line for line in own_lines(err) if not line.startswith("epoch")]
    assert len([line for line in said if line.startswith("stopping after this step")]) == 1
    assert len([line for line in said if line.startswith("stopped in epoch")]) == 1

    resumed = torchrun(*train, "-o", "killed", "--resume")
    _, err = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, err
    assert bits(tmp_path / "killed") == bits(tmp_path / "whole")


@pytest.mark.slow
def test_a_mistake_is_told_once(torchrun, ten_sentences, tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / files.SCORES).write_text("{}")
    for arguments, expected in (
        (["nowhere.conll", "-o", "x"], "error: nowhere.conll: cannot be read"),
        ([ten_sentences, "-o", "m"], "error: m: holds scores.json and no model"),
        ([ten_sentences, "-o", "x", "--epochs", "none"], "Invalid value for '--epochs'"),
    ):
        process = torchrun("train", *arguments)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 1
        assert (out, err.count(expected), "tagger/" in err) == ("", 1, False), err
    assert not (tmp_path / "x").exists()
