"""Linear-chain conditional random fields: exact loss, gradient, decoding and probabilities.

A tag sequence y of a sentence of T tokens has the score

    score(y) = start[y_1] + sum_t emissions[t, y_t] + sum_t transitions[y_{t-1}, y_t] + end[y_T]

and the probability exp(score(y)) / Z, where Z sums over all K^T sequences (Lafferty, McCallum and Pereira 2001).
Z, and with it every probability, comes from two recursions over time (Rabiner 1989, III.A; Sutton and McCallum
2012, section 4.1), alpha from the left and beta from the right.

This module knows tensors of scores and lengths. It refuses to know what a tag means: which moves a scheme
forbids comes in as three boolean arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from tagger.errors import DataError

if TYPE_CHECKING:
    from tagger.text.schemes import Constraints

FORBIDDEN = -1e30
"""Score of a move that can't happen: finite, so that no NaN is born, and below every sum of real scores."""

_RANGE = {torch.float32: 75.0, torch.float64: 650.0}
"""How far apart, in nats, two numbers of a type may lie before the smaller one underflows (with a margin)."""

_CHUNK = 1 << 22
"""Elements that a temporary of the log-space recursion may hold."""


class Chain(NamedTuple):
    """The scores that all sentences share, FORBIDDEN where the constraints say so."""

    start: Tensor  # (K,)
    transitions: Tensor  # (K, K)
    end: Tensor  # (K,)


class Messages(NamedTuple):
    """What the two recursions leave behind.

    On the scaled road alpha and gamma are probabilities whose rows sum to 1, on the log road their logarithms.
    alpha[t, b, k] belongs to y_t = k given the scores up to and including token t; gamma is its mirror image,
    from token t on. Both count the emission of token t.
    """

    alpha: Tensor  # (T, B, K)
    gamma: Tensor  # (T, B, K)
    marginals: Tensor  # (T, B, K) p(y_t = k), 0 in the padding
    scale: Tensor  # (T, B) normaliser of the marginals in the units of alpha and gamma
    log_z: Tensor  # (B,) float64: log Z - sum_t peak[t]


def token_mask(lengths: Tensor, size: int) -> Tensor:
    """Return (T, B) bool: which tokens exist."""
    return torch.arange(size, device=lengths.device).unsqueeze(1) < lengths


def mirror(values: Tensor, lengths: Tensor) -> Tensor:
    """Reverse each sentence within its own length; padding stays behind. (T, B, K) -> (T, B, K), an involution."""
    T, B, K = values.shape
    steps = torch.arange(T, device=lengths.device).unsqueeze(1)
    source = torch.where(steps < lengths, lengths - 1 - steps, steps)
    rows = (source * B + torch.arange(B, device=lengths.device)).view(-1)
    return values.reshape(T * B, K).index_select(0, rows).view(T, B, K)


def last_rows(values: Tensor, lengths: Tensor) -> Tensor:
    """Return the row of each sentence's last token: (T, B, K) -> (B, K)."""
    return values[lengths - 1, torch.arange(values.shape[1], device=lengths.device)]


