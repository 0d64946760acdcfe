"""Softmax-margin: training that asks for a larger distance from the mistakes that cost more.

Gimpel and Smith 2010, "Softmax-margin CRFs: training log-linear models with cost functions", equation 3: with scores
s and the cost of taking tags y' for the gold tags y,

    loss(y) = -s(y) + log sum_y' exp(s(y') + cost(y, y'))        cost(y, y') = sum_t cost[y_t, y'_t]

The cost is a sum over tokens, so it joins their emission scores and any decoder computes the loss as before; the gold
tags cost nothing, so their own score stays as it is. Decoding knows no costs. With costs of 0 this is the likelihood.

What a cost can do is bounded. Let a token be a name with probability p, else O; missing the name costs r, inventing
it q. The loss is least where its score s over O satisfies p sigma(r - s) = (1 - p) sigma(s + q), sigma being the
logistic function, so the name is decoded (s > 0) from

    p = sigma(q) / (sigma(q) + sigma(r))

on: 1/2 without costs, 0.41 for r = 1, 1/3 at most for any r, and 2/3 at most for any q. Likewise p(name) as the model
states it is no longer p; a temperature, the same for all types, can't mend that.
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
