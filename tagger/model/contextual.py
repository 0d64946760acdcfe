"""What a language model knows of each token, as an embedding: a learned mix of its layers (ELMo).

The language model reads sentences, not the encoder's windows, so its layers depend on the sentence alone: while
it is frozen they are computed once and kept (`remember`), as far as memory allows. Nothing here knows how the
language model was trained.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tagger.config import LanguageModelConfig
from tagger.model.bilm import LanguageBatch, LanguageEncoder, ScalarMix

if TYPE_CHECKING:
    from tagger.model.batch import EncodedCorpus

Ints = NDArray[np.int64]
LONGEST = 256  # tokens that are read at once; a longer sentence is cut
_SLICE = 48  # sentences of like length that are read side by side
_READ_AT_ONCE = 4096  # padded tokens of a batch of sentences whose layers are kept


class KeptLayers(NamedTuple):
    """The layers of a corpus's first sentences, as many as fit into the memory allowed.

    Attributes:
        layers: (M, L, D) of their tokens, sentence after sentence.
        starts: (S + 1,) where each of those S sentences begins, and the end.
    """

    layers: Tensor
    starts: Ints


class LanguageView(NamedTuple):
    """The N tokens of a batch, sentence after sentence, as a language model reads them.

    Attributes:
        origins: (T, R) which of the N tokens stands where in the encoder's windows; 0 also pads.
        layers: (M, L, D) of the tokens whose layers are kept, or None.
        sentences: those to read because their layers are not kept, or None.
        order: (N,) where each token's layers stand: among the kept ones, then among those that are read.
    """

    origins: Tensor
    layers: Tensor | None
    sentences: LanguageBatch | None
    order: Tensor

    def to(self, device: torch.device) -> LanguageView:
        """Return the view on another device."""
        return LanguageView(
            self.origins.to(device),
            None if self.layers is None else self.layers.to(device),
            None if self.sentences is None else self.sentences.to(device),
            self.order.to(device),
        )


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
    starts = np.cumsum([0, *(len(example.forms) for example in corpus.examples)])
    count = int(np.searchsorted(starts, megabytes * 2**20 // size, side="right")) - 1
    starts = starts[: count + 1]
    layers = torch.empty(int(starts[-1]), embedding.encoder.depth, embedding.size)
    with torch.inference_mode():
        for numbers in _by_length([len(example.forms) for example in corpus.examples[:count]]):
            rows = [corpus.examples[number].forms for number in numbers]
            sentences, order = read_sentences(rows, corpus.forms.spelling)
            read = _read(embedding.encoder, sentences.to(embedding.mix.scale.device))
            found = torch.cat(list(read)).cpu()
            places = np.concatenate([np.arange(starts[number], starts[number + 1]) for number in numbers])
            layers[torch.from_numpy(places)] = found.index_select(0, order)
    return replace(corpus, kept=KeptLayers(layers, starts))


def lay_out(
    numbers: Sequence[int], rows: Sequence[Ints], spelling: Ints, origins: Ints, kept: KeptLayers | None
) -> LanguageView:
    """Lay a batch's sentences out for a language model.

    Args:
        numbers: which sentences of the corpus these are.
        rows: their tokens, as rows of `spelling`.
        spelling: (V + 1, 1 + C) of the corpus's words, as a speller lays them out.
        origins: (T, R) which of the sentences' tokens, counted through, stands where in the windows.
        kept: the layers that are kept of the corpus.
    """
    known = 0 if kept is None else len(kept.starts) - 1
    held = np.repeat([number < known for number in numbers], [len(part) for part in rows])
    order = np.empty(len(held), dtype=np.int64)
    order[held] = np.arange(held.sum())
    layers = sentences = None
    if kept is not None and held.any():
        ranges = [
            np.arange(kept.starts[number], kept.starts[number + 1]) for number in numbers if number < known
        ]
        layers = kept.layers.index_select(0, torch.from_numpy(np.concatenate(ranges)))
    if not held.all():
        unread = [part for part, number in zip(rows, numbers, strict=True) if number >= known]
        sentences, places = read_sentences(unread, spelling)
        order[~held] = int(held.sum()) + places.numpy()
    return LanguageView(torch.from_numpy(origins), layers, sentences, torch.from_numpy(order))


def read_sentences(rows: Sequence[Ints], spelling: Ints) -> tuple[LanguageBatch, Tensor]:
    """Lay sentences out as a batch, the longest first, those of more than `LONGEST` tokens in pieces.

    Returns:
        The batch, and (N,) where `_read` yields the layers of each token of the sentences, in their order.
    """
    pieces = [part[start : start + LONGEST] for part in rows for start in range(0, len(part), LONGEST)]
    lengths = np.array([len(piece) for piece in pieces], dtype=np.int64)
    by_length = np.argsort(-lengths, kind="stable")
    ends = np.cumsum(lengths)
    starts = ends - lengths
    order = np.empty(int(ends[-1]), dtype=np.int64)
    offset = 0
    for first in range(0, len(pieces), _SLICE):
        numbers = by_length[first : first + _SLICE]
        for column, number in enumerate(numbers):
            steps = np.arange(lengths[number])
            order[starts[number] : ends[number]] = offset + steps * len(numbers) + column
        offset += int(lengths[numbers[0]]) * len(numbers)
    pieces, lengths = [pieces[number] for number in by_length], lengths[by_length]
    tokens = np.zeros((len(pieces), int(lengths.max())), dtype=np.int64)
    is_token = np.arange(tokens.shape[1]) < lengths[:, None]
    tokens[is_token] = np.concatenate(pieces)
    used, inverse = np.unique(tokens.T, return_inverse=True)
    if used[0] != 0:
        used, inverse = np.concatenate(([0], used)), inverse + 1
    symbols = spelling[used]
    longest = max(1, int((symbols != 0).sum(1).max()))
    batch = LanguageBatch(
        spelling=torch.from_numpy(np.ascontiguousarray(symbols[:, :longest])),
        tokens=torch.from_numpy(inverse.reshape(tokens.T.shape)),
        lengths=torch.from_numpy(lengths),
        targets=None,
    )
    return batch, torch.from_numpy(order)


def _read(encoder: LanguageEncoder, batch: LanguageBatch) -> Iterator[Tensor]:
    """Yield (t * b, L, D), the layers of the batch's sentences, `_SLICE` at a time: little padding is read."""
    words = encoder.input(batch.spelling)
    for first in range(0, len(batch.lengths), _SLICE):
        lengths = batch.lengths[first : first + _SLICE]
        tokens = batch.tokens[: int(lengths[0]), first : first + _SLICE]
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
