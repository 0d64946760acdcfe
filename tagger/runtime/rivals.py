"""What else the tokens of a span could be: its rivals, with their exact probabilities; and how probable any span is.

A rival is a span of another type over the same tokens, one of any type whose borders are others, or no span there
at all. Each is a run of tags, so the chain's posterior says how probable it is, given all that it knows. Most of the
runs that could be are as good as impossible, and no run is more probable than its first tag or its last: those two
are looked at first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagger.runtime.chain import ChainPosterior, IndependentPosterior
from tagger.runtime.tagtable import TagTable
from tagger.text.schemes import OUTSIDE, Scheme

Ints = NDArray[np.int64]
Posterior = ChainPosterior | IndependentPosterior

_REACH = 2  # tokens by which a border of a rival may be another
_LEAST = 1e-4  # what is less probable is no rival; looking for it among hundreds of types would take seconds
_BOUND = _LEAST * 0.99  # the same of tags alone, which are known less exactly
_CELLS = 1 << 19  # numbers that are looked at at once
_NOTHING = -1  # the type of no span


class Rival(NamedTuple):
    """What tokens `start` to `end` (half-open) could be: of a type, or no span (None); and how probable that is."""

    type: str | None
    start: int
    end: int
    confidence: float


class FoundSpans(NamedTuple):
    """N spans of the chains of a batch.

    Attributes:
        chains: (N,) which column of the batch each is in.
        starts: (N,) its first token, counted from the chain's beginning.
        ends: (N,) one past its last.
        types: (N,) by their names.
    """

    chains: Ints
    starts: Ints
    ends: Ints
    types: Sequence[str]


class _Candidates(NamedTuple):
    """What M rivals could be: whose, of which type and from where to where; `first` and `end` count tokens."""

    span: Ints
    type: Ints
    first: Ints
    end: Ints


class RivalFinder:
    """Finds rivals of spans for the tags of a model."""

    def __init__(self, table: TagTable) -> None:
        self._is_bare = table.inner is Scheme.BARE
        begins, ends, outside = table.begins, table.ends, table.is_outside
        where = [begins & ends, begins & ~ends, ~(begins | ends | outside), ends & ~begins]
        if self._is_bare:
            where = [~outside] * 4
        self._single, self._first, self._inner, self._last = map(np.flatnonzero, where)  # (types,) rows each
        self._outside = table.outside_row
        self._names: list[str] = table.names[self._single].tolist()
        self._numbers = {name: number for number, name in enumerate(self._names)}

    def find(self, posterior: Posterior, sizes: Ints, spans: FoundSpans, most: int) -> list[list[Rival]]:
        """Return up to `most` rivals of each span, most probable first; tokens count from the chain's beginning.

        Args:
            posterior: of the batch.
            sizes: (B,) tokens of each chain.
            spans: whose rivals.
            most: at least 1.
        """
        rivals: list[list[Rival]] = []
        step = max(1, _CELLS // ((2 * _REACH + 1) * max(1, len(self._names))))
        for at in range(0, len(spans.starts), step):
            part = FoundSpans(
                spans.chains[at : at + step],
                spans.starts[at : at + step],
                spans.ends[at : at + step],
                spans.types[at : at + step],
            )
            rivals += self._find_some(posterior, sizes, part, most)
        return rivals

    def weigh(self, posterior: Posterior, spans: FoundSpans) -> list[float | None]:
        """Return how probable spans are, whether they were found or not; None: the model lacks the type."""
        numbers = [self._find_number(name) for name in spans.types]
        known = np.array(
            [place for place, number in enumerate(numbers) if number is not None], dtype=np.int64
        )
        values: list[float | None] = [None] * len(numbers)
        if not len(known):
            return values
        types = np.array([number for number in numbers if number is not None])
        chains, first, end = (each[known] for each in (spans.chains, spans.starts, spans.ends))
        chances = posterior.runs(self._spell(types, first, end), chains, first, end)
        for place, chance in zip(known.tolist(), np.clip(chances, 0.0, 1.0).tolist(), strict=True):
            values[place] = chance
        return values

    def _find_number(self, name: str) -> int | None:
        """Return the number of a type; of bare labels `O` is one, too."""
        if self._is_bare and name == OUTSIDE and self._outside is not None:
            return _NOTHING
        return self._numbers.get(name)

    def _find_some(
        self, posterior: Posterior, sizes: Ints, spans: FoundSpans, most: int
    ) -> list[list[Rival]]:
        parts = list(self._list_candidates(posterior, sizes, spans))
        span, type_, first, end = (np.concatenate(values) for values in zip(*parts, strict=True))
        tags = self._spell(type_, first, end)
        chances = np.clip(posterior.runs(tags, spans.chains[span], first, end), 0.0, 1.0)
        order = np.lexsort((-chances, span))
        order = order[chances[order] >= _LEAST]
        span = span[order]
        rank = np.arange(len(span)) - np.searchsorted(span, span)
        order, span = order[rank < most], span[rank < most]
        rivals: list[list[Rival]] = [[] for _ in spans.types]
        chosen = (
            values.tolist() for values in (span, type_[order], first[order], end[order], chances[order])
        )
        for owner, number, start, stop, chance in zip(*chosen, strict=True):
            name = None if number == _NOTHING else self._names[number]
            rivals[owner].append(Rival(name, start, stop, chance))
        return rivals

    def _list_candidates(self, posterior: Posterior, sizes: Ints, spans: FoundSpans) -> Iterator[_Candidates]:
        """Yield what could be there instead, without what is hardly possible."""
        own = np.array([self._numbers[name] for name in spans.types], dtype=np.int64)
        everybody = np.arange(len(own))
        if self._outside is not None:
            yield _Candidates(everybody, np.full(len(own), _NOTHING), spans.starts, spans.ends)
        reach = 0 if self._is_bare else _REACH  # bare labels have no borders
        shifts = np.arange(-reach, reach + 1)
        span, shift = (each.ravel() for each in np.meshgrid(everybody, shifts, indexing="ij"))
        first = spans.starts[span] + shift
        fits = (first >= 0) & (first < spans.ends[span])
        span, first = span[fits], first[fits]
        beginning = posterior.marginals[first, spans.chains[span]]  # (candidates, K)
        place, type_ = np.nonzero(np.maximum(beginning[:, self._single], beginning[:, self._first]) >= _BOUND)
        place, shift = (each.ravel() for each in np.meshgrid(place, shifts, indexing="ij"))
        type_ = np.repeat(type_, len(shifts))
        span, first = span[place], first[place]
        end = spans.ends[span] + shift
        fits = (end > first) & (end > spans.starts[span]) & (end <= sizes[spans.chains[span]])
        fits &= (type_ != own[span]) | (first != spans.starts[span]) | (end != spans.ends[span])
        span, type_, first, end = span[fits], type_[fits], first[fits], end[fits]
        is_single = end == first + 1
        begun, ended = (
            posterior.marginals[
                token, spans.chains[span], np.where(is_single, self._single[type_], rows[type_])
            ]
            for token, rows in ((first, self._first), (end - 1, self._last))
        )
        fits = np.minimum(begun, ended) >= _BOUND
        yield _Candidates(span[fits], type_[fits], first[fits], end[fits])

    def _spell(self, type_: Ints, first: Ints, end: Ints) -> Ints:
        """Return the rows of tags that say exactly this, one candidate after the other."""
        sizes = end - first
        tags = np.repeat(self._inner[type_] if len(self._inner) else type_, sizes)
        ends = np.cumsum(sizes)
        tags[ends - 1] = self._last[type_]
        tags[ends - sizes] = np.where(sizes == 1, self._single[type_], self._first[type_])
        if self._outside is not None:
            tags[np.repeat(type_ == _NOTHING, sizes)] = self._outside
        return tags
