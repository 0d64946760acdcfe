"""A labeller's embeddings and encoder learning from raw text, before any tag is seen.

The language model that is trained beside a labeller (`model.cotraining`) here stands alone. To learn from text first
and then from labelled sentences is the way of Dai and Le 2015, "Semi-supervised sequence learning". What learns is no
second network but the labeller's own, so prediction costs nothing more.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from tagger.config import TextEncoderConfig, TrainingConfig
from tagger.model.batch import Batch
from tagger.model.cotraining import NeighbourPrediction
from tagger.model.embeddings import TokenEmbedding
from tagger.model.encoder import Encoder, locked_dropout
from tagger.model.labeler import SequenceLabeler
from tagger.runtime.lexicon import Lexicon


class TextEncoder(nn.Module):
    """The lower half of a `SequenceLabeler`, its parameters named as there, below the prediction of neighbours.

    Args:
        lexicon: the tables whose rows the embeddings hold; its tags aren't read.
        config: sizes and dropout.
    """

    def __init__(self, lexicon: Lexicon, config: TextEncoderConfig) -> None:
        super().__init__()
        steps = config.training
        noise = TrainingConfig(
            word_dropout=steps.word_dropout,
            unknown_strength=steps.unknown_strength,
            character_dropout=steps.character_dropout,
        )
        self.input_dropout = steps.input_dropout
        self.embedding = TokenEmbedding(lexicon, noise)
        self.encoder = Encoder(self.embedding.size, config.encoder)
        # A table of words: nothing shows that spelling makes the better encoder (benchmarks/EXPERIMENTS.md).
        self.neighbours = NeighbourPrediction(len(lexicon.words), 0, config.encoder, steps.language_dim)

    def losses(self, batch: Batch, generator: torch.Generator | None = None) -> Tensor:
        """Return (directions,): the negative log-likelihood (nats) of all next words, and of all words before.

        A word is predicted among the distinct ones of the batch. A generator turns dropout on.
        """
        inputs = locked_dropout(self.embedding(batch, generator), self.input_dropout, generator)
        losses: Tensor = self.neighbours(self.encoder(inputs, batch.window_lengths), batch)
        return losses


def begin_with(labeler: SequenceLabeler, pretrained: TextEncoder) -> None:
    """Copy what was learnt from text into a labeller of the same sizes, whose tables may have more rows.

    A new row of a table begins as the row of the unknown. Features that the text lacked (columns, lists of names, a
    language model's layers) stay as they were drawn, and so do the encoder's weights for them.
    """
    labeler.embedding.begin_with(pretrained.embedding)
    for depth, (mine, theirs) in enumerate(
        zip(labeler.encoder.layers, pretrained.encoder.layers, strict=True)
    ):
        for cell, learnt in zip(cast(nn.ModuleList, mine), cast(nn.ModuleList, theirs), strict=True):
            weights = learnt.state_dict()
            if depth == 0:
                inputs = cell.state_dict()["weight_ih_l0"].clone()
                for name, columns in pretrained.embedding.slices.items():
                    found = weights["weight_ih_l0"][:, columns].to(inputs.device)
                    inputs[:, labeler.embedding.slices[name]] = found
                weights["weight_ih_l0"] = inputs
            cell.load_state_dict(weights)
