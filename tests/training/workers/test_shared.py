"""Tensors that move into shared memory and back: the same objects, the same values, and who else sees them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tagger.training.workers.child import dump, load
from tagger.training.workers.shared import SharedTensors, lent


def test_views_have_the_forms_of_their_models_and_begin_where_pytorch_lets_tensors_begin():
    like = [
        torch.ones(3, 5),
        torch.ones((), dtype=torch.float64),
        torch.ones(0, 4),
        torch.ones(7, dtype=torch.bool),
        torch.ones(2, dtype=torch.int64),
    ]
    memory = SharedTensors(like)
    for view, model in zip(memory.views(), like, strict=True):
        assert (view.dtype, view.shape) == (model.dtype, model.shape)
        assert view.count_nonzero() == 0
        assert view.data_ptr() % 64 == 0
        view.copy_(model)
    for view, model in zip(memory.views(), like, strict=True):  # the memory is one, and nothing overlaps
        assert torch.equal(view, model)


def test_lent_tensors_are_themselves_elsewhere_and_come_back():
    weight = nn.Parameter(torch.arange(6.0).view(2, 3))
    other = torch.arange(4)
    own = weight.data_ptr()
    with lent([weight, other]) as memory:
        first, second = memory.views()
        assert first.data_ptr() == weight.data_ptr() != own
        assert torch.equal(weight, torch.arange(6.0).view(2, 3))
        first[0] = 7
        assert weight[0].tolist() == [7, 7, 7]
        (gradient,) = torch.autograd.grad(weight.square().sum(), [weight])
        assert torch.equal(gradient, 2 * weight)
    first.zero_()
    second.zero_()
    assert weight.tolist() == [[7, 7, 7], [3, 4, 5]]
    assert other.tolist() == [0, 1, 2, 3]


def test_tensors_come_back_where_the_block_fails():
    weight = torch.ones(2)
    with pytest.raises(KeyError), lent([weight]) as memory:
        raise KeyError
    memory.views()[0].zero_()
    assert weight.tolist() == [1, 1]


def test_an_object_is_dumped_without_its_shared_tensors():
    cell = nn.LSTM(3, 2)  # it refers to each parameter twice
    cell.bias_hh_l0.requires_grad_(False)
    kept = torch.ones(1000)
    shared = [*cell.parameters(), kept]
    copies = [tensor.detach().clone() for tensor in shared]
    content = dump((cell, kept), shared)
    assert len(content) < 2000
    replica, other = load(content, copies)
    assert [each.requires_grad for each in replica.parameters()] == [True, True, True, False]
    assert other is copies[-1]
    for parameter, copy in zip(replica.parameters(), copies, strict=False):
        assert parameter.data_ptr() == copy.data_ptr()
    inputs = torch.ones(2, 3)
    assert torch.equal(replica(inputs)[0], cell(inputs)[0])
    copies[0].zero_()
    assert not torch.equal(replica(inputs)[0], cell(inputs)[0])
    trained = [each for each in replica.parameters() if each.requires_grad]
    assert len(torch.autograd.grad(replica(inputs)[0].sum(), trained)) == 3
