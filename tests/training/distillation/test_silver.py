"""Labels from elsewhere: what scores say, worked out by hand; what is unknown; how far teachers agree."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from training_runs import fit_whole

from tagger.config import Config
from tagger.errors import ConfigError, DataError
from tagger.runtime.tagger import load_tagger
from tagger.text.formats import guess_format, read_corpus
from tagger.text.formats.corpus import CorpusSettings, Misaligned
from tagger.text.schemes import Scheme, tags_to_spans
from tagger.training.data import list_tags
from tagger.training.distillation.silver import SilverLesson, split_off_dev, unite
from tagger.training.distillation.teaching import Teachers

TAGS = ["O", "B-LOC", "I-LOC", "E-LOC", "S-LOC", "B-PER", "I-PER", "E-PER", "S-PER"]
TEXT = "Ada met Li in New York"


def read(path: Path, *records: object):
    path.write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")
    settings = CorpusSettings(misaligned=Misaligned.UNKNOWN, is_silver=True)
    return read_corpus(path, guess_format(str(path)), settings, lambda fault: None)


def label(corpus, min_score: float = 0.5, teachers: Teachers | None = None):
    lesson = SilverLesson([corpus], TAGS, Scheme.IOB2, min_score, teachers)
    ((sentences, documents),) = lesson.parts()
    return lesson, lesson.label(sentences, documents)


def spans(*found: tuple[int, int, str, float | None], score: str = "score", name: str = "label") -> list:
    return [
        {"start": start, "end": end, name: type_} | ({} if value is None else {score: value})
        for start, end, type_, value in found
    ]


RECORDS = {  # the same spans with the same scores, as several programs write them
    "GLiNER": {"text": TEXT, "entities": spans((0, 3, "PER", 0.75), (14, 22, "LOC", 0.5))},
    "Hugging Face": {
        "text": TEXT,
        "entities": spans((0, 3, "PER", 0.75), (14, 22, "LOC", 0.5), name="entity_group"),
    },
    "Prodigy": {
        "text": TEXT,
        "spans": spans((0, 3, "PER", 0.75), (14, 22, "LOC", 0.5)),
        "answer": "accept",
    },
    "a list": {"text": TEXT, "spans": [[0, 3, "PER", 0.75], [14, 22, "LOC", 0.5]]},
    "Label Studio": {
        "data": {"text": TEXT},
        "predictions": [
            {
                "score": 0.75,
                "result": [
                    {"type": "labels", "value": {"start": 0, "end": 3, "labels": ["PER"]}},
                    {"type": "labels", "score": 0.5, "value": {"start": 14, "end": 22, "labels": ["LOC"]}},
                ],
            }
        ],
    },
}


@pytest.mark.parametrize("program", RECORDS)
def test_scores_are_probabilities_worked_out_by_hand(program, tmp_path):
    lesson, labels = label(read(tmp_path / "s.jsonl", RECORDS[program]))
    assert lesson.are_probabilities
    marginals = np.zeros((6, len(TAGS)))
    marginals[labels.tokens, labels.tags] = labels.shares
    expected = np.zeros_like(marginals)
    expected[[1, 2, 3], 0] = 1.0
    expected[0, [TAGS.index("S-PER"), 0]] = 0.75, 0.25
    expected[4, [TAGS.index("B-LOC"), 0]] = 0.5, 0.5
    expected[5, [TAGS.index("E-LOC"), 0]] = 0.5, 0.5
    assert np.allclose(marginals, expected)
    moves = {
        (TAGS[move // len(TAGS)], TAGS[move % len(TAGS)]): count
        for move, count in zip(labels.moves.tolist(), labels.counts.tolist(), strict=True)
    }
    assert moves == pytest.approx(
        {
            ("S-PER", "O"): 0.75,
            ("O", "O"): 0.25 + 2.0 + 0.5 + 0.5,  # Ada met; met Li, Li in; in New; New York
            ("O", "B-LOC"): 0.5,
            ("B-LOC", "E-LOC"): 0.5,
        },
        abs=1e-3,
    )


def test_what_has_a_low_score_is_unknown(tmp_path):
    _, labels = label(read(tmp_path / "s.jsonl", RECORDS["GLiNER"]), min_score=0.6)
    assert labels.are_open().tolist() == [True]
    assert labels.options(TAGS) == [[("S-PER",), ("O",), ("O",), ("O",), (), ()]]


def test_scores_that_are_no_probabilities_only_tell_what_is_unknown(tmp_path):
    record = {"text": TEXT, "entities": spans((0, 3, "PER", 7.5), (14, 22, "LOC", 0.1))}
    lesson, labels = label(read(tmp_path / "s.jsonl", record))
    assert not lesson.are_probabilities
    assert labels.options(TAGS)[0] == [("S-PER",), ("O",), ("O",), ("O",), (), ()]
    assert labels.shares.tolist() == [1.0] * 4


def test_spans_without_scores_are_sure_and_strange_types_unknown(tmp_path):
    record = {"text": TEXT, "entities": spans((0, 3, "PER", None), (14, 22, "CITY", None))}
    lesson, labels = label(read(tmp_path / "s.jsonl", record))
    assert labels.options(TAGS)[0] == [("S-PER",), ("O",), ("O",), ("O",), (), ()]
    assert "unknown: CITY (1 span)" in lesson.describe_strange(has_gold=True)
    lesson, _ = label(read(tmp_path / "s.jsonl", {"text": TEXT, "entities": spans((14, 22, "CITY", None))}))
    with pytest.raises(ConfigError, match=r"found spans of CITY \(1 span\), the gold corpus has LOC, PER"):
        lesson.describe_strange(has_gold=True)


def test_a_score_that_is_no_number_is_named_with_its_place(tmp_path):
    record = {"text": TEXT, "entities": spans((0, 3, "PER", "high"))}
    with pytest.raises(
        DataError, match=r"s\.jsonl:1: found .high. under 'score' of a span, expected a number"
    ):
        read(tmp_path / "s.jsonl", record)


def test_without_being_asked_scores_are_not_read(tmp_path):
    path = tmp_path / "s.jsonl"
    read(path, RECORDS["GLiNER"])
    (sentence,) = read_corpus(path, "doccano", CorpusSettings(), lambda fault: None).sentences
    assert not sentence.excerpt.confidences


def test_teachers_say_what_is_unknown_and_how_far_they_agree(read_tiny, tmp_path):
    data = read_tiny(**{"training.epochs": 20})
    fit_whole(data, tmp_path / "t")
    tags = list_tags(data)
    teachers = Teachers([("t", load_tagger(tmp_path / "t"))], tags, data.config)
    gold = data.train.sentences[0]
    alone = teachers.soften([gold.tokens], [0]).options(tags)[0]
    text = " ".join(gold.tokens)
    records = [
        {"text": text, "tokens": list(gold.tokens), "ner_tags": ["?", *["O"] * (len(gold.tokens) - 1)]},
        {"text": text, "tokens": list(gold.tokens), "ner_tags": ["B-ORG", *["O"] * (len(gold.tokens) - 1)]},
    ]
    lesson = SilverLesson([read(tmp_path / "s.jsonl", *records)], tags, Scheme.IOB2, 0.5, teachers)
    ((sentences, documents),) = lesson.parts()
    labels = lesson.label(sentences, documents)
    assert not labels.are_open().any()
    filled, said = labels.options(tags)
    assert filled[1:] == [("O",)] * (len(gold.tokens) - 1)
    assert said[0] == ("S-ORG",)
    facts = lesson.agree()
    assert facts["types"]["ORG"]["silver"] == 1
    assert sum(each["silver"] for each in facts["types"].values()) == 1
    place = next(each for each in facts["instead"] if each["silver"] == "ORG")["examples"][0]
    assert place == {"file": str(tmp_path / "s.jsonl"), "line": 2, "words": gold.tokens[0]}
    found = tags_to_spans([option[0] for option in alone], Scheme.BIOES)
    seen = len(found) + sum(
        span.start > 0 for span in found
    )  # in the first the teachers' span there is unknown
    assert sum(each["teacher"] for each in facts["types"].values()) == seen


def test_labels_of_several_files_are_one_corpus_whose_low_scores_are_unknown(tmp_path):
    first = read(tmp_path / "a.jsonl", RECORDS["GLiNER"], {"text": "Li sat", "entities": []})
    (tmp_path / "b.conll").write_text("Ada I-PER\nsat O\n\n", encoding="utf-8")
    second = read_corpus(tmp_path / "b.conll", "conll", CorpusSettings(is_silver=True), lambda fault: None)
    whole = unite([first, second], 0.6)
    assert whole.scheme is Scheme.IOB2
    assert [each.tags for each in whole.sentences] == [
        ("B-PER", "O", "O", "O", "?", "?"),
        ("O", "O"),
        ("B-PER", "O"),
    ]
    assert [each.document for each in whole.sentences] == [0, 0, 1]
    learned, dev = split_off_dev([first, second], Config())
    left = [each.tokens for corpus in learned for each in corpus.sentences]
    assert sorted([*left, *(each.tokens for each in dev.sentences)]) == sorted(
        each.tokens for each in whole.sentences
    )
    assert len(dev.sentences) == 1


def test_a_span_that_fits_no_token_says_nothing_of_it(tmp_path):
    _, labels = label(read(tmp_path / "s.jsonl", {"text": TEXT, "entities": spans((0, 2, "PER", 0.9))}))
    assert labels.options(TAGS) == [[(), ("O",), ("O",), ("O",), ("O",), ("O",)]]
