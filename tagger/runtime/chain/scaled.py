"""The recursions on scaled probabilities (Rabiner 1989, V.A): products, multiplications and a few divisions.

Exact as long as nothing underflows, which `roads.choose_road` proves before it sends a batch here. Each column
(t, :, b) of alpha and gamma is known up to a factor of its own, which cancels in every question.

Sentences stand last, (T, K, B): numpy is several times faster along a long last axis.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tagger.runtime.chain.constraints import Floats, Ints, Moves
from tagger.runtime.chain.roads import Road


@dataclass(frozen=True, slots=True)
class ScaledMessages:
    """Messages whose columns are right up to a factor."""

    alpha: Floats  # (T, K, B)
    gamma: Floats  # (T, K, B)
    weights: Moves  # exp(scores - top)
    top: float
    sums: Floats  # (ceil(T / stride), B): what alpha was divided by
    stride: int
    lengths: Ints  # (B,)

    def log_z(self) -> Floats:
        """Return the log partition function of each sentence less the peaks of its tokens, (B,) float64."""
        last = self.alpha[self.lengths - 1, :, np.arange(len(self.lengths))]  # (B, K)
        inside = np.arange(0, len(self.alpha), self.stride)[:, None] < self.lengths
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = np.log(last.astype(np.float64) @ self.weights.end)
            sums = np.where(inside, np.log(self.sums, dtype=np.float64), 0.0).sum(0)
        total: Floats = scaled + sums + (self.lengths + 1) * self.top
        return np.where(np.isnan(total), -np.inf, total)  # 0 / 0: no tag sequence is possible

    def marginals(self) -> Floats:
        """Return p(y_t = k), (T, K, B); meaningless in the padding."""
        joint = np.empty_like(self.alpha)
        np.matmul(self.weights.transitions, self.gamma[1:], out=joint[:-1])  # beta_t
        joint[-1] = 0.0
        joint[self.lengths - 1, :, np.arange(len(self.lengths))] = self.weights.end
        joint *= self.alpha
        with np.errstate(invalid="ignore"):
            joint /= joint.sum(1, keepdims=True)
        return joint

    def entropies(self) -> Floats:
        """Return H(y_t | y_{t-1}) in nats, of the first tokens H(y_0): (T, B) float64; meaningless in the padding.

        p(y_{t+1} = j | y_t = i) = w_ij gamma_j / n_i with n_i = sum_j w_ij gamma_j, so that the entropy of a row is
        log n_i - sum_j w_ij gamma_j (log w_ij + log gamma_j) / n_i: two products of matrices for all of them.
        """
        weights = self.weights.transitions.astype(np.float64)
        marginals = self.marginals().astype(np.float64)
        found = np.empty((len(self.alpha), self.alpha.shape[2]))
        found[0] = -_times_log(marginals[0]).sum(0)
        following = self.gamma[1:].astype(np.float64)
        totals = weights @ following  # (T - 1, K, B)
        logs = _times_log(weights) @ following + weights @ _times_log(following)
        with np.errstate(divide="ignore", invalid="ignore"):
            rows = np.where(totals > 0.0, np.log(totals) - logs / totals, 0.0)
        found[1:] = (marginals[:-1] * rows).sum(1)
        return found

    def log_tags(self, step: Ints, sentence: Ints, tag: Ints) -> Floats:
        """Return log p(y_t) of tags of N tokens, (N,) float64."""
        following = np.minimum(step + 1, len(self.gamma) - 1)
        joint = self.gamma[following, :, sentence] @ self.weights.transitions.T  # (N, K): beta
        joint[step == self.lengths[sentence] - 1] = self.weights.end
        joint *= self.alpha[step, :, sentence]
        return _log_shares(joint, tag)

    def log_moves(self, step: Ints, sentence: Ints, tag: Ints, following: Ints) -> Floats:
        """Return log p(y_{t+1} = following | y_t = tag) of N tokens t, none the last of its sentence; float64."""
        followed = self.gamma[step + 1, :, sentence]  # (N, K)
        followed *= self.weights.transitions[tag]
        return _log_shares(followed, following)


def propagate_scaled(
    shifted: Floats, moves: Moves, lengths: Ints, road: Road[np.dtype[Any]]
) -> ScaledMessages:
    """Run both recursions over emissions less their peaks (T, K, B), 0 in the padding."""
    T, K, B = shifted.shape
    weights, top = moves.cast(road.dtype).weights()
    state = np.empty((2, T, K, B), road.dtype)  # forward, and backward with the last time step first
    np.exp(shifted, out=state[0], dtype=road.dtype)
    state[1] = state[0, ::-1]
    matrices = np.stack((weights.transitions.T, weights.transitions))  # (2, K, K)
    moved = np.empty((2, K, B), road.dtype)
    sums = np.empty((-(-T // road.stride), 2, 1, B), road.dtype)
    endings = dict(_endings(lengths, T))
    state[0, 0] *= weights.start[:, None]
    state[1, 0] *= weights.end[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):  # sentences without any possible tag sequence
        for t in range(T):
            messages = state[:, t]
            if t:
                np.matmul(matrices, state[:, t - 1], out=moved)
                if t in endings:
                    moved[1][:, endings[t]] = weights.end[:, None]
                messages *= moved
            if t % road.stride == 0:
                total = np.add.reduce(messages, 1, out=sums[t // road.stride], keepdims=True)
                messages /= total
    return ScaledMessages(state[0], state[1, ::-1], weights, top, sums[:, 0, 0], road.stride, lengths)


def _endings(lengths: Ints, T: int) -> Iterator[tuple[int, Ints]]:
    """Yield for steps from the end of a batch which sentences end there, those as long as the batch left out."""
    for length in np.flatnonzero(np.bincount(lengths)).tolist():
        if length < T:
            yield T - length, np.flatnonzero(lengths == length)


def _times_log(values: Floats) -> Floats:
    """Return x log x, which is 0 at 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.where(values > 0.0, values * np.log(values), 0.0)
    return found


def _log_shares(weights: Floats, chosen: Ints) -> Floats:
    """Return log(weights[n, chosen[n]] / sum_k weights[n, k]) of weights (N, K); log 0 of nothing."""
    totals = weights.sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(totals > 0.0, weights[np.arange(len(chosen)), chosen] / totals, 0.0)
        logs: Floats = np.log(shares, dtype=np.float64)
        return logs
