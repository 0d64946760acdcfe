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

A threshold of 1/2 makes the fewest mistakes. For the best F1 a name is to be taken from p = F/2 on, F being that F1
(Lipton, Elkan and Naryanaswamy 2014, "Optimal thresholding of classifiers to maximize F1 measure"). With q = 0 the
cost of that threshold solves sigma(r) = 1/F - 1/2: `recall_cost`, which training takes unless told otherwise. It is
the cost of a whole name, so each of its tokens costs a share: `shares`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

LARGEST_RECALL_COST = 5.0  # nats: a threshold of 0.335, and no cost reaches the 1/3 of an F1 of 2/3 or less


def recall_cost(f1: float) -> float:
    """Return what missing a name should cost (nats) where `f1` is about the best that can be had.

    >>> [round(recall_cost(f1), 2) for f1 in (0.3, 0.8, 0.95, 1.0)]
    [5.0, 1.1, 0.21, 0.0]
    """
    wanted = 1 / max(f1, 1e-9) - 0.5  # sigma(r)
    most = 1 / (1 + math.exp(-LARGEST_RECALL_COST))
    return LARGEST_RECALL_COST if wanted >= most else math.log(wanted / (1 - wanted))


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
