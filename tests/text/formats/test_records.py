"""JSON of other programs: each shape is read, what nobody labelled is left out and counted, and nothing passes for
"no spans" because its key isn't known."""

from __future__ import annotations

import json
import random
import time

import pytest

from tagger.errors import DataError
from tagger.text import formats
from tagger.text.conll import Columns
from tagger.text.formats import CorpusSettings, Misaligned, Unlabelled
from tagger.text.formats.records.values import read_values
from tagger.text.tokenizer import Mode

TEXT = "Anna lives in Oslo."
SPANS = [(0, 4, "PER"), (14, 18, "LOC")]
AS_OBJECTS = [{"start": start, "end": end, "label": name} for start, end, name in SPANS]
AS_LISTS = [[start, end, name] for start, end, name in SPANS]
TOKENS = [
    {"text": TEXT[a:b], "start": a, "end": b, "id": i, "ws": True}
    for i, (a, b) in enumerate([(0, 4), (5, 10), (11, 13), (14, 18), (18, 19)])
]
RESULT = [
    {"type": "labels", "value": {"start": start, "end": end, "text": TEXT[start:end], "labels": [name]}}
    for start, end, name in SPANS
]


def read(tmp_path, content, name="x.json", **settings):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    reports = []
    corpus = formats.read_corpus(str(path), "jsonl", CorpusSettings(**settings), reports.append)
    assert not reports
    return corpus


def tags(corpus):
    return [" ".join(sentence.tags) for sentence in corpus.sentences]


def task(*annotations, **more):
    return {"data": {"text": TEXT}, "annotations": list(annotations)} | more


@pytest.mark.parametrize(
    "record",
    [
        {"text": TEXT, "label": AS_LISTS},
        {"id": 1, "data": TEXT, "label": AS_LISTS, "Comments": []},
        {"text": TEXT, "annotations": [{"label": n, "start_offset": a, "end_offset": b} for a, b, n in SPANS]},
        {
            "id": 7,
            "text": TEXT,
            "entities": [{"id": 1, "label": n, "start_offset": a, "end_offset": b} for a, b, n in SPANS],
            "relations": [{"id": 1, "from_id": 1, "to_id": 1, "type": "x"}],
            "Comments": ["a remark"],
        },
        {"text": TEXT, "ents": AS_OBJECTS, "tokens": TOKENS, "sents": [{"start": 0}]},
        [TEXT, {"entities": AS_LISTS}],
        [[TEXT, {"entities": AS_LISTS}]],
        {"classes": ["PER", "LOC"], "annotations": [[TEXT, {"entities": AS_LISTS}]]},
        {"examples": [{"content": TEXT, "annotations": AS_OBJECTS}]},
        {"rasa_nlu_data": {"common_examples": [
            {"text": TEXT, "entities": [{"start": a, "end": b, "value": "v", "entity": n} for a, b, n in SPANS]}
        ]}},
        {"text": TEXT, "label": {"PER": {"Anna": [[0, 3]]}, "LOC": {"Oslo": [[14, 17]]}}},
        {"text": TEXT, "label": {"PER": {"Anna": [[0, 4]]}, "LOC": {"Oslo": [[14, 18]]}}},
        {"text": TEXT, "entities": [{"entity_group": n, "score": 0.9, "start": a, "end": b} for a, b, n in SPANS]},
        {"text": TEXT, "spans": [{"start": a, "end": b, "label": n, "token_start": 0} for a, b, n in SPANS],
         "tokens": TOKENS,
         "answer": "accept", "_input_hash": 1, "meta": {"source": "x"}},
        task({"result": RESULT}),
        {"data": {"text": TEXT}, "completions": [{"result": RESULT, "skipped": False}]},
        {"id": 1, "text": TEXT, "label": [each["value"] for each in RESULT], "annotator": 1, "annotation_id": 2},
        {"id": 1, "text": TEXT, "my_ner": [each["value"] for each in RESULT]},
        {"data": {"title": "News", "body": TEXT}, "annotations": [{"result": RESULT}]},
        task({"was_cancelled": True, "result": []}, {"result": RESULT}),
        task({"completed_by": 1, "result": RESULT}, {"completed_by": 2, "result": RESULT[::1]}),
        {"text": TEXT, "spans": [{"start_char": a, "end_char": b, "type": n} for a, b, n in SPANS]},
    ],
)  # fmt: skip
@pytest.mark.parametrize("indent", [None, 1])
def test_every_shape_is_read(tmp_path, record, indent):
    assert tags(read(tmp_path, json.dumps(record, indent=indent) + "\n")) == ["B-PER O O B-LOC O"]


