"""Which groups share a batch: those of near-equal length, in an order that (seed, epoch) alone decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tagger.model.batch.corpus import Example
from tagger.runtime.windows import Group, group_sentences


def group(
    examples: Sequence[Example], context: int, max_tokens: int, generator: np.random.Generator | None = None
) -> list[Group]:
    """Cut a corpus into groups of neighbouring sentences of one document; see `group_sentences`."""
    sizes = [len(example.forms) for example in examples]
    documents = [example.document for example in examples]
    return group_sentences(sizes, documents, context, max_tokens, generator)


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
