"""The server, asked over ASGI: its answers are what the command line writes, and its refusals are JSON."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx2")

from alike import are_alike
from fastapi.testclient import TestClient

from tagger import load
from tagger.adapters.server import Limits, create_app, guard, name_models
from tagger.adapters.server.bodies import TextsBody
from tagger.adapters.server.jobs import TextJob
from tagger.adapters.server.shelf import ServedModel
from tagger.cli.serve import MAX_BODY
from tagger.cli.serve import serve as cli_serve
from tagger.errors import ConfigError, ModelError
from tagger.runtime.tagger import Tagger
from tagger.text.formats.jsonl import write_jsonl

STORED = Path(__file__).parents[1] / "stored"
TEXT = (STORED / "words" / "text.txt").read_text(encoding="utf-8")
TEXTS = ["Ada met Li. Then they left Paris.", "", " \n ", "李 😀 Ada\r\n\r\nLi & <b>Ada</b>", "x" * 300, TEXT]


def open_client(limits: Limits | None = None, models: Any = None, **options: Any) -> TestClient:
    app = create_app(models or {"words": STORED / "words", "zh": STORED / "characters"}, limits)
    return TestClient(app, base_url="http://127.0.0.1", **options)


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with open_client() as opened:
        yield opened


@pytest.fixture(scope="module")
def written() -> list[list[Any]]:
    """Return what `predict --format jsonl --nbest 2` writes of each text."""
    tagger = load(STORED / "words")
    found = []
    for number, text in enumerate(TEXTS):
        lines = [json.loads(line) for line in write_jsonl(tagger.predict(text, nbest=2))]
        found.append([line | {"doc": f"text#{number}" if number else "text"} for line in lines])
    return found


def test_answers_are_what_the_command_line_writes(client: TestClient, written: list[list[Any]]) -> None:
    answer = client.post("/predict", json={"texts": TEXTS, "nbest": 2})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert are_alike(answer.json(), {"model": "words", "results": written})


def test_a_stream_holds_the_same_sentences_one_a_line(client: TestClient, written: list[list[Any]]) -> None:
    headers = {"Accept": "application/x-ndjson"}
    answer = client.post("/predict", json={"texts": TEXTS, "nbest": 2}, headers=headers)
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert are_alike(lines, [sentence for part in written for sentence in part])


def test_a_long_text_comes_whole_though_it_takes_many_rounds(client: TestClient) -> None:
    long = TEXT * (400_000 // len(TEXT))
    expected = [json.loads(line) for line in write_jsonl(load(STORED / "words").predict(long))]
    headers = {"Accept": "application/x-ndjson"}
    answer = client.post("/predict", json={"texts": [long]}, headers=headers)
    found = [json.loads(line) for line in answer.text.splitlines()]
    assert [(each["start"], each["tokens"]) for each in found] == [
        (each["start"], each["tokens"]) for each in expected
    ]


def test_a_text_is_taken_as_it_is(client: TestClient, written: list[list[Any]]) -> None:
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    answer = client.post("/predict?nbest=2&min_confidence=0", content=TEXT.encode(), headers=headers)
    everything = client.post("/predict", json={"texts": [TEXT], "nbest": 2, "min_confidence": 0})
    assert are_alike(answer.json(), everything.json())
    latin = client.post(
        "/predict",
        content="Müller".encode("latin-1"),
        headers={"Content-Type": "text/plain; charset=latin-1"},
    )
    assert latin.json()["results"][0][0]["text"] == "Müller"


def test_requests_side_by_side_get_what_each_would_get_alone(client: TestClient) -> None:
    texts = [" ".join(TEXT.split()[start : start + 40]) for start in range(40)]
    bodies = [{"texts": [text], "nbest": 1 + number % 2} for number, text in enumerate(texts)]
    alone = [client.post("/predict", json=body).json() for body in bodies]
    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(lambda body: client.post("/predict", json=body).json(), bodies * 3))
    assert are_alike(together, alone * 3)
    told = client.get("/metrics").text
    rounds, requests = (
        sum(float(found) for found in re.findall(rf"tagger_round_requests_{part}{{.*}} (.*)", told))
        for part in ("count", "sum")
    )
    assert requests > rounds, "some were labelled together"


def test_tokens_are_labelled_given_what_is_known_of_them(client: TestClient) -> None:
    tagger = load(STORED / "words")
    sentences = [["Ada", "met", "Li"], [], ["Paris"]]
    known = [["B-PER", None, ["O", "B-PER"]], None, None]
    expected = tagger.predict_tokens(sentences, known=known, nbest=2, rivals=2)
    body = {"sentences": sentences, "known": known, "nbest": 2, "rivals": 2}
    found = client.post("/predict_tokens", json=body).json()["results"]
    assert [each["tags"] for each in found] == [each.tags for each in expected]
    assert found[0]["tags"][0] == "B-PER"
    spans = [[(s["type"], s["start"], s["end"]) for s in each["spans"]] for each in found]
    assert spans == [[tuple(span[:3]) for span in each.spans] for each in expected]
    assert all(len(span["rivals"]) <= 2 for each in found for span in each["spans"])
    assert [len(each["nbest"]) for each in found] == [len(each.nbest or ()) for each in expected]


def test_a_contradiction_is_told_to_its_own_request_alone(client: TestClient) -> None:
    good = {"sentences": [["Ada", "left"]], "known": [["B-PER", None]]}
    bad = {"sentences": [["Ada", "left"]], "known": [["B-NONSENSE", None]]}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda body: client.post("/predict_tokens", json=body), [good, bad] * 12))
    assert [answer.status_code for answer in answers] == [200, 422] * 12
    assert "B-NONSENSE" in answers[1].json()["error"]


def test_a_fault_of_many_requests_at_once_is_told_to_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that was taken and could not be labelled must not pass for an empty answer."""

    def refuse(*_: object) -> None:
        raise ConfigError("not this", "min_confidence")

    with open_client() as client, ThreadPoolExecutor(16) as pool:
        monkeypatch.setattr(Tagger, "label", refuse)
        answers = list(pool.map(lambda _: client.post("/predict", json={"texts": [TEXT]}), range(32)))
        assert {answer.status_code for answer in answers} == {422}
        monkeypatch.undo()
        assert client.post("/predict", json={"texts": [TEXT]}).json()["results"][0]


