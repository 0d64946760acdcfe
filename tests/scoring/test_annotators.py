"""Agreement of annotators against published examples and plain definitions; merging against its rules."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tagger
from tagger.errors import ConfigError, DataError
from tagger.scoring.annotators import (
    Merge,
    UnitizingCounts,
    measure_cohen,
    measure_fleiss,
    merge_annotators,
    parse_merge,
    sum_up,
)
from tagger.scoring.annotators.readings import name_annotators
from tagger.scoring.matching import Kind
from tagger.scoring.resampling import bootstrap
from tagger.text.schemes import Scheme, Span, spans_to_tags, tags_to_spans


def sections(begin: int, *found: tuple[str, int, int]) -> list[Span]:
    """Return spans given as the publication has them: type, begin, length."""
    return [Span(type_, start - begin, start - begin + length) for type_, start, length in found]


def test_alpha_of_the_example_of_krippendorff_2004() -> None:
    """Content Analysis, second edition, section 11.6: two observers, a continuum from 150 of length 300."""
    counts = UnitizingCounts(2)
    counts.add(
        [
            sections(150, ("k", 180, 60), ("c", 225, 70), ("k", 300, 50), ("c", 370, 30)),
            sections(150, ("k", 180, 60), ("c", 220, 80), ("k", 300, 50), ("c", 355, 20), ("c", 400, 20)),
        ],
        300,
    )
    types = counts.of_types()
    assert types["c"].observed == pytest.approx(0.0144, abs=5e-5)
    assert types["c"].expected == pytest.approx(0.0532, abs=5e-5)
    assert types["c"].alpha == pytest.approx(0.7286, abs=5e-4)
    assert types["k"].observed == 0
    assert types["k"].expected == pytest.approx(0.0490, abs=5e-5)
    assert types["k"].alpha == 1
    assert sum_up(types).alpha == pytest.approx(0.8591, abs=5e-4)


def alpha_by_definition(texts: list[list[tuple[list[Span], int]]]) -> float | None:
    """Compute alpha section by section, as the formula stands, over all annotators' whole continua."""
    length = sum(size for _, size in texts[0])
    observed = expected = 0.0
    types = {span.type for text in texts for spans, _ in text for span in spans}
    for type_ in types:
        cut = []
        for text in texts:
            own, at, end = [], 0, 0
            for spans, size in text:
                for span in spans:
                    if span.type == type_:
                        own += [(0, end, at + span.start - end), (1, at + span.start, span.end - span.start)]
                        end = at + span.end
                at += size
            cut.append([*own, (0, end, length - end)])
        for one, other in permutations(cut, 2):
            for is_unit, begin, size in one:
                for is_other, start, extent in other:
                    if is_unit and is_other and -size < begin - start < extent:
                        observed += (begin - start) ** 2 + (begin + size - start - extent) ** 2
                    elif is_unit and not is_other and extent - size >= begin - start >= 0:
                        observed += size**2
                    elif is_other and not is_unit and size - extent >= start - begin >= 0:
                        observed += extent**2
        units = [size for own in cut for is_unit, _, size in own if is_unit]
        gaps = [size for own in cut for is_unit, _, size in own if not is_unit]
        total = sum(
            (len(units) - 1) / 3 * (2 * u**3 - 3 * u**2 + u) + u**2 * sum(g - u + 1 for g in gaps if g >= u)
            for u in units
        )
        whole = len(texts) * length
        expected += 2 / length * total / (whole * (whole - 1) - sum(u * (u - 1) for u in units))
    observed /= len(texts) * (len(texts) - 1) * length**2
    return 1 - observed / expected if expected else None


TAGS = ["O", "O", "B-A", "I-A", "B-B", "I-B"]


@given(st.integers(2, 4), st.lists(st.integers(1, 6), min_size=1, max_size=5), st.data())
def test_alpha_is_what_the_definition_says(annotators: int, lengths: list[int], data: st.DataObject) -> None:
    counts = UnitizingCounts(annotators)
    texts: list[list[tuple[list[Span], int]]] = [[] for _ in range(annotators)]
    for length in lengths:
        spans = [
            tags_to_spans(
                data.draw(st.lists(st.sampled_from(TAGS), min_size=length, max_size=length)), Scheme.IOB2
            )
            for _ in range(annotators)
        ]
        counts.add(spans, length)
        for text, found in zip(texts, spans, strict=True):
            text.append((found, length))
    expected = alpha_by_definition(texts)
    found = sum_up(counts.of_types()).alpha
    assert (found is None) == (expected is None)
    if expected is not None:
        assert found == pytest.approx(expected)


def test_alpha_of_single_tokens_is_the_nominal_one() -> None:
    """Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", B: two observers, nominal data, 0.692."""
    meg, owen = "aabbdcccedda", "babbbccceddd"
    counts = UnitizingCounts(2)
    counts.add([[Span(tag, i, i + 1) for i, tag in enumerate(row)] for row in (meg, owen)], len(meg))
    assert sum_up(counts.of_types()).alpha == pytest.approx(0.692, abs=5e-4)


