"""seqeval's report on our spans: equal to our scores, and to its report on the tags of a file."""

from __future__ import annotations

import random
import sys

import pytest

from tagger import scoring
from tagger.errors import ConfigError
from tagger.scoring.report import Analysis, analyse
from tagger.scoring.seqeval_report import SeqevalReport
from tagger.text.conll import Sentence
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


@pytest.mark.slow
def test_ten_thousand_random_pairs_add_up_and_equal_seqeval() -> None:
    """Whatever stands in gold and predicted: sums that agree, and seqeval's numbers where it has any."""
    metrics = pytest.importorskip("seqeval.metrics")
    draw = random.Random(11)
    tags = ["O", "O", "O", *(f"{role}-{name}" for role in "BI" for name in ("A", "B", "C-D"))]
    for _ in range(10_000):
        lengths = [draw.randint(1, 8) for _ in range(draw.randint(1, 4))]
        gold = [draw.choices(tags, k=length) for length in lengths]
        predicted = [
            [old if draw.random() < 0.6 else draw.choice(tags) for old in row]
            if draw.random() < 0.9
            else ["O"] * len(row)
            for row in gold
        ]
        sentences = [Sentence(tuple(map(str, row)), tuple(row)) for row in gold]
        found = analyse(sentences, predicted, Scheme.IOB2, resamples=5)
        micro = found.scores.micro
        table = (
            metrics.classification_report(gold, predicted, output_dict=True, zero_division=0)
            if micro.gold
            else {}
        )
        for name, score in {**found.scores.types, **({"micro avg": micro} if table else {})}.items():
            if name in table:
                row = table[name]
                assert (score.precision, score.recall, score.f1, score.support) == pytest.approx(
                    (row["precision"], row["recall"], row["f1-score"], row["support"])
                )
        check_sums(found)


def check_sums(found: Analysis) -> None:
    """Every way to count the spans counts the same spans."""
    micro = found.scores.micro
    total = micro.gold, micro.predicted, micro.correct
    for part in (found.scores.types, found.span_lengths, found.sentence_lengths):
        sums = [(each.gold, each.predicted, each.correct) for each in part.values()]
        assert tuple(map(sum, zip((0, 0, 0), *sums, strict=True))) == total
    cells = found.confusion.cells.items()
    assert sum(count for (gold, _), count in cells if gold is not None) == micro.gold
    assert sum(count for (_, predicted), count in cells if predicted is not None) == micro.predicted
    for tally in found.evaluation.tallies.values():
        assert (tally.possible, tally.actual) == total[:2]
    assert found.evaluation.strict.correct == micro.correct
    assert 0 <= found.interval.low <= found.interval.high <= 1
    missed = sum(mistake.gold is not None for wrong in found.wrong for mistake in wrong.mistakes)
    assert missed == micro.gold - micro.correct
    assert found.readings["strict"].micro.gold <= micro.gold
    assert (found.scores.note is None) == bool(micro.gold)