def test_tokens_with_spans_are_read_as_gliner_has_them(tmp_path):
    words = ["Anna", "Lee", "left", "Oslo"]
    corpus = read(tmp_path, [{"tokenized_text": words, "ner": [[0, 1, "person"], [3, 3, "city"]]}])
    assert [(s.tokens, s.tags) for s in corpus.sentences] == [
        (tuple(words), ("B-person", "I-person", "O", "B-city"))
    ]
    for span in ([0, 4, "x"], [2, 1, "x"], [0, 1], "x", [True, 1, "x"]):
        with pytest.raises(
            DataError, match=r"expected \[first token, last token, type\], tokens from 0 to 3"
        ):
            read(tmp_path, [{"tokenized_text": words, "ner": [span]}])


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (
            {"text": TEXT, "annotation_spans": [[0, 4, "PER"]]},
            "found a text and no known list of spans (keys: 'text', 'annotation_spans'); expected them under label",
        ),
        (
            {"text": TEXT, "names": {"Anna": "PER"}},
            "found a text and no known list of spans (keys: 'text', 'names'); expected them under label",
        ),
        (
            {"text": TEXT, "annotations": {"spans": [[0, 4, "PER"]]}},
            "under 'annotations', expected a list of spans",
        ),
        (
            {"text": TEXT, "label": "positive"},
            "found \"positive\" under 'label', expected a list of spans; mend it",
        ),
        (
            {"text": TEXT, "spans": {"sc": []}},
            "under 'spans', expected a list of spans; mend it, or leave it out",
        ),
    ],
)
def test_what_may_hold_spans_is_never_taken_for_none(tmp_path, record, message):
    with pytest.raises(DataError) as caught:
        read(tmp_path, [record])
    assert "x.json:1: found " in str(caught.value)
    assert message in str(caught.value)


LEFT_OUT = {
    "without an annotation": [
        {"id": 2, "text": "Bob left."},
        {"data": {"text": "Bob left."}, "annotations": []},
        {"id": 2, "text": "Bob left.", "annotator": 3, "created_at": "2020-01-01"},
        {"text": "Bob left.", "label": None},
        None,
    ],
    "skipped by its annotator": [
        {"data": {"text": "Bob left."}, "annotations": [{"was_cancelled": True, "result": []}]},
        {"data": {"text": "Bob left."}, "completions": [{"skipped": True, "result": []}]},
    ],
    "with predictions alone, which are not read as labels": [
        {"data": {"text": "Bob left."}, "annotations": [], "predictions": [{"result": RESULT}]},
    ],
    "rejected by its annotator": [{"text": "Bob left.", "spans": AS_OBJECTS, "answer": "reject"}],
    "ignored by its annotator": [{"text": "Bob left.", "spans": [], "answer": "ignore"}],
}
NOBODYS = [(reason, record) for reason, records in LEFT_OUT.items() for record in records]


@pytest.mark.parametrize(("reason", "record"), NOBODYS)
def test_what_nobody_labelled_is_left_out_and_counted(tmp_path, reason, record):
    labelled = {"text": TEXT, "label": AS_LISTS}
    corpus = read(tmp_path, [labelled, record, record])
    assert tags(corpus) == ["B-PER O O B-LOC O"]
    assert corpus.warnings[-1].startswith(f"2 texts {reason}, left out (first: ")
    if record is not None:
        asked = read(tmp_path, [labelled, record], unlabelled=Unlabelled.UNKNOWN)
        assert tags(asked)[1:] == ["? ? ?"]
        assert f"1 text {reason}, read as unknown" in asked.warnings[-1]
        assert tags(read(tmp_path, [labelled, record], unlabelled=Unlabelled.OUTSIDE))[1:] == ["O O O"]
    with pytest.raises(DataError, match=r"found no labelled text: 1 text .*; see --unlabelled"):
        read(tmp_path, [record])


@pytest.mark.parametrize(
    "record",
    [
        {"text": TEXT, "label": []},
        {"text": TEXT, "label": {}},
        {"text": TEXT, "answer": "accept"},
        {"text": TEXT, "ents": []},
        task({"result": []}),
        [TEXT, {"entities": []}],
    ],
)
def test_an_annotation_without_spans_is_one(tmp_path, record):
    corpus = read(tmp_path, [record])
    assert (tags(corpus), [line for line in corpus.warnings if "text" in line]) == (["O O O O O"], [])


