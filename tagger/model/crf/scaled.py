"""The recursions on scaled probabilities (Rabiner 1989, V.A): products, multiplications and a few divisions.

Exact as long as nothing underflows, which `messages.choose_road` proves before it sends a batch here. Each row
of alpha, beta and gamma is known up to a factor of its own, which cancels in every question.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tagger.model.crf.messages import Road, widest
from tagger.model.crf.padded import PaddedLayout, pick, reorder
from tagger.model.crf.potentials import Potentials


@dataclass(frozen=True, slots=True)
class Scaled:
    """Messages whose rows (last axis) are right up to a factor."""

    alpha: Tensor  # (T, B, K)
    gamma: Tensor  # (T, B, K)
    joint: Tensor  # (T, B, K): alpha beta
    scale: Tensor  # (T, B): sum_k joint, which is Z in the units of alpha and beta
    matrix: Tensor  # (K, K): exp(transitions) up to a factor
    mask: Tensor  # (T, B)
    log_z: Tensor  # (B,)

    def expected_tags(self, weight: Tensor) -> Tensor:
        return self.joint * self._shares(weight).unsqueeze(-1)

    def expected_moves(self, weight: Tensor) -> Tensor:
        # sum_j matrix[i, j] gamma_{t+1}(j) = beta_t(i), so alpha_t and gamma_{t+1} together are in units of scale_t.
        K = len(self.matrix)
        shares = torch.where(self.mask[1:], self._shares(weight)[:-1], 0.0)
        arrivals = self.gamma[1:] * shares.unsqueeze(-1)
        moves = torch.empty_like(self.matrix)
        torch.mm(
            self.alpha[:-1].view(-1, K).t(), arrivals.view(-1, K), out=moves
        )  # autocast leaves `out` alone
        return moves.mul_(self.matrix)

    def log_moves(self, tags: Tensor) -> Tensor:
        K = len(self.matrix)
        departures = self.matrix.index_select(0, tags[:-1].reshape(-1)).view(-1, tags.shape[1], K)
        followed = departures.mul_(self.gamma[1:])  # (T - 1, B, K), whose sum is beta_t(y_t)
        chosen = followed.gather(-1, tags[1:].unsqueeze(-1)).squeeze(-1)
        return (chosen / followed.sum(-1)).log_()

    def moves_from(self, step: Tensor, sentence: Tensor, tag: Tensor) -> Tensor:
        followed = self.matrix[tag] * self.gamma[(step + 1).clamp(max=len(self.gamma) - 1), sentence]
        return followed.div_(followed.sum(-1, keepdim=True))

    def _shares(self, weight: Tensor) -> Tensor:
        return torch.where(self.mask, weight.to(self.scale.dtype) / self.scale, 0.0)  # (T, B)


def propagate_scaled(
    emissions: Tensor, peaks: Tensor, chain: Potentials, layout: PaddedLayout, road: Road
) -> Scaled:
    """Run both recursions over emissions (T, B, K) less their peaks (T, B)."""
    T, B, K = emissions.shape
    weights, top = chain.to(road.dtype).weights()
    start, matrix, end = weights.start, weights.transitions, weights.end
    state = matrix.new_empty(2, T, B, K)  # forward, and backward over mirrored sentences
    state[0].copy_(emissions).sub_(peaks.unsqueeze(-1)).exp_()
    reorder(state[0], layout.mirrored, out=state[1])
    sums = _recur(state, torch.stack((start, end)), matrix, road.stride)
    alpha, gamma = state[0], reorder(state[1], layout.mirrored)
    joint = torch.empty_like(gamma)
    torch.matmul(gamma[1:], matrix.t(), out=joint[:-1])  # beta_t
    joint[-1] = (
        0.0  # beyond the shorter sentences; left as it was found, memory may hold a NaN, and NaN * 0 is NaN
    )
    joint.view(T * B, K).index_copy_(0, layout.last, end.expand(B, K))
    joint.mul_(alpha)
    scale = joint.sum(-1)
    wide = widest(emissions.device)
    log_z = pick(scale, layout.last).to(wide).log_()
    log_z += torch.where(layout.mask[:: road.stride], sums.log(), 0.0).sum(0, dtype=wide)
    log_z += (layout.lengths + 1) * top
    log_z.nan_to_num_(nan=-torch.inf)  # 0 / 0: no tag sequence is possible
    return Scaled(alpha, gamma, joint, scale, matrix, layout.mask, log_z)


def _recur(state: Tensor, first: Tensor, matrix: Tensor, stride: int) -> Tensor:
    """Turn weights (2, T, B, K) into messages, in place; return the normalisers of alpha, (ceil(T / stride), B)."""
    _, T, B, K = state.shape
    matrices = torch.stack((matrix, matrix.t()))  # (2, K, K)
    moved = state.new_empty(2, B, K)
    sums = state.new_empty(-(-T // stride), 2, B, 1)
    steps = state.unbind(1)
    steps[0].mul_(first.unsqueeze(1))
    for t, weights in enumerate(steps):
        if t:
            torch.bmm(steps[t - 1], matrices, out=moved)
            weights.mul_(moved)
        if t % stride == 0:
            total = sums[t // stride]
            torch.sum(weights, -1, keepdim=True, out=total)
            weights.div_(total)
    return sums[:, 0, :, 0]
