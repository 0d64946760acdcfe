"""Which sentences are encoded together, and in which batches: groups, windows, batches of near-equal length.

A group is some neighbouring sentences of one document; a window is what the encoder reads at once: a group, or a part
of a sentence too long to be read whole. The order of batches depends on (seed, epoch) alone. There are no tensors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tagger.model.batch.corpus import Example

OVERLAP = 32  # tokens that neighbouring windows of one long sentence share on each side of a cut


class Group(NamedTuple):
    """Sentences `start` to `stop` (exclusive) that are encoded together."""

    start: int
    stop: int
    tokens: int


def group(
    examples: Sequence[Example], context: int, max_tokens: int, generator: np.random.Generator | None = None
) -> list[Group]:
    """Cut a corpus into groups of neighbouring sentences of one document.

    Args:
        examples: the sentences, in the order of the corpus.
        context: sentences in a group at most.
        max_tokens: tokens in a group at most; a longer sentence is a group of its own.
        generator: varies where the groups begin, for training; None cuts every document from its first sentence.
    """
    groups: list[Group] = []
    start = tokens = 0
    room = context if generator is None else int(generator.integers(1, context + 1))
    for place, example in enumerate(examples):
        size = len(example.forms)
        new_document = place > start and example.document != examples[start].document
        if place > start and (new_document or place - start >= room or tokens + size > max_tokens):
            groups.append(Group(start, place, tokens))
            start, tokens = place, 0
            room = (
                int(generator.integers(1, context + 1)) if generator is not None and new_document else context
            )
        tokens += size
    if examples:
        groups.append(Group(start, len(examples), tokens))
    return groups


def shuffled_batches(
    groups: Sequence[Group], batch_sentences: int, generator: np.random.Generator
) -> list[list[Group]]:
    """Batch groups of near-equal length, in random order.

    Sorting by length with a little noise wastes little padding and still mixes neighbours differently in every
    epoch.
    """
    noise = generator.uniform(0.9, 1.1, len(groups))
    order = np.argsort([groups[place].tokens * noise[place] for place in range(len(groups))], kind="stable")
    batches = list(_fill([groups[place] for place in order], batch_sentences))
    return [batches[place] for place in generator.permutation(len(batches))]


def sorted_batches(groups: Sequence[Group], batch_tokens: int) -> Iterator[list[Group]]:
    """Batch groups by length, each batch of about `batch_tokens` padded tokens, for evaluation."""
    batch: list[Group] = []
    for item in sorted(groups, key=lambda item: (-item.tokens, item.start)):
        if batch and batch[0].tokens * (len(batch) + 1) > batch_tokens:
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch


def _fill(groups: Sequence[Group], batch_sentences: int) -> Iterator[list[Group]]:
    batch: list[Group] = []
    sentences = 0
    for item in groups:
        size = item.stop - item.start
        if batch and sentences + size > batch_sentences:
            yield batch
            batch, sentences = [], 0
        batch.append(item)
        sentences += size
    if batch:
        yield batch


class Window(NamedTuple):
    """Tokens [start, stop) of a group's concatenated sentences, read by the encoder at once.

    Only the encodings of tokens [first, last) are used; the others give context to them.
    """

    group: Group
    start: int
    stop: int
    first: int
    last: int


def cut_windows(item: Group, max_tokens: int) -> list[Window]:
    """Return the windows of a group: one, unless it is a single sentence longer than `max_tokens`."""
    if item.tokens <= max_tokens:
        return [Window(item, 0, item.tokens, 0, item.tokens)]
    margin = min(OVERLAP, max_tokens // 4)
    step = max_tokens - 2 * margin
    return [
        Window(
            item,
            start=max(0, first - margin),
            stop=min(item.tokens, first + step + margin),
            first=first,
            last=min(item.tokens, first + step),
        )
        for first in range(0, item.tokens, step)
    ]
