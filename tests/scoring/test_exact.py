"""Exact-match scores against a port of conlleval, against seqeval, and against worked examples."""

from __future__ import annotations

import random
import statistics
import time
from collections import Counter
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger import scoring
from tagger.errors import DataError
from tagger.text.schemes import Scheme, Span, convert, tags_to_spans

SHARED = Path(__file__).parents[2] / ".." / "shared" / "data"
Tags = list[list[str]]


def conlleval(gold: Tags, predicted: Tags) -> tuple[int, int, dict[str, tuple[int, int, int]]]:
    """Count like the CoNLL-2000 scorer of 2004-01-26: tokens, right tags; per type gold, predicted, correct.

    It walks both columns at once and never builds a span, so it can't share a fault with the code under test.
    """
    found_gold, found_predicted, correct = Counter[str](), Counter[str](), Counter[str]()
    tokens = right = 0
    in_correct = False
    last_gold, last_predicted = ("O", ""), ("O", "")
    for gold_sentence, predicted_sentence in zip(gold, predicted, strict=True):
        for pair in [*zip(gold_sentence, predicted_sentence, strict=True), None]:  # None is the blank line
            here_gold, here_predicted = [split_like_conlleval(tag) for tag in pair or ("O", "O")]
            gold_ends = end_of_chunk(last_gold, here_gold)
            predicted_ends = end_of_chunk(last_predicted, here_predicted)
            if in_correct:
                if gold_ends and predicted_ends and last_gold[1] == last_predicted[1]:
                    in_correct = False
                    correct[last_gold[1]] += 1
                elif gold_ends != predicted_ends or here_gold[1] != here_predicted[1]:
                    in_correct = False
            gold_starts = start_of_chunk(last_gold, here_gold)
            predicted_starts = start_of_chunk(last_predicted, here_predicted)
            in_correct = in_correct or (
                gold_starts and predicted_starts and here_gold[1] == here_predicted[1]
            )
            found_gold[here_gold[1]] += gold_starts
            found_predicted[here_predicted[1]] += predicted_starts
            tokens += pair is not None
            right += pair is not None and here_gold == here_predicted
            last_gold, last_predicted = here_gold, here_predicted
    types = set(found_gold | found_predicted)
    return tokens, right, {name: (found_gold[name], found_predicted[name], correct[name]) for name in types}


def split_like_conlleval(tag: str) -> tuple[str, str]:
    prefix, _, type_ = tag.partition("-")
    return prefix, type_


def end_of_chunk(last: tuple[str, str], here: tuple[str, str]) -> bool:
    ends = {"BB", "BO", "IB", "IO", "EE", "EI", "EO"}
    return last[0] + here[0] in ends or (last[0] != "O" and last[1] != here[1])


def start_of_chunk(last: tuple[str, str], here: tuple[str, str]) -> bool:
    starts = {"BB", "IB", "OB", "OI", "EE", "EI", "OE"}
    return last[0] + here[0] in starts or (here[0] != "O" and last[1] != here[1])


def assert_equals_conlleval(gold: Tags, predicted: Tags, scheme: Scheme) -> None:
    tokens, right, types = conlleval(gold, predicted)
    scores = scoring.score(gold, predicted, scheme)
    assert {name: (each.gold, each.predicted, each.correct) for name, each in scores.types.items()} == {
        name or "span": counts for name, counts in types.items()
    }
    assert scores.micro == scoring.Score(
        *(sum(counts) for counts in zip((0, 0, 0), *types.values(), strict=True))
    )
    assert scores.tokens == tokens
    assert scores.token_accuracy == pytest.approx(right / tokens if tokens else 0.0)


@pytest.mark.parametrize("scheme", [Scheme.IOB1, Scheme.IOB2])
def test_equals_conlleval_on_every_short_pair_of_sequences(scheme: Scheme) -> None:
    """All 15,625 pairs of three tags out of O, B-A, I-A, B-B, I-B: legal or not, in one file each."""
    sequences = list(product(["O", "B-A", "I-A", "B-B", "I-B"], repeat=3))
    for gold in sequences:
        assert_equals_conlleval([list(gold)] * len(sequences), [list(each) for each in sequences], scheme)


IOB_TAGS = st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-A-B", "I-A-B", "B", "I"])
TAG_PAIRS = st.lists(st.lists(st.tuples(IOB_TAGS, IOB_TAGS), max_size=8), max_size=8)


