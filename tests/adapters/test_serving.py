"""`tagger serve` as a process: signals, several processes, what is logged, and what can't be served."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn")
pytestmark = pytest.mark.slow

STORED = Path(__file__).parents[1] / "stored"
TEXT = (STORED / "words" / "text.txt").read_text(encoding="utf-8")
SECRET = "Zzyzxson"


class Served:
    """A server in a process of its own; what it says on stderr is read as it comes."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "tagger", "serve", *arguments, "--port", "0", "--log-format", "json"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.lines: list[dict[str, Any]] = []
        assert self.process.stderr is not None
        self.raw = ""
        self._connections: list[HTTPConnection] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        wait_for(lambda: any(line["event"] == "serving" for line in self.lines))
        self.port = int(self.lines[0]["url"].rpartition(":")[2])
        wait_for(self._answers)

    def _read(self) -> None:
        for line in self.process.stderr or ():
            self.raw += line
            self.lines.append(json.loads(line))

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, HTTPException):
            return self.get("/ready")[0] == 200
        return False

    def connect(self) -> HTTPConnection:
        self._connections.append(HTTPConnection("127.0.0.1", self.port, timeout=30))
        return self._connections[-1]

    def get(self, path: str) -> tuple[int, str]:
        connection = self.connect()
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def predict(self, connection: HTTPConnection | None = None, *texts: str) -> Any:
        connection = connection or self.connect()
        body = json.dumps({"texts": texts or [TEXT]})
        connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status == 200, content
        return json.loads(content)

    @property
    def children(self) -> list[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(each) for each in path.read_text().split()]

    def end(self, number: int = signal.SIGTERM) -> int:
        for each in self._connections:
            each.close()  # or the server waits for them to idle
        self.process.send_signal(number)
        code = self.process.wait(30)
        self._reader.join(10)
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(10)
        for each in (*self._connections, self.process.stderr):
            assert each is not None
            each.close()


def wait_for(is_true: Callable[[], bool], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.01)


def _has_read(served: Served, times: int) -> bool:
    return [line["event"] for line in served.lines].count("models read anew") >= times


def _is_gone(process: int) -> bool:
    return not Path(f"/proc/{process}").exists()


