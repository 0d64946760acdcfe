"""Schemes against the reference scorer's rule, enumeration, and round trips."""

from __future__ import annotations

import re
from itertools import accumulate, groupby, pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import ConfigError, DataError
from tagger.text import schemes
from tagger.text.schemes import Scheme, Span

PREFIXED = [scheme for scheme in Scheme if scheme.has_prefixes]


def conlleval_spans(tags: list[str]) -> list[tuple[str, int, int]]:
    """Transcribe startOfChunk and endOfChunk of conlleval.pl (CoNLL-2000) for B, I and O."""
    spans, start = [], None
    previous, previous_type = "O", ""
    for i, tag in enumerate([*tags, "O"]):
        prefix, _, type_ = tag.partition("-")
        ends = previous != "O" and (prefix in "BO" or previous_type != type_)
        begins = prefix != "O" and (prefix == "B" or previous == "O" or previous_type != type_)
        if ends:
            spans.append((previous_type, start, i))
        if begins:
            start = i
        previous, previous_type = prefix, type_
    return spans


@pytest.mark.parametrize("scheme", [Scheme.IOB1, Scheme.IOB2])
def test_any_iob_sequence_reads_as_the_reference_scorer_reads_it(scheme):
    for length in range(6):
        for tags in product(["O", "B-A", "I-A", "B-B-C", "I-B-C"], repeat=length):
            assert schemes.tags_to_spans(tags, scheme) == conlleval_spans(list(tags)), tags


@st.composite
def spans_and_length(draw):
    length = draw(st.integers(0, 12))
    spans, start = [], 0
    while start < length:
        end = draw(st.integers(start + 1, length))
        if draw(st.booleans()):
            spans.append(Span(draw(st.sampled_from(["PER", "A-B", "-x"])), start, end))
        start = end
    return spans, length


@given(spans_and_length(), st.sampled_from(PREFIXED), st.sampled_from(PREFIXED))
def test_round_trips_between_schemes_are_the_identity(case, source, target):
    spans, length = case
    tags = schemes.spans_to_tags(spans, length, source)
    assert schemes.tags_to_spans(tags, source) == spans
    assert schemes.violations(tags, source) == []
    converted = schemes.convert(tags, source, target)
    assert schemes.tags_to_spans(converted, target) == spans
    assert schemes.convert(converted, target, source) == tags


@pytest.mark.parametrize("scheme", PREFIXED)
def test_legal_sequences_are_exactly_those_that_spans_can_spell(scheme):
    tags = schemes.tags_of_types(["A", "B"], scheme)
    start, transitions, end = schemes.allowed(tags, scheme)
    for length in range(1, 5 if len(tags) < 6 else 4):
        for path in product(range(len(tags)), repeat=length):
            legal = start[path[0]] and end[path[-1]]
            legal = legal and all(transitions[i, j] for i, j in pairwise(path))
            sequence = [tags[i] for i in path]
            assert legal == (schemes.convert(sequence, scheme, scheme) == sequence), sequence
            assert legal == (schemes.violations(sequence, scheme) == [])


@pytest.mark.parametrize(
    ("tags", "scheme", "spans"),
    [
        (["E-A", "B-A"], Scheme.BIOES, [("A", 0, 1), ("A", 1, 2)]),
        (["S-A", "S-A"], Scheme.BIOES, [("A", 0, 1), ("A", 1, 2)]),
        (["B-A", "L-A", "U-A"], Scheme.BILOU, [("A", 0, 2), ("A", 2, 3)]),
        (["B-A", "M-A", "E-A", "I"], Scheme.BMES, None),
        (["B", "M", "E", "S", "B", "E"], Scheme.BMES, [("", 0, 3), ("", 3, 4), ("", 4, 6)]),
        (["B-A", "M-A", "E-A", "W-A"], Scheme.BMEWO, [("A", 0, 3), ("A", 3, 4)]),
        (
            ["A", "A", "O", "A", "B", "?", "B"],
            Scheme.IO,
            [("A", 0, 2), ("A", 3, 4), ("B", 4, 5), ("B", 6, 7)],
        ),
        (["NOUN", "O", "?", "NOUN"], Scheme.BARE, [("NOUN", 0, 1), ("NOUN", 3, 4)]),
        (["B-A", "?", "I-A"], Scheme.IOB2, [("A", 0, 1), ("A", 2, 3)]),
        (["B-", "O"], Scheme.IOB2, None),
        (["PER-B", "O"], Scheme.IOB2, None),
    ],
)
def test_spans_of_single_sequences(tags, scheme, spans):
    if spans is None:
        with pytest.raises(DataError, match=r"found tag .*expected O, B-TYPE"):
            schemes.tags_to_spans(tags, scheme)
    else:
        assert schemes.tags_to_spans(tags, scheme) == spans


