"""Triton: expected counts of tags and of moves. Imported on a GPU alone.

`backward` is one program a sentence, as `forward`. It writes the counts of tags, which are the gradient by emissions.
`count_moves` adds up what the transitions get, each program for some sentences and a part of the time, always in the
same order and without atomic additions: the same bits in every run.
"""

from __future__ import annotations

import triton
import triton.language as tl

from tagger.model.crf.kernels.arithmetic import exponent_of, log_product, power_of_2
from tagger.model.crf.kernels.forward import LOGARITHMS, SCALED
from tagger.model.crf.kernels.tables import edges_of, moves_back, moves_of, weights_back, weights_of


@triton.jit
def _counts(
    probabilities: tl.tensor, weight: tl.tensor, tag: tl.tensor, k: tl.tensor, GOLD: tl.constexpr
) -> tl.tensor:
    """Return the expected less the gold number of each tag of a token, times the weight of the sentence."""
    counts = tl.where(weight == 0, 0.0, probabilities)
    if GOLD:
        counts -= tl.where(k == tag, weight, 0.0)
    return counts


@triton.jit
def _backward_logarithms(
    emissions: tl.tensor,
    step: tl.tensor,
    sets: tl.tensor,
    sets_step: tl.tensor,
    tags: tl.tensor,
    tags_step: tl.tensor,
    alpha: tl.tensor,
    gamma: tl.tensor,
    messages_step: tl.tensor,
    scales: tl.tensor,
    scales_step: tl.tensor,
    gradient: tl.tensor,
    gradient_step: tl.tensor,
    edges: tl.tensor,
    edges_step: tl.tensor,
    log_z: tl.tensor,
    weight: tl.tensor,
    n: tl.tensor,
    tables: tl.tensor,
    k: tl.tensor,
    exists: tl.tensor,
    within: tl.tensor,
    KP: tl.constexpr,
    SETS: tl.constexpr,
    GOLD: tl.constexpr,
    MOVES: tl.constexpr,
) -> None:
    """Run the backward recursion in logarithms; all pointers are those of the sentence."""
    moves = tl.load(moves_back(tables, KP) + k[:, None] * KP + k[None, :])
    beta = tl.load(edges_of(tables, KP) + 3 * KP + k)
    tag = 0
    for s in range(n):
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
        beta = log_product(gamma_t, moves)


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
    weights: tl.tensor,  # (runs,), (weights_row,)
    weights_row: tl.tensor,
    tables: tl.tensor,
    alpha: tl.tensor,  # (T, runs, K) float64
    log_z: tl.tensor,  # (runs,) float64
    roads: tl.tensor,  # (runs,) int32
    faults: tl.tensor,  # (B,) int32
    gradient: tl.tensor,  # (T, runs, K), (gradient_step, gradient_row), zeros
    gradient_step: tl.tensor,
    gradient_row: tl.tensor,
    gamma: tl.tensor,  # (T, runs, K) float64
    scales: tl.tensor,  # (T, runs) float64: the weight over the Z that the messages of a token have
    edges: tl.tensor,  # (2, runs, K) float64: the counts of the first and of the last token
    first_within: tl.tensor,
    T: tl.tensor,
    B: tl.tensor,
    runs: tl.tensor,
    K: tl.tensor,
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
        for s in range(
            n
        ):  # from the last token; what the next step reads is asked for while this one is computed
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
            scale = power_of_2(-exponent_of(tl.sum(state, 0)))
            beta = tl.sum(state[:, None] * matrix, 0)


@triton.jit(
    do_not_specialize=["tags_step", "tags_row", "weights_row", "T", "B", "runs", "K", "groups", "part"]
)
def count_moves(
    alpha: tl.tensor,  # (T, runs, K) float64
    gamma: tl.tensor,  # (T, runs, K) float64
    scales: tl.tensor,  # (T, runs) float64
    log_z: tl.tensor,  # (runs,) float64
    roads: tl.tensor,  # (runs,) int32
    faults: tl.tensor,  # (B,) int32
    lengths: tl.tensor,  # (B,) int64
    tags: tl.tensor,  # (T, B) int64, (tags_step, tags_row)
    tags_step: tl.tensor,
    tags_row: tl.tensor,
    weights: tl.tensor,  # (runs,), (weights_row,)
    weights_row: tl.tensor,
    tables: tl.tensor,
    moves: tl.tensor,  # (groups * parts, K, K) float64
    T: tl.tensor,
    B: tl.tensor,
    runs: tl.tensor,
    K: tl.tensor,
    groups: tl.tensor,
    part: tl.tensor,  # tokens
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
