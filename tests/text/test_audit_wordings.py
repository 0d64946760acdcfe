"""Words labelled in several ways, found with their lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagger.text.audit import audit
from tagger.text.conll import Columns
from tagger.text.schemes import Task


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def find(text: str, task: Task | None = None) -> list[tuple[int | None, str]]:
    Path("x.conll").write_text(text, encoding="utf-8")
    found = audit(["x.conll"], columns=Columns(task=task))
    return [(each.line, each.message) for each in found.defects if each.kind == "several-labels"]


REAL = "Real B-ORG\nMadrid I-ORG\nwon O\n\n"


def test_another_type_and_no_label_at_all() -> None:
    other = REAL.replace("ORG", "LOC")
    none = "so O\nReal O\nMadrid O\n\n"
    assert find(REAL * 8 + other + none) == [
        (33, "'Real Madrid' is LOC here; ORG 8 times (first: line 1)"),
        (38, "'Real Madrid' is not labelled here; ORG 8 times (first: line 1)"),
    ]


def test_several_lines_are_listed() -> None:
    (found,) = find(REAL * 40 + REAL.replace("ORG", "LOC") * 7)
    assert found[1] == (
        "'Real Madrid' is LOC here, and so in lines 165, 169, 173, 177 and 2 more; ORG 40 times (first: line 1)"
    )


def test_what_is_labelled_either_way_often_is_no_slip() -> None:
    assert find(REAL * 4 + REAL.replace("ORG", "LOC") * 3) == []


def test_parts_of_longer_names_and_tokens_not_known_are_none() -> None:
    longer = "Real B-ORG\nMadrid I-ORG\nFans I-ORG\nof O\nReal ?\nMadrid ?\n\n"
    assert find(REAL * 8 + longer) == []


def test_bare_labels_need_more_evidence() -> None:
    assert find("the DET\ndog NOUN\n\n" * 60 + "the NOUN\n\n") == [
        (181, "'the' is NOUN here; DET 60 times (first: line 1)")
    ]
    assert find("the DET\ndog NOUN\n\n" * 6 + "the NOUN\n\n") == []


def test_words_that_are_cut_elsewhere() -> None:
    text = "我 爱 北京\n他 也 爱 北京 大学\n" * 3 + "北 京\n" + "东北 京剧\n"
    assert find(text, Task.WORDS) == [
        (7, "'北京' is cut into several words here; one word 6 times (first: line 1)")
    ]


def test_rows_without_tags_have_no_wordings(tmp_path: Path) -> None:
    """What lacks its tags is told as that; looking for words labelled in several ways passes over it."""
    path = tmp_path / "x.csv"
    path.write_text("Ada met\nLi left\n", encoding="utf-8")
    assert not [each for each in audit([path]).defects if each.kind == "several-labels"]
