"""The CRF beside pytorch-crf, one thread: losses with gradients, decoding, marginals, n-best, and peak memory.

    python benchmarks/crf.py [--rounds N] [--no-memory]

Times are processor time of the one thread. The two libraries take turns, a few calls each, so that a busy machine
slows both; the medians are compared. pytorch-crf (`pip install pytorch-crf`) is left out of the table if it is
missing. It has neither marginals nor n-best.
"""

from __future__ import annotations

import argparse
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from tagger.model.crf import CRF

try:
    import torchcrf
except ImportError:
    torchcrf = None


class Work(NamedTuple):
    """One batch: B sentences of up to T tokens with K tags."""

    B: int
    T: int
    K: int
    is_ragged: bool

    def __str__(self) -> str:
        return f"{self.B} x {self.T} x {self.K}{' ragged' if self.is_ragged else ''}"


WORKS = (
    Work(32, 50, 17, False),
    Work(32, 50, 17, True),
    Work(32, 50, 9, False),
    Work(32, 50, 9, True),
    Work(8, 50, 200, False),
    Work(128, 30, 17, True),
)
TURN = 5  # counted calls before it is the other library's turn
MEMORY_WORKS = (Work(1, 10_000, 50, False), Work(32, 100, 1000, False))


class Batch(NamedTuple):
    emissions: Tensor  # (T, B, K)
    tags: Tensor  # (T, B)
    lengths: Tensor  # (B,)
    mask: Tensor  # (T, B)


def make_batch(work: Work) -> Batch:
    torch.manual_seed(0)
    B, T, K, is_ragged = work
    lengths = torch.randint(1, T + 1, (B,)) if is_ragged else torch.full((B,), T)
    lengths[0] = T
    mask = torch.arange(T).unsqueeze(1) < lengths
    return Batch(torch.randn(T, B, K, requires_grad=True), torch.randint(K, (T, B)), lengths, mask)


def loss_with_gradients(crf: Any, batch: Batch) -> None:
    batch.emissions.grad = None
    crf.zero_grad()
    (-crf(batch.emissions, batch.tags, batch.mask)).backward()


def decode(crf: Any, batch: Batch) -> None:
    with torch.no_grad():
        crf.decode(batch.emissions, batch.mask)


def marginals(crf: Any, batch: Batch) -> None:
    crf.marginals(batch.emissions, batch.lengths)


def decode_with_confidence(crf: Any, batch: Batch) -> None:
    """Decode, and ask for the probability of every token's tag and of each whole sentence."""
    tags = crf.viterbi(batch.emissions, batch.lengths)
    posterior = crf.posterior(batch.emissions, batch.lengths)
    posterior.sequences(tags)


def ten_best(crf: Any, batch: Batch) -> None:
    crf.nbest(batch.emissions, batch.lengths, 10)


QUESTIONS: dict[
    str, tuple[Callable[[Any, Batch], None], bool]
] = {  # what to run, and whether pytorch-crf can
    "loss + gradients": (loss_with_gradients, True),
    "decoding": (decode, True),
    "marginals": (marginals, False),
    "decoding + confidence": (decode_with_confidence, False),
    "10-best": (ten_best, False),
}


def median_times(runs: list[Callable[[], None]], rounds: int) -> list[float]:
    """Return the median processor seconds of each run; they take turns, the first call of a turn is not counted."""
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for run, seconds in zip(runs, times, strict=True):
            run()
            for _ in range(TURN):
                begin = time.process_time()
                run()
                seconds.append(time.process_time() - begin)
    return [statistics.median(seconds) for seconds in times]


def compare(work: Work, rounds: int) -> list[list[str]]:
    """Return the table rows of one batch shape."""
    batch, ours = make_batch(work), CRF(work.K)
    theirs = None if torchcrf is None else torchcrf.CRF(work.K)
    rows = []
    for name, (question, is_shared) in QUESTIONS.items():
        crfs = [ours, theirs] if is_shared and theirs is not None else [ours]
        times = median_times([lambda crf=crf, ask=question: ask(crf, batch) for crf in crfs], rounds)
        both = len(times) == 2
        rows.append(
            [
                str(work),
                name,
                f"{times[0] * 1e3:.2f}",
                f"{times[1] * 1e3:.2f}" if both else "",
                f"{times[1] / times[0]:.1f}x" if both else "",
            ]
        )
    return rows


def peak_megabytes(work: Work, question: str, library: str) -> str:
    """Run one question in a process of its own; return by how much its peak memory grew."""
    command = [sys.executable, __file__, "--measure", ",".join(map(str, work[:3])), question, library]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    return finished.stdout.strip() if finished.returncode == 0 else "failed"


def measure(shape: str, question: str, library: str) -> None:
    """Print the growth of this process's peak memory (MB) while it answers one question."""
    work = Work(*map(int, shape.split(",")), is_ragged=False)
    kind = CRF if library == "tagger" else torchcrf.CRF
    ask = QUESTIONS[question][0]
    ask(kind(3), make_batch(Work(2, 3, 3, False)))
    crf, batch = kind(work.K), make_batch(work)
    before = peak_kilobytes()
    ask(crf, batch)
    print(f"{(peak_kilobytes() - before) / 1024:.0f}")


def peak_kilobytes() -> int:
    """Return the largest resident size that this process has had."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss begins with what the parent process had
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"))[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10, help="repetitions of each measurement")
    parser.add_argument("--no-memory", action="store_true", help="leave out the memory of large batches")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.measure:
        measure(*options.measure)
        return
    console = Console()
    table = Table(
        "batch (B x T x K)", "question", "tagger ms", "pytorch-crf ms", "ratio", title="median processor time"
    )
    for work in WORKS:
        for row in compare(work, options.rounds):
            table.add_row(*row, end_section=row[1] == "10-best")
    console.print(table)
    if options.no_memory:
        return
    table = Table(
        "batch (B x T x K)", "question", "emissions MB", "tagger MB", "pytorch-crf MB", title="peak memory"
    )
    for work in MEMORY_WORKS:
        for name, (_, is_shared) in QUESTIONS.items():
            if name == "decoding + confidence":
                continue
            theirs = peak_megabytes(work, name, "pytorch-crf") if is_shared and torchcrf else ""
            size = f"{work.B * work.T * work.K * 4 / 2**20:.0f}"
            table.add_row(str(work), name, size, peak_megabytes(work, name, "tagger"), theirs)
    console.print(table)


if __name__ == "__main__":
    main()
