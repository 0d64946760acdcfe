"""Triton: the scores that sentences share, as tables that the other kernels read. Imported on a GPU alone.

All tables are in double precision and padded to KP tags, a power of two, so that nobody has to mask them: four
KP x KP matrices and four rows, then two numbers.

    weights    exp(transitions - top), 0 where forbidden, and the same transposed
    logarithms transitions, -inf where forbidden, and the same transposed
    edges      exp(start - top), exp(end - top), start, end
    facts      top, the highest score of a possible move; how far below it the lowest lies
"""

from __future__ import annotations

import triton
import triton.language as tl

_IMPOSSIBLE: tl.constexpr = tl.constexpr(-5e29)  # half of FORBIDDEN


@triton.jit
def weights_of(tables: tl.tensor) -> tl.tensor:
    return tables


@triton.jit
def weights_back(tables: tl.tensor, KP: tl.constexpr) -> tl.tensor:
    """Return the transposed matrix."""
    return tables + KP * KP


@triton.jit
def moves_of(tables: tl.tensor, KP: tl.constexpr) -> tl.tensor:
    return tables + 2 * KP * KP


@triton.jit
def moves_back(tables: tl.tensor, KP: tl.constexpr) -> tl.tensor:
    """Return the transposed matrix."""
    return tables + 3 * KP * KP


@triton.jit
def edges_of(tables: tl.tensor, KP: tl.constexpr) -> tl.tensor:
    """Return the rows exp(start - top), exp(end - top), start, end."""
    return tables + 4 * KP * KP


@triton.jit
def facts_of(tables: tl.tensor, KP: tl.constexpr) -> tl.tensor:
    return tables + 4 * KP * KP + 4 * KP


@triton.jit
def _read(
    scores: tl.tensor, possible: tl.tensor, at: tl.tensor, exists: tl.tensor, CONSTRAINED: tl.constexpr
) -> tl.tensor:
    """Return scores in double precision, -inf where there is none or where it is forbidden."""
    found = tl.load(scores + at, mask=exists, other=-float("inf")).to(tl.float64)
    if CONSTRAINED:
        found = tl.where(tl.load(possible + at, mask=exists, other=0) != 0, found, -float("inf"))
    return tl.where(found > _IMPOSSIBLE, found, tl.where(found == found, -float("inf"), found))


@triton.jit(do_not_specialize=["K"])
def write_tables(
    start: tl.tensor,  # (K,)
    transitions: tl.tensor,  # (K, K)
    end: tl.tensor,  # (K,)
    possible: tl.tensor,  # (K * K + 2 K,): transitions, start, end
    tables: tl.tensor,
    K: tl.tensor,
    KP: tl.constexpr,
    ROWS: tl.constexpr,  # of the matrix at a time
    CONSTRAINED: tl.constexpr,
) -> None:
    """Write the tables; one program."""
    k = tl.arange(0, KP)
    first = _read(start, possible + K * K, k, k < K, CONSTRAINED)
    final = _read(end, possible + K * K + K, k, k < K, CONSTRAINED)
    highest = tl.maximum(first, final)
    lowest = tl.minimum(
        tl.where(first == -float("inf"), float("inf"), first),
        tl.where(final == -float("inf"), float("inf"), final),
    )
    rows = tl.arange(0, ROWS)[:, None]
    columns = k[None, :]
    for row in range(0, KP, ROWS):
        exists = (rows + row < K) & (columns < K)
        moves = _read(transitions, possible, (rows + row) * K + columns, exists, CONSTRAINED)
        highest = tl.maximum(highest, tl.max(moves, 0))
        lowest = tl.minimum(lowest, tl.min(tl.where(moves == -float("inf"), float("inf"), moves), 0))
    top = tl.max(highest, 0)
    for row in range(0, KP, ROWS):
        i = rows + row
        exists = (i < K) & (columns < K)
        moves = _read(transitions, possible, i * K + columns, exists, CONSTRAINED)
        weights = tl.exp(moves - top)
        tl.store(weights_of(tables) + i * KP + columns, weights)
        tl.store(weights_back(tables, KP) + columns * KP + i, weights)
        tl.store(moves_of(tables, KP) + i * KP + columns, moves)
        tl.store(moves_back(tables, KP) + columns * KP + i, moves)
    edges = edges_of(tables, KP) + k
    tl.store(edges, tl.exp(first - top))
    tl.store(edges + KP, tl.exp(final - top))
    tl.store(edges + 2 * KP, first)
    tl.store(edges + 3 * KP, final)
    tl.store(facts_of(tables, KP), top)
    tl.store(facts_of(tables, KP) + 1, top - tl.min(lowest, 0))
