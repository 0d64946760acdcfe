"""What a model believes of sentences: how probable each tag of each token is, and how often each move is expected.

It is all that a student has to know of a teacher (`model.crf.soft`). Nearly all tokens are nearly certain, so it is
kept sparsely: shares below `LEAST` are left out and the others scaled up, about ten bytes a token.

Of a chain, p(y_t = i, y_{t+1} = j) is the probability of a run of two tags. Summed over a sentence they are the
expected moves, of which a loss needs no more: the score of a move is the same everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagger.runtime.chain import ChainPosterior, IndependentPosterior
from tagger.runtime.chainbatch import ChainBatch

Array = NDArray[Any]
Ints = NDArray[np.int64]

LEAST = 1e-3  # shares below it are left out
_LARGEST_NUMBER = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True)
class SoftLabels:
    """Distributions over the tags of S sentences with N tokens.

    Attributes:
        sizes: (S,) tokens of each sentence.
        num_tags: K.
        tokens: (M,) which of the N tokens a share belongs to, in order.
        tags: (M,) of which tag it is.
        shares: (M,) how probable that is; those of a token sum to 1.
        owners: (L,) whose moves the next two are, in order.
        moves: (L,) i K + j for the move from tag i to tag j.
        counts: (L,) how often it is expected; those of a sentence sum to its tokens less 1.
    """

    sizes: Array
    num_tags: int
    tokens: Array
    tags: Array
    shares: Array
    owners: Array
    moves: Array
    counts: Array

    def __len__(self) -> int:
        return len(self.sizes)

    def renumbered(self, rows: Sequence[int], num_tags: int) -> SoftLabels:
        """Return them for other tables of tags: tag k becomes rows[k]."""
        row_of = np.array(rows, dtype=np.int64)
        sources, targets = np.divmod(self.moves.astype(np.int64), self.num_tags)
        return replace(
            self,
            num_tags=num_tags,
            tags=row_of[self.tags].astype(np.int32),
            moves=row_of[sources] * num_tags + row_of[targets],
        )

    def are_open(self) -> NDArray[np.bool_]:
        """Return (S,) which sentences hold a token of which nothing is believed."""
        starts = np.cumsum(self.sizes) - self.sizes
        known = np.bincount(self.tokens, minlength=int(self.sizes.sum())) > 0
        found: NDArray[np.bool_] = ~np.logical_and.reduceat(known, starts)
        return found

    def options(self, names: Sequence[str]) -> list[list[tuple[str, ...]]]:
        """Return for each token of each sentence its likeliest tag by name; none where nothing is believed."""
        order = np.lexsort((-self.shares.astype(np.float64), self.tokens))
        first = order[_begins(self.tokens[order])]
        singles = [(name,) for name in names]
        likeliest: list[tuple[str, ...]] = [()] * int(self.sizes.sum())
        for token, tag in zip(self.tokens[first].tolist(), self.tags[first].tolist(), strict=True):
            likeliest[token] = singles[tag]
        ends = np.cumsum(self.sizes).tolist()
        return [likeliest[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]

    def surety(self) -> NDArray[np.float64]:
        """Return (S,) how sure the least sure token of each sentence is: the share of its likeliest tag."""
        starts = np.cumsum(self.sizes) - self.sizes
        likeliest = np.zeros(int(self.sizes.sum()))
        np.maximum.at(likeliest, self.tokens, self.shares)
        found: NDArray[np.float64] = np.minimum.reduceat(likeliest, starts)
        return found

    def take(self, numbers: Sequence[int] | Ints) -> SoftLabels:
        """Return those of some sentences, in that order."""
        chosen = np.array(numbers, dtype=np.int64)
        starts = np.cumsum(self.sizes) - self.sizes
        first = np.searchsorted(self.tokens, starts[chosen])
        last = np.searchsorted(self.tokens, starts[chosen] + self.sizes[chosen])
        rows, places = _ranges(first, last - first)
        sizes = self.sizes[chosen]
        moved = (np.cumsum(sizes) - sizes - starts[chosen])[places]
        first = np.searchsorted(self.owners, chosen)
        last = np.searchsorted(self.owners, chosen, side="right")
        move_rows, owners = _ranges(first, last - first)
        return SoftLabels(
            sizes,
            self.num_tags,
            self.tokens[rows] + moved,
            self.tags[rows],
            self.shares[rows],
            owners,
            self.moves[move_rows],
            self.counts[move_rows],
        )


class SentenceLabels(NamedTuple):
    """Those of one sentence: the columns of `SoftLabels`, tokens counted from its first."""

    tokens: Array
    tags: Array
    shares: Array
    moves: Array
    counts: Array


def soften(
    posterior: ChainPosterior | IndependentPosterior, batch: ChainBatch, num_tags: int
) -> Iterator[tuple[int, SentenceLabels]]:
    """Yield for each chain of a batch its number and what is believed of its K = `num_tags` tags."""
    marginals = posterior.marginals.transpose(1, 0, 2)  # (B, T, K)
    kept = (marginals >= LEAST) & batch.inside.T[..., None]
    chains, steps, tags = kept.nonzero()
    shares = marginals[kept].astype(np.float64)
    T = marginals.shape[1]
    place = chains * T + steps
    counts = np.bincount(place, minlength=len(batch.numbers) * T + 1)
    starts = np.cumsum(counts) - counts
    shares /= np.bincount(place, shares, len(counts))[place]
    # each tag that is kept, with each one that is kept at the next token of the same chain
    following = np.where(steps + 1 < T, counts[place + 1], 0)
    second, first = _ranges(starts[place + 1], following)
    pairs = np.stack((tags[first], tags[second]), axis=1).reshape(-1)
    found = posterior.runs(pairs, chains[first], steps[first], steps[first] + 2)
    moves = tags[first] * num_tags + tags[second]
    ends = np.searchsorted(chains, np.arange(len(batch.numbers) + 1))
    move_ends = np.searchsorted(chains[first], np.arange(len(batch.numbers) + 1))
    for column, number in enumerate(batch.numbers.tolist()):
        own = slice(ends[column], ends[column + 1])
        made = slice(move_ends[column], move_ends[column + 1])
        sums = sum_moves(moves[made], found[made], int(batch.sizes[column]) - 1)
        yield number, SentenceLabels(steps[own], tags[own], shares[own], *sums)


def sum_moves(moves: Ints, counts: Array, total: int) -> tuple[Ints, Array]:
    """Add up what is said of each move of a sentence, leave out what is seldom, and scale the rest to `total`."""
    if not len(moves):
        return moves, np.zeros(0)
    distinct, rows = np.unique(moves, return_inverse=True)
    sums = np.bincount(rows, counts)
    kept = sums >= LEAST
    return distinct[kept], sums[kept] * (total / sums[kept].sum())


def join(parts: Sequence[SentenceLabels], sizes: Sequence[int], num_tags: int) -> SoftLabels:
    """Put those of single sentences together, in order; `sizes` are the tokens of each."""
    lengths = np.array(sizes, dtype=np.int32)
    starts = (np.cumsum(lengths) - lengths).tolist()
    return SoftLabels(
        lengths,
        num_tags,
        _concatenate([part.tokens + start for part, start in zip(parts, starts, strict=True)]).astype(
            np.int32
        ),
        _concatenate([part.tags for part in parts]).astype(np.int32),
        _concatenate([part.shares for part in parts]).astype(np.float16),
        np.repeat(np.arange(len(parts), dtype=np.int32), [len(part.moves) for part in parts]),
        _concatenate([part.moves for part in parts]).astype(
            np.int64 if num_tags**2 > _LARGEST_NUMBER else np.int32
        ),
        _concatenate([part.counts for part in parts]).astype(np.float16),
    )


def mean(parts: Sequence[SoftLabels]) -> SoftLabels:
    """Return the mean of what several models believe of the same sentences, with tags of the same numbers."""
    if len(parts) == 1:
        return parts[0]
    K = parts[0].num_tags
    tokens, tags, shares = _add_up(((each.tokens, each.tags, each.shares) for each in parts), K, len(parts))
    owners, moves, counts = _add_up(
        ((each.owners, each.moves, each.counts) for each in parts), K * K, len(parts)
    )
    first = parts[0]
    return SoftLabels(
        first.sizes,
        K,
        tokens.astype(np.int32),
        tags.astype(np.int32),
        shares.astype(np.float16),
        owners.astype(np.int32),
        moves.astype(first.moves.dtype),
        counts.astype(np.float16),
    )


def chain_labels(parts: Sequence[SoftLabels]) -> SoftLabels:
    """Return those of several texts as those of one: the sentences of one behind those of the other."""
    sentences = np.cumsum([0, *(len(each) for each in parts[:-1])])
    tokens = np.cumsum([0, *(int(each.sizes.sum()) for each in parts[:-1])])
    return SoftLabels(
        _concatenate([each.sizes for each in parts]),
        parts[0].num_tags,
        _concatenate([each.tokens + start for each, start in zip(parts, tokens, strict=True)]),
        _concatenate([each.tags for each in parts]),
        _concatenate([each.shares for each in parts]),
        _concatenate([each.owners + start for each, start in zip(parts, sentences, strict=True)]),
        _concatenate([each.moves for each in parts]),
        _concatenate([each.counts for each in parts]),
    )


def merge(one: SoftLabels, other: SoftLabels, takes_other: NDArray[np.bool_]) -> SoftLabels:
    """Return labels of S sentences that are the other's where (S,) says so."""
    numbers = np.arange(len(one)) + np.where(takes_other, len(one), 0)
    return chain_labels([one, other]).take(numbers)


def _add_up(
    parts: Iterable[tuple[Array, Array, Array]], width: int, divisor: int
) -> tuple[Array, Array, Array]:
    """Add up sparse rows (row, column, value) of several and divide them."""
    rows, columns, values = (np.concatenate(each) for each in zip(*parts, strict=True))
    keys, places = np.unique(rows.astype(np.int64) * width + columns, return_inverse=True)
    return keys // width, keys % width, np.bincount(places, values.astype(np.float64)) / divisor


def _ranges(starts: Array, counts: Array) -> tuple[Ints, Ints]:
    """Return the numbers of several ranges one after the other, and which range each is of."""
    owners = np.repeat(np.arange(len(starts)), counts)
    offsets = np.cumsum(counts) - counts
    return np.arange(len(owners)) - offsets[owners] + np.asarray(starts, dtype=np.int64)[owners], owners


def _begins(rows: Array) -> Ints:
    """Return where each run of equal rows begins."""
    found: Ints = np.flatnonzero(np.diff(rows, prepend=-1))
    return found


def _concatenate(parts: Sequence[Array]) -> Array:
    return np.concatenate(parts) if parts else np.zeros(0)
