"""Requests a second and their latency: `tagger serve` under load, beside the same model called one text at a time.

    python benchmarks/serve.py MODEL [--corpus FILE] [--clients 1 8 64] [--seconds 10] [--workers 1]
    python benchmarks/serve.py MODEL --soak 200000 --clients 64

Each client keeps a connection open and sends its next request when its last one is answered (a closed loop); a
request is a text of two sentences, and the texts differ. Clients and server share this machine, so the clients are
written to cost little. `--soak` sends so many requests instead, and watches the server's memory and every answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from report.figures import Row
from report.rows import add_option, print_rows

from tagger import load, read_corpus
from tagger.runtime.tagger import Tagger
from tagger.text.counting import count_of

try:
    from uvloop import run
except ImportError:
    from asyncio import run

DATA = Path(__file__).parents[1] / "data"


class Client(asyncio.Protocol):
    """A connection that asks again as soon as it is answered.

    Args:
        load: what is shared by all clients.
        number: of this one.
    """

    def __init__(self, load: Load, number: int) -> None:
        self.load = load
        self.next = number
        self.buffer = bytearray()
        self.wanted = -1
        self.asked = 0.0
        self.is_done = False

    def connection_made(self, transport: Any) -> None:
        """Ask for the first time."""
        self.transport = transport
        self.load.open += 1
        self.ask()

    def ask(self) -> None:
        """Send the next request, if there is to be one."""
        if not self.load.wants_more():
            self.is_done = True
            self.transport.close()
            return
        self.next = (self.next + 1) % len(self.load.requests)
        self.asked = time.perf_counter()
        self.transport.write(self.load.requests[self.next])

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer."""
        self.buffer += data
        if self.wanted < 0:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self.buffer[:end]).lower()
            length = re.search(rb"content-length: (\d+)", head)
            assert length is not None, head
            self.is_good = head.startswith(b"http/1.1 200")
            self.wanted = end + 4 + int(length[1])
        if len(self.buffer) >= self.wanted:
            self.load.note(time.perf_counter() - self.asked, is_good=self.is_good)
            self.buffer.clear()
            self.wanted = -1
            self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        """Count a connection that the server closed."""
        self.load.open -= 1
        self.load.lost += not self.is_done
        if self.load.open == 0 and not self.load.ended.done():
            self.load.ended.set_result(None)


class Load:
    """What several clients send, and what came of it."""

    def __init__(self, requests: list[bytes], *, seconds: float, most: int | None = None) -> None:
        self.requests = requests
        self.until = time.perf_counter() + seconds
        self.left = most
        self.latencies: list[float] = []
        self.faults = self.lost = self.open = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wants_more(self) -> bool:
        """Say whether another request is to be sent."""
        return time.perf_counter() < self.until and (
            self.left is None or len(self.latencies) + self.open <= self.left
        )

    def note(self, seconds: float, *, is_good: bool) -> None:
        """Count an answer."""
        self.latencies.append(seconds)
        self.faults += not is_good


class Outcome(NamedTuple):
    """What a load came to."""

    rate: float  # requests a second
    p50: float  # milliseconds
    p99: float
    faults: int