def test_spans_that_cannot_be_tags_are_an_error():
    for spans in (
        [Span("A", 0, 2), Span("B", 1, 3)],
        [Span("A", 1, 1)],
        [Span("A", 2, 4)],
        [Span("A", -1, 1)],
    ):
        with pytest.raises(DataError, match=r"overlaps .*, is empty, or leaves"):
            schemes.spans_to_tags(spans, 3, Scheme.IOB2)


def test_unknown_tags_survive_conversion_and_are_legal_everywhere():
    for source, target in product(Scheme, Scheme):
        assert schemes.convert(["O", "?"], source, target) == ["O", "?"]
        assert schemes.allowed(["?"], source).transitions.all()


def test_schemes_are_found_by_name_and_a_wrong_name_lists_the_right_ones():
    assert schemes.parse_scheme("bio") is Scheme.IOB2
    with pytest.raises(ConfigError, match="scheme: found 'XYZ', expected one of IOB1, IOB2, BIOES"):
        schemes.parse_scheme("XYZ")


@pytest.mark.parametrize(
    ("sequences", "scheme", "evidence"),
    [
        ([["B-A", "I-A", "O"]], Scheme.IOB2, "the only span .* begins with B"),
        ([["I-A", "B-A", "O"], ["I-B"]], Scheme.IOB1, "all 2 spans .* begin with I"),
        (
            [["B-A", "O", "I-A", "O", "B-A"]],
            Scheme.IOB2,
            "of the spans .* B begins 2 and I 1; IOB2 is a guess",
        ),
        ([["I"], ["B", "I"]], Scheme.IOB2, "guess"),
        ([["B-A", "I-A", "E-A"]], Scheme.BIOES, "1 tag begins with E, and 1 with I"),
        ([["S-A", "O"]], Scheme.BIOES, "BIOES is a guess"),
        ([["B", "E", "S"]], Scheme.BMES, "BMES is a guess"),
        ([["B", "M", "E", "S"]], Scheme.BMES, "1 tag begins with M"),
        ([["B-A", "L-A", "O"]], Scheme.BILOU, "1 tag begins with L"),
        ([["B-A", "E-A", "W-A"]], Scheme.BMEWO, "1 tag begins with W"),
        ([["NOUN", "VERB"]], Scheme.BARE, "NOUN.*no prefixes"),
        ([["PER", "O"]], Scheme.IO, "no prefixes, 1 of 2 tokens are O"),
        ([["O", "O"]], Scheme.IOB2, "no tag but O"),
        ([], Scheme.IOB2, "no tag but O"),
        ([["?", "I-A"], ["O", "B-A"]], Scheme.IOB2, "the only span"),
    ],
)
def test_detection_with_its_evidence(sequences, scheme, evidence):
    detection = schemes.detect(sequences)
    assert detection.scheme is scheme
    assert re.search(evidence, detection.evidence)


def readings(tags, scheme):
    """Return every legal sequence without `?` that these tags may stand for."""
    choices = schemes.tags_of_types(["A", "B"], scheme)
    for sequence in product(*(choices if tag == "?" else [tag] for tag in tags)):
        if not schemes.violations(sequence, scheme):
            yield sequence


@pytest.mark.parametrize("source", [Scheme.IOB1, Scheme.IOB2, Scheme.BIOES])
@pytest.mark.parametrize("target", [Scheme.IOB2, Scheme.BILOU])
def test_candidates_are_what_some_reading_of_the_unknown_tags_gives(source, target):
    for tags in product(["?", *schemes.tags_of_types(["A"], source)], repeat=4):
        converted = [schemes.convert(reading, source, target) for reading in readings(tags, source)]
        found = schemes.candidates(tags, source, target)
        for i, tag in enumerate(tags):
            seen = {sequence[i] for sequence in converted}
            assert not converted or (found[i] == () if tag == "?" else seen <= set(found[i])), (tags, i)
            alone = tags[:i].count("?") + tags[i + 1 :].count("?") == 1
            assert tag == "?" or not converted or not alone or source is Scheme.IOB1 or seen == set(found[i])


@given(st.data(), st.sampled_from(PREFIXED[1:]), st.sampled_from(PREFIXED[1:]))
def test_partial_annotation_survives_a_round_trip(data, source, target):
    spans, length = data.draw(spans_and_length())
    tags = schemes.spans_to_tags(spans, length, source)
    tags = ["?" if data.draw(st.integers(0, 3)) == 0 else tag for tag in tags]
    converted = schemes.convert(tags, source, target)
    assert [tag == "?" for tag in converted] == [tag == "?" for tag in tags]
    again = schemes.convert(converted, target, source)
    assert schemes.convert(again, source, target) == converted
    if source is Scheme.IOB2 or target is not Scheme.IOB2:
        assert again == tags


