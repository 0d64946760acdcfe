"""Exports of annotation tools, compared as column files are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tagger
from tagger.errors import DataError

TEXT = "Anna Keller flew to New-York. Rome slept."
ADA = [("PER", 0, 11), ("LOC", 20, 28), ("LOC", 30, 34)]
LI = [("PER", 0, 11), ("LOC", 24, 28), ("ORG", 30, 34)]  # one begins within a word
COLUMNS = """Anna B-PER\nKeller I-PER\nflew O\nto O\nNew-York B-LOC\n. O\n\nRome B-LOC\nslept O\n. O\n"""


def label_studio(path: Path, spans: list[tuple[str, int, int]]) -> Path:
    result = [
        {
            "from_name": "label",
            "to_name": "text",
            "type": "labels",
            "value": {"start": start, "end": end, "text": TEXT[start:end], "labels": [type_]},
        }
        for type_, start, end in spans
    ]
    tasks = [{"id": 1, "data": {"text": TEXT}, "annotations": [{"id": 1, "result": result}]}]
    path.write_text(json.dumps(tasks), encoding="utf-8")
    return path


def brat(path: Path, spans: list[tuple[str, int, int]]) -> Path:
    path.mkdir()
    (path / "news.txt").write_text(TEXT, encoding="utf-8")
    lines = [
        f"T{number}\t{type_} {start} {end}\t{TEXT[start:end]}\n"
        for number, (type_, start, end) in enumerate(spans, 1)
    ]
    (path / "news.ann").write_text("".join(lines), encoding="utf-8")
    return path


def test_each_form_is_held_against_each(tmp_path: Path) -> None:
    """The worked example: of three spans each, the PER is the same; one lies within another, one has another type."""
    columns = tmp_path / "ada.conll"
    columns.write_text(COLUMNS, encoding="utf-8")
    golds = (columns, label_studio(tmp_path / "ada.json", ADA), brat(tmp_path / "ada", ADA))
    answers = (label_studio(tmp_path / "li.json", LI), brat(tmp_path / "li", LI))
    for gold in golds:
        for answer in answers:
            micro = tagger.score(gold, answer).scores.micro
            assert (micro.gold, micro.predicted, micro.correct) == (3, 3, 1)
            found = tagger.agree(gold, answer)
            assert found.f1 == pytest.approx(1 / 3)
            assert [each.text.replace(" ", "") for each in found.disagreements] == ["New-York", "Rome"]
        assert tagger.agree(*golds, gold).f1 == 1


def test_a_word_that_one_splits_is_split_for_all_and_keeps_its_offsets(tmp_path: Path) -> None:
    files = [label_studio(tmp_path / f"{name}.json", spans) for name, spans in (("ada", ADA), ("li", LI))]
    merged = tagger.agree(*files).merge("union").corpus.sentences[0]
    assert merged.tokens == ("Anna", "Keller", "flew", "to", "New-", "York", ".")
    assert merged.tags == ("B-PER", "I-PER", "O", "O", "B-LOC", "I-LOC", "O")
    assert merged.excerpt is not None
    assert [TEXT[start:end] for start, end in merged.excerpt.tokens] == list(merged.tokens)


def test_a_token_whose_tag_isnt_known_stays_so_in_pieces(tmp_path: Path) -> None:
    columns = tmp_path / "ada.conll"
    columns.write_text(COLUMNS.replace("New-York B-LOC", "New-York ?"), encoding="utf-8")
    found = tagger.agree(columns, label_studio(tmp_path / "li.json", LI))
    assert [each.text for each in found.disagreements] == ["Rome"]


def test_other_texts_and_a_single_export_are_refused(tmp_path: Path) -> None:
    export = label_studio(tmp_path / "ada.json", ADA)
    columns = tmp_path / "other.conll"
    columns.write_text(COLUMNS.replace("flew", "went"), encoding="utf-8")
    with pytest.raises(DataError, match="found token 'went'"):
        tagger.agree(export, columns)
    with pytest.raises(DataError, match="name the file with the predicted labels, too"):
        tagger.score(export)
