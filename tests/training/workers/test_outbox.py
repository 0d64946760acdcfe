"""What is taken out of an outbox is what was put in."""

from __future__ import annotations

import pickle

import pytest
import torch
from torch import nn

from tagger.training.workers import outbox
from tagger.training.workers.gradient import Gradient
from tagger.training.workers.outbox import Outbox


class Toy(nn.Module):
    """A table and a dense weight that are trained, and one of each kind that isn't."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(9, 3, sparse=True)
        self.frozen_table = nn.Embedding(9, 3, sparse=True).requires_grad_(False)
        self.dense = nn.Linear(3, 2)
        self.dense.bias.requires_grad_(False)


def gradient_of(toy: Toy, rows: list[int]) -> Gradient:
    loss = (toy.dense(toy.table(torch.tensor(rows))) * toy.dense.weight.sum()).square().sum()
    trained = [each for each in toy.parameters() if each.requires_grad]
    values = [each.coalesce() if each.is_sparse else each for each in torch.autograd.grad(loss, trained)]
    return Gradient(loss.item(), [each if each.is_sparse else each.T.contiguous().T for each in values])


@pytest.mark.parametrize("room", [2, 3, 4096])
def test_a_gradient_arrives_as_it_was(monkeypatch, room):
    monkeypatch.setattr(outbox, "MOST_ROWS", room)
    toy = Toy()
    box = Outbox(toy)
    for rows in ([7, 1, 7, 4], [3], [0, 8]):
        gradient = gradient_of(toy, rows)
        parcel = box.put(gradient)
        found = box.take(pickle.loads(pickle.dumps(parcel)))
        assert found.loss == gradient.loss
        assert len(pickle.dumps(parcel)) < 200 or len(set(rows)) > room
        for one, other in zip(found.values, gradient.values, strict=True):
            assert one.shape == other.shape
            assert one.is_sparse == other.is_sparse
            assert torch.equal(one.to_dense(), other.to_dense())
            assert not one.is_sparse or one.is_coalesced()
