"""The CRF beside pytorch-crf: losses with gradients, decoding, marginals, n-best, and peak memory.

    python benchmarks/crf.py [--rounds N] [--no-memory | --no-time]
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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from report.figures import Row
from report.rows import add_option, print_rows
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


def compare(work: Work, rounds: int, device: str) -> Iterator[Row]:
    """Yield the rows of one batch shape: milliseconds, and how many times as long pytorch-crf takes."""
    is_gpu = device != "cpu"
    batch, ours = make_batch(work, device), CRF(work.K).to(device)
    theirs = None if torchcrf is None else torchcrf.CRF(work.K).to(device)
    for name, (question, is_shared) in (GPU_QUESTIONS if is_gpu else QUESTIONS).items():
        crfs = [ours, theirs] if is_shared and theirs is not None else [ours]
        runs = [lambda crf=crf, ask=question: ask(crf, batch) for crf in crfs]
        times = median_times(runs, rounds, device_seconds if is_gpu else processor_seconds)
        both = len(times) == 2
        yield {
            "batch": str(work),
            "question": name,
            "beside": "pytorch-crf" if both else None,
            "ours": round(times[0] * 1e3, 3),
            "theirs": round(times[1] * 1e3, 3) if both else None,
            "ratio": round(times[1] / times[0], 2) if both else None,
        }


def peak_megabytes(work: Work, question: str, library: str) -> int | None:
    """Run one question in a process of its own; return by how much its peak memory grew."""
    command = [sys.executable, __file__, "--measure", ",".join(map(str, work[:3])), question, library]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    return int(finished.stdout) if finished.returncode == 0 else None


def compare_memory() -> Iterator[Row]:
    """Yield by how many MB each question makes the peak memory grow."""
    for work in MEMORY_WORKS:
        for name, (_, is_shared) in QUESTIONS.items():
            if name != "decoding + confidence":
                yield {
                    "batch": str(work),
                    "question": name,
                    "emissions": round(work.B * work.T * work.K * 4 / 2**20),
                    "ours": peak_megabytes(work, name, "tagger"),
                    "theirs": peak_megabytes(work, name, "pytorch-crf") if is_shared and torchcrf else None,
                }


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
    parser.add_argument("--no-time", action="store_true", help="leave out the times")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where the batches are")
    add_option(parser)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.measure:
        measure(*options.measure)
        return
    is_gpu = options.device == "cuda"
    if is_gpu and not torch.cuda.is_available():
        print("no GPU here: PyTorch finds no CUDA device; without --device cuda the CPU is measured")
        return
    if is_gpu:
        device = torch.device("cuda", torch.cuda.current_device())
        obstacle = kernels.obstacle(device)
        road = "Triton's kernels" if obstacle is None else f"operators, since {obstacle}"
        print(f"{torch.cuda.get_device_name(device)}, by {road}")
    if not options.no_time:
        works = GPU_WORKS if is_gpu else WORKS
        rows = (row for work in works for row in compare(work, options.rounds, options.device))
        print_rows("crf", rows, as_json=options.as_json)
    if not (is_gpu or options.no_memory):
        print_rows("memory", compare_memory(), as_json=options.as_json)


if __name__ == "__main__":
    main()