def test_several_annotators_are_named_and_one_is_chosen(tmp_path):
    ann, bob = {"id": 4, "email": "ann@x.org"}, {"id": 5, "email": "bob@x.org"}
    both = task({"completed_by": ann, "result": RESULT}, {"completed_by": bob, "result": RESULT[:1]})
    alone = task({"completed_by": bob, "result": []})
    with pytest.raises(DataError) as caught:
        read(tmp_path, [both, alone, both])
    assert str(caught.value).endswith(
        "x.json:1: found 2 texts with annotations that differ, from here on, by 'bob@x.org' (3), 'ann@x.org' (2); "
        "choose one with --annotator NAME (first takes the first of each text, all gives every one)"
    )
    assert tags(read(tmp_path, [both, alone], annotator="bob@x.org")) == ["B-PER O O O O", "O O O O O"]
    first = read(tmp_path, [both, alone], annotator="first")
    assert first.warnings[-1].startswith("1 text with several annotations that differ, of which one was read")
    assert tags(first) == ["B-PER O O B-LOC O", "O O O O O"]
    assert tags(read(tmp_path, [both, alone], annotator="all"))[:2] == ["B-PER O O B-LOC O", "B-PER O O O O"]
    anns = read(tmp_path, [both, alone], annotator="ann@x.org")
    assert tags(anns) == ["B-PER O O B-LOC O"]
    assert "1 text without an annotation by 'ann@x.org', left out" in anns.warnings[-1]
    old = {"text": TEXT, "annotations": [{"label": n, "start_offset": a, "end_offset": b, "user": i}
                                         for i, (a, b, n) in enumerate(SPANS)]}  # fmt: skip
    assert tags(read(tmp_path, [both, alone], annotator="5")) == ["B-PER O O O O", "O O O O O"]
    with pytest.raises(
        DataError, match=r"found nothing labelled by 'eve', .* 'bob@x.org' \(2\), 'ann@x.org' \(1\)"
    ):
        read(tmp_path, [both, alone], annotator="eve", unlabelled=Unlabelled.OUTSIDE)
    with pytest.raises(
        DataError, match=r"1 text with annotations that differ, from here on, by '0' \(1\), '1' \(1\)"
    ):
        read(tmp_path, [old])
    assert tags(read(tmp_path, [old], annotator="1")) == ["O O O B-LOC O"]


@pytest.mark.parametrize(
    "who",
    [
        lambda name: {"id": 1, "annotator": name, "annotation_id": 7},
        lambda name: {
            "_input_hash": 1,
            "_annotator_id": f"set-{name}",
            "_session_id": f"set-{name}",
            "answer": "accept",
        },
        lambda name: {"_input_hash": 1, "_session_id": f"set-{name}"},
    ],
    ids=["JSON-MIN of Label Studio", "Prodigy", "Prodigy of old"],
)
def test_records_of_several_annotators_of_one_text_are_several_annotations(tmp_path, who):
    ann = {"text": TEXT, "spans": AS_OBJECTS} | who("ann")
    bob = {"text": TEXT, "spans": AS_OBJECTS[:1]} | who("bob")
    other = {"text": "Anna left.", "spans": AS_OBJECTS[:1]} | who("bob") | {"id": 2, "_input_hash": 2}
    with pytest.raises(
        DataError, match=r"1 text with annotations that differ, from here on, by '(set-)?bob' \(2\), '"
    ):
        read(tmp_path, [ann, other, bob])
    assert tags(read(tmp_path, [ann, other, bob], annotator="first")) == ["B-PER O O B-LOC O", "B-PER O O"]
    assert len(read(tmp_path, [ann, other, bob], annotator="all").sentences) == 3
    name = "bob" if "annotator" in bob else "set-bob"
    assert tags(read(tmp_path, [ann, other, bob], annotator=name)) == ["B-PER O O", "B-PER O O O O"]
    alike = read(tmp_path, [ann, other, ann | who("bob")])
    assert tags(alike) == ["B-PER O O B-LOC O", "B-PER O O"]
    assert alike.warnings[-1].startswith("1 text labelled alike by another annotator, read once (first: ")


def test_spans_that_do_not_say_whose_they_are_are_nobodys_in_particular(tmp_path):
    with pytest.raises(
        DataError, match="found no labelled text: 1 text without an annotation by 'ann', left out"
    ):
        read(tmp_path, [{"text": TEXT, "label": AS_LISTS}], annotator="ann")
    assert tags(read(tmp_path, [{"text": TEXT, "label": AS_LISTS}], annotator="all")) == ["B-PER O O B-LOC O"]


