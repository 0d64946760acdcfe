"""What a model found goes out to annotation tools, is corrected there, comes back, and is read as gold.

The tools are played by hand, as their exports look: Label Studio 1.23 (JSON and JSON-MIN, taken from a server that
ran), doccano 1.8, Prodigy 1.15 and brat 1.3.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tagger import load
from tagger.cli import main
from tagger.errors import ConfigError
from tagger.runtime.directory import name_version
from tagger.text.formats import CorpusSettings, LabelledSentence, LabelledSpan, read_corpus
from tagger.text.formats.joining import LONGEST_TEXT, join_texts
from tagger.text.formats.labelling import Control, read_labelling, write_labelling
from tagger.text.formats.location import locate_texts

MODEL = Path(__file__).parents[2] / "stored" / "words"
TEXTS = [
    "Ada met Li. Then they left Paris.\r\n\r\n 😀 Ada  said:\tLi!\r\n",
    "",
    "  Nobody is here \u2028 to be named. ",
    "𝒳 Ada,\nLi\rand 👩🏽‍🚀 Paris",
]
FILLED = [text for text in TEXTS if text.strip()]
Labels = list[tuple[str, int, int]]


def predict(monkeypatch: pytest.MonkeyPatch, folder: Path, form: str) -> Path:
    """Let the command label the texts, an object each, and return what it wrote."""
    source = folder / "texts.jsonl"
    rows = [json.dumps({"id": number, "text": text}) for number, text in enumerate(TEXTS)]
    source.write_text("\n".join(rows), encoding="utf-8")
    output = folder / "out"
    command = ["tagger", "predict", str(MODEL), str(source), "--format", form, "-o", str(output), "-q"]
    monkeypatch.setattr("sys.argv", command)
    with pytest.raises(SystemExit) as stopped:
        main()
    assert not stopped.value.code
    return output


def expected() -> list[Labels]:
    """Return what the model finds in each text, by the library."""
    tagger = load(MODEL)
    return [
        [(span.type, span.start, span.end) for sentence in tagger.predict(text) for span in sentence.spans]
        for text in FILLED
    ]


def read_as_gold(path: Path, form: str = "jsonl") -> list[tuple[str, Labels]]:
    """Return texts and their spans, as `train` and `check` get them; nothing may be reported or warned of."""
    reports: list[Any] = []
    corpus = read_corpus(str(path), form, CorpusSettings(), reports.append)
    assert not reports
    assert not corpus.warnings
    return [
        (text.text, [(span.type, span.start - text.start, span.end - text.start) for span in text.spans])
        for _, text in locate_texts(corpus.sentences, corpus.scheme, "x")
    ]


def labelstudio_json(task: dict[str, Any], number: int) -> dict[str, Any]:
    """Submit a prediction unchanged but for the first span, which becomes a MISC."""
    prediction = task.pop("predictions")[0]
    results = [
        {key: value for key, value in each.items() if key != "score"}
        | {"id": f"aB{at}", "origin": "prediction"}
        for at, each in enumerate(prediction["result"])
    ]
    if results:
        results[0]["value"]["labels"] = ["MISC"]
    annotation = {
        "id": number, "completed_by": 1, "result": results, "was_cancelled": False, "ground_truth": False,
        "created_at": "2026-11-28T19:50:00.1Z", "updated_at": "2026-11-28T19:50:00.1Z", "lead_time": 4.2,
        "draft_created_at": None, "prediction": {}, "result_count": len(results), "unique_id": "d0c5",
        "import_id": None, "last_action": None, "bulk_created": False, "task": number, "project": 1,
        "updated_by": 1, "parent_prediction": 3, "parent_annotation": None, "last_created_by": None,
    }  # fmt: skip
    return task | {
        "id": number, "annotations": [annotation], "file_upload": "x.json", "drafts": [], "predictions": [number],
        "inner_id": number, "total_annotations": 1, "cancelled_annotations": 0, "total_predictions": 1,
        "comment_count": 0, "unresolved_comment_count": 0, "last_comment_updated_at": None, "project": 1,
        "updated_by": 1, "comment_authors": [], "created_at": "2026-11-28T19:49:00.1Z",
        "updated_at": "2026-11-28T19:50:00.1Z", "allow_skip": True,
    }  # fmt: skip


def labelstudio_min(task: dict[str, Any], number: int) -> dict[str, Any]:
    results = labelstudio_json(task, number)["annotations"][0]["result"]
    exported = {
        "text": task["data"]["text"], "id": number, "annotator": 1, "annotation_id": number,
        "created_at": "2026-11-28T19:50:00.1Z", "updated_at": "2026-11-28T19:50:00.1Z", "lead_time": 4.2,
    }  # fmt: skip
    return exported | ({"label": [each["value"] for each in results]} if results else {})


def doccano(row: dict[str, Any], number: int) -> dict[str, Any]:
    if row["label"]:
        row["label"][0][2] = "MISC"
    return {"id": number} | row | {"Comments": []}


def doccano_with_relations(row: dict[str, Any], number: int) -> dict[str, Any]:
    doccano(row, number)
    labels = row.pop("label")
    entities = [
        {"id": at, "label": label, "start_offset": start, "end_offset": end}
        for at, (start, end, label) in enumerate(labels)
    ]
    return row | {"id": number, "entities": entities, "relations": [], "Comments": []}


def prodigy(task: dict[str, Any], number: int) -> dict[str, Any]:
    assert "answer" not in task, "nobody has answered yet"
    if task["spans"]:
        first = {key: value for key, value in task["spans"][0].items() if key not in ("score", "source")}
        task["spans"][0] = first | {"label": "MISC"}
    return task | {
        "_input_hash": number, "_task_hash": -number, "_view_id": "ner_manual", "answer": "accept",
        "_timestamp": 1764359400, "_annotator_id": "2026-11-28_19-50-00", "_session_id": "2026-11-28_19-50-00",
    }  # fmt: skip


Tool = Callable[[dict[str, Any], int], dict[str, Any]]


@pytest.mark.parametrize(
    ("form", "tool"),
    [
        ("labelstudio", labelstudio_json),
        ("labelstudio", labelstudio_min),
        ("doccano", doccano),
        ("doccano", doccano_with_relations),
        ("prodigy", prodigy),
    ],
)
def test_what_people_corrected_is_read_as_gold(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: str, tool: Tool
) -> None:
    written = predict(monkeypatch, tmp_path, form).read_text(encoding="utf-8")
    is_array = form == "labelstudio"
    rows = json.loads(written) if is_array else [json.loads(line) for line in written.splitlines()]
    changed = [tool(row, number) for number, row in enumerate(rows, 1)]
    back = tmp_path / "export.json"
    content = json.dumps(changed) if is_array else "".join(json.dumps(row) + "\n" for row in changed)
    back.write_text(content, encoding="utf-8")
    wanted = [
        [("MISC" if at == 0 else type_, start, end) for at, (type_, start, end) in enumerate(labels)]
        for labels in expected()
    ]
    assert any(wanted), "the model finds something"
    if (
        tool is labelstudio_min
    ):  # which says of a text without spans nothing at all, as of one nobody labelled
        found = read_as_gold(back)
        assert [labels for _, labels in found] == wanted
    else:
        found = read_as_gold(back)
        assert found == list(zip(FILLED, wanted, strict=True))


def test_what_is_rejected_and_ignored_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = predict(monkeypatch, tmp_path, "prodigy").read_text(encoding="utf-8").splitlines()
    answers = ["accept", "reject", "ignore"]
    rows = [
        prodigy(json.loads(line), 1) | {"answer": answer} for line, answer in zip(lines, answers, strict=True)
    ]
    back = tmp_path / "export.jsonl"
    back.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    corpus = read_corpus(str(back), "jsonl", CorpusSettings(), print)
    assert {sentence.excerpt.source.text for sentence in corpus.sentences if sentence.excerpt} == {FILLED[0]}
    assert [warning.partition(" (")[0] for warning in corpus.warnings] == [
        "1 text rejected by its annotator, left out",
        "1 text ignored by its annotator, left out",
    ]


def test_a_folder_of_brat_is_read_as_gold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = predict(monkeypatch, tmp_path, "brat")
    version = name_version(MODEL)
    wanted = []
    for path, labels in zip(sorted(folder.glob("*.ann")), expected(), strict=True):
        rows = path.read_text(encoding="utf-8").splitlines()
        notes = [row for row in rows if row.startswith("#")]
        assert all(row.endswith(f" by {version}") for row in notes)
        if labels:  # brat writes the line of a span anew, and what it has no place for stays
            type_, start, end = labels[0]
            rows[0] = rows[0].replace(f"\t{type_} ", "\tMISC ")
            labels[0] = ("MISC", start, end)
        path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
        wanted.append(labels)
    found = read_as_gold(folder, "brat")
    assert found == list(zip(FILLED, wanted, strict=True))


def test_predictions_alone_are_no_gold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = predict(monkeypatch, tmp_path, "labelstudio")
    with pytest.raises(Exception, match=r"found no labelled text: 3 texts with predictions alone"):
        read_corpus(str(path), "jsonl", CorpusSettings(), print)


def test_scores_and_version_go_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    version = name_version(MODEL)
    task = json.loads(predict(monkeypatch, tmp_path, "labelstudio").read_text(encoding="utf-8"))[0]
    spans = [span for sentence in load(MODEL).predict(TEXTS[0]) for span in sentence.spans]
    prediction = task["predictions"][0]
    assert prediction["model_version"] == version == task["meta"]["model"]
    scores = [each["score"] for each in prediction["result"]]
    assert scores == pytest.approx([span.confidence for span in spans], abs=1e-6)
    assert prediction["score"] == pytest.approx(sum(scores) / len(scores), abs=1e-6)
    row = json.loads(predict(monkeypatch, tmp_path, "doccano").read_text(encoding="utf-8").splitlines()[0])
    assert (row["scores"], row["model"]) == (scores, version)
    row = json.loads(predict(monkeypatch, tmp_path, "prodigy").read_text(encoding="utf-8").splitlines()[0])
    assert [(each["score"], each["source"]) for each in row["spans"]] == [(each, version) for each in scores]


def sentence(doc: str, start: int, text: str, space: str = "") -> LabelledSentence:
    end = start + len(text)
    spans = [LabelledSpan("PER", start, end, text)] if text else []
    return LabelledSentence(doc=doc, start=start, end=end, text=text, tokens=[], spans=spans, space=space)


def test_texts_end_where_the_input_does_not_know_more() -> None:
    given = [
        sentence("a", 0, "", " \n"), sentence("a", 2, "Ada", "\n\n"), sentence("a", 7, "Li"),
        sentence("a", 10, "Paris"),  # a blank, or a line end: columns don't say
        sentence("b", 0, "Ada", " "), sentence("c", 0, "", "   "),
    ]  # fmt: skip
    found = [
        (text.doc, text.start, text.text, [span.start for span in text.spans]) for text in join_texts(given)
    ]
    assert found == [
        ("a", 0, " \nAda\n\nLi", [2, 7]), ("a", 10, "Paris", [10]), ("b", 0, "Ada ", [0]),
    ]  # fmt: skip


def test_a_very_long_text_is_cut_between_sentences() -> None:
    given = [sentence("a", 10 * number, "Ada met L", " ") for number in range(LONGEST_TEXT // 4)]
    found = list(join_texts(given))
    assert "".join(text.text for text in found) == "Ada met L " * len(given)
    assert [text.start for text in found] == [0, LONGEST_TEXT + 10, 2 * LONGEST_TEXT + 20]


def test_every_line_is_a_text_where_the_user_says_so() -> None:
    given = [sentence("-", 0, "Ada", "\r\n"), sentence("-", 5, "", " "), sentence("-", 6, "Li", "\n")]
    assert [(text.start, text.text) for text in join_texts(given, by_line=True)] == [(0, "Ada"), (6, "Li")]


def test_a_labelling_configuration_is_read_back() -> None:
    types = ["PER", "<b>", 'a"b', "work of art", "&amp;"]
    config = "".join(write_labelling(types, by_word=True))
    assert read_labelling(config) == Control("label", "text", "text", tuple(types))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("", "found no XML"),
        ("<View>", "found no XML"),
        (
            "<View><Choices name='c' toName='t'/><Text name='t' value='$t'/></View>",
            "found <View>, <Choices>, <Text>",
        ),
        ('<!DOCTYPE x [<!ENTITY a "aaaa">]><View>&a;</View>', "found a document type"),
        (
            "<View><Labels name='l' toName='audio'/><Audio name='audio'/></View>",
            "expected <Labels> for a <Text>",
        ),
    ],
)
def test_other_configurations_are_refused(config: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_labelling(config)
