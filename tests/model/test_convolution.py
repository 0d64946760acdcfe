"""The convolution by tables against PyTorch's own convolution, values and gradients."""

import pytest
import torch
from device_manner import treat_as_device
from torch.nn import functional

from tagger.model.convolution import convolve

ALPHABET = 7


def _words(seed: int) -> torch.Tensor:
    """Five words of 0 to 6 characters, padded with 0; the first one has none."""
    generator = torch.Generator().manual_seed(seed)
    words = torch.randint(1, ALPHABET, (5, 6), generator=generator)
    lengths = torch.tensor([0, 1, 2, 4, 6])
    return torch.where(torch.arange(6) < lengths.unsqueeze(1), words, 0)


def _by_conv1d(words: torch.Tensor, tables: list[torch.Tensor], before: int) -> torch.Tensor:
    """Convolve one-hot characters; filters that don't reach a place have weight 0 there."""
    filters = tables[0].shape[1]
    kernel = torch.stack([functional.pad(table, (0, filters - table.shape[1])) for table in tables], dim=-1)
    letters = functional.one_hot(words, ALPHABET).double().transpose(1, 2)  # (U, A, C)
    padded = functional.pad(letters, (before, len(tables) - 1 - before))
    padded[:, 0, :before] = padded[:, 0, padded.shape[2] - (len(tables) - 1 - before) :] = 1.0
    found = functional.conv1d(padded, kernel.transpose(0, 1))  # (U, F, C)
    return torch.stack(
        [row[:, : max(1, int((word != 0).sum()))].amax(1) for row, word in zip(found, words, strict=True)]
    )


@pytest.mark.parametrize("beside_device", [False, True])
@pytest.mark.parametrize("widths", [(4,), (4, 4, 4), (6, 4, 1), (5, 3, 2, 2)])
@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("seed", [0, 1])
def test_values_and_gradients_are_those_of_a_convolution(monkeypatch, widths, before, seed, beside_device):
    if beside_device:
        treat_as_device(monkeypatch)
    before = min(before, len(widths) - 1)
    words = _words(seed)
    generator = torch.Generator().manual_seed(seed + 10)
    tables = [
        torch.randn(ALPHABET, width, generator=generator, dtype=torch.double, requires_grad=True)
        for width in widths
    ]
    weight = torch.randn(5, widths[0], generator=generator, dtype=torch.double)

    expected = _by_conv1d(words, tables, before)
    found = convolve(words, tables, before)

    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(
        torch.autograd.grad((found * weight).sum(), tables),
        torch.autograd.grad((expected * weight).sum(), tables),
    )
    with torch.no_grad():
        torch.testing.assert_close(convolve(words, tables, before), expected)


def test_equal_windows_share_their_gradient_alike_everywhere(monkeypatch):
    words = torch.tensor([[3, 3, 3, 3], [2, 2, 2, 0], [0, 0, 0, 0]])
    found = []
    for beside_device in (False, True):
        if beside_device:
            treat_as_device(monkeypatch)
        generator = torch.Generator().manual_seed(4)
        tables = [torch.randn(ALPHABET, 5, generator=generator, requires_grad=True) for _ in range(3)]
        found.append(torch.autograd.grad(convolve(words, tables, 1).sin().sum(), tables))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)
