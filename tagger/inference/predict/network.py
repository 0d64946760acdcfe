"""Token lists -> emission scores, by the fastest road that a model allows.

The general road is the network as it was trained (`model.labeler`). LSTMs on a CPU take the other, which computes the
same scores from cached forms and without padding. Strings come in and scores go out; what they mean is decided
elsewhere.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, chain
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tagger.inference.predict.recurrence import Layer, Steps, product, run
from tagger.model.batch import Group, Window, cut_windows, encode, group
from tagger.model.emissions import score_tokens
from tagger.model.threads import one_thread
from tagger.model.trained import TrainedModel
from tagger.runtime.embed import FormTable, TokenFeatures
from tagger.text.conll import Sentence

Ints = NDArray[np.int64]
Words = Sequence[str]
ColumnValues = Sequence[Sequence[str]]  # for each feature column, one value a token

_BATCH_TOKENS = 8192  # of the general road padded; of the fast one as they are
_BATCH_WINDOWS = 192  # so many that the cost of a call vanishes, so few that a step stays in the cache
_FORMS = 1 << 15  # cached words: 4 KB each with the default sizes, 128 MB in all


class Network:
    """The emission scores of sentences; safe to use from several threads.

    Args:
        model: what to compute.
        fast: None: the fast road where there is one; False: the general one.
    """

    def __init__(self, model: TrainedModel, *, fast: bool | None = None) -> None:
        self._model = model
        self._limit = model.config.encoder.max_tokens
        self._context = model.config.encoder.context
        labeler = model.labeler
        possible = model.config.encoder.kind == "lstm" and labeler.device.type == "cpu"
        possible = possible and labeler.embedding.contextual is None
        self._fast = _Fast(model) if possible and fast is not False else None

    def groups(self, sizes: Sequence[int], documents: Sequence[int]) -> list[Group]:
        """Cut sentences of so many tokens into groups that are read together, as training does."""
        groups: list[Group] = []
        start = tokens = 0
        for place, size in enumerate(sizes):
            full = place - start >= self._context or tokens + size > self._limit
            if place > start and (full or documents[place] != documents[start]):
                groups.append(Group(start, place, tokens))
                start, tokens = place, 0
            tokens += size
        return [*groups, Group(start, len(sizes), tokens)] if sizes else groups

    def emissions(
        self,
        sentences: Sequence[Words],
        documents: Sequence[int],
        columns: Sequence[ColumnValues] | None = None,
    ) -> Tensor:
        """Return (N, K) scores of the tokens of all sentences, one after the other.

        Args:
            sentences: none of them empty.
            documents: neighbouring sentences with the same number are read together.
            columns: the values of the feature columns of each sentence, for a model that reads any.

        Raises:
            ModelError: the model reads other columns than are given.
        """
        columns = [()] * len(sentences) if columns is None else columns
        sizes = [len(words) for words in sentences]
        groups = self.groups(sizes, documents)
        with torch.inference_mode(), one_thread(self._fast is not None):
            if self._fast is None:
                return self._general(sentences, documents, columns)
            return self._fast.emissions(sentences, sizes, groups, self._limit, columns)

    def _general(
        self,
        sentences: Sequence[Words],
        documents: Sequence[int],
        columns: Sequence[ColumnValues],
    ) -> Tensor:
        rows = [
            Sentence(tuple(words), document=document, features=tuple(map(tuple, values)))
            for words, document, values in zip(sentences, documents, columns, strict=True)
        ]
        corpus = encode(rows, self._model.lexicon, None)
        return score_tokens(
            self._model.labeler,
            corpus,
            group(corpus.examples, self._context, self._limit),
            max_tokens=self._limit,
            batch_tokens=_BATCH_TOKENS,
        )


class _Reading(NamedTuple):
    """Windows that are read side by side, longest first, their tokens one after the other.

    Attributes:
        words: of all windows.
        lengths: (R,) of the windows.
        places: (N,) where each token stands among all sentences.
        used: (N,) whether its encoding is used, not only read for context; None: all are.
        bigrams: (N, 2) rows of the pairs before and after each token, or None.
    """

    words: list[str]
    lengths: Ints
    places: Ints
    used: NDArray[np.bool_] | None
    bigrams: Ints | None


class _Fast:
    """The road through cached forms."""

    def __init__(self, model: TrainedModel) -> None:
        labeler = model.labeler
        self._lexicon = model.lexicon
        weights = {name: value.numpy() for name, value in labeler.state_dict().items()}
        self._features = TokenFeatures(model.lexicon, weights)
        self._cached = self._features.form_size + self._features.mark_size  # inputs whose product is kept
        self._directions = model.config.encoder.directions
        with torch.no_grad():
            self._layers = [
                Layer([cast(nn.LSTM, cell) for cell in cast(nn.ModuleList, cells)], halved_inputs=depth > 0)
                for depth, cells in enumerate(labeler.encoder.layers)
            ]
            self._emission = labeler.emission.weight * 2.0  # the states are halved
            self._emission_bias = labeler.emission.bias.clone()
        # Each thread takes a table of forms and puts it back; there are as many as threads were ever at work at once.
        self._tables: queue.LifoQueue[FormTable] = queue.LifoQueue()

    def emissions(
        self,
        sentences: Sequence[Words],
        sizes: Sequence[int],
        groups: Sequence[Group],
        limit: int,
        columns: Sequence[ColumnValues],
    ) -> Tensor:
        marks = self._marks(sentences, columns)  # (N, F) of all sentences
        scores = torch.empty(sum(sizes), len(self._emission_bias))
        with self._table() as table:
            for reading in self._readings(sentences, sizes, groups, limit):
                found = self._read(table, reading, None if marks is None else marks[reading.places])
                if reading.used is None:
                    scores[torch.from_numpy(reading.places)] = found
                else:
                    scores[torch.from_numpy(reading.places[reading.used])] = found[
                        torch.from_numpy(reading.used)
                    ]
        return scores

    @contextmanager
    def _table(self) -> Iterator[FormTable]:
        try:
            table = self._tables.get_nowait()
        except queue.Empty:
            first = self._layers[0]
            weights = first.inputs[:, : self._cached].contiguous()
            table = FormTable(self._features, weights.numpy(), first.bias.numpy(), _FORMS)
        try:
            yield table
        finally:
            self._tables.put(table)

    def _readings(
        self, sentences: Sequence[Words], sizes: Sequence[int], groups: Sequence[Group], limit: int
    ) -> Iterator[_Reading]:
        starts = [0, *accumulate(sizes)]
        windows = [window for item in groups for window in cut_windows(item, limit)]
        windows.sort(key=lambda window: window.start - window.stop)
        batch: list[Window] = []
        tokens = 0
        for window in windows:
            size = window.stop - window.start
            if batch and (tokens + size > _BATCH_TOKENS or len(batch) == _BATCH_WINDOWS):
                yield self._lay_out(batch, sentences, starts)
                batch, tokens = [], 0
            batch.append(window)
            tokens += size
        if batch:
            yield self._lay_out(batch, sentences, starts)

    def _lay_out(
        self, windows: Sequence[Window], sentences: Sequence[Words], starts: Sequence[int]
    ) -> _Reading:
        words: list[str] = []
        pairs: list[int] | None = [] if self._features.pair_size else None
        for item, start, stop, _, _ in windows:
            held = list(chain.from_iterable(sentences[item.start : item.stop]))
            words += held[start:stop] if stop - start < len(held) else held
            if pairs is not None:
                pairs += self._bigrams(sentences[item.start : item.stop])[2 * start : 2 * stop]
        lengths = np.array([window.stop - window.start for window in windows])
        inside = np.arange(len(words)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        origins = np.array([starts[window.group.start] + window.start for window in windows])
        used = None
        if any(window.last - window.first < window.stop - window.start for window in windows):
            first = np.array([window.first - window.start for window in windows])
            last = np.array([window.last - window.start for window in windows])
            used = (inside >= np.repeat(first, lengths)) & (inside < np.repeat(last, lengths))
        return _Reading(
            words,
            lengths,
            np.repeat(origins, lengths) + inside,
            used,
            None if pairs is None else np.array(pairs).reshape(-1, 2),
        )

    def _bigrams(self, sentences: Sequence[Words]) -> list[int]:
        rows = [self._lexicon.pair_rows(words) for words in sentences]
        return [row for found in rows if found is not None for row in found.flatten().tolist()]

    def _marks(self, sentences: Sequence[Words], columns: Sequence[ColumnValues]) -> Ints | None:
        found = [
            self._lexicon.mark_rows(words, values) for words, values in zip(sentences, columns, strict=True)
        ]
        marks = [each for each in found if each is not None]
        return np.concatenate(marks) if marks else None

    def _read(self, table: FormTable, reading: _Reading, marks: Ints | None) -> Tensor:
        """Return (N, K) scores of the tokens of a reading, in their order; marks (N, F)."""
        steps = Steps.of(reading.lengths, self._directions)
        rows: Tensor | None = torch.from_numpy(table.rows(reading.words, marks))
        gates = torch.from_numpy(table.values)
        if reading.bigrams is not None:
            assert rows is not None
            pairs = torch.from_numpy(self._features.embed_pairs(reading.bigrams))
            gates = product(pairs, self._layers[0].inputs[:, self._cached :].contiguous())
            gates += torch.from_numpy(table.values)[rows]
            rows = None
        for layer in self._layers[:-1]:
            states = run(layer, gates, rows, steps)
            together = torch.cat(
                [part[place] for part, place in zip(states, steps.places, strict=True)], dim=-1
            )
            following = self._layers[self._layers.index(layer) + 1]
            gates, rows = product(together, following.inputs).add_(following.bias), None
        states = run(self._layers[-1], gates, rows, steps)
        H = self._layers[-1].hidden
        scores = self._emission_bias.expand(len(reading.words), -1).clone()
        for d, place in enumerate(steps.places):
            scores += (states[d] @ self._emission[:, d * H : (d + 1) * H].t())[place]
        return scores
