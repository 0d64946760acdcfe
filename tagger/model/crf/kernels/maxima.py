"""Triton: the best tag sequences. Imported on a GPU alone.

One program a sentence each: `best_ways` finds the score of the best way to every tag of every token, `walk_back`
looks again for the one maximum on the way back, which is cheaper than to keep all of them. They are two kernels since
what one thread of a program writes another may not see at once; after a launch everything is seen.

Scores add up in double precision, so nothing has to be shifted; what is forbidden is -inf.
"""

from __future__ import annotations

import triton
import triton.language as tl

from tagger.model.crf.kernels.forward import IMPOSSIBLE_SETS
from tagger.model.crf.kernels.tables import edges_of, moves_back, moves_of


@triton.jit(do_not_specialize=["step", "row", "sets_step", "sets_row", "T", "B", "K"])
def best_ways(
    emissions: tl.tensor,  # (T, B, K), (step, row)
    step: tl.tensor,
    row: tl.tensor,
    lengths: tl.tensor,  # (B,) int64
    sets: tl.tensor,  # (T, B, K) uint8, (sets_step, sets_row)
    sets_step: tl.tensor,
    sets_row: tl.tensor,
    tables: tl.tensor,
    best: tl.tensor,  # (T, B, K) float64
    T: tl.tensor,
    B: tl.tensor,
    K: tl.tensor,
    KP: tl.constexpr,
    SETS: tl.constexpr,
) -> None:
    """Write the score of the best way to each tag; the end counts with the last token."""
    b = tl.program_id(0)
    k = tl.arange(0, KP)
    exists = k < K
    n = tl.minimum(tl.maximum(tl.load(lengths + b), 1), T).to(tl.int32)
    emissions += b.to(tl.int64) * row
    sets += b.to(tl.int64) * sets_row
    best += b.to(tl.int64) * K
    best_step = B.to(tl.int64) * K
    moves = tl.load(moves_of(tables, KP) + k[:, None] * KP + k[None, :])
    arrived = tl.load(edges_of(tables, KP) + 2 * KP + k)
    upcoming = tl.load(emissions + k, mask=exists, other=-float("inf"))
    for t in range(n):
        scores = upcoming.to(tl.float64)
        emissions += step
        upcoming = tl.load(emissions + k, mask=exists & (t + 1 < n), other=-float("inf"))
        if SETS:
            scores = tl.where(tl.load(sets + k, mask=exists, other=0) != 0, scores, -float("inf"))
            sets += sets_step
        state = arrived + scores
        final = tl.load(edges_of(tables, KP) + 3 * KP + k, mask=exists & (t == n - 1), other=0.0)
        tl.store(best + k, state + final, mask=exists)
        best += best_step
        arrived = tl.max(state[:, None] + moves, 0)


@triton.jit(do_not_specialize=["T", "B", "K"])
def walk_back(
    best: tl.tensor,  # (T, B, K) float64
    lengths: tl.tensor,  # (B,) int64
    tables: tl.tensor,
    tags: tl.tensor,  # (T, B) int64, zeros
    faults: tl.tensor,  # (B,) int32
    T: tl.tensor,
    B: tl.tensor,
    K: tl.tensor,
    KP: tl.constexpr,
) -> None:
    """Write the tags of the best sequence; among equal ones the lowest tag, from the end."""
    b = tl.program_id(0)
    k = tl.arange(0, KP)
    exists = k < K
    n = tl.minimum(tl.maximum(tl.load(lengths + b), 1), T).to(tl.int32)
    step = B.to(tl.int64) * K
    best += (n - 1).to(tl.int64) * step + b.to(tl.int64) * K
    tags += (n - 1).to(tl.int64) * B + b
    upcoming = tl.load(best + k, mask=exists, other=-float("inf"))
    highest = tl.max(upcoming, 0)
    tl.store(faults + b, tl.where(highest == -float("inf"), IMPOSSIBLE_SETS, 0))
    moves = tl.zeros((KP,), tl.float64)
    for s in range(n):
        scores = upcoming + moves
        best -= step
        upcoming = tl.load(best + k, mask=exists & (s + 1 < n), other=-float("inf"))
        tag = tl.minimum(tl.argmax(scores, 0), K - 1)  # a NaN may choose what doesn't exist
        tl.store(tags, tag.to(tl.int64))
        tags -= B
        moves = tl.load(moves_back(tables, KP) + tag * KP + k)
