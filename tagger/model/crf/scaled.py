"""The recursions on scaled probabilities (Rabiner 1989, V.A): products, multiplications and a few divisions.

Exact as long as nothing underflows, which `messages.choose_road` proves before it sends a batch here. Each row
of alpha, beta and gamma is known up to a factor of its own, which cancels in every question.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tagger.model.crf.chain import Chain
from tagger.model.crf.messages import Road, widest
from tagger.model.crf.padded import at_ends, flat_rows, mirrored_steps, read_rows


@dataclass(frozen=True, slots=True)
class Scaled:
    """Messages whose rows (last axis) are right up to a factor."""

    alpha: Tensor  # (T, B, K)
    beta: Tensor  # (T, B, K)
    gamma: Tensor  # (T, B, K)
    scale: Tensor  # (T, B): sum_k alpha beta, which is Z in the units of these rows
    matrix: Tensor  # (K, K): exp(transitions) up to a factor
    mask: Tensor  # (T, B)
    log_z: Tensor  # (B,)

    def expected_tags(self, weight: Tensor) -> Tensor:
        return (self.alpha * self.beta).mul_(self._shares(weight).unsqueeze(-1))

    def expected_moves(self, weight: Tensor) -> Tensor:
        K = len(self.matrix)
        # Units: alpha_t and gamma_{t+1} as in scale_t, because sum_j matrix[i, j] gamma_{t+1}(j) = beta_t(i).
        shares = torch.where(self.mask[1:], self._shares(weight)[:-1], 0.0)
        arrivals = self.gamma[1:] * shares.unsqueeze(-1)
        moves = torch.empty_like(self.matrix)
        torch.mm(
            self.alpha[:-1].reshape(-1, K).t(), arrivals.reshape(-1, K), out=moves
        )  # autocast spares `out`
        return moves.mul_(self.matrix)

    def log_moves(self, tags: Tensor) -> Tensor:
        sources, targets = tags[:-1], tags[1:]
        arrivals = self.gamma[1:].gather(-1, targets.unsqueeze(-1)).squeeze(-1)
        departures = self.beta[:-1].gather(-1, sources.unsqueeze(-1)).squeeze(-1)
        return (self.matrix[sources, targets] * arrivals / departures).log()

    def moves_from(self, step: Tensor, sentence: Tensor, tag: Tensor) -> Tensor:
        following = self.gamma[(step + 1).clamp(max=len(self.gamma) - 1), sentence]
        return self.matrix[tag] * following / self.beta[step, sentence, tag].unsqueeze(-1)

    def _shares(self, weight: Tensor) -> Tensor:
        return torch.where(self.mask, weight.to(self.scale.dtype) / self.scale, 0.0)  # (T, B)


def propagate(
    emissions: Tensor, chain: Chain, lengths: Tensor, mask: Tensor, peak: float, road: Road
) -> Scaled:
    """Run both recursions over emissions (T, B, K) whose padding lies within the range of the rest, peak on top."""
    T, B, K = emissions.shape
    chain = chain.to(road.dtype)
    tops = torch.stack([scores.max() for scores in chain])  # (3,)
    start, matrix, end = ((scores - top).exp() for scores, top in zip(chain, tops, strict=True))
    state = matrix.new_empty(2, T, B, K)  # forward, and backward over mirrored sentences
    state[0].copy_(emissions).sub_(peak).exp_()
    rows = flat_rows(mirrored_steps(lengths, T))
    read_rows(state[0], rows, out=state[1])
    sums = _recur(state, torch.stack((start, end)), matrix, road.stride)
    alpha, gamma = state[0], read_rows(state[1], rows)
    beta = torch.empty_like(gamma)
    torch.matmul(gamma[1:], matrix.t(), out=beta[:-1])
    beta[lengths - 1, torch.arange(B, device=lengths.device)] = end
    wide = widest(emissions.device)
    start_top, move_top, end_top = tops.to(wide)
    log_z = (at_ends(alpha, lengths) * end).sum(-1).to(wide).log_()
    log_z += torch.where(mask[:: road.stride], sums.log(), 0.0).sum(0, dtype=wide)
    log_z += (start_top + end_top - move_top) + lengths * (move_top + peak)
    log_z.nan_to_num_(nan=-torch.inf)  # 0 / 0: no tag sequence is possible
    return Scaled(alpha, beta, gamma, (alpha * beta).sum(-1), matrix, mask, log_z)


def _recur(state: Tensor, first: Tensor, matrix: Tensor, stride: int) -> Tensor:
    """Turn weights (2, T, B, K) into messages, in place; return the normalisers of alpha, (ceil(T / stride), B)."""
    _, T, B, K = state.shape
    matrices = torch.stack((matrix, matrix.t()))  # (2, K, K)
    moved = first.unsqueeze(1).expand(2, B, K).contiguous()
    sums = state.new_empty(-(-T // stride), 2, B, 1)
    steps = state.unbind(1)
    for t, weights in enumerate(steps):
        if t:
            torch.bmm(steps[t - 1], matrices, out=moved)
        weights.mul_(moved)
        if t % stride == 0:
            total = sums[t // stride]
            torch.sum(weights, -1, keepdim=True, out=total)
            weights.div_(total)
    return sums[:, 0, :, 0]