@pytest.mark.parametrize(
    ("record", "keys"),
    [
        ({"text": TEXT, "label": AS_LISTS, "entities": AS_LISTS[:1]}, "'label', 'entities'"),
        ({"text": TEXT, "ner": AS_OBJECTS, "pos": AS_OBJECTS[:1]}, "'ner', 'pos'"),
    ],
)
def test_spans_in_two_places_are_an_error(tmp_path, record, keys):
    with pytest.raises(DataError, match=f"found spans under {keys}, expected one list; leave the others out"):
        read(tmp_path, [record])
    assert len(read(tmp_path, [{"text": TEXT, "label": AS_LISTS, "entities": AS_LISTS}]).sentences) == 1
    full = {"text": TEXT, "label": [], "entities": AS_LISTS, "rels": [[0, 1, "in"]]}
    assert tags(read(tmp_path, [full])) == ["B-PER O O B-LOC O"]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (
            {"data": {"text": TEXT}, "annotations": {"result": RESULT}},
            "under 'annotations', expected a list of objects",
        ),
        (
            {"data": {"text": TEXT}, "annotations": [{"result": None}]},
            "found null under 'result', expected a list of obj",
        ),
        (
            {"data": {"text": TEXT}, "label": AS_LISTS},
            "found a task with spans under 'label', expected them under 'anno",
        ),
        (
            {"text": TEXT, "spans": [], "answer": "maybe"},
            'found the answer "maybe", expected accept, reject or ignore',
        ),
        (
            {"text": TEXT, "label": [[0, 4, " "]]},
            "found the type ' ' of a span, expected a name without tabs and line",
        ),
        (
            {"text": TEXT, "label": [[0, 4, "A\nB"]]},
            r"found the type 'A\nB' of a span, expected a name without tabs",
        ),
        (
            {"text": None, "label": []},
            "found the keys 'text', 'label' and null under 'text', expected an object",
        ),
        ({"text": TEXT, "label": [], "gold": AS_LISTS}, "rename 'gold', or leave it out"),
        ({"text": TEXT, "ents": [], "spans": {"sc": AS_OBJECTS}}, "under 'spans', expected a list of spans"),
        ({"text": TEXT, **{f"k{n}": [n] for n in range(99)}}, "'k6' and 92 more); expected them under label"),
        (
            {"tokens": ["Anna"], "spans": [[0, 0, "PER"]]},
            "found no tags (keys: 'tokens', 'spans'), expected a list",
        ),
        (
            '{"text": "Anna left.", "label": [[0, 4, "A"]], "label": []}',
            "found the key 'label' twice in one object",
        ),
        (
            '{"text": "Anna", "label": [[NaN, 4, "A"]]}',
            'found the span {"start": NaN, "end": 4, "type": "A"}, expected',
        ),
        (
            '{"text": "Anna", "label": [["0", "4", "A"]]}',
            'found the span {"start": "0", "end": "4", "type": "A"}',
        ),
    ],
)
def test_odd_records_are_errors(tmp_path, record, message):
    with pytest.raises(DataError) as caught:
        read(tmp_path, record)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize("depth", [900, 930, 960, 990, 100_000])
def test_values_deep_inside_each_other_are_one_error(tmp_path, depth):
    deep = "[" * depth + "]" * depth
    for record in (
        f'{{"text": "Anna", "label": {deep}, "entities": {deep}}}',
        f'[{{"data": {{"text": "Anna"}}, "annotations": [{{"result": {deep}}}]}}]',
    ):
        with pytest.raises(DataError, match=r"x.json:1: found ") as caught:
            read(tmp_path, record)
        assert len(str(caught.value)) < 700


def test_a_record_that_was_annotated_with_nothing_in_the_short_form_is_labelled(tmp_path):
    labelled = {"id": 1, "text": TEXT, "annotator": 1, "annotation_id": 5, "lead_time": 2.5}
    assert tags(read(tmp_path, [labelled])) == ["O O O O O"]