def test_documents_of_tokens_are_read_as_one_however_many_rounds_they_take(client: TestClient) -> None:
    words = TEXT.split()
    sentences = [words[start : start + 20] for start in range(0, len(words), 20)] * 60
    documents = [number // 5 for number in range(len(sentences))]
    expected = load(STORED / "words").predict_tokens(sentences, documents=documents)
    assert sum(map(len, sentences)) > 10_000
    found = client.post("/predict_tokens", json={"sentences": sentences, "documents": documents}).json()
    assert [each["tags"] for each in found["results"]] == [each.tags for each in expected]


BAD_BODIES = [
    ({}, "texts", "needs this field"),
    ({"texts": "Ada"}, "texts", "array"),
    ({"texts": ["Ada", 3]}, "texts.1", "found 3"),
    ({"texts": [None]}, "texts.0", "string"),
    ({"texts": [""] * 10_001}, "texts", "at most 10000 items"),
    ({"texts": ["Ada"], "nbest": -1}, "nbest", "greater than or equal to 0"),
    ({"texts": ["Ada"], "nbest": 10**9}, "nbest", "less than or equal to 20"),
    ({"texts": ["Ada"], "nbest": "2"}, "nbest", "integer"),
    ({"texts": ["Ada"], "min_confidence": 1.5}, "min_confidence", "less than or equal to 1"),
    ({"texts": ["Ada"], "text": "Ada"}, "text", "there isn't"),
    ({"texts": ["Ada"], "model": "fr"}, "model", "words, zh"),
    ({"texts": ["Ada"], "language": "../../etc"}, "language", "match"),
    ([], None, "object"),
]


@pytest.mark.parametrize(("body", "field", "message"), BAD_BODIES, ids=lambda each: str(each)[:30])
def test_faults_name_their_field(client: TestClient, body: Any, field: str | None, message: str) -> None:
    answer = client.post("/predict", json=body)
    assert answer.status_code == 422
    told = answer.json()
    assert set(told) == {"error", "field"}
    assert told["field"] == field
    assert message in told["error"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"texts": ["Ada"',
        b"\xff\xfe",
        b'{"texts": ["\\ud800"]}',
        b"[" * 100_000,
        b'{"texts": [NaN]}',
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_no_json_is_said_to_be_none(client: TestClient, body: bytes) -> None:
    answer = client.post("/predict", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["error"]


def test_faults_of_plain_texts_name_what_is_wrong(client: TestClient) -> None:
    plain = {"Content-Type": "text/plain"}
    assert client.post("/predict", content=b"\xff", headers=plain).json()["field"] == "body"
    odd = client.post("/predict", content=b"a", headers={"Content-Type": "text/plain; charset=klingon"})
    assert (odd.status_code, odd.json()["field"]) == (422, "Content-Type")
    slow = client.post("/predict", content=b"a-b", headers={"Content-Type": "text/plain; charset=punycode"})
    assert (slow.status_code, slow.json()["field"]) == (422, "Content-Type"), "takes minutes for a megabyte"
    wide = "李".encode("gb18030")
    chinese = client.post("/predict", content=wide, headers={"Content-Type": 'text/plain; charset="GB18030"'})
    assert chinese.json()["results"][0][0]["text"] == "李"
    assert client.post("/predict?nbest=many", content=b"a", headers=plain).json()["field"] == "nbest"
    other = client.post("/predict", content=b"a", headers={"Content-Type": "text/html"})
    assert (other.status_code, other.json()["field"]) == (415, "Content-Type")
    assert "application/json or text/plain" in other.json()["error"]
    packed = client.post("/predict", content=b"\x1f\x8b", headers=plain | {"Content-Encoding": "gzip"})
    assert (packed.status_code, packed.json()["field"]) == (415, "Content-Encoding")


def test_tokens_of_other_shapes_are_refused(client: TestClient) -> None:
    def ask(body: object) -> Any:
        answer = client.post("/predict_tokens", json=body)
        assert answer.status_code == 422
        return answer.json()

    assert ask({"sentences": ["Ada left"]})["field"] == "sentences.0"
    assert "1 documents for 2 sentences" in ask({"sentences": [["a"], ["b"]], "documents": [0]})["error"]
    assert "2 tokens" in ask({"sentences": [["a", "b"]], "known": [[None]]})["error"]
    assert ask({"sentences": [["a"]], "known": [[3]]})["field"].startswith("known.0.0")


def test_large_bodies_are_refused_whether_they_say_so_or_not() -> None:
    with open_client(Limits(body=1000)) as client:
        told = client.post("/predict", json={"texts": ["x" * 2000]})
        assert (told.status_code, told.json()["field"]) == (413, "body")
        assert "1,000 bytes" in told.json()["error"]

        def pieces() -> Iterator[bytes]:
            yield b'{"texts": ["'
            for _ in range(100):
                yield b"x" * 100
            yield b'"]}'

        streamed = client.post("/predict", content=pieces(), headers={"Content-Type": "application/json"})
        assert streamed.status_code == 413
        assert client.post("/predict", json={"texts": ["x" * 900]}).status_code == 200


def test_what_takes_too_long_is_given_up() -> None:
    with open_client(Limits(body=1 << 24, timeout=0.2)) as client:
        answer = client.post("/predict", json={"texts": [TEXT * (3_000_000 // len(TEXT))]})
        assert (answer.status_code, answer.headers["connection"]) == (503, "close")
        assert "0.2 s" in answer.json()["error"]
        assert client.post("/predict", json={"texts": ["Ada"]}).status_code == 200


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_BODY_SECONDS", 0.05)
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(20)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"content-length", b"9")]
    scope = {"type": "http", "method": "POST", "path": "/predict", "headers": headers, "query_string": b""}
    asyncio.run(create_app([STORED / "words"])(scope, receive, send))
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["field"] == "body"


def test_nothing_undoes_the_end_of_a_request() -> None:
    async def lose_client() -> None:
        job = TextJob(ServedModel.read("words", STORED / "words"), TextsBody(texts=[TEXT]))
        job.deliver([], is_last=True, fault=ConnectionError())
        job.deliver(["a part that was at work meanwhile"], is_last=False)
        with pytest.raises(ConnectionError):
            await anext(job.pieces())

    asyncio.run(lose_client())


def test_the_command_line_bears_what_the_library_does() -> None:
    usual = inspect.signature(cli_serve).parameters
    limits = Limits()
    assert usual["queue"].default == limits.queue
    assert limits.body == MAX_BODY
    assert usual["timeout"].default == limits.timeout


def test_more_requests_than_fit_are_told_to_come_again() -> None:
    with open_client(Limits(body=1 << 24, queue=2)) as client, ThreadPoolExecutor(12) as pool:
        body = {"texts": [TEXT * (200_000 // len(TEXT))]}
        answers = list(pool.map(lambda _: client.post("/predict", json=body), range(12)))
        assert {answer.status_code for answer in answers} == {200, 429}
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert refused.headers["retry-after"] == "1"
        assert client.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200),
        ("localhost", 200),
        ("LOCALHOST:80", 200),
        ("[::1]:8080", 200),
        ("10.2.3.4", 200),
        ("tagger.example:80", 200),
        ("evil.example", 400),
        ("127.0.0.1.evil.example", 400),
        ("", 400),
    ],
)
def test_only_our_own_names_are_answered(host: str, status: int) -> None:
    with open_client(Limits(hosts=("tagger.example",))) as client:
        answer = client.get("/health", headers={"Host": host})
        assert answer.status_code == status
        if status == 400:
            assert answer.json()["field"] == "Host"


def test_pages_of_other_origins_are_answered_only_if_they_are_named() -> None:
    body = {"texts": ["Ada"]}
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    with open_client() as client:
        assert client.post("/predict", json=body, headers={"Origin": "https://a.example"}).status_code == 403
        assert client.post("/predict", json=body, headers={"Origin": "null"}).status_code == 403
        same = client.post("/predict", json=body, headers={"Origin": "http://127.0.0.1"})
        assert same.status_code == 200
        assert "access-control-allow-origin" not in same.headers
    with open_client(Limits(origins=("*",), allows_reload=True)) as client:
        assert client.post("/predict", json=body, headers={"Origin": "https://b.example"}).status_code == 200
        assert client.post("/reload", headers={"Origin": "https://b.example"}).status_code == 403
        assert client.post("/reload").status_code == 200
    with open_client(Limits(origins=("https://a.example",))) as client:
        answer = client.post("/predict", json=body, headers={"Origin": "https://a.example"})
        assert answer.headers["access-control-allow-origin"] == "https://a.example"
        before = client.options("/predict", headers=asked)
        assert before.headers["access-control-allow-origin"] == "https://a.example"
        assert client.post("/predict", json=body, headers={"Origin": "https://b.example"}).status_code == 403


def test_it_tells_of_itself_and_its_models(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/ready").json() == {"status": "ready"}
    listed = client.get("/models").json()["models"]
    assert [each["name"] for each in listed] == ["words", "zh"]
    assert listed[0]["types"] == load(STORED / "words").types
    assert client.get("/version").json()["models"]["words"] == listed[0]["sha256"]
    found = client.get("/models/words").json()
    tags = found["transitions"]["tags"]
    assert len(found["transitions"]["moves"]) == len(found["transitions"]["moves"][0]) == len(tags)
    assert client.get("/models/fr").status_code == 404
    assert client.get("/nowhere").json() == {"error": "Not Found", "field": None}
    assert client.get("/predict").status_code == 405
    assert client.post("/reload").status_code == 404, "nobody allowed it"
    described = client.get("/openapi.json").json()
    assert "texts" in json.dumps(described["paths"]["/predict"]["post"])


def test_metrics_count_what_was_asked_and_found() -> None:
    with open_client() as client:
        found = client.post("/predict", json={"texts": [TEXT]}).json()["results"][0]
        client.post("/predict", json={})
        client.get("/some/words/of/a/text")
        told = client.get("/metrics").text
    spans = [span for sentence in found for span in sentence["spans"]]
    assert spans
    assert f'tagger_sentences_total{{model="words"}} {len(found)}.0' in told
    assert f'tagger_tokens_total{{model="words"}} {sum(len(each["tokens"]) for each in found)}.0' in told
    kind = spans[0]["type"]
    count = sum(span["type"] == kind for span in spans)
    assert f'tagger_spans_total{{model="words",type="{kind}"}} {count}.0' in told
    assert f'tagger_span_confidence_count{{model="words"}} {len(spans)}.0' in told
    assert 'tagger_requests_total{method="POST",path="/predict",status="422"} 1.0' in told
    assert 'path="other",status="404"' in told
    assert "some" not in told


def test_a_model_trained_anew_is_taken_without_a_restart(tmp_path: Path) -> None:
    from shutil import copytree

    place = tmp_path / "model"
    copytree(STORED / "words", place)
    with open_client(Limits(allows_reload=True), {"model": place}) as client:
        assert client.post("/reload").json() == {"changed": []}
        before = client.get("/models").json()["models"][0]["types"]
        (place / "vocab.json").write_bytes(b"{}")
        broken = client.post("/predict", json={"texts": [TEXT]})
        assert broken.status_code == 200
        copytree(STORED / "characters", place, dirs_exist_ok=True)
        assert client.post("/reload").json() == {"changed": ["model"]}
        after = client.get("/models").json()["models"][0]["types"]
        assert after == load(STORED / "characters").types != before
        (place / "model.safetensors").write_bytes(b"")
        failed = client.post("/reload")
        assert failed.status_code == 500
        assert "the old models stay" in failed.json()["error"]
        assert client.post("/predict", json={"texts": ["李"]}).status_code == 200
        assert 'tagger_reloads_total{outcome="failed"} 1.0' in client.get("/metrics").text


def test_models_have_names_of_their_own(tmp_path: Path) -> None:
    assert list(name_models(["a/en", "zh=b/en"])) == ["en", "zh"]
    with pytest.raises(ConfigError, match="both called en"):
        name_models(["a/en", "b/en"])
    with pytest.raises(ConfigError, match="found no model"):
        name_models([])
    with pytest.raises(ModelError, match="is missing"):
        create_app([tmp_path])
