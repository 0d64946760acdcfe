"""What a language model reads of a word: its characters, and what it has learnt of the word itself.

A word's input comes from its characters (Peters et al. 2018), so no word is unknown; a word of the table adds a row
of its own, which training hides now and then, so that the characters alone say enough too. Nothing here knows a
string or a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from tagger.config import LanguageModelConfig
from tagger.model.convolution import convolve
from tagger.text.vocab import PAD, UNKNOWN

_PIECES = 3  # words are spelled in pieces of like length, so that little padding is convolved


class Convolutions(nn.Module):
    """Convolutions of widths 1 to W over a word's characters, then the maximum over positions.

    `h_w[i] = b_w + sum_{k < w} M_w[k] e(c[i + k])`, result `relu(max_i h_w[i])`: a window begins inside the word
    and may reach beyond its end, where the input is zero. Filters stand in order of falling width, so that those
    which read the k-th character of their window are the first ones.

    Args:
        symbols: rows of the alphabet's table; row 0 is padding.
        dim: size of a symbol's embedding.
        filters: for each width from 1 on, how many filters have it.
    """

    def __init__(self, symbols: int, dim: int, filters: Sequence[int]) -> None:
        super().__init__()
        self.size = sum(filters)
        self.embedding = nn.Parameter(torch.randn(symbols, dim))
        widths = [width for width in range(len(filters), 0, -1) for _ in range(filters[width - 1])]  # (F,)
        bounds = torch.tensor([(dim * width) ** -0.5 for width in widths])
        self.weights = nn.ParameterList(
            torch.empty(dim, sum(filters[place:])).uniform_(-1, 1) * bounds[: sum(filters[place:])]
            for place in range(len(filters))
        )
        self.bias = nn.Parameter(torch.zeros(self.size))

    def forward(self, spelling: Tensor) -> Tensor:
        """Map (U, C) symbols, padded with 0, to (U, F)."""
        alphabet = self.embedding.index_fill(0, torch.tensor([PAD], device=spelling.device), 0.0)
        tables = [alphabet @ weight for weight in self.weights]
        return (convolve(spelling, tables) + self.bias).relu()


class SpellingInput(nn.Module):
    """A word's input from its characters and from its row of the table, where it has one.

    Convolutions, highway, projection as in Peters et al. 2018: `y = relu(max_i conv(c)[i])`,
    `z = g * relu(W y + b) + (1 - g) * y` with `g = s(W_g y + b_g)`. Then `x = P z + E[w]`.

    Attributes:
        words: (W, P), E; rows 0 and 1, padding and the unknown word, are never added.
    """

    def __init__(self, words: int, symbols: int, config: LanguageModelConfig) -> None:
        super().__init__()
        widths = range(1, config.character_width + 1)
        filters = [config.character_filters * width for width in widths]
        self.words = _table(words, config.projection)
        self.convolutions = Convolutions(symbols, config.character_dim, filters)
        size = self.convolutions.size
        self.transform = nn.Linear(size, size)
        self.gate = nn.Linear(size, size)
        self.projection = nn.Linear(size, config.projection)
        nn.init.constant_(self.gate.bias, -1.0)  # the highway begins open: most of y is carried on

    def forward(
        self, spelling: Tensor, hidden: float = 0.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """Map (U, 1 + C) to (U, P): a word's row, then its symbols, padded with 0.

        A generator turns word dropout on: a share `hidden` of the words are read by their characters alone.
        """
        numbers = spelling[:, 0]
        known = numbers > UNKNOWN
        if generator is not None and hidden:
            draw = torch.rand(numbers.shape, generator=generator, device=numbers.device)
            known &= draw >= hidden
        rows = functional.embedding(numbers, self.words)
        return self._spell(spelling[:, 1:]) + rows * known.unsqueeze(1)

    def _spell(self, symbols: Tensor) -> Tensor:
        """Map (U, C) to (U, P)."""
        lengths = (symbols != PAD).sum(1).clamp(min=1)
        order = torch.argsort(lengths, stable=True)
        pooled = torch.cat(
            [self.convolutions(symbols[rows, : int(lengths[rows[-1]])]) for rows in order.chunk(_PIECES)]
        ).index_select(0, torch.argsort(order, stable=True))
        gate = torch.sigmoid(self.gate(pooled))
        highway = gate * functional.relu(self.transform(pooled)) + (1 - gate) * pooled
        return cast(Tensor, self.projection(highway))


class SymbolInput(nn.Module):
    """A token's input from the table alone: the variant for Chinese, where a token is one character.

    Attributes:
        words: (W, P); row 1 is that of all characters which have none.
    """

    def __init__(self, words: int, symbols: int, config: LanguageModelConfig) -> None:
        super().__init__()
        del symbols  # a character has no spelling
        self.words = _table(words, config.projection)

    def forward(
        self, spelling: Tensor, hidden: float = 0.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """Map (U, 1) rows to (U, P); none is hidden, for nothing else tells of a character."""
        del hidden, generator
        return functional.embedding(spelling[:, 0], self.words)


Input = SpellingInput | SymbolInput
INPUTS: dict[str, type[SpellingInput] | type[SymbolInput]] = {
    "words": SpellingInput,
    "characters": SymbolInput,
}


def _table(rows: int, size: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(rows, size) * size**-0.5)
