"""Which words of a list are found where, against a search of every stretch of a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.text.features import fold_width, fold_widths
from tagger.text.tokenizer.words import cut_characters
from tagger.text.wordlist import LONGEST, ROWS, WordList, describe_mark

CHARACTERS = ["天", "地", "玄", "a", "1", "１", "e\u0301", "👩🏽\u200d🚀"]
texts = st.lists(st.sampled_from(CHARACTERS), max_size=20)
words = st.lists(st.sampled_from(CHARACTERS), min_size=1, max_size=6).map("".join)


def find_marks(tokens, counts, forgotten):
    """Try every stretch of two tokens or more, as the docstring of the module says, the slow way."""
    known = {word for word, count in counts.items() if count > forgotten.get(word, 0)}
    marks = [[0, 0, 0] for _ in tokens]
    for start in range(len(tokens)):
        for end in range(start + 2, len(tokens) + 1):
            word = fold_width("".join(tokens[start:end]))
            if word in known and len(word) <= LONGEST:
                size = min(end - start, 5)
                marks[start][0] = max(marks[start][0], size)
                marks[end - 1][1] = max(marks[end - 1][1], size)
                for between in range(start + 1, end - 1):
                    marks[between][2] = max(marks[between][2], size)
    return [tuple(mark) for mark in marks]


@given(texts, st.dictionaries(words, st.integers(1, 3)), st.integers(0, 3))
def test_marks_are_those_of_every_stretch_that_is_a_word(tokens, counts, less):
    folded = {}
    for word, count in counts.items():
        folded[fold_width(word)] = folded.get(fold_width(word), 0) + count
    forgotten = dict.fromkeys(list(folded)[::2], less)
    found = WordList("list", counts).rows(tokens, forgotten)
    assert [describe_mark(row) for row in found] == find_marks(tokens, folded, forgotten)
    assert all(2 <= row < ROWS for row in found)


def test_a_worked_example():
    known = WordList("list", {"中华": 1, "中华人民共和国": 1, "人民": 1, "共和国": 2})
    assert [describe_mark(row) for row in known.rows(list("中华人民共和国"))] == [
        (5, 0, 0), (0, 2, 5), (2, 0, 5), (0, 2, 5), (3, 0, 5), (0, 0, 5), (0, 5, 0)
    ]  # fmt: skip
    without = known.rows(list("中华人民共和国"), {"中华人民共和国": 1, "共和国": 1})
    assert [describe_mark(row) for row in without] == [
        (2, 0, 0), (0, 2, 0), (2, 0, 0), (0, 2, 0), (3, 0, 0), (0, 0, 3), (0, 3, 0)
    ]  # fmt: skip


def test_width_makes_no_difference():
    known = WordList("list", {"ＣＤ唱片": 1})
    assert known.rows(list("CD唱片")) == known.rows(list("ＣＤ唱片"))
    assert list(fold_widths(["ａ", "。", "中"])) == ["a", ".", "中"]
    assert fold_widths(("a", "中")) == ("a", "中")
    assert len(fold_width("“ＣＣＴＶ”，２０％！")) == len("“ＣＣＴＶ”，２０％！")


def test_a_list_comes_back_from_plain_values_and_strangers_are_refused():
    known = WordList("list", {"天地": 3, "天地玄": 1})
    assert WordList.from_dict(known.as_dict()) == known
    good = known.as_dict()
    changes = [{"counts": [1]}, {"counts": [1, 0]}, {"counts": [1, True]}, {"words": ["a", "a"]}]
    changes += [{"words": [1, 2]}, {"name": 3}, {"more": 1}]
    for wrong in (None, [], {}, *(good | change for change in changes)):
        with pytest.raises(ValueError, match=r"list of words|words of a list"):
            WordList.from_dict(wrong)


def test_characters_of_several_code_points_are_one_token():
    tokens = cut_characters("e\u0301天地")
    assert [describe_mark(row) for row in WordList("list", {"e\u0301天": 1}).rows(tokens)] == [
        (2, 0, 0), (0, 2, 0), (0, 0, 0)
    ]  # fmt: skip
