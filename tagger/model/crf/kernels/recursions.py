"""Triton: log Z, expected counts and gold scores. Imported on a GPU alone.

`forward` and `backward` are one program a sentence: the matrix exp(transitions) stays in registers, a step is a
product, a multiplication and a sum, all in double precision. A GPU waits here for one step after the other, not for
its arithmetic, so double precision costs little, and it spares a second road for most scores that lie far apart.

The messages are brought back towards 1 by a power of two, which rounds nothing and needs no division; the exponents
are added up. It is the exponent of the sum one step before, so that no step waits for its own sum: a step goes without
normalisation, and the proof of `tagger.runtime.chain.roads` for s = 1 says when that is safe. Each program holds it
against its own sentence, and works in logarithms where it isn't. So nobody reads back a number to choose a road.

`count_moves` adds up what the transitions get, for a part of the sentences and of the time each program, always in
the same order, without atomic additions: the same bits in every run.
"""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl

from tagger.model.crf.kernels.tables import (
    edges_of,
    facts_of,
    moves_back,
    moves_of,
    weights_back,
    weights_of,
)

SCALED: tl.constexpr = tl.constexpr(0)  # the road that a sentence took
LOGARITHMS: tl.constexpr = tl.constexpr(1)

FORBIDDEN_GOLD: tl.constexpr = tl.constexpr(1)  # what is wrong with a sentence
IMPOSSIBLE_SETS: tl.constexpr = tl.constexpr(2)

_RANGE: tl.constexpr = tl.constexpr(650.0)  # nats of double precision, as in `tagger.runtime.chain.roads`
_LOG_2: tl.constexpr = tl.constexpr(0.6931471805599453)
_TOKENS: tl.constexpr = tl.constexpr(64)  # whose gold scores are read at once


@triton.jit
def _exponent(number: Any) -> Any:
    """Return floor(log2(number)) of a positive normal double."""
    return ((number.to(tl.int64, bitcast=True) >> 52) & 2047) - 1023


@triton.jit
def _power(exponent: Any) -> Any:
    """Return 2 ** exponent."""
    return ((exponent + 1023) << 52).to(tl.float64, bitcast=True)


@triton.jit
def _log_product(messages: Any, moves: Any) -> Any:
    """Return logsumexp_i(messages[i] + moves[i, j]), (KP,)."""
    terms = messages[:, None] + moves
    peak = tl.max(terms, 0)
    peak = tl.where(peak == -float("inf"), 0.0, peak)
    return peak + tl.log(tl.sum(tl.exp(terms - peak[None, :]), 0))


@triton.jit
def _log_sum(logarithms: Any) -> Any:
    peak = tl.max(logarithms, 0)
    peak = tl.where(peak == -float("inf"), 0.0, peak)
    return peak + tl.log(tl.sum(tl.exp(logarithms - peak), 0))


@triton.jit
def _log_z(
    emissions: Any,  # of the sentence
    step: Any,
    sets: Any,
    sets_step: Any,
    n: Any,
    tables: Any,
    alpha: Any,
    alpha_step: Any,
    k: Any,
    exists: Any,
    within: Any,
    KP: tl.constexpr,
    SETS: tl.constexpr,
) -> Any:
    """Run the forward recursion in logarithms; write alpha, return log Z."""
    moves = tl.load(moves_of(tables, KP) + k[:, None] * KP + k[None, :])
    moved = tl.load(edges_of(tables, KP) + 2 * KP + k)
    state = moved
    for t in range(0, n):
        scores = tl.load(emissions + k, mask=exists, other=-float("inf")).to(tl.float64)
        if SETS:
            scores = tl.where((tl.load(sets + k, mask=exists, other=0) != 0) | (within == 0), scores, -float("inf"))
            sets += sets_step
        if t > 0:
            moved = _log_product(state, moves)
        state = moved + scores
        tl.store(alpha + k, state, mask=exists)
        emissions += step
        alpha += alpha_step
    return _log_sum(state + tl.load(edges_of(tables, KP) + 3 * KP + k))