def _scaled(weights: Tensor, chain: Chain, lengths: Tensor, mask: Tensor) -> Messages:
    """Run both recursions at once in scaled probability space (Rabiner 1989, V.A).

    weights (T, B, K) are emissions less their peak. The backward recursion is the forward one over the mirrored
    sentence with the transposed matrix, so one batched product a time step serves both.
    """
    T, B, K = weights.shape
    tops = Chain(*(scores.max() for scores in chain))
    start, matrix, end = ((scores - top).exp() for scores, top in zip(chain, tops, strict=True))
    weights = weights.exp().masked_fill_(~mask.unsqueeze(-1), 1.0)
    state = torch.stack((weights, mirror(weights, lengths)), dim=1)  # (T, 2, B, K)
    matrices = torch.stack((matrix, matrix.t()))  # (2, K, K)
    moved = torch.stack((start, end)).unsqueeze(1).expand(2, B, K).contiguous()
    sums = state.new_empty(T, 2, B, 1)
    states, scales = state.unbind(0), sums.unbind(0)
    for t in range(T):
        if t:
            torch.bmm(states[t - 1], matrices, out=moved)
        states[t].mul_(moved)
        torch.sum(states[t], -1, keepdim=True, out=scales[t])
        states[t].div_(scales[t])
    alpha, gamma = state[:, 0], mirror(state[:, 1], lengths)
    log_z = (last_rows(alpha, lengths) * end).sum(-1).double().log()
    log_z += torch.where(mask, sums[:, 0, :, 0].log(), 0.0).double().sum(0)
    log_z += tops.start + tops.end + tops.transitions * (lengths - 1)
    marginals = torch.empty_like(gamma)
    marginals[0] = start
    torch.matmul(alpha[:-1], matrix, out=marginals[1:])
    marginals.mul_(gamma)
    scale = marginals.sum(-1)
    marginals.mul_(torch.where(mask, 1.0 / scale, 0.0).unsqueeze(-1))
    return Messages(alpha, gamma, marginals, scale, log_z)


