"""Emission scores -> tags, spans with their exact probabilities, and the n best readings.

Sentences are decoded in batches of like length; a probability is computed only where a span was found. Nothing here
knows how scores come about or what a text is.

The best tag sequence (Viterbi) makes the fewest mistakes with whole sentences; what users count is F1 = 2c / (g + p),
of c correct spans, g gold ones and p predicted ones. One span more, right with probability q, makes it
2 (c + q) / (g + p + 1), which is more only if q > F1 / 2 (Lipton, Elkan and Naryanaswamy 2014, "Optimal thresholding
of classifiers to maximize F1 measure"). So a span of the best sequence is given if it is at least that probable:
`min_confidence`, half of the F1 on dev, unless dev loses by it. The n best readings leave nothing out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tagger.errors import DataError
from tagger.model.agreement import Agreement
from tagger.model.chains import MOST_CHAINS, Chains, batch_chains
from tagger.model.crf import Posterior
from tagger.model.decoding.labels import Known, Labels
from tagger.model.softmax import SoftmaxPosterior
from tagger.model.trained import TrainedModel
from tagger.text.schemes import OUTSIDE, Scheme

Ints = NDArray[np.int64]

# A longer sentence is decoded in parts. The last tokens of a part only look ahead: it is cut between two spans before
# them, where what follows hardly matters any more.
LONGEST_CHAIN = 16_384
_LOOK_AHEAD = 64


class ScoredSpan(NamedTuple):
    """Tokens `start` to `end` (half-open) of a sentence that carry a type, and the probability of exactly that."""

    type: str
    start: int
    end: int
    confidence: float | None


class Alternative(NamedTuple):
    """One of the n best readings of a sentence: the probability of its whole tag sequence, its tags and spans."""

    confidence: float
    tags: list[str]
    spans: list[ScoredSpan]


@dataclass(slots=True)
class Labelling:
    """What a model says of one sentence.

    Attributes:
        tags: one for each token, in the scheme of the model's corpus.
        spans: in order; where labels are bare, each token that isn't `O` is a span of its own.
        nbest: the n best readings, best first; None where nobody asked.
    """

    tags: list[str]
    spans: list[ScoredSpan] = field(default_factory=list)
    nbest: list[Alternative] | None = None


class Question(NamedTuple):
    """What is asked of a decoder.

    Attributes:
        confidences: whether spans need their probability.
        nbest: how many readings; 0: none beside the best tags.
        min_confidence: spans below it are left out, and their tags become `O` (bare labels keep their tags), unless
            known tags demand them; None: what the model has.
    """

    confidences: bool = True
    nbest: int = 0
    min_confidence: float | None = None


class Decoder:
    """Answers questions about sentences whose emission scores are known; holds no state between calls.

    Args:
        model: whose tags, decoder and fitted numbers these are.
        temperature: of confidences, if it isn't the model's.
        agreement: how much the repeats of a word weigh, if it isn't what the model has them weigh.
    """

    def __init__(
        self, model: TrainedModel, *, temperature: float | None = None, agreement: float | None = None
    ) -> None:
        labeler = model.labeler
        self.labels = Labels(model)
        self._chain = labeler.decoder
        self._temperature = float(labeler.temperature) if temperature is None else temperature
        strength = float(labeler.agreement) if agreement is None else agreement
        self._agreement = strength if Agreement.is_possible(model) else 0.0
        self._min_confidence = float(labeler.min_confidence)
        self._weigh = Agreement(model)
        self._device = model.labeler.device

    @property
    def heeds_repeats(self) -> bool:
        """Whether repeats change anything, and so are worth finding."""
        return self._agreement > 0.0

    def read(
        self,
        emissions: Tensor,
        lengths: Sequence[int],
        question: Question,
        known: Sequence[Sequence[Known] | None] | None = None,
        repeats: Ints | None = None,
    ) -> list[Labelling]:
        """Label sentences.

        Args:
            emissions: (N, K) scores of the tokens of all sentences, one after the other.
            lengths: tokens of each sentence, at least 1.
            question: what to find out.
            known: for each sentence what is known of each token's tag, or None.
            repeats: (N,) which tokens repeat each other, see `text.repetition`; None: there are none.
        """
        sizes = np.array(lengths, dtype=np.int64)
        starts = np.cumsum(sizes) - sizes
        allowed = self._allowed(known, starts, len(emissions))
        best = np.zeros(len(emissions), dtype=np.int64)
        if repeats is not None and self.heeds_repeats:
            emissions = self._agree(emissions, self._cut_chains(starts, sizes, emissions), repeats, allowed)
        cut = self._cut_chains(starts, sizes, emissions)
        for batch in batch_chains(*cut):
            tags = self._solve(batch, emissions, allowed)
            best[batch.places[batch.inside]] = tags.numpy()[batch.inside]
        spans = self._spans(best, starts, sizes)
        least = self._min_confidence if question.min_confidence is None else question.min_confidence
        confidences = (
            self._confidences(best, spans, cut, emissions, allowed) if question.confidences or least else None
        )
        given = None if not least or confidences is None else self._given(spans, confidences, least, allowed)
        labellings = self._assemble(
            best, spans, confidences if question.confidences else None, given, starts, sizes
        )
        if question.nbest:
            self._add_alternatives(labellings, starts, sizes, emissions, allowed, question.nbest)
        return labellings

    def _agree(
        self, emissions: Tensor, cut: tuple[Ints, Ints], repeats: Ints, allowed: Tensor | None
    ) -> Tensor:
        """Let the repeats of a word weigh as much as the model has them."""
        with _contradiction_told():
            pull = self._weigh(emissions, *cut, repeats, allowed)
        return emissions if pull is None else pull(emissions, self._agreement)

    def _allowed(
        self, known: Sequence[Sequence[Known] | None] | None, starts: Ints, tokens: int
    ) -> Tensor | None:
        """Return (N, K) which tags each token may have; None: any."""
        if known is None or all(each is None for each in known):
            return None
        allowed = torch.ones(tokens, len(self.labels.inside), dtype=torch.bool)
        for number, (facts, start) in enumerate(zip(known, starts.tolist(), strict=True)):
            for token, fact in enumerate(facts or ()):
                try:
                    rows = self.labels.rows_of(fact)
                except DataError as error:
                    raise DataError(f"sentence {number}, token {token} (counted from 0): {error}") from None
                if rows is not None:
                    allowed[start + token] = False
                    allowed[start + token, rows] = True
        return allowed

    def _cut_chains(self, starts: Ints, sizes: Ints, emissions: Tensor) -> tuple[Ints, Ints]:
        """Return starts and sizes of what is decoded at once: sentences, and parts of very long ones."""
        if not len(sizes) or sizes.max() <= LONGEST_CHAIN:
            return starts, sizes
        parts: list[tuple[int, int]] = []
        for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
            end = start + size
            while end - start > LONGEST_CHAIN:
                cut = self._safe_cut(start, emissions)
                parts.append((start, cut - start))
                start = cut
            parts.append((start, end - start))
        cut_starts, cut_sizes = np.array(parts, dtype=np.int64).T
        return cut_starts, cut_sizes

    def _safe_cut(self, start: int, emissions: Tensor) -> int:
        """Return where the best tags of a long chain that begins at `start` last stand between two spans."""
        stop = start + LONGEST_CHAIN
        scores = emissions[start:stop].unsqueeze(1)
        rows = self._chain.viterbi(scores.to(self._device), torch.tensor([len(scores)], device=self._device))
        found = rows[: LONGEST_CHAIN - _LOOK_AHEAD, 0].cpu().numpy()
        closed = self.labels.ends[found] | (self.labels.types[found] == "")
        places = np.flatnonzero(closed)
        return int(start + (places[-1] + 1 if len(places) else len(found)))

    def _solve(self, batch: Chains, emissions: Tensor, allowed: Tensor | None) -> Tensor:
        """Return (S, B) best rows of a batch."""
        scores, options = batch.take(emissions, self._device), batch.options(allowed, self._device)
        with _contradiction_told():
            return self._chain.viterbi(scores, batch.lengths(self._device), options).cpu()

    def _spans(self, best: Ints, starts: Ints, sizes: Ints) -> _Found:
        labels = self.labels
        if labels.is_sure or labels.inner is Scheme.BARE:
            if labels.inner is Scheme.BARE:
                first = np.flatnonzero(labels.inside[best] != OUTSIDE)
                last = first
            else:
                first, last = np.flatnonzero(labels.begins[best]), np.flatnonzero(labels.ends[best])
            owners = np.searchsorted(starts, first, side="right") - 1
            return _Found(owners, first, last + 1, labels.types[best[first]].tolist())
        spans: list[tuple[int, int, int]] = []
        types: list[str] = []
        for number in self._busy(best, starts):
            start = int(starts[number])
            for span in labels.read(best[start : start + sizes[number]].tolist()):
                spans.append((number, start + span.start, start + span.end))
                types.append(span.type)
        owners, first, end = np.array(spans, dtype=np.int64).reshape(-1, 3).T
        return _Found(owners, first, end, types)

    def _busy(self, best: Ints, starts: Ints) -> list[int]:
        """Return the sentences that have a tag other than `O`."""
        if not len(starts):
            return []
        found: list[int] = np.flatnonzero(
            np.logical_or.reduceat(self.labels.types[best] != "", starts)
        ).tolist()
        return found

    def _confidences(
        self, best: Ints, spans: _Found, cut: tuple[Ints, Ints], emissions: Tensor, allowed: Tensor | None
    ) -> NDArray[np.float64]:
        """Return the posterior probability of each span."""
        starts, sizes = cut
        values = np.zeros(len(spans.starts))
        if not len(values):
            return values
        chains = np.searchsorted(starts, spans.starts, side="right") - 1
        asked = np.unique(chains)
        rows_of_chain = np.full(len(starts), -1)
        for batch in batch_chains(starts[asked], sizes[asked]):
            posterior = self._chain.posterior(
                batch.take(emissions, self._device),
                batch.lengths(self._device),
                batch.options(allowed, self._device),
                self._temperature,
            )
            rows_of_chain[:] = -1
            rows_of_chain[asked[batch.numbers]] = np.arange(len(batch.numbers))
            here = np.flatnonzero(rows_of_chain[chains] >= 0)
            tags = torch.from_numpy(best[batch.places]).to(self._device)
            row, first, end = (
                torch.from_numpy(each).to(self._device)
                for each in (
                    rows_of_chain[chains[here]],
                    spans.starts[here] - starts[chains[here]],
                    np.minimum(spans.ends[here] - starts[chains[here]], sizes[chains[here]]),
                )
            )
            values[here] = posterior.spans(tags, row, first, end).clamp(0.0, 1.0).cpu().numpy()
        return values

    def _given(
        self, spans: _Found, confidences: NDArray[np.float64], least: float, allowed: Tensor | None
    ) -> NDArray[np.bool_]:
        """Return which spans are probable enough, or demanded: where a token of theirs can't be `O`."""
        given = confidences >= least
        if allowed is not None and OUTSIDE in self.labels.inside:
            free = allowed[:, self.labels.inside.tolist().index(OUTSIDE)].numpy()
            demanded = np.concatenate(([0], np.cumsum(~free)))  # tokens before each one
            given |= demanded[spans.ends] > demanded[spans.starts]
        return given

    def _assemble(
        self,
        best: Ints,
        spans: _Found,
        confidences: NDArray[np.float64] | None,
        given: NDArray[np.bool_] | None,
        starts: Ints,
        sizes: Ints,
    ) -> list[Labelling]:
        """Write tags and spans; `given` is which spans, None: all."""
        labels = self.labels
        names = labels.outside[best].tolist()
        labellings = [
            Labelling(names[start : start + size])
            for start, size in zip(starts.tolist(), sizes.tolist(), strict=True)
        ]
        bare = labels.inner is Scheme.BARE
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
        if not (labels.is_sure or bare):
            for owner in self._busy(best, starts):
                labelling = labellings[owner]
                labelling.tags[:] = labels.spell(labelling.spans, len(labelling.tags))
        return labellings

    def _add_alternatives(
        self,
        labellings: list[Labelling],
        starts: Ints,
        sizes: Ints,
        emissions: Tensor,
        allowed: Tensor | None,
        n: int,
    ) -> None:
        """Find the n best readings of each sentence, with the probabilities of their spans."""
        for batch in batch_chains(starts, sizes, max(1, MOST_CHAINS // n)):
            scores, lengths = batch.take(emissions, self._device), batch.lengths(self._device)
            options = batch.options(allowed, self._device)
            found = self._chain.nbest(scores, lengths, n, options)
            posterior = self._chain.posterior(scores, lengths, options, self._temperature)
            probabilities = posterior.of_scores(found.scores / self._temperature).clamp(0.0, 1.0).tolist()
            counts = found.counts.tolist()
            for number in batch.numbers.tolist():
                labellings[number].nbest = []
            for rank in range(n):
                tags = found.tags[:, :, rank]
                rows = [
                    column[:size] if rank < count else []
                    for column, size, count in zip(
                        tags.t().tolist(), batch.sizes.tolist(), counts, strict=True
                    )
                ]
                readings = self._readings(rows, tags, posterior)
                for place, number in enumerate(batch.numbers.tolist()):
                    if rows[place]:
                        names, spans = readings[place]
                        alternatives = labellings[number].nbest
                        assert alternatives is not None
                        alternatives.append(Alternative(probabilities[place][rank], names, spans))

    def _readings(
        self, rows: Sequence[Sequence[int]], tags: Tensor, posterior: Posterior | SoftmaxPosterior
    ) -> list[tuple[list[str], list[ScoredSpan]]]:
        """Return tags and spans of one reading of each sentence of a batch."""
        spans = [self.labels.read(row) for row in rows]
        asked = [(place, span.start, span.end) for place, found in enumerate(spans) for span in found]
        index = torch.tensor(asked, dtype=torch.int64).reshape(-1, 3).t().to(self._device)
        values = iter(posterior.spans(tags, *index).clamp(0.0, 1.0).tolist() if asked else [])
        scored = [[ScoredSpan(*span, next(values)) for span in found] for found in spans]
        if self.labels.inner is Scheme.BARE:
            names = [self.labels.outside[row].tolist() if row else [] for row in rows]
        else:
            names = [self.labels.spell(found, len(row)) for found, row in zip(scored, rows, strict=True)]
        return list(zip(names, scored, strict=True))


@contextmanager
def _contradiction_told() -> Iterator[None]:
    """Say whose fault it is if a chain has no possible tags."""
    try:
        yield
    except DataError as error:
        raise DataError(f"the known tags of a sentence contradict each other: {error}") from None


class _Found(NamedTuple):
    """Spans of all sentences in order: whose they are, where among all tokens they start and end, and their types."""

    owners: Ints
    starts: Ints
    ends: Ints
    types: list[str]
