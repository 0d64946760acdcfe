"""Trees of words: which class a word is in, and the file that holds them."""

from __future__ import annotations

import gzip

import pytest

from tagger.errors import DataError
from tagger.text.clusters import SIZES, Clusters, read, render

TREE = Clusters("news", {"May": "0000001", "June": "0000010", "in": "1", "In": "11"})


def test_classes_are_numbered_from_2_at_every_size():
    assert SIZES == (4, 6, 10, 20)
    assert TREE.rows(["May", "June", "in", "In", "never"]).tolist() == [
        [2, 2, 2, 2],
        [2, 3, 3, 3],
        [3, 4, 4, 4],
        [4, 5, 5, 5],
        [1, 1, 1, 1],
    ]
    assert TREE.rows_of_sizes == (5, 6, 6, 6)
    assert (len(TREE), TREE.classes) == (4, 4)
    assert TREE.rows([]).shape == (0, 4)


def test_a_word_that_is_written_otherwise_has_the_class_of_its_small_letters():
    assert TREE.rows(["IN", "MAY"]).tolist() == [[3, 4, 4, 4], [1, 1, 1, 1]]
    assert "IN" in TREE
    assert "MAY" not in TREE


def test_a_tree_survives_json_and_its_file(tmp_path):
    assert Clusters.from_dict(TREE.as_dict()) == TREE
    text = render((path, word, 7) for word, path in TREE.paths.items())
    assert text == "0000001\tMay\t7\n0000010\tJune\t7\n1\tin\t7\n11\tIn\t7\n"
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "clusters.tsv").write_text(text, encoding="utf-8")
    assert read(tmp_path / "news") == TREE
    (tmp_path / "paths.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf01\ta\t3\r\n\r\n1\tb\n01\tb\t1\n"))
    assert read(tmp_path / "paths.gz") == Clusters("paths.gz", {"a": "01", "b": "1"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("01\ta\t3\n02\tb\t1\n", r"f:2: found '02\\tb\\t1', expected bits, a word and its count"),
        ("01 a 3\n", "f:1: found '01 a 3', expected bits"),
        ("01\t\t3\n", "f:1: found"),
        ("\n", "f:1: found no word"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path, content, message):
    (tmp_path / "f").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read(tmp_path / "f")


def test_a_directory_without_classes_is_refused(tmp_path):
    with pytest.raises(
        DataError, match=r"holds no clusters\.tsv; expected a directory that `tagger pretrain"
    ):
        read(tmp_path)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([], "not an object"),
        ({"name": "x"}, "not an object"),
        ({"name": 1, "classes": {}}, "of another type"),
        ({"name": "x", "classes": []}, "of another type"),
        ({"name": "x", "classes": {"012": ["a"]}}, "not called by at most"),
        ({"name": "x", "classes": {"0" * 1001: ["a"]}}, "not called by at most"),
        ({"name": "x", "classes": {"01": [1]}}, "not a list of strings"),
        ({"name": "x", "classes": {"01": "ab"}}, "not a list of strings"),
        ({"name": "x", "classes": {"01": ["a"], "0": ["a"]}}, "in two classes"),
    ],
)
def test_what_a_stranger_wrote_is_checked(found, message):
    with pytest.raises(ValueError, match=message):
        Clusters.from_dict(found)
