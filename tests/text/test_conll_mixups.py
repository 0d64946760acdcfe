"""Files that read without a fault although token and tag are not in the columns asked for."""

from __future__ import annotations

import random

import pytest

from tagger.text import conll
from tagger.text.audit import audit
from tagger.text.conll import Columns

SPACED = "1 Anna Anna PROPN _ _ 0 root _ _\n2 left leave VERB _ _ 1 x _ _\n"
LABELS = [f"L{number}" for number in range(12)]


def draw_words(count: int) -> list[str]:
    """Return words as frequent as Zipf has them: most kinds of them occur once."""
    chance = random.Random(5)
    return [f"w{int(1 / (chance.random() + 1e-5))}-{chance.randrange(60)}" for _ in range(count)]


def look_at(tmp_path, text: str, **columns: int) -> list[str]:
    """Return what reading and checking say of the columns: the same."""
    path = tmp_path / "corpus.bio"
    path.write_text(text, encoding="utf-8")
    wanted = Columns(**columns)
    found = audit([path], columns=wanted).defects
    said = [(each.message, each.kind, each.line) for each in found if each.kind in ("columns", "numbers")]
    read = conll.read_corpus(path, columns=wanted).warnings
    assert [f"{message} (line {line})" for message, _, line in said] == [
        w for w in read if " in column " in w
    ]
    assert conll.stream_corpus(path, columns=wanted).warnings == read
    return [f"{kind}: {message}" for message, kind, _ in said]


@pytest.mark.parametrize(
    ("text", "columns", "said"),
    [
        (
            "B-ACTOR\tsteve\nI-ACTOR\tmcqueen\nO\tplayed\n",
            {},
            ["columns: the tokens in column 0 are tags such as 'B-ACTOR', expected words; "
             "say --token-column 1 --tag-column 0 if tags come first"],
        ),
        (
            SPACED,
            {},
            ["columns: the tokens in column 0 are numbers that count up, expected words; say --token-column 1 "
             "--tag-column 3, or write tabs: this looks like CoNLL-U with blanks for tabs",
             "columns: the tags in column 9 are all _, expected tags; name another column with --tag-column"],
        ),
        (
            "1\tAnna\tB-PER\n2\tleft\tO\n\n1\tGo\tO\n",
            {},
            ["columns: the tokens in column 0 are numbers that count up, expected words; "
             "say --token-column 1 if the words are there"],
        ),
        (
            "Anna\t1\nleft\t0\n",
            {},
            ["numbers: the tags in column 1 are numbers such as 0; if they stand for names, `tagger convert "
             "--tag-names O,B-PER,...` gives them names"],
        ),
        (SPACED, {"token": 1, "tag": 3}, []),
        ("1\tO\n\n7\tO\n", {}, []),
        *[
            (
                f"{first}\tAnna\tB-PER\n\n{second}\tGo\tO\n",
                {},
                ["columns: the tokens in column 0 are nothing but numbers, expected words; "
                 "name the column of the words with --token-column"],
            )
            for first, second in [("1", "1"), ("1-1", "2-1"), ("1.1", "1.2"), ("7", "3-4")]
        ],
        ("1\tx\tO\n\nx\tx\tO\n", {}, []),
        ("1\tO\n2\tO\nx\tO\n", {}, []),
        ("B-52\tO\nflew\tO\n", {}, []),
        ("O\tO\n", {}, []),
        ("a\t_\nb\tX\n", {}, []),
    ],
)  # fmt: skip
def test_mixed_up_columns_are_told_with_the_options_to_say(tmp_path, text, columns, said):
    assert look_at(tmp_path, text, **columns) == said


@pytest.mark.parametrize("count", [30, 3000])
def test_words_in_the_column_of_tags_are_told(tmp_path, count):
    words = draw_words(count) if count > 100 else [f"w{number}" for number in range(count)]
    rows = [f"{LABELS[number % 12]}x\t{word}\n" for number, word in enumerate(words)]
    text = "".join("\n" * (number % 10 == 0) + row for number, row in enumerate(rows))
    (said,) = look_at(tmp_path, text)
    assert f"kinds among {count:,} tokens, as if they were words; name another column with --tag" in said


def test_many_tags_are_no_words(tmp_path):
    chance = random.Random(3)
    rows = [f"{word}\tTag{int(40 * chance.random() ** 3)}\n" for word in draw_words(3000)]
    assert look_at(tmp_path, "".join(rows)) == []
