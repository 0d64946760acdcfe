"""Pretraining of a labeler's own embeddings and encoder: of neighbouring words one predicts the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tagger import config as settings
from tagger.config import TextEncoderConfig, TextEncoderTrainingConfig
from tagger.errors import ConfigError
from tagger.model.batch import EncodedCorpus, Group, collate, encode, group, shuffled_batches
from tagger.model.text_encoder import TextEncoder
from tagger.text.conll import Sentence
from tagger.text.features import normalise
from tagger.text.lexicon import Lexicon
from tagger.text.raw import Words
from tagger.text.tokenizer import Mode
from tagger.training import text_encoder
from tagger.training.pretrain.task import Extent
from tagger.training.stream import Source, Survey
from tagger.training.text_encoder import TrainedTextEncoder

_ALONE = ("lines", "tokens")  # formats whose sentences need not follow one another


def settle(config: TextEncoderConfig) -> TextEncoderConfig:
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
    return settings.suit(config, config.text.unit)


def open_text(paths: Sequence[Path], config: TextEncoderConfig) -> Source:
    """Return the text of a run."""
    mode = Mode(config.text.unit)
    return Source(paths, config.text, mode=mode, longest=config.encoder.max_tokens, seed=config.seed)


class EncoderTask:
    """The lower half of a labeler; see `pretrain.task`."""

    title = "A labeler's embeddings and encoder"
    predicted = "Each neighbour of a word is predicted among the distinct words of its step."
    use = "tagger train TRAIN --init-encoder"

    def __init__(self, config: TextEncoderConfig, found: Survey) -> None:
        self.config = config
        common = dict(Counter(found.counts).most_common(config.text.vocabulary))
        self.lexicon = Lexicon.of_counts(common, found.pairs, config.embedding)

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
            f"the embeddings and the encoder of a labeler over {self.config.text.unit}: {encoder.kind.upper()}, "
            f"{encoder.layers} x {encoder.directions} x {encoder.hidden}"
        )

    def build(self) -> TextEncoder:
        return text_encoder.build(self.lexicon, self.config)

    def encode(self, sentences: Sequence[Words]) -> EncodedCorpus:
        alone = self.config.text.format in _ALONE
        return encode(
            [Sentence(words, document=number if alone else 0) for number, words in enumerate(sentences)],
            self.lexicon,
            None,
        )

    def batches(self, chunk: EncodedCorpus, generator: np.random.Generator | None) -> list[list[Group]]:
        sizes = self.config.encoder.context, self.config.encoder.max_tokens
        return shuffled_batches(
            group(chunk.examples, *sizes, generator),
            self.settings.batch_sentences,
            np.random.default_rng(0) if generator is None else generator,
        )

    def extent(self, chunk: EncodedCorpus, batch: Sequence[Group]) -> Extent:
        tokens = sum(each.tokens for each in batch)
        return Extent(tokens, tokens - len(batch))  # the last word of a window has no next one

    def losses(
        self,
        network: nn.Module,
        chunk: EncodedCorpus,
        batch: Sequence[Group],
        generator: torch.Generator | None,
    ) -> Tensor:
        assert isinstance(network, TextEncoder)
        laid_out = collate(chunk, batch, self.config.encoder.max_tokens)
        return network.losses(laid_out.to(network.neighbours.output.weight.device), generator)

    def contents(self, network: nn.Module) -> dict[str, bytes]:
        return text_encoder.contents(self._trained(network))

    def save(self, directory: Path, network: nn.Module) -> None:
        text_encoder.save(directory, self._trained(network))

    def load(self, directory: Path) -> TextEncoder:
        return text_encoder.load(directory).network

    def _trained(self, network: nn.Module) -> TrainedTextEncoder:
        assert isinstance(network, TextEncoder)
        return TrainedTextEncoder(self.config, self.lexicon, network)
