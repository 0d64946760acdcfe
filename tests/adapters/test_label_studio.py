"""The server as an ML backend of Label Studio, asked what Label Studio 1.23 asks, in the words in which it asks."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx2")

from fastapi.testclient import TestClient

from tagger import load
from tagger.adapters.server import (
    Journal,
    Lessons,
    Limits,
    Shelf,
    create_app,
    find_newest,
    keep_missed,
    name_models,
)
from tagger.adapters.server.studio import pupil as pupils
from tagger.adapters.server.studio.journal import Annotated, write_lesson
from tagger.cli.serve import serve as cli_serve
from tagger.errors import DataError
from tagger.text.formats.labelling import write_labelling

MODEL = Path(__file__).parents[1] / "stored" / "words"
TYPES = load(MODEL).types
CONFIG = "".join(write_labelling(TYPES, by_word=True))
LABELS = '<Labels name="ner" toName="body"><Label value="ORG"/></Labels>'
OTHER_NAMES = f'<View>{LABELS}<Text name="body" value="$content"/></View>'
TEXTS = ["Ada met Li. Then they left Paris.\r\n", "", "😀 Ada & Li", "half \ud83d a character"]
PROJECT = "1.1764359400"


def open_client(lessons: Lessons | None = None, model: Path = MODEL) -> TestClient:
    shelf = Shelf.read({"words": model})
    app = create_app(shelf, Limits(label_studio=True), lessons)
    return TestClient(app, base_url="http://127.0.0.1")


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with open_client() as opened:
        yield opened


def ask(client: TestClient, texts: list[str], config: str = CONFIG, field: str = "text") -> Any:
    """Send tasks as `MLApi.make_predictions` does."""
    tasks = [
        {"id": number, "data": {field: text}, "meta": {}, "project": 1, "overlap": 1, "allow_skip": True}
        for number, text in enumerate(texts, 1)
    ]
    params = {"login": None, "password": None, "context": None}
    body = {"tasks": tasks, "project": PROJECT, "label_config": config, "params": params}
    answer = client.post("/predict", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def event(
    action: str, number: int, text: str, labels: list[tuple[int, int, str]], **beside: Any
) -> dict[str, Any]:
    """Return an event of one annotation as webhooks send it; its task has the annotation's number and 100."""
    result = [
        {
            "id": f"r{at}", "from_name": "label", "to_name": "text", "type": "labels", "origin": "manual",
            "value": {"start": start, "end": end, "text": text[start:end], "labels": [type_]},
        }
        for at, (start, end, type_) in enumerate(labels)
    ]  # fmt: skip
    annotation = {
        "id": number, "result": result, "created_username": " a@b.org, 1", "completed_by": 1, "was_cancelled": False,
        "ground_truth": False, "task": 100 + number, "project": 1, "lead_time": 3.2,
    }  # fmt: skip
    return {
        "action": action,
        "annotation": annotation | beside,
        "task": {"id": 100 + number, "data": {"text": text}, "project": 1},
        "project": {"id": 1, "title": "names", "label_config": CONFIG, "model_version": ""},
    }


def test_it_is_connected(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "UP"}
    body = {
        "project": PROJECT, "schema": CONFIG, "hostname": "http://localhost:8080", "access_token": "secret",
        "extra_params": None,
    }  # fmt: skip
    answer = client.post("/setup", json=body)
    assert answer.status_code == 200
    assert answer.json()["model_version"].startswith("words-")
    refused = client.post("/setup", json=body | {"schema": "<View></View>"})
    assert refused.status_code == 422
    assert refused.json()["error"].startswith("label_config: found <View>, expected <Labels> for a <Text>")


def test_tasks_get_predictions_with_scores_and_version(client: TestClient) -> None:
    answer = ask(client, TEXTS)
    assert len(answer["results"]) == len(TEXTS)
    tagger = load(MODEL)
    found = 0
    for text, prediction in zip(TEXTS, answer["results"], strict=True):
        assert prediction["model_version"] == answer["model_version"]
        spans = [span for each in tagger.predict(text.replace("\ud83d", "\ufffd")) for span in each.spans]
        wanted = [([span.type], span.start, span.end, span.text) for span in spans]
        values = [each["value"] for each in prediction["result"]]
        assert [(each["labels"], each["start"], each["end"], each["text"]) for each in values] == wanted
        scores = [each["score"] for each in prediction["result"]]
        assert scores == pytest.approx([span.confidence for span in spans], abs=2e-6)
        assert ("score" in prediction) == bool(spans)
        found += len(spans)
    assert found


