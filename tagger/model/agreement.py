"""Agreement: what the repeats of a word in a document say about each other.

"Williams" in one sentence of an article may be anybody, beside "Daryl Williams, the attorney general" in another it
is a person. A linear chain sees one sentence; a second look lets the tokens of the same word weigh what the others
say (Sutton and McCallum 2004, "Collective segmentation and labeling of distant entities"; Krishnan and Manning 2006,
"An effective two-stage model for exploiting non-local dependencies in named entity recognition"). Nothing here is
learnt but one number, the strength a.

Let p_t(y) be the probability that token t belongs to a name of type y, or to none, as the chain of its sentence has
it, q_t(y) the mean of p over all tokens of the scope with the same word, t itself included, and H_t the entropy of
p_t, as a share of the largest one possible. Then each tag of type y gets at token t the score

    a H_t (log(q_t(y) + e) - log(p_t(y) + e))

on top, and the chain is decoded again: who is sure stays as he is, who isn't leans towards what the others are. The
chain's probabilities are then exact for these scores.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tagger.model.chains import Ints, batch_chains
from tagger.model.trained import TrainedModel, inner_scheme
from tagger.text.schemes import Scheme, split_tag

STRENGTHS = (0.0, 4.0)  # that are tried on dev
_TEMPERATURE = 2.0  # of p: a network is surer of itself than it should be
_FLOOR = 0.02  # e: what a probability can't fall below weighs little


class Pull(NamedTuple):
    """Where repeats pull scores, for a strength of 1.

    Attributes:
        tokens: (M,) which tokens.
        scores: (M, K) what their tags get on top (nats).
    """

    tokens: Tensor
    scores: Tensor

    def __call__(self, scores: Tensor, strength: float) -> Tensor:
        """Return (N, K) scores with what comes on top."""
        return scores.index_add(0, self.tokens, self.scores, alpha=strength)


class Agreement:
    """What repeats say, by the decoder of a model."""

    def __init__(self, model: TrainedModel) -> None:
        scheme = inner_scheme(model.scheme)
        names = [split_tag(tag, scheme)[1] for tag in model.lexicon.tags]
        types = sorted(set(names))
        self._types = torch.tensor([types.index(name) for name in names])
        self._decoder = model.labeler.decoder
        self._device = model.labeler.device

    @staticmethod
    def is_possible(model: TrainedModel) -> bool:
        """Return whether a model finds names; bare labels such as parts of speech change with the sentence."""
        return model.scheme is not Scheme.BARE

    @torch.inference_mode()
    def __call__(
        self,
        scores: Tensor,
        starts: Ints,
        sizes: Ints,
        repeats: Ints | None,
        allowed: Tensor | None = None,
    ) -> Pull | None:
        """Weigh what repeats say; None: there are none.

        Args:
            scores: (N, K) emission scores of the tokens of all sentences, one after the other.
            starts, sizes: (S,) where each sentence's tokens begin, and how many they are.
            repeats: (N,) see `text.repetition`; None: there are none.
            allowed: (N, K) which tags each token may have; None: any.
        """
        if repeats is None or not (repeats >= 0).any():
            return None
        tokens = np.flatnonzero(repeats >= 0)
        held = np.unique(np.searchsorted(starts, tokens, side="right") - 1)
        beliefs = self._beliefs(scores, starts[held], sizes[held], allowed)[torch.from_numpy(tokens)]
        words, inverse = np.unique(repeats[tokens], return_inverse=True)
        owners = torch.from_numpy(inverse)
        sums = beliefs.new_zeros(len(words), beliefs.shape[1]).index_add_(0, owners, beliefs)
        means = (sums / torch.bincount(owners).unsqueeze(1))[owners]
        doubt = torch.special.entr(beliefs).sum(1, keepdim=True) / math.log(max(2, beliefs.shape[1]))
        pulled = doubt * ((means + _FLOOR).log() - (beliefs + _FLOOR).log())  # (M, Y)
        return Pull(torch.from_numpy(tokens), pulled[:, self._types])

    def _beliefs(self, scores: Tensor, starts: Ints, sizes: Ints, allowed: Tensor | None) -> Tensor:
        """Return (N, Y): p of the tokens of some sentences, 0 elsewhere."""
        found = torch.zeros(len(scores), int(self._types.max()) + 1)
        for batch in batch_chains(starts, sizes):
            posterior = self._decoder.posterior(
                batch.take(scores, self._device),
                batch.lengths(self._device),
                batch.options(allowed, self._device),
                _TEMPERATURE,
            )
            marginals = posterior.marginals.float().cpu()[torch.from_numpy(batch.inside)]  # (n, K)
            places = torch.from_numpy(batch.places[batch.inside])
            found[places] = found.new_zeros(len(places), found.shape[1]).index_add_(1, self._types, marginals)
        return found
