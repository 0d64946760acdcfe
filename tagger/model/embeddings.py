"""What the encoder sees of each token: word, characters, shape and affixes of its form, its marks and bigrams.

All but the marks and the bigrams depend on the spelling alone, so they are computed once for each distinct word of
a batch. The large tables give row-sparse gradients: a step costs the same whatever the size of the vocabulary.
Nothing here knows what comes after the concatenation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from tagger.config import EmbeddingConfig, TrainingConfig
from tagger.errors import ConfigError
from tagger.model.batch import Batch, FormRows
from tagger.model.contextual import ContextualEmbedding
from tagger.model.convolution import convolve
from tagger.model.tables import look_up
from tagger.model.vectors import Matrix
from tagger.text.gazetteer import END, INSIDE, OUTSIDE
from tagger.text.lexicon import Lexicon
from tagger.text.marks import parse_feature_columns
from tagger.text.vocab import PAD, UNKNOWN


class CharacterCNN(nn.Module):
    """Convolution over a word's characters, then the maximum over positions (Ma and Hovy 2016, section 2.1).

    `h[i] = b + sum_k W[k] e(c[i + k - w // 2])`, result `max_i h[i]`.
    """

    def __init__(self, alphabet: int, dim: int, filters: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(alphabet, dim))
        self.weight = nn.Parameter(torch.empty(width, dim, filters))
        self.bias = nn.Parameter(torch.zeros(filters))
        nn.init.normal_(self.embedding, std=dim**-0.5)
        nn.init.normal_(self.weight, std=(width * dim) ** -0.5)

    def forward(self, characters: Tensor) -> Tensor:
        """Map (U, C) rows of characters, padded with 0, to (U, F)."""
        width, _, filters = self.weight.shape
        alphabet = functional.pad(self.embedding[PAD + 1 :], (0, 0, PAD + 1, 0))
        tables = alphabet @ self.weight.transpose(0, 1).flatten(1)  # (alphabet, W * F)
        return convolve(characters, tables.view(-1, width, filters).unbind(1), before=width // 2) + self.bias


class TokenEmbedding(nn.Module):
    """Concatenate a token's features; which ones is the configuration's choice.

    Attributes:
        size: D, the width of the result.
        form_size, mark_size: of its parts that depend on a word's spelling, and on its marks; they come first.
        spelled_size: `form_size` where a word's letters or affixes are read too; 0 where they aren't.
    """

    def __init__(
        self,
        lexicon: Lexicon,
        config: EmbeddingConfig,
        training: TrainingConfig,
        contextual: ContextualEmbedding | None = None,
    ) -> None:
        super().__init__()
        self.word_dropout = training.word_dropout
        self.character_dropout = training.character_dropout
        self.unknown_strength = training.unknown_strength
        self.column_dropout = training.column_dropout
        self.gazetteer_dropout = training.gazetteer_dropout
        self.word = _table(len(lexicon.words), config.word_dim) if config.word_dim else None
        self.affix = _bag(len(lexicon.affixes), config.affix_dim) if config.affix_dim else None
        self.shape = _table(len(lexicon.shapes), config.shape_dim) if config.shape_dim else None
        self.bigram = _table(len(lexicon.bigrams), config.bigram_dim) if config.bigram_dim else None
        self.character = (
            CharacterCNN(
                len(lexicon.characters),
                config.character_dim,
                config.character_filters,
                config.character_width,
            )
            if config.character_filters
            else None
        )
        self.num_columns = len(lexicon.marks.columns)
        dims = [column.dim for column in parse_feature_columns(config.feature_columns)]
        dims += [config.gazetteer_dim] * len(lexicon.marks.gazetteers)
        self.marks = nn.ModuleList(_table(*each) for each in zip(lexicon.marks.sizes, dims, strict=True))
        self.form_size = config.word_dim + config.affix_dim + config.shape_dim + config.character_filters
        self.spelled_size = self.form_size if config.affix_dim or config.character_filters else 0
        self.mark_size = sum(dims)
        self.contextual = contextual
        self.size = self.form_size + self.mark_size + 2 * config.bigram_dim
        self.size += contextual.size if contextual else 0
        if self.size == 0:
            raise ConfigError("every feature is switched off; give at least one a size above 0", "embedding")

    def forward(
        self, batch: Batch, generator: torch.Generator | None = None, forms: Tensor | None = None
    ) -> Tensor:
        """Return (T, R, D) features of a batch; a generator turns word dropout on.

        Args:
            forms: what `embed_forms` returned for the batch, where that is known.
        """
        embedded = functional.embedding(
            batch.tokens, self.embed_forms(batch.forms, generator) if forms is None else forms
        )
        parts = [embedded]
        if len(self.marks):
            assert batch.marks is not None
            marks = batch.marks if generator is None else self._forget(batch.marks, generator)
            parts.append(self.embed_marks(marks))
        if self.bigram is not None:
            assert batch.bigrams is not None
            parts.append(look_up(self.bigram, batch.bigrams).flatten(2))
        if self.contextual is not None:
            assert batch.language is not None
            parts.append(self.contextual(batch.language))
        return torch.cat(parts, dim=-1) if len(parts) > 1 else embedded

    def embed_forms(self, forms: FormRows, generator: torch.Generator | None = None) -> Tensor:
        """Return (U, D') features that depend on a word's spelling alone; D' is 0 where they are switched off."""
        parts: list[Tensor] = []
        if self.word is not None:
            words = forms.words if generator is None else self._drop(forms, generator)
            parts.append(look_up(self.word, words))
        if self.affix is not None:
            parts.append(look_up(self.affix, forms.affixes))
        if self.shape is not None:
            parts.append(look_up(self.shape, forms.shapes))
        if self.character is not None:
            hidden = self.character_dropout if generator is not None else 0.0
            parts.append(self.character(_hide(forms.characters, hidden, generator)))
        if not parts:
            return torch.empty(len(forms.words), 0, device=forms.words.device)
        return torch.cat(parts, dim=-1)

    def embed_marks(self, marks: Tensor) -> Tensor:
        """Map (..., F) rows of the marks' tables to (..., M)."""
        tables = (cast(nn.Embedding, table) for table in self.marks)
        return torch.cat([look_up(*each) for each in zip(tables, marks.unbind(-1), strict=True)], -1)

    def place_vectors(self, rows: Sequence[int], vectors: Matrix, *, frozen: bool) -> None:
        """Begin with pretrained vectors (N, D) in some rows of the word table; frozen, the whole table stays."""
        assert self.word is not None
        with torch.no_grad():
            self.word.weight[torch.tensor(rows)] = torch.from_numpy(vectors).to(self.word.weight.device)
        self.word.weight.requires_grad_(not frozen)

    def _drop(self, forms: FormRows, generator: torch.Generator) -> Tensor:
        """Turn some words into `<unk>`, rare ones more often: a / (a + count) (Kiperwasser and Goldberg 2016)."""
        rare = self.unknown_strength / (self.unknown_strength + forms.counts.clamp(min=1))
        chance = 1 - (1 - rare) * (1 - self.word_dropout)
        draw = torch.rand(forms.words.shape, generator=generator, device=forms.words.device)
        return torch.where((draw < chance) & (forms.words != PAD), UNKNOWN, forms.words)

    def _forget(self, marks: Tensor, generator: torch.Generator) -> Tensor:
        """Turn some values of columns into `<unk>`, and forget some names that gazetteers found; marks (T, R, F)."""
        columns, found = marks[..., : self.num_columns], marks[..., self.num_columns :]
        return torch.cat(
            (
                _hide(columns, self.column_dropout, generator),
                _forget_names(found, self.gazetteer_dropout, generator),
            ),
            dim=-1,
        )


def _hide(rows: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    """Turn some rows of a table into `<unk>`, padding excepted."""
    if share == 0.0:
        return rows
    draw = torch.rand(rows.shape, generator=generator, device=rows.device)
    return torch.where((draw < share) & (rows != PAD), UNKNOWN, rows)


def _forget_names(marks: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Turn all tokens of some names into `O`, as if the lists lacked them; marks (T, R, G) of gazetteers.

    Lists that were made from the training corpus know every name there. What the network learns must hold for
    names that no list knows too, and a name half forgotten would still be given away by its other half.
    """
    if share == 0.0 or marks.shape[-1] == 0:
        return marks
    steps = torch.arange(len(marks), device=marks.device).view(-1, 1, 1)
    inside = (marks == INSIDE) | (marks == END)
    first = torch.where(inside, 0, steps).cummax(0).values  # where each token's name begins
    draw = torch.rand(marks.shape, generator=generator, device=marks.device).gather(0, first)
    return torch.where((draw < share) & (marks != PAD), OUTSIDE, marks)


def _table(rows: int, dim: int) -> nn.Embedding:
    """Rows of variance 1 / D, so that features of different width weigh alike."""
    table = nn.Embedding(rows, dim, padding_idx=PAD, sparse=True)
    nn.init.normal_(table.weight, std=dim**-0.5)
    with torch.no_grad():
        table.weight[PAD] = 0
    return table


def _bag(rows: int, dim: int) -> nn.EmbeddingBag:
    bag = nn.EmbeddingBag(rows, dim, mode="sum", padding_idx=PAD, sparse=True)
    nn.init.normal_(bag.weight, std=0.5 * dim**-0.5)
    with torch.no_grad():
        bag.weight[PAD] = 0
    return bag