async def run_load(
    port: int, requests: list[bytes], clients: int, seconds: float, most: int | None = None
) -> Outcome:
    """Send requests from so many clients for so long, or so many."""
    load = Load(requests, seconds=seconds, most=most)
    began = time.perf_counter()
    loop = asyncio.get_running_loop()
    step = max(1, len(requests) // clients)
    for number in range(clients):
        await loop.create_connection(lambda place=number * step: Client(load, place), "127.0.0.1", port)  # type: ignore[misc]
    await load.ended
    elapsed = time.perf_counter() - began
    found = sorted(load.latencies)
    p99 = found[int(0.99 * (len(found) - 1))]
    return Outcome(len(found) / elapsed, 1000 * statistics.median(found), 1000 * p99, load.faults + load.lost)


def pair_sentences(corpus: Path, blank: str, most: int = 500) -> list[str]:
    """Return texts of two sentences each."""
    sentences = [blank.join(sentence.tokens) for sentence in read_corpus(corpus).sentences]
    pairs = zip(sentences[::2], sentences[1::2], strict=False)
    return [f"{first} {second}" for first, second in pairs][:most]


def render(text: str) -> bytes:
    """Return a whole request."""
    body = json.dumps({"texts": [text]}, ensure_ascii=False).encode()
    head = (
        "POST /predict HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join([*head, "", ""]).encode() + body


class Server:
    """`tagger serve` in a process of its own."""

    def __init__(self, model: Path, workers: int) -> None:
        command = [sys.executable, "-m", "tagger", "serve", str(model), "--port", "0", "--log-format", "json"]
        self.process = subprocess.Popen(
            [*command, "--workers", str(workers), "--queue", "4096"],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        self.port = int(json.loads(line)["url"].rpartition(":")[2])
        self.drain = subprocess.Popen(["cat"], stdin=self.process.stderr, stdout=subprocess.DEVNULL)

    def memory(self) -> float:
        """Return the resident memory of all its processes in MB; what they share is counted once."""
        total = 0
        for process in (self.process.pid, *self._children()):
            found = Path(f"/proc/{process}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss:\s+(\d+)", found, re.MULTILINE)[1])  # type: ignore[index]
        return total / 1024

    def seconds(self) -> float:
        """Return the time of processors that it has used."""
        ticks = 0
        for process in (self.process.pid, *self._children()):
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def _children(self) -> list[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(each) for each in path.read_text().split()]

    def stop(self) -> int:
        """End it; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self.drain.wait(10)
        return code


def run_threads(tagger: Tagger, texts: list[str], seconds: float, threads: int) -> float:
    """Return how many texts a second the model labels for so many threads of Python, one call each."""
    counts = [0] * threads
    until = time.perf_counter() + seconds

    def ask(number: int) -> None:
        while time.perf_counter() < until:
            tagger.predict(texts[(number + counts[number]) % len(texts)])
            counts[number] += 1

    asking = [threading.Thread(target=ask, args=(number,)) for number in range(threads)]
    began = time.perf_counter()
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    return sum(counts) / (time.perf_counter() - began)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument(
        "--corpus", type=Path, default=DATA / "english" / "dev.conll", help="whose sentences are sent"
    )
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--soak", type=int, metavar="N", help="send N requests and watch the memory")
    parser.add_argument("--server-only", action="store_true", help="don't call the model from Python")
    add_option(parser)
    given = parser.parse_args()
    tagger = load(given.model)
    texts = pair_sentences(given.corpus, "" if tagger.model.config.corpus.mode == "characters" else " ")
    requests = [render(text) for text in texts]
    tokens = statistics.mean(sum(len(s.tokens) for s in tagger.predict(text)) for text in texts[:100])
    print(f"{given.model}: {len(texts)} texts of two sentences, {tokens:.0f} tokens each")
    if given.soak:
        soak(given.model, requests, given.clients[-1], given.soak, given.workers)
        return
    print_rows("server", compare(given, tagger, texts, requests), as_json=given.as_json)


def compare(
    given: argparse.Namespace, tagger: Tagger, texts: list[str], requests: list[bytes]
) -> Iterator[Row]:
    """Yield a row for each number of threads that call the model, and of clients that ask the server."""
    for threads in sorted({1, *given.clients} if not given.server_only else ()):
        rate = run_threads(tagger, texts, given.seconds, threads)
        yield {"what": f"the model called from {count_of(threads, 'thread')} of Python", "rate": round(rate)}
    server = Server(given.model, given.workers)
    run(run_load(server.port, requests, 8, 2.0))  # warm
    for clients in given.clients:
        used = server.seconds()
        found = run(run_load(server.port, requests, clients, given.seconds))
        used = 1000 * (server.seconds() - used) / (found.rate * given.seconds)
        processes = count_of(given.workers, "process", "processes")
        yield {
            "what": f"tagger serve, {processes}, {count_of(clients, 'client')}",
            "rate": round(found.rate),
            "p50": round(found.p50, 2),
            "p99": round(found.p99, 2),
            "processor": round(used, 3),
            "faults": found.faults,
        }
    if code := server.stop() != 143:
        raise SystemExit(f"error: the server ended with {code}, expected 143, as SIGTERM has it")


def soak(model: Path, requests: list[bytes], clients: int, count: int, workers: int) -> None:
    """Send many requests in ten parts, and print the memory after each."""
    server = Server(model, workers)
    print(f"{'requests':>9} {'requests/s':>11} {'p99 ms':>8} {'faults':>7} {'memory MB':>10}")
    print(f"{0:>9} {'':>11} {'':>8} {'':>7} {server.memory():>10.1f}")
    for part in range(1, 11):
        found = run(run_load(server.port, requests, clients, 1e9, count // 10))
        print(
            f"{part * (count // 10):>9,} {found.rate:>11,.0f} {found.p99:>8.1f} {found.faults:>7} "
            f"{server.memory():>10.1f}"
        )
    print(f"ended by SIGTERM with {server.stop()}")


if __name__ == "__main__":
    main()
