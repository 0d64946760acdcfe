"""What is launched on a GPU: memory for the kernels, and how many programs and warps they get.

Two launches for a loss (`write_tables`, `forward`), two for its gradient (`backward`, `count_moves`) and some sums;
the tags of the best sequences take three. A program is a sentence, and its K x K matrix stays in registers, so K is
bounded. Few long sentences take one program each, too: no step of a chain can begin before the one before it. The
transitions' gradient alone is a sum over time, and is shared out over time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import triton
from torch import Tensor

from tagger.model.crf.kernels.backward import backward, count_moves
from tagger.model.crf.kernels.forward import forward
from tagger.model.crf.kernels.maxima import best_ways, walk_back
from tagger.model.crf.kernels.tables import write_tables

_WARPS = {16: 1, 32: 1, 64: 4, 128: 16}
"""Warps of a program by the padded number of tags: as few as hold a matrix of doubles in their registers. Only with
128 tags a thread spills, some 120 bytes."""

_TILE = 32
"""Rows and columns of the transitions' gradient that a program adds up."""

_PART = 32
"""Least number of tokens that a program adds up."""

_PROGRAMS = 512
_PARTIAL_SUMS = 1 << 22
"""Bounds on the parts of that sum: enough programs to fill a device, and no more numbers to keep (32 MB)."""


@dataclass(frozen=True, slots=True)
class KernelChain:
    """The scores that sentences share, on the device."""

    tables: Tensor
    K: int
    KP: int  # K padded to a power of two
    d: int  # steps within which two paths can meet; 0: never

    @classmethod
    def of(
        cls, start: Tensor, transitions: Tensor, end: Tensor, possible: Tensor | None, d: int | None
    ) -> KernelChain:
        """Work the tables out from scores (K,), (K, K), (K,) and the packed mask of possible moves."""
        K = len(start)
        KP = max(16, triton.next_power_of_2(K))
        tables = torch.empty(4 * KP * KP + 4 * KP + 2, dtype=torch.float64, device=start.device)
        _launch(
            write_tables, (1,), start.contiguous(), transitions.contiguous(), end.contiguous(),
            tables if possible is None else possible.view(torch.uint8), tables, K,
            KP=KP, ROWS=16, CONSTRAINED=possible is not None, num_warps=4,
        )  # fmt: skip
        return cls(tables, K, KP, d or 0)


@dataclass(frozen=True, slots=True)
class KernelBatch:
    """What the kernels read of B sentences; with allowed sets each may be run twice, without them and within them."""

    emissions: Tensor  # (T, B, K)
    lengths: Tensor  # (B,) int64
    tags: Tensor | None = None  # (T, B) int64, gold
    allowed: Tensor | None = None  # (T, B, K) bool
    both: bool = False  # whether sentences are run without the sets, too

    @property
    def runs(self) -> int:
        return self.emissions.shape[1] * (2 if self.both else 1)

    @property
    def first_within(self) -> int:
        """The first run whose having no tag sequence is a mistake; gold tags are checked by themselves."""
        return self.runs if self.tags is not None else self.runs - self.emissions.shape[1]


@dataclass(frozen=True, slots=True)
class Alphas:
    """What the forward recursion leaves behind."""

    alpha: Tensor  # (T, runs, K) float64
    log_z: Tensor  # (runs,) float64
    roads: Tensor  # (runs,) int32
    faults: Tensor  # (B,) int32
    losses: Tensor  # (B,), if there are gold tags


def run_forward(batch: KernelBatch, chain: KernelChain) -> Alphas:
    """Run the forward recursion of every sentence."""
    T, B, K = batch.emissions.shape
    alpha = torch.empty(T, batch.runs, K, dtype=torch.float64, device=batch.emissions.device)
    found = Alphas(
        alpha,
        log_z=alpha.new_empty(batch.runs),
        roads=alpha.new_empty(batch.runs, dtype=torch.int32),
        faults=alpha.new_empty(B, dtype=torch.int32),
        losses=alpha.new_empty(B, dtype=torch.promote_types(batch.emissions.dtype, torch.float32)),
    )
    _launch(
        forward, (batch.runs,), *_read(batch), chain.tables,
        found.alpha, found.log_z, found.roads, found.faults, found.losses,
        chain.d, batch.first_within, T, B, batch.runs, K, max(math.log(K), 0.5),
        KP=chain.KP, SETS=batch.allowed is not None, GOLD=batch.tags is not None, num_warps=_WARPS[chain.KP],
    )  # fmt: skip
    return found


@dataclass(frozen=True, slots=True)
class Counts:
    """Expected less gold numbers."""

    tags: Tensor  # (T, runs, K)
    start: Tensor | None = None  # (K,) float64
    moves: Tensor | None = None  # (K, K) float64
    end: Tensor | None = None  # (K,) float64


