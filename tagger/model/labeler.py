"""The whole network: embeddings -> encoder -> emissions -> decoder. It sees rows of tables, never strings."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tagger.config import Config
from tagger.model.batch import Batch
from tagger.model.contextual import ContextualEmbedding
from tagger.model.crf import CRF
from tagger.model.embeddings import TokenEmbedding
from tagger.model.encoder import Encoder, locked_dropout
from tagger.model.softmax import Softmax
from tagger.runtime.lexicon import Lexicon
from tagger.runtime.trained import check_speller
from tagger.text.schemes import Constraints


class SequenceLabeler(nn.Module):
    """A BiLSTM-CRF (Huang et al. 2015; Ma and Hovy 2016), or one of its relatives.

    Args:
        lexicon: the tables whose rows the embeddings hold.
        config: sizes, cells, dropout.
        constraints: which starts, transitions and ends of tags the scheme allows.

    Attributes:
        temperature: () what scores are divided by before they become confidences; fitted after training.
        agreement: () how much the repeats of a word weigh, see `runtime.agreement`; fitted after every epoch.
        min_confidence: () how probable a name must be, see `runtime.decode`; fitted after training.
    """

    temperature: Tensor
    agreement: Tensor
    min_confidence: Tensor

    def __init__(self, lexicon: Lexicon, config: Config, constraints: Constraints | None) -> None:
        super().__init__()
        self.input_dropout = config.training.input_dropout
        self.output_dropout = config.training.output_dropout
        self.embedding = TokenEmbedding(lexicon, config.training, _contextual(lexicon, config))
        self.encoder = Encoder(self.embedding.size, config.encoder)
        self.emission = nn.Linear(self.encoder.size, len(lexicon.tags))
        self.decoder: CRF | Softmax = (
            CRF(len(lexicon.tags), constraints=constraints)
            if config.decoder.kind == "crf"
            else Softmax(len(lexicon.tags))
        )
        nn.init.xavier_uniform_(self.emission.weight)
        nn.init.zeros_(self.emission.bias)
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("agreement", torch.zeros(()))
        self.register_buffer("min_confidence", torch.zeros(()))

    @property
    def device(self) -> torch.device:
        """Where the weights are, and where batches must be."""
        return self.emission.weight.device

    def forward(self, batch: Batch, generator: torch.Generator | None = None) -> Tensor:
        """Return (S, B, K) emission scores; a generator turns dropout on."""
        return self.emissions(self.encode(batch, generator), batch, generator)

    def encode(
        self, batch: Batch, generator: torch.Generator | None = None, forms: Tensor | None = None
    ) -> Tensor:
        """Return (T, R, D) states of the encoder; `forms` as for `TokenEmbedding.forward`."""
        inputs = locked_dropout(self.embedding(batch, generator, forms), self.input_dropout, generator)
        states: Tensor = self.encoder(inputs, batch.window_lengths)
        return states

    def emissions(self, states: Tensor, batch: Batch, generator: torch.Generator | None = None) -> Tensor:
        """Return (S, B, K) emission scores of encoded windows, laid out by sentence."""
        scores: Tensor = self.emission(locked_dropout(states, self.output_dropout, generator))  # (T, R, K)
        return scores.flatten(0, 1).index_select(0, batch.places.flatten()).view(*batch.places.shape, -1)


def _contextual(lexicon: Lexicon, config: Config) -> ContextualEmbedding | None:
    """Build the language model's part of the embedding, if there is one."""
    check_speller(lexicon, config)
    if lexicon.speller is None:
        return None
    words, symbols = len(lexicon.speller.words), len(lexicon.speller.symbols)
    return ContextualEmbedding(words, symbols, config.language_model, finetune=config.lm.finetune)
