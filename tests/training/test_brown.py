"""Brown clustering against its definition: the mutual information of neighbours, computed anew for every merger."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest

from tagger.training.brown import Brown, Neighbours

Pairs = Mapping[tuple[int, int], int]


def information(pairs: Pairs, words: Mapping[int, int], groups: list[set[int]]) -> float:
    """Return the sum over pairs of groups of n(a, b) log (n(a, b) / (n(a) n(b)))."""
    of = {word: place for place, group in enumerate(groups) for word in group}
    sizes = [sum(words[word] for word in group) for group in groups]
    counts: Counter[tuple[int, int]] = Counter()
    for (first, second), count in pairs.items():
        if first in of and second in of:
            counts[of[first], of[second]] += count
    return sum(n * math.log(n / (sizes[a] * sizes[b])) for (a, b), n in counts.items())


def merge_best(pairs: Pairs, words: Mapping[int, int], groups: list[set[int]]) -> list[set[int]]:
    """Return the groups after the merger that loses least."""

    def merged(one: int, two: int) -> list[set[int]]:
        rest = [group for place, group in enumerate(groups) if place not in (one, two)]
        return [*rest, groups[one] | groups[two]]

    choices = [merged(*each) for each in itertools.combinations(range(len(groups)), 2)]
    return max(choices, key=lambda each: information(pairs, words, each))


def cluster_slowly(pairs: Pairs, words: Mapping[int, int], classes: int) -> tuple[set, set]:
    """Return the classes, and every node of their tree, as sets of words."""
    groups: list[set[int]] = []
    for word in words:
        groups.append({word})
        if len(groups) > classes:
            groups = merge_best(pairs, words, groups)
    made = {frozenset(group) for group in groups}
    nodes = set(made)
    while len(groups) > 1:
        groups = merge_best(pairs, words, groups)
        nodes |= {frozenset(group) for group in groups}
    return made, nodes


def draw(seed: int, size: int) -> tuple[dict[tuple[int, int], int], dict[int, int]]:
    """Return counts so large that no two mergers cost the same."""
    generator = np.random.default_rng(seed)
    pairs = {
        pair: int(generator.integers(1, 100_000))
        for pair in itertools.product(range(size), repeat=2)
        if generator.random() < 0.5
    }
    words = {word: 300_000 * size - 1000 * word + int(generator.integers(1000)) for word in range(size)}
    return pairs, words


def run(pairs: Pairs, words: Mapping[int, int], classes: int) -> Brown:
    ordered = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
    counts = np.array([pairs[tuple(pair)] for pair in ordered.tolist()], dtype=np.int64)
    found = Brown(np.array([*words.values()]), Neighbours(ordered[:, 0], ordered[:, 1], counts), classes)
    assert [*found.run()] == [*range(1, found.steps + 1)]
    return found


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("classes", [2, 4, 7])
def test_every_merger_is_the_one_that_loses_least(seed, classes):
    pairs, words = draw(seed, 12)
    paths = run(pairs, words, classes).paths()
    made: dict[str, set[int]] = {}
    nodes: dict[str, set[int]] = {}
    for word, path in enumerate(paths):
        made.setdefault(path, set()).add(word)
        for size in range(len(path) + 1):
            nodes.setdefault(path[:size], set()).add(word)
    expected, all_nodes = cluster_slowly(pairs, words, classes)
    assert {frozenset(group) for group in made.values()} == expected
    assert {frozenset(group) for group in nodes.values()} == all_nodes


def test_information_is_that_of_the_classes_in_bits():
    # a and b alternate: who stands next is known, which is one bit
    pairs = {(0, 1): 1000, (1, 0): 1000}
    assert run(pairs, {0: 1000, 1: 1000}, 2).information == pytest.approx(1.0)
    # all pairs alike: nothing is known
    pairs = dict.fromkeys(itertools.product(range(2), repeat=2), 70_000)
    assert run(pairs, {0: 140_000, 1: 140_000}, 2).information == pytest.approx(0.0)


def test_words_used_alike_are_put_together():
    # 0 and 1 are articles, 2 to 4 nouns, 5 and 6 verbs: article noun verb
    pairs = Counter({(article, noun): 40 + noun for article in (0, 1) for noun in (2, 3, 4)})
    pairs.update({(noun, verb): 30 + verb for noun in (2, 3, 4) for verb in (5, 6)})
    paths = run(pairs, {word: 200 - word for word in range(7)}, 3).paths()
    assert len(set(paths)) == 3
    assert len(set(paths[:2])) == len(set(paths[2:5])) == len(set(paths[5:])) == 1


def test_fewer_words_than_classes_have_one_each_and_no_neighbours_are_no_fault():
    assert sorted(run({(0, 1): 3}, {0: 5, 1: 4}, 10).paths()) == ["0", "1"]
    found = run({}, {0: 3, 1: 2, 2: 1}, 2)
    assert (len(set(found.paths())), found.information) == (2, 0.0)
