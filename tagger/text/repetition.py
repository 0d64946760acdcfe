"""Words that a document repeats: which tokens of neighbouring sentences are the same capitalised word.

A text that names somebody names them again. Words in small letters repeat without meaning the same, so they are left
out, and with them all words of scripts that have no capitals. What repeats tell is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

SCOPE = 30  # sentences: about a long newspaper article


def scope_size(context: int) -> int:
    """Return how many sentences of a document are looked at together; whole groups of `context` sentences.

    >>> scope_size(1), scope_size(4), scope_size(64)
    (30, 32, 64)
    """
    return -(-SCOPE // context) * context


def number_scopes(documents: Iterable[int], size: int) -> list[int]:
    """Cut documents into scopes of `size` sentences and return the number of each sentence's.

    Args:
        documents: of each sentence; sentences of one document follow one another.
        size: see `scope_size`.

    >>> number_scopes([0, 0, 0, 7, 7], 2)
    [0, 0, 1, 2, 2]
    """
    numbers: list[int] = []
    number, before, held = -1, None, 0
    for document in documents:
        if document != before or held == size:
            number, before, held = number + 1, document, 0
        held += 1
        numbers.append(number)
    return numbers


def find_repeats(sentences: Iterable[Sequence[str]], scopes: Iterable[int]) -> Ints:
    """Return (N,): for each token of all sentences a number that its repeats in its scope share, or -1.

    Args:
        sentences: their tokens.
        scopes: a number for each sentence.

    >>> find_repeats([["Ada", "met", "Li"], ["Ada", "left"], ["Li"]], [0, 0, 1]).tolist()
    [0, -1, -1, 0, -1, -1]
    """
    rows: dict[tuple[int, str], int] = {}
    number = rows.setdefault
    found = np.array(
        [
            number((scope, word), len(rows)) if word[:1].isupper() else -1
            for words, scope in zip(sentences, scopes, strict=True)
            for word in words
        ],
        dtype=np.int64,
    )
    counts = np.bincount(found + 1, minlength=1)
    alone = counts < 2
    alone[0] = True  # -1, which is no word
    found[alone[found + 1]] = -1
    return found
