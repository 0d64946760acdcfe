"""seqeval's report on our spans: equal to our scores, and to its report on the tags of a file."""

from __future__ import annotations

import random
import sys

import pytest

from tagger import scoring
from tagger.errors import ConfigError
from tagger.scoring.seqeval_report import SeqevalReport
from tagger.text.schemes import Scheme, convert

KEYS = {"precision": "precision", "recall": "recall", "f1": "f1-score", "support": "support"}
SPANNING = [scheme for scheme in Scheme if scheme is not Scheme.BARE]


def random_tags(seed: int, sentences: int = 60) -> list[list[str]]:
    """Return sentences in IOB2 with three types, one of them with hyphens."""
    draw = random.Random(seed)
    rows = []
    for _ in range(sentences):
        row: list[str] = []
        while len(row) < 8:
            type_ = draw.choice(["PER", "LOC", "-A-B"])
            row += draw.choice([["O"], ["O"], [f"B-{type_}"], [f"B-{type_}", f"I-{type_}", f"I-{type_}"]])
        rows.append(row[:8])
    return rows


def report(gold, predicted, scheme, other=None, **options) -> SeqevalReport | str:
    pairs = scoring.pair_spans(gold, predicted, scheme, other, **options)
    return scoring.report_with_seqeval(pairs, scheme)


@pytest.mark.parametrize("scheme", SPANNING)
@pytest.mark.parametrize("other", [Scheme.IOB2, Scheme.BIOES])
def test_it_equals_our_scores_whatever_the_scheme(scheme, other):
    pytest.importorskip("seqeval")
    gold = [convert(row, Scheme.IOB2, scheme) for row in random_tags(1)]
    predicted = [convert(row, Scheme.IOB2, other) for row in random_tags(2)]
    scores = scoring.score(gold, predicted, scheme, other)
    found = report(gold, predicted, scheme, other)
    assert isinstance(found, SeqevalReport)
    ours = {**scores.types, "micro avg": scores.micro, "macro avg": scores.macro}
    assert set(found.rows) == {*ours, "weighted avg"}
    for name, each in ours.items():
        for key, theirs in KEYS.items():
            assert found.rows[name][theirs] == pytest.approx(each.as_dict()[key]), (name, key)
    assert f"{scores.micro.f1:.4f}" in found.text
    assert all(type(value) in (int, float) for row in found.rows.values() for value in row.values())


@pytest.mark.parametrize("scheme", [Scheme.IOB2, Scheme.BIOES])
def test_it_equals_seqeval_on_the_tags_of_the_file(scheme):
    """Faulty tags included: an I without a B opens a span to both."""
    metrics = pytest.importorskip("seqeval.metrics")
    gold = [convert(row, Scheme.IOB2, scheme) for row in random_tags(3)]
    predicted = [convert(row, Scheme.IOB2, scheme) for row in random_tags(4)]
    if scheme is Scheme.IOB2:
        predicted = [[tag.replace("B-", "I-") for tag in row] for row in predicted]
    theirs = metrics.classification_report(gold, predicted, output_dict=True, zero_division=0)
    found = report(gold, predicted, scheme)
    assert isinstance(found, SeqevalReport)
    assert found.rows == {name: {k: pytest.approx(v) for k, v in row.items()} for name, row in theirs.items()}


def test_strict_spans_are_those_that_are_handed_over():
    pytest.importorskip("seqeval")
    found = report([["B-A", "I-A"]], [["I-A", "I-A"]], Scheme.IOB2, strict=True)
    assert isinstance(found, SeqevalReport)
    assert found.rows["A"] == {"precision": 0, "recall": 0, "f1-score": 0, "support": 1}


@pytest.mark.parametrize(
    ("gold", "predicted", "scheme", "reason"),
    [
        ([["N", "V"]], [["N", "N"]], Scheme.BARE, "bare labels have none"),
        ([["O", "O"]], [["O", "O"]], Scheme.IOB2, "there is no span"),
        ([["B", "O"]], [["B-_", "O"]], Scheme.IOB2, "spans without a type for those of type _"),
    ],
)
def test_where_it_says_nothing_one_sentence_says_why(gold, predicted, scheme, reason):
    found = report(gold, predicted, scheme)
    assert isinstance(found, str)
    assert reason in found


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "seqeval", None)
    with pytest.raises(
        ConfigError, match=r"--seqeval: needs the package seqeval.*pip install 'tagger\[train\]'"
    ):
        report([["B-A"]], [["B-A"]], Scheme.IOB2)
