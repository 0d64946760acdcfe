"""The weights of a network in one like it whose tables and tags are more.

It relies on the order that `text.extension` gives: old rows first, each at its old place.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tagger.model.labeler import SequenceLabeler
from tagger.text.vocab import UNKNOWN

_TABLES = "embedding."  # begins the names of tables whose row `UNKNOWN` stands for what they lack


def inherit(labeler: SequenceLabeler, old: SequenceLabeler) -> None:
    """Copy the weights of `old` into `labeler`, whose settings are the same but which has more rows and tags.

    A new row of a table begins as what the old network read in its place, the row of the unknown; so every token of
    any text is encoded as before, until training changes that. Scores of new tags stay as they were drawn.
    """
    own = labeler.state_dict()
    with torch.no_grad():
        for name, value in old.state_dict().items():
            place(own[name], value, fill=name.startswith(_TABLES))


def place(target: Tensor, value: Tensor, *, fill: bool) -> None:
    """Copy a tensor into the beginning of one that is as large or larger in each dimension.

    Args:
        target: changed in place.
        value: what it begins with.
        fill: whether its other rows become copies of the value's row of the unknown.
    """
    if fill and target.shape != value.shape:
        target[len(value) :] = value[UNKNOWN].to(target.device)
    target[tuple(slice(size) for size in value.shape)] = value.to(target.device)