@pytest.mark.parametrize("target", PREFIXED)
def test_runs_in_io_are_the_spans_of_every_other_scheme(target):
    """By enumeration: IO keeps all spans but those that touch one of their own type."""
    for length in range(6):
        for tags in product(["O", "A", "B"], repeat=length):
            runs = [(key, len(list(group))) for key, group in groupby(tags)]
            ends = list(accumulate(size for _, size in runs))
            expected = [Span(t, end - n, end) for (t, n), end in zip(runs, ends, strict=True) if t != "O"]
            assert schemes.tags_to_spans(tags, Scheme.IO) == expected
            assert schemes.violations(tags, Scheme.IO) == []
            converted = schemes.convert(tags, Scheme.IO, target)
            assert schemes.tags_to_spans(converted, target) == expected
            assert schemes.count_touching(converted, target) == 0
            assert schemes.convert(converted, target, Scheme.IO) == list(tags)
            open_tags = schemes.candidates(tags, Scheme.IO, Scheme.BIOES)
            assert open_tags == [(tag,) for tag in schemes.convert(tags, Scheme.IO, Scheme.BIOES)]


@given(spans_and_length(), st.sampled_from(PREFIXED))
def test_io_merges_what_touches_and_says_how_often(case, source):
    spans, length = case
    tags = schemes.spans_to_tags(spans, length, source)
    merged = schemes.tags_to_spans(schemes.convert(tags, source, Scheme.IO), Scheme.IO)
    assert len(spans) - len(merged) == schemes.count_touching(tags, source)


def test_an_unknown_tag_in_io_leaves_open_where_spans_end():
    found = schemes.candidates(["A", "?", "A", "O"], Scheme.IO, Scheme.BIOES)
    assert [set(each) for each in found] == [
        {"B-A", "S-A"},
        set(),
        {"B-A", "S-A", "I-A", "E-A"} - {"B-A", "I-A"},
        {"O"},
    ]


def test_spans_of_io_do_not_touch_in_the_scheme_of_a_model():
    tags = schemes.tags_of_types(["A", "B"], Scheme.BIOES)
    free, apart = (schemes.allowed(tags, Scheme.BIOES, has_touching=each) for each in (True, False))
    for i, j in product(range(len(tags)), repeat=2):
        touches = (
            tags[i] != "O" != tags[j]
            and tags[i][0] in "ES"
            and tags[j][0] in "BS"
            and tags[i][1:] == tags[j][1:]
        )
        assert apart.transitions[i, j] == (free.transitions[i, j] and not touches)


@pytest.mark.parametrize(
    "sequences",
    [
        [["tree", "tree", "O", "O", "bird", "bird", "O"]],  # a handful of rows
        [["O", "person", "plant", "O", "thing"]],  # types that are surely names
        [["O", "O", "ORG", "PRO", "PRO"]],  # PRO is a profession beside them
        [["O"] * 9 + ["person-artist"] * 2 + ["location-city"]],  # Few-NERD
        [["street", "street", "number", "O", "city", "city", "city"]],  # nearly all tokens are of some type
        [["<title>", "<title>", "O", "O"]],
        [["O", "O", "O", "1", "1", "2"]],
    ],
)
def test_io_is_told_by_o_and_runs_of_one_type(sequences):
    found = schemes.detect(sequences)
    assert (found.scheme, found.question) == (Scheme.IO, "")
    assert "a run is a span" in found.evidence


@pytest.mark.parametrize(
    "sequences",
    [
        [["TREE", "O", "O"]],  # no run
        [["N", "V", "O"]],
        [["N", "N", "O", "O", "O", "V"]],  # runs, but these are no names of types
        [["O", "N"], ["O", "."]],  # as many O as labels
    ],
)
def test_what_o_means_is_asked_where_unsure(sequences):
    assert re.search("say --scheme IO .* or --scheme BARE", schemes.detect(sequences).question)


def test_o_is_a_label_beside_many_parts_of_speech():
    tweets = list("NNVOVPDN,OV^^!@VOLRRANP#~U")
    without_marks = [["N", "V", "PRON", "ADV", "DET", "O", "N", "N", "ADJ", "P", "NUM", "V"]] * 6
    for sequences in ([tweets], without_marks):
        found = schemes.detect(sequences)
        assert (found.scheme, found.question) == (Scheme.BARE, "")
        assert "O is one of them" in found.evidence
    assert schemes.labels_of(["N", "O", "?"], Scheme.BARE) == [("N", 0, 1), ("O", 1, 2)]
    assert schemes.labels_of(["N", "O", "N"], Scheme.IO) == [("N", 0, 1), ("N", 2, 3)]