@triton.jit
def _gold_score(
    emissions: Any, step: Any, tags: Any, tags_step: Any, n: Any, tables: Any, K: Any, KP: tl.constexpr
) -> Any:
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
    emissions: Any,  # (T, B, K), (step, row)
    step: Any,
    row: Any,
    lengths: Any,  # (B,) int64
    sets: Any,  # (T, B, K) uint8, (sets_step, sets_row)
    sets_step: Any,
    sets_row: Any,
    tags: Any,  # (T, B) int64, (tags_step, tags_row)
    tags_step: Any,
    tags_row: Any,
    tables: Any,
    alpha: Any,  # (T, runs, K) float64
    log_z: Any,  # (runs,) float64
    roads: Any,  # (runs,) int32
    faults: Any,  # (B,) int32
    losses: Any,  # (B,)
    d: Any,  # steps within which paths meet; 0: never
    first_within: Any,  # the first run that obeys the sets
    T: Any,
    B: Any,
    runs: Any,
    K: Any,
    log_k: Any,
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
    state = tl.load(edges_of(tables, KP) + k)
    zero = top * 0.0
    shifts, peaks, scale = zero, zero, zero + 1.0
    lowest = tl.zeros((KP,), tl.float64)
    restricted, joined, gap = n * 0 - 1, n * 0 - 1, n * 0
    here, ahead, there = emissions, sets, alpha
    upcoming = tl.load(here + k, mask=exists, other=-float("inf"))
    for t in range(0, n):
        scores = upcoming.to(tl.float64)
        here += step
        upcoming = tl.load(here + k, mask=exists & (t + 1 < n), other=-float("inf"))  # while this step is computed
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
        if t > 0:
            exponent = _exponent(tl.sum(state, 0))
            shifts += exponent.to(tl.float64)
            state = tl.sum(state[:, None] * matrix, 0) * (weights * _power(-exponent))
        else:
            state *= weights
        tl.store(there + k, state, mask=exists)
        there += alpha_step
    total = tl.sum(state * tl.load(edges_of(tables, KP) + KP + k), 0)

    apart = tl.where(d > 0, d, n)
    if SETS:
        apart = tl.where(within != 0, gap + 2 * tl.maximum(d, 1), apart)
    apart = tl.minimum(apart, n).to(tl.float64)
    spread = tl.maximum(tl.load(facts_of(tables, KP) + 1) - tl.min(lowest, 0), 1.0)
    is_safe = (apart + 3.0) * spread + (apart + 1.0) * log_k <= _RANGE
    partition = tl.log(total) + shifts * _LOG_2 + peaks + (n + 1).to(tl.float64) * top
    tl.store(roads + run, SCALED)
    if is_safe == 0:
        partition = _log_z(
            emissions, step, sets, sets_step, n, tables, alpha, alpha_step, k, exists, within, KP, SETS
        )
        tl.store(roads + run, LOGARITHMS)
    tl.store(log_z + run, partition)
    if within != 0:
        impossible = partition == -float("inf")
        tl.store(faults + b, tl.where(impossible, IMPOSSIBLE_SETS, 0))
    if GOLD:
        gold = _gold_score(emissions, step, tags + b.to(tl.int64) * tags_row, tags_step, n, tables, K, KP)
        tl.store(faults + b, tl.where(gold == -float("inf"), FORBIDDEN_GOLD, 0))
        tl.store(losses + b, partition - gold)


@triton.jit
def _counts(probabilities: Any, weight: Any, tag: Any, k: Any, GOLD: tl.constexpr) -> Any:
    """Return the expected less the gold number of each tag of a token, times the weight of the sentence."""
    counts = tl.where(weight == 0, 0.0, probabilities)
    if GOLD:
        counts -= tl.where(k == tag, weight, 0.0)
    return counts


@triton.jit
def _backward_logarithms(
    emissions: Any,
    step: Any,
    sets: Any,
    sets_step: Any,
    tags: Any,
    tags_step: Any,
    alpha: Any,
    gamma: Any,
    messages_step: Any,
    scales: Any,
    scales_step: Any,
    gradient: Any,
    gradient_step: Any,
    edges: Any,
    edges_step: Any,
    log_z: Any,
    weight: Any,
    n: Any,
    tables: Any,
    k: Any,
    exists: Any,
    within: Any,
    KP: tl.constexpr,
    SETS: tl.constexpr,
    GOLD: tl.constexpr,
    MOVES: tl.constexpr,
) -> None:
    """Run the backward recursion in logarithms; all pointers are those of the sentence."""
    moves = tl.load(moves_back(tables, KP) + k[:, None] * KP + k[None, :])
    beta = tl.load(edges_of(tables, KP) + 3 * KP + k)
    tag = 0
    for s in range(0, n):
        t = (n - 1 - s).to(tl.int64)
        scores = tl.load(emissions + t * step + k, mask=exists, other=-float("inf")).to(tl.float64)
        if SETS:
            allowed = tl.load(sets + t * sets_step + k, mask=exists, other=0) != 0
            scores = tl.where(allowed | (within == 0), scores, -float("inf"))
        if GOLD:
            tag = tl.load(tags + t * tags_step).to(tl.int32)
        log_alpha = tl.load(alpha + t * messages_step + k, mask=exists, other=-float("inf"))
        counts = _counts(tl.exp(log_alpha + beta - log_z) * weight, weight, tag, k, GOLD)
        tl.store(gradient + t * gradient_step + k, counts, mask=exists)
        gamma_t = beta + scores
        if MOVES:
            tl.store(edges + k, counts, mask=exists & (t == 0))
            tl.store(edges + edges_step + k, counts, mask=exists & (t == n - 1))
            tl.store(gamma + t * messages_step + k, gamma_t, mask=exists)
            tl.store(scales + t * scales_step, weight)
        beta = _log_product(gamma_t, moves)


