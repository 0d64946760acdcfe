"""Which sentences are read together: groups of neighbours, and the windows that the encoder reads at once.

A group is some neighbouring sentences of one document; a window is a group, or a part of a sentence too long to be
read whole. Training and prediction cut alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

OVERLAP = 32  # tokens that neighbouring windows of one long sentence share on each side of a cut


class Group(NamedTuple):
    """Sentences `start` to `stop` (exclusive) that are encoded together."""

    start: int
    stop: int
    tokens: int


class Window(NamedTuple):
    """Tokens [start, stop) of a group's concatenated sentences, read by the encoder at once.

    Only the encodings of tokens [first, last) are used; the others give context to them.
    """

    group: Group
    start: int
    stop: int
    first: int
    last: int


def group_sentences(
    sizes: Iterable[int],
    documents: Iterable[int],
    context: int,
    max_tokens: int,
    generator: np.random.Generator | None = None,
) -> Iterator[Group]:
    """Cut sentences into groups of neighbours of one document.

    Args:
        sizes: tokens of each sentence.
        documents: a number for each sentence; a group holds sentences of one number.
        context: sentences in a group at most.
        max_tokens: tokens in a group at most; a longer sentence is a group of its own.
        generator: varies where the groups begin, for training; None cuts every document from its first sentence.
    """
    start = stop = tokens = 0
    begun: int | None = None  # the document of the group under way
    room = context if generator is None else int(generator.integers(1, context + 1))
    for place, (size, document) in enumerate(zip(sizes, documents, strict=True)):
        is_new = document != begun
        if place > start and (is_new or place - start >= room or tokens + size > max_tokens):
            yield Group(start, place, tokens)
            start, tokens = place, 0
            room = int(generator.integers(1, context + 1)) if generator is not None and is_new else context
        begun, stop = document, place + 1
        tokens += size
    if stop:
        yield Group(start, stop, tokens)


def cut_windows(group: Group, max_tokens: int) -> list[Window]:
    """Return the windows of a group: one, unless it is a single sentence longer than `max_tokens`."""
    if group.tokens <= max_tokens:
        return [Window(group, 0, group.tokens, 0, group.tokens)]
    margin = min(OVERLAP, max_tokens // 4)
    step = max_tokens - 2 * margin
    return [
        Window(
            group,
            start=max(0, first - margin),
            stop=min(group.tokens, first + step + margin),
            first=first,
            last=min(group.tokens, first + step),
        )
        for first in range(0, group.tokens, step)
    ]
