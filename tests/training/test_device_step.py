"""A training step beside a device that runs ahead: the CPU's numbers, and nothing read back on the way."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from device_manner import Counted, treat_as_device
from training_runs import begin, fit_whole

from tagger.model.batch import collate
from tagger.training import state
from tagger.training.echoes import STEPS_LATE, Echoes
from tagger.training.loop import EpochFacts, StepFacts
from tagger.training.recipes import labelled
from tagger.training.workers.gradient import GradientComputer, GradientTask

HERE = Path(__file__).parent
EVERYTHING = {  # every kind of feature; the softmax, whose loss hides nothing of the rest
    "decoder.kind": "softmax",
    "embedding.bigram_dim": 3,
    "training.costs": ["PER=1:0.5"],
}


def take_steps(recipe, run, count: int) -> list[tuple[float, float]]:
    """Take some steps, the last of them without the language model; return losses and norms."""
    compute = GradientComputer(recipe.learner)
    compute.begin(recipe.corpus)
    batches = recipe.batches(recipe.corpus, 0, 0, 1)
    told = []
    for number in range(count):
        gradient = compute(make_task(batches, number, 0.9 if number == count - 1 else 0.1))
        norm = run.optimizer.step(gradient.values, 0.01)
        told.append((float(gradient.loss), float(norm)))
    run.optimizer.settle()
    return told


def make_task(batches, number: int, progress: float = 0.0) -> GradientTask:
    groups = batches[number % len(batches)]
    sentences = sum(item.stop - item.start for item in groups)
    return GradientTask(
        groups, (1, 0, number), 1 / sentences, sum(item.tokens for item in groups), (progress, 0.5)
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        EVERYTHING,
        {"embedding.affix_dim": 0, "embedding.character_filters": 0},  # neighbours are read from a table
        {"training.average": 0.0, "encoder.kind": "gru", "encoder.layers": 2},
    ],
    ids=["default", "everything", "table", "no average"],
)
def test_its_steps_are_those_of_the_cpu(monkeypatch, read_tiny, changes):
    data = read_tiny(**{"training.clip_norm": 10.0, **changes})
    found = []
    for beside_device in (False, True):
        recipe = labelled.prepare(data)
        run = state.begin(recipe.learner.network.double(), recipe.settings)
        if beside_device:
            treat_as_device(monkeypatch)
        found.append((take_steps(recipe, run, 6), run))
    (told, run), (told_late, run_late) = found
    assert told == pytest.approx([pytest.approx(each, rel=1e-6) for each in told_late])
    for one, other in ((run.network, run_late.network), (run.averaged, run_late.averaged)):
        for (name, value), late in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
            torch.testing.assert_close(
                late, value, rtol=0, atol=1e-6, msg=lambda text, n=name: f"{n}: {text}"
            )


@pytest.mark.parametrize("progress", [0.0, 0.9])
def test_it_waits_for_nothing_and_launches_little(monkeypatch, read_tiny, progress):
    """From the layout to the optimiser; what it takes beyond the CRF, which has a launch for each of its steps."""
    treat_as_device(monkeypatch)
    for name in ("tolist", "numpy"):  # which no operator stands for
        monkeypatch.setattr(torch.Tensor, name, lambda tensor, name=name: pytest.fail(f"waits for {name}"))
    data = read_tiny(**EVERYTHING)
    run, recipe = begin(data)
    compute = GradientComputer(recipe.learner)
    compute.begin(recipe.corpus)
    batches = recipe.batches(recipe.corpus, 0, 0, 1)
    task = make_task(batches, 0, progress)
    with Counted() as counted:
        gradient = compute(task)
        first = counted.launches
        run.echoes.expect(gradient.loss, run.optimizer.step(gradient.values, 0.01), task.tokens)
    assert counted.waits == {}
    assert first <= 250
    assert counted.launches - first <= 110, counted.launches


def test_what_steps_say_comes_two_steps_later(monkeypatch):
    echoes = Echoes()
    for number in range(5):
        echoes.expect(torch.tensor(float(number)), torch.tensor(number / 2), number)
        arrived = [echo.predictions for echo in echoes.arrived()]
        assert arrived == ([number - STEPS_LATE] if number >= STEPS_LATE else [])
    echoes.expect(torch.tensor(5.0), torch.tensor(math.nan), 5)
    assert [(echo.loss, echo.predictions) for echo in echoes.arrived(all_of_them=True)] == [
        (3.0, 3),
        (4.0, 4),
        (5.0, 5),
    ]
    assert math.isnan(echoes.norm)
    assert list(echoes.arrived(all_of_them=True)) == []
    echoes.expect(1.0, 2.0, 3)  # from a CPU
    assert [tuple(echo) for echo in echoes.arrived()] == [(1.0, 2.0, 3)]
    assert echoes.norm == 2.0


def test_a_run_tells_the_same_of_its_epochs(monkeypatch, read_tiny, tmp_path):
    data = read_tiny(**{"decoder.kind": "softmax", "training.batch_sentences": 2})
    found = []
    for name in ("cpu", "device"):
        if name == "device":
            treat_as_device(monkeypatch)
        found.append(fit_whole(data, tmp_path / name))
    epochs, epochs_late = ([fact for fact in facts if isinstance(fact, EpochFacts)] for facts in found)
    assert len(epochs) == len(epochs_late) == 3
    for one, other in zip(epochs, epochs_late, strict=True):
        assert other.loss == pytest.approx(one.loss, rel=1e-3)
        assert other.skipped == one.skipped == 0
    steps = [fact for fact in found[1] if isinstance(fact, StepFacts)]
    assert all(fact.loss > 0 and fact.norm > 0 for fact in steps)


def test_the_next_batch_is_laid_out_meanwhile_and_its_faults_are_told_when_it_is_wanted(
    monkeypatch, read_tiny
):
    treat_as_device(monkeypatch)
    _, recipe = begin(read_tiny())
    aside = []
    original = type(recipe.learner).lay_out

    def lay_out(learner, chunk, items):
        aside.append(threading.current_thread() is not threading.main_thread())
        return original(learner, chunk, items)

    monkeypatch.setattr(type(recipe.learner), "lay_out", lay_out)
    compute = GradientComputer(recipe.learner)
    compute.begin(recipe.corpus)
    batches = recipe.batches(recipe.corpus, 0, 0, 1)
    tasks = [make_task(batches, number) for number in range(2)]
    expected = [float(compute(task).loss) for task in tasks]
    assert aside == [False, False]
    assert float(compute(tasks[0], tasks[1]).loss) == expected[0]
    assert float(compute(tasks[1], tasks[0]._replace(items=[None])).loss) == expected[1]
    with pytest.raises(AttributeError):
        compute(tasks[0]._replace(items=[None]))
    assert sorted(aside[2:]) == [False, True, True]


def test_products_in_bfloat16_change_a_gradient_little(read_tiny):
    """Its direction is that of single precision; the language model's table and the loss stay as precise as ever."""
    found = []
    for precision in ("float32", "bfloat16"):
        _, recipe = begin(read_tiny(**{"training.precision": precision, "encoder.hidden": 16}))
        compute = GradientComputer(recipe.learner)
        compute.begin(recipe.corpus)
        gradient = compute(make_task(recipe.batches(recipe.corpus, 0, 0, 1), 0))
        assert all(value.dtype == torch.float32 for value in gradient.values)
        found.append((gradient.loss, torch.cat([value.to_dense().flatten() for value in gradient.values])))
    (loss, whole), (loss_rounded, rounded) = found
    assert loss_rounded == pytest.approx(loss, rel=0.02)
    assert loss_rounded != loss
    assert torch.cosine_similarity(whole, rounded, dim=0) > 0.99


