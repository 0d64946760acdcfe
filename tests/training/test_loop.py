"""The training loop: the same bits for the same seed, rounds of like batches; what it yields, skips and gives up."""

from __future__ import annotations

import gc
import itertools
import math
import weakref
from itertools import pairwise

import pytest
import torch
from training_runs import CALM, are_same, begin, tensors_of

from tagger.model.labeler import SequenceLabeler
from tagger.scoring import Score, Scores
from tagger.scoring.exact import Average
from tagger.training import loop
from tagger.training.loop import EpochFacts, StepFacts
from tagger.training.margin import recall_cost
from tagger.training.objective import LabellingObjective
from tagger.training.workers.team import MemoryExhaustedError


def some_scores(correct: int = 1, names: int = 10) -> Scores:
    return Scores(Score(names, names, correct), Average(0.0, 0.0, 0.0, names))


def train(data, workers: int = 1, score=lambda labeler: some_scores()):
    run, recipe = begin_scored(data, score)
    facts = list(loop.train(run, recipe, workers))
    return run, facts, {name: value for name, value in tensors_of(run).items() if "optimizer" not in name}


def begin_scored(data, score=lambda labeler: some_scores()):
    run, recipe = begin(data)
    recipe.measure = lambda network: score(network.labeler)
    return run, recipe


def test_the_same_seed_gives_the_same_bits(read_tiny):
    data = read_tiny()
    (_, facts, weights), (_, again, others) = train(data), train(data)
    assert are_same(weights, others)
    assert [fact.loss for fact in facts] == [fact.loss for fact in again]
    torch.manual_seed(7)
    assert are_same(weights, train(data)[2])
    assert not are_same(weights, train(read_tiny(seed=2))[2])


@pytest.mark.parametrize(
    ("setting", "expected"),
    [("auto", [recall_cost(0.0), recall_cost(0.7), recall_cost(0.9)]), (0.5, [0.5] * 3), (0, [0.0] * 3)],
)
def test_missing_a_name_costs_what_suits_the_best_dev_score(read_tiny, monkeypatch, setting, expected):
    data = read_tiny(**{"training.recall_cost": setting, "training.epochs": 3})
    real, seen = LabellingObjective.forward, []

    def forward(self, batch, generator, progress, cost):
        seen.append(cost)
        return real(self, batch, generator, progress, cost)

    monkeypatch.setattr(LabellingObjective, "forward", forward)
    dev = iter((some_scores(7), some_scores(9), some_scores(8)))
    train(data, score=lambda labeler: next(dev))
    steps = len(seen) // 3
    assert seen == [cost for cost in expected for _ in range(steps)]


@pytest.mark.parametrize("workers", [2, 3, 4])
def test_the_batches_of_a_round_are_of_like_size(read_tiny, workers):
    data = read_tiny(**{"encoder.context": 1, "training.batch_sentences": 1})
    recipe = begin(data)[1]
    drawn = list(recipe.batches(recipe.corpus, 0, 0, 1))
    batches = list(recipe.batches(recipe.corpus, 0, 0, workers))
    assert batches == list(recipe.batches(recipe.corpus, 0, 0, workers))
    assert sorted(batches) == sorted(drawn)
    rounds = [batches[start : start + workers] for start in range(0, len(batches), workers)]
    left = len(drawn) % workers
    assert batches[len(drawn) - left :] == drawn[len(drawn) - left :]  # no round is cut in two
    sizes = sorted([batch[0].tokens for batch in each] for each in rounds if len(each) == workers)
    for smaller, larger in itertools.pairwise(sizes):
        assert max(smaller) <= min(larger)
    places = [[drawn.index(batch) for batch in each] for each in rounds]
    assert places == [sorted(each) for each in places] == sorted(places)


def test_facts_of_every_step_and_epoch(read_tiny):
    data = read_tiny()
    run, facts, _ = train(data)
    epochs = [fact for fact in facts if isinstance(fact, EpochFacts)]
    steps = [fact for fact in facts if isinstance(fact, StepFacts)]
    assert [fact.epoch for fact in epochs] == [1, 2, 3]
    for epoch in epochs:
        own = [fact for fact in steps if fact.epoch == epoch.epoch]
        assert [fact.batch for fact in own] == list(range(1, own[0].batches + 1))
        assert epoch.loss == own[-1].loss
        assert epoch.skipped == 0
    assert [fact.progress for fact in steps] == sorted(fact.progress for fact in steps)
    assert steps[-1].progress == 1.0
    assert epochs[0].loss > epochs[-1].loss
    assert (run.epoch, run.batch, run.tokens, run.seconds) == (3, 0, 0, 0.0)