@triton.jit(
    do_not_specialize=[
        "step",
        "row",
        "sets_step",
        "sets_row",
        "tags_step",
        "tags_row",
        "gradient_step",
        "gradient_row",
        "weights_row",
        "first_within",
        "T",
        "B",
        "runs",
        "K",
    ]
)
def backward(
    emissions: Any,  # (T, B, K), (step, row)
    step: Any,
    row: Any,
    lengths: Any,  # (B,) int64
    sets: Any,  # (T, B, K) uint8, (sets_step, sets_row)
    sets_step: Any,
    sets_row: Any,
    tags: Any,  # (T, B) int64, (tags_step, tags_row)
    tags_step: Any,
    tags_row: Any,
    weights: Any,  # (runs,), (weights_row,)
    weights_row: Any,
    tables: Any,
    alpha: Any,  # (T, runs, K) float64
    log_z: Any,  # (runs,) float64
    roads: Any,  # (runs,) int32
    faults: Any,  # (B,) int32
    gradient: Any,  # (T, runs, K), (gradient_step, gradient_row), zeros
    gradient_step: Any,
    gradient_row: Any,
    gamma: Any,  # (T, runs, K) float64
    scales: Any,  # (T, runs) float64: the weight over the Z that the messages of a token have
    edges: Any,  # (2, runs, K) float64: the counts of the first and of the last token
    first_within: Any,
    T: Any,
    B: Any,
    runs: Any,
    K: Any,
    KP: tl.constexpr,
    SETS: tl.constexpr,
    GOLD: tl.constexpr,
    MOVES: tl.constexpr,
) -> None:
    """Run the backward recursion of a sentence; write the counts of its tags, and what `count_moves` reads."""
    run = tl.program_id(0)
    b = run % B
    within = (run >= first_within).to(tl.int32)
    k = tl.arange(0, KP)
    exists = k < K
    n = tl.minimum(tl.maximum(tl.load(lengths + b), 1), T).to(tl.int32)
    weight = tl.load(weights + run * weights_row).to(tl.float64)
    weight = tl.where(tl.load(faults + b) != 0, 0.0, weight)
    emissions += b.to(tl.int64) * row
    sets += b.to(tl.int64) * sets_row
    tags += b.to(tl.int64) * tags_row
    alpha += run.to(tl.int64) * K
    gamma += run.to(tl.int64) * K
    messages_step = runs.to(tl.int64) * K
    scales += run
    gradient += run.to(tl.int64) * gradient_row
    edges += run.to(tl.int64) * K

    if tl.load(roads + run) == LOGARITHMS:
        partition = tl.load(log_z + run)
        _backward_logarithms(
            emissions, step, sets, sets_step, tags, tags_step, alpha, gamma, messages_step, scales, runs,
            gradient, gradient_step, edges, messages_step, partition, weight, n, tables, k, exists, within,
            KP, SETS, GOLD, MOVES,
        )  # fmt: skip
    else:
        matrix = tl.load(weights_back(tables, KP) + k[:, None] * KP + k[None, :])
        beta = tl.load(edges_of(tables, KP) + KP + k)
        tag = 0
        t = (n - 1).to(tl.int64)
        emissions += t * step
        sets += t * sets_step
        tags += t * tags_step
        alpha += t * messages_step
        gamma += t * messages_step
        scales += t * runs
        gradient += t * gradient_step
        upcoming = tl.load(emissions + k, mask=exists, other=-float("inf"))
        message = tl.load(alpha + k, mask=exists, other=0.0)
        scale = tl.sum(beta, 0) * 0.0 + 1.0
        if GOLD:
            following = tl.load(tags)
        for s in range(0, n):  # from the last token; what the next step reads is asked for while this one is computed
            is_first = s == n - 1
            scores = upcoming.to(tl.float64)
            joint = message * beta
            emissions -= step
            alpha -= messages_step
            upcoming = tl.load(emissions + k, mask=exists & (s + 1 < n), other=-float("inf"))
            message = tl.load(alpha + k, mask=exists & (s + 1 < n), other=0.0)
            if GOLD:
                tag = following.to(tl.int32)
                tags -= tags_step
                following = tl.load(tags, mask=s + 1 < n, other=0)
            share = weight / tl.sum(joint, 0)
            counts = _counts(joint * share, weight, tag, k, GOLD)
            tl.store(gradient + k, counts, mask=exists)
            gradient -= gradient_step
            below = tl.exp(scores - tl.max(scores, 0))
            if SETS:
                allowed = tl.load(sets + k, mask=exists, other=0) != 0
                sets -= sets_step
                below = tl.where(allowed | (within == 0), below, 0.0)
            state = beta * (below * scale)
            if MOVES:
                tl.store(edges + k, counts, mask=exists & is_first)
                tl.store(edges + messages_step + k, counts, mask=exists & (s == 0))
                tl.store(scales, tl.where(weight == 0, 0.0, share))
                tl.store(gamma + k, state, mask=exists)
                scales -= runs
                gamma -= messages_step
            scale = _power(-_exponent(tl.sum(state, 0)))
            beta = tl.sum(state[:, None] * matrix, 0)


