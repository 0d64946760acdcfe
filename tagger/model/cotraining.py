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
        time, rows, _ = states.shape
        steps = torch.arange(1, time, device=states.device).unsqueeze(1)
        left = (steps < batch.window_lengths).flatten().nonzero().squeeze(1)  # positions t * R + r
        right = left + rows
        pairs = [(left, right), (right, left)][: len(self.projections)]  # who predicts, and whom
        halves = states.flatten(0, 1).chunk(len(pairs), dim=-1)
        read = [
            project(half.index_select(0, places))
            for project, half, (places, _) in zip(self.projections, halves, pairs, strict=True)
        ]
        words = self.output(batch.forms.words)  # (U, dim)
        wanted = batch.tokens.flatten().index_select(0, torch.cat([others for _, others in pairs]))
        scores = torch.tanh(torch.cat(read)) @ words.T
        return functional.cross_entropy(scores, wanted, reduction="sum")
