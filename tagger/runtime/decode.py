"""Emission scores -> tags, spans with their exact probabilities, and the n best readings.

Sentences are decoded in batches of like length; a probability is computed only where a span was found.

The best tag sequence (Viterbi) makes the fewest mistakes with whole sentences; what users count is F1 = 2c / (g + p),
of c correct spans, g gold ones and p predicted ones. One span more, right with probability q, makes it
2 (c + q) / (g + p + 1), which is more only if q > F1 / 2 (Lipton, Elkan and Naryanaswamy 2014, "Optimal thresholding
of classifiers to maximize F1 measure"). So a span of the best sequence is given if it is at least that probable:
`min_confidence`, half of the F1 on dev, unless that lowers the F1 on dev by more than chance (`scoring.counts`). The
n best readings leave nothing out, nor does a model that cuts text into words: each character is in one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagger.errors import ConfigError, DataError
from tagger.runtime.agreement import Agreement, heeds_repeats
from tagger.runtime.chain import Chain, ChainPosterior, Independent, IndependentPosterior
from tagger.runtime.chainbatch import MOST_CHAINS, ChainBatch, batch_chains
from tagger.runtime.questions import Alternative, Doubt, Labelling, Question, ScoredSpan
from tagger.runtime.rivals import FoundSpans, Rival, RivalFinder
from tagger.runtime.softlabels import SentenceLabels, SoftLabels, join, soften
from tagger.runtime.tagtable import Known, TagTable
from tagger.runtime.trained import TrainedModel
from tagger.text.schemes import OUTSIDE, Scheme, Span

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

# A longer sentence is decoded in parts. The last tokens of a part only look ahead: it is cut between two spans before
# them, where what follows hardly matters any more.
LONGEST_CHAIN = 16_384
_LOOK_AHEAD = 64


class Decoder:
    """Answers questions about sentences whose emission scores are known; holds no state between calls.

    Args:
        model: whose tags, decoder and fitted numbers these are.
    """

    def __init__(self, model: TrainedModel) -> None:
        self.table = TagTable(model)
        self._decoding = build_decoding(model)
        self._leaves_out = not model.task.cuts_words
        self._agreement = Agreement(self.table.types, self._decoding)
        self._rivals = RivalFinder(self.table)
        self._take_fitted(model)

    def with_fitted(self, model: TrainedModel) -> Decoder:
        """Return a decoder with the fitted numbers of a model whose tags and moves are the same.

        What follows from the tags alone is not computed again; with many types that takes longest.
        """
        other = copy.copy(self)
        other._take_fitted(model)
        return other

    def _take_fitted(self, model: TrainedModel) -> None:
        self._temperature = model.temperature
        self._strength = model.agreement if heeds_repeats(model.scheme) else 0.0
        self._min_confidence = model.min_confidence

    @property
    def weighs_repeats(self) -> bool:
        """Whether repeats change anything, and so are worth finding."""
        return self._strength > 0.0

    def decode(
        self,
        emissions: Floats,
        lengths: Sequence[int],
        question: Question,
        known: Sequence[Sequence[Known] | None] | None = None,
        repeats: Ints | None = None,
        parted: Mask | None = None,
    ) -> list[Labelling]:
        """Label sentences.

        Args:
            emissions: (N, K) scores of the tokens of all sentences, one after the other.
            lengths: tokens of each sentence, at least 1.
            question: what to find out.
            known: for each sentence what is known of each token's tag, or None.
            repeats: (N,) which tokens repeat each other, see `text.repetition`; None: there are none.
            parted: (N,) before which tokens every span ends; None: before none.
        """
        sizes = np.array(lengths, dtype=np.int64)
        starts = np.cumsum(sizes) - sizes
        allowed = self._part_spans(parted, self._find_allowed(known, starts, len(emissions)))
        best = np.zeros(len(emissions), dtype=np.int64)
        if repeats is not None and self.weighs_repeats:
            with _contradictions_explained():
                parts = self._cut_chains(starts, sizes, emissions)
                pull = self._agreement.weigh(emissions, *parts, repeats, allowed)
            emissions = emissions if pull is None else pull.add_to(emissions, self._strength)
        parts = self._cut_chains(starts, sizes, emissions)
        for batch in batch_chains(*parts):
            best[batch.places[batch.inside]] = self._solve(batch, emissions, allowed)[batch.inside]
        spans = self._find_spans(best, starts, sizes)
        least = self._find_least(question)
        asked = question.confidences or least or question.rivals or question.expected_spans or question.doubt
        confidences, rivals, expected, doubts = (
            self._weigh_spans(best, spans, starts, parts, emissions, allowed, question)
            if asked
            else _Weighed()
        )
        given = (
            None if not least or confidences is None else self._find_given(spans, confidences, least, allowed)
        )
        labellings = self._assemble(
            best, spans, confidences if question.confidences else None, given, starts, sizes
        )
        if rivals is not None:
            self._add_rivals(labellings, spans, rivals, given)
        if expected is not None:
            for labelling, total in zip(labellings, expected, strict=True):
                labelling.expected_spans = total
        if doubts is not None:
            if question.doubt is Doubt.ERRORS and confidences is not None:
                counted = slice(None) if given is None else given
                doubts[spans.starts[counted]] += 1.0 - 2.0 * confidences[counted]
            for labelling, own in zip(labellings, np.split(doubts, starts[1:]), strict=True):
                labelling.doubts = own.tolist()
        if question.nbest:
            self._add_alternatives(labellings, starts, sizes, emissions, allowed, question.nbest)
        return labellings

    def weigh(
        self,
        emissions: Floats,
        lengths: Sequence[int],
        spans: Sequence[Sequence[Span]],
        *,
        repeats: Ints | None = None,
    ) -> list[list[float | None]]:
        """Return how probable given spans of each sentence are, found or not; None: their type is unknown.

        Args:
            emissions, lengths, repeats: as of `decode`; a sentence has at most `LONGEST_CHAIN` tokens.
            spans: of each sentence, in token indices.
        """
        values: list[list[float | None]] = [[] for _ in lengths]
        for batch, posterior in self._find_posteriors(emissions, lengths, self._temperature, repeats):
            numbers = batch.numbers.tolist()
            asked = [(column, span) for column, number in enumerate(numbers) for span in spans[number]]
            columns = np.array([(column, span.start, span.end) for column, span in asked], dtype=np.int64)
            chains, first, end = columns.reshape(-1, 3).T
            given = FoundSpans(chains, first, end, [span.type for _, span in asked])
            for (column, _), value in zip(asked, self._rivals.weigh(posterior, given), strict=True):
                values[numbers[column]].append(value)
        return values

    def soften(
        self,
        emissions: Floats,
        lengths: Sequence[int],
        *,
        temperature: float = 1.0,
        repeats: Ints | None = None,
        known: Sequence[Sequence[Known] | None] | None = None,
    ) -> SoftLabels:
        """Return how probable the tags of sentences are, and how often each move between tags is expected.

        Args:
            emissions, lengths, repeats, known: as of `decode`; a sentence has at most `LONGEST_CHAIN` tokens.
            temperature: what scores are divided by; 1 is what training made of them, `TrainedModel.temperature` what
                makes confidences true.
        """
        K = len(self.table.inside)
        found: dict[int, SentenceLabels] = {}
        for batch, posterior in self._find_posteriors(emissions, lengths, temperature, repeats, known):
            found.update(soften(posterior, batch, K))
        return join([found[number] for number in range(len(lengths))], lengths, K)

    def _find_posteriors(
        self,
        emissions: Floats,
        lengths: Sequence[int],
        temperature: float,
        repeats: Ints | None,
        known: Sequence[Sequence[Known] | None] | None = None,
    ) -> Iterator[tuple[ChainBatch, ChainPosterior | IndependentPosterior]]:
        """Yield the posterior of whole sentences, batch by batch."""
        sizes = np.array(lengths, dtype=np.int64)
        starts = np.cumsum(sizes) - sizes
        allowed = self._find_allowed(known, starts, len(emissions))
        if repeats is not None and self.weighs_repeats:
            with _contradictions_explained():
                pull = self._agreement.weigh(emissions, starts, sizes, repeats, allowed)
            emissions = emissions if pull is None else pull.add_to(emissions, self._strength)
        for batch in batch_chains(starts, sizes):
            with _contradictions_explained():
                posterior = self._decoding.posterior(
                    batch.take(emissions), batch.sizes, batch.take_allowed(allowed), temperature
                )
            yield batch, posterior

    def _find_least(self, question: Question) -> float:
        """Return how probable a span must be to be given; words of a text all are."""
        if not self._leaves_out:
            if question.min_confidence:
                found = f"found {question.min_confidence:g}, but the model cuts all text into words"
                raise ConfigError(f"{found}, and none can be left out; leave this out", "min_confidence")
            return 0.0
        return self._min_confidence if question.min_confidence is None else question.min_confidence

    def _find_allowed(
        self, known: Sequence[Sequence[Known] | None] | None, starts: Ints, tokens: int
    ) -> Mask | None:
        """Return (N, K) which tags each token may have; None: any."""
        if known is None or all(each is None for each in known):
            return None
        allowed = np.ones((tokens, len(self.table.inside)), dtype=bool)
        for number, (facts, start) in enumerate(zip(known, starts.tolist(), strict=True)):
            for token, fact in enumerate(facts or ()):
                try:
                    rows = self.table.find_rows(fact)
                except DataError as error:
                    raise DataError(f"sentence {number}, token {token} (counted from 0): {error}") from None
                if rows is not None:
                    allowed[start + token] = False
                    allowed[start + token, rows] = True
        return allowed

    def _part_spans(self, parted: Mask | None, allowed: Mask | None) -> Mask | None:
        """Return (N, K) which tags each token may have where spans end before some of them."""
        if parted is None or not parted.any():
            return allowed
        if allowed is None:
            allowed = np.ones((len(parted), len(self.table.inside)), dtype=bool)
        allowed[parted] &= self.table.begins | self.table.is_outside
        allowed[np.append(parted[1:], False)] &= self.table.ends | self.table.is_outside
        return allowed

    def _cut_chains(self, starts: Ints, sizes: Ints, emissions: Floats) -> tuple[Ints, Ints]:
        """Return starts and sizes of what is decoded at once: sentences, and parts of very long ones."""
        if not len(sizes) or sizes.max() <= LONGEST_CHAIN:
            return starts, sizes
        parts: list[tuple[int, int]] = []
        for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
            end = start + size
            while end - start > LONGEST_CHAIN:
                cut = self._find_cut(start, emissions)
                parts.append((start, cut - start))
                start = cut
            parts.append((start, end - start))
        cut_starts, cut_sizes = np.array(parts, dtype=np.int64).T
        return cut_starts, cut_sizes

    def _find_cut(self, start: int, emissions: Floats) -> int:
        """Return where the best tags of a long chain that begins at `start` last stand between two spans."""
        scores = emissions[start : start + LONGEST_CHAIN, None]
        rows = self._decoding.viterbi(scores, np.array([len(scores)]))
        found = rows[: LONGEST_CHAIN - _LOOK_AHEAD, 0]
        closed = self.table.ends[found] | self.table.is_outside[found]
        places = np.flatnonzero(closed)
        return int(start + (places[-1] + 1 if len(places) else len(found)))

    def _solve(self, batch: ChainBatch, emissions: Floats, allowed: Mask | None) -> Ints:
        """Return (T, B) best rows of a batch."""
        with _contradictions_explained():
            return self._decoding.viterbi(batch.take(emissions), batch.sizes, batch.take_allowed(allowed))

    def _find_spans(self, best: Ints, starts: Ints, sizes: Ints) -> _Spans:
        table = self.table
        are_cut = bool(len(sizes)) and sizes.max() > LONGEST_CHAIN
        may_touch = table.scheme is Scheme.IO and are_cut  # where two parts of a sentence meet
        if (table.is_sure and not may_touch) or table.inner is Scheme.BARE:
            if table.inner is Scheme.BARE:
                first = np.flatnonzero(table.inside[best] != OUTSIDE)
                last = first
            else:
                first, last = np.flatnonzero(table.begins[best]), np.flatnonzero(table.ends[best])
            owners = np.searchsorted(starts, first, side="right") - 1
            return _Spans(owners, first, last + 1, table.names[best[first]].tolist())
        spans: list[tuple[int, int, int]] = []
        types: list[str] = []
        for number in self._find_busy(best, starts):
            start = int(starts[number])
            for span in table.find_spans(best[start : start + sizes[number]].tolist()):
                spans.append((number, start + span.start, start + span.end))
                types.append(span.type)
        owners, first, end = np.array(spans, dtype=np.int64).reshape(-1, 3).T
        return _Spans(owners, first, end, types)

    def _find_busy(self, best: Ints, starts: Ints) -> list[int]:
        """Return the sentences that have a tag other than `O`."""
        if not len(starts):
            return []
        found: list[int] = np.flatnonzero(
            np.logical_or.reduceat(~self.table.is_outside[best], starts)
        ).tolist()
        return found

    def _weigh_spans(
        self,
        best: Ints,
        spans: _Spans,
        sentence_starts: Ints,
        parts: tuple[Ints, Ints],
        emissions: Floats,
        allowed: Mask | None,
        question: Question,
    ) -> _Weighed:
        """Return the posterior probability of each span, and what else is asked for."""
        starts, sizes = parts
        values = np.zeros(len(spans.starts))
        rivals: list[list[Rival]] | None = [[] for _ in spans.types] if question.rivals else None
        begins = np.zeros(len(starts)) if question.expected_spans else None  # in each chain
        doubts = np.zeros(len(best)) if question.doubt else None
        chains = np.searchsorted(starts, spans.starts, side="right") - 1
        asked = (
            np.flatnonzero(np.bincount(chains))  # in order; np.unique would import masked arrays
            if begins is None and doubts is None
            else np.arange(len(starts))
        )
        rows_of_chain = np.full(len(starts), -1)
        for batch in batch_chains(starts[asked], sizes[asked]):
            posterior = self._decoding.posterior(
                batch.take(emissions), batch.sizes, batch.take_allowed(allowed), self._temperature
            )
            if begins is not None or question.doubt is Doubt.ERRORS:
                marginals = posterior.marginals
                opening = marginals @ self.table.opens.astype(marginals.dtype)  # (T, B)
                if begins is not None:
                    begins[asked[batch.numbers]] = opening.sum(0, dtype=np.float64)
            if doubts is not None:
                found = opening if question.doubt is Doubt.ERRORS else posterior.entropies
                doubts[batch.places[batch.inside]] = found[batch.inside]
            rows_of_chain[:] = -1
            rows_of_chain[asked[batch.numbers]] = np.arange(len(batch.numbers))
            here = np.flatnonzero(rows_of_chain[chains] >= 0)
            if not len(here):
                continue
            owners = chains[here]
            first = spans.starts[here] - starts[owners]
            end = np.minimum(spans.ends[here] - starts[owners], sizes[owners])
            found = posterior.spans(best[batch.places], rows_of_chain[owners], first, end)
            values[here] = np.clip(found, 0.0, 1.0)
            if rivals is not None:
                types = [spans.types[place] for place in here.tolist()]
                met = FoundSpans(rows_of_chain[owners], first, end, types)
                behind = (starts[owners] - sentence_starts[spans.owners[here]]).tolist()
                listed = self._rivals.find(posterior, batch.sizes, met, question.rivals)
                for place, base, others in zip(here.tolist(), behind, listed, strict=True):
                    rivals[place] = [
                        Rival(each.type, base + each.start, base + each.end, each.confidence)
                        for each in others
                    ]
        if begins is None:
            return _Weighed(values, rivals, None, doubts)
        owners = np.searchsorted(sentence_starts, starts, side="right") - 1  # the sentences of chains
        expected = np.bincount(owners, begins, len(sentence_starts)).tolist()
        return _Weighed(values, rivals, expected, doubts)

    def _find_given(
        self, spans: _Spans, confidences: NDArray[np.float64], least: float, allowed: Mask | None
    ) -> Mask:
        """Return which spans are probable enough, or demanded: where a token of theirs can't be `O`."""
        given: Mask = confidences >= least
        outside = self.table.outside_row
        if allowed is not None and outside is not None:
            demanded = np.concatenate(([0], np.cumsum(~allowed[:, outside])))  # tokens before each one
            given |= demanded[spans.ends] > demanded[spans.starts]
        return given

    def _assemble(
        self,
        best: Ints,
        spans: _Spans,
        confidences: NDArray[np.float64] | None,
        given: Mask | None,
        starts: Ints,
        sizes: Ints,
    ) -> list[Labelling]:
        """Write tags and spans; `given` is which spans, None: all."""
        table = self.table
        names = table.outside[best].tolist()
        labellings = [
            Labelling(names[start : start + size])
            for start, size in zip(starts.tolist(), sizes.tolist(), strict=True)
        ]
        bare = table.inner is Scheme.BARE
        probabilities: list[float | None] = (
            [None] * len(spans.types) if confidences is None else confidences.tolist()
        )
        firsts = (spans.starts - starts[spans.owners]).tolist() if len(spans.types) else []
        ends = (spans.ends - starts[spans.owners]).tolist() if len(spans.types) else []
        wanted = [True] * len(spans.types) if given is None else given.tolist()
        for owner, type_, first, end, probability, is_given in zip(
            spans.owners.tolist(), spans.types, firsts, ends, probabilities, wanted, strict=True
        ):
            if not is_given:
                if not bare:
                    labellings[owner].tags[first:end] = [OUTSIDE] * (end - first)
                continue
            labellings[owner].spans.append(ScoredSpan(type_, first, end, probability))
        if not (table.is_sure or bare):
            for owner in self._find_busy(best, starts):
                labelling = labellings[owner]
                labelling.tags[:] = table.spell_spans(labelling.spans, len(labelling.tags))
        return labellings

    def _add_rivals(
        self, labellings: list[Labelling], spans: _Spans, rivals: list[list[Rival]], given: Mask | None
    ) -> None:
        """Put the rivals of those spans that are given beside them."""
        for labelling in labellings:
            labelling.rivals = []
        for place, owner in enumerate(spans.owners.tolist()):
            listed = labellings[owner].rivals
            if listed is not None and (given is None or given[place]):
                listed.append(rivals[place])

    def _add_alternatives(
        self,
        labellings: list[Labelling],
        starts: Ints,
        sizes: Ints,
        emissions: Floats,
        allowed: Mask | None,
        n: int,
    ) -> None:
        """Find the n best readings of each sentence, with the probabilities of their spans."""
        for batch in batch_chains(starts, sizes, max(1, MOST_CHAINS // n)):
            scores, options = batch.take(emissions), batch.take_allowed(allowed)
            found = self._decoding.nbest(scores, batch.sizes, n, options)
            posterior = self._decoding.posterior(scores, batch.sizes, options, self._temperature)
            probabilities = np.clip(posterior.of_scores(found.scores / self._temperature), 0.0, 1.0).tolist()
            counts = found.counts.tolist()
            numbers, lengths = batch.numbers.tolist(), batch.sizes.tolist()
            for number in numbers:
                labellings[number].nbest = []
            for rank in range(n):
                tags = found.tags[:, :, rank]
                rows = [
                    column[:size] if rank < count else []
                    for column, size, count in zip(tags.T.tolist(), lengths, counts, strict=True)
                ]
                readings = self._find_readings(rows, tags, posterior)
                for place, number in enumerate(numbers):
                    alternatives = labellings[number].nbest
                    if rows[place] and alternatives is not None:
                        alternatives.append(Alternative(probabilities[place][rank], *readings[place]))

    def _find_readings(
        self, rows: Sequence[Sequence[int]], tags: Ints, posterior: ChainPosterior | IndependentPosterior
    ) -> list[tuple[list[str], list[ScoredSpan]]]:
        """Return tags and spans of one reading of each sentence of a batch; tags (T, B)."""
        spans = [self.table.find_spans(row) for row in rows]
        asked = [(place, span.start, span.end) for place, found in enumerate(spans) for span in found]
        index = np.array(asked, dtype=np.int64).reshape(-1, 3).T
        values = iter(np.clip(posterior.spans(tags, *index), 0.0, 1.0).tolist() if asked else [])
        scored = [[ScoredSpan(*span, next(values)) for span in found] for found in spans]
        if self.table.inner is Scheme.BARE:
            names = [self.table.outside[row].tolist() if row else [] for row in rows]
        else:
            names = [self.table.spell_spans(found, len(row)) for found, row in zip(scored, rows, strict=True)]
        return list(zip(names, scored, strict=True))


def build_decoding(model: TrainedModel) -> Chain | Independent:
    """Return what decodes a model's scores: its chain, or independent choices where it was trained so."""
    if model.config.decoder.kind == "softmax":
        return Independent(len(model.lexicon.tags))
    start, transitions, end = (
        model.weights[f"decoder.{name}"] for name in ("start_transitions", "transitions", "end_transitions")
    )
    return Chain(start, transitions, end, model.constraints)


@contextmanager
def _contradictions_explained() -> Iterator[None]:
    """Say whose fault it is if a chain has no possible tags."""
    try:
        yield
    except DataError as error:
        raise DataError(f"the known tags of a sentence contradict each other: {error}") from None


class _Weighed(NamedTuple):
    """What probabilities say; None where nobody asked.

    Attributes:
        confidences: of each span.
        rivals: of each span.
        expected: how many spans each sentence is expected to have.
        doubts: (N,) how doubtful each token is; of `Doubt.ERRORS` how probable it is that a span begins there.
    """

    confidences: NDArray[np.float64] | None = None
    rivals: list[list[Rival]] | None = None
    expected: list[float] | None = None
    doubts: NDArray[np.float64] | None = None


class _Spans(NamedTuple):
    """Spans of all sentences in order: whose they are, where among all tokens they start and end, and their types."""

    owners: Ints
    starts: Ints
    ends: Ints
    types: list[str]
