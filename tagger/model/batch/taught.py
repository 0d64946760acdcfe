"""Sentences that teachers labelled: where they are in a batch, and how probable each of their tags is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tagger.model.crf import SoftTags
from tagger.runtime.softlabels import SoftLabels


class Taught(NamedTuple):
    """The last sentences of a corpus, behind those with gold tags.

    Attributes:
        first: number of the first of them.
        labels: of their tags.
        like_gold: (S,) which of them learn from the tags they may have, as those with gold tags do: all that hold
            a token of which nothing is believed.
        weight: of the loss of each beside that of a sentence with gold tags.
    """

    first: int
    labels: SoftLabels
    like_gold: NDArray[np.bool_]
    weight: float

    def lay_out(self, numbers: Sequence[int]) -> SoftPart | None:
        """Return what is believed of some sentences, the columns of a batch; None where all have gold tags."""
        rows = np.array(numbers, dtype=np.int64) - self.first
        is_taught = rows >= 0
        if not is_taught.any():
            return None
        is_soft = is_taught.copy()
        is_soft[is_taught] = ~self.like_gold[rows[is_taught]]
        columns = np.flatnonzero(is_soft)
        return SoftPart(
            torch.from_numpy(columns),
            torch.from_numpy(np.flatnonzero(~is_soft)),
            _spread(self.labels.take(rows[columns])) if len(columns) else None,
            torch.from_numpy(np.where(is_taught, self.weight, 1.0).astype(np.float32)),
        )


class SoftPart(NamedTuple):
    """The sentences of a batch of which a teacher believes something.

    Attributes:
        columns: (A,) which of the batch's B sentences have soft tags.
        others: (B - A,) the others.
        tags: the soft ones, of as many time steps as the longest has tokens; None where there are none.
        weights: (B,) of each sentence's loss.
    """

    columns: Tensor
    others: Tensor
    tags: SoftTags | None
    weights: Tensor

    def with_each(self, change: Callable[[Tensor], Tensor]) -> SoftPart:
        """Return the part with each of its tensors changed, always in the same order."""
        return SoftPart(
            change(self.columns),
            change(self.others),
            None if self.tags is None else self.tags.with_each(change),
            change(self.weights),
        )


def _spread(labels: SoftLabels) -> SoftTags:
    """Return soft labels of B sentences as the loss reads them."""
    sizes = labels.sizes.astype(np.int64)
    starts = np.cumsum(sizes) - sizes
    sentence = np.repeat(np.arange(len(sizes)), sizes)[labels.tokens]
    marginals = np.zeros((int(sizes.max()), len(sizes), labels.num_tags), dtype=np.float32)
    marginals[labels.tokens - starts[sentence], sentence, labels.tags] = labels.shares
    return SoftTags(
        torch.from_numpy(marginals),
        torch.from_numpy(labels.owners.astype(np.int64)),
        torch.from_numpy(labels.moves.astype(np.int64)),
        torch.from_numpy(labels.counts.astype(np.float32)),
    )
