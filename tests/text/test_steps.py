"""Which tag may follow which, as a matrix: the same as asking for each step; and soon told for many types."""

from __future__ import annotations

import random
import time

import pytest

from tagger.text.schemes import Scheme, allowed, is_legal_step, tags_of_types


@pytest.mark.parametrize("scheme", list(Scheme))
def test_the_matrix_of_steps_is_what_each_step_says(scheme: Scheme) -> None:
    draw = random.Random(1)
    pool = [*tags_of_types(["A", "B-C", "D"], scheme), "?"]
    for count in range(len(pool) + 1):
        tags = draw.sample(pool, count)
        found = allowed(tags, scheme).transitions
        assert found.shape == (count, count)
        assert found.tolist() == [[is_legal_step(one, other, scheme) for other in tags] for one in tags]


def test_a_thousand_types_are_soon_told() -> None:
    """4,001 tags, sixteen million steps: a second where each step was asked for took twenty."""
    tags = tags_of_types([f"T{number}" for number in range(1000)], Scheme.BIOES)
    began = time.perf_counter()
    found = allowed(tags, Scheme.BIOES).transitions
    assert time.perf_counter() - began < 5
    # O, and E and S of each type, lead to O, and to B and S of each; B and I lead to I and E of their own type.
    assert found.sum() == 2001 * 2001 + 4 * 1000
