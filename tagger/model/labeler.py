"""The whole network: embeddings -> encoder -> emissions -> decoder. It sees rows of tables, never strings."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from tagger.config import Config
from tagger.errors import ConfigError
from tagger.model.batch import Batch
from tagger.model.contextual import ContextualEmbedding
from tagger.model.cotraining import NeighbourPrediction
from tagger.model.crf import CRF
from tagger.model.embeddings import TokenEmbedding
from tagger.model.encoder import Encoder, locked_dropout
from tagger.model.margin import margins
from tagger.model.softmax import Softmax
from tagger.runtime.lexicon import Lexicon
from tagger.text.schemes import Constraints


class Objective(NamedTuple):
    """Scalars in nats: what is minimised, and the part of it that the tags cost."""

    total: Tensor
    tags: Tensor


class SequenceLabeler(nn.Module):
    """A BiLSTM-CRF (Huang et al. 2015; Ma and Hovy 2016), or one of its relatives.

    Args:
        lexicon: the tables whose rows the embeddings hold.
        config: sizes, cells, dropout.
        constraints: which starts, transitions and ends of tags the scheme allows.
        cotrained: whether a language model stands beside the tagger; for training alone.
        is_spelled: whether that model reads words by their spelling, where they have one, or has a table of them.
        costs: (K, K), what mistakes cost (nats), see `model.margin`; for training alone.
        shares: (K, K), what share of a name each mistake misses; for training alone.

    Attributes:
        temperature: () what scores are divided by before they become confidences; fitted after training.
        agreement: () how much the repeats of a word weigh, see `model.agreement`; fitted after every epoch.
        min_confidence: () how probable a name must be, see `model.decoding`; fitted after training.
    """

    temperature: Tensor
    agreement: Tensor
    min_confidence: Tensor
    costs: Tensor | None
    shares: Tensor | None

    def __init__(
        self,
        lexicon: Lexicon,
        config: Config,
        constraints: Constraints | None,
        *,
        cotrained: bool = False,
        is_spelled: bool = True,
        costs: Tensor | None = None,
        shares: Tensor | None = None,
    ) -> None:
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
        self.register_buffer("costs", costs, persistent=False)
        self.register_buffer("shares", shares, persistent=False)
        self.language_weight = config.training.language_weight
        self.language_share = config.training.language_share
        self.neighbours = (
            NeighbourPrediction(
                len(lexicon.words),
                self.embedding.spelled_size if is_spelled else 0,
                config.encoder,
                config.training.language_dim,
            )
            if cotrained and self.language_weight
            else None
        )

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

    def loss(self, batch: Batch, generator: torch.Generator | None = None) -> Tensor:
        """Return the loss of the gold tags (nats), summed over the batch's sentences: their negative log-likelihood.

        Where mistakes have costs it is the softmax-margin loss of `model.margin`.
        """
        return self._tag_loss(self.encode(batch, generator), batch, generator)

    def objective(
        self,
        batch: Batch,
        generator: torch.Generator | None = None,
        progress: float = 0.0,
        recall_cost: float = 0.0,
    ) -> Objective:
        """Return what training minimises, summed over the batch.

        Args:
            batch: with gold tags.
            generator: of the dropout; None: there is none.
            progress: share of the training that is done. The language model beside the tagger shapes the encoder
                first and fades as training goes on: then the tags alone decide.
            recall_cost: what missing a name costs (nats), see `model.margin`.
        """
        forms = self.embedding.embed_forms(batch.forms, generator)
        states = self.encode(batch, generator, forms)
        tags = self._tag_loss(states, batch, generator, recall_cost)
        if self.neighbours is None or self.rests(progress):
            return Objective(tags, tags)
        weight = self.language_weight * (1 - progress / self.language_share)
        return Objective(tags + weight * self.neighbours(states, batch, forms).sum(), tags)

    def rests(self, progress: float) -> bool:
        """Return whether the language model beside the tagger has no weight (any more), and so no gradient."""
        return progress >= self.language_share

    def _tag_loss(
        self, states: Tensor, batch: Batch, generator: torch.Generator | None, recall_cost: float = 0.0
    ) -> Tensor:
        assert batch.tags is not None
        emissions = self.emissions(states, batch, generator)
        parts = [self.costs] if self.costs is not None else []
        if self.shares is not None and recall_cost:
            parts.append(recall_cost * self.shares)
        if parts:
            emissions = emissions + margins(sum(parts[1:], start=parts[0]), batch.tags, batch.allowed)
        return self.decoder.negative_log_likelihood(emissions, batch.tags, batch.lengths, batch.allowed).sum()

    def kept_state(self) -> dict[str, Tensor]:
        """Return the state that outlives training: all but the language model beside the tagger."""
        return {
            name: value for name, value in self.state_dict().items() if not name.startswith("neighbours.")
        }

    def decode(self, batch: Batch) -> Tensor:
        """Return (S, B) rows of the best tags; what lies beyond a sentence's length means nothing."""
        return self.decoder.viterbi(self(batch), batch.lengths)


def _contextual(lexicon: Lexicon, config: Config) -> ContextualEmbedding | None:
    """Build the language model's part of the embedding, if there is one."""
    if config.lm.used != (lexicon.speller is not None):
        raise ConfigError("is set by --lm DIR, which also brings the language model's tables", "lm.used")
    if lexicon.speller is None:
        return None
    words, symbols = len(lexicon.speller.words), len(lexicon.speller.symbols)
    return ContextualEmbedding(words, symbols, config.language_model, finetune=config.lm.finetune)
