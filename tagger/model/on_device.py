"""The emission scores of a trained labeller, computed by its PyTorch network on a GPU.

The same answers as `runtime.network`, which is the quicker of the two on a CPU. Everything is computed in single
precision: half precision, and the shortened numbers (TF32) that cuDNN takes by itself, change the third digit of a
score and now and then a tag.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tagger.model.batch import EncodedCorpus, collate, encode, group, sorted_batches
from tagger.model.building import restore_labeler
from tagger.model.device import find_device
from tagger.model.encoder import compact
from tagger.model.memory import MemoryExhaustedError, is_out_of_memory
from tagger.runtime.directory import load_model
from tagger.runtime.lexicon import Lexicon
from tagger.runtime.network import ColumnRows, Words
from tagger.runtime.reports import find_dev_f1
from tagger.runtime.tagger import Tagger
from tagger.runtime.trained import TrainedModel
from tagger.text.conll import Sentence

# A GPU computes a thousand windows in nearly the time of one. So many tokens are taken at once that batches of this
# size hold windows of like length.
CHUNK_TOKENS = 65_536
_BATCH_TOKENS = 32_768  # padded
_LEAST_TOKENS = 1_024  # of a batch; where memory is too small for that, it is too small for the network


class DeviceNetwork:
    """A network on a device; see `runtime.network.EmissionScorer`. Safe to use from several threads."""

    chunk_tokens = CHUNK_TOKENS
    is_shared = False

    def __init__(self, model: TrainedModel, device: torch.device) -> None:
        self._labeler = restore_labeler(model).to(device)
        compact(self._labeler)
        self._lexicon = model.lexicon
        self._encoder = model.config.encoder
        self._batch_tokens = _BATCH_TOKENS
        self._turn = threading.Lock()  # of the thread that lays out and launches

    def emissions(
        self,
        sentences: Sequence[Words],
        documents: Sequence[int],
        columns: Sequence[ColumnRows] | None = None,
    ) -> NDArray[np.float32]:
        """Return (N, K) scores of the tokens of all sentences, one after the other."""
        return self.score(encode_words(self._lexicon, sentences, documents, columns))

    @torch.inference_mode()
    def score(self, corpus: EncodedCorpus) -> NDArray[np.float32]:
        """Return (N, K) scores of the tokens of encoded sentences, one after the other.

        While the device works for one thread, another one's sentences are laid out.

        Raises:
            MemoryExhaustedError: the device has too little memory.
        """
        with self._turn, _full_precision():
            scores = self._launch_within_memory(corpus)
        return scores.cpu().numpy()

    def _launch_within_memory(self, corpus: EncodedCorpus) -> Tensor:
        """Return (N, K) scores on the device; in smaller batches, from now on, where its memory is too small."""
        while True:
            try:
                return self._launch(corpus)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                if self._batch_tokens <= _LEAST_TOKENS:
                    advice = "free some of it, or label on the CPU"
                    raise MemoryExhaustedError(
                        f"the device has too little memory for this model; {advice}"
                    ) from None
            self._batch_tokens //= 2  # out here, where nothing holds the tensors of the attempt any more
            if torch.cuda.is_available():
                torch.cuda.empty_cache()

    def _launch(self, corpus: EncodedCorpus) -> Tensor:
        """Return (N, K) scores on the device, which may still be at work on them."""
        device, limit = self._labeler.device, self._encoder.max_tokens
        starts = corpus.starts
        scores = torch.empty((len(corpus.tokens), corpus.num_tags), device=device)
        groups = group(corpus, self._encoder.context, limit)
        for part in sorted_batches(groups, self._batch_tokens):
            batch = collate(corpus, part, limit)
            steps = np.arange(len(batch.places))[:, None]
            inside = steps < batch.lengths.numpy()
            origins = (
                starts[np.array(batch.sentences)] + steps
            )  # (T, B) where each token stands in the corpus
            moved = np.stack([origins[inside], np.flatnonzero(inside)])
            to, of = torch.from_numpy(moved).to(device, non_blocking=True)
            found = self._labeler(batch.to(device)).float().flatten(0, 1)  # (T * B, K)
            scores.index_copy_(0, to, found.index_select(0, of))
        return scores


def encode_words(
    lexicon: Lexicon,
    sentences: Sequence[Words],
    documents: Sequence[int],
    columns: Sequence[ColumnRows] | None = None,
) -> EncodedCorpus:
    """Return sentences as the rows of a model's tables, all that its network sees of them."""
    given = [()] * len(sentences) if columns is None else columns
    rows = [
        Sentence(tuple(words), document=document, features=tuple(map(tuple, values)))
        for words, document, values in zip(sentences, documents, given, strict=True)
    ]
    return encode(rows, lexicon, None)


def load_on_device(directory: str | os.PathLike[str], name: str) -> Tagger:
    """Read a model directory and return its tagger, whose network runs on a device.

    Args:
        directory: as `tagger train --output DIR` writes it.
        name: auto, cpu, cuda or mps; see `model.device`.

    Raises:
        ModelError: the directory or a file in it is missing, damaged or of another format version.
        ConfigError: there is no such device.
    """
    device, place = find_device(name, "device"), Path(directory)
    model = load_model(place)
    network = None if device.type == "cpu" else DeviceNetwork(model, device)
    return Tagger(model, network, dev_f1=find_dev_f1(place), directory=place)


@contextmanager
def _full_precision() -> Iterator[None]:
    """Keep cuDNN from rounding the factors of its products to ten bits; what others chose stays for others."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before
