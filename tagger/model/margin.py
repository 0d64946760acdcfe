"""Softmax-margin: training that asks for a larger distance from the mistakes that cost more.

Gimpel and Smith 2010, "Softmax-margin CRFs: training log-linear models with cost functions", equation 3: with scores
s and the cost of taking tags y' for the gold tags y,

    loss(y) = -s(y) + log sum_y' exp(s(y') + cost(y, y'))        cost(y, y') = sum_t cost[y_t, y'_t]

The cost is a sum over tokens, so it joins their emission scores and any decoder computes the loss as before; the gold
tags cost nothing, so their own score stays as it is. Decoding knows no costs. With costs of 0 this is the likelihood.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def margins(costs: Tensor, tags: Tensor, allowed: Tensor | None = None) -> Tensor:
    """Return (S, B, K): what each tag costs at each token.

    Args:
        costs: (K, K), [g, k] for tag k where the gold tag is g; 0 on the diagonal.
        tags: (S, B) gold tags; not read if `allowed` is given.
        allowed: (S, B, K), at least one of each token, where gold tags are known in part: a tag costs as much as
            beside the allowed tag that it is cheapest for, and nothing if it is allowed itself.
    """
    if allowed is None:
        return functional.embedding(tags, costs)
    cheapest = torch.full(allowed.shape, float("inf"), device=costs.device)
    for gold, row in enumerate(costs):
        held = allowed[..., gold : gold + 1]
        cheapest = torch.where(held, torch.minimum(cheapest, row), cheapest)
    return cheapest
