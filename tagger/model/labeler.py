"""The whole network: embeddings -> encoder -> emissions -> decoder. It sees rows of tables, never strings."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tagger.config import Config
from tagger.model.batch import Batch
from tagger.model.crf import CRF
from tagger.model.embeddings import TokenEmbedding
from tagger.model.encoder import Encoder, locked_dropout
from tagger.model.softmax import Softmax
from tagger.text.lexicon import Lexicon
from tagger.text.schemes import Constraints


class SequenceLabeler(nn.Module):
    """A BiLSTM-CRF (Huang et al. 2015; Ma and Hovy 2016), or one of its relatives.

    Args:
        lexicon: the tables whose rows the embeddings hold.
        config: sizes, cells, dropout.
        constraints: which starts, transitions and ends of tags the scheme allows.
    """

    def __init__(self, lexicon: Lexicon, config: Config, constraints: Constraints) -> None:
        super().__init__()
        self.input_dropout = config.training.input_dropout
        self.output_dropout = config.training.output_dropout
        self.embedding = TokenEmbedding(lexicon, config.embedding, config.training)
        self.encoder = Encoder(self.embedding.size, config.encoder)
        self.emission = nn.Linear(self.encoder.size, len(lexicon.tags))
        self.decoder: CRF | Softmax = (
            CRF(len(lexicon.tags), constraints=constraints)
            if config.decoder.kind == "crf"
            else Softmax(len(lexicon.tags))
        )
        nn.init.xavier_uniform_(self.emission.weight)
        nn.init.zeros_(self.emission.bias)

    @property
    def device(self) -> torch.device:
        """Where the weights are, and where batches must be."""
        return self.emission.weight.device

    def forward(self, batch: Batch, generator: torch.Generator | None = None) -> Tensor:
        """Return (S, B, K) emission scores; a generator turns dropout on."""
        inputs = self.embedding(batch, generator)
        states = self.encoder(locked_dropout(inputs, self.input_dropout, generator), batch.window_lengths)
        scores: Tensor = self.emission(locked_dropout(states, self.output_dropout, generator))  # (T, R, K)
        return scores.flatten(0, 1).index_select(0, batch.places.flatten()).view(*batch.places.shape, -1)

    def loss(self, batch: Batch, generator: torch.Generator | None = None) -> Tensor:
        """Return the negative log-likelihood of the gold tags, summed over the batch's sentences (nats)."""
        assert batch.tags is not None
        emissions = self(batch, generator)
        return self.decoder.negative_log_likelihood(emissions, batch.tags, batch.lengths, batch.allowed).sum()

    def decode(self, batch: Batch) -> Tensor:
        """Return (S, B) rows of the best tags; what lies beyond a sentence's length means nothing."""
        return self.decoder.viterbi(self(batch), batch.lengths)
