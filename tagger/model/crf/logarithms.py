"""The recursions on logarithms in the widest type: slower, and exact however far apart the scores lie.

Emissions of +-1000, a single path left by the constraints, a NaN that has to be reported: such batches come here.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tagger.model.crf.messages import widest
from tagger.model.crf.padded import PaddedLayout, pick, reorder
from tagger.model.crf.potentials import Potentials
from tagger.runtime.chain import FORBIDDEN

_CHUNK = 1 << 22
"""Elements that a temporary may hold (32 MB in double precision)."""


@dataclass(frozen=True, slots=True)
class Logarithms:
    """Logarithms of the messages, all in the same units."""

    alpha: Tensor  # (T, B, K)
    beta: Tensor  # (T, B, K)
    gamma: Tensor  # (T, B, K)
    transitions: Tensor  # (K, K)
    mask: Tensor  # (T, B)
    log_z: Tensor  # (B,)

    def expected_tags(self, weight: Tensor) -> Tensor:
        shares = torch.where(self.mask, weight.to(self.log_z.dtype), 0.0).unsqueeze(-1)
        marginals = (self.alpha + self.beta - self.log_z.unsqueeze(-1)).exp_()
        return torch.where(shares != 0, marginals * shares, 0.0)

    def expected_moves(self, weight: Tensor) -> Tensor:
        K = len(self.transitions)
        shares = torch.where(self.mask[1:], weight.to(self.log_z.dtype), 0.0)
        rows = shares.nonzero(as_tuple=True)
        sources = (self.alpha[:-1] - self.log_z.unsqueeze(-1))[rows]
        targets, shares = self.gamma[1:][rows], shares[rows]
        moves = self.alpha.new_zeros(K, K)
        parts = (torch.split(part, _chunk_rows(K)) for part in (sources, targets, shares))
        for source, target, share in zip(*parts, strict=True):
            joint = (source.unsqueeze(2) + target.unsqueeze(1) + self.transitions).exp_()
            moves += torch.einsum("nij,n->ij", joint, share)
        return moves

    def log_moves(self, tags: Tensor) -> Tensor:
        sources, targets = tags[:-1], tags[1:]
        arrivals = self.gamma[1:].gather(-1, targets.unsqueeze(-1)).squeeze(-1)
        departures = self.beta[:-1].gather(-1, sources.unsqueeze(-1)).squeeze(-1)
        return self.transitions[sources, targets] + arrivals - departures

    def moves_from(self, step: Tensor, sentence: Tensor, tag: Tensor) -> Tensor:
        following = self.gamma[(step + 1).clamp(max=len(self.gamma) - 1), sentence]
        return (self.transitions[tag] + following - self.beta[step, sentence, tag].unsqueeze(-1)).exp_()


def propagate_logarithms(
    emissions: Tensor, peaks: Tensor, chain: Potentials, layout: PaddedLayout
) -> Logarithms:
    """Run both recursions over emissions (T, B, K) less their peaks (T, B)."""
    wide = widest(emissions.device)
    chain = chain.to(wide)
    start, transitions, end = chain.start, chain.transitions, chain.end
    alpha = (emissions.to(wide) - peaks.unsqueeze(-1)).clamp_(min=FORBIDDEN)
    gamma = reorder(alpha, layout.mirrored)
    beta = torch.empty_like(alpha)
    alpha[0] += start
    beta[0] = end
    gamma[0] += end
    for t in range(1, len(emissions)):
        alpha[t] += _log_product(alpha[t - 1], transitions)
        beta[t] = _log_product(gamma[t - 1], transitions.t())
        gamma[t] += beta[t]
    log_z = (pick(alpha, layout.last) + end).logsumexp(-1)
    beta, gamma = (reorder(messages, layout.mirrored) for messages in (beta, gamma))
    return Logarithms(alpha, beta, gamma, transitions, layout.mask, log_z)


def _log_product(rows: Tensor, matrix: Tensor) -> Tensor:
    """Return logsumexp_i(rows[n, i] + matrix[i, j]), (N, K), a bounded number of rows at a time."""
    parts = torch.split(rows, _chunk_rows(len(matrix)))
    return torch.cat([torch.logsumexp(part.unsqueeze(2) + matrix, dim=1) for part in parts])


def _chunk_rows(K: int) -> int:
    return max(1, _CHUNK // (K * K))
