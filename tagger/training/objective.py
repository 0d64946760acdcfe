"""What training a labeller minimises: the loss of its tags, and beside it a language model that fades.

The labeller is embedding, encoder, emission and decoder. What makes it learn better and is thrown away in the end
stands here: the prediction of neighbouring words (`model.cotraining`), and what mistakes cost (`training.margin`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tagger.config import Config
from tagger.model.batch import Batch
from tagger.model.building import build_labeler
from tagger.model.cotraining import NeighbourPrediction
from tagger.model.device import products_in
from tagger.model.labeler import SequenceLabeler
from tagger.model.text_encoder import TextEncoder, begin_with
from tagger.runtime.lexicon import Lexicon
from tagger.runtime.trained import inner_scheme
from tagger.text import costs
from tagger.text.schemes import Scheme
from tagger.training.margin import margins
from tagger.training.workers.gradient import Loss


class LabellingObjective(nn.Module):
    """A labeller, and all that stands beside it in training.

    Args:
        labeler: whose weights are trained; its parameters come first.
        lexicon: its tables.
        config: its settings.
        is_spelled: whether neighbouring words are read by their spelling, where they have one, or have a table.
        span_length: mean number of a name's tokens; None: missing a name costs nothing of its own.

    Attributes:
        neighbours: predicts the words beside each word; None where it has no weight.
        costs: (K, K), what mistakes cost (nats); None where they cost nothing.
        shares: (K, K), what share of a name each mistake misses.
    """

    costs: Tensor | None
    shares: Tensor | None

    def __init__(
        self,
        labeler: SequenceLabeler,
        lexicon: Lexicon,
        config: Config,
        *,
        is_spelled: bool = True,
        span_length: float | None = None,
    ) -> None:
        super().__init__()
        self.labeler = labeler
        self.precision = config.training.precision
        self.language_weight = config.training.language_weight
        self.language_share = config.training.language_share
        self.neighbours = (
            NeighbourPrediction(
                len(lexicon.words),
                labeler.embedding.spelled_size if is_spelled else 0,
                config.encoder,
                config.training.language_dim,
            )
            if self.language_weight
            else None
        )
        self.register_buffer("costs", _costs(lexicon, config), persistent=False)
        shares = None if span_length is None else _shares(lexicon, config, span_length)
        self.register_buffer("shares", shares, persistent=False)

    def forward(
        self,
        batch: Batch,
        generator: torch.Generator | None = None,
        progress: float = 0.0,
        recall_cost: float = 0.0,
    ) -> Loss:
        """Return what training minimises, summed over the batch; what is told of it is the loss of the tags.

        Args:
            batch: with gold tags, and soft ones where teachers labelled some of it.
            generator: of the dropout; None: there is none.
            progress: share of the training that is done. The language model beside the tagger shapes the encoder
                first and fades as training goes on: then the tags alone decide.
            recall_cost: what missing a name costs (nats), see `training.margin`.
        """
        labeler = self.labeler
        forms = labeler.embedding.embed_forms(batch.forms, generator)
        with products_in(self.precision, labeler.device):
            states = labeler.encode(batch, generator, forms)
            scores = labeler.emissions(states, batch, generator)
        tags = self._tag_loss(scores.to(forms.dtype), batch, recall_cost)
        has_faded = progress >= self.language_share
        if self.neighbours is None or has_faded:
            return Loss(tags, tags, is_partial=has_faded)
        weight = self.language_weight * (1 - progress / self.language_share)
        # What was learnt of words elsewhere says of itself which words are neighbours: spelling would learn less.
        spelled = forms[:, : labeler.embedding.spelled_size]
        neighbours = self.neighbours(states.to(forms.dtype), batch, spelled)
        return Loss(tags + weight * neighbours.sum(), tags)

    def begin_with(self, learnt: TextEncoder) -> None:
        """Copy what was learnt from raw text, the prediction of neighbours too; see `model.text_encoder`."""
        begin_with(self.labeler, learnt)
        if self.neighbours is not None:
            self.neighbours.begin_with(learnt.neighbours)

    def _tag_loss(self, emissions: Tensor, batch: Batch, recall_cost: float) -> Tensor:
        """Return the loss of the gold and the soft tags (nats), summed over the batch's sentences."""
        soft = batch.soft
        if soft is None:
            return self._gold_losses(emissions, batch, recall_cost).sum()
        losses = torch.zeros_like(soft.weights)
        if soft.tags is not None:
            columns = soft.columns
            steps = len(soft.tags.marginals)
            decoder = self.labeler.decoder
            found = decoder.cross_entropy(emissions[:steps, columns], soft.tags, batch.lengths[columns])
            losses = losses.index_put((columns,), found.to(losses.dtype))
        if len(soft.others):
            found = self._gold_losses(emissions, batch, recall_cost, soft.others)
            losses = losses.index_put((soft.others,), found.to(losses.dtype))
        return (losses * soft.weights).sum()

    def _gold_losses(
        self, emissions: Tensor, batch: Batch, recall_cost: float, columns: Tensor | None = None
    ) -> Tensor:
        """Return the losses (B,) of the gold tags, or of the sets that they are of; of some columns, or of all."""
        tags, lengths, allowed = batch.tags, batch.lengths, batch.allowed
        assert tags is not None
        if columns is not None:
            emissions, tags, lengths = emissions[:, columns], tags[:, columns], lengths[columns]
            allowed = None if allowed is None else allowed[:, columns]
        parts = [self.costs] if self.costs is not None else []
        if self.shares is not None and recall_cost:
            parts.append(recall_cost * self.shares)
        if parts:
            emissions = emissions + margins(sum(parts[1:], start=parts[0]), tags, allowed)
        return self.labeler.decoder.negative_log_likelihood(emissions, tags, lengths, allowed)


def build(
    lexicon: Lexicon, config: Config, *, is_spelled: bool = True, span_length: float | None = None
) -> LabellingObjective:
    """Build a labeller and what stands beside it, with fresh weights drawn by the configuration's seed.

    The labeller's weights are drawn first.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        labeler = build_labeler(lexicon, config)
        return LabellingObjective(labeler, lexicon, config, is_spelled=is_spelled, span_length=span_length)


def _costs(lexicon: Lexicon, config: Config) -> Tensor | None:
    """Return what mistakes cost, (K, K), where they cost anything."""
    asked = costs.parse(config.training.costs)
    return torch.from_numpy(costs.matrix(lexicon.tags, _scheme(config), asked)) if asked else None


def _shares(lexicon: Lexicon, config: Config, span_length: float) -> Tensor | None:
    """Return what share of a name each mistake misses, (K, K), types with costs of their own left out."""
    own = costs.parse(config.training.costs)
    found = costs.shares(lexicon.tags, _scheme(config), own, span_length)
    return torch.from_numpy(found) if found.any() else None


def _scheme(config: Config) -> Scheme:
    return inner_scheme(Scheme(config.corpus.scheme))
