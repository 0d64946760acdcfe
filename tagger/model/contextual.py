"""What a language model knows of each token, as an embedding: a learned mix of its layers (ELMo).

The language model reads sentences, not the encoder's windows, so its layers depend on the sentence alone: while
it is frozen they are computed once and kept (`remember`), as far as memory allows. Nothing here knows how the
language model was trained.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tagger.config import LanguageModelConfig
from tagger.model.batch import EncodedCorpus, KeptLayers, LanguageView, read_sentences
from tagger.model.batch.language import LONGEST, SLICE
from tagger.model.bilm import LanguageBatch, LanguageEncoder, ScalarMix

_READ_AT_ONCE = 4096  # padded tokens of a batch of sentences whose layers are kept


class ContextualEmbedding(nn.Module):
    """A language model's layers, mixed.

    Args:
        words: rows of the speller's table of words.
        symbols: rows of its table of characters.
        config: the language model's sizes.
        finetune: whether gradients reach the language model; it is frozen otherwise.

    Attributes:
        size: D, the width of the result.
    """

    def __init__(self, words: int, symbols: int, config: LanguageModelConfig, *, finetune: bool) -> None:
        super().__init__()
        self.encoder = LanguageEncoder(words, symbols, config).requires_grad_(finetune)
        self.mix = ScalarMix(self.encoder.depth)
        self.size = self.encoder.size

    def forward(self, view: LanguageView) -> Tensor:
        """Return (T, R, D), each token's mixed layers."""
        parts: list[Tensor] = []
        if view.layers is not None:
            parts.append(self.mix(view.layers))
        if view.sentences is not None:
            parts.extend(self.mix(layers) for layers in _read(self.encoder, view.sentences))
        mixed = parts[0] if len(parts) == 1 else torch.cat(parts)
        return functional.embedding(view.order.take(view.origins), mixed)


def remember(embedding: ContextualEmbedding, corpus: EncodedCorpus, megabytes: int) -> EncodedCorpus:
    """Return the corpus with the layers of its sentences, from the first on, until they fill `megabytes`.

    Sentences are read in an order and in batches that depend on the corpus alone, so the values do too.
    """
    assert corpus.forms.spelling is not None
    size = 4 * embedding.encoder.depth * embedding.size
    starts = np.asarray(corpus.starts[:])
    count = int(np.searchsorted(starts, megabytes * 2**20 // size, side="right")) - 1
    starts = starts[: count + 1]
    layers = torch.empty(int(starts[-1]), embedding.encoder.depth, embedding.size)
    with torch.inference_mode():
        for numbers in _by_length(np.diff(starts).tolist()):
            rows = [np.asarray(corpus[number].forms, dtype=np.int64) for number in numbers]
            sentences, order = read_sentences(rows, corpus.forms.spelling)
            read = _read(embedding.encoder, sentences.to(embedding.mix.scale.device))
            found = torch.cat(list(read)).cpu()
            places = np.concatenate([np.arange(starts[number], starts[number + 1]) for number in numbers])
            layers[torch.from_numpy(places)] = found.index_select(0, order)
    return replace(corpus, kept=KeptLayers(layers, starts))


def _read(encoder: LanguageEncoder, batch: LanguageBatch) -> Iterator[Tensor]:
    """Yield (t * b, L, D), the layers of the batch's sentences, `SLICE` at a time: little padding is read."""
    words = encoder.input(batch.spelling)
    for first in range(0, len(batch.lengths), SLICE):
        lengths = batch.lengths[first : first + SLICE]
        tokens = batch.tokens[: int(lengths[0]), first : first + SLICE]
        yield encoder.layers_of(words, tokens, lengths).flatten(0, 1)


def _by_length(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield batches of the sentences' numbers, the longest first, each of about `_READ_AT_ONCE` padded tokens."""
    batch: list[int] = []
    for number in sorted(range(len(lengths)), key=lambda number: (-lengths[number], number)):
        if batch and min(LONGEST, lengths[batch[0]]) * (len(batch) + 1) > _READ_AT_ONCE:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch
