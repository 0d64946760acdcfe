"""The adaptive softmax against PyTorch's own, whose tails have weights of their own, and against frequencies."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tagger.model.adaptive import AdaptiveSoftmax, cross_entropy

V, P, CUTOFFS = 50, 6, [8, 20, 35]
COUNTS = sorted((1 + (number * 7919) % 400 for number in range(V)), reverse=True)


def _pair() -> tuple[AdaptiveSoftmax, Tensor, nn.AdaptiveLogSoftmaxWithLoss]:
    """Build the softmax, its table, and PyTorch's with the same weights."""
    torch.manual_seed(0)
    mine = AdaptiveSoftmax(COUNTS, P, CUTOFFS).double()
    nn.init.normal_(mine.clusters)
    table = torch.randn(1 + V, P, dtype=torch.double, requires_grad=True)
    rows = table.detach()[1:]
    theirs = nn.AdaptiveLogSoftmaxWithLoss(P + 1, V, CUTOFFS, div_value=1.0, head_bias=True).double()
    with torch.no_grad():  # a constant feature makes up for the biases that PyTorch's tails lack
        theirs.head.weight[:, :P] = torch.cat([rows[: CUTOFFS[0]], mine.clusters])
        theirs.head.weight[:, P] = 0
        theirs.head.bias.copy_(torch.cat([mine.bias[: CUTOFFS[0]], mine.cluster_bias]))
        for tail, first, last in zip(theirs.tail, CUTOFFS, [*CUTOFFS[1:], V], strict=True):
            tail[0].weight.copy_(torch.eye(P + 1))
            tail[1].weight.copy_(torch.cat([rows[first:last], mine.bias[first:last, None]], 1))
    return mine, table, theirs


def test_losses_and_distributions_are_those_of_pytorch() -> None:
    mine, table, theirs = _pair()
    states, wanted = torch.randn(60, P, dtype=torch.double), torch.randint(V, (60,))
    longer = torch.cat([states, torch.ones(60, 1, dtype=torch.double)], 1)
    torch.testing.assert_close(mine(table, states, wanted), -theirs(longer, wanted).output)
    torch.testing.assert_close(mine.log_probabilities(table, states), theirs.log_prob(longer))


@pytest.mark.parametrize("wanted", [[3, 9, 49, 22, 7, 3], [0, 1, 2, 0, 1, 2]])
def test_gradients_are_those_of_the_distribution(wanted: list[int]) -> None:
    mine, table, _ = _pair()
    states = torch.randn(len(wanted), P, dtype=torch.double, requires_grad=True)
    weights = torch.randn(len(wanted), dtype=torch.double)
    chosen = -mine.log_probabilities(table, states)[torch.arange(len(wanted)), wanted]
    inputs = [states, table, *mine.parameters()]
    torch.testing.assert_close(
        torch.autograd.grad(mine(table, states, torch.tensor(wanted)), inputs, weights),
        torch.autograd.grad(chosen, inputs, weights),
    )


@pytest.mark.parametrize("cutoffs", [CUTOFFS, [10], [60, 70], [49, 50]])
def test_without_states_it_is_the_unigram_model(cutoffs: list[int]) -> None:
    softmax = AdaptiveSoftmax(COUNTS, P, cutoffs)
    found = softmax.log_probabilities(torch.randn(1 + V, P), torch.zeros(1, P))[0].exp()
    torch.testing.assert_close(found, torch.tensor(COUNTS) / sum(COUNTS))


def test_cross_entropy_is_pytorchs() -> None:
    torch.manual_seed(0)
    states, weights = torch.randn(9, P, requires_grad=True), torch.randn(11, P, requires_grad=True)
    bias, wanted = torch.randn(11, requires_grad=True), torch.randint(11, (9,))
    found = cross_entropy(states, weights, bias, wanted)
    expected = functional.cross_entropy(states @ weights.T + bias, wanted, reduction="none")
    torch.testing.assert_close(found, expected)
    toward = torch.randn(9)
    inputs = [states, weights, bias]
    torch.testing.assert_close(
        torch.autograd.grad(found, inputs, toward), torch.autograd.grad(expected, inputs, toward)
    )