def test_results_have_the_names_and_the_labels_of_the_project(client: TestClient) -> None:
    (prediction,) = ask(client, TEXTS[:1], OTHER_NAMES, "content")["results"]
    assert {(each["from_name"], each["to_name"]) for each in prediction["result"]} == {("ner", "body")}
    assert {label for each in prediction["result"] for label in each["value"]["labels"]} == {"ORG"}
    assert ask(client, TEXTS[:1], OTHER_NAMES, "elsewhere")["results"][0]["result"] == []


def test_the_page_and_other_clients_go_on_to_be_answered(client: TestClient) -> None:
    answer = client.post("/predict", json={"texts": ['a "tasks"', TEXTS[0]]})
    assert [len(each) for each in answer.json()["results"]] == [1, 2]


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/predict", '{"tasks": 1, "label_config": ""}', "tasks: expected a list"),
        ("/predict", '{"tasks": [], "label_config": "<View"}', "label_config: found no XML"),
        ("/predict", '{"tasks": [', "body: expected JSON"),
        ("/setup", "[]", "body: found list, expected an object"),
        ("/webhook", "{", "body: expected JSON"),
        ("/webhook", '{"action": ' + "[" * 100_000, "body: expected JSON"),
    ],
)
def test_what_is_no_request_is_refused(client: TestClient, path: str, body: str, message: str) -> None:
    answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert message.partition(": ")[2] in answer.json()["error"]


def test_pages_of_other_origins_can_teach_it_nothing() -> None:
    shelf = Shelf.read(name_models([str(MODEL)]))
    app = create_app(shelf, Limits(label_studio=True, origins=("*",)))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        answer = client.post("/webhook", json={"action": "x"}, headers={"Origin": "http://evil.org"})
    assert answer.status_code == 403


def test_without_a_folder_nothing_is_kept_and_nothing_trained(client: TestClient) -> None:
    answer = client.post("/webhook", json=event("ANNOTATION_CREATED", 1, "Ada", [(0, 3, "PER")]))
    assert answer.status_code == 201
    assert "--annotations DIR" in answer.json()["done"]
    refused = client.post("/webhook", json={"action": "START_TRAINING", "project": {"id": 1}})
    assert (refused.status_code, "--annotations DIR" in refused.text) == (501, True)


def test_annotations_are_kept_changed_and_deleted(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "notes")
    text = "😀 Ada\r\nmet Li"
    with open_client(Lessons(journal, MODEL)) as client:
        for body in (
            event("ANNOTATION_CREATED", 1, text, [(2, 5, "PER")]),
            event(
                "ANNOTATION_CREATED", 2, "Paris", [(0, 5, "LOC"), (0, 99, "LOC"), (0, 2, "O"), (3, 3, "LOC")]
            ),
            event("ANNOTATION_CREATED", 3, "Rome", [(0, 4, "LOC")]),
            event("ANNOTATION_CREATED", 4, "Bonn", [(0, 4, "LOC")]),
            event("ANNOTATION_UPDATED", 1, text, [(2, 5, "PER"), (11, 13, "PER")]),
            event("ANNOTATION_CREATED", 5, "skipped", [], was_cancelled=True),
            {"action": "ANNOTATIONS_DELETED", "annotations": [{"id": 3}], "project": {"id": 1}},
            {"action": "TASKS_DELETED", "tasks": [{"id": 104}], "project": {"id": 1}},
            {"action": "TASKS_CREATED", "tasks": [{"id": 9}]},
            {"action": "PROJECT_UPDATED", "project": {"id": 1}},
            {"action": "SOMETHING_NEW"},
        ):
            assert client.post("/webhook", json=body).status_code == 201
    wanted = [
        Annotated(2, 102, "Paris", ((0, 5, "LOC"),)),
        Annotated(1, 101, text, ((2, 5, "PER"), (11, 13, "PER"))),
    ]
    assert journal.split() == (wanted, [])
    journal.close()
    again = Journal(tmp_path / "notes")
    assert again.split() == (wanted, [])
    assert again.unlearnt == 5
    again.close()


