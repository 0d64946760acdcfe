"""Words -> rows of a table that holds what the first layer of the network makes of each spelling and its marks.

A word's features depend on its spelling and its marks alone, and so does their product with the input weights of the
first recurrent layer, two thirds of an LSTM's arithmetic. Text repeats itself, so both are computed once for each
distinct word, or each word with its marks, and kept, up to a bound. One table serves one thread at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tagger.inference.predict.recurrence import product
from tagger.model.batch import FormRows
from tagger.model.embeddings import TokenEmbedding
from tagger.text.lexicon import Lexicon

Ints = NDArray[np.int64]
_COMPUTED_AT_ONCE = 1024  # words: their characters, convolved, take some tens of megabytes


Key = str | tuple[str | int, ...]  # a word, or a word and the rows of its marks


class _Numbering(dict[Key, int]):
    """Words numbered as they are first asked for; the new ones wait in `fresh`."""

    def __init__(self) -> None:
        self.fresh: list[Key] = []

    def __missing__(self, key: Key) -> int:
        row = self[key] = len(self)
        self.fresh.append(key)
        return row


class FormTable:
    """A bounded cache from words to what the first layer adds to its gates for them.

    Args:
        lexicon: the model's tables.
        embedding: the features of a token.
        weights: (G, D') input weights of the first layer, all directions, for the features of a word's form and
            then for those of its marks.
        bias: (G,) added to every row.
        capacity: rows; when they are full the table begins anew.

    Attributes:
        values: (capacity, G); row r belongs to the word, and its marks, that `rows` gave r.
    """

    def __init__(
        self, lexicon: Lexicon, embedding: TokenEmbedding, weights: Tensor, bias: Tensor, capacity: int
    ) -> None:
        self._lexicon = lexicon
        self._embedding = embedding
        self._weights = weights
        self._bias = bias
        self._numbers = _Numbering()
        self.values = torch.empty(capacity, len(bias))  # memory is taken as rows are written

    def rows(self, words: Sequence[str], marks: Ints | None = None) -> Ints:
        """Return the row of each word; it stays valid until the next call.

        Args:
            words: no more than the capacity.
            marks: (N, F) rows of the marks' tables, for a model that reads any.
        """
        if len(self._numbers) + len(words) > len(self.values):
            self._numbers = _Numbering()
        numbers = self._numbers
        keys: Iterable[Key] = words if marks is None else zip(words, *marks.T.tolist(), strict=True)
        found = np.fromiter(map(numbers.__getitem__, keys), np.int64, len(words))
        if numbers.fresh:
            self._compute(numbers.fresh, len(numbers) - len(numbers.fresh))
            numbers.fresh = []
        return found

    def _compute(self, keys: Sequence[Key], first: int) -> None:
        for start in range(0, len(keys), _COMPUTED_AT_ONCE):
            part = keys[start : start + _COMPUTED_AT_ONCE]
            target = self.values[first + start : first + start + len(part)]
            torch.add(product(self._embed(part), self._weights), self._bias, out=target)

    def _embed(self, keys: Sequence[Key]) -> Tensor:
        """Return the features of words (N, D')."""
        words = [key if isinstance(key, str) else str(key[0]) for key in keys]
        forms = self._lexicon.forms(words)
        arrays = (forms.words, forms.counts, forms.characters, forms.shapes, forms.affixes)
        features = self._embedding.embed_forms(FormRows(*map(torch.from_numpy, arrays)))[1:]
        if not len(self._lexicon.marks):
            return features
        marks = torch.tensor([key[1:] for key in keys])
        return torch.cat((features, self._embedding.embed_marks(marks)), dim=-1)
