"""Convolution over the characters of words, then the maximum over positions, read from tables.

Alphabets are small and texts are not, so what a filter makes of a character at the k-th place of its window is
looked up in a table with a row for each character instead of being computed at every position. Words are sorted by
length, so that those which have an i-th character are the first ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tagger.text.vocab import PAD

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


def convolve(characters: Rows, tables: Sequence[Floats], before: int = 0) -> Floats:
    """Return `max_i sum_k tables[k][c[i + k - before]]` over the positions i inside a word, (N, F).

    Args:
        characters: (N, C) rows of the tables, padded with 0, C > 0; a window may reach beyond the word, into padding,
            and a word without characters has one window.
        tables: for each place of the window (A, F_k), F = F_0 >= F_1 >= ...: the filters that reach the k-th place
            are the first ones.
        before: how many places of the window stand before position i.
    """
    lengths = np.maximum((characters != PAD).sum(1), 1)
    order = np.argsort(-lengths, kind="stable")
    padded = np.pad(characters[order].T, ((before, len(tables) - 1 - before), (0, 0)))
    counts = (lengths > np.arange(lengths.max(initial=0))[:, None]).sum(1).tolist()
    highest = np.full((len(characters), tables[0].shape[1]), -np.inf, dtype=np.float32)
    for i, count in enumerate(counts):
        found = tables[0].take(padded[i, :count], axis=0)
        for k, table in enumerate(tables[1:], start=1):
            found[:, : table.shape[1]] += table.take(padded[i + k, :count], axis=0)
        np.maximum(highest[:count], found, out=highest[:count])
    result = np.empty_like(highest)
    result[order] = highest
    return result
