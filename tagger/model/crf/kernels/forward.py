"""Triton: log Z and the scores of gold tags. Imported on a GPU alone.

One program a sentence. The matrix exp(transitions) stays in registers; a step is a product, a multiplication and a
sum, all in double precision. A GPU waits here for one step after the other, not for its arithmetic, so double
precision costs little, and it takes most scores that lie far apart, too.

Messages are brought back towards 1 by a power of two, which rounds nothing and needs no division; the exponents are
added up. It is the exponent of the sum one step before, so that no step waits for its own sum: a step goes without
normalisation, and the proof of `tagger.runtime.chain.roads` for s = 1 says when that is safe. Each program holds it
against its own sentence, and begins again in logarithms where it isn't. So nobody reads back a number to choose.

A loop ends with the product that the next step begins with. Begun with it, the message would be carried from step to
step as the product wants to read it, by every thread of a column: with 128 tags the registers overflow.
"""

from __future__ import annotations

import triton
import triton.language as tl

from tagger.model.crf.kernels import faults
from tagger.model.crf.kernels.arithmetic import exponent_of, log_product, log_sum, power_of_2
from tagger.model.crf.kernels.tables import edges_of, facts_of, moves_of, weights_of

SCALED: tl.constexpr = tl.constexpr(0)  # the road that a sentence took
LOGARITHMS: tl.constexpr = tl.constexpr(1)

FORBIDDEN_GOLD: tl.constexpr = tl.constexpr(faults.FORBIDDEN_GOLD)
IMPOSSIBLE_SETS: tl.constexpr = tl.constexpr(faults.IMPOSSIBLE_SETS)

_RANGE: tl.constexpr = tl.constexpr(650.0)  # nats of double precision, as in `tagger.runtime.chain.roads`
_LOG_2: tl.constexpr = tl.constexpr(0.6931471805599453)
_TOKENS: tl.constexpr = tl.constexpr(64)  # whose gold scores are read at once


@triton.jit
def _forward_logarithms(
    emissions: tl.tensor,  # of the sentence
    step: tl.tensor,
    sets: tl.tensor,
    sets_step: tl.tensor,
    n: tl.tensor,
    tables: tl.tensor,
    alpha: tl.tensor,
    alpha_step: tl.tensor,
    k: tl.tensor,
    exists: tl.tensor,
    within: tl.tensor,
    KP: tl.constexpr,
    SETS: tl.constexpr,
) -> tl.tensor:
    """Run the forward recursion in logarithms; write alpha, return log Z."""
    moves = tl.load(moves_of(tables, KP) + k[:, None] * KP + k[None, :])
    moved = tl.load(edges_of(tables, KP) + 2 * KP + k)
    state = moved
    for _ in range(n):
        scores = tl.load(emissions + k, mask=exists, other=-float("inf")).to(tl.float64)
        if SETS:
            scores = tl.where(
                (tl.load(sets + k, mask=exists, other=0) != 0) | (within == 0), scores, -float("inf")
            )
            sets += sets_step
        state = moved + scores
        tl.store(alpha + k, state, mask=exists)
        emissions += step
        alpha += alpha_step
        moved = log_product(state, moves)
    return log_sum(state + tl.load(edges_of(tables, KP) + 3 * KP + k))


@triton.jit
def _gold_score(
    emissions: tl.tensor,
    step: tl.tensor,
    tags: tl.tensor,
    tags_step: tl.tensor,
    n: tl.tensor,
    tables: tl.tensor,
    K: tl.tensor,
    KP: tl.constexpr,
) -> tl.tensor:
    """Return the score of a sentence's tags, -inf if they are impossible."""
    nothing = -float("inf")
    scores = tl.zeros((_TOKENS,), tl.float64)
    for begin in range(0, n, _TOKENS):
        t = begin + tl.arange(0, _TOKENS)
        tag = tl.load(tags + t.to(tl.int64) * tags_step, mask=t < n, other=0)
        before = tl.load(tags + (t.to(tl.int64) - 1) * tags_step, mask=(t < n) & (t > 0), other=0)
        known = (tag >= 0) & (tag < K) & (before >= 0) & (before < K)
        read = known & (t < n)
        scores += tl.load(emissions + t.to(tl.int64) * step + tag, mask=read, other=0.0).to(tl.float64)
        scores += tl.load(moves_of(tables, KP) + before * KP + tag, mask=read & (t > 0), other=0.0)
        starts = tl.load(edges_of(tables, KP) + 2 * KP + tag, mask=read & (t == 0), other=0.0)
        ends = tl.load(edges_of(tables, KP) + 3 * KP + tag, mask=read & (t == n - 1), other=0.0)
        scores += tl.where(known, starts + ends, nothing)
    return tl.sum(scores, 0)


