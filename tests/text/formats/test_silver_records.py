"""Labels of machines, in files as each program writes them: what is read of them, scores and wrong offsets too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tagger.errors import DataError
from tagger.text.conll import Corpus
from tagger.text.formats import guess_format, read_corpus
from tagger.text.formats.corpus import CorpusSettings, Misaligned

TEXT = "Ada Lovelace met Li in New York."
TAGS = ("B-PER", "I-PER", "O", "O", "O", "B-LOC", "I-LOC", "O")
SCORES = {("PER", 0, 12): 0.98, ("LOC", 23, 31): 0.61}

GLINER = {  # GLiNER.predict_entities beside the text it was given
    "text": TEXT,
    "entities": [
        {"start": 0, "end": 12, "text": "Ada Lovelace", "label": "PER", "score": 0.98},
        {"start": 23, "end": 31, "text": "New York", "label": "LOC", "score": 0.61},
    ],
}
PIPELINE = {  # transformers.pipeline("ner", aggregation_strategy="simple") beside its text
    "text": TEXT,
    "entities": [
        {"entity_group": "PER", "score": 0.98, "word": "Ada Lovelace", "start": 0, "end": 12},
        {"entity_group": "LOC", "score": 0.61, "word": "New York", "start": 23, "end": 31},
    ],
}
PRODIGY = {  # a task of ner.correct or of a model, before or after somebody accepted it
    "text": TEXT,
    "meta": {"score": 0.5},
    "_input_hash": -1548588,
    "_task_hash": 1038478,
    "spans": [
        {
            "start": 0,
            "end": 12,
            "token_start": 0,
            "token_end": 1,
            "label": "PER",
            "score": 0.98,
            "source": "m",
        },
        {
            "start": 23,
            "end": 31,
            "token_start": 5,
            "token_end": 6,
            "label": "LOC",
            "score": 0.61,
            "source": "m",
        },
    ],
}
LABEL_STUDIO = {  # a task with what a machine-learning backend predicted, which nobody has annotated
    "id": 7,
    "data": {"text": TEXT},
    "annotations": [],
    "predictions": [
        {
            "model_version": "one",
            "score": 0.98,
            "result": [
                {
                    "id": "a1",
                    "from_name": "label",
                    "to_name": "text",
                    "type": "labels",
                    "value": {"start": 0, "end": 12, "text": "Ada Lovelace", "labels": ["PER"]},
                },
                {
                    "id": "a2",
                    "from_name": "label",
                    "to_name": "text",
                    "type": "labels",
                    "score": 0.61,
                    "value": {"start": 23, "end": 31, "text": "New York", "labels": ["LOC"]},
                },
            ],
        }
    ],
}
TAGGER = {  # `tagger predict --format jsonl`
    "doc": "a.txt",
    "start": 0,
    "end": 32,
    "text": TEXT,
    "tokens": [
        [0, 3, "B-PER"],
        [4, 12, "I-PER"],
        [13, 16, "O"],
        [17, 19, "O"],
        [20, 22, "O"],
        [23, 26, "B-LOC"],
        [27, 31, "I-LOC"],
        [31, 32, "O"],
    ],
    "spans": [
        {"type": "PER", "start": 0, "end": 12, "text": "Ada Lovelace", "confidence": 0.98},
        {"type": "LOC", "start": 23, "end": 31, "text": "New York", "confidence": 0.61},
    ],
}


def read(path: Path, *records: object) -> Corpus:
    path.write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")
    settings = CorpusSettings(misaligned=Misaligned.UNKNOWN, is_silver=True)
    return read_corpus(path, guess_format(str(path)), settings, lambda fault: None)


@pytest.mark.parametrize("record", [GLINER, PIPELINE, PRODIGY, LABEL_STUDIO, TAGGER])
def test_tags_and_scores_of_each_program(record, tmp_path):
    (sentence,) = read(tmp_path / "a.jsonl", record).sentences
    assert sentence.tags == TAGS
    assert sentence.excerpt.confidences == SCORES


def test_a_pipeline_without_aggregation_is_told_what_to_say(tmp_path):
    piece = {"entity": "B-PER", "score": 0.9, "index": 1, "word": "Ada", "start": 0, "end": 3}
    with pytest.raises(DataError, match="run the pipeline with aggregation_strategy='simple'"):
        read(tmp_path / "a.jsonl", {"text": TEXT, "entities": [piece]})


def written_by_a_language_model(*spans: dict) -> dict:
    return {"text": TEXT, "spans": list(spans)}


def test_wrong_offsets_go_where_the_words_stand(tmp_path):
    record = written_by_a_language_model(
        {"start": 1, "end": 13, "text": "Ada Lovelace", "label": "PER"},
        {"start": 40, "end": 48, "text": "New York", "label": "LOC"},
        {"start": 17, "end": 20, "text": "Bob", "label": "PER"},
    )
    corpus = read(tmp_path / "a.jsonl", record)
    assert corpus.sentences[0].tags == TAGS
    assert corpus.warnings == (
        "2 spans with wrong offsets, put at the nearest place where its words stand (first: "
        f"{tmp_path}/a.jsonl:1)",
        f"1 span whose words aren't in its text, left out (first: {tmp_path}/a.jsonl:1)",
    )


def test_names_without_offsets_stand_wherever_their_words_do(tmp_path):
    text = "Li met Lin; Li left."
    record = {"text": text, "entities": [{"text": "Li", "label": "PER", "score": 0.7}]}
    (sentence,) = read(tmp_path / "a.jsonl", record).sentences
    assert sentence.tags == ("B-PER", "O", "O", "O", "B-PER", "O", "O")
    assert sentence.excerpt.confidences == {("PER", 0, 2): 0.7, ("PER", 12, 14): 0.7}
    path = tmp_path / "a.jsonl"
    with pytest.raises(DataError, match=r"a\.jsonl:1"):  # people's labels have offsets
        read_corpus(path, "jsonl", CorpusSettings(), lambda fault: None)


def test_the_nearest_of_several_places_is_meant(tmp_path):
    record = {"text": "Li saw Li and Li", "spans": [{"start": 8, "end": 10, "text": "Li", "label": "PER"}]}
    assert read(tmp_path / "a.jsonl", record).sentences[0].tags == ("O", "O", "B-PER", "O", "O")


def test_spans_beyond_a_text_are_left_out_and_counted(tmp_path):
    record = {
        "text": "Li",
        "spans": [{"start": 5, "end": 9, "label": "PER"}, {"start": 0, "end": 0, "label": "PER"}],
    }
    corpus = read(tmp_path / "a.jsonl", record, {"text": "Li", "spans": [[0, 2, "PER"]]})
    assert [each.tags for each in corpus.sentences] == [("O",), ("B-PER",)]
    assert corpus.warnings == (f"2 spans beyond its text or empty, left out (first: {tmp_path}/a.jsonl:1)",)


def test_offsets_that_count_other_units_are_still_told_by_their_words(tmp_path):
    record = {"text": "😀 Li met Ann", "spans": [{"start": 3, "end": 5, "text": "Li", "label": "PER"}]}
    corpus = read(tmp_path / "a.jsonl", record)
    assert corpus.sentences[0].tags[1] == "B-PER"
    assert "count utf16 units" in corpus.warnings[0]
