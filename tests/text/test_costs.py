"""Costs of mistakes: how they are written, what is refused, and the table of a worked example."""

from __future__ import annotations

import pytest

from tagger.errors import ConfigError
from tagger.text import costs
from tagger.text.costs import Cost
from tagger.text.schemes import Scheme


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PER=1", {"PER": Cost(1.0, 0.0)}),
        ("PER=1.5:0.5", {"PER": Cost(1.5, 0.5)}),
        ("PER=0:2", {"PER": Cost(0.0, 2.0)}),
        ("a=b=3", {"a=b": Cost(3.0, 0.0)}),
        ("B:C=3:1e-1", {"B:C": Cost(3.0, 0.1)}),
    ],
)
def test_a_cost_is_of_recall_and_may_be_of_precision_too(text, expected):
    assert costs.parse([text]) == expected


@pytest.mark.parametrize(
    "text", ["", "PER", "PER=", "=1", "PER=x", "PER=-1", "PER=1:-1", "PER=51", "PER=nan", "PER=1:2:3"]
)
def test_a_cost_written_otherwise_is_refused(text):
    with pytest.raises(ConfigError) as caught:
        costs.parse([text])
    expected = "TYPE=RECALL or TYPE=RECALL:PRECISION, as in PER=1.5:0.5 (costs from 0 to 50)"
    assert str(caught.value) == f"--cost: found {text!r}, expected {expected}"


def test_a_type_given_twice_is_refused():
    with pytest.raises(ConfigError, match="found type PER twice, expected each once"):
        costs.parse(["PER=1", "LOC=1", "PER=2"])


@pytest.mark.parametrize(
    ("asked", "advice"),
    [
        ("PERS", "did you mean PER?"),
        ("loc", "did you mean LOC?"),
        ("qqqqqqq", "there are LOC, ORG, PER"),
    ],
)
def test_an_unknown_type_names_the_nearest(asked, advice):
    with pytest.raises(ConfigError) as caught:
        costs.check([f"{asked}=1"], ["LOC", "ORG", "PER"])
    assert str(caught.value) == f"--cost: found type {asked!r}, expected one of the training corpus; {advice}"
    costs.check(["PER=1"], ["LOC", "ORG", "PER"])


def test_the_table_of_a_worked_example():
    tags = ["O", "B-PER", "S-PER", "S-LOC"]
    found = costs.matrix(tags, Scheme.BIOES, {"PER": Cost(2.0, 0.5), "LOC": Cost(0.0, 1.0)})
    assert found.tolist() == [
        [0.0, 0.5, 0.5, 1.0],  # gold O: a person is invented for 0.5, a place for 1
        [2.0, 0.0, 2.5, 3.0],  # gold person: missed for 2; cut otherwise: missed and invented; a place: 2 + 1
        [2.0, 2.5, 0.0, 3.0],
        [0.0, 0.5, 0.5, 0.0],  # gold place: missing it is free
    ]


def test_bare_labels_have_costs_too():
    found = costs.matrix(["NOUN", "VERB"], Scheme.BARE, {"VERB": Cost(1.0, 0.25)})
    assert found.tolist() == [[0.0, 0.25], [1.0, 0.0]]


def test_a_name_is_missed_by_shares():
    tags = ["O", "B-PER", "S-LOC"]
    assert costs.shares(tags, Scheme.BIOES, (), 2.0).tolist() == [[0, 0, 0], [0.5, 0, 0.5], [0.5, 0.5, 0]]
    assert costs.shares(tags, Scheme.BIOES, {"PER"}, 4.0).tolist() == [[0, 0, 0], [0, 0, 0], [0.25, 0.25, 0]]


def test_bare_labels_are_no_names():
    assert not costs.shares(["NOUN", "VERB"], Scheme.BARE, (), 1.0).any()


def test_words_without_types_cost_nothing():
    with pytest.raises(
        ConfigError, match="found type 'word', but the words of the training corpus have no types"
    ):
        costs.check(["word=2"], [""])