def test_fleiss_kappa_of_the_usual_example() -> None:
    """Fourteen raters, ten subjects, five categories: 0.210 (the worked example that textbooks quote)."""
    table = [
        (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
    ]  # fmt: skip
    rows = Counter("".join(tag * n for tag, n in zip("abcde", counts, strict=True)) for counts in table)
    found = measure_fleiss({tuple(row): count for row, count in rows.items()})
    assert found.observed == pytest.approx(0.378, abs=5e-4)
    assert found.expected == pytest.approx(0.213, abs=5e-4)
    assert found.value == pytest.approx(0.210, abs=5e-4)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1))
def test_cohen_is_that_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    found = measure_cohen(Counter(pairs)).value
    if found is None:
        assert len({tag for pair in pairs for tag in pair}) == 1
    else:
        assert found == pytest.approx(metrics.cohen_kappa_score(*zip(*pairs, strict=True)))


WORDS = ["Ada", "Lovelace", "met", "Li", "in", "Paris"]


def agree(*rows: str, **options: object) -> tagger.AnnotatorAgreement:
    return tagger.agree(*([(WORDS, row.split())] for row in rows), **options)


def test_two_annotators() -> None:
    found = agree("B-PER I-PER O B-PER O B-LOC", "B-PER O O B-LOC O B-LOC")
    (pair,) = found.pairs
    assert (pair.scores.micro.gold, pair.scores.micro.predicted, pair.scores.micro.correct) == (3, 3, 1)
    assert found.f1 == pytest.approx(1 / 3)
    assert found.fleiss is None
    assert pair.kappa.observed == pytest.approx(4 / 6)
    assert found.f1_of("LOC") == [pytest.approx(2 / 3)]
    assert found.spans_of("PER") == [2, 1]
    assert [(each.text, each.kind) for each in found.disagreements] == [
        ("Ada Lovelace", Kind.BOUNDARY),
        ("Li", Kind.TYPE),
    ]
    assert pair.confusion.cells[("PER", "LOC")] == 1


def test_intervals_are_those_of_resampled_sentences() -> None:
    rows = ["B-PER I-PER O B-PER O B-LOC", "B-PER O O B-LOC O B-LOC", "O O O O O O"]
    one = [(WORDS, rows[number % 2].split()) for number in range(30)]
    other = [(WORDS, rows[number % 3].split()) for number in range(30)]
    found = tagger.agree(one, other)
    (pair,) = found.pairs
    spans = [[tags_to_spans(tags, Scheme.IOB2) for _, tags in side] for side in (one, other)]
    counts = [[len(a), len(b), len(set(a) & set(b))] for a, b in zip(*spans, strict=True)]
    assert pair.interval == found.interval == bootstrap(np.array(counts))
    assert pair.interval.low < found.f1 < pair.interval.high
    by_type = found.intervals_of("LOC")[0]
    assert by_type is not None
    assert by_type.low < found.f1_of("LOC")[0] < by_type.high
    # Of three, of whom two are the same: the mean of 1, F1 and F1, of the same resamples.
    three = tagger.agree(one, one, other)
    assert three.interval == pytest.approx([(1 + 2 * bound) / 3 for bound in pair.interval])
    assert three.f1_with_others() == pytest.approx([(1 + found.f1) / 2] * 2 + [found.f1])


def test_it_doesnt_matter_who_comes_first() -> None:
    rows = ["B-PER I-PER O B-PER O ?", "B-PER O O B-LOC O B-LOC", "O B-PER O ? O O"]
    numbers = {
        (round(found.f1, 12), round(found.alpha or 0, 12), round(found.kappa.value or 0, 12))
        for found in (agree(*order) for order in permutations(rows))
    }
    assert len(numbers) == 1


def test_what_somebody_doesnt_know_counts_for_nothing() -> None:
    found = agree("B-PER I-PER O B-PER O B-LOC", "B-PER ? O B-PER O B-LOC")
    assert found.disagreements == ()
    assert found.f1 == 1
    assert (found.pairs[0].scores.micro.gold, found.kappa.tokens) == (2, 5)


def test_schemes_may_differ() -> None:
    first = [(WORDS, ["B-PER", "I-PER", "O", "B-PER", "O", "B-LOC"])]
    other = [(WORDS, ["B-PER", "E-PER", "O", "S-PER", "O", "S-LOC"])]
    assert tagger.agree(first, other).kappa.observed == 1