@triton.jit(do_not_specialize=["tags_step", "tags_row", "weights_row", "T", "B", "runs", "K", "groups", "part"])
def count_moves(
    alpha: Any,  # (T, runs, K) float64
    gamma: Any,  # (T, runs, K) float64
    scales: Any,  # (T, runs) float64
    log_z: Any,  # (runs,) float64
    roads: Any,  # (runs,) int32
    faults: Any,  # (B,) int32
    lengths: Any,  # (B,) int64
    tags: Any,  # (T, B) int64, (tags_step, tags_row)
    tags_step: Any,
    tags_row: Any,
    weights: Any,  # (runs,), (weights_row,)
    weights_row: Any,
    tables: Any,
    moves: Any,  # (groups * parts, K, K) float64
    T: Any,
    B: Any,
    runs: Any,
    K: Any,
    groups: Any,
    part: Any,  # tokens
    KP: tl.constexpr,
    TILE: tl.constexpr,
    GOLD: tl.constexpr,
) -> None:
    """Add up expected less gold moves: a tile of the matrix, a group of sentences, a part of the time a program."""
    program = tl.program_id(0)
    i = tl.program_id(1) * TILE + tl.arange(0, TILE)
    j = tl.program_id(2) * TILE + tl.arange(0, TILE)
    begin = program // groups * part
    cell = i[:, None] * KP + j[None, :]
    products = tl.zeros((TILE, TILE), tl.float64)  # to be multiplied by the matrix
    counts = tl.zeros((TILE, TILE), tl.float64)
    for run in range(program % groups, runs, groups):
        b = run % B
        n = tl.minimum(tl.maximum(tl.load(lengths + b), 1), T).to(tl.int32)
        stop = tl.minimum(n - 1, begin + part)
        is_scaled = tl.load(roads + run) == SCALED
        stop = tl.where(tl.load(faults + b) != 0, begin, stop)
        partition = tl.load(log_z + run)
        weight = tl.load(weights + run * weights_row).to(tl.float64)
        for t in range(begin, stop):
            token = runs.to(tl.int64) * t + run
            share = tl.load(scales + token)
            source = tl.load(alpha + token * K + i, mask=i < K, other=0.0)
            target = tl.load(gamma + (token + runs) * K + j, mask=j < K, other=0.0)
            if is_scaled:
                products += (source * share)[:, None] * target[None, :]
            else:
                scores = tl.load(moves_of(tables, KP) + cell)
                joint = tl.exp(source[:, None] + scores + target[None, :] - partition)
                counts += tl.where(share == 0, 0.0, joint * share)
            if GOLD:
                move = tags + tags_step.to(tl.int64) * t + tags_row.to(tl.int64) * b
                before, after = tl.load(move), tl.load(move + tags_step)
                counts -= tl.where((i[:, None] == before) & (j[None, :] == after), weight, 0.0)
    products *= tl.load(weights_of(tables) + cell)
    exists = (i[:, None] < K) & (j[None, :] < K)
    moves += program.to(tl.int64) * K * K
    tl.store(moves + i[:, None] * K + j[None, :], products + counts, mask=exists)
