"""The recursions on logarithms in double precision: slower, and exact however far apart the scores lie.

Emissions of +-1000, a single path left by the constraints, a NaN that has to be reported: such batches come here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tagger.runtime.chain.constraints import FORBIDDEN, Floats, Ints, Moves

_CHUNK = 1 << 20
"""Elements that a temporary may hold (8 MB)."""


@dataclass(frozen=True, slots=True)
class LogMessages:
    """Logarithms of the messages, all in the same units."""

    alpha: Floats  # (T, K, B)
    beta: Floats  # (T, K, B)
    gamma: Floats  # (T, K, B)
    moves: Moves
    lengths: Ints  # (B,)

    def log_z(self) -> Floats:
        """Return the log partition function of each sentence less the peaks of its tokens, (B,) float64."""
        last = self.alpha[self.lengths - 1, :, np.arange(len(self.lengths))]  # (B, K)
        return _log_sum((last + self.moves.end).T)

    def marginals(self) -> Floats:
        """Return p(y_t = k), (T, K, B); meaningless in the padding."""
        with np.errstate(over="ignore", invalid="ignore"):
            joint = self.alpha + self.beta
            joint -= self.log_z()
            np.exp(joint, out=joint)
        return joint

    def entropies(self) -> Floats:
        """Return H(y_t | y_{t-1}) in nats, of the first tokens H(y_0): (T, B) float64; meaningless in the padding."""
        marginals = self.marginals()
        T, K, B = marginals.shape
        found = np.empty((T, B))
        with np.errstate(over="ignore", invalid="ignore"):
            found[0] = _entropy(self.alpha[0] + self.beta[0] - self.log_z(), 0)
            size = max(1, _CHUNK // (K * B))
            for t in range(1, T):
                rows = np.empty((K, B))
                for i in range(0, K, size):
                    part = slice(i, i + size)
                    arrivals = self.moves.transitions[part, :, None] + self.gamma[t]
                    rows[part] = _entropy(arrivals - self.beta[t - 1, part, None], 1)
                found[t] = np.where(marginals[t - 1] > 0.0, marginals[t - 1] * rows, 0.0).sum(0)
        return found

    def log_tags(self, step: Ints, sentence: Ints, tag: Ints) -> Floats:
        """Return log p(y_t) of tags of N tokens, (N,) float64."""
        chosen = step, tag, sentence
        found: Floats = self.alpha[chosen] + self.beta[chosen] - self.log_z()[sentence]
        return found

    def log_moves(self, step: Ints, sentence: Ints, tag: Ints, following: Ints) -> Floats:
        """Return log p(y_{t+1} = following | y_t = tag) of N tokens t, none the last of its sentence; float64."""
        arrivals, departures = self.gamma[step + 1, following, sentence], self.beta[step, tag, sentence]
        found: Floats = self.moves.transitions[tag, following] + arrivals - departures
        return found


def propagate_logarithms(shifted: Floats, moves: Moves, lengths: Ints) -> LogMessages:
    """Run both recursions over emissions less their peaks (T, K, B), 0 in the padding."""
    moves = moves.cast(np.dtype(np.float64))
    alpha = np.maximum(shifted, FORBIDDEN, dtype=np.float64)
    gamma, beta = alpha.copy(), np.empty_like(alpha)
    alpha[0] += moves.start[:, None]
    for t in range(1, len(alpha)):
        alpha[t] += _log_product(alpha[t - 1], moves.transitions)
    beta[-1] = moves.end[:, None]
    gamma[-1] += beta[-1]
    backward = np.ascontiguousarray(moves.transitions.T)
    for t in reversed(range(len(alpha) - 1)):
        beta[t] = _log_product(gamma[t + 1], backward)
        beta[t][:, lengths == t + 1] = moves.end[:, None]
        gamma[t] += beta[t]
    return LogMessages(alpha, beta, gamma, moves, lengths)


def _log_product(logs: Floats, matrix: Floats) -> Floats:
    """Return logsumexp_i(logs[i, b] + matrix[i, j]), (K, B), a bounded number of tags j at a time."""
    K, B = logs.shape
    product = np.empty_like(logs)
    size = max(1, _CHUNK // (K * B))
    for j in range(0, K, size):
        product[j : j + size] = _log_sum(logs[:, None] + matrix[:, j : j + size, None])
    return product


def _entropy(logs: Floats, axis: int) -> Floats:
    """Return -sum p log p of probabilities given by their logarithms."""
    shares = np.exp(logs)
    found: Floats = -np.where(shares > 0.0, shares * logs, 0.0).sum(axis)
    return found


def _log_sum(logs: Floats) -> Floats:
    """Return the logarithm of the sum of exponentials along the first axis; `logs` is overwritten."""
    top = logs.max(0)
    logs -= top
    found: Floats = np.log(np.exp(logs, out=logs).sum(0))
    found += top
    return found
