"""The trainable side of each feature of a token: its tables, its dropout, its look-up, how it begins with another's.

What a feature is, its rows and its sizes, `runtime.features` says. `LEARNED` pairs each class there with one here.
The large tables give row-sparse gradients: a step costs the same whatever the size of the vocabulary.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from tagger.config import TrainingConfig
from tagger.model.convolution import convolve
from tagger.model.tables import look_up, place
from tagger.runtime.features import (
    Affixes,
    Bigrams,
    Characters,
    Gazetteers,
    MarkColumns,
    Words,
    WordShapes,
)
from tagger.runtime.kinds import Feature
from tagger.runtime.wordclusters import WordClusters
from tagger.runtime.wordmarks import WordMarks, mark_places
from tagger.text.gazetteer import END, INSIDE, OUTSIDE
from tagger.text.vocab import PAD, UNKNOWN

F = TypeVar("F", bound=Feature)


class LearnedFeature(ABC, Generic[F]):
    """A feature while it is trained.

    Attributes:
        name: of the feature.
        modules: those that hold its weights, by their names below `embedding.`.
    """

    modules: Mapping[str, nn.Module]

    def __init__(self, feature: F, training: TrainingConfig) -> None:
        self.name = feature.name
        self.modules = self.build(feature, training)

    @abstractmethod
    def build(self, feature: F, training: TrainingConfig) -> Mapping[str, nn.Module]:
        """Return the modules, their weights drawn; note what dropout needs."""

    @abstractmethod
    def look_up(self, rows: Tensor) -> Tensor:
        """Map (..., F) rows of the feature, or (...), to (..., D)."""

    def drop(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Return the rows with some of them changed into others, as training wants it."""
        return rows

    def begin_with(self, old: LearnedFeature[F]) -> None:
        """Copy the weights of the same feature, of the same sizes, whose tables may have fewer rows.

        A new row begins as what the old network read in its place, the row of the unknown.
        """
        for mine, theirs in zip(self.modules.values(), old.modules.values(), strict=True):
            own = mine.state_dict()
            for name, value in theirs.state_dict().items():
                place(own[name], value, fill=True)


