"""Formats of annotation tools: round trips are the identity, and no span is moved without a word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import DataError
from tagger.text import conll, formats
from tagger.text.conll import Corpus, Sentence
from tagger.text.formats import CorpusSettings, Misaligned, OutputSettings
from tagger.text.formats.alignment import Cutting, Document, TextSpan, align
from tagger.text.formats.brat import write_pairs
from tagger.text.formats.location import locate_tokens
from tagger.text.output import write_text
from tagger.text.schemes import Scheme, convert
from tagger.text.tokenizer import Mode

SHARED = Path(__file__).parents[4] / "shared" / "data"
BLANKS = CorpusSettings(mode=Mode.BLANKS, lines=True)


def read(path, form="jsonl", settings=None, report=None) -> Corpus:
    reports = []
    corpus = formats.read_corpus(str(path), form, settings or CorpusSettings(), report or reports.append)
    assert not reports
    return corpus


def save(tmp_path, *records, name="x.jsonl"):
    path = tmp_path / name
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


WORD = st.text(st.characters(codec="utf-8", exclude_categories=("Z", "C")), min_size=1, max_size=4)


@st.composite
def corpora(draw, word=WORD, tags=("O", "B-X", "I-X", "B-Y")):
    sentences, document = [], 0
    for _ in range(draw(st.integers(1, 4))):
        tokens = tuple(draw(st.lists(word, min_size=1, max_size=5)))
        raw = [draw(st.sampled_from(tags)) for _ in tokens]
        sentences.append(Sentence(tokens, tuple(convert(raw, Scheme.IOB2, Scheme.IOB2)), document=document))
        document += draw(st.integers(0, 1))
    return Corpus("x", tuple(sentences), Scheme.IOB2, "", ())


def content(corpus):
    return [(sentence.tokens, sentence.tags, sentence.document) for sentence in corpus.sentences]


@settings(max_examples=150, deadline=None)
@given(
    corpora(st.text(st.characters(codec="utf-8"), min_size=1, max_size=4).filter(str.strip)), st.booleans()
)
def test_records_with_tokens_read_as_they_were_written(tmp_path_factory, corpus, with_texts):
    path = tmp_path_factory.mktemp("trip") / "x.jsonl"
    write_text(
        path,
        formats.FORMATS["jsonl" if with_texts else "tags"].format_corpus(corpus, OutputSettings(name="x")),
    )
    assert content(read(path, settings=CorpusSettings(scheme=Scheme.IOB2))) == content(corpus)


@settings(max_examples=150, deadline=None)
@given(corpora(), st.sampled_from(["doccano", "labelstudio"]))
def test_texts_with_spans_read_as_they_were_written_where_blanks_part_tokens(tmp_path_factory, corpus, form):
    path = tmp_path_factory.mktemp("trip") / "x.json"
    corpus = with_blanks(corpus)
    write_text(path, formats.FORMATS[form].format_corpus(corpus, OutputSettings(name="x")))
    assert content(read(path, settings=BLANKS)) == content(corpus)


@settings(max_examples=100, deadline=None)
@given(corpora())
def test_brat_reads_as_it_was_written_where_blanks_part_tokens(tmp_path_factory, corpus):
    path = tmp_path_factory.mktemp("trip") / "brat"
    corpus = with_blanks(corpus)
    write_pairs(corpus, path)
    assert content(read(path, "brat", BLANKS)) == content(corpus)


def with_blanks(corpus: Corpus) -> Corpus:
    """Add a word of two letters to each sentence, so that the corpus is not one of characters."""
    sentences = tuple(
        Sentence((*s.tokens, "two", "word"), (*s.tags, "O", "O"), document=s.document)
        for s in corpus.sentences
    )
    return Corpus(corpus.path, sentences, corpus.scheme, "", ())


@pytest.mark.parametrize("form", ["jsonl", "tags", "doccano", "labelstudio", "brat", "conllu", "conll"])
@pytest.mark.parametrize("name", ["wikigold/wikigold.conll.txt", "resume-zh/dev.char.bmes"])
def test_real_corpora_come_back_from_every_format(tmp_path, form, name):
    if not (SHARED / name).exists():
        pytest.skip("the shared corpora are not here")
    corpus = conll.read_corpus(SHARED / name)
    sentences = tuple(
        Sentence(s.tokens, tuple(convert(s.tags, corpus.scheme, Scheme.IOB2)), document=s.document)
        for s in corpus.sentences[:400]
    )
    corpus = Corpus("x", sentences, Scheme.IOB2, "", ())
    path = tmp_path / ("x.json" if form != "brat" else "x")
    if form == "brat":
        write_pairs(corpus, path)
    else:
        write_text(path, formats.FORMATS[form].format_corpus(corpus, OutputSettings(name="x")))
    columns = conll.Columns(tag="MISC:NER") if form == "conllu" else conll.Columns()
    mode = Mode.CHARACTERS if "resume" in name else Mode.BLANKS
    settings = CorpusSettings(mode=mode, lines=True, columns=columns, scheme=Scheme.IOB2)
    assert content(read(path, form, settings)) == content(corpus)


def test_parts_of_speech_and_unknown_tags_survive(tmp_path):
    corpus = Corpus("x", (Sentence(("a", "b"), ("NOUN", "?")),), Scheme.BARE, "", ())
    for form in ("jsonl", "tags", "conllu"):
        write_text(tmp_path / "x", formats.FORMATS[form].format_corpus(corpus, OutputSettings(name="x")))
        assert content(read(tmp_path / "x", form)) == content(corpus)


@pytest.mark.parametrize(
    "record",
    [
        {"text": "Anna left. Li stayed.", "label": [[0, 4, "PER"], [11, 13, "PER"]]},
        {"text": "Anna left. Li stayed.", "labels": [[0, 4, "PER"], [11, 13, "PER"]]},
        {"data": "Anna left. Li stayed.", "label": [[11, 13, "PER"], [0, 4, "PER"]]},
        {
            "id": 7,
            "text": "Anna left. Li stayed.",
            "entities": [
                {"id": 1, "label": "PER", "start_offset": 0, "end_offset": 4},
                {"id": 2, "label": "PER", "start_offset": 11, "end_offset": 13},
            ],
        },
        {
            "text": "Anna left. Li stayed.",
            "label": [
                {"start": 0, "end": 4, "text": "Anna", "labels": ["PER"]},
                {"start": 11, "end": 13, "text": "Li", "labels": ["PER"]},
            ],
        },
        {
            "data": {"id": 3, "text": "Anna left. Li stayed."},
            "annotations": [
                {"was_cancelled": True, "result": []},
                {
                    "result": [
                        {"type": "labels", "value": {"start": 0, "end": 4, "labels": ["PER"]}},
                        {"type": "labels", "value": {"start": 11, "end": 13, "labels": ["PER"]}},
                        {"type": "choices", "value": {"choices": ["good"]}},
                        {"type": "relation", "from_id": "a", "to_id": "b"},
                    ]
                },
            ],
        },
    ],
)
@pytest.mark.parametrize("as_array", [False, True])
def test_records_of_annotation_tools(tmp_path, record, as_array):
    path = tmp_path / "x.json"
    path.write_text(json.dumps([record], indent=1) if as_array else json.dumps(record))
    assert [(s.tokens, s.tags) for s in read(path).sentences] == [
        (("Anna", "left", "."), ("B-PER", "O", "O")),
        (("Li", "stayed", "."), ("B-PER", "O", "O")),
    ]


def test_predictions_are_read_with_their_tokens_and_documents(tmp_path):
    first = {
        "doc": "a",
        "start": 0,
        "end": 5,
        "text": "Li--x",
        "tokens": [[0, 2, "S-PER"], [2, 5, "O"]],
        "spans": [],
    }
    second = {"doc": "a", "start": 6, "end": 8, "text": "Al", "tokens": [[6, 8, "S-PER"]]}
    third = {"doc": "b", "start": 0, "end": 2, "text": "Bo", "tokens": [[0, 2, "O"]]}
    corpus = read(save(tmp_path, first, second, third))
    assert content(corpus) == [
        (("Li", "--x"), ("S-PER", "O"), 0),
        (("Al",), ("S-PER",), 0),
        (("Bo",), ("O",), 1),
    ]
    assert corpus.scheme is Scheme.BIOES


def document(text, *spans):
    return Document(text, tuple(TextSpan(*span) for span in spans), "x", 3)


@pytest.mark.parametrize(
    ("spans", "message", "split"),
    [
        (
            [("LOC", 4, 8)],
            "x:3: span LOC 4-8 'York' cuts the token 'York-based' (4-14)",
            ["New", "York", "-based", "firm"],
        ),
        ([("LOC", 0, 4)], "x:3: span LOC 0-4 'New ' begins or ends in white space", None),
        ([("A", 0, 3), ("B", 2, 3)], "x:3: span B 2-3 'w' overlaps A 0-3, which is kept", None),
        ([("A", 19, 20)], "x:3: span A 19-20 ' ' lies behind the last token", None),
    ],
)
def test_spans_that_do_not_meet_tokens_are_reported(spans, message, split):
    text = "New York-based firm "
    for is_split in (False, True):
        reports = []
        (sentence,) = align(document(text, *spans), Cutting(Mode.BLANKS, split=is_split), reports.append)
        assert [message in str(report) for report in reports] == [True]
        if is_split and split:
            assert list(sentence.tokens) == split
            assert sentence.tags == ("O", "B-LOC", "O", "O")
        else:
            assert sentence.tokens == ("New", "York-based", "firm")
            assert sentence.tags in (("O",) * 3, ("B-A", "O", "O"))


@pytest.mark.parametrize(
    ("span", "message"),
    [
        (("A", 2, 2), "x:3: span A 2-2 '' is empty or leaves the text, which has 9 characters"),
        (("A", 5, 10), "leaves the text"),
        (("A", -1, 2), "leaves the text"),
        (("A", 0, 2, "xy"), "is said to be 'xy'; expected offsets that count Unicode code points"),
    ],
)
def test_wrong_offsets_are_errors(span, message):
    with pytest.raises(DataError) as caught:
        list(align(document("New York!", span), Cutting(), print))
    assert message in str(caught.value)


def test_offsets_of_emoji_count_code_points():
    text = "👩🏽‍🚀 Li"
    (sentence,) = align(document(text, ("PER", 5, 7, "Li")), Cutting(), print)
    assert sentence.tags[-1] == "B-PER"
    with pytest.raises(DataError, match="expected offsets that count Unicode code points"):
        list(align(document("👩🏽‍🚀 Li, Lo", ("PER", 8, 10, "Li")), Cutting(), print))


def test_a_span_over_a_sentence_end_joins_the_sentences():
    text = "Yahoo! Inc. grew. It did."
    (first, second) = align(document(text, ("ORG", 0, 11)), Cutting(), print)
    assert first.tags[0] == "B-ORG"
    assert second.tokens[0] == "It"


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("ab .!\n-'“"), max_size=40), st.data())
def test_every_span_is_kept_as_it_is_or_reported(text, data):
    spans = []
    for _ in range(data.draw(st.integers(0, 3)) if text else 0):
        start = data.draw(st.integers(0, len(text) - 1))
        spans.append(("X", start, data.draw(st.integers(start + 1, len(text)))))
    spans = list(dict.fromkeys(spans))  # what is there twice is counted once
    for cutting in (Cutting(), Cutting(Mode.BLANKS, lines=True)):
        reports = []
        sentences = list(align(document(text, *spans), cutting, reports.append))
        found = ["".join(t for t, g in zip(s.tokens, s.tags, strict=True) if g != "O") for s in sentences]
        assert sum(s.tags.count("B-X") for s in sentences) + len(reports) == len(spans)
        if not reports:
            assert "".join(found) == "".join(
                "".join(text[a:b].split()) for _, a, b in sorted(spans, key=lambda s: s[1])
            )


def test_the_original_text_of_conllu_is_kept():
    sentence = Sentence(("Do", "n't", "go", "!"), comments=("# text = Don't go!",))
    assert locate_tokens(sentence) == ("Don't go!", ((0, 2), (2, 5), (6, 8), (8, 9)))
    other = Sentence(("Vamos", "nos"), comments=("# text = Vámonos",))
    assert locate_tokens(other)[0] == "Vamos nos"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "found no JSON (Expecting property name enclosed in double quotes in column 2)"),
        ("[" * 100_000, "found lists or objects too deep inside each other"),
        ('{"tokens": ["\\ud800"], "tags": ["O"]}', r"found half a character, '\ud800', expected whole ones"),
        ("1" * 5000, "found no JSON"),
        ("1", "found int, expected an object with tokens and tags, or with a text and its spans"),
        ("{}", "found the keys none, expected an object"),
        ('{"tokens": ["a"]}', "found no tags (keys: 'tokens'), expected a list of strings"),
        (
            '{"tokens": ["a"], "ner_tags": [1]}',
            "found numbers under 'ner_tags', expected the names of tags",
        ),
        ('{"tokens": ["a"], "tags": ["O", "O"]}', "found 1 token and 2 tags, expected as many of both"),
        ('{"tokens": ["a", ""], "tags": ["O", "O"]}', "found an empty token or tag at 1"),
        ('{"tokens": ["a"], "tags": ["X-B-"]}', None),
        ('{"text": "a", "label": [[0, 1]]}', "found the span [0, 1], expected [start, end, type]"),
        ('{"text": "a", "label": [{"start": 0, "end": true, "label": "A"}]}', "found the span"),
        (
            '{"text": "a", "label": [{"start": 0, "end": 1, "labels": ["A", "B"]}]}',
            "found 2 labels on one span ('A'",
        ),
        ('{"text": "a", "tokens": [[0, 2, "O"]]}', "found the token 0-2 of a text of 1 character"),
        ('{"text": "a", "tokens": [{}]}', "found the token {}"),
        ('{"data": {"image": 1}}', "found no text in 'data'"),
        ("\xff", "found no JSON"),
    ],
)
def test_bad_records_are_errors_with_their_line(tmp_path, line, message):
    path = tmp_path / "x.jsonl"
    path.write_text('{"tokens": ["a"], "tags": ["B-X"]}\n\n' + line + "\n", encoding="utf-8")
    if message is None:
        read(path, settings=CorpusSettings(scheme=Scheme.BARE))
        return
    with pytest.raises(DataError) as caught:
        read(path)
    assert message in str(caught.value)
    assert caught.value.line == 3


def test_misaligned_spans_are_an_error_unless_asked_otherwise(tmp_path):
    path = save(
        tmp_path,
        {"text": "New Yorkers", "label": [[4, 8, "LOC"]]},
        {"text": "Peru", "label": [[0, 4, "LOC"]]},
    )
    reports = []
    with pytest.raises(
        DataError,
        match="1 span does not fit tokens; mend them, or say --misaligned trim, split, skip or unknown",
    ):
        read(path, report=reports.append)
    assert [report.line for report in reports] == [1]
    kept = read(path, settings=CorpusSettings(misaligned=Misaligned.SKIP), report=reports.append)
    assert [s.tags for s in kept.sentences] == [("O", "O"), ("B-LOC",)]
    cut = read(path, settings=CorpusSettings(misaligned=Misaligned.SPLIT), report=reports.append)
    assert cut.sentences[0].tokens == ("New", "York", "ers")
    opened = read(path, settings=CorpusSettings(misaligned=Misaligned.UNKNOWN), report=reports.append)
    assert [s.tags for s in opened.sentences] == [("O", "?"), ("B-LOC",)]
    assert len(reports) == 4


def test_a_span_that_overlaps_another_leaves_the_rest_of_its_tokens_unknown_where_asked(tmp_path):
    spans = [[0, 8, "LOC"], [4, 13, "ORG"]]
    path = save(tmp_path, {"text": "New York Times fell", "label": spans}, {"text": "It fell", "label": []})
    reports = []
    corpus = read(path, settings=CorpusSettings(misaligned=Misaligned.UNKNOWN), report=reports.append)
    assert [s.tags for s in corpus.sentences] == [("B-LOC", "I-LOC", "?", "O"), ("O", "O")]
    assert len(reports) == 1


BRAT = """\
T1\tPER 0 4\tAnna
T2\tLOC 9 12;17 21\tNew York
R1\tlives Arg1:T1 Arg2:T2
#1\tAnnotatorNotes T1\tsure
T3\tLOC 18 23\tNew Y
"""


def test_brat_offsets_count_every_character(tmp_path):
    (tmp_path / "x.txt").write_bytes(b"Anna  \r\nis in\r\nPeru\r\n")
    (tmp_path / "x.ann").write_bytes(b"T1\tPER 0 4\tAnna\r\nT2\tLOC 15 19\tPeru\n")
    corpus = read(tmp_path / "x.ann", "brat")
    assert [(s.tokens, s.tags) for s in corpus.sentences][-1] == (("Peru",), ("B-LOC",))


def test_brat_reports_fragments_and_counts_what_it_leaves_out(tmp_path):
    (tmp_path / "x.txt").write_text("Anna saw New old York\nNew Y", encoding="utf-8")
    (tmp_path / "x.ann").write_text(BRAT.replace("18 23", "22 27"), encoding="utf-8")
    reports = []
    with pytest.raises(DataError, match="1 span does not fit"):
        read(tmp_path / "x.ann", "brat", report=reports.append)
    assert "x.ann:2: span LOC 9 12;17 21 is in fragments, expected one piece" in str(reports[0])
    corpus = read(tmp_path / "x.ann", "brat", CorpusSettings(misaligned=Misaligned.SKIP), reports.append)
    assert corpus.warnings[0].endswith("annotations other than spans were left out (1 #, 1 R)")


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        ("nonsense", "x.ann:1: found 'nonsense', expected an annotation such as T1"),
        ("T1\tPER 0 4\tBert", "x.ann:1: span PER 0-4 'Anna' is said to be 'Bert'"),
        ("T1\tPER 0 99\tAnna", "x.ann:1: span PER 0-99 'Anna' is empty or leaves the text"),
    ],
)
def test_bad_brat_is_an_error_with_its_line(tmp_path, annotation, message):
    (tmp_path / "x.txt").write_text("Anna", encoding="utf-8")
    (tmp_path / "x.ann").write_text(annotation, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read(tmp_path / "x.ann", "brat")
    assert message in str(caught.value)


def test_brat_needs_both_files_and_a_type(tmp_path):
    (tmp_path / "x.ann").write_text("")
    with pytest.raises(DataError, match=r"x.txt: cannot be read: No such file"):
        read(tmp_path / "x.ann", "brat")
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        DataError, match=r"found a folder without \.ann files, .*; any other corpus is a file"
    ):
        read(tmp_path / "empty", "brat")
    typed = Corpus("x", (Sentence(("a",), ("B-a b",)),), Scheme.IOB2, "", ())
    with pytest.raises(DataError, match="found the type 'a b', expected one word"):
        write_pairs(typed, tmp_path / "y.ann")
    untyped = Corpus("x", (Sentence(("a",), ("B",)),), Scheme.IOB2, "", ())
    write_pairs(untyped, tmp_path / "z.ann")
    assert (tmp_path / "z.ann").read_text() == "T1\tspan 0 1\ta\n"


def test_a_write_that_fails_leaves_nothing(tmp_path):
    def pieces():
        yield "a"
        raise DataError("stop")

    (tmp_path / "x").write_text("old")
    with pytest.raises(DataError, match="stop"):
        write_text(tmp_path / "x", pieces())
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_text() == "old"
    with pytest.raises(DataError, match="cannot be written: No such file"):
        write_text(tmp_path / "no" / "x", ["a"])


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.jsonl", "jsonl"),
        ("a.json.gz", "jsonl"),
        ("a.conllu", "conllu"),
        ("a.ann", "brat"),
        ("a.bmes", "conll"),
    ],
)
def test_formats_by_name(name, form):
    assert formats.guess_format(name) == form


def test_a_text_beside_its_annotations_is_brat(tmp_path):
    (tmp_path / "x.ann").write_text("")
    assert formats.guess_format(str(tmp_path / "x.txt")) == "brat"
    assert formats.guess_format(str(tmp_path)) == "brat"
    assert formats.guess_format(str(tmp_path / "y.txt")) == "conll"


KEYS = "text tokens tags label spans start end type data annotations result value labels doc meta comments"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.sampled_from(["ab c", "B-X", "O", ""]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=5)
    ),
    max_leaves=12,
)
ODD = st.sampled_from([None, True, 3, "a", [], [3], {}, [[0, 1, "O"]], [{"value": {"start": 0}}]])
SHAPES = st.sampled_from(
    [
        {"text": "a", "tokens": [[0, 1, "O"]], "start": 0, "spans": []},
        {"tokens": ["a"], "tags": ["O"], "comments": []},
        {"data": {"text": "a"}, "annotations": [{"result": []}], "meta": {}, "doc": 1},
        {"text": "a", "label": [[0, 1, "X"]]},
    ]
)


@st.composite
def nearly_records(draw):
    """Draw a good record with one value replaced."""
    record = dict(draw(SHAPES))
    record[draw(st.sampled_from(sorted(record)))] = draw(ODD)
    return record


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        (nearly_records() | JSON).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=20),
        max_size=3,
    )
)
def test_any_records_read_or_raise_with_a_line(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("fuzz") / "x.jsonl"
    path.write_bytes(b"\n".join(rows))
    try:
        formats.read_corpus(str(path), "jsonl", CorpusSettings(), lambda fault: None)
    except DataError as error:
        assert error.line is not None or "not fit tokens" in str(error)


@settings(max_examples=200, deadline=None)
@given(
    st.text(st.sampled_from("ab \n\t\r"), max_size=9),
    st.lists(st.sampled_from(BRAT.split("\n")) | st.text(max_size=9)),
)
def test_any_brat_reads_or_raises(tmp_path_factory, text, rows):
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "x.txt").write_text(text, encoding="utf-8", newline="")
    (folder / "x.ann").write_text("\n".join(rows), encoding="utf-8", newline="", errors="ignore")
    try:
        formats.read_corpus(str(folder), "brat", CorpusSettings(), lambda fault: None)
    except DataError as error:
        assert error.path is not None
