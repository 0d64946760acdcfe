"""Intervals and tests by resampling, against plain loops over sentences and against enumeration."""

from __future__ import annotations

import random
import time
from itertools import product

import numpy as np
import pytest

from tagger import scoring
from tagger.scoring import Pair
from tagger.text.schemes import Scheme, Span


def random_counts(sentences: int, seed: int, skill: float = 0.8) -> np.ndarray:
    """(N, 3) gold, predicted and correct spans of sentences such as a corpus has."""
    generator = np.random.default_rng(seed)
    gold = generator.poisson(1.5, sentences)
    correct = generator.binomial(gold, skill)
    return np.stack([gold, correct + generator.poisson(0.3, sentences), correct], axis=1)


def f1(rows: np.ndarray) -> float:
    gold, predicted, correct = rows.sum(axis=0)
    return 2 * correct / (gold + predicted)


def test_interval_is_that_of_a_loop_over_sentences() -> None:
    counts = random_counts(300, seed=1)
    generator = np.random.default_rng(5)
    plain = [f1(counts[generator.integers(0, 300, 300)]) for _ in range(4000)]
    found = scoring.bootstrap(counts, resamples=4000, seed=2)
    assert found == pytest.approx(np.quantile(plain, [0.025, 0.975]), abs=0.004)
    assert found.low < f1(counts) < found.high


def test_interval_of_an_accuracy_is_the_textbook_one() -> None:
    """400 one-token sentences, 80 % right: 0.8 plus or minus 1.96 sqrt(0.8 * 0.2 / 400)."""
    counts = np.stack([np.ones(400, dtype=int), np.arange(400) % 5 > 0], axis=1)
    found = scoring.bootstrap(counts, scoring.accuracy_of_counts, resamples=4000)
    assert found == pytest.approx((0.8 - 0.0392, 0.8 + 0.0392), abs=0.006)


def test_the_seed_decides() -> None:
    counts = random_counts(100, seed=1)
    assert scoring.bootstrap(counts, seed=3) == scoring.bootstrap(counts, seed=3)
    assert scoring.bootstrap(counts, seed=3) != scoring.bootstrap(counts, seed=4)


def test_intervals_of_extremes_are_points() -> None:
    nothing = np.zeros((20, 3), dtype=int)
    assert scoring.bootstrap(nothing) == (0.0, 0.0)
    assert scoring.bootstrap(nothing[:0]) == (0.0, 0.0)
    assert scoring.bootstrap(nothing + 1) == (1.0, 1.0)
    assert scoring.bootstrap(nothing + np.array([1, 0, 0])) == (0.0, 0.0)
    assert scoring.bootstrap(nothing + np.array([0, 1, 0]), scoring.precision_of_counts) == (0.0, 0.0)
    assert scoring.bootstrap(nothing + np.array([0, 1, 0]), scoring.recall_of_counts) == (0.0, 0.0)


def test_resamples_without_the_type_are_left_out() -> None:
    """One span in 500 sentences, missed: a third of the resamples lack it, and are no evidence for F1 = 1."""
    counts = np.zeros((500, 3), dtype=int)
    counts[7] = 1, 0, 0
    assert scoring.bootstrap(counts) == (0.0, 0.0)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    truth = f1(random_counts(200_000, seed=0))
    covered = 0
    for seed in range(200):
        low, high = scoring.bootstrap(random_counts(200, seed=seed + 1), resamples=300, seed=seed)
        covered += low <= truth <= high
    assert 0.89 <= covered / 200 <= 0.99


def test_fast_enough_for_fifty_thousand_tokens() -> None:
    """1,000 resamples of 3,500 sentences may take 2 s; they take some hundredths of one."""
    counts = random_counts(3500, seed=1)
    began = time.thread_time()
    scoring.bootstrap(counts)
    assert time.thread_time() - began < 2


