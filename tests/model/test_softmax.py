"""The loss without memory, against cross-entropy and against every tag sequence written down."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import BruteForceCRF
from torch.nn import functional

from tagger.model.softmax import Softmax

K = 3
LENGTHS = torch.tensor([4, 1, 3])


@pytest.fixture
def emissions():
    return torch.randn(4, 3, K, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.fixture
def tags():
    return torch.randint(0, K, (4, 3), generator=torch.Generator().manual_seed(1))


def oracle(emissions, b, allowed=None) -> BruteForceCRF:
    length = int(LENGTHS[b])
    zeros = np.zeros(K)
    given = None if allowed is None else allowed[:length, b].numpy()
    return BruteForceCRF(emissions[:length, b].numpy(), zeros, np.zeros((K, K)), zeros, allowed=given)


def test_the_loss_is_cross_entropy(emissions, tags):
    loss = Softmax(K).negative_log_likelihood(emissions, tags, LENGTHS)
    for b, length in enumerate(LENGTHS):
        expected = functional.cross_entropy(emissions[:length, b], tags[:length, b], reduction="sum")
        torch.testing.assert_close(loss[b], expected)


def test_one_allowed_tag_is_a_gold_tag_and_all_allowed_cost_nothing(emissions, tags):
    softmax = Softmax(K)
    one = functional.one_hot(tags, K).bool()
    expected = softmax.negative_log_likelihood(emissions, tags, LENGTHS)
    torch.testing.assert_close(softmax.negative_log_likelihood(emissions, tags, LENGTHS, one), expected)
    free = softmax.negative_log_likelihood(emissions, tags, LENGTHS, torch.ones_like(one))
    torch.testing.assert_close(free, torch.zeros(3, dtype=torch.float64))


def test_the_loss_of_sets_counts_every_sequence_within_them(emissions, tags):
    allowed = torch.tensor([[[1, 1, 0], [1, 0, 0], [0, 1, 1]]] * 4).bool()
    loss = Softmax(K).negative_log_likelihood(emissions, tags, LENGTHS, allowed)
    for b in range(3):
        expected = oracle(emissions, b).log_z - oracle(emissions, b, allowed).log_z
        assert float(loss[b]) == pytest.approx(expected)


def test_padding_has_a_finite_gradient(emissions, tags):
    allowed = torch.zeros(4, 3, K, dtype=torch.bool)
    for b, length in enumerate(LENGTHS):
        allowed[:length, b, 0] = True
    loss = Softmax(K).negative_log_likelihood(emissions.requires_grad_(), tags, LENGTHS, allowed)
    (gradient,) = torch.autograd.grad(loss.sum(), emissions)
    assert bool(gradient.isfinite().all())
    for b, length in enumerate(LENGTHS):
        assert not gradient[length:, b].any()
