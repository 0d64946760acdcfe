"""Gazetteers: the marks against a search that tries every run of tokens, and files good and bad."""

from __future__ import annotations

import gzip
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import DataError
from tagger.text import gazetteer
from tagger.text.gazetteer import MARKS, Gazetteer
from tagger.text.tokenizer import DEFAULT_SPLITS, Conventions, Mode

WORDS = Conventions(Mode.WORDS, DEFAULT_SPLITS)
CHARACTERS = Conventions(Mode.CHARACTERS, DEFAULT_SPLITS)

runs = st.lists(st.sampled_from(["a", "b", "c", "A"]), min_size=1, max_size=5)


def marks(found: Gazetteer, text: str) -> str:
    """The marks of a text's tokens, as letters."""
    return "".join(MARKS.items[row - 2] for row in found.rows(text.split()))


def marks_by_trying(entries: set[tuple[str, ...]], tokens: list[str]) -> str:
    """From left to right take the longest run that is an entry, all runs tried, the longest first."""
    at, found = 0, ""
    while at < len(tokens):
        sizes = [size for size in range(len(tokens), 0, -1) if tuple(tokens[at : at + size]) in entries]
        size = min(sizes[0], len(tokens) - at) if sizes else 0
        found += "O" if not size else "S" if size == 1 else "B" + "I" * (size - 2) + "E"
        at += max(size, 1)
    return found


@settings(deadline=None)
@given(st.lists(runs, max_size=8), st.lists(st.sampled_from("abcA"), max_size=20))
def test_the_longest_entry_is_found_from_left_to_right(entries, tokens):
    found = Gazetteer("list", map(" ".join, entries))
    assert marks(found, " ".join(tokens)) == marks_by_trying(set(map(tuple, entries)), tokens)


@settings(deadline=None)
@given(st.lists(runs, max_size=8), st.lists(st.sampled_from("abcA"), max_size=20))
def test_ignoring_case_is_looking_for_lower_case_in_lower_case(entries, tokens):
    found = Gazetteer("list", map(" ".join, entries), ignores_case=True)
    lower = {tuple(word.lower() for word in entry) for entry in entries}
    assert marks(found, " ".join(tokens)) == marks_by_trying(lower, [token.lower() for token in tokens])


def test_case_counts_unless_it_is_ignored():
    assert marks(Gazetteer("list", ["New York"]), "new york New York") == "OOBE"
    assert marks(Gazetteer("list", ["New York"], ignores_case=True), "NEW york New York") == "BEBE"
    assert marks(Gazetteer("list", ["Straße"], ignores_case=True), "STRASSE") == "S"


def test_an_entry_that_only_begins_is_no_match():
    found = Gazetteer("list", ["New York City Hall", "York"])
    assert marks(found, "New York City") == "OSO"
    assert marks(found, "New York City Hall") == "BIIE"


@pytest.fixture
def write(tmp_path):
    def write_file(content: str | bytes, name: str = "names.txt"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


def test_a_file_has_an_entry_a_line_between_comments_and_empty_lines(write):
    path = write("\ufeff# cities\r\nOslo\r\n\r\n  New \t York \n#\n#Brexit\nOslo")
    found = gazetteer.read(path, WORDS)
    assert found.entries == ("#Brexit", "New York", "Oslo")
    assert (found.name, found.ignores_case, len(found)) == ("names.txt", False, 3)
    packed = write(gzip.compress(path.read_bytes()), "names.txt.gz")
    assert gazetteer.read(packed, WORDS).entries == found.entries


def test_entries_are_kept_as_written_and_as_the_tokenizer_cuts_them(write):
    path = write("St. John's\n")
    found = gazetteer.read(path, WORDS)
    assert found.entries == ("St. John 's", "St. John's")
    assert marks(found, "in St. John's and St. John 's") == "OBEOBIE"
    assert gazetteer.read(path, Conventions(Mode.BLANKS, DEFAULT_SPLITS)).entries == ("St. John's",)


def test_chinese_names_are_cut_into_characters(write):
    found = gazetteer.read(write("北京大学\n北京\nIBM\n"), CHARACTERS)
    assert found.entries == ("I B M", "北 京", "北 京 大 学")
    assert marks(found, "在 北 京 大 学 和 北 京 人") == "OBIIEOBEO"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("# nothing\n\n", "names.txt:1: found no entry, expected a name on each line"),
        (
            "Oslo\n\n" + "la " * 129,
            "names.txt:3: found an entry of 129 tokens, expected at most 128; is this",
        ),
        (b"Oslo\nK\xf6ln\n", "names.txt:2: byte 0xf6 at offset 6 is not valid utf-8"),
    ],
)
def test_a_faulty_file_is_named_by_file_and_line(write, content, message):
    with pytest.raises(DataError) as caught:
        gazetteer.read(write(content), WORDS)
    assert message in str(caught.value)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"names.txt.*No such file"):
        gazetteer.read(tmp_path / "names.txt", WORDS)


def test_a_list_goes_through_json_and_back():
    found = Gazetteer("list", ["New York", "Oslo", "oslo"], ignores_case=True)
    again = Gazetteer.from_dict(json.loads(json.dumps(found.as_dict())))
    assert again == found
    assert hash(again) == hash(found)
    assert again != Gazetteer("list", ["Oslo"], ignores_case=True)
    assert marks(again, "to NEW YORK") == "OBE"


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        ([], "not an object"),
        ({"name": "x", "entries": []}, "not an object"),
        ({"name": "x", "ignores_case": 0, "entries": []}, "another type"),
        ({"name": "x", "ignores_case": False, "entries": "Oslo"}, "another type"),
        ({"name": "x", "ignores_case": False, "entries": [1]}, "not a text"),
        ({"name": "x", "ignores_case": False, "entries": ["a " * 200]}, "not a text of at most 128"),
    ],
)
def test_a_list_from_a_stranger_is_checked(faulty, message):
    with pytest.raises(ValueError, match=message):
        Gazetteer.from_dict(faulty)


def test_a_hostile_text_takes_no_more_than_the_longest_entry_for_each_token():
    found = Gazetteer("list", ["a " * 127 + "b"])
    began = time.perf_counter()
    assert set(found.rows(["a"] * 20_000)) == {gazetteer.OUTSIDE}
    assert time.perf_counter() - began < 10
