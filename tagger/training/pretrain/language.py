"""Pretraining of a pair of language models: sentences of near-equal length in batches, every word predicted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tagger.config import PretrainConfig, PretrainingConfig
from tagger.model.bilm import LanguageBatch, LanguageModel
from tagger.text.language import LanguageTables
from tagger.text.raw import Words
from tagger.text.tokenizer import Mode
from tagger.training import language
from tagger.training.language import TrainedLanguageModel
from tagger.training.pretrain.task import Extent
from tagger.training.stream import Source, Survey

Ints = NDArray[np.int64]
_MEASURED_TOKENS = 4096  # padded, of a batch that is only measured


def open_text(paths: Sequence[Path], config: PretrainConfig) -> Source:
    """Return the text of a run."""
    mode = Mode.CHARACTERS if config.model.unit == "characters" else Mode.WORDS
    return Source(paths, config.text, mode=mode, longest=config.training.max_tokens, seed=config.seed)


class LanguageTask:
    """A forward and a backward language model (`model.bilm`); see `pretrain.task`."""

    title = "A pair of language models"
    predicted = "Words, and the ends of sentences, are predicted among all known words."
    use = "tagger train TRAIN --lm"
    directions = 2

    def __init__(self, config: PretrainConfig, found: Survey) -> None:
        self.config = config
        self.tables = LanguageTables.build(found.counts, found.sentences, config.model)

    @property
    def settings(self) -> PretrainingConfig:
        return self.config.training

    @property
    def words(self) -> int:
        return len(self.tables)

    def knows(self, word: str) -> bool:
        return word in self.tables.words

    def describe(self) -> str:
        model = self.config.model
        return (
            f"a forward and a backward LSTM over {model.unit}: {model.layers} layers of {model.hidden} units, "
            f"projected to {model.projection}"
        )

    def build(self) -> LanguageModel:
        return language.build(self.tables, self.config)

    def encode(self, sentences: Iterable[Words]) -> Chunk:
        return encode(sentences, self.tables)

    def batches(self, chunk: Chunk, generator: np.random.Generator | None) -> list[list[int]]:
        sizes = np.array([len(rows) for rows in chunk.sentences])
        if generator is None:
            return fill(np.argsort(sizes, kind="stable").tolist(), sizes, _MEASURED_TOKENS)
        return shuffled_batches(chunk, self.settings.batch_tokens, generator)

    def extent(self, chunk: Chunk, batch: Sequence[int]) -> Extent:
        tokens = sum(len(chunk.sentences[place]) for place in batch)
        return Extent(tokens, tokens + len(batch))  # a sentence's end is predicted too

    def losses(
        self, network: nn.Module, chunk: Chunk, batch: Sequence[int], generator: torch.Generator | None
    ) -> Tensor:
        assert isinstance(network, LanguageModel)
        laid_out = collate(chunk, batch).to(network.device)
        if generator is None:
            return network.losses(laid_out)
        return network.losses(
            laid_out, self.settings.dropout, generator, word_dropout=self.settings.word_dropout
        )

    def contents(self, network: nn.Module) -> dict[str, bytes]:
        return language.contents(self._trained(network))

    def save(self, directory: Path, network: nn.Module) -> None:
        language.save(directory, self._trained(network))

    def load(self, directory: Path) -> LanguageModel:
        return language.load(directory).model

    def _trained(self, network: nn.Module) -> TrainedLanguageModel:
        assert isinstance(network, LanguageModel)
        return TrainedLanguageModel(self.config, self.tables, network)


class Chunk(NamedTuple):
    """Some sentences as rows.

    Attributes:
        spelling: (V + 1, 1 + C) of the chunk's distinct words, as a speller lays them out; row 0 is padding.
        outcomes: (V + 1,) outcome of each of them.
        sentences: (T,) rows of `spelling` for each sentence.
    """

    spelling: Ints
    outcomes: Ints
    sentences: list[Ints]


def encode(sentences: Iterable[Words], tables: LanguageTables) -> Chunk:
    """Look up the words of some sentences."""
    rows: dict[str, int] = {}
    number = rows.setdefault
    encoded = [
        np.fromiter((number(word, len(rows) + 1) for word in words), np.int64, len(words))
        for words in sentences
    ]
    words = list(rows)
    outcomes = np.array([0, *tables.targets(words)], dtype=np.int64)
    return Chunk(tables.speller.rows(words), outcomes, encoded)


def shuffled_batches(chunk: Chunk, batch_tokens: int, generator: np.random.Generator) -> list[list[int]]:
    """Batch sentences of near-equal length, in random order; a batch holds about `batch_tokens` padded tokens."""
    sizes = np.array([len(rows) for rows in chunk.sentences])
    noise = generator.uniform(0.95, 1.05, len(sizes))
    order = np.argsort(sizes * noise, kind="stable")
    batches = fill(order.tolist(), sizes, batch_tokens)
    return [batches[place] for place in generator.permutation(len(batches))]


def fill(order: Sequence[int], sizes: Ints, batch_tokens: int) -> list[list[int]]:
    """Cut an order of sentences into batches of at most `batch_tokens` padded tokens."""
    batches: list[list[int]] = []
    batch: list[int] = []
    longest = 0
    for place in order:
        longest = max(longest, int(sizes[place]))
        if batch and longest * (len(batch) + 1) > batch_tokens:
            batches.append(batch)
            batch, longest = [], int(sizes[place])
        batch.append(place)
    return [*batches, batch] if batch else batches


def collate(chunk: Chunk, places: Sequence[int]) -> LanguageBatch:
    """Lay sentences of a chunk out as one batch."""
    lengths = np.array([len(chunk.sentences[place]) for place in places], dtype=np.int64)
    tokens = np.zeros((len(places), int(lengths.max())), dtype=np.int64)
    for row, place in enumerate(places):
        tokens[row, : lengths[row]] = chunk.sentences[place]
    used, inverse = np.unique(tokens.T, return_inverse=True)
    if used[0] != 0:
        used, inverse = np.concatenate(([0], used)), inverse + 1
    spelling = chunk.spelling[used]
    width = max(1, int((spelling != 0).sum(1).max()))
    return LanguageBatch(
        spelling=torch.from_numpy(np.ascontiguousarray(spelling[:, :width])),
        tokens=torch.from_numpy(inverse.reshape(tokens.T.shape)),
        lengths=torch.from_numpy(lengths),
        targets=torch.from_numpy(chunk.outcomes[tokens.T]),
    )
