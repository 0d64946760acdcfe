"""A language model trained beside the tagger, on the same sentences and the same encoder states.

The forward state of a token predicts the next word, the backward state the one before (Rei 2017, "Semi-supervised
multitask learning for sequence labeling"; Liu et al. 2018, LM-LSTM-CRF). It makes the encoder learn from every
token, not from the few that carry a span, and is thrown away when training ends: a model directory doesn't hold it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tagger.config import EncoderConfig
from tagger.model.batch import Batch


class NeighbourPrediction(nn.Module):
    """Predict neighbouring words from one-directional encoder states.

    The softmax runs over the distinct words of the batch alone, a sample of the vocabulary in which frequent words
    appear often, so its cost doesn't depend on the size of the vocabulary.

    Args:
        words: rows of the lexicon's word table.
        encoder: the settings of the encoder whose states are read.
        dim: size of the space in which states and words meet.
    """

    def __init__(self, words: int, encoder: EncoderConfig, dim: int) -> None:
        super().__init__()
        self.projections = nn.ModuleList(nn.Linear(encoder.hidden, dim) for _ in range(encoder.directions))
        self.output = nn.Embedding(words, dim, sparse=True)
        nn.init.normal_(self.output.weight, std=dim**-0.5)

    def forward(self, states: Tensor, batch: Batch) -> Tensor:
        """Return the negative log-likelihood (nats) of all neighbours, summed over the batch and both directions.

        Args:
            states: (T, R, directions * H) states of the encoder's last layer.
            batch: where the windows' words are.
        """
        time = len(batch.tokens)
        steps = torch.arange(1, time, device=states.device).unsqueeze(1)
        follows = steps < batch.window_lengths  # (T - 1, R): step t + 1 is inside, and so is step t
        words = self.output(batch.forms.words)  # (U, dim)
        halves = states.chunk(len(self.projections), dim=-1)
        pairs = [(halves[0][:-1], batch.tokens[1:]), (halves[-1][1:], batch.tokens[:-1])]
        losses = [
            functional.cross_entropy(
                torch.tanh(project(read[follows])) @ words.T, target[follows], reduction="sum"
            )
            for project, (read, target) in zip(self.projections, pairs, strict=False)
        ]
        return torch.stack(losses).sum()