def test_training_learns(read_tiny):
    data = read_tiny(
        **CALM,
        **{"training.epochs": 40, "encoder.hidden": 12, "training.average": 0.0, "training.recall_cost": 0},
    )
    _, facts, _ = train(data)
    assert facts[-1].loss < 0.05


def test_the_first_of_equal_epochs_is_the_best(read_tiny):
    correct = iter([3, 5, 5, 4])
    run, facts, _ = train(
        read_tiny(**{"training.epochs": 4}), score=lambda labeler: some_scores(next(correct))
    )
    assert [fact.improved for fact in facts if isinstance(fact, EpochFacts)] == [True, True, False, False]
    assert (run.stale, run.best) == (2, 0.5)


def test_the_latest_epoch_within_chance_of_the_best_is_kept(read_tiny):
    # of 1,000 names: a quarter of a standard error is 0.0039 at an F1 of 0.6
    correct = iter([100, 600, 595, 597, 590, 597, 300])
    run, facts, _ = train(
        read_tiny(**{"training.epochs": 7}), score=lambda labeler: some_scores(next(correct), 1000)
    )
    epochs = [fact for fact in facts if isinstance(fact, EpochFacts)]
    assert [fact.kept for fact in epochs] == [True, True, False, True, False, True, False]
    assert [fact.improved for fact in epochs] == [True, True] + [False] * 5
    assert (run.stale, run.kept_epoch) == (5, 6)


def test_steps_within_an_epoch_are_measured(read_tiny):
    """Three batches an epoch: dev is measured behind steps 2, 4 and 8, and at the ends of epochs, 3, 6 and 9."""
    correct = iter([1, 3, 2, 5, 5, 4])
    data = read_tiny(**CALM, **{"training.average": 0.0, "training.recall_cost": 0.0})
    run, recipe = begin_scored(data, lambda labeler: some_scores(next(correct)))
    facts = list(loop.train(run, recipe, eval_steps=2))
    measured = [fact for fact in facts if isinstance(fact, EpochFacts)]
    assert [(fact.epoch, fact.step) for fact in measured] == [
        (0.6667, 2), (1, 3), (1.3333, 4), (2, 6), (2.6667, 8), (3, 9),
    ]  # fmt: skip
    assert [fact.improved for fact in measured] == [True, True, False, True, False, False]
    assert (run.kept_epoch, run.stale, run.measured, run.measured_step) == (2.6667, 2, 6, 9)
    assert all(one.loss == two.loss for one, two in pairwise(facts) if isinstance(two, EpochFacts))
    _, plain, weights = train(data)
    assert measured[0].loss == plain[1].loss != measured[1].loss  # since the measurement before
    assert are_same(weights, {name: value for name, value in tensors_of(run).items() if name in weights})


def test_patience_counts_measurements(read_tiny):
    correct = iter([3, 5, 4, 5, 9, 9])
    run, recipe = begin_scored(
        read_tiny(**{"training.patience": 2}), lambda labeler: some_scores(next(correct))
    )
    facts = list(loop.train(run, recipe, eval_steps=1))
    assert (run.epoch, run.batch, run.stale) == (1, 1, 2)
    assert [fact.step for fact in facts if isinstance(fact, EpochFacts)] == [1, 2, 3, 4]
    assert not list(loop.train(run, recipe, eval_steps=1))


def test_patience_ends_training(read_tiny):
    correct = iter([3, 5, 4, 5, 9, 9])
    settings = {"training.epochs": 6, "training.patience": 2}
    run, _, _ = train(read_tiny(**settings), score=lambda labeler: some_scores(next(correct)))
    assert (run.epoch, run.stale) == (4, 2)


def test_the_average_is_settled_when_it_is_scored(read_tiny):
    seen = []

    def score(labeler: SequenceLabeler) -> Scores:
        seen.append(labeler.embedding.word.weight.clone())
        return some_scores()

    run, _, _ = train(read_tiny(), score=score)
    run.optimizer.settle()
    assert torch.equal(seen[-1], run.averaged.labeler.embedding.word.weight)