@settings(deadline=None)
@given(TAG_PAIRS, st.sampled_from([Scheme.IOB1, Scheme.IOB2]))
def test_equals_conlleval_on_any_iob_sequences(pairs: list[list[tuple[str, str]]], scheme: Scheme) -> None:
    gold = [[left for left, _ in sentence] for sentence in pairs]
    predicted = [[right for _, right in sentence] for sentence in pairs]
    assert_equals_conlleval(gold, predicted, scheme)


def test_counts_the_spans_that_conlleval_merges() -> None:
    """conlleval lets a chunk run on from E-A to B-A and from S-A to S-A; there are two spans in each."""
    gold = [["B-A", "E-A", "B-A", "E-A"], ["S-A", "S-A"]]
    _, _, merged = conlleval(gold, gold)
    assert merged == {"A": (2, 2, 2)}
    assert scoring.score(gold, gold, Scheme.BIOES).micro == scoring.Score(4, 4, 4)
    for other in (Scheme.BILOU, Scheme.BMES, Scheme.BMEWO):
        converted = [convert(tags, Scheme.BIOES, other) for tags in gold]
        assert scoring.score(converted, converted, other).micro == scoring.Score(4, 4, 4)


def corrupt(sentences: Tags, seed: int, share: float = 0.15) -> Tags:
    """Answer like a bad model: some tags are replaced by any tag of the corpus, mostly against the scheme."""
    generator = random.Random(seed)
    tags = sorted({tag for sentence in sentences for tag in sentence})
    return [
        [generator.choice(tags) if generator.random() < share else tag for tag in each] for each in sentences
    ]


def random_iob2(seed: int, sentences: int = 400) -> Tags:
    generator = random.Random(seed)
    tags = []
    for _ in range(sentences):
        sentence: list[str] = []
        while len(sentence) < generator.randint(1, 15):
            type_ = generator.choice(["PER", "LOC", "ORG"])
            sentence += generator.choice(
                [["O"], ["O"], [f"B-{type_}"], [f"B-{type_}", f"I-{type_}", f"I-{type_}"]]
            )
        tags.append(sentence)
    return tags


def read_tags(path: Path) -> Tags:
    """Read the last column with no help from the library."""
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    text = path.read_text(encoding="utf-8").replace("\t\n", "\n\n")
    blocks = (
        [line.split()[-1] for line in block.split("\n") if line.strip()] for block in text.split("\n\n")
    )
    return [block for block in blocks if block]


CORPORA = [
    ("conll2002-es/esp.testb", Scheme.IOB2),
    ("wnut17/emerging.test.annotated", Scheme.IOB2),
    ("wikigold/wikigold.conll.txt", Scheme.IOB1),
]


@pytest.mark.parametrize(("name", "scheme"), CORPORA)
def test_equals_conlleval_and_seqeval_on_real_corpora(name: str, scheme: Scheme) -> None:
    gold = read_tags(SHARED / name)
    predicted = corrupt(gold, seed=3)
    assert_equals_conlleval(gold, predicted, scheme)
    assert_equals_seqeval(gold, predicted, scoring.score(gold, predicted, scheme))


def assert_equals_seqeval(gold: Tags, predicted: Tags, scores: scoring.Scores, **options: object) -> None:
    """Hold precision, recall, F1 and support of every type, micro and macro against seqeval."""
    seqeval = pytest.importorskip("seqeval.metrics")
    keys = {"precision": "precision", "recall": "recall", "f1": "f1-score", "support": "support"}
    report = seqeval.classification_report(gold, predicted, output_dict=True, zero_division=0, **options)
    ours = {**scores.types, "micro avg": scores.micro, "macro avg": scores.macro}
    assert set(scores.types) | {"micro avg", "macro avg", "weighted avg"} == set(report)
    for name, each in ours.items():
        for key, theirs in keys.items():
            assert each.as_dict()[key] == pytest.approx(report[name][theirs]), (name, key)


@pytest.mark.parametrize("seed", range(4))
def test_equals_seqeval_in_default_mode(seed: int) -> None:
    gold = random_iob2(seed)
    predicted = corrupt(gold, seed=seed + 100)
    assert_equals_seqeval(gold, predicted, scoring.score(gold, predicted, Scheme.IOB2))


