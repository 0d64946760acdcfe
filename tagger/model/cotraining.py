"""A language model trained beside the labeller, on the same sentences and the same encoder states.

The forward state of a token predicts the next word, the backward state the one before (Rei 2017, "Semi-supervised
multitask learning for sequence labeling"; Liu et al. 2018, LM-LSTM-CRF). It makes the encoder learn from every
token, not from the few that carry a span, and is thrown away when training ends: a model directory doesn't hold it.

The words to choose from are read by their spelling, with the labeller's own embeddings, not from a table beside it
(Jozefowicz et al. 2016, "Exploring the limits of language modeling", section 3.2, reads their characters). So the
affixes and characters of rare words learn what such words stand next to, and hand it on to words never seen. Tokens
without a spelling, as the characters of Chinese are, have a table.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from tagger.config import EncoderConfig
from tagger.model.batch import Batch
from tagger.model.tables import look_up, place
from tagger.runtime.features import Words


class NeighbourPrediction(nn.Module):
    """Predict neighbouring words from one-directional encoder states.

    The softmax runs over the distinct words of the batch alone, a sample of the vocabulary in which frequent words
    appear often, so its cost doesn't depend on the size of the vocabulary.

    Args:
        words: rows of the lexicon's word table.
        spelled_size: width of what a word's spelling is embedded as; 0: words have no spelling.
        encoder: the settings of the encoder whose states are read.
        dim: size of the space in which states and words meet.
    """

    def __init__(self, words: int, spelled_size: int, encoder: EncoderConfig, dim: int) -> None:
        super().__init__()
        self.projections = nn.ModuleList(nn.Linear(encoder.hidden, dim) for _ in range(encoder.directions))
        self.output: nn.Linear | nn.Embedding
        if spelled_size:
            # A bias would add the same to the scores of all words. About three features of norm 1 come in.
            self.output = nn.Linear(spelled_size, dim, bias=False)
            nn.init.normal_(self.output.weight, std=(3 * dim) ** -0.5)
        else:
            self.output = nn.Embedding(words, dim, sparse=True)
            nn.init.normal_(self.output.weight, std=dim**-0.5)

    def forward(self, states: Tensor, batch: Batch, forms: Tensor | None = None) -> Tensor:
        """Return the negative log-likelihood (nats) of all neighbours, summed over the batch: (directions,).

        Args:
            states: (T, R, directions * H) states of the encoder's last layer.
            batch: where the windows' words are.
            forms: (U, spelled_size) what the spelling of the batch's distinct words is embedded as; not read where
                words have a table.
        """
        left, right = batch.followed, batch.followed + states.shape[1]  # positions t * R + r
        pairs = [(left, right), (right, left)][: len(self.projections)]  # who predicts, and whom
        halves = states.flatten(0, 1).chunk(len(pairs), dim=-1)
        output = self.output
        words = (
            output(forms) if isinstance(output, nn.Linear) else look_up(output, batch.forms[Words.name][:, 0])
        )
        wanted = batch.tokens.flatten()
        return torch.stack(
            [
                _unlikelihood(
                    torch.tanh(project(half.index_select(0, readers))), words, wanted.index_select(0, others)
                )
                for project, half, (readers, others) in zip(self.projections, halves, pairs, strict=True)
            ]
        )

    def begin_with(self, old: NeighbourPrediction) -> None:
        """Copy the weights of one of the same kind, whose table may have fewer words; new ones stay as drawn."""
        own = self.state_dict()
        with torch.no_grad():
            for name, value in old.state_dict().items():
                place(own[name], value, fill=False)


def _unlikelihood(reads: Tensor, words: Tensor, wanted: Tensor) -> Tensor:
    """Return the negative log-likelihood of `wanted` (N,), chosen by `reads` (N, D) among `words` (U, D).

    `sum_n log sum_u exp(s[n, u]) - s[n, wanted[n]]`, with scores `s = reads words^T`.
    """
    return cast(Tensor, _Unlikelihood.apply(reads, words, wanted))  # type: ignore[no-untyped-call]


class _Unlikelihood(torch.autograd.Function):
    """Its derivative by a score is the word's probability, less 1 for the wanted word (Bishop 2006, section 4.3.4).

    The gradients are taken at once, while the matrix of probabilities, the only large one, is in the cache.
    """

    @staticmethod
    def forward(ctx: Any, reads: Tensor, words: Tensor, wanted: Tensor) -> Tensor:
        scores = reads @ words.T
        places = wanted.unsqueeze(1)
        probabilities = scores.softmax(1)
        # The highest score's probability, at least 1 / U, gives the normaliser without an underflow.
        log_z = scores.amax(1, keepdim=True) - probabilities.amax(1, keepdim=True).log_()
        found = scores.gather(1, places)
        probabilities.scatter_add_(1, places, torch.full_like(found, -1.0))
        ctx.save_for_backward(probabilities @ words, probabilities.T @ reads)
        return (log_z - found).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *weights: Tensor) -> tuple[Tensor, Tensor, None]:
        by_reads, by_words = ctx.saved_tensors
        return by_reads * weights[0], by_words * weights[0], None