def test_relations_and_results_that_are_no_spans_are_counted(tmp_path):
    about = {"start": 0, "end": 4, "text": "Anna"}
    result = [
        *RESULT,
        {"type": "choices", "value": about | {"choices": ["sure"]}},
        {"type": "choices", "value": {"choices": ["news"]}},
        {"type": "textarea", "value": about | {"text": ["a note"]}},
        {"type": "relation", "from_id": "a", "to_id": "b"},
        {"type": "rectanglelabels", "value": {"x": 1, "y": 2, "rectanglelabels": ["PER"]}},
    ]
    corpus = read(
        tmp_path, [task({"result": result}), {"text": TEXT, "label": [], "relations": [{"from_id": 1}]}]
    )
    assert tags(corpus)[0] == "B-PER O O B-LOC O"
    assert [line.split(" (first")[0] for line in corpus.warnings] == [
        "2 results of another kind than a span (choices), not read",
        "1 result of another kind than a span (textarea), not read",
        "1 result of another kind than a span (relation), not read",
        "1 result of another kind than a span (unknown), not read",
        "1 text with relations, which are not read",
    ]


def test_the_text_that_was_labelled_is_named(tmp_path):
    result = [{"value": {"start": 0, "end": 4, "labels": ["PER"]}}]
    two = {"data": {"title": "News of Oslo", "body": TEXT}, "annotations": [{"result": result}]}
    with pytest.raises(DataError, match=r"\('title', 'body'\), expected one; name it with --text-field"):
        read(tmp_path, [two])
    for field in ("body", "data.body"):
        assert tags(read(tmp_path, [two], text_field=field)) == ["B-PER O O O O"]
    flat = {"title": "News", "article": {"body": TEXT}, "label": AS_LISTS}
    assert tags(read(tmp_path, [flat], text_field="article.body")) == ["B-PER O O B-LOC O"]
    for record in (two, flat):
        with pytest.raises(DataError, match=r"found no text .*'head'"):
            read(tmp_path, [record], text_field="head")


def test_tokens_of_white_space_are_none_and_tokens_must_be_what_the_text_has(tmp_path):
    text = "Anna  left.\n"
    places = [(0, 4), (5, 6), (6, 10), (10, 11), (11, 12)]
    tokens = [{"id": i, "start": a, "end": b, "text": text[a:b]} for i, (a, b) in enumerate(places)]
    (sentence,) = read(tmp_path, [{"text": text, "tokens": tokens, "spans": AS_OBJECTS[:1]}]).sentences
    assert (sentence.tokens, sentence.tags) == (("Anna", "left", "."), ("B-PER", "O", "O"))
    tokens[0]["text"] = "Anne"
    with pytest.raises(
        DataError, match=r"found the token 'Anne' where the text has 'Anna' \(0-4\), expected the same"
    ):
        read(tmp_path, [{"text": text, "tokens": tokens, "spans": []}])


def test_sentences_of_spacy_are_kept(tmp_path):
    text = "Anna left. Bob too."
    places = [(0, 4), (5, 9), (9, 10), (11, 14), (15, 18), (18, 19)]
    doc = {"text": text, "ents": [{"start": 11, "end": 14, "label": "PER"}],
           "sents": [{"start": 0, "end": 10}, {"start": 11, "end": 19}],
           "tokens": [{"id": i, "start": a, "end": b} for i, (a, b) in enumerate(places)]}  # fmt: skip
    assert tags(read(tmp_path, [doc])) == ["O O O", "B-PER O O"]


def test_offsets_that_no_text_proves_are_doubted(tmp_path):
    text = "\U0001f600 Anna lives here now"
    with pytest.raises(
        DataError, match=r"span PER 3-7 over 'nna ', which in UTF-16 units is 'Anna'; say --offsets utf16"
    ):
        read(tmp_path, [{"text": text, "label": [[3, 7, "PER"]]}])
    chinese = {"text": "\U0001f600安娜在奥斯陆", "label": [[2, 4, "PER"]]}
    doubted = read(tmp_path, [chinese], mode=Mode.CHARACTERS)
    assert tags(doubted) == ["O O B-PER I-PER O O O"]
    assert (
        "1 text with characters that are two units of UTF-16, whose offsets were read as code points"
        in doubted.warnings[-1]
    )
    settled = read(tmp_path, [chinese], mode=Mode.CHARACTERS, offsets="utf16")
    assert (tags(settled), settled.warnings) == (["O B-PER I-PER O O O O"], ())
    for unit, start in (("codepoints", 1), ("utf8", 4)):
        asked = {"text": chinese["text"], "label": [[start, start + (2 if start == 1 else 6), "PER"]]}
        assert tags(read(tmp_path, [asked], mode=Mode.CHARACTERS, offsets=unit)) == ["O B-PER I-PER O O O O"]


