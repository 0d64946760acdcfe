"""The CRF beside pytorch-crf: losses with gradients, decoding, marginals, n-best, and peak memory.

    python benchmarks/crf.py [--rounds N] [--no-memory]
    python benchmarks/crf.py --device cuda [--rounds N]

On a CPU times are processor time of one thread. On a GPU they are the time from the first thing that the device is
given to the last that it finishes, between two CUDA events, after calls that compile the kernels. The two libraries
take turns, a few calls each, so that a busy machine slows both; the medians are compared. pytorch-crf (`pip install
pytorch-crf`) is left out of the table if it is missing. It has neither marginals nor n-best.
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

from tagger.model.crf import CRF, kernels

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
GPU_WORKS = (
    Work(32, 50, 17, False),
    Work(32, 50, 17, True),
    Work(1024, 30, 17, True),
    Work(32, 512, 17, False),
    Work(32, 50, 100, False),
)
TURN = 5  # counted calls before it is the other library's turn
MEMORY_WORKS = (Work(1, 10_000, 50, False), Work(32, 100, 1000, False))


class Batch(NamedTuple):
    emissions: Tensor  # (T, B, K)
    tags: Tensor  # (T, B)
    lengths: Tensor  # (B,)
    mask: Tensor  # (T, B)


def make_batch(work: Work, device: str = "cpu") -> Batch:
    """Return the same batch on every device."""
    torch.manual_seed(0)
    B, T, K, is_ragged = work
    lengths = torch.randint(1, T + 1, (B,)) if is_ragged else torch.full((B,), T)
    lengths[0] = T
    mask = torch.arange(T).unsqueeze(1) < lengths
    tensors = torch.randn(T, B, K), torch.randint(K, (T, B)), lengths, mask
    emissions, *others = (tensor.to(device) for tensor in tensors)
    return Batch(emissions.requires_grad_(), *others)


def loss_with_gradients(crf: Any, batch: Batch) -> None:
    batch.emissions.grad = None
    crf.zero_grad()
    (-crf(batch.emissions, batch.tags, batch.mask)).backward()


def step_of_training(crf: Any, batch: Batch) -> None:
    """Compute the same with time-major tensors and lengths, which nobody checks; pytorch-crf has one way only."""
    if not isinstance(crf, CRF):
        return loss_with_gradients(crf, batch)
    batch.emissions.grad = None
    crf.zero_grad()
    return crf.negative_log_likelihood(batch.emissions, batch.tags, batch.lengths).sum().backward()


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
GPU_QUESTIONS = {
    "loss + gradients": (loss_with_gradients, True),
    "loss + gradients, unchecked": (step_of_training, True),
    "decoding": (decode, True),
    "marginals": (marginals, False),
}


def processor_seconds(run: Callable[[], None]) -> float:
    begin = time.process_time()
    run()
    return time.process_time() - begin


def device_seconds(run: Callable[[], None]) -> float:
    torch.cuda.synchronize()
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    run()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1000


def median_times(
    runs: list[Callable[[], None]], rounds: int, measure_seconds: Callable[[Callable[[], None]], float]
) -> list[float]:
    """Return the median seconds of each run; they take turns, the first call of a turn is not counted."""
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for run, seconds in zip(runs, times, strict=True):
            run()
            seconds += [measure_seconds(run) for _ in range(TURN)]
    return [statistics.median(seconds) for seconds in times]


def compare(work: Work, rounds: int, device: str) -> list[list[str]]:
    """Return the table rows of one batch shape."""
    is_gpu = device != "cpu"
    batch, ours = make_batch(work, device), CRF(work.K).to(device)
    theirs = None if torchcrf is None else torchcrf.CRF(work.K).to(device)
    rows = []
    for name, (question, is_shared) in (GPU_QUESTIONS if is_gpu else QUESTIONS).items():
        crfs = [ours, theirs] if is_shared and theirs is not None else [ours]
        runs = [lambda crf=crf, ask=question: ask(crf, batch) for crf in crfs]
        times = median_times(runs, rounds, device_seconds if is_gpu else processor_seconds)
        both = len(times) == 2
        rows.append(
            [
                str(work),
                name,
                f"{times[0] * 1e3:.3f}" if is_gpu else f"{times[0] * 1e3:.2f}",
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
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where the batches are")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.measure:
        measure(*options.measure)
        return
    is_gpu = options.device == "cuda"
    if is_gpu and not torch.cuda.is_available():
        print("no GPU here: PyTorch finds no CUDA device; without --device cuda the CPU is measured")
        return
    console = Console()
    title = "median processor time"
    if is_gpu:
        device = torch.device("cuda", torch.cuda.current_device())
        obstacle = kernels.obstacle(device)
        road = "Triton's kernels" if obstacle is None else f"operators, since {obstacle}"
        title = f"median time on {torch.cuda.get_device_name(device)}, by {road}"
    table = Table("batch (B x T x K)", "question", "tagger ms", "pytorch-crf ms", "ratio", title=title)
    for work in GPU_WORKS if is_gpu else WORKS:
        rows = compare(work, options.rounds, options.device)
        for row in rows:
            table.add_row(*row, end_section=row is rows[-1])
    console.print(table)
    if is_gpu or options.no_memory:
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