@contextlib.contextmanager
def serving(*arguments: str) -> Iterator[Served]:
    served = Served(*arguments)
    try:
        yield served
    finally:
        served.close()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_lets_requests_at_work_come_to_their_end(number: int, code: int) -> None:
    with serving(str(STORED / "words"), "--max-body", "4000000") as served:
        found: list[Any] = []
        long = TEXT * (600_000 // len(TEXT))
        asking = threading.Thread(target=lambda: found.append(served.predict(None, long)))
        asking.start()
        wait_for(lambda: "tagger_requests_in_progress 2" in served.get("/metrics")[1])
        assert served.end(number) == code
        asking.join(30)
        assert found
        assert found[0]["results"][0][-1]["end"] > 590_000
        with pytest.raises(OSError):
            served.get("/health")


def test_a_connection_in_use_is_told_to_close_when_the_server_ends() -> None:
    with serving(str(STORED / "words")) as served:
        connection = served.connect()
        served.predict(connection)
        served.process.send_signal(signal.SIGTERM)
        wait_for(lambda: any(line["event"] == "ending" for line in served.lines))
        connection.request("GET", "/ready")
        answer = connection.getresponse()
        assert (answer.status, answer.headers["connection"]) == (503, "close")
        answer.read()
        assert served.process.wait(10) == 143


def test_hangup_reads_the_models_anew_and_drops_no_request(tmp_path: Path) -> None:
    place = tmp_path / "model"
    shutil.copytree(STORED / "words", place)
    with serving(str(place)) as served:
        faults: list[Exception] = []
        stop = threading.Event()

        def ask() -> None:
            connection = served.connect()
            while not stop.is_set():
                try:
                    served.predict(connection, "Ada met Li.")
                except Exception as error:
                    faults.append(error)
                    return

        asking = [threading.Thread(target=ask) for _ in range(4)]
        for thread in asking:
            thread.start()
        before = json.loads(served.get("/version")[1])["models"]["model"]
        for times, source in enumerate(("characters", "words", "characters"), 1):
            shutil.copytree(STORED / source, place, dirs_exist_ok=True)
            served.process.send_signal(signal.SIGHUP)
            wait_for(partial(_has_read, served, times))
        assert json.loads(served.get("/version")[1])["models"]["model"] != before
        stop.set()
        for thread in asking:
            thread.join(10)
        assert not faults
        assert served.end() == 143


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
def test_a_process_that_is_killed_loses_only_what_it_held_and_is_replaced() -> None:
    with serving(str(STORED / "words"), "--workers", "2") as served:
        wait_for(lambda: len(served.children) == 2)
        lost = 0
        for round_ in range(40):
            if round_ == 10:
                os.kill(served.children[0], signal.SIGKILL)
            try:
                assert served.predict()["results"][0]
            except (OSError, HTTPException):
                lost += 1
        assert lost <= 1
        wait_for(lambda: len(served.children) == 2)
        replaced = [line for line in served.lines if "takes its place" in line["event"]]
        assert [line["status"] for line in replaced] == [-signal.SIGKILL]
        told = served.get("/metrics")[1]
        answered = re.search(r'requests_total\{method="POST",path="/predict",status="200"\} (\S+)', told)
        assert answered is not None
        assert float(answered[1]) >= 40 - lost - 1, "all processes count together"
        children = served.children
        assert served.end() == 143
        for process in children:
            wait_for(partial(_is_gone, process))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
def test_processes_end_when_nobody_looks_after_them() -> None:
    with serving(str(STORED / "words"), "--workers", "2") as served:
        wait_for(lambda: len(served.children) == 2)
        children = served.children
        served.process.kill()
        for process in children:
            wait_for(partial(_is_gone, process))


def test_no_word_of_a_text_is_logged() -> None:
    with serving(str(STORED / "words")) as served:
        served.predict(None, f"{SECRET} met Li.")
        connection = served.connect()
        connection.request("POST", "/predict", json.dumps({SECRET: 1}), {"Content-Type": "application/json"})
        assert connection.getresponse().status == 422
        served.get(f"/{SECRET}?q={SECRET}")
        assert served.end() == 143
        assert SECRET not in served.raw
        requests = [line for line in served.lines if line["event"] == "request"]
        assert {"time", "level", "method", "path", "status", "ms", "bytes_in", "bytes_out"} <= set(
            requests[-1]
        )


def test_a_log_that_nobody_reads_stops_nothing() -> None:
    command = [
        sys.executable,
        "-m",
        "tagger",
        "serve",
        str(STORED / "words"),
        "--port",
        "0",
        "--log-format",
        "json",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        port = int(json.loads(process.stderr.readline())["url"].rpartition(":")[2])
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        for _ in range(1500):
            connection.request("GET", "/models")
            assert len(connection.getresponse().read()) > 100
        connection.close()
        process.terminate()
        assert process.wait(20) == 143
        process.stderr.read()


def run(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "tagger", "serve", *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_what_cannot_be_served_is_said_in_one_line(tmp_path: Path) -> None:
    code, told = run(str(tmp_path), "--port", "0")
    assert code == 1
    assert told.startswith("error: ")
    assert len(told.splitlines()) == 1
    words = str(STORED / "words")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, told = run(words, "--port", port)
        assert code == 1
        assert f"127.0.0.1:{port}" in told
        assert "--port" in told
    code, told = run(words, words)
    assert (code, "both called words" in told) == (1, True)
    code, told = run(words, "--host", "no.such.name.invalid")
    assert code == 1
    assert "no.such.name.invalid" in told
    code, told = run(words, "--host", "a..b")
    assert (code, "a..b" in told) == (1, True)
    assert run()[0] == 2
    assert run(words, "--port", "99999")[0] == 2


def read_all(connection: socket.socket) -> bytes:
    found = b""
    connection.settimeout(20)
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(65536):
            found += part
    return found


def test_connections_that_send_no_whole_head_are_closed() -> None:
    with serving(str(STORED / "words")) as served:
        address = ("127.0.0.1", served.port)
        with socket.create_connection(address) as silent, socket.create_connection(address) as slow:
            slow.sendall(b"GET /health HTTP/1.1\r\nHost: 127")
            began = time.monotonic()
            assert (read_all(silent), read_all(slow)) == (b"", b"")
            assert 5 < time.monotonic() - began < 20
        with socket.create_connection(address) as large:
            with contextlib.suppress(ConnectionError):
                for _ in range(100):
                    large.sendall(b"GET /health HTTP/1.1\r\nX: " + b"x" * (1 << 20))
            assert read_all(large)[:12] in (b"HTTP/1.1 431", b"")
        with socket.create_connection(address) as odd:
            odd.sendall(
                b"POST /predict HTTP/1.1\r\nHost: [::1]\r\nContent-Length: " + b"0" * 5000 + b"\r\n\r\n"
            )
            assert read_answer(odd).startswith(b"HTTP/1.1 4")
        with socket.create_connection(address) as early:
            early.sendall(b"POST /predict HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 100\r\n\r\n")
            assert read_answer(early).startswith(b"HTTP/1.1 400")
            early.sendall(b"x")
            assert read_all(early) == b""
        with socket.create_connection(address) as refused:
            refused.sendall(b"POST /predict HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 900000\r\n\r\n")
            assert read_answer(refused).startswith(b"HTTP/1.1 400")
            refused.sendall(b"x" * 900_000 + b"GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert read_answer(refused).startswith(b"HTTP/1.1 200"), "the rest of a body is no head"
        assert served.get("/health")[0] == 200


def read_answer(connection: socket.socket) -> bytes:
    found = b""
    connection.settimeout(20)
    while not found.endswith(b"}"):
        found += connection.recv(65536)
    return found


def test_a_client_that_sends_too_much_reads_why() -> None:
    with serving(str(STORED / "words"), "--max-body", "1000") as served:
        connection = served.connect()
        body = json.dumps({"texts": ["x" * 20_000_000]})
        connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 413
        assert json.loads(answer.read())["field"] == "body"


def test_a_client_that_goes_is_not_labelled_for() -> None:
    with serving(str(STORED / "words"), "--max-body", "20000000") as served:
        body = json.dumps({"texts": [TEXT * (10_000_000 // len(TEXT))]}).encode()
        head = (
            "POST /predict HTTP/1.1",
            "Host: localhost",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        )
        with socket.create_connection(("127.0.0.1", served.port)) as gone:
            gone.sendall("\r\n".join([*head, "", ""]).encode() + body)
            time.sleep(0.5)
        wait_for(lambda: 'path="/predict",status="499"' in served.get("/metrics")[1], 30)
        assert served.predict()["results"]
