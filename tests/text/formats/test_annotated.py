"""Corpora that commands read as annotation tools export them: the same sentences as by way of `convert`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tagger
from tagger.cli import main
from tagger.config import Config
from tagger.errors import DataError
from tagger.text import conll
from tagger.text.audit import audit
from tagger.text.formats.annotated import read_labelled
from tagger.text.schemes import Scheme

ROWS = [
    {
        "text": "Ada met Li in Paris. Then 😀 she left.\r\n",
        "label": [[0, 3, "PER"], [8, 10, "PER"], [14, 19, "LOC"]],
    },
    {"text": "Nobody is here.", "label": []},
    {"text": "Rome, twice: Rome", "label": [[0, 4, "LOC"], [13, 17, "LOC"]]},
]


def write_rows(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "export.jsonl", ROWS)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["tagger", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    return int(stopped.value.code or 0)


def test_it_is_what_convert_makes_of_it(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = exported.with_name("corpus.conll")
    assert run(monkeypatch, "convert", str(exported), str(columns)) == 0
    expected = [(each.tokens, each.tags) for each in conll.read_corpus(columns).sentences]
    found = read_labelled(exported)
    assert [(each.tokens, each.tags) for each in found.sentences] == expected
    assert not found.warnings
    assert [(each.tokens, each.tags) for each in tagger.read_corpus(exported).sentences] == expected


def test_each_text_is_a_document_unless_its_file_says_which(tmp_path: Path, exported: Path) -> None:
    assert [each.document for each in read_labelled(exported).sentences] == [0, 0, 1, 2]
    named = [row | {"doc": "a" if number < 2 else "b"} for number, row in enumerate(ROWS)]
    found = read_labelled(write_rows(tmp_path / "named.jsonl", named))
    assert [each.document for each in found.sentences] == [0, 0, 0, 1]


@pytest.mark.parametrize("form", ["labelstudio", "prodigy", "brat"])
def test_every_tool_is_read(exported: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    suffix = {"labelstudio": ".json", "prodigy": ".jsonl", "brat": ""}[form]
    other = exported.with_name(f"other{suffix}")
    assert run(monkeypatch, "convert", str(exported), str(other), "--format", form) == 0
    expected = [(each.tokens, each.tags) for each in read_labelled(exported).sentences]
    assert [(each.tokens, each.tags) for each in read_labelled(other).sentences] == expected
    assert audit([other]).is_fit


def test_check_counts_it_and_finds_nothing_wrong(exported: Path) -> None:
    found = audit([exported])
    assert found.is_fit
    assert not [each for each in found.defects if each.is_error]
    assert found.files[0].sentences == 4


def test_texts_without_blanks_are_cut_into_characters(tmp_path: Path) -> None:
    path = write_rows(
        tmp_path / "zh.jsonl", [{"text": "李明在北京工作。", "label": [[0, 2, "PER"], [3, 5, "LOC"]]}]
    )
    (sentence,) = read_labelled(path).sentences
    assert sentence.tokens == tuple("李明在北京工作。")
    assert sentence.tags == ("B-PER", "I-PER", "O", "B-LOC", "I-LOC", "O", "O", "O")


def test_tags_come_in_the_scheme_that_is_wanted(exported: Path) -> None:
    found = read_labelled(exported, scheme=Scheme.BIOES)
    assert found.scheme is Scheme.BIOES
    assert found.sentences[0].tags[:4] == ("S-PER", "O", "S-PER", "O")


def test_spans_that_fit_no_tokens_are_settled_and_counted(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"text": "Unhappy Ada", "label": [[2, 7, "X"], [8, 11, "PER"], [8, 10, "LOC"]]}
    ]
    found = read_labelled(write_rows(tmp_path / "x.jsonl", rows))
    assert [each.tokens for each in found.sentences] == [("Un", "happy", "Ada")]
    assert found.warnings == (
        f"2 spans over another, left out, or within a token, which is split (first: {tmp_path / 'x.jsonl'}:1)",
    )


def test_what_only_convert_can_settle_it_names(tmp_path: Path) -> None:
    results = [[], [{"type": "labels", "value": {"start": 0, "end": 3, "labels": ["PER"]}}]]
    task = {"data": {"text": "Ada"}, "annotations": [{"result": each, "completed_by": 1} for each in results]}
    path = tmp_path / "x.json"
    path.write_text(json.dumps([task]))
    with pytest.raises(DataError, match=r"--annotator NAME .* options of `tagger convert FILE corpus.conll`"):
        read_labelled(path)


@pytest.mark.slow
def test_a_model_learns_from_it(exported: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    config = Config.model_validate({"training": {"epochs": 1}, "encoder": {"hidden": 8}})
    tagger.train(train=exported, dev=exported, output=tmp_path / "model", config=config)
    assert tagger.load(tmp_path / "model").types == ["LOC", "PER"]
