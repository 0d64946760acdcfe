"""Gold labels judged by a model: where it would label otherwise, and how probable either reading of that place is.

A place is a run of tokens in which gold and the model's best reading have spans that overlap and aren't the same: a
span of another type, with other borders, one that gold lacks, one that the model wouldn't give, or several of these.
Both readings of a place are runs of tags over the same tokens, so that the chain's posterior says how probable each
of them is, exactly (`runtime.chain.posterior`). What the rest of the sentence is doesn't matter: all its readings are
summed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagger.runtime.chain import ChainPosterior, IndependentPosterior
from tagger.runtime.chainbatch import batch_chains
from tagger.runtime.decode import build_decoding
from tagger.runtime.network import Network
from tagger.runtime.threads import one_blas_thread
from tagger.runtime.trained import TrainedModel, inner_scheme
from tagger.scoring.review.suspects import LabelDoubt
from tagger.text import schemes
from tagger.text.conll import Sentence
from tagger.text.repetition import number_scopes, scope_size
from tagger.text.schemes import UNKNOWN_TAG, Scheme, Span

Ints = NDArray[np.int64]
Posterior = ChainPosterior | IndependentPosterior

_CHUNK = 24_000  # tokens whose scores are held at once
_UNKNOWN = (
    1e-3  # of a reading with a type that the model never met: it can't say, and a rare type is no fault
)


class _Place(NamedTuple):
    start: int
    end: int
    gold: tuple[Span, ...]
    found: tuple[Span, ...]


class Judge:
    """Holds gold labels against a model's own reading.

    Args:
        model: which shouldn't have learnt from what it judges.
        scheme: of the gold tags.
    """

    def __init__(self, model: TrainedModel, scheme: Scheme) -> None:
        self._scheme = scheme
        self._inner = inner_scheme(model.scheme)
        self._tags = model.lexicon.tags
        self._rows = {tag: row for row, tag in enumerate(self._tags)}
        self._network = Network(model)
        self._decoding = build_decoding(model)
        self._temperature = model.temperature
        self._scope = scope_size(model.config.encoder.context)

    def judge(self, sentences: Sequence[Sentence]) -> Iterator[LabelDoubt]:
        """Yield the places where the model reads otherwise, sentence by sentence.

        Args:
            sentences: with their gold tags; tokens tagged `?` are in no place.
        """
        scopes = number_scopes((each.document for each in sentences), self._scope)
        for part in _cut(sentences, scopes):
            yield from sorted(self._judge_part(sentences[part], scopes[part], part.start))

    def _judge_part(
        self, sentences: Sequence[Sentence], scopes: Sequence[int], base: int
    ) -> Iterator[LabelDoubt]:
        columns = [sentence.features for sentence in sentences]
        with one_blas_thread():
            emissions = self._network.emissions([each.tokens for each in sentences], scopes, columns)
        sizes = np.array([len(sentence) for sentence in sentences], np.int64)
        for batch in batch_chains(np.cumsum(sizes) - sizes, sizes):
            scores = batch.take(emissions)
            best = self._decoding.viterbi(scores, batch.sizes)
            places = [
                (column, place)
                for column, number in enumerate(batch.numbers.tolist())
                for place in self._find_places(sentences[number], best[: batch.sizes[column], column])
            ]
            if not places:
                continue
            posterior = self._decoding.posterior(scores, batch.sizes, None, self._temperature)
            probabilities = self._weigh(posterior, places)
            for (column, place), gold, found in zip(places, *probabilities, strict=True):
                yield LabelDoubt(base + int(batch.numbers[column]), *place, gold, found)

    def _find_places(self, sentence: Sentence, best: Ints) -> Iterator[_Place]:
        found = schemes.tags_to_spans([self._tags[row] for row in best.tolist()], self._inner)
        gold = schemes.tags_to_spans(sentence.tags, self._scheme)
        both = set(gold) & set(found)
        spans = sorted(
            (span.start, span.end, is_found, span)
            for is_found, each in enumerate((gold, found))
            for span in each
            if span not in both
        )
        group: list[tuple[int, int, int, Span]] = []
        end = 0
        for each in [*spans, None]:
            if group and (each is None or each[0] >= end):
                place = slice(group[0][0], end)
                if UNKNOWN_TAG not in sentence.tags[place]:
                    parts = (tuple(span for *_, which, span in group if which == part) for part in (0, 1))
                    yield _Place(place.start, place.stop, *parts)
                group = []
            if each is not None:
                end = max(end, each[1]) if group else each[1]
                group.append(each)

    def _weigh(
        self, posterior: Posterior, places: Sequence[tuple[int, _Place]]
    ) -> tuple[list[float], list[float]]:
        """Return how probable the gold reading of each place is, and how probable the model's."""
        columns = np.array([column for column, _ in places])
        starts = np.array([place.start for _, place in places])
        ends = np.array([place.end for _, place in places])
        return (
            self._weigh_readings(posterior, columns, starts, ends, [place.gold for _, place in places]),
            self._weigh_readings(posterior, columns, starts, ends, [place.found for _, place in places]),
        )

    def _weigh_readings(
        self,
        posterior: Posterior,
        columns: Ints,
        starts: Ints,
        ends: Ints,
        readings: Sequence[Iterable[Span]],
    ) -> list[float]:
        """Return the probability of each reading, a small one where the model doesn't know a type of it."""
        rows: list[int] = []
        known = np.ones(len(readings), np.bool_)
        for number, spans in enumerate(readings):
            start = int(starts[number])
            moved = [span._replace(start=span.start - start, end=span.end - start) for span in spans]
            tags = schemes.spans_to_tags(moved, int(ends[number]) - start, self._inner)
            found = [self._rows.get(tag, -1) for tag in tags]
            known[number] = min(found) >= 0
            rows += [max(row, 0) for row in found]
        chances = posterior.runs(np.array(rows), columns, starts, ends)
        found_chances: list[float] = np.where(known, np.clip(chances, 0.0, 1.0), _UNKNOWN).tolist()
        return found_chances


def _cut(sentences: Sequence[Sentence], scopes: Sequence[int]) -> Iterator[slice]:
    """Cut sentences into parts of bounded size, between two scopes."""
    start = tokens = 0
    for place, (before, scope) in enumerate(pairwise(scopes), 1):
        tokens += len(sentences[place - 1])
        if tokens >= _CHUNK and scope != before:
            yield slice(start, place)
            start, tokens = place, 0
    if start < len(scopes):
        yield slice(start, len(scopes))
