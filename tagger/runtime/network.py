"""Token lists -> emission scores on a CPU: cached forms, the recurrence, a linear map.

The same function as the network of `model.labeler`, to the rounding of single precision. Windows lie side by side
without padding (see `runtime.recurrence`), and what the first layer makes of a word is looked up (`runtime.embed`).
"""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, chain
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tagger.runtime.embed import FormTable, TokenFeatures
from tagger.runtime.language import LanguageReader
from tagger.runtime.recurrence import Gates, PackedSteps, RecurrentLayer, run, unpack_states
from tagger.runtime.tensors import select_prefixed
from tagger.runtime.trained import TrainedModel
from tagger.runtime.windows import Group, Window, cut_windows, group_sentences

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Words = Sequence[str]
ColumnRows = Sequence[Sequence[str]]  # for each feature column, one value a token

_BATCH_TOKENS = 16_384  # windows of characters hold three times as many as those of words
_BATCH_WINDOWS = 192  # so many that the cost of a call vanishes, so few that a step stays in the cache
_FORMS = 1 << 15  # cached words: 4 KB each with the default sizes, 128 MB in all


class EmissionScorer(Protocol):
    """Whatever computes the emission scores of a model: this file's network, or PyTorch's on a GPU.

    Attributes:
        chunk_tokens: how many are best handed in at once.
        is_shared: whether other processes may use it too.
    """

    @property
    def chunk_tokens(self) -> int: ...

    @property
    def is_shared(self) -> bool: ...

    def emissions(
        self,
        sentences: Sequence[Words],
        documents: Sequence[int],
        columns: Sequence[ColumnRows] | None = None,
    ) -> Floats:
        """Return (N, K) scores of the tokens of all sentences; see `Network.emissions`."""