@pytest.mark.parametrize(("text", "start", "end"), [("👩🏽🚀e\u0301中文", 6, 7), ("😀 cafe\u0301s", 2, 8)])
def test_words_without_blanks_and_combining_marks_cast_no_doubt_on_offsets(tmp_path, text, start, end):
    found = read(tmp_path, [{"text": text, "label": [[start, end, "PER"]]}])
    assert [tag for tag in tags(found)[0].split() if tag != "O"] == ["B-PER"]


def test_texts_of_tokens_prove_their_unit(tmp_path):
    text = "\U0001f600 Anna"
    tokens = [{"text": "\U0001f600", "start": 0, "end": 2}, {"text": "Anna", "start": 3, "end": 7}]
    record = {"text": text, "tokens": tokens, "spans": [{"start": 3, "end": 7, "label": "PER"}]}
    assert tags(read(tmp_path, [record])) == ["O B-PER"]


def test_offsets_of_utf16_units_are_proved_by_the_texts_of_spans_or_asked_for(tmp_path):
    text = "\U0001f600 Anna \U0001f600 Li"
    proved = {"data": {"text": text}, "annotations": [{"result": [
        {"value": {"start": 3, "end": 7, "text": "Anna", "labels": ["PER"]}},
        {"value": {"start": 11, "end": 13, "text": "Li", "labels": ["PER"]}},
    ]}]}  # fmt: skip
    corpus = read(tmp_path, [proved])
    assert tags(corpus) == ["O B-PER O B-PER"]
    assert (
        "1 text whose offsets count utf16 units, as the texts of its spans show; read so"
        in corpus.warnings[-1]
    )
    bare = {"text": text, "label": [[3, 7, "PER"], [11, 13, "PER"]]}
    assert tags(read(tmp_path, [bare], offsets="utf16")) == ["O B-PER O B-PER"]
    with pytest.raises(
        DataError, match=r"span up to 13 in a text of 11 characters, which fits .* say --offsets utf16"
    ):
        read(tmp_path, [bare])
    in_bytes = {"text": "né Anna", "label": [[4, 8, "PER"]]}
    assert tags(read(tmp_path, [in_bytes], offsets="utf8")) == ["O B-PER"]
    with pytest.raises(DataError, match=r"found offsets 1-7 \(utf16\) inside a character or beyond"):
        read(tmp_path, [{"text": text, "label": [[1, 7, "PER"]]}], offsets="utf16")


@pytest.mark.parametrize(
    "record",
    [
        {"text": TEXT, "label": [[0, 4, "O"]]},
        {"text": TEXT, "label": {"O": {"Anna": [[0, 3]]}}},
        {"tokenized_text": ["Anna"], "ner": [[0, 0, "O"]]},
        {"text": TEXT, "label": [[0, 4, "?"]]},
    ],
)
def test_a_type_that_would_be_a_tag_of_its_own_is_refused(tmp_path, record):
    with pytest.raises(DataError, match=r":1: span [O?] 0-4 .* a type that stands for a t(oken|ag) "):
        read(tmp_path, [record])


def test_a_span_with_several_labels_is_named(tmp_path):
    value = {"start": 0, "end": 4, "labels": ["PER", "ORG"]}
    with pytest.raises(
        DataError, match=r"found 2 labels on one span \('PER', 'ORG'\): .*, expected one; keep one"
    ):
        read(tmp_path, [task({"result": [{"value": value}]})])


def test_tags_that_are_numbers_get_their_names(tmp_path):
    record = {"id": "0", "tokens": ["Anna", "left"], "ner_tags": [1, 0]}
    with pytest.raises(DataError, match=r"found numbers under 'ner_tags', expected the names .*--tag-names"):
        read(tmp_path, [record])
    assert tags(read(tmp_path, [record], columns=Columns(tag_names=("O", "B-PER")))) == ["B-PER O"]
    with pytest.raises(DataError, match="found the tag 1, expected a number below 1"):
        read(tmp_path, [record], columns=Columns(tag_names=("O",)))
    info = {"features": {"ner_tags": {"feature": {"names": ["O", "B-LOC"], "_type": "ClassLabel"}}}}
    (tmp_path / "dataset_info.json").write_text(json.dumps(info))
    corpus = read(tmp_path, [record], name="y.json")
    assert tags(corpus) == ["B-LOC O"]
    assert corpus.warnings[-1].endswith("dataset_info.json gives them")


NAMES = ["O", "B-PER"]
FEATURE = {"feature": {"names": NAMES, "_type": "ClassLabel"}, "_type": "Sequence"}
ROW = {"tokens": ["Anna", "left"], "ner_tags": [1, 0]}


