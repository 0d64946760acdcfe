"""Pretraining of a pair of language models: sentences of near-equal length in batches, every word predicted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tagger.config import PretrainConfig, PretrainingConfig
from tagger.model.bilm import LanguageBatch, LanguageModel
from tagger.model.building import export_weights, load_weights
from tagger.model.device import find_device
from tagger.model.memory import check_size, memory_watched
from tagger.runtime import directory as files
from tagger.runtime.generation import language_model_shapes
from tagger.runtime.lexicon import number_distinct
from tagger.text.language import END, LanguageTables
from tagger.text.raw import Words
from tagger.text.tokenizer import Mode
from tagger.training.recipes.pretraining import SMALLER_NETWORK, PretrainingRecipe
from tagger.training.stream import Source, Survey, survey
from tagger.training.workers.gradient import Loss

Ints = NDArray[np.int64]
_MEASURED_TOKENS = 4096  # padded, of a batch that is only measured


def open_text(paths: Sequence[Path], config: PretrainConfig) -> Source:
    """Return the text of a run."""
    mode = Mode.CHARACTERS if config.model.unit == "characters" else Mode.WORDS
    return Source(paths, config.text, mode=mode, longest=config.training.max_tokens, seed=config.seed)


def prepare(paths: Sequence[Path], config: PretrainConfig) -> PretrainingRecipe:
    """Survey the text of a run and build the language models that are to learn from it.

    Args:
        paths: text files; they are read once for the survey and once for each epoch.
        config: the settings.

    Raises:
        DataError: a text can't be read, or is too short.
        MemoryExhaustedError: there is too little memory.
        ConfigError: there is no such device.
    """
    device = find_device(config.training.device)
    source = open_text(paths, config)
    found = survey(source)
    with memory_watched(SMALLER_NETWORK):
        return PretrainingRecipe(LanguageTask(config, found), source, found, device)


@dataclass(frozen=True, slots=True)
class LanguageLearner:
    """A pair of language models and their dropout; see `recipes.pretraining`."""

    network: LanguageModel
    dropout: float
    word_dropout: float

    def lay_out(self, chunk: Chunk, items: Sequence[int]) -> LanguageBatch:
        """Return sentences of a chunk as a batch."""
        return collate(chunk, items).to(self.network.device)

    def compute_loss(
        self, laid_out: LanguageBatch, generator: torch.Generator, terms: tuple[float, ...]
    ) -> Loss:
        """Return the loss of a batch's words, summed over both directions."""
        total = self.compute_losses(self.network, laid_out, generator).sum()
        return Loss(total, total)

    def compute_losses(
        self, network: LanguageModel, laid_out: LanguageBatch, generator: torch.Generator | None
    ) -> Tensor:
        """Return (2,): the loss of each direction."""
        if generator is None:
            return network.losses(laid_out)
        return network.losses(laid_out, self.dropout, generator, word_dropout=self.word_dropout)


class LanguageTask:
    """A forward and a backward language model (`model.bilm`); see `recipes.pretraining`."""

    title = "A pair of language models"
    predicted = "Words, and the ends of sentences, are predicted among all known words."
    use = "tagger train TRAIN --lm"
    memory_advice = "a smaller --batch-tokens, a smaller --set training.max_tokens"
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

    def build(self, device: torch.device) -> LanguageLearner:
        network = build_language_model(self.tables, self.config).to(device)
        return LanguageLearner(network, self.settings.dropout, self.settings.word_dropout)

    def encode(self, sentences: Iterable[Words]) -> Chunk:
        return encode(sentences, self.tables)

    def batches(self, chunk: Chunk, generator: np.random.Generator | None) -> list[list[int]]:
        sizes = np.array([len(rows) for rows in chunk.sentences])
        if generator is None:
            return fill(np.argsort(sizes, kind="stable").tolist(), sizes, _MEASURED_TOKENS)
        return shuffled_batches(chunk, self.settings.batch_tokens, generator)

    def count(self, chunk: Chunk, batch: Sequence[int]) -> tuple[int, int]:
        tokens = sum(len(chunk.sentences[place]) for place in batch)
        return tokens, tokens + len(batch)  # a sentence's end is predicted too

    def contents(self, network: nn.Module) -> dict[str, bytes]:
        return files.render_belongings(self.config, self.tables)

    def save(self, directory: Path, network: nn.Module) -> None:
        files.write_model(directory, self.contents(network), export_weights(network))

    def load(self, directory: Path) -> LanguageModel:
        found = files.load_language_model(directory)
        network = build_language_model(found.tables, found.config)
        load_weights(network, found.weights)
        return network.requires_grad_(False).eval()


def build_language_model(tables: LanguageTables, config: PretrainConfig) -> LanguageModel:
    """Build a pair of language models with fresh weights drawn by the configuration's seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        symbols = len(tables.speller.symbols)
        check_size(language_model_shapes(tables, config.model).values(), SMALLER_NETWORK)
        return LanguageModel(tables.outcome_counts, symbols, tables.targets([END])[0], config.model)


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
    used, places_of_words = number_distinct(tokens.T)
    spelling = chunk.spelling[used]
    width = max(1, int((spelling != 0).sum(1).max()))
    return LanguageBatch(
        spelling=torch.from_numpy(np.ascontiguousarray(spelling[:, :width])),
        tokens=torch.from_numpy(places_of_words),
        lengths=torch.from_numpy(lengths),
        targets=torch.from_numpy(chunk.outcomes[tokens.T]),
    )
