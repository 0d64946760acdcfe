"""Words' inputs against PyTorch's convolution, and against what must not matter."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from tagger.config import LanguageModelConfig
from tagger.model.spelling import Convolutions, SpellingInput

SIZES = {"character_dim": 4, "character_filters": 3, "hidden": 7, "projection": 6}
FILTERS = (2, 5, 3)


def _reference(convolutions: Convolutions, word: list[int]) -> torch.Tensor:
    """Return (F,), the word's features by `conv1d`, one width after the other."""
    ends = [sum(FILTERS[width:]) for width in range(len(FILTERS) + 1)]  # of the filters wider than `width`
    found = []
    for width in (3, 2, 1):
        mine = slice(ends[width], ends[width - 1])
        inputs = torch.cat([convolutions.embedding[word], torch.zeros(width - 1, 4)]).T  # (dim, C)
        kernel = torch.stack([weight[:, mine] for weight in convolutions.weights[:width]])  # (w, dim, F)
        read = functional.conv1d(inputs, kernel.permute(2, 1, 0), convolutions.bias[mine])
        found.append(read.relu().amax(1))
    return torch.cat(found)


def test_convolutions_and_their_gradient_are_those_of_pytorch() -> None:
    torch.manual_seed(0)
    convolutions = Convolutions(20, 4, FILTERS)
    torch.nn.init.normal_(convolutions.bias)
    words = [[3, 7, 3, 19], [5], [8, 9, 10, 11, 12, 13]]
    spelling = torch.tensor([word + [0] * (6 - len(word)) for word in words])
    found = convolutions(spelling)
    expected = torch.stack([_reference(convolutions, word) for word in words])
    torch.testing.assert_close(found, expected)
    toward = torch.randn_like(expected)
    parameters = list(convolutions.parameters())
    torch.testing.assert_close(
        torch.autograd.grad(found, parameters, toward), torch.autograd.grad(expected, parameters, toward)
    )


def test_a_word_is_spelled_alike_beside_any_others() -> None:
    torch.manual_seed(0)
    spell = SpellingInput(30, 20, LanguageModelConfig(**SIZES))
    rows = np.zeros((9, 13), dtype=np.int64)
    for row, length in enumerate([0, 3, 12, 1, 7, 3, 2, 11, 5]):
        rows[row, : length + 1] = np.arange(length + 1) + row
    spelled = spell(torch.from_numpy(rows))
    for row in range(1, 9):
        alone = spell(torch.from_numpy(rows[row : row + 1, : max(1, (rows[row] > 0).sum())]))
        torch.testing.assert_close(spelled[row], alone[0])
    assert torch.isfinite(spelled).all()


def test_only_words_of_the_table_add_a_row() -> None:
    torch.manual_seed(0)
    spell = SpellingInput(30, 20, LanguageModelConfig(**SIZES))
    known, unknown, padding = spell(torch.tensor([[9, 4, 5], [1, 4, 5], [0, 4, 5]]))
    torch.testing.assert_close(known, unknown + spell.words[9])
    torch.testing.assert_close(unknown, padding)


def test_a_share_of_the_words_is_hidden() -> None:
    torch.manual_seed(0)
    spell = SpellingInput(30, 20, LanguageModelConfig(**SIZES))
    rows = torch.tensor([[9, 4, 5]]).expand(4000, -1)
    hidden = spell(torch.tensor([[1, 4, 5]]))
    found = spell(rows, 0.25, torch.Generator().manual_seed(1))
    share = torch.isclose(found, hidden, atol=1e-5).all(1).double().mean()
    assert abs(float(share) - 0.25) < 0.03