def run_backward(
    batch: KernelBatch,
    chain: KernelChain,
    alphas: Alphas,
    weight: Tensor,
    dtype: torch.dtype,
    with_moves: bool,
) -> Counts:
    """Count how often each score is expected to be used, less how often gold tags use it.

    Args:
        weight: (runs,), what a sentence counts.
        dtype: of the counts of tags.
        with_moves: whether to count starts, moves and ends, too.
    """
    T, B, K = batch.emissions.shape
    runs, device = batch.runs, batch.emissions.device
    tags = torch.zeros(T, runs, K, dtype=dtype, device=device)
    if with_moves:
        gamma, scales = torch.empty_like(alphas.alpha), alphas.alpha.new_empty(T, runs)
        edges = alphas.alpha.new_empty(2, runs, K)
    else:
        gamma = scales = edges = alphas.log_z  # not written
    emissions, step, row, lengths, sets, sets_step, sets_row, gold, gold_step, gold_row = _read(batch)
    _launch(
        backward, (runs,), emissions, step, row, lengths, sets, sets_step, sets_row, gold, gold_step, gold_row,
        weight, weight.stride(0), chain.tables, alphas.alpha, alphas.log_z, alphas.roads, alphas.faults,
        tags, tags.stride(0), tags.stride(1), gamma, scales, edges, batch.first_within, T, B, runs, K,
        KP=chain.KP, SETS=batch.allowed is not None, GOLD=batch.tags is not None, MOVES=with_moves,
        num_warps=_WARPS[chain.KP],
    )  # fmt: skip
    if not with_moves:
        return Counts(tags)
    most = max(1, min(_PROGRAMS, _PARTIAL_SUMS // (K * K)))
    groups = min(runs, most)
    parts = max(1, min(-(-T // _PART), most // groups))
    tiles = -(-K // _TILE)
    moves = alphas.alpha.new_empty(groups * parts, K, K)
    _launch(
        count_moves, (groups * parts, tiles, tiles), alphas.alpha, gamma, scales, alphas.log_z, alphas.roads,
        alphas.faults, lengths, gold, gold_step, gold_row, weight, weight.stride(0), chain.tables, moves,
        T, B, runs, K, groups, -(-T // parts),
        KP=chain.KP, TILE=min(_TILE, chain.KP), GOLD=batch.tags is not None, num_warps=4,
    )  # fmt: skip
    start, end = edges.sum(1).unbind(0)
    return Counts(tags, start, moves.sum(0), end)


def find_best(batch: KernelBatch, chain: KernelChain) -> tuple[Tensor, Tensor]:
    """Return the best tags (T, B) int64, 0 in the padding, and what is wrong with each sentence (B,) int32."""
    T, B, K = batch.emissions.shape
    device = batch.emissions.device
    best = torch.empty(T, B, K, dtype=torch.float64, device=device)
    tags = torch.zeros(T, B, dtype=torch.int64, device=device)
    faults = torch.empty(B, dtype=torch.int32, device=device)
    arguments = _read(batch)[:7]
    _launch(
        best_ways, (B,), *arguments, chain.tables, best, T, B, K,
        KP=chain.KP, SETS=batch.allowed is not None, num_warps=_WARPS[chain.KP],
    )  # fmt: skip
    _launch(
        walk_back, (B,), best, batch.lengths, chain.tables, tags, faults, T, B, K, KP=chain.KP, num_warps=1
    )
    return tags, faults


def _launch(kernel: Any, grid: tuple[int, ...], *arguments: Any, **options: Any) -> None:
    """Launch a kernel on the device of its tensors, which needn't be the current one."""
    with torch.cuda.device_of(arguments[0]):  # type: ignore[no-untyped-call]
        kernel[grid](*arguments, **options)


def _read(batch: KernelBatch) -> tuple[Any, ...]:
    """Return the arguments that stand for a batch; what is missing is never read."""
    emissions = _dense_rows(batch.emissions)
    allowed = emissions if batch.allowed is None else _dense_rows(batch.allowed).view(torch.uint8)
    tags = batch.lengths.unsqueeze(0) if batch.tags is None else batch.tags
    lengths = batch.lengths.contiguous()
    return emissions, *_strides(emissions), lengths, allowed, *_strides(allowed), tags, *_strides(tags)


def _strides(values: Tensor) -> tuple[int, int]:
    """Return how far apart two tokens and two sentences lie."""
    return values.stride(0), values.stride(1)


def _dense_rows(values: Tensor) -> Tensor:
    """Return values (T, B, K) whose last axis is contiguous."""
    return values if values.stride(-1) == 1 or values.shape[-1] == 1 else values.contiguous()
