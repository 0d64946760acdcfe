"""The weights of a network in one like it whose tables and tags are more: old rows first, each at its old place."""

from __future__ import annotations

import torch

from tagger.model.labeler import SequenceLabeler
from tagger.model.tables import place


def inherit(labeler: SequenceLabeler, old: SequenceLabeler) -> None:
    """Copy the weights of `old` into `labeler`, whose settings are the same but which has more rows and tags.

    Every token of any text is encoded as before, see `TokenEmbedding.begin_with`. Scores of new tags stay as
    they were drawn.
    """
    labeler.embedding.begin_with(old.embedding)
    labeler.encoder.load_state_dict(old.encoder.state_dict())
    with torch.no_grad():
        for mine, theirs in ((labeler.emission, old.emission), (labeler.decoder, old.decoder)):
            own = mine.state_dict()
            for name, value in theirs.state_dict().items():
                place(own[name], value, fill=False)
        for fitted in ("temperature", "agreement", "min_confidence"):
            getattr(labeler, fitted).copy_(getattr(old, fitted))