def test_strange_events_do_no_harm(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    good = event("ANNOTATION_CREATED", 1, "Ada", [(0, 3, "PER")])
    with open_client(Lessons(journal, MODEL)) as client:
        for strange in (
            {"annotation": None}, {"annotation": []}, {"annotation": {"id": [1]}}, {"task": []}, {"task": {"id": {}}},
            {"task": {"id": 101, "data": []}}, {"task": {"id": 101, "data": {"text": 5}}}, {"project": 1},
            {"annotation": {"id": 1, "task": 101, "result": {"a": 1}}},
            {"annotation": {"id": 1, "task": 101, "result": [None, 1, {"value": 1}, {"value": {"start": "0"}}]}},
            {"action": "ANNOTATIONS_DELETED", "annotations": [None, {"id": []}, 7]},
            {"action": ["a"]}, {"action": None},
        ):  # fmt: skip
            answer = client.post("/webhook", json=good | strange)
            assert answer.status_code in (201, 422), (strange, answer.text)
        assert client.post("/webhook", json=good).status_code == 201
    assert journal.split()[0] == [Annotated(1, 101, "Ada", ((0, 3, "PER"),))]
    journal.close()


def test_a_full_disk_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path)

    def refuse(number: int) -> None:
        raise OSError(28, "No space left on device")

    with open_client(Lessons(journal, MODEL)) as client:
        monkeypatch.setattr("tagger.adapters.server.studio.journal.os.fsync", refuse)
        answer = client.post("/webhook", json=event("ANNOTATION_CREATED", 1, "Ada", []))
    assert (answer.status_code, "No space left" in answer.text) == (507, True)
    journal.close()


def test_a_line_that_was_cut_short_is_forgotten_and_no_other(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for number in range(1, 12):
        journal.keep(Annotated(number, number, f"text {number}", ()))
    journal.close()
    path = tmp_path / "annotations.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + whole.splitlines()[0][:-9])
    again = Journal(tmp_path)
    assert len(again) == 11
    assert path.read_bytes() == whole
    again.keep(Annotated(12, 12, "text 12", ()))
    learnt, held_out = again.split()
    assert [each.task for each in held_out] == [5, 10]
    assert [each.task for each in learnt] == [1, 2, 3, 4, 6, 7, 8, 9, 11, 12]
    again.close()


def test_a_folder_has_one_server_and_no_other_file_of_its_name(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with pytest.raises(DataError, match="another server keeps its annotations here"):
        Journal(tmp_path)
    journal.close()
    (tmp_path / "annotations.jsonl").write_text('{"text": "something else"}\n')
    with pytest.raises(DataError, match=r"annotations.jsonl:1: found b.*expected an annotation"):
        Journal(tmp_path)


def test_a_text_of_two_annotators_is_as_the_last_has_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.keep(Annotated(1, 1, "Ada", ()))
    journal.keep(Annotated(2, 1, "Ada", ((0, 3, "PER"),)))
    learnt, _ = journal.split()
    assert [json.loads(line) for line in write_lesson(learnt)] == [
        {"text": "Ada", "label": [[0, 3, "PER"]], "doc": "1"}
    ]
    journal.close()


def export_of(*events: dict[str, Any]) -> str:
    """Return an export as Label Studio writes it, of a project in which these events were the last."""
    return json.dumps([each["task"] | {"annotations": [each["annotation"]]} for each in events])


def test_what_was_annotated_while_it_was_down_comes_in_with_an_export(tmp_path: Path) -> None:
    journal, whole = Journal(tmp_path / "notes"), Journal(tmp_path / "whole")
    before = [event("ANNOTATION_CREATED", number, f"Ada {number}", [(0, 3, "PER")]) for number in (1, 2, 3)]
    meanwhile = [
        event("ANNOTATION_UPDATED", 1, "Ada 1", []),
        event("ANNOTATION_UPDATED", 2, "Ada 2", [], was_cancelled=True),
        event("ANNOTATION_CREATED", 4, "😀 Ada", [(2, 5, "PER")]),
        event("ANNOTATION_CREATED", 5, "skipped", [], was_cancelled=True),
    ]
    for each, heard in ((journal, before), (whole, before + meanwhile)):
        with open_client(Lessons(each, MODEL)) as client:
            for body in heard:
                client.post("/webhook", json=body)
    export = tmp_path / "export.json"
    export.write_text(export_of(*meanwhile, before[2]), encoding="utf-8")
    assert keep_missed(journal, export) == 3
    assert sorted(chain(*journal.split())) == sorted(chain(*whole.split()))
    assert keep_missed(journal, export) == 0  # again: nothing is new
    for text, message in (
        ("[", "found no JSON"),
        ("{}", "found dict, expected the project's export"),
        ('[{"text": "Ada", "label": []}]', "found no data and annotations in task 1"),
        (
            '[{"data": {"text": "Ada"}, "annotations": [{"result": []}]}]',
            "expected an annotation with a number",
        ),
    ):
        export.write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match=message):
            keep_missed(journal, export)
    journal.close()
    whole.close()


def test_training_that_cannot_be_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pupils, "find_spec", lambda name: None)
    journal = Journal(tmp_path)
    with open_client(Lessons(journal, MODEL, every=1)) as client:
        assert client.post("/webhook", json=event("ANNOTATION_CREATED", 1, "Ada", [])).status_code == 201
        refused = client.post("/webhook", json={"action": "START_TRAINING"})
    assert (refused.status_code, "pip install 'tagger[train]'" in refused.text) == (501, True)
    assert journal.split()[0]
    journal.close()