@pytest.fixture
def spoilt(monkeypatch):
    """Make the loss of some steps (counted from 1) NaN."""
    steps: set[int] = set()
    calls = []
    forward = LabellingObjective.forward

    def spoil(self, batch, *rest):
        calls.append(None)
        loss = forward(self, batch, *rest)
        if len(calls) in steps:
            return loss._replace(total=loss.total * math.nan, told=loss.told * math.nan)
        return loss

    monkeypatch.setattr(LabellingObjective, "forward", spoil)
    return steps


def test_a_step_without_a_finite_gradient_is_skipped_and_counted(read_tiny, spoilt):
    data = read_tiny(**{"training.epochs": 2})
    _, calm, _ = train(data)
    batches = calm[0].batches
    spoilt.clear()
    spoilt.update(
        {len(calm) - 2 + 2, len(calm) - 2 + batches + 1}
    )  # counted on: calls go on from the first run
    run, recipe = begin_scored(data)
    before = None
    skipped = []
    for fact in loop.train(run, recipe):
        if isinstance(fact, StepFacts):
            weights = {name: value.clone() for name, value in run.network.state_dict().items()}
            if not math.isfinite(fact.norm):
                skipped.append((fact.epoch, fact.batch))
                assert are_same(weights, before)
            assert math.isfinite(fact.loss)
            before = weights
        else:
            assert fact.skipped == 1
    assert skipped == [(1, 2), (2, 1)]
    assert run.optimizer.steps == len(calm) - 2 - 2


def run_out_of_memory(monkeypatch, beyond: int, error: Exception) -> None:
    """Let every batch of more than some sentences fail."""
    forward = LabellingObjective.forward

    def fail(self, batch, *arguments):
        if len(batch.lengths) > beyond:
            raise error
        return forward(self, batch, *arguments)

    monkeypatch.setattr(LabellingObjective, "forward", fail)


OUT_OF_MEMORY = [
    MemoryError(),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
    RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_batches_are_halved_where_memory_runs_out(read_tiny, monkeypatch, error):
    data = read_tiny(**CALM, **{"encoder.context": 1, "training.epochs": 1})
    _, _, expected = train(data)
    run_out_of_memory(monkeypatch, 2, error)
    _, facts, weights = train(data)
    assert [fact.halved for fact in facts if isinstance(fact, StepFacts)][-1]
    for name, value in expected.items():  # without dropout halves are as good as wholes
        torch.testing.assert_close(weights[name], value, rtol=1e-3, atol=1e-4)


def test_what_a_failed_step_held_is_free_when_halves_are_tried(read_tiny, monkeypatch):
    class Large:
        pass

    held = []
    forward = LabellingObjective.forward

    def fail(self, *arguments):
        if held:
            assert held[0]() is None
            return forward(self, *arguments)
        large = Large()
        held.append(weakref.ref(large))
        raise MemoryError

    monkeypatch.setattr(LabellingObjective, "forward", fail)
    gc.disable()
    try:
        train(read_tiny(**{"training.epochs": 1}))
    finally:
        gc.enable()
    assert held


def test_too_little_memory_for_halves_ends_with_advice(read_tiny, monkeypatch):
    run_out_of_memory(monkeypatch, 0, OUT_OF_MEMORY[1])
    with pytest.raises(
        MemoryExhaustedError, match=r"out of memory in a step of \d+ tokens; give a smaller --batch-sentences"
    ):
        train(read_tiny())


def test_other_errors_are_not_taken_for_want_of_memory(read_tiny, monkeypatch):
    run_out_of_memory(monkeypatch, 0, RuntimeError("a bug"))
    with pytest.raises(RuntimeError, match="a bug"):
        train(read_tiny())


def test_threads_are_given_back_when_a_run_is_abandoned(read_tiny):
    torch.set_num_threads(2)
    try:
        data = read_tiny()
        facts = loop.train(*begin(data))
        next(facts)
        assert torch.get_num_threads() == 1
        facts.close()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5])
def test_the_schedule_rises_and_falls_once_within_its_bounds(warmup):
    rates = [loop.schedule(step / 1000, warmup) for step in range(1001)]
    peak = max(rates)
    assert peak == 1.0
    assert rates.index(peak) == round(1000 * warmup)
    assert rates[-1] == 0.0
    assert min(rates) >= 0.0
    assert rates[: round(1000 * warmup)] == sorted(rates[: round(1000 * warmup)])
    assert rates[round(1000 * warmup) :] == sorted(rates[round(1000 * warmup) :], reverse=True)
