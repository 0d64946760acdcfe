"""Look-ups in tables against PyTorch's own, values and gradients."""

import pytest
import torch
from device_manner import treat_as_device
from torch import nn

from tagger.model.tables import look_up, take_sums

V, D = 9, 4


def _table(kind: type[nn.Embedding] | type[nn.EmbeddingBag], padding: int | None) -> nn.Module:
    options = {"mode": "sum"} if kind is nn.EmbeddingBag else {}
    table = kind(V, D, padding_idx=padding, **options)
    if padding is not None:
        with torch.no_grad():
            table.weight[padding] = 0
    return table.double()


@pytest.mark.parametrize("padding", [None, 0])
@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        (nn.Embedding, torch.tensor([3, 0, 3, 8, 1])),
        (nn.Embedding, torch.tensor([[[0, 2], [2, 5]], [[7, 0], [2, 2]]])),
        (nn.Embedding, torch.zeros(2, dtype=torch.int64)),
        (nn.EmbeddingBag, torch.tensor([[1, 4, 4], [0, 0, 0], [8, 1, 0]])),
    ],
)
def test_values_and_gradients_are_those_of_the_table(kind, rows, padding):
    torch.manual_seed(2)
    table = _table(kind, padding)
    expected = table(rows)
    found = look_up(table, rows)
    torch.testing.assert_close(found, expected)

    weight = torch.randn_like(expected)
    (by_table,) = torch.autograd.grad((expected * weight).sum(), table.weight)
    (gradient,) = torch.autograd.grad((found * weight).sum(), table.weight)
    torch.testing.assert_close(gradient.to_dense(), by_table)
    assert gradient.is_coalesced()
    read = gradient.indices()[0].tolist()
    assert read == sorted(set(rows.flatten().tolist()) - {padding})


def test_a_frozen_table_has_no_gradient():
    table = _table(nn.Embedding, 0).requires_grad_(False)
    assert not look_up(table, torch.tensor([1, 2])).requires_grad


@pytest.mark.parametrize("padding", [None, 0])
@pytest.mark.parametrize(
    "bags", [[[3], [0], [3], [8], [1], [0]], [[1, 4, 4], [0, 0, 0], [8, 1, 0]], [[0, 0]], [[8], [8], [8]]]
)
def test_beside_a_device_the_last_of_equal_rows_has_their_sum(monkeypatch, bags, padding):
    rows = torch.tensor(bags)
    torch.manual_seed(2)
    table = _table(nn.EmbeddingBag, padding)
    expected = table(rows)
    weight = torch.randn_like(expected)
    (by_table,) = torch.autograd.grad((expected * weight).sum(), table.weight)
    treat_as_device(monkeypatch)
    (gradient,) = torch.autograd.grad((look_up(table, rows) * weight).sum(), table.weight)
    torch.testing.assert_close(gradient.to_dense(), by_table)
    assert not gradient.is_coalesced()
    read, values = gradient._indices()[0].tolist(), gradient._values()
    assert read == sorted(rows.flatten().tolist())
    for place, row in enumerate(read):
        if row in read[place + 1 :]:
            assert not values[place].any()
        else:
            torch.testing.assert_close(values[place], by_table[row])
    torch.testing.assert_close(take_sums(gradient)[1], by_table[gradient._indices()[0]])