class Network:
    """The emission scores of sentences; safe to use from several threads.

    Args:
        model: whose weights these are.
        reader: of its language model, where somebody has one at hand whose weights are the same.
    """

    chunk_tokens = 24_000  # so many that batches are of like length, so few that memory is small
    is_shared = False

    def __init__(self, model: TrainedModel, reader: LanguageReader | None = None) -> None:
        weights, encoder = model.weights, model.config.encoder
        self._lexicon = model.lexicon
        self._limit, self._context = encoder.max_tokens, encoder.context
        self._directions = encoder.directions
        self._features = TokenFeatures(model.lexicon, weights)
        self.reader = reader or _build_reader(model)
        self._layers = [
            RecurrentLayer.of(
                encoder.kind,
                [select_prefixed(weights, f"encoder.layers.{depth}.{d}.") for d in range(self._directions)],
            )
            for depth in range(encoder.layers)
        ]
        first = self._layers[0].inputs
        cached = self._features.form_size + self._features.mark_size
        paired = cached + self._features.pair_size
        self._cached_weights = np.ascontiguousarray(first[:, :cached])
        self._places = self._features.place_tables(first[:, cached:paired])
        self._language_weights = np.ascontiguousarray(first[:, paired:].T)  # (D, G)
        self._emission = [  # (H, K) for each direction
            np.ascontiguousarray(part.T)
            for part in np.split(weights["emission.weight"], self._directions, axis=1)
        ]
        self._emission_bias = weights["emission.bias"]
        # Each thread takes a table of forms and puts it back; there are as many as threads were ever at work at once.
        self._tables: queue.LifoQueue[FormTable] = queue.LifoQueue()

    def emissions(
        self,
        sentences: Sequence[Words],
        documents: Sequence[int],
        columns: Sequence[ColumnRows] | None = None,
        language: Floats | None = None,
    ) -> Floats:
        """Return (N, K) scores of the tokens of all sentences, one after the other.

        Args:
            sentences: none of them empty.
            documents: neighbouring sentences with the same number are read together.
            columns: the values of the feature columns of each sentence, for a model that reads any.
            language: (N, D), what the language model makes of the tokens, where that is known already.

        Raises:
            ModelError: the model reads other columns than are given.
        """
        sizes = [len(words) for words in sentences]
        groups = list(group_sentences(sizes, documents, self._context, self._limit))
        marks = self._find_marks(sentences, columns)
        if language is None and self.reader is not None:
            language = self.reader.read(sentences)
        scores = np.empty((sum(sizes), len(self._emission_bias)), np.float32)
        with self._table() as table:
            for windows in self._lay_out(sentences, sizes, groups):
                found = self._read(
                    table,
                    windows,
                    None if marks is None else marks[windows.places],
                    None if language is None else language[windows.places],
                )
                if windows.used is None:
                    scores[windows.places] = found
                else:
                    scores[windows.places[windows.used]] = found[windows.used]
        return scores

    @contextmanager
    def _table(self) -> Iterator[FormTable]:
        try:
            table = self._tables.get_nowait()
        except queue.Empty:
            bias = self._layers[0].bias
            table = FormTable(self._features, self._cached_weights, bias, _FORMS)
        yield table
        self._tables.put(
            table
        )  # not after a fault, in the middle of which it may hold rows that aren't there

    def _find_marks(self, sentences: Sequence[Words], columns: Sequence[ColumnRows] | None) -> Ints | None:
        """Return the (N, F) marks of all tokens; None for a model that reads none."""
        given = [()] * len(sentences) if columns is None else columns
        found = [
            self._lexicon.mark_rows(words, values) for words, values in zip(sentences, given, strict=True)
        ]
        return (
            np.concatenate([each for each in found if each is not None])
            if found and found[0] is not None
            else None
        )

    def _lay_out(
        self, sentences: Sequence[Words], sizes: Sequence[int], groups: Sequence[Group]
    ) -> Iterator[_PackedWindows]:
        """Yield batches of windows of like length, the longest first."""
        starts = [0, *accumulate(sizes)]
        long: dict[
            Group, _HeldGroup
        ] = {}  # those that are cut, or each window would read all of its group anew
        windows = [window for group in groups for window in cut_windows(group, self._limit)]
        windows.sort(key=lambda window: window.start - window.stop)
        batch: list[Window] = []
        tokens = 0
        for window in windows:
            size = window.stop - window.start
            if batch and (tokens + size > _BATCH_TOKENS or len(batch) == _BATCH_WINDOWS):
                yield self._pack(batch, sentences, starts, long)
                batch, tokens = [], 0
            batch.append(window)
            tokens += size
        if batch:
            yield self._pack(batch, sentences, starts, long)

    def _hold(self, sentences: Sequence[Words]) -> _HeldGroup:
        """Return what windows take of a group."""
        words = list(chain.from_iterable(sentences))
        if not self._features.pair_size:
            return _HeldGroup(words, None)
        found = [self._lexicon.pair_rows(each) for each in sentences]
        return _HeldGroup(words, np.concatenate([each for each in found if each is not None]))

    def _pack(
        self,
        windows: Sequence[Window],
        sentences: Sequence[Words],
        starts: Sequence[int],
        long: dict[Group, _HeldGroup],
    ) -> _PackedWindows:
        words: list[str] = []
        pairs: list[Ints] | None = [] if self._features.pair_size else None
        for group, start, stop, _, _ in windows:
            held = long.get(group) or self._hold(sentences[group.start : group.stop])
            if stop - start < len(held.words):
                long[group] = held
            words += held.words[start:stop]
            if pairs is not None and held.pairs is not None:
                pairs.append(held.pairs[start:stop])
        lengths = np.array([window.stop - window.start for window in windows])
        inside = np.arange(len(words)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        origins = np.array([starts[window.group.start] + window.start for window in windows])
        used = None
        if any(window.last - window.first < window.stop - window.start for window in windows):
            first = np.array([window.first - window.start for window in windows])
            last = np.array([window.last - window.start for window in windows])
            used = (inside >= np.repeat(first, lengths)) & (inside < np.repeat(last, lengths))
        return _PackedWindows(
            words,
            lengths,
            np.repeat(origins, lengths) + inside,
            used,
            None if pairs is None else np.concatenate(pairs),
        )

    def _read(
        self, table: FormTable, windows: _PackedWindows, marks: Ints | None, language: Floats | None
    ) -> Floats:
        """Return (N, K) scores of the tokens of windows, in their order; marks (N, F), language (N, D)."""
        steps = PackedSteps.of(windows.lengths, self._directions)
        parts = [Gates(table.values, table.rows(windows.words, marks))]
        if windows.pairs is not None:
            for place, column in zip(self._places, windows.pairs.T, strict=True):
                parts += place.gates(column)
        if language is not None:
            parts.append(Gates(language @ self._language_weights))
        states = run(self._layers[0], parts, steps)
        for layer in self._layers[1:]:
            gates = unpack_states(states, steps) @ layer.inputs.T
            gates += layer.bias
            states = run(layer, [Gates(gates)], steps)
        scores = np.repeat(self._emission_bias[None], len(windows.words), axis=0)
        for part, place, weights in zip(states, steps.places, self._emission, strict=True):
            scores += (part @ weights)[place]
        return scores


class _HeldGroup(NamedTuple):
    """The words of a group's sentences, and (T, F) rows of what stands beside each of them; None: nothing does."""

    words: list[str]
    pairs: Ints | None


class _PackedWindows(NamedTuple):
    """Windows that are read side by side, longest first, their tokens one after the other.

    Attributes:
        words: of all windows.
        lengths: (R,) of the windows.
        places: (N,) where each token stands among all sentences.
        used: (N,) whether its encoding is used, not only read for context; None: all are.
        pairs: (N, F) rows of the bigrams before and after each token and of marks of words, or None.
    """

    words: list[str]
    lengths: Ints
    places: Ints
    used: NDArray[np.bool_] | None
    pairs: Ints | None


def _build_reader(model: TrainedModel) -> LanguageReader | None:
    if model.lexicon.speller is None:
        return None
    weights = select_prefixed(model.weights, "embedding.contextual.")
    return LanguageReader(weights, model.config.language_model, model.lexicon.speller)
