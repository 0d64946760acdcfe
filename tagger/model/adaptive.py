"""A softmax over many outcomes that costs little: in clusters, with the words' own embeddings for its weights.

Grave et al. 2017, "Efficient softmax approximation for GPUs": the head chooses among the commonest outcomes and the
clusters of the rarer ones, a cluster among its own, so most predictions never touch the many rare outcomes. The
weights of an outcome are its row of the input's table (Press and Wolf 2017, "Using the output embedding to improve
language models"), so a word learns from where it is predicted and from where it is read. Biases begin at the
logarithms of the frequencies: the untrained softmax is the unigram model. Nothing here knows what an outcome is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class AdaptiveSoftmax(nn.Module):
    """`p(w) = p_head(w)` for a common outcome, `p_head(c) p_c(w)` for one of cluster c; each a softmax of `E h + b`.

    Args:
        counts: (V,) how often each outcome was seen, the commonest first.
        size: P, of a state and of an outcome's row.
        cutoffs: where a cluster begins; those beyond V don't matter.

    Attributes:
        bounds: where the clusters begin, the first one after the common outcomes, and V.
    """

    def __init__(self, counts: Sequence[int], size: int, cutoffs: Iterable[int]) -> None:
        super().__init__()
        outcomes = len(counts)
        self.bounds = [*sorted(cutoff for cutoff in set(cutoffs) if cutoff < outcomes), outcomes]
        logs = torch.tensor(counts, dtype=torch.float64).clamp(min=0.5).log()
        logs -= logs.logsumexp(0)
        parts = logs.tensor_split(self.bounds[:-1])
        masses = [part.logsumexp(0, keepdim=True) for part in parts[1:]]
        inside = [part - mass for part, mass in zip(parts[1:], masses, strict=True)]
        self.bias = nn.Parameter(torch.cat([parts[0], *inside]).float())
        self.clusters = nn.Parameter(torch.zeros(len(masses), size))
        self.cluster_bias = nn.Parameter(torch.cat([logs[:0], *masses]).float())

    def forward(self, table: Tensor, states: Tensor, wanted: Tensor) -> Tensor:
        """Return (N,), the negative log-likelihood (nats) of outcomes.

        Args:
            table: (1 + V, P): a row that is of no outcome, then the rows of all outcomes.
            states: (N, P).
            wanted: (N,) the outcomes.
        """
        head, *clusters = self._parts(table)
        choice = wanted.clone()
        rare: list[tuple[Tensor, Tensor]] = []
        for number, (first, last) in enumerate(pairwise(self.bounds)):
            members = ((wanted >= first) & (wanted < last)).nonzero().squeeze(1)
            choice[members] = self.bounds[0] + number
            among = states.index_select(0, members), *clusters[number]
            rare.append((members, cross_entropy(*among, wanted[members] - first)))
        nats = cross_entropy(states, *head, choice)
        for members, more in rare:
            nats = nats.index_add(0, members, more)
        return nats

    def log_probabilities(self, table: Tensor, states: Tensor) -> Tensor:
        """Map states (N, P) to (N, V) log-probabilities; the table is that of `forward`."""
        head, *clusters = (
            torch.log_softmax(torch.addmm(bias, states, weights.T), 1) for weights, bias in self._parts(table)
        )
        common, of_clusters = head.tensor_split([self.bounds[0]], 1)
        masses = torch.split(of_clusters, 1, 1)
        inside = [mass + scores for mass, scores in zip(masses, clusters, strict=False)]
        return torch.cat([common, *inside], 1)

    def _parts(self, table: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return weights and biases of the head, then of each cluster.

        The table is split at once: the gradients of its parts are joined once, not each filled up with zeros.
        """
        sizes = [self.bounds[0], *(last - first for first, last in pairwise(self.bounds))]
        _, common, *rows = torch.split(table, [1, *sizes])
        common_bias, *biases = torch.split(self.bias, sizes)
        head = torch.cat([common, self.clusters]), torch.cat([common_bias, self.cluster_bias])
        return [head, *zip(rows, biases, strict=True)]


def cross_entropy(states: Tensor, weights: Tensor, bias: Tensor, wanted: Tensor) -> Tensor:
    """Return (N,): `-log softmax(W h + b)[wanted]` of each state.

    The same as PyTorch's, but the probabilities take the place of the scores, and what the gradient needs of them is
    kept: the exponentials are computed once, not once in each direction.

    Args:
        states: (N, P).
        weights: (K, P).
        bias: (K,).
        wanted: (N,) which of the K.
    """
    return cast(Tensor, _CrossEntropy.apply(states, weights, bias, wanted))  # type: ignore[no-untyped-call]


class _CrossEntropy(torch.autograd.Function):
    """With `d = softmax(z) - onehot(wanted)` and a gradient g: `dh = g d W`, `dW = d^T (g h)`, `db = g^T d`."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, weights: Tensor, bias: Tensor, wanted: Tensor) -> Tensor:
        scores = torch.log_softmax(torch.addmm(bias, states, weights.T), 1)
        column = wanted.unsqueeze(1)
        nats = -scores.gather(1, column).squeeze(1)
        difference = scores.exp_()
        difference.scatter_add_(1, column, difference.new_full((1, 1), -1.0).expand(len(column), 1))
        ctx.save_for_backward(states, weights, difference)
        return nats

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        states, weights, difference = ctx.saved_tensors
        each = gradients[0].unsqueeze(1)  # (N, 1)
        toward_states = (difference @ weights).mul_(each)
        return toward_states, difference.T @ (states * each), gradients[0] @ difference, None