@triton.jit(
    do_not_specialize=[
        "step",
        "row",
        "sets_step",
        "sets_row",
        "tags_step",
        "tags_row",
        "d",
        "first_within",
        "T",
        "B",
        "runs",
        "K",
        "log_k",
    ]
)
def forward(
    emissions: tl.tensor,  # (T, B, K), (step, row)
    step: tl.tensor,
    row: tl.tensor,
    lengths: tl.tensor,  # (B,) int64
    sets: tl.tensor,  # (T, B, K) uint8, (sets_step, sets_row)
    sets_step: tl.tensor,
    sets_row: tl.tensor,
    tags: tl.tensor,  # (T, B) int64, (tags_step, tags_row)
    tags_step: tl.tensor,
    tags_row: tl.tensor,
    tables: tl.tensor,
    alpha: tl.tensor,  # (T, runs, K) float64
    log_z: tl.tensor,  # (runs,) float64
    roads: tl.tensor,  # (runs,) int32
    faults: tl.tensor,  # (B,) int32
    losses: tl.tensor,  # (B,)
    d: tl.tensor,  # steps within which paths meet; 0: never
    first_within: tl.tensor,  # the first run that obeys the sets
    T: tl.tensor,
    B: tl.tensor,
    runs: tl.tensor,
    K: tl.tensor,
    log_k: tl.tensor,
    KP: tl.constexpr,
    SETS: tl.constexpr,
    GOLD: tl.constexpr,
) -> None:
    """Run the forward recursion of a sentence; with sets, a sentence may be run twice, without them and within."""
    run = tl.program_id(0)
    b = run % B
    within = (run >= first_within).to(tl.int32)
    k = tl.arange(0, KP)
    exists = k < K
    n = tl.minimum(tl.maximum(tl.load(lengths + b), 1), T).to(tl.int32)
    emissions += b.to(tl.int64) * row
    sets += b.to(tl.int64) * sets_row
    alpha += run.to(tl.int64) * K
    alpha_step = runs.to(tl.int64) * K

    matrix = tl.load(weights_of(tables) + k[:, None] * KP + k[None, :])
    top = tl.load(facts_of(tables, KP))
    moved = tl.load(edges_of(tables, KP) + k)
    state = moved
    zero = top * 0.0
    shifts, peaks, exponent = zero, zero, n.to(tl.int64) * 0
    lowest = tl.zeros((KP,), tl.float64)
    restricted, joined, gap = n * 0 - 1, n * 0 - 1, n * 0
    here, ahead, there = emissions, sets, alpha
    upcoming = tl.load(here + k, mask=exists, other=-float("inf"))
    for t in range(n):
        scores = upcoming.to(tl.float64)
        here += step
        upcoming = tl.load(
            here + k, mask=exists & (t + 1 < n), other=-float("inf")
        )  # while this step is computed
        peak = tl.max(scores, 0)
        below = scores - peak
        lowest = tl.minimum(lowest, tl.where(exists, below, 0.0))
        peaks += peak
        weights = tl.exp(below)
        if SETS:
            allowed = tl.load(ahead + k, mask=exists, other=0) != 0
            ahead += sets_step
            size = tl.sum(allowed.to(tl.int32), 0)
            restricted = tl.where(size < K, t, restricted)
            meets = (size == 1) | ((d > 0) & (t - restricted >= d - 1))
            joined = tl.where(meets, t, joined)
            gap = tl.maximum(gap, t - joined)
            weights = tl.where(allowed | (within == 0), weights, 0.0)
        state = moved * (weights * power_of_2(-exponent))
        shifts += exponent.to(tl.float64)
        exponent = exponent_of(tl.sum(state, 0))
        tl.store(there + k, state, mask=exists)
        there += alpha_step
        moved = tl.sum(state[:, None] * matrix, 0)
    total = tl.sum(state * tl.load(edges_of(tables, KP) + KP + k), 0)

    apart = tl.where(d > 0, d, n)
    if SETS:
        apart = tl.where(within != 0, gap + 2 * tl.maximum(d, 1), apart)
    apart = tl.minimum(apart, n).to(tl.float64)
    spread = tl.maximum(tl.load(facts_of(tables, KP) + 1) - tl.min(lowest, 0), 1.0)
    is_safe = (apart + 3.0) * spread + (apart + 1.0) * log_k <= _RANGE
    partition = tl.log(total) + shifts * _LOG_2 + peaks + (n + 1).to(tl.float64) * top
    if is_safe == 0:
        tl.debug_barrier()  # what is written again may be written by another thread
        partition = _forward_logarithms(
            emissions, step, sets, sets_step, n, tables, alpha, alpha_step, k, exists, within, KP, SETS
        )
    tl.store(roads + run, tl.where(is_safe, SCALED, LOGARITHMS))
    tl.store(log_z + run, partition)
    if within != 0:
        impossible = partition == -float("inf")
        tl.store(faults + b, tl.where(impossible, IMPOSSIBLE_SETS, 0))
    if GOLD:
        gold = _gold_score(emissions, step, tags + b.to(tl.int64) * tags_row, tags_step, n, tables, K, KP)
        tl.store(faults + b, tl.where(gold == -float("inf"), FORBIDDEN_GOLD, 0))
        tl.store(losses + b, partition - gold)
