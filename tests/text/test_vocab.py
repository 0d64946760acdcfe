"""Vocabularies: fixed numbers, pure lookups."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.text.vocab import PAD, UNKNOWN, Vocab


@given(st.lists(st.text(max_size=3)), st.lists(st.text(max_size=3)), st.integers(1, 3))
def test_rows_number_the_kept_strings_and_nothing_else(seen, asked, min_count):
    counts = Counter(seen)
    vocab = Vocab.from_counts(counts, min_count)
    kept = {item for item, count in counts.items() if count >= min_count}
    before = len(vocab)
    rows = vocab.rows(asked)
    assert rows == [vocab.row(item) for item in asked]
    assert all((row == UNKNOWN) == (item not in kept) for item, row in zip(asked, rows, strict=True))
    assert sorted(vocab.rows(sorted(kept))) == list(range(2, 2 + len(kept)))
    assert len(vocab) == before == 2 + len(kept)
    assert PAD not in rows


def test_the_order_depends_on_counts_and_letters_alone():
    counts = {"b": 2, "a": 2, "c": 5}
    assert Vocab.from_counts(counts).items == ("c", "a", "b")
    assert Vocab.from_counts(dict(reversed(counts.items()))).items == ("c", "a", "b")


def test_a_string_twice_is_refused():
    with pytest.raises(ValueError, match="must differ"):
        Vocab(["a", "a"])


def test_vocabularies_are_values():
    assert Vocab("ab") == Vocab(["a", "b"]) != Vocab("ba")
    assert len({Vocab("ab"), Vocab("ab"), Vocab("ba")}) == 2
    assert "a" in Vocab("ab")
    assert "z" not in Vocab("ab")
