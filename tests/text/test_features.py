"""Features of spelling against worked examples, and what holds for every word."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.text import features

words = st.text(min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Paris", "Xxx"),
        ("PARIS", "XX"),
        ("iPhone", "xXxx"),
        ("U.S.", "X.X."),
        ("1,000.5", "d,dd.d"),
        ("北京市", "cc"),
        ("Ünal", "Xxx"),
        ("--------", "--"),
        ("a-b-c-d-e-f-g-h-i-j-k", "x-x-x-x-x-x-x-x-"),
    ],
)
def test_shapes(word, expected):
    assert features.shape(word) == expected


@given(words)
def test_a_shape_is_short_and_has_no_run_of_three(word):
    shape = features.shape(word)
    assert 1 <= len(shape) <= 16
    assert all(len(set(shape[i : i + 3])) > 1 for i in range(len(shape) - 2))


@given(words)
def test_normal_forms_are_normal(word):
    normal = features.normalise(word)
    assert features.normalise(normal) == normal
    assert len(features.normalise(word, lowercase=False)) == len(word)


def test_digits_of_every_script_become_zero():
    assert features.normalise("Room ٣4五") == "room 00五"
    assert features.normalise("B52", lowercase=False) == "B00"


@given(words, st.integers(1, 6))
def test_affixes_are_the_beginnings_and_ends(word, longest):
    found = features.affixes(word, longest)
    expected = {word[:n] + "-" for n in range(1, longest + 1) if n <= len(word)}
    expected |= {"-" + word[len(word) - n :] for n in range(1, longest + 1) if n <= len(word)}
    assert set(found) == expected
    assert len(found) == 2 * min(longest, len(word))


@given(st.lists(words, min_size=1, max_size=8))
def test_each_token_lies_in_the_bigrams_on_both_its_sides(tokens):
    pairs = features.bigrams(tokens)
    assert len(pairs) == len(tokens) + 1
    for i, token in enumerate(tokens):
        assert pairs[i].endswith(token)
        assert pairs[i + 1].startswith(token)
    assert len({pairs[0], *tokens, pairs[-1]} - set(tokens)) == 2 - (pairs[0] == pairs[-1])


def test_a_word_of_a_million_characters_costs_no_more():
    word = "aB1-" * 250_000
    began = time.perf_counter()
    features.shape(word), features.affixes(word)
    assert len(features.normalise(word)) == features.LONGEST_WORD
    assert time.perf_counter() - began < 0.1