def test_a_single_annotator_and_other_tokens_are_refused() -> None:
    with pytest.raises(ConfigError, match="expected the files of two annotators or more"):
        tagger.agree([(WORDS, ["O"] * 6)])
    with pytest.raises(DataError, match="expected the same tokens in both files"):
        tagger.agree(
            [(WORDS, ["B-A", "O", "O", "O", "O", "O"])],
            [(["Bob", *WORDS[1:]], ["B-A", "O", "O", "O", "O", "O"])],
        )
    with pytest.raises(ConfigError, match="expected majority, union or"):
        parse_merge("most")


def test_names_tell_annotators_apart() -> None:
    assert name_annotators(["a/x.conll", "b/x.conll"]) == ["a", "b"]
    assert name_annotators(["x.conll", "x.conll"]) == ["1: x.conll", "2: x.conll"]


# Merging


def merged(how: str, *rows: str) -> str:
    found = agree(*rows).merge(how)
    return " ".join(found.corpus.sentences[0].tags)


THREE = ("B-PER I-PER O B-PER O B-LOC", "B-PER I-PER O O O B-LOC", "B-PER O O B-LOC O B-ORG")


@pytest.mark.parametrize(
    ("how", "tags"),
    [
        ("majority", "B-PER I-PER O O O B-LOC"),
        ("union", "B-PER I-PER O B-PER O B-LOC"),
        ("?", "? ? O ? O ?"),
    ],
)
def test_spans_of_three(how: str, tags: str) -> None:
    assert merged(how, *THREE) == tags


def test_of_two_the_majority_is_what_both_have() -> None:
    assert merged("majority", *THREE[:2]) == "B-PER I-PER O O O B-LOC"


def test_who_doesnt_know_doesnt_vote() -> None:
    assert merged("majority", "B-PER O O O O ?", "? O O O O ?", "? O O O O ?") == "B-PER O O O O ?"
    assert merged("?", "B-PER O O O O ?", "? O O O O O") == "B-PER O O O O O"


def test_bare_labels_without_a_majority_arent_known() -> None:
    rows = ("N N V N P N", "N N V N P V", "N A V N O P")
    assert merged("majority", *rows) == "N N V N P ?"
    assert merged("union", *rows) == "N N V N P N"
    assert merged("?", *rows) == "N ? V N ? ?"


def characters(how: str, *rows: str) -> str:
    """Merge texts of words with blanks between them, and return the tags of their characters."""
    corpora = []
    for row in rows:
        tags = spans_to_tags(_spans(row.split()), len("".join(row.split())), Scheme.BMES)
        corpora.append([(list("".join(row.split())), tags)])
    found = merge_annotators(tagger.agree(*corpora).annotators, Merge(how))
    return "".join(found.corpus.sentences[0].tags)


def _spans(words: list[str]) -> list[Span]:
    spans: list[Span] = []
    for word in words:
        start = spans[-1].end if spans else 0
        spans.append(Span("", start, start + len(word)))
    return spans


def test_words_are_cut_where_most_cut_them() -> None:
    rows = ("我 爱 北京 大学", "我 爱 北京大学", "我爱 北京 大学")
    assert characters("majority", *rows) == "SSBEBE"
    assert characters("union", *rows) == "SSBEBE"
    assert characters("?", *rows) == "??B??E"
    assert characters("majority", *rows[:2]) == "SSB??E"


def test_types_of_words_are_put_to_the_vote() -> None:
    text = list("北京大学")
    rows = ["B-NR E-NR B-NN E-NN", "B-NR E-NR B-NR E-NR", "B-NN M-NN M-NN E-NN"]
    found = tagger.agree(*([(text, row.split())] for row in rows))
    assert found.annotators.task.value == "joint"
    for how, tags in (
        (Merge.MAJORITY, "B-NR E-NR B-NN E-NN"),
        (Merge.UNION, "B-NR E-NR B-NN E-NN"),
        (Merge.AGREED, "? ? ? ?"),
    ):
        assert " ".join(merge_annotators(found.annotators, how).corpus.sentences[0].tags) == tags


@given(
    st.lists(
        st.lists(st.sampled_from(["O", "B-A", "I-A", "B-B", "?"]), min_size=4, max_size=4),
        min_size=2,
        max_size=5,
    )
)
def test_annotators_who_agree_are_taken_at_their_word(rows: list[list[str]]) -> None:
    """Labels of one annotator, several times, are merged to these labels, and none are invented."""
    words = ["ab", "cd", "ef", "gh"]
    one = [(words, ["B-A", *rows[0][1:]])]
    for how in Merge:
        same = merge_annotators(tagger.agree(one, one, one, scheme="IOB2").annotators, how)
        assert same.rejected == 0
        assert same.corpus.sentences[0].tags == tuple(one[0][1])
        found = tagger.agree(*([(words, row)] for row in rows), scheme="IOB2")
        merged = merge_annotators(found.annotators, how)
        had = {span for row in rows for span in tags_to_spans(row, Scheme.IOB2)}
        known = merged.corpus.sentences[0].tags
        assert "?" in known or set(tags_to_spans(known, Scheme.IOB2)) <= had