@pytest.mark.parametrize(
    ("scheme", "theirs"), [(Scheme.IOB2, "IOB2"), (Scheme.BIOES, "IOBES"), (Scheme.BILOU, "BILOU")]
)
@pytest.mark.parametrize("seed", range(3))
def test_strict_equals_seqeval_where_that_is_right(scheme: Scheme, theirs: str, seed: int) -> None:
    schemes = pytest.importorskip("seqeval.scheme")
    gold = [convert(tags, Scheme.IOB2, scheme) for tags in random_iob2(seed)]
    predicted = corrupt(gold, seed=seed + 100)
    ours = scoring.score(gold, predicted, scheme, strict=True)
    assert ours != scoring.score(gold, predicted, scheme)
    assert_equals_seqeval(gold, predicted, ours, mode="strict", scheme=getattr(schemes, theirs))


SEQUENCES = {
    "IOB2": ["O", "B-A", "I-A", "B-B", "I-B"],
    "BIOES": ["O", "B-A", "I-A", "E-A", "S-A", "I-B", "E-B"],
    "BILOU": ["O", "B-A", "I-A", "L-A", "U-A", "I-B", "L-B"],
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_strict_reads_every_short_sequence_as_seqeval_does(name: str) -> None:
    schemes = pytest.importorskip("seqeval.scheme")
    theirs = {"IOB2": schemes.IOB2, "BIOES": schemes.IOBES, "BILOU": schemes.BILOU}[name]
    for tags in product(SEQUENCES[name], repeat=4):
        entities = schemes.Tokens(list(tags), theirs).entities
        expected = [Span(each.tag, each.start, each.end) for each in entities]
        assert scoring.strict_spans(list(tags), Scheme(name)) == expected, tags


def test_strict_iob1_keeps_what_seqeval_loses() -> None:
    """seqeval's IOB1 has no row for B after O: `B-PER` alone is lost, and of `B-PER I-PER` the first token.

    The B- is needless there, not ambiguous: it begins a span. Every sequence of IOB1 tags can be read, so
    strict and lenient agree.
    """
    schemes = pytest.importorskip("seqeval.scheme")
    assert schemes.Tokens(["O", "B-PER", "O"], schemes.IOB1).entities == []
    cut = schemes.Tokens(["O", "B-PER", "I-PER"], schemes.IOB1).entities
    assert [(each.start, each.end) for each in cut] == [(2, 3)]
    assert scoring.strict_spans(["O", "B-PER", "O"], Scheme.IOB1) == [Span("PER", 1, 2)]
    assert scoring.strict_spans(["O", "B-PER", "I-PER"], Scheme.IOB1) == [Span("PER", 1, 3)]
    assert scoring.strict_spans(["I-PER", "B-PER"], Scheme.IOB1) == [Span("PER", 0, 1), Span("PER", 1, 2)]


def test_strict_keeps_hyphens_that_seqeval_strips() -> None:
    """seqeval reads `B--x` as type `x`, so that `B--x` and `B-x` are the same to it."""
    schemes = pytest.importorskip("seqeval.scheme")
    assert schemes.Tokens(["B--x"], schemes.IOB2).entities[0].tag == "x"
    assert scoring.strict_spans(["B--x"], Scheme.IOB2) == [Span("-x", 0, 1)]
    assert scoring.score([["B--x"]], [["B-x"]], Scheme.IOB2, strict=True).micro == scoring.Score(1, 1, 0)


def test_strict_reads_bmes_which_seqeval_does_not_know() -> None:
    tags = ["B-N", "M-N", "E-N", "S-N", "M-N", "E-N", "B-N", "B-N", "E-V"]
    assert scoring.strict_spans(tags, Scheme.BMES) == [Span("N", 0, 3), Span("N", 3, 4)]
    bmewo = ["W-N" if tag == "S-N" else tag for tag in tags]
    assert scoring.strict_spans(bmewo, Scheme.BMEWO) == [Span("N", 0, 3), Span("N", 3, 4)]


def test_seqeval_strict_iob2_is_the_wrong_ruler_for_iob1() -> None:
    """On IOB1 files seqeval's strict IOB2 mode finds only the spans that touch another one."""
    schemes = pytest.importorskip("seqeval.scheme")
    gold = ["I-PER", "I-PER", "O", "I-LOC"]
    assert schemes.Tokens(gold, schemes.IOB2).entities == []
    assert scoring.score([gold], [gold], Scheme.IOB1, strict=True).micro == scoring.Score(2, 2, 2)


@pytest.mark.parametrize("scheme", [each for each in Scheme if each.has_prefixes])
@pytest.mark.parametrize("strict", [False, True])
def test_schemes_do_not_change_spans_of_legal_tags(scheme: Scheme, strict: bool) -> None:
    gold = random_iob2(1, sentences=60)
    predicted = [convert(tags, Scheme.IOB2, Scheme.IOB2) for tags in corrupt(gold, seed=2)]
    expected = scoring.score(gold, predicted, Scheme.IOB2)
    mixed = scoring.score(
        gold,
        [convert(tags, Scheme.IOB2, scheme) for tags in predicted],
        Scheme.IOB2,
        scheme,
        strict=strict,
    )
    assert mixed == expected


def test_without_a_span_on_either_side_f1_is_0_as_in_the_references() -> None:
    scores = scoring.score([["O", "O"]], [["O", "O"]], Scheme.IOB2)
    metrics = pytest.importorskip("seqeval.metrics")
    with pytest.warns(UserWarning, match="ill-defined"):
        assert scores.micro.f1 == metrics.f1_score([["O", "O"]], [["O", "O"]]) == 0.0
    assert (scores.micro.precision, scores.micro.recall) == (0.0, 0.0)
    assert (scores.macro.f1, scores.token_accuracy, scores.types) == (0.0, 1.0, {})
    assert scores.note is not None and "no span in gold or predicted: F1 is 0" in scores.note
    assert scores.as_dict()["note"] == scores.note
    assert scoring.score([], [], Scheme.IOB2).as_dict()["token_accuracy"] == 0.0


def test_without_a_known_label_accuracy_is_0_and_says_so() -> None:
    scores = scoring.score([["?", "?"]], [["NOUN", "VERB"]], Scheme.BARE)
    assert scores.headline == ("accuracy", 0.0)
    assert scores.note is not None and "no token has a known gold label" in scores.note


def test_the_standard_error_is_about_the_spread_of_the_f1_over_samples():
    draw = random.Random(4)
    values = []
    for _ in range(4000):
        correct = sum(draw.random() < 0.8 for _ in range(250))
        values.append(scoring.Score(250, 250, correct).f1)
    assert scoring.Score(250, 250, 200).f1_error == pytest.approx(statistics.stdev(values), rel=0.05)
    assert scoring.Score(0, 0, 0).f1_error == scoring.Score(9, 9, 9).f1_error == 0.0


def test_a_tie_is_a_quarter_of_a_standard_error():
    score = scoring.Score(250, 250, 200)
    assert score.ties(0.7)
    assert score.ties(0.8)
    assert score.ties(0.8 + 0.24 * score.f1_error)
    assert not score.ties(0.8 + 0.26 * score.f1_error)


def test_spans_on_one_side_alone_are_worth_nothing() -> None:
    missed = scoring.score([["B-A"]], [["O"]], Scheme.IOB2).micro
    spurious = scoring.score([["O"]], [["B-A"]], Scheme.IOB2).micro
    for each in (missed, spurious):
        assert (each.precision, each.recall, each.f1) == (0.0, 0.0, 0.0)
    assert (missed.support, spurious.support) == (1, 0)


@settings(deadline=None)
@given(TAG_PAIRS)
def test_every_number_is_a_fraction(pairs: list[list[tuple[str, str]]]) -> None:
    gold = [[left for left, _ in sentence] for sentence in pairs]
    predicted = [[right for _, right in sentence] for sentence in pairs]
    facts = scoring.score(gold, predicted, Scheme.IOB2).as_dict()
    groups = [facts["micro"], facts["macro"], *facts["types"].values()]  # type: ignore[union-attr, list-item]
    for group in groups:
        assert all(0 <= group[key] <= 1 for key in ("precision", "recall", "f1"))  # type: ignore[index]
    assert 0 <= facts["token_accuracy"] <= 1  # type: ignore[operator]


def test_the_json_contract() -> None:
    scores = scoring.score([["B-A", "O"], ["B-B"]], [["B-A", "B-A"], ["B-B"]], Scheme.IOB2)
    half = {"precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "support": 1}
    assert scores.as_dict() == {
        "micro": {"precision": pytest.approx(2 / 3), "recall": 1.0, "f1": 0.8, "support": 2},
        "macro": {"precision": 0.75, "recall": 1.0, "f1": pytest.approx(5 / 6), "support": 2},
        "types": {"A": half, "B": {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1}},
        "token_accuracy": pytest.approx(2 / 3),
        "sentence_accuracy": 0.5,
        "sentences": 2,
        "tokens": 3,
    }


def test_bare_labels_are_scored_by_accuracy() -> None:
    scores = scoring.score([["NOUN", "VERB"], ["ADJ"]], [["NOUN", "NOUN"], ["ADJ"]], Scheme.BARE)
    assert scores.headline == ("accuracy", pytest.approx(2 / 3))
    assert scores.micro.f1 == scores.micro.precision == scores.token_accuracy
    assert scores.types["NOUN"] == scoring.Score(1, 2, 1)


def test_token_accuracy_across_schemes_compares_like_with_like() -> None:
    scores = scoring.score([["B-A", "I-A", "O"]], [["B-A", "E-A", "S-B"]], Scheme.IOB2, Scheme.BIOES)
    assert scores.token_accuracy == pytest.approx(2 / 3)


def test_unknown_gold_tags_count_for_nothing() -> None:
    gold = [["B-A", "?", "O", "B-A"], ["?", "?"], ["B-A", "O"]]
    predicted = [["B-A", "I-A", "O", "B-A"], ["B-B", "O"], ["O", "B-B"]]
    scores = scoring.score(gold, predicted, Scheme.IOB2)
    assert scores.micro == scoring.Score(gold=2, predicted=2, correct=1)
    assert (scores.tokens, scores.token_accuracy) == (5, pytest.approx(3 / 5))
    bare = scoring.score([["NOUN", "?"]], [["NOUN", "VERB"]], Scheme.BARE)
    assert (bare.micro, bare.tokens, bare.token_accuracy) == (scoring.Score(1, 1, 1), 1, 1.0)
    both = scoring.score([["?", "O"]], [["?", "O"]], Scheme.IOB2)
    assert (both.tokens, both.token_accuracy) == (1, 1.0)


def test_unknown_gold_tags_across_schemes() -> None:
    scores = scoring.score([["B-A", "I-A", "?"]], [["B-A", "E-A", "S-B"]], Scheme.IOB2, Scheme.BIOES)
    assert (scores.micro, scores.tokens, scores.token_accuracy) == (scoring.Score(1, 1, 1), 2, 1.0)


def test_a_type_that_training_never_saw_is_missed() -> None:
    scores = scoring.score([["B-NEW", "O"]], [["O", "O"]], Scheme.IOB2)
    assert scores.types == {"NEW": scoring.Score(1, 0, 0)}


@pytest.mark.parametrize(
    ("gold", "predicted", "schemes", "message"),
    [
        (
            [["O"], ["O", "O"]],
            [["O"], ["O"]],
            (Scheme.IOB2, None),
            "sentence 2 has 2 gold tags and 1 predicted tags",
        ),
        ([["O"]], [], (Scheme.IOB2, None), "1 gold sentences and 0 predicted ones"),
        ([["NN"]], [["O"]], (Scheme.BARE, Scheme.IOB2), "gold has BARE tags and predicted has IOB2 tags"),
    ],
)
def test_what_does_not_fit_together_is_an_error(
    gold: Tags, predicted: Tags, schemes: tuple[Scheme, Scheme | None], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        scoring.score(gold, predicted, *schemes)


def test_repeated_spans_count_once() -> None:
    pair = scoring.Pair([Span("A", 0, 1)] * 2, [Span("A", 0, 1)], 3)
    scores = scoring.score_spans([pair])
    assert (scores.micro, scores.tokens, scores.sentences) == (scoring.Score(1, 1, 1), 3, 1)


def test_pairs_hold_the_spans_that_are_scored() -> None:
    gold, predicted = random_iob2(5, sentences=30), random_iob2(6, sentences=30)
    gold = [tags[: len(other)] for tags, other in zip(gold, predicted, strict=True)]
    predicted = [tags[: len(other)] for tags, other in zip(predicted, gold, strict=True)]
    pairs = scoring.pair_spans(gold, predicted, Scheme.IOB2)
    assert [pair.gold for pair in pairs] == [tags_to_spans(tags, Scheme.IOB2) for tags in gold]
    assert scoring.score_spans(pairs).types == scoring.score(gold, predicted, Scheme.IOB2).types


def test_many_unknown_tags_in_one_sentence_are_left_out_in_linear_time() -> None:
    count = 30_000
    began = time.thread_time()
    scores = scoring.score(
        [["B-A", "?", "O", "B-A"] * count], [["B-A", "I-A", "B-B", "B-A"] * count], Scheme.IOB2
    )
    assert time.thread_time() - began < 10
    assert scores.micro == scoring.Score(gold=count, predicted=2 * count, correct=count)