@pytest.mark.parametrize(
    "content",
    [
        ROW | {"id2label": {"0": "O", "1": "B-PER"}},
        {"names": NAMES, "data": [ROW]},
        {"features": {"ner_tags": FEATURE}, "examples": [ROW]},
        {"features": [{"name": "tokens", "type": {}}, {"name": "ner_tags", "type": FEATURE}],
         "rows": [{"row_idx": 0, "row": ROW}]},
    ],
)  # fmt: skip
def test_names_of_tags_that_stand_in_the_file(tmp_path, content):
    assert tags(read(tmp_path, content)) == ["B-PER O"]


def test_records_without_a_token_are_left_out_and_counted(tmp_path):
    corpus = read(
        tmp_path,
        [{"tokens": [], "ner_tags": []}, {"tokenized_text": [], "ner": []}, ROW],
        columns=Columns(tag_names=NAMES),
    )
    assert tags(corpus) == ["B-PER O"]
    assert corpus.warnings[-1].startswith("2 sentences without a token, left out (first: ")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"a": 1}\n\n{"a": 2}\n', [(1, {"a": 1}), (3, {"a": 2})]),
        ('[\n{"a": 1},\n\n{"a": [\n2]}\n]', [(2, {"a": 1}), (4, {"a": [2]})]),
        ('{\n"a": "}{",\n"b": 1\n}\n{\n"a": "\\\\"\n}\n', [(1, {"a": "}{", "b": 1}), (5, {"a": "\\"})]),
        ('\ufeff{"a": 1}', [(1, {"a": 1})]),
        ('{"a": 1}{"a": 2} {"a": 3}\n', [(1, {"a": 1}), (1, {"a": 2}), (1, {"a": 3})]),
        ('{\n"a": 1\n} {\n"a": 2}', [(1, {"a": 1}), (3, {"a": 2})]),
        ('{"a": [\n{"b": 1}\n]}', [(1, {"a": [{"b": 1}]})]),
        ("[]", []),
        ("", []),
    ],
)
def test_records_and_their_lines(tmp_path, content, expected):
    (tmp_path / "x").write_text(content, encoding="utf-8")
    assert list(read_values(str(tmp_path / "x"), "utf-8")) == expected


def test_many_values_on_a_line_are_read_in_linear_time(tmp_path):
    (tmp_path / "x").write_text('{"a":"\\u0061"}' * 100_000)
    began = time.monotonic()
    assert sum(1 for _ in read_values(str(tmp_path / "x"), "utf-8")) == 100_000
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "a", "label": []}\n{"text": \n{"text": "b"}\n{"text": "c"}\n', "x.json:2: found no JSON"),
        ('{\n"text": "a",\n"label": []} {"b": 1,\n"b": 2}', "x.json:3: found the key 'b' twice in one object"),
        ('{\n"text": "a",\n"label": []} {"b":\n2]', "x.json:4: found no JSON (Expecting ',' delimiter in column 2)"),
        ('{\n "text": "a",\n "label": [[0, 1 "X"]]\n}\n', "x.json:3: found no JSON (Expecting ',' delimiter in"),
        ('[{"text": "a"},\n{"text" "b"}]', "x.json:2: found no JSON (Expecting ':' delimiter"),
        ('[{"text": "a"', "x.json:1: found no JSON"),
        ('{"text": "a"}]', "x.json:1: found no JSON"),
        ('[\n{"text": "ok", "label": []},\n{"text": "a", "label": [1]}]', "x.json:3: found the span 1, expected"),
    ],
)  # fmt: skip
def test_broken_json_has_its_line(tmp_path, content, message):
    with pytest.raises(DataError) as caught:
        read(tmp_path, content)
    assert message in str(caught.value)


def test_labels_of_hypertext_and_of_pieces_of_words_are_refused(tmp_path):
    value = {
        "start": "/p[1]/text()[1]",
        "end": "/p[1]",
        "startOffset": 0,
        "endOffset": 4,
        "hypertextlabels": ["PER"],
    }
    with pytest.raises(DataError, match="found a span of hypertext or of paragraphs"):
        read(tmp_path, [task({"result": [{"value": value}]})])
    piece = {"entity": "B-PER", "score": 0.9, "index": 1, "word": "An", "start": 0, "end": 2}
    with pytest.raises(DataError, match="found a tag 'B-PER' of a piece of a word, expected whole spans"):
        read(tmp_path, [{"text": TEXT, "entities": [piece]}])
    two = {"data": {"a": "one text", "b": "another"}, "annotations": [{"result": []}]}
    with pytest.raises(DataError, match=r"found several texts in 'data' \('a', 'b'\), expected one"):
        read(tmp_path, [two])


