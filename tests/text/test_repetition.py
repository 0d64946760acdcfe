"""Repeats against a search for each of them."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tagger.text.repetition import find_repeats, number_scopes, scope_size

WORDS = ["Ada", "ada", "ADA", "Étienne", "Ωmega", "北京", "de", "3", "-", "Li"]


@pytest.mark.parametrize("seed", range(5))
def test_repeats_are_equal_capitalised_words_of_a_scope(seed):
    draw = random.Random(seed)
    sentences = [draw.choices(WORDS, k=draw.randint(1, 6)) for _ in range(20)]
    scopes = sorted(draw.choices(range(4), k=20))
    tokens = [(scope, word) for words, scope in zip(sentences, scopes, strict=True) for word in words]
    found = find_repeats(sentences, scopes)
    assert len(found) == len(tokens)
    for one, first in enumerate(tokens):
        partners = [two for two, second in enumerate(tokens) if second == first and two != one]
        takes_part = first[1] in {"Ada", "ADA", "Étienne", "Ωmega", "Li"} and partners
        assert (found[one] >= 0) == bool(takes_part)
        if takes_part:
            assert {two for two in range(len(tokens)) if found[two] == found[one]} == {one, *partners}


def test_there_may_be_nothing_to_find():
    assert find_repeats([], []).tolist() == []
    assert find_repeats([["北", "京"], ["北"]], [0, 0]).tolist() == [-1, -1, -1]
    assert find_repeats([["Ada"], ["Ada"]], [0, 1]).dtype == np.int64


def test_scopes_end_with_documents_and_hold_so_many_sentences():
    assert number_scopes([], 3) == []
    assert number_scopes([5, 5, 5, 5, 2, 2, 5], 3) == [0, 0, 0, 1, 2, 2, 3]
    assert number_scopes(range(4), 30) == [0, 1, 2, 3]


@pytest.mark.parametrize("context", range(1, 65))
def test_a_scope_holds_whole_groups(context):
    assert scope_size(context) % context == 0
    assert 30 <= scope_size(context) < max(30, context) + context
