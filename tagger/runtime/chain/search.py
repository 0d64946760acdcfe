"""The best tag sequences: Viterbi and its N-best form.

Both run the forward recursion with a maximum in the place of the sum (Rabiner 1989, III.B), which keeps for each
token and tag the score of the best way to come there. Walking back, that score is an exact estimate of what is
still to come, so the N best extensions of N partial sequences are all that need be kept: the tree-trellis search
of Soong and Huang (1991). Viterbi is N = 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from tagger.runtime.chain.constraints import FORBIDDEN, Bools, Floats, Ints, Moves
from tagger.runtime.chain.posterior import check_possible

_CHUNK = 1 << 17
"""Elements of the temporary of a maximum: small enough for the cache, large enough to hide the cost of a call."""

_SMALL = 1 << 15
"""B K K up to which all moves are tried, possible or not: calls cost more than sums."""

_STRIDE = 32
"""Time steps between two shifts of the scores towards 0, without which a float32 sum blurs close decisions."""

_FAR = -1e6
"""A shift never exceeds this, so that FORBIDDEN stays below every possible score."""

Values = TypeVar("Values")


class Reach(NamedTuple):
    """The possible moves, for the search: into tags that can follow many tags, and into tags that follow few."""

    hubs: Ints  # (I,): tags that any of the open ones can follow
    open: Ints  # (J,): in BIOES O, B-X and S-X
    sources: Ints  # (M, N): tags that each of the closed ones can follow, M of them or less and others
    closed: Ints  # (N,): in BIOES I-X and E-X


class NBest(NamedTuple, Generic[Values]):
    """The N best tag sequences of each sentence, best first; arrays of numpy, or tensors of torch."""

    tags: Values  # (T, B, N) int64, 0 in the padding
    scores: Values  # (B, N), FORBIDDEN or less where a sentence has fewer than N possible tag sequences
    counts: Values  # (B,) int64: how many of the N exist


def find_reach(possible: Bools) -> Reach | None:
    """Return the moves (K, K) that are possible; None where it is as quick to try all."""
    counts = possible.sum(0)
    is_open = counts > len(possible) // 4
    closed = np.flatnonzero(~is_open)
    if 4 * len(closed) < len(possible):
        return None
    sources = np.argsort(~possible[:, closed], axis=0, kind="stable")[: max(1, counts[closed].max())]
    return Reach(np.flatnonzero(possible[:, is_open].any(1)), np.flatnonzero(is_open), sources, closed)


def find_best(scores: Floats, moves: Moves, lengths: Ints, reach: Reach | None = None) -> Ints:
    """Return the best tags (T, B), 0 in the padding; among equal tags the lowest, from the end.

    Raises:
        DataError: no sequence is possible.
    """
    T, B, _ = scores.shape
    best = np.ascontiguousarray(_score_arrivals(scores, moves, reach).transpose(0, 2, 1))  # (T, B, K)
    last = best[lengths - 1, np.arange(B)] + moves.end
    check_possible(last.max(-1), lengths)
    final = last.argmax(-1)
    arrivals = np.ascontiguousarray(moves.transitions.T)
    tags = np.empty((T, B), dtype=np.int64)
    tags[-1] = final
    shortest = int(lengths.min())
    for t in reversed(range(T - 1)):  # only the one maximum on the way back is looked for again
        np.add(best[t], arrivals.take(tags[t + 1], axis=0), out=last)
        last.argmax(-1, out=tags[t])
        if t + 1 >= shortest:
            np.copyto(tags[t], final, where=lengths == t + 1)
    if shortest < T:
        tags[np.arange(T)[:, None] >= lengths] = 0
    return tags


def find_n_best(
    scores: Floats, moves: Moves, lengths: Ints, n: int, reach: Reach | None = None
) -> NBest[NDArray[Any]]:
    """Return the n best distinct tag sequences, exactly, in double precision.

    Raises:
        DataError: no sequence is possible.
    """
    T, B, K = scores.shape
    scores, moves = scores.astype(np.float64, copy=False), moves.cast(np.dtype(np.float64))
    best = np.ascontiguousarray(_score_arrivals(scores, moves, reach).transpose(0, 2, 1))  # (T, B, K)
    before = np.concatenate((moves.transitions.T, moves.end[None]))  # (K + 1, K); the end is the tag K
    tags, origins = np.empty((2, T, B, n), dtype=np.int64)
    following = np.full((B, n), K)
    suffix = np.full((B, n), FORBIDDEN)  # score of what is chosen so far, from the end
    suffix[:, 0] = 0.0
    unmoved = np.broadcast_to(np.arange(n), (B, n))
    for t in reversed(range(T)):
        chosen_moves = before[following] + suffix[..., None]  # (B, n, K)
        chosen = _find_highest((chosen_moves + best[t][:, None]).reshape(B, n * K), n)
        exists = (t < lengths)[:, None]
        origin, tag = np.divmod(chosen, K)
        extended = np.take_along_axis(chosen_moves.reshape(B, n * K), chosen, 1)
        with np.errstate(invalid="ignore"):
            extended += np.take_along_axis(scores[t], tag, 1)
        origins[t] = np.where(exists, origin, unmoved)
        tags[t] = following = np.where(exists, tag, following)
        suffix = np.where(exists, extended, suffix)
    total = suffix + moves.start[following]
    check_possible(total[:, 0], lengths)
    trail = unmoved
    for t in range(T):
        tags[t] = np.take_along_axis(tags[t], trail, 1)
        trail = np.take_along_axis(origins[t], trail, 1)
    tags[np.arange(T)[:, None] >= lengths] = 0
    return NBest(tags, total, (total > FORBIDDEN / 2).sum(-1))


def _find_highest(values: Floats, n: int) -> Ints:
    """Return the places of the n highest values of each row, (B, n), highest first, among equals the first."""
    places = np.argpartition(values, -n, axis=-1)[:, -n:]
    places.sort(axis=-1)
    order = np.argsort(-np.take_along_axis(values, places, 1), axis=-1, kind="stable")
    return np.take_along_axis(places, order, 1)


def _score_arrivals(scores: Floats, moves: Moves, reach: Reach | None) -> Floats:
    """Return the score of the best way to each tag, (T, K, B), up to a constant for each token of a sentence."""
    T, B, K = scores.shape
    best = scores.transpose(0, 2, 1).copy()  # numpy is fastest with the long axis last
    best[0] += moves.start[:, None]
    if reach is None or B * K * K <= _SMALL:
        arrive = _arrive_from_all(moves.transitions, B)
    else:
        arrive = _arrive_from_possible(moves.transitions, B, reach)
    with np.errstate(over="ignore", invalid="ignore"):  # the padding may hold anything
        for t in range(1, T):
            best[t] += arrive(best[t - 1])
            if t % _STRIDE == 0:
                best[t] -= best[t].max(0).clip(_FAR)
    return best


def _arrive_from_all(transitions: Floats, B: int) -> Callable[[Floats], Floats]:
    """Return the function max_i (source[i, b] + transitions[i, j]), (S, B) -> (J, B), which reuses its result."""
    S, J = transitions.shape
    size = -(-J // -(-S * J * B // _CHUNK))
    joint, arrived = np.empty((S, size, B), transitions.dtype), np.empty((J, B), transitions.dtype)

    def arrive(source: Floats) -> Floats:
        for j in range(0, J, size):  # a part of the targets at a time
            part = joint[:, : min(size, J - j)]
            np.add(source[:, None], transitions[:, j : j + size, None], out=part)
            np.maximum.reduce(part, 0, out=arrived[j : j + size])
        return arrived

    return arrive


def _arrive_from_possible(transitions: Floats, B: int, reach: Reach) -> Callable[[Floats], Floats]:
    """Return the same function of the possible moves alone."""
    K = len(transitions)
    arrive_open = _arrive_from_all(np.ascontiguousarray(transitions[np.ix_(reach.hubs, reach.open)]), B)
    moves = transitions[reach.sources, reach.closed][..., None]  # (M, J, 1)
    joint, arrived = (
        np.empty((*reach.sources.shape, B), transitions.dtype),
        np.empty((K, B), transitions.dtype),
    )

    def arrive(source: Floats) -> Floats:
        arrived[reach.open] = arrive_open(source[reach.hubs])
        np.take(source, reach.sources, axis=0, out=joint, mode="clip")  # mode "raise" would buffer
        np.add(joint, moves, out=joint)
        arrived[reach.closed] = joint.max(0)
        return arrived

    return arrive


def restrict(scores: Floats, allowed: Bools | None) -> Floats:
    """Return scores (T, B, K), FORBIDDEN where a tag isn't allowed."""
    return scores if allowed is None else np.where(allowed, scores, scores.dtype.type(FORBIDDEN))
