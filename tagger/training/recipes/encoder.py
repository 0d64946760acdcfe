"""Pretraining of a labeller's own embeddings and encoder: of neighbouring words one predicts the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tagger import config as settings
from tagger.config import TextEncoderConfig, TextEncoderTrainingConfig
from tagger.errors import ConfigError
from tagger.model.batch import Batch, Batches, EncodedCorpus, collate, encode, group, shuffled_batches
from tagger.model.building import export_weights
from tagger.model.device import find_device
from tagger.model.memory import memory_watched
from tagger.model.text_encoder import TextEncoder
from tagger.runtime import directory as files
from tagger.runtime.kinds import TextCounts
from tagger.runtime.lexicon import Lexicon
from tagger.runtime.windows import Group
from tagger.text.conll import Sentence
from tagger.text.counting import shape_of
from tagger.text.features import normalise
from tagger.text.raw import Words
from tagger.text.tokenizer import Mode
from tagger.training.pretrained import load_text_encoder, restore_text_encoder
from tagger.training.recipes.pretraining import SMALLER_NETWORK, PretrainingRecipe
from tagger.training.stream import Source, Survey, survey
from tagger.training.workers.gradient import Loss

_ALONE = ("lines", "tokens")  # formats whose sentences need not follow one another


def complete_settings(config: TextEncoderConfig) -> TextEncoderConfig:
    """Give fields that nobody set what suits the unit, as training gives them what suits the corpus.

    Raises:
        ConfigError: features are asked for that raw text doesn't have.
    """
    if config.embedding.feature_columns:
        found = ", ".join(config.embedding.feature_columns)
        raise ConfigError(
            f"found {found}, but raw text has no columns; leave it out here, `tagger train` may add it",
            "embedding.feature_columns",
        )
    return settings.apply_mode_defaults(config, config.text.unit)


def open_text(paths: Sequence[Path], config: TextEncoderConfig) -> Source:
    """Return the text of a run."""
    mode = Mode(config.text.unit)
    return Source(paths, config.text, mode=mode, longest=config.encoder.max_tokens, seed=config.seed)


def prepare(paths: Sequence[Path], config: TextEncoderConfig) -> PretrainingRecipe:
    """Survey the text of a run and build the encoder that is to learn from it.

    Args:
        paths: text files; they are read once for the survey and once for each epoch.
        config: the settings.

    Raises:
        DataError: a text can't be read, or is too short.
        MemoryExhaustedError: there is too little memory.
        ConfigError: there is no such device, or a feature is asked for that raw text doesn't have.
    """
    config = complete_settings(config)
    device = find_device(config.training.device)
    source = open_text(paths, config)
    found = survey(source, bigrams=config.embedding.bigram_dim > 0)
    with memory_watched(SMALLER_NETWORK):
        return PretrainingRecipe(EncoderTask(config, found), source, found, device)


@dataclass(frozen=True, slots=True)
class EncoderLearner:
    """An encoder, learning from windows of at most `max_tokens`; see `recipes.pretraining`."""

    network: TextEncoder
    max_tokens: int

    def lay_out(self, chunk: EncodedCorpus, items: Sequence[Group]) -> Batch:
        """Return groups of a chunk as a batch."""
        return collate(chunk, items, self.max_tokens).to(self.network.neighbours.output.weight.device)

    def compute_loss(self, laid_out: Batch, generator: torch.Generator, terms: tuple[float, ...]) -> Loss:
        """Return the loss of a batch's neighbours, summed over both directions."""
        total = self.compute_losses(self.network, laid_out, generator).sum()
        return Loss(total, total)

    def compute_losses(
        self, network: TextEncoder, laid_out: Batch, generator: torch.Generator | None
    ) -> Tensor:
        """Return (D,): the loss of each direction."""
        return network.losses(laid_out, generator)


class EncoderTask:
    """The lower half of a labeller; see `recipes.pretraining`."""

    title = "A labeller's embeddings and encoder"
    predicted = "Each neighbour of a word is predicted among the distinct words of its step."
    use = "tagger train TRAIN --init-encoder"
    memory_advice = "a smaller --set training.batch_sentences, a smaller --set encoder.max_tokens"

    def __init__(self, config: TextEncoderConfig, found: Survey) -> None:
        self.config = config
        common = dict(Counter(found.counts).most_common(config.text.vocabulary))
        self.lexicon = Lexicon.of_counts(TextCounts(common, found.pairs), config.embedding)

    @property
    def settings(self) -> TextEncoderTrainingConfig:
        return self.config.training

    @property
    def directions(self) -> int:
        return self.config.encoder.directions

    @property
    def words(self) -> int:
        return len(self.lexicon.words.items)

    def knows(self, word: str) -> bool:
        return normalise(word, lowercase=self.config.embedding.lowercase) in self.lexicon.words

    def describe(self) -> str:
        encoder = self.config.encoder
        return (
            f"the embeddings and the encoder of a labeller over {self.config.text.unit}: {encoder.kind.upper()} "
            f"of {shape_of(encoder.layers, encoder.directions, encoder.hidden)}"
        )

    def build(self, device: torch.device) -> EncoderLearner:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.config.seed)
            network = TextEncoder(self.lexicon, self.config).to(device)
        return EncoderLearner(network, self.config.encoder.max_tokens)

    def encode(self, sentences: Sequence[Words]) -> EncodedCorpus:
        alone = self.config.text.format in _ALONE
        return encode(
            [Sentence(words, document=number if alone else 0) for number, words in enumerate(sentences)],
            self.lexicon,
            None,
        )

    def batches(self, chunk: EncodedCorpus, generator: np.random.Generator | None) -> Batches:
        sizes = self.config.encoder.context, self.config.encoder.max_tokens
        return shuffled_batches(
            group(chunk, *sizes, generator),
            self.settings.batch_sentences,
            np.random.default_rng(0) if generator is None else generator,
        )

    def count(self, chunk: EncodedCorpus, batch: Sequence[Group]) -> tuple[int, int]:
        tokens = sum(each.tokens for each in batch)
        return tokens, tokens - len(batch)  # the last word of a window has no next one

    def contents(self, network: nn.Module) -> dict[str, bytes]:
        return files.render_belongings(self.config, self.lexicon)

    def save(self, directory: Path, network: nn.Module) -> None:
        files.write_model(directory, self.contents(network), export_weights(network))

    def load(self, directory: Path) -> TextEncoder:
        return restore_text_encoder(load_text_encoder(directory))