def _propagate(state: Tensor, matrices: Tensor) -> Tensor:
    """Return logsumexp_i(state[d, b, i] + matrices[d, i, j]) -> (2, B, K), a bounded slice of tags at a time."""
    step = max(1, _CHUNK // state.numel())
    parts = [
        torch.logsumexp(state.unsqueeze(-1) + matrices[:, None, :, j : j + step], dim=2)
        for j in range(0, state.shape[-1], step)
    ]
    return torch.cat(parts, dim=-1)


def _logarithmic(weights: Tensor, chain: Chain, lengths: Tensor, mask: Tensor) -> Messages:
    """Run both recursions in log space, in double precision: slower, and exact however far apart scores lie."""
    T, B, K = weights.shape
    weights = weights.double().masked_fill(~mask.unsqueeze(-1), 0.0)
    start, matrix, end = (scores.double() for scores in chain)
    state = torch.stack((weights, mirror(weights, lengths)), dim=1)  # (T, 2, B, K)
    matrices = torch.stack((matrix, matrix.t()))
    prior = torch.empty_like(weights)
    moved = torch.stack((start, end)).unsqueeze(1).expand(2, B, K)
    sums = state.new_empty(T, 2, B, 1)
    for t in range(T):
        if t:
            moved = _propagate(state[t - 1], matrices)
        prior[t] = moved[0]
        state[t] += moved
        sums[t] = state[t].logsumexp(-1, keepdim=True)
        state[t] -= sums[t]
    alpha, gamma = state[:, 0], mirror(state[:, 1], lengths)
    log_z = (last_rows(alpha, lengths) + end).logsumexp(-1) + torch.where(mask, sums[:, 0, :, 0], 0.0).sum(0)
    joint = prior.add_(gamma)
    scale = joint.logsumexp(-1)
    marginals = torch.where(mask.unsqueeze(-1), (joint - scale.unsqueeze(-1)).exp(), 0.0)
    return Messages(alpha, gamma, marginals, scale, log_z)


def _pair_counts(
    messages: Messages, chain: Chain, weight: Tensor, mask: Tensor, road: torch.dtype | None
) -> Tensor:
    """Return the expected number of moves i -> j, sentence b weighted by weight[b]: (K, K)."""
    alpha, gamma, _, scale, _ = messages
    T, B, K = alpha.shape
    if road is not None:
        matrix = (chain.transitions - chain.transitions.max()).exp()
        share = torch.where(mask, weight / scale, 0.0)[1:].unsqueeze(-1) * gamma[1:]
        return matrix * (alpha[:-1].reshape(-1, K).t() @ share.reshape(-1, K))
    counts = alpha.new_zeros(K, K)
    step = max(1, _CHUNK // (B * K))
    matrix = chain.transitions.double()
    for t in range(1, T):
        left = alpha[t - 1] - scale[t].unsqueeze(-1)
        share = torch.where(mask[t], weight, 0.0).view(B, 1, 1)
        for j in range(0, K, step):
            joint = left.unsqueeze(-1) + matrix[:, j : j + step] + gamma[t, :, None, j : j + step]
            counts[:, j : j + step] += (joint.exp() * share).sum(0)
    return counts


class _NegativeLogLikelihood(torch.autograd.Function):
    """log Z - score(gold), and as its gradient the expected counts under the model less the gold counts."""

    @staticmethod
    def forward(
        ctx: Any, emissions: Tensor, start: Tensor, transitions: Tensor, end: Tensor, tags: Tensor, lengths: Tensor,
        peak: Tensor, masks: Chain | None, road: torch.dtype | None,
    ) -> Tensor:  # fmt: skip
        T, B, K = emissions.shape
        mask = token_mask(lengths, T)
        chain = forbid(Chain(start, transitions, end), masks)
        weights = emissions - peak.unsqueeze(-1)
        recursion = _scaled if road is not None else _logarithmic
        cast = Chain(*(scores.to(road) for scores in chain)) if road is not None else chain
        messages = recursion(weights.to(road) if road is not None else weights, cast, lengths, mask)
        gold = torch.where(mask, tags, 0)
        score = torch.where(mask, weights.gather(-1, gold.unsqueeze(-1)).squeeze(-1), 0.0).double().sum(0)
        score += torch.where(mask[1:], chain.transitions[gold[:-1], gold[1:]], 0.0).double().sum(0)
        final = last_rows(gold.unsqueeze(-1), lengths).squeeze(-1)
        score += chain.start[gold[0]].double() + chain.end[final]
        ctx.save_for_backward(*messages[:4], *cast, gold, final, lengths, mask)
        ctx.road, ctx.dtype = road, emissions.dtype
        return (messages.log_z - score).to(emissions.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, weight: Tensor) -> tuple[Tensor | None, ...]:
        alpha, gamma, marginals, scale, start, transitions, end, gold, final, lengths, mask = (
            ctx.saved_tensors
        )
        T, B, K = alpha.shape
        weight = weight.to(alpha.dtype)
        messages = Messages(alpha, gamma, marginals, scale, weight)
        moves = _pair_counts(messages, Chain(start, transitions, end), weight, mask, ctx.road)
        gold_weight = torch.where(mask, weight, 0.0)
        pairs = (gold[:-1] * K + gold[1:]).view(-1)
        moves.view(-1).index_add_(0, pairs, gold_weight[1:].reshape(-1), alpha=-1)
        d_emissions = marginals * weight.unsqueeze(-1)
        d_emissions.scatter_add_(2, gold.unsqueeze(-1), -gold_weight.unsqueeze(-1))
        d_end = last_rows(d_emissions, lengths).sum(0)
        grads = (d_emissions, d_emissions[0].sum(0), moves, d_end)
        return (*(grad.to(ctx.dtype) for grad in grads), None, None, None, None, None)


def forbid(chain: Chain, masks: Chain | None) -> Chain:
    """Put FORBIDDEN wherever masks (True: allowed) say no."""
    if masks is None:
        return chain
    return Chain(*(torch.where(mask, s, FORBIDDEN) for s, mask in zip(chain, masks, strict=True)))


def viterbi(emissions: Tensor, chain: Chain, lengths: Tensor) -> Tensor:
    """Return the best tags (T, B), 0 in the padding (Rabiner 1989, III.B).

    The forward pass keeps the maxima alone; the way back recomputes the one argmax that it needs. The temporary
    has the sources i in its first axis, where a maximum vectorises.
    """
    T, B, K = emissions.shape
    best = torch.empty_like(emissions)
    best[0] = emissions[0] + chain.start
    wide = K >= B
    scores = best.new_empty((K, B, K) if wide else (K, K, B))
    moves = chain.transitions.unsqueeze(1 if wide else 2)
    moved = best.new_empty(scores.shape[1:])
    for t in range(1, T):
        source = best[t - 1].t()
        torch.add(source.unsqueeze(2 if wide else 1), moves, out=scores)
        torch.amax(scores, 0, out=moved)
        torch.add(moved if wide else moved.t(), emissions[t], out=best[t])
    best = mirror(best, lengths)
    arrivals = chain.transitions.t().contiguous()
    tags = lengths.new_empty(T, B)
    tags[0] = (best[0] + chain.end).argmax(-1)
    for t in range(1, T):
        tags[t] = (best[t] + arrivals.index_select(0, tags[t - 1])).argmax(-1)
    return torch.where(token_mask(lengths, T), mirror(tags.unsqueeze(-1), lengths).squeeze(-1), 0)


class CRF(nn.Module):
    """Linear-chain conditional random field over K tags.

    Args:
        num_tags: K.
        batch_first: whether `forward` and `decode` take (B, T, ...) instead of (T, B, ...).
        constraints: which starts, moves and ends are possible; everything when None.
    """

    allowed_start: Tensor
    allowed_transitions: Tensor
    allowed_end: Tensor

    def __init__(
        self, num_tags: int, batch_first: bool = False, constraints: Constraints | None = None
    ) -> None:
        if num_tags <= 0:
            raise ValueError(f"invalid number of tags: {num_tags}; expected at least 1")
        super().__init__()
        self.num_tags = num_tags
        self.batch_first = batch_first
        self.start_transitions = nn.Parameter(torch.empty(num_tags))
        self.end_transitions = nn.Parameter(torch.empty(num_tags))
        self.transitions = nn.Parameter(torch.empty(num_tags, num_tags))
        self.constrained = constraints is not None
        if constraints is not None:
            self.register_buffer("allowed_start", torch.as_tensor(constraints.start), persistent=False)
            self.register_buffer(
                "allowed_transitions", torch.as_tensor(constraints.transitions), persistent=False
            )
            self.register_buffer("allowed_end", torch.as_tensor(constraints.end), persistent=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all scores from U(-0.1, 0.1)."""
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.1, 0.1)

    @property
    def _masks(self) -> Chain | None:
        if not self.constrained:
            return None
        return Chain(self.allowed_start, self.allowed_transitions, self.allowed_end)

    def chain(self) -> Chain:
        """Return the start, transition and end scores with the constraints applied, detached."""
        parameters = (self.start_transitions, self.transitions, self.end_transitions)
        return forbid(Chain(*(parameter.detach() for parameter in parameters)), self._masks)

    def negative_log_likelihood(
        self, emissions: Tensor, tags: Tensor, lengths: Tensor, allowed: Tensor | None = None
    ) -> Tensor:
        """Return -log p(tags) of each sentence: emissions (T, B, K), tags (T, B), lengths (B,) -> (B,)."""
        if allowed is not None:
            raise NotImplementedError
        peak, road = _choose_road(emissions.detach(), self.chain(), lengths)
        loss: Tensor = _NegativeLogLikelihood.apply(  # type: ignore[no-untyped-call]
            emissions, self.start_transitions, self.transitions, self.end_transitions, tags, lengths,
            peak, self._masks, road,
        )  # fmt: skip
        return loss

    def viterbi(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """Return the most likely tags (T, B) int64, 0 beyond each length."""
        with torch.no_grad():
            return viterbi(emissions, self.chain(), lengths)

    def marginals(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """Return p(y_t = k) (T, B, K), 0 beyond each length."""
        with torch.no_grad():
            chain = self.chain()
            peak, road = _choose_road(emissions, chain, lengths)
            weights = emissions - peak.unsqueeze(-1)
            mask = token_mask(lengths, len(emissions))
            if road is None:
                return _logarithmic(weights, chain, lengths, mask).marginals.to(emissions.dtype)
            chain = Chain(*(scores.to(road) for scores in chain))
            return _scaled(weights.to(road), chain, lengths, mask).marginals.to(emissions.dtype)

    def forward(
        self, emissions: Tensor, tags: Tensor, mask: Tensor | None = None, reduction: str = "sum"
    ) -> Tensor:
        """Return the log-likelihood of tags: (B,) for reduction "none", () for "sum", "mean" and "token_mean"."""
        if reduction not in ("none", "sum", "mean", "token_mean"):
            raise ValueError(f"invalid reduction: {reduction}; expected none, sum, mean or token_mean")
        self._validate(emissions, tags, mask)
        if self.batch_first:
            emissions, tags = emissions.transpose(0, 1), tags.transpose(0, 1)
        lengths = self._lengths(emissions, mask)
        log_likelihood = -self.negative_log_likelihood(emissions, tags, lengths)
        if reduction == "none":
            return log_likelihood
        if reduction == "mean":
            return log_likelihood.mean()
        total = log_likelihood.sum()
        return total if reduction == "sum" else total / lengths.sum()

    def decode(self, emissions: Tensor, mask: Tensor | None = None) -> list[list[int]]:
        """Return the most likely tags of each sentence."""
        self._validate(emissions, None, mask)
        if self.batch_first:
            emissions = emissions.transpose(0, 1)
        lengths = self._lengths(emissions, mask)
        rows = self.viterbi(emissions, lengths).t().tolist()
        return [row[:length] for row, length in zip(rows, lengths.tolist(), strict=True)]

    def _lengths(self, emissions: Tensor, mask: Tensor | None) -> Tensor:
        T, B, _ = emissions.shape
        if mask is None:
            return torch.full((B,), T, device=emissions.device)
        mask = (mask.t() if self.batch_first else mask).bool()
        lengths = mask.sum(0)
        if not torch.equal(mask, token_mask(lengths, T)):
            raise ValueError(
                "mask has holes; expected every sentence to be an unbroken run of tokens from the first"
            )
        return lengths

    def _validate(self, emissions: Tensor, tags: Tensor | None, mask: Tensor | None) -> None:
        if emissions.dim() != 3:
            raise ValueError(f"emissions must have 3 dimensions, got {emissions.dim()}")
        if emissions.size(2) != self.num_tags:
            raise ValueError(
                f"expected last dimension of emissions is {self.num_tags}, got {emissions.size(2)}"
            )
        for name, other in (("tags", tags), ("mask", mask)):
            if other is not None and other.shape != emissions.shape[:2]:
                raise ValueError(
                    f"the first two dimensions of emissions and {name} must match, "
                    f"got {tuple(emissions.shape[:2])} and {tuple(other.shape)}"
                )
        if mask is not None and not (mask[:, 0] if self.batch_first else mask[0]).all():
            raise ValueError("mask of the first timestep must all be on")
        if tags is not None and (tags.min() < 0 or tags.max() >= self.num_tags):
            raise ValueError(f"tags must lie between 0 and {self.num_tags - 1}")


def _choose_road(emissions: Tensor, chain: Chain, lengths: Tensor) -> tuple[Tensor, torch.dtype | None]:
    """Return each token's peak (T, B) and the type that holds all products without underflow (None: log space)."""
    low, peak = emissions.aminmax(dim=-1)
    mask = token_mask(lengths, len(emissions))
    spread = torch.where(mask, peak - low, 0.0).max()
    peak = torch.where(mask, peak, 0.0)
    gaps = [torch.where(scores > FORBIDDEN / 2, scores.max() - scores, 0.0).max() for scores in chain]
    steps = 3 if any(bool((s <= FORBIDDEN / 2).any()) for s in chain) else 1
    widest = steps * float(spread + torch.stack(gaps).max())
    for road, limit in _RANGE.items():
        if widest < limit and (road == torch.float64 or emissions.dtype != torch.float64):
            return peak, road
    return peak, None
