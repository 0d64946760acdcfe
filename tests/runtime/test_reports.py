"""Scores, history and card: what training writes is read, everything else is named or left alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tagger.errors import ModelError
from tagger.runtime import directory as files
from tagger.runtime import reports
from tagger.scoring.profile import Profile

EPOCH = {"epoch": 1, "loss": 1.5, "improved": True, "kept": True, "seconds": 2.0}
MICRO = {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 4}


def write_history(directory: Path, *epochs: Any) -> None:
    lines = [each if isinstance(each, str) else json.dumps(each) for each in epochs]
    (directory / files.HISTORY).write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert reports.read_history(tmp_path) == []
    epochs = [
        EPOCH,
        EPOCH | {"epoch": 2, "kept": False, "loss": None},
        EPOCH | {"epoch": 3, "perplexity": 1e304},
    ]
    write_history(tmp_path, *epochs)
    assert reports.read_history(tmp_path) == epochs
    assert reports.best_epoch(epochs) == 3
    within = [EPOCH | {"epoch": 0.5, "step": 10}, EPOCH | {"step": 20}, EPOCH | {"epoch": 2, "kept": False}]
    write_history(tmp_path, *within)
    assert reports.read_history(tmp_path) == within
    assert reports.best_epoch(within) == 1
    old = [{name: value for name, value in EPOCH.items() if name != "kept"}]  # as early versions wrote it
    write_history(tmp_path, *old)
    assert reports.read_history(tmp_path) == old
    assert reports.best_epoch(old) == 1


@pytest.mark.parametrize(
    "line",
    [
        "[]", "{}", "{", "null", "1", '""', "", "[" * 100_000,
        json.dumps(EPOCH | {"epoch": 2}), json.dumps(EPOCH | {"epoch": True}), json.dumps(EPOCH | {"epoch": "1"}),
        json.dumps(EPOCH | {"epoch": 0.5}), json.dumps(EPOCH | {"epoch": -0.5, "step": 3}),
        json.dumps(EPOCH | {"step": "3"}),
        json.dumps(EPOCH | {"step": 9}) + "\n" + json.dumps(EPOCH | {"epoch": 0.5}),
        json.dumps(EPOCH | {"improved": None}), json.dumps(EPOCH | {"kept": 1}),
        json.dumps(EPOCH | {"seconds": None}), json.dumps(EPOCH | {"seconds": 10**400}),
        '{"epoch":Infinity,"improved":true,"seconds":1,"loss":1}',
        '{"epoch":1,"improved":true,"seconds":NaN,"loss":1}', '{"epoch":1,"improved":true,"seconds":1,"loss":1e999}',
        json.dumps(EPOCH | {"loss": "low"}), json.dumps(EPOCH | {"dev": {"micro": {"f1": 10**400}}}),
        '{"epoch":1,"improved":true,"seconds":' + "9" * 5000 + ',"loss":1}',
    ],
)  # fmt: skip
def test_a_mangled_history_is_named(tmp_path: Path, line: str) -> None:
    write_history(tmp_path, line)
    with pytest.raises(ModelError, match=r"history\.jsonl: is not what training writes; remove the file"):
        reports.read_history(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "", "[]", "1", "{", '{"dev": null}', '{"dev": {"micro": {"f1": 0.5}}}', '{"dev": {"micro": []}}',
        json.dumps({"dev": {"micro": MICRO | {"support": "4"}}}),
        json.dumps({"dev": {"micro": MICRO | {"f1": True}}}),
        json.dumps({"dev": {"micro": MICRO | {"f1": 10**400}}}), '{"dev": NaN}', "\ud800",
        json.dumps({"dev": {"micro": MICRO | {"f1": float("nan")}}}),
        json.dumps({"dev": {"micro": MICRO, "words": [0.5]}}),
        json.dumps({"dev": {"micro": MICRO, "words": {"oov_recall": "0.5"}}}),
    ],
)  # fmt: skip
def test_mangled_scores_are_named_and_harm_no_labelling(tmp_path: Path, content: str) -> None:
    (tmp_path / files.SCORES).write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(ModelError, match=r"scores\.json: is not what training writes; run `tagger evaluate`"):
        reports.read_scores(tmp_path)
    assert reports.find_dev_f1(tmp_path) is None


def test_scores_are_read_as_they_were_written(tmp_path: Path) -> None:
    assert reports.read_scores(tmp_path) is None
    scores = {"dev": {"micro": MICRO, "types": {"PER": MICRO}}, "test": {"micro": MICRO}}
    (tmp_path / files.SCORES).write_text(json.dumps(scores), encoding="utf-8")
    assert reports.read_scores(tmp_path) == scores
    assert reports.find_dev_f1(tmp_path) == 0.5


def test_training_words_are_read_as_they_were_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reports.read_words(tmp_path) is None
    words = frozenset({"在", "北京", "\u2028", " ", "\r", "#", "a b"})
    reports.write_words(tmp_path, words | {"no\nline"})
    content = (tmp_path / files.WORDS).read_bytes()
    assert reports.read_words(tmp_path) == words
    reports.write_words(tmp_path, frozenset(sorted(words, reverse=True)))
    assert (tmp_path / files.WORDS).read_bytes() == content
    reports.write_words(tmp_path, frozenset())
    assert reports.read_words(tmp_path) == frozenset()
    reports.write_words(tmp_path, None)
    assert reports.read_words(tmp_path) is None
    monkeypatch.setattr(reports, "_MOST_WORDS", len(content) - 1)
    reports.write_words(tmp_path, words)
    assert not (tmp_path / files.WORDS).exists()
    (tmp_path / files.WORDS).write_bytes(content)
    with pytest.raises(ModelError, match=r"words\.txt: holds .* bytes, expected .* at most"):
        reports.read_words(tmp_path)


def test_profiles_are_read_as_they_were_written(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"profile\.json: is missing, since an earlier version .* --reference FILE"
    ):
        reports.read_profiles_of(tmp_path)
    parts = {"dev": Profile(sentences=1, tokens=3, lengths=(1, 0, 0, 0, 0, 0)), "test": Profile()}
    reports.write_profiles(tmp_path, parts)
    assert reports.read_profiles_of(tmp_path) == parts
    reports.discard_reports(tmp_path)
    assert not (tmp_path / files.PROFILE).exists()


def test_somebody_elses_card_stays(tmp_path: Path) -> None:
    reports.write_card(tmp_path, "# A sequence labeller made with tagger\n")
    reports.write_card(tmp_path, "# Another, made with tagger\n")
    assert (tmp_path / files.CARD).read_text(encoding="utf-8") == "# Another, made with tagger\n"
    (tmp_path / files.CARD).write_text("# My corpus\nmade with tagger\n", encoding="utf-8")
    reports.write_card(tmp_path, "# A sequence labeller made with tagger\n")
    reports.discard_reports(tmp_path)
    reports.discard_model(tmp_path)
    assert (tmp_path / files.CARD).read_text(encoding="utf-8") == "# My corpus\nmade with tagger\n"