def test_products_in_bfloat16_reach_a_language_model_that_is_tuned(read_with_language_model):
    _, recipe = begin(read_with_language_model(**{"training.precision": "bfloat16", "lm.finetune": True}))
    compute = GradientComputer(recipe.learner)
    compute.begin(recipe.corpus)
    gradient = compute(make_task(recipe.batches(recipe.corpus, 0, 0, 1), 0))
    assert all(value.to_dense().isfinite().all() for value in gradient.values)


def test_a_batch_moves_in_one_copy_for_each_type(read_tiny):
    _, recipe = begin(read_tiny(**EVERYTHING))
    batch = collate(recipe.corpus, recipe.batches(recipe.corpus, 0, 0, 1)[0], 512)
    with Counted() as counted:
        moved = batch.to(torch.device("meta"))
    assert counted.calls["_to_copy"] == 1
    shapes, here = [], []
    moved.with_each(lambda tensor: shapes.append((tensor.device.type, tensor.shape)) or tensor)
    batch.with_each(lambda tensor: here.append(("meta", tensor.shape)) or tensor)
    assert shapes == here
    assert batch.to(torch.device("cpu")) is batch


@pytest.mark.slow
def test_no_tensor_of_a_step_is_left_on_the_cpu():
    """PyTorch's tensors without numbers, on a device that doesn't exist: whoever reads one or mixes devices fails."""
    pytest.importorskip("torch.utils.backend_registration")
    done = subprocess.run(
        [sys.executable, str(HERE.parent / "imaginary_device.py")],
        capture_output=True,
        text=True,
        check=False,
        cwd=HERE.parent.parent,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["3", "steps"]