GOOD = [
    {"text": TEXT, "label": AS_LISTS},
    {"text": TEXT, "ents": AS_OBJECTS, "tokens": [{"start": 0, "end": 4}]},
    [TEXT, {"entities": AS_LISTS}],
    {"text": TEXT, "label": {"PER": {"Anna": [[0, 3]]}}},
    {"tokenized_text": ["Anna"], "ner": [[0, 0, "PER"]]},
    {"tokens": ["Anna", "left"], "ner_tags": [1, 0]},
    {"tokens": ["Anna", "left"], "tags": ["B-PER", "O"], "comments": ["# x"]},
    {
        "doc": "a",
        "start": 3,
        "end": 7,
        "text": "Anna",
        "tokens": [[3, 7, "B-PER"]],
        "spans": [{"type": "PER", "start": 3, "end": 7, "text": "Anna", "confidence": 0.5}],
    },
    task({"completed_by": {"id": 1}, "result": RESULT}, {"completed_by": 2, "result": []}),
    {"text": TEXT, "spans": AS_OBJECTS, "answer": "accept"},
    {"text": TEXT, "annotations": [{"label": "X", "start_offset": 0, "end_offset": 4, "user": 1}]},
    {"rasa_nlu_data": {"common_examples": [{"text": TEXT, "entities": []}]}},
    {
        "features": {"ner_tags": {"feature": {"names": ["O", "X"]}}},
        "rows": [{"row": {"tokens": ["a"], "ner_tags": [1]}}],
    },
    {
        "text": "\U0001f600 Anna",
        "spans": [{"start": 3, "end": 7, "label": "PER", "text": "Anna"}],
        "_session_id": "a",
    },
    {
        "id": 1,
        "text": TEXT,
        "label": [each["value"] for each in RESULT],
        "annotator": {"email": "x"},
        "annotation_id": 2,
    },
    {
        "text": TEXT,
        "ents": AS_OBJECTS,
        "tokens": TOKENS,
        "sents": [{"start": 0, "end": 9}],
        "relations": [{}],
    },
]
ODD = [
    None,
    True,
    0,
    -1,
    3,
    10**30,
    1.5,
    "",
    "a",
    "\ud800",
    "B-X",
    [],
    {},
    [[]],
    [None],
    [0, 1, "X"],
    {"text": 1},
    [["a"]],
]


def _break(draw, value):
    """Return the value with something odd somewhere inside."""
    if draw.random() < 0.25 or not isinstance(value, dict | list) or not value:
        return draw.choice(ODD)
    if isinstance(value, dict):
        key = draw.choice(list(value))
        changed = dict(value)
        if draw.random() < 0.2:
            del changed[key]
        else:
            changed[key] = _break(draw, value[key])
        return changed
    place = draw.randrange(len(value))
    return [*value[:place], _break(draw, value[place]), *value[place + 1 :]]


@pytest.mark.slow
def test_ten_thousand_broken_records_read_or_raise_with_a_line(tmp_path):
    draw = random.Random(18)
    path = tmp_path / "x.json"
    read_well = 0
    for number in range(10_000):
        records = [draw.choice(GOOD) for _ in range(draw.randint(1, 3))]
        for _ in range(draw.randint(1, 3)):
            place = draw.randrange(len(records))
            records[place] = _break(draw, records[place])
        rows = "\n".join(json.dumps(each, indent=draw.choice([None, None, 1])) for each in records)
        data = bytearray((json.dumps(records) if draw.random() < 0.3 else rows).encode())
        if draw.random() < 0.3:
            data[draw.randrange(len(data))] = draw.randrange(256)
        path.write_bytes(data)
        settings = CorpusSettings(
            mode=draw.choice(list(Mode)),
            misaligned=draw.choice(list(Misaligned)),
            unlabelled=draw.choice(list(Unlabelled)),
            annotator=draw.choice([None, "1", "first", "all"]),
            offsets=draw.choice([None, None, "utf16", "utf8"]),
            columns=Columns(tag_names=draw.choice([(), ("O", "B-PER")])),
        )
        began = time.monotonic()
        try:
            corpus = formats.read_corpus(str(path), "jsonl", settings, lambda fault: None)
        except DataError as error:
            assert str(error).count("\n") == 0, number
        else:
            read_well += 1
            for sentence in corpus.sentences:
                assert len(sentence.tokens) == len(sentence.tags)
        assert time.monotonic() - began < 10
    assert read_well > 500