def test_options_that_need_others_say_so(tmp_path: Path) -> None:
    for given, message in (
        ({"annotations": tmp_path}, "add --label-studio"),
        ({"label_studio": True, "train_every": 3}, "add --annotations DIR"),
        ({"label_studio": True, "missed": tmp_path}, "add --annotations DIR"),
        ({"label_studio": True, "models": ["a", "b"]}, "found 2 models"),
        ({"label_studio": True, "annotations": tmp_path, "workers": 2}, "one process keeps annotations"),
    ):
        with pytest.raises(Exception, match=message):
            cli_serve(**{"models": ["a"], **given})


@pytest.mark.slow
def test_it_learns_and_what_it_learnt_serves_again(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    journal = Journal(tmp_path / "notes")
    names = ["Zora", "Milo", "Vera", "Otto", "Nils", "Runa"]
    texts = [f"{name} met {other} in Paris ." for name in names for other in names if name != other]
    with open_client(Lessons(journal, MODEL, every=len(texts))) as client:
        before = ask(client, ["Zora met Milo in Paris ."])["model_version"]
        for number, text in enumerate(texts, 1):
            words = text.split()
            second = text.index(words[2], 4)
            labels = [(0, len(words[0]), "PER"), (second, second + len(words[2]), "PER")]
            client.post("/webhook", json=event("ANNOTATION_CREATED", number, text, labels))
        until = time.monotonic() + 300
        while not (newest := find_newest(tmp_path / "notes")):
            assert time.monotonic() < until, "nothing was learnt"
            assert ask(client, ["Zora met Milo in Paris ."])["results"]
            time.sleep(0.1)
        while (after := ask(client, ["Zora met Milo in Paris ."]))["model_version"] == before:
            assert time.monotonic() < until, "it doesn't serve"
        while journal.is_interrupted:
            assert time.monotonic() < until, "the run doesn't end"
            time.sleep(0.1)
    found = {(each["value"]["text"], *each["value"]["labels"]) for each in after["results"][0]["result"]}
    assert {("Zora", "PER"), ("Milo", "PER")} <= found
    journal.close()
    again = Journal(tmp_path / "notes")
    assert not again.is_interrupted
    assert again.unlearnt == 0
    again.close()
    with open_client(model=newest) as client:
        assert ask(client, ["Zora met Milo in Paris ."])["model_version"] == after["model_version"]
