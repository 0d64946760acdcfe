"""What constraints leave possible, and how soon any two tags can be joined."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tagger.errors import ConfigError
from tagger.runtime.chain.constraints import exponent, trim
from tagger.text.schemes import Constraints, Scheme, allowed


def constraints_of(tags: str, scheme: Scheme) -> Constraints:
    return allowed(tags.split(), scheme)


@pytest.mark.parametrize(
    ("tags", "scheme", "d"),
    [
        ("O B-X I-X", Scheme.IOB2, 2),
        ("O B-X I-X B-Y I-Y", Scheme.IOB2, 2),
        ("O B-X I-X E-X S-X B-Y I-Y E-Y S-Y", Scheme.BIOES, 3),
        ("B M E S", Scheme.BMES, 2),
        ("NOUN VERB", Scheme.BARE, 1),
    ],
)
def test_exponent_counts_the_moves_that_join_any_two_tags(tags: str, scheme: Scheme, d: int) -> None:
    constraints = trim(constraints_of(tags, scheme))
    assert exponent(constraints) == d
    graph = constraints.transitions.astype(int)
    assert np.linalg.matrix_power(graph, d).all()
    assert not np.linalg.matrix_power(graph, d - 1).all()


def test_exponent_of_a_graph_that_never_mixes_is_none() -> None:
    everywhere, cycle = np.ones(2, dtype=bool), np.array([[False, True], [True, False]])
    assert exponent(Constraints(everywhere, cycle, everywhere)) is None


def test_trim_forbids_ways_that_lead_nowhere() -> None:
    """Without E-X, B-X and I-X begin a span that can't end; without B-Y, I-Y and E-Y can't be reached."""
    tags = "O B-X I-X E-Y I-Y S-Y"
    trimmed = trim(constraints_of(tags, Scheme.BIOES))
    names = tags.split()
    kept = {(names[i], names[j]) for i, j in np.argwhere(trimmed.transitions)}
    assert kept == set(itertools.product(("O", "S-Y"), repeat=2))
    assert [names[k] for k in np.flatnonzero(trimmed.start)] == ["O", "S-Y"]
    assert exponent(trimmed) == 1


def test_trim_refuses_what_leaves_nothing() -> None:
    with pytest.raises(ConfigError, match="3 tags leave no possible tag sequence"):
        trim(constraints_of("B-X I-X E-Y", Scheme.BIOES))
