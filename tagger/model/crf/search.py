"""The best tag sequences: Viterbi and its N-best form.

Both run the forward recursion with a maximum in the place of the sum (Rabiner 1989, III.B), which keeps for each
token and tag the score of the best way to come there. Walking back, that score is an exact estimate of what is
still to come, so the N best extensions of N partial sequences are all that need be kept: the tree-trellis search
of Soong and Huang (1991). Viterbi is N = 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tagger.model.crf.messages import widest
from tagger.model.crf.padded import PaddedLayout, reorder
from tagger.model.crf.potentials import Potentials
from tagger.model.crf.problem import check_possible
from tagger.runtime.chain import FORBIDDEN, NBest

_CHUNK = 1 << 20
"""Elements of the temporary of a maximum: small enough for the cache, large enough to hide the cost of a call."""

_SMALL = 1 << 14
"""B K K up to which a time step is faster in numpy, whose calls cost a third of those of torch, on a CPU."""

_STRIDE = 32
"""Time steps between two shifts of the scores towards 0, without which a float32 sum blurs close decisions."""

_FAR = -1e6
"""A shift never exceeds this, so that FORBIDDEN stays below every possible score."""


def viterbi(emissions: Tensor, chain: Potentials, lengths: Tensor) -> Tensor:
    """Return the best tags (T, B) int64, 0 in the padding; among equal tags the lowest, from the end."""
    layout = PaddedLayout.of(lengths, len(emissions))
    best = reorder(_best_arrivals(emissions, chain), layout.mirrored)
    arrivals, first = chain.transitions.t().contiguous(), best[0] + chain.end
    check_possible(first.amax(-1), lengths)
    if best.device.type == "cpu":  # a row for each sentence is small
        table = arrivals.numpy()
        tags = torch.from_numpy(
            np.stack(_walk_back(first.numpy(), best.numpy(), lambda k: table.take(k, axis=0)))
        )
    else:
        tags = torch.stack(_walk_back(first, best, lambda k: arrivals.index_select(0, k)))
    return torch.where(layout.mask, reorder(tags, layout.mirrored), 0)


def n_best(emissions: Tensor, chain: Potentials, lengths: Tensor, n: int) -> NBest[Tensor]:
    """Return the n best distinct tag sequences, exactly, in the widest type."""
    T, B, K = emissions.shape
    wide = widest(emissions.device)
    emissions, chain = emissions.to(wide), chain.to(wide)
    layout = PaddedLayout.of(lengths, T)
    best = reorder(_best_arrivals(emissions, chain), layout.mirrored)
    emissions = reorder(emissions, layout.mirrored)
    before = torch.cat((chain.transitions.t(), chain.end.unsqueeze(0)))  # (K + 1, K); the end is the tag K
    tags, origins = lengths.new_empty(2, T, B, n)
    following = lengths.new_full((B, n), K)
    suffix = emissions.new_full((B, n), FORBIDDEN)  # score of what is chosen so far, from the end
    suffix[:, 0] = 0.0
    unmoved = torch.arange(n, device=lengths.device).expand(B, n)
    for t in range(T):
        moves = before.index_select(0, following.view(-1)).view(B, n, K) + suffix.unsqueeze(-1)
        chosen = (moves + best[t].unsqueeze(1)).view(B, n * K).topk(n).indices
        exists = layout.mask[t].unsqueeze(-1)
        origins[t] = torch.where(exists, chosen // K, unmoved)
        tags[t] = torch.where(exists, chosen % K, following)
        scores = moves.view(B, n * K).gather(-1, chosen) + emissions[t].gather(-1, chosen % K)
        suffix, following = torch.where(exists, scores, suffix), tags[t]
    scores = suffix + chain.start[following]
    check_possible(scores[:, 0], lengths)
    trail = unmoved
    for t in reversed(range(T)):
        tags[t], trail = tags[t].gather(-1, trail), origins[t].gather(-1, trail)
    ordered = torch.where(layout.mask.unsqueeze(-1), reorder(tags, layout.mirrored), 0)
    return NBest(ordered, scores, (scores > FORBIDDEN / 2).sum(-1))


def _best_arrivals(emissions: Tensor, chain: Potentials) -> Tensor:
    """Return the score of the best way to each tag, (T, B, K), up to a constant for each token of a sentence."""
    _, B, K = emissions.shape
    is_wide = K >= B  # the longer of tags and sentences stands last
    best = (emissions if is_wide else emissions.transpose(1, 2)).clone(memory_format=torch.contiguous_format)
    best[0] += chain.start if is_wide else chain.start.unsqueeze(1)
    # Sources come first in (K, B, K) or (K, K, B), along which a maximum is fast.
    sources = best.transpose(1, 2).unsqueeze(-1) if is_wide else best.unsqueeze(2)
    moves = chain.transitions.unsqueeze(1 if is_wide else 2)  # (K, 1, K) or (K, K, 1)
    columns = best.transpose(1, 2) if is_wide else best  # (T, K, B)
    if best.device.type == "cpu" and B * K * K <= _SMALL:
        table = moves.expand(K, *best.shape[1:]).contiguous().numpy()
        arrive = _maximum(table, np.empty_like(table), np.empty_like(table[0]), np.add, np.maximum.reduce)
        _recur(best.numpy(), sources.numpy(), columns.numpy(), arrive, np.maximum.reduce)
    else:
        scratch = best.new_empty(min(K, max(1, _CHUNK // (B * K))), *best.shape[1:])
        arrive = _maximum(moves, scratch, torch.empty_like(best[0]), torch.add, torch.amax)
        _recur(best, sources, columns, arrive, torch.amax)
    return best if is_wide else best.transpose(1, 2)


def _recur(best: Any, sources: Any, columns: Any, arrive: Callable[[Any], Any], top: Any) -> None:
    """Turn emissions into scores of the best ways, in place: three views of the same, tensors or numpy arrays."""
    for t, (scores, source, column) in enumerate(zip(best[1:], sources[:-1], columns[1:], strict=True)):
        scores += arrive(source)
        if t % _STRIDE == _STRIDE - 1:
            column -= top(column, 0).clip(_FAR)


def _maximum(moves: Any, scratch: Any, out: Any, add: Any, top: Any) -> Callable[[Any], Any]:
    """Return the function max_i (source[i] + moves[i]), which overwrites `out` each time.

    The temporary may hold a part of the sources i at a time. Everything is tensors or everything numpy arrays, with
    the functions `add` and `top` of either.
    """
    size = len(scratch)
    if size == len(moves):
        return lambda source: top(add(source, moves, out=scratch), 0, out=out)
    parts = torch.split(moves, size)
    tops = out.new_empty(len(parts), *out.shape)

    def in_parts(source: Tensor) -> Tensor:
        for part, move, highest in zip(torch.split(source, size), parts, tops, strict=True):
            top(add(part, move, out=scratch[: len(part)]), 0, out=highest)
        return torch.amax(tops, 0, out=out)

    return in_parts


def _walk_back(first: Any, best: Any, arrive: Callable[[Any], Any]) -> list[Any]:
    """Return the tags (B,) of each step from the end; all tensors or all numpy arrays.

    Only the one maximum on the way back is looked for again: to keep all of them would cost the forward pass more.
    """
    tags = [first.argmax(-1)]
    for scores in best[1:]:
        tags.append((scores + arrive(tags[-1])).argmax(-1))
    return tags
