"""The sentences of a batch as a language model reads them: whole, not in the encoder's windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tagger.model.bilm import LanguageBatch
from tagger.runtime.lexicon import number_distinct
from tagger.text.spool import Array

Ints = NDArray[np.int64]
LONGEST = 256  # tokens that are read at once; a longer sentence is cut
SLICE = 48  # sentences of like length that are read side by side


class KeptLayers(NamedTuple):
    """The layers of a corpus's first sentences, as many as fit into the memory allowed.

    Attributes:
        layers: (M, L, D) of their tokens, sentence after sentence.
        starts: (S + 1,) where each of those S sentences begins, and the end.
    """

    layers: Tensor
    starts: Ints


class LanguageView(NamedTuple):
    """The N tokens of a batch, sentence after sentence, as a language model reads them.

    Attributes:
        origins: (T, R) which of the N tokens stands where in the encoder's windows; 0 also pads.
        layers: (M, L, D) of the tokens whose layers are kept, or None.
        sentences: those to read because their layers are not kept, or None.
        order: (N,) where each token's layers stand: among the kept ones, then among those that are read.
    """

    origins: Tensor
    layers: Tensor | None
    sentences: LanguageBatch | None
    order: Tensor

    def with_each(self, change: Callable[[Tensor], Tensor]) -> LanguageView:
        """Return the view with each of its tensors changed, always in the same order."""
        return LanguageView(
            change(self.origins),
            None if self.layers is None else change(self.layers),
            None if self.sentences is None else self.sentences.with_each(change),
            change(self.order),
        )


def lay_out(
    numbers: Sequence[int], rows: Sequence[Ints], spelling: Array, origins: Ints, kept: KeptLayers | None
) -> LanguageView:
    """Lay a batch's sentences out for a language model.

    Args:
        numbers: which sentences of the corpus these are.
        rows: their tokens, as rows of `spelling`.
        spelling: (V + 1, 1 + C) of the corpus's words, as a speller lays them out.
        origins: (T, R) which of the sentences' tokens, counted through, stands where in the windows.
        kept: the layers that are kept of the corpus.
    """
    known = 0 if kept is None else len(kept.starts) - 1
    held = np.repeat([number < known for number in numbers], [len(part) for part in rows])
    order = np.empty(len(held), dtype=np.int64)
    order[held] = np.arange(held.sum())
    layers = sentences = None
    if kept is not None and held.any():
        ranges = [
            np.arange(kept.starts[number], kept.starts[number + 1]) for number in numbers if number < known
        ]
        layers = kept.layers.index_select(0, torch.from_numpy(np.concatenate(ranges)))
    if not held.all():
        unread = [part for part, number in zip(rows, numbers, strict=True) if number >= known]
        sentences, places = read_sentences(unread, spelling)
        order[~held] = int(held.sum()) + places.numpy()
    return LanguageView(torch.from_numpy(origins), layers, sentences, torch.from_numpy(order))


def read_sentences(rows: Sequence[Ints], spelling: Array) -> tuple[LanguageBatch, Tensor]:
    """Lay sentences out as a batch, the longest first, those of more than `LONGEST` tokens in pieces.

    Returns:
        The batch, and (N,) where `_read` yields the layers of each token of the sentences, in their order.
    """
    pieces = [part[start : start + LONGEST] for part in rows for start in range(0, len(part), LONGEST)]
    lengths = np.array([len(piece) for piece in pieces], dtype=np.int64)
    by_length = np.argsort(-lengths, kind="stable")
    ends = np.cumsum(lengths)
    starts = ends - lengths
    order = np.empty(int(ends[-1]), dtype=np.int64)
    offset = 0
    for first in range(0, len(pieces), SLICE):
        numbers = by_length[first : first + SLICE]
        for column, number in enumerate(numbers):
            steps = np.arange(lengths[number])
            order[starts[number] : ends[number]] = offset + steps * len(numbers) + column
        offset += int(lengths[numbers[0]]) * len(numbers)
    pieces, lengths = [pieces[number] for number in by_length], lengths[by_length]
    tokens = np.zeros((len(pieces), int(lengths.max())), dtype=np.int64)
    is_token = np.arange(tokens.shape[1]) < lengths[:, None]
    tokens[is_token] = np.concatenate(pieces)
    used, tokens = number_distinct(tokens.T)
    symbols = spelling[used].astype(np.int64, copy=False)
    longest = max(1, int((symbols != 0).sum(1).max()))
    batch = LanguageBatch(
        spelling=torch.from_numpy(np.ascontiguousarray(symbols[:, :longest])),
        tokens=torch.from_numpy(tokens),
        lengths=torch.from_numpy(lengths),
        targets=None,
    )
    return batch, torch.from_numpy(order)