class LearnedWords(LearnedFeature[Words]):
    """A table of words. Dropout turns some into `<unk>`, rare ones more often.

    A word seen n times is dropped with probability a / (a + n) (Kiperwasser and Goldberg 2016), or else with that of
    all words.
    """

    def build(self, feature: Words, training: TrainingConfig) -> Mapping[str, nn.Module]:
        self.dropout, self.strength = training.word_dropout, training.unknown_strength
        self.table = _table(len(feature.vocab), feature.dim)
        return {"word": self.table}

    def look_up(self, rows: Tensor) -> Tensor:
        return look_up(self.table, rows[:, 0])

    def drop(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        words, counts = rows.unbind(1)
        rare = self.strength / (self.strength + counts.clamp(min=1))
        chance = 1 - (1 - rare) * (1 - self.dropout)
        draw = torch.rand(words.shape, generator=generator, device=words.device)
        return torch.stack((torch.where((draw < chance) & (words != PAD), UNKNOWN, words), counts), dim=1)


class LearnedAffixes(LearnedFeature[Affixes]):
    """A table of affixes, whose rows are summed."""

    def build(self, feature: Affixes, training: TrainingConfig) -> Mapping[str, nn.Module]:
        rows, dim = len(feature.vocab), feature.dim
        self.table = nn.EmbeddingBag(rows, dim, mode="sum", padding_idx=PAD, sparse=True)
        _draw(self.table.weight, 0.5 * dim**-0.5)
        return {"affix": self.table}

    def look_up(self, rows: Tensor) -> Tensor:
        return look_up(self.table, rows)


class LearnedShapes(LearnedFeature[WordShapes]):
    """A table of shapes."""

    def build(self, feature: WordShapes, training: TrainingConfig) -> Mapping[str, nn.Module]:
        self.table = _table(len(feature.vocab), feature.dim)
        return {"shape": self.table}

    def look_up(self, rows: Tensor) -> Tensor:
        return look_up(self.table, rows)


class LearnedBigrams(LearnedFeature[Bigrams]):
    """A table of pairs of tokens."""

    def build(self, feature: Bigrams, training: TrainingConfig) -> Mapping[str, nn.Module]:
        self.table = _table(len(feature.vocab), feature.dim)
        return {"bigram": self.table}

    def look_up(self, rows: Tensor) -> Tensor:
        return look_up(self.table, rows).flatten(-2)


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


class LearnedCharacters(LearnedFeature[Characters]):
    """A convolution over characters. Dropout hides some of them."""

    def build(self, feature: Characters, training: TrainingConfig) -> Mapping[str, nn.Module]:
        self.dropout = training.character_dropout
        self.network = CharacterCNN(len(feature.vocab), feature.dim, feature.filters, feature.width)
        return {"character": self.network}

    def look_up(self, rows: Tensor) -> Tensor:
        found: Tensor = self.network(rows)
        return found

    def drop(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        return _hide(rows, self.dropout, generator)


class LearnedColumns(LearnedFeature[MarkColumns]):
    """A table for each column. Dropout turns some values into `<unk>`."""

    def build(self, feature: MarkColumns, training: TrainingConfig) -> Mapping[str, nn.Module]:
        self.dropout = training.column_dropout
        self.tables = [_table(len(column.values), column.dim) for column in feature.columns]
        return _name_tables(feature, self.tables)

    def look_up(self, rows: Tensor) -> Tensor:
        return _look_up_each(self.tables, rows)

    def drop(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        return _hide(rows, self.dropout, generator)


class LearnedGazetteers(LearnedFeature[Gazetteers]):
    """A table for each list of names. Dropout forgets some names, as if the lists lacked them.

    Lists that were made from the training corpus know every name there. What the network learns must hold for names
    that no list knows too, and a name half forgotten would still be given away by its other half.
    """

    def build(self, feature: Gazetteers, training: TrainingConfig) -> Mapping[str, nn.Module]:
        self.dropout = training.gazetteer_dropout
        self.tables = [_table(rows, dim) for rows, dim in feature.weight_shapes().values()]
        return _name_tables(feature, self.tables)

    def look_up(self, rows: Tensor) -> Tensor:
        return _look_up_each(self.tables, rows)

    def drop(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        if self.dropout == 0.0:
            return rows
        steps = torch.arange(len(rows), device=rows.device).view(-1, 1, 1)
        inside = (rows == INSIDE) | (rows == END)
        first = torch.where(inside, 0, steps).cummax(0).values  # where each token's name begins
        draw = torch.rand(rows.shape, generator=generator, device=rows.device).gather(0, first)
        return torch.where((draw < self.dropout) & (rows != PAD), OUTSIDE, rows)


class LearnedWordMarks(LearnedFeature[WordMarks]):
    """Three tables for each list of words. Dropout turns some marks into `<unk>`.

    The rows of training sentences don't know the words that a sentence adds to the list: see `runtime.wordmarks`.
    """

    def build(self, feature: WordMarks, training: TrainingConfig) -> Mapping[str, nn.Module]:
        self.dropout = training.column_dropout
        self.places = torch.from_numpy(mark_places())
        self.tables = [_table(rows, dim) for rows, dim in feature.weight_shapes().values()]
        return _name_tables(feature, self.tables)

    def look_up(self, rows: Tensor) -> Tensor:
        if self.places.device != rows.device:
            self.places = self.places.to(rows.device)
        of_tables = [part for each in rows.unbind(-1) for part in self.places[:, each]]
        return torch.cat([look_up(*each) for each in zip(self.tables, of_tables, strict=True)], -1)

    def drop(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        return _hide(rows, self.dropout, generator)


class LearnedClusters(LearnedFeature[WordClusters]):
    """A table for each size of class of each tree. Dropout takes all classes of some words away."""

    def build(self, feature: WordClusters, training: TrainingConfig) -> Mapping[str, nn.Module]:
        self.dropout = training.column_dropout
        self.tables = [_table(rows, dim) for rows, dim in feature.weight_shapes().values()]
        return _name_tables(feature, self.tables)

    def look_up(self, rows: Tensor) -> Tensor:
        return _look_up_each(self.tables, rows)

    def drop(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        draw = torch.rand((len(rows), 1), generator=generator, device=rows.device)
        return torch.where((draw < self.dropout) & (rows != PAD), UNKNOWN, rows)


# In the order in which weights are drawn.
LEARNED: dict[type[Feature], type[LearnedFeature[Any]]] = {
    Words: LearnedWords,
    Affixes: LearnedAffixes,
    WordShapes: LearnedShapes,
    Bigrams: LearnedBigrams,
    Characters: LearnedCharacters,
    MarkColumns: LearnedColumns,
    Gazetteers: LearnedGazetteers,
    WordMarks: LearnedWordMarks,
    WordClusters: LearnedClusters,
}


def _hide(rows: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Turn some rows of a table into `<unk>`, padding excepted."""
    if share == 0.0:
        return rows
    draw = torch.rand(rows.shape, generator=generator, device=rows.device)
    return torch.where((draw < share) & (rows != PAD), UNKNOWN, rows)


def _look_up_each(tables: Sequence[nn.Embedding], rows: Tensor) -> Tensor:
    """Map (..., F) rows, one in each of F tables, to (..., D)."""
    return torch.cat([look_up(*each) for each in zip(tables, rows.unbind(-1), strict=True)], -1)


def _name_tables(feature: Feature, tables: Sequence[nn.Module]) -> Mapping[str, nn.Module]:
    names = (name.removesuffix(".weight") for name in feature.weight_shapes())
    return dict(zip(names, tables, strict=True))


def _table(rows: int, dim: int) -> nn.Embedding:
    """Rows of variance 1 / D, so that features of different width weigh alike."""
    table = nn.Embedding(rows, dim, padding_idx=PAD, sparse=True)
    _draw(table.weight, dim**-0.5)
    return table


def _draw(weight: Tensor, std: float) -> None:
    nn.init.normal_(weight, std=std)
    with torch.no_grad():
        weight[PAD] = 0