def enumerate_p_value(first: np.ndarray, second: np.ndarray) -> float:
    """The exact p-value: every way of swapping the answers."""
    observed = abs(f1(first) - f1(second))
    reached = []
    for swaps in product([False, True], repeat=len(first)):
        mask = np.array(swaps)[:, None]
        difference = f1(np.where(mask, second, first)) - f1(np.where(mask, first, second))
        reached.append(abs(difference) >= observed - 1e-12)
    return float(np.mean(reached))


@pytest.mark.parametrize("seed", range(4))
def test_p_value_approaches_that_of_every_swap(seed: int) -> None:
    first = random_counts(10, seed=seed, skill=0.5)
    second = random_counts(10, seed=seed + 50, skill=0.9)
    second[:, 0] = first[:, 0]
    second[:, 2] = np.minimum(second[:, 2], second[:, 0])
    second[:, 1] = np.maximum(second[:, 1], second[:, 2])
    found = scoring.compare(first, second, trials=20_000, seed=1)
    assert found.p_value == pytest.approx(enumerate_p_value(first, second), abs=0.015)
    assert found.difference == pytest.approx(f1(second) - f1(first))


def test_equal_systems_do_not_differ() -> None:
    counts = random_counts(50, seed=1)
    found = scoring.compare(counts, counts)
    assert (found.difference, found.p_value) == (0.0, 1.0)
    assert scoring.compare(counts[:0], counts[:0]).p_value == 1.0


def test_a_large_difference_has_the_smallest_p_value() -> None:
    good = np.tile([1, 1, 1], (200, 1))
    bad = np.tile([1, 1, 0], (200, 1))
    assert scoring.compare(bad, good, trials=999).p_value == 1 / 1000
    assert scoring.compare(good, bad, trials=999).p_value == 1 / 1000


def test_p_values_are_level_where_systems_are_alike() -> None:
    """Under the null hypothesis p <= 0.1 comes up about one time in ten."""
    small = 0
    for seed in range(300):
        first, second = random_counts(80, seed=seed), random_counts(80, seed=seed + 1000)
        small += scoring.compare(first, second, trials=200, seed=seed).p_value <= 0.1
    assert 0.05 <= small / 300 <= 0.16


def test_counts_of_spans_per_sentence() -> None:
    pairs = [
        Pair([Span("A", 0, 1), Span("B", 1, 2)], [Span("A", 0, 1), Span("A", 1, 2)], 2),
        Pair([], [], 4),
        Pair([Span("B", 0, 1)], [], 1),
    ]
    assert scoring.count_spans(pairs).tolist() == [[2, 2, 1], [0, 0, 0], [1, 0, 0]]
    assert scoring.f1_of_counts(scoring.count_spans(pairs)).tolist() == [0.5, 0.0, 0.0]


def test_counted_rows_have_the_intervals_of_the_sentences() -> None:
    draw = random.Random(3)
    pairs = []
    for _ in range(60):
        gold = [Span(draw.choice("AB"), i, i + 1) for i in range(draw.randint(0, 4))]
        pairs.append(Pair(gold, [Span("A", *span[1:]) for span in gold if draw.random() < 0.7], 5))
    rows = scoring.RowCounts()
    for pair in pairs:
        rows.add(pair, 5, 5 - len(pair.gold))
    assert rows.headline_interval(Scheme.IOB2) == scoring.bootstrap(scoring.count_spans(pairs))
    tags = np.array([[5, 5 - len(pair.gold)] for pair in pairs])
    assert rows.headline_interval(Scheme.BARE) == scoring.bootstrap(tags, scoring.accuracy_of_counts)
    for type_, interval in rows.type_intervals().items():
        alone = [
            Pair(*([span for span in side if span.type == type_] for side in pair[:2]), pair.length)
            for pair in pairs
        ]
        assert interval == scoring.bootstrap(scoring.count_spans(alone))


def test_counts_of_tags_per_sentence() -> None:
    gold = [["N", "V", "?"], [], ["?", "N"]]
    assert scoring.count_tags(gold, [["N", "N", "?"], [], ["V", "N"]]).tolist() == [[2, 1], [0, 0], [1, 1]]
    assert scoring.count_tags([], []).shape == (0, 2)
