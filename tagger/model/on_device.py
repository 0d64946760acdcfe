"""The emission scores of a trained labeller, computed by its PyTorch network on a GPU.

The same answers as `runtime.network`, which is the quicker of the two on a CPU.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tagger.model.batch import collate, encode, group, sorted_batches
from tagger.model.building import restore_labeler
from tagger.model.device import find_device
from tagger.runtime.directory import load_model
from tagger.runtime.network import ColumnRows, Words
from tagger.runtime.reports import find_dev_f1
from tagger.runtime.tagger import Tagger
from tagger.runtime.trained import TrainedModel
from tagger.text.conll import Sentence

_BATCH_TOKENS = 8192  # of a batch, padded


class DeviceNetwork:
    """A network on a device; see `runtime.network.EmissionScorer`."""

    def __init__(self, model: TrainedModel, device: torch.device) -> None:
        self._labeler = restore_labeler(model).to(device)
        self._lexicon = model.lexicon
        self._encoder = model.config.encoder

    @torch.inference_mode()
    def emissions(
        self,
        sentences: Sequence[Words],
        documents: Sequence[int],
        columns: Sequence[ColumnRows] | None = None,
    ) -> NDArray[np.float32]:
        """Return (N, K) scores of the tokens of all sentences, one after the other."""
        given = [()] * len(sentences) if columns is None else columns
        rows = [
            Sentence(tuple(words), document=document, features=tuple(map(tuple, values)))
            for words, document, values in zip(sentences, documents, given, strict=True)
        ]
        corpus = encode(rows, self._lexicon, None)
        starts = np.cumsum([0, *map(len, sentences)])
        scores = np.empty((int(starts[-1]), corpus.num_tags), np.float32)
        limit = self._encoder.max_tokens
        for part in sorted_batches(group(corpus, self._encoder.context, limit), _BATCH_TOKENS):
            batch = collate(corpus, part, limit)
            found = self._labeler(batch.to(self._labeler.device)).float().cpu().numpy()  # (T, B, K)
            steps = np.arange(len(found))[:, None]
            inside = steps < batch.lengths.numpy()
            places = starts[np.array(batch.sentences)] + steps
            scores[places[inside]] = found[inside]
        return scores


def load_on_device(directory: str | os.PathLike[str], name: str) -> Tagger:
    """Read a model directory and return its tagger, whose network runs on a device.

    Args:
        directory: as `tagger train --output DIR` writes it.
        name: auto, cpu, cuda or mps; see `model.device`.

    Raises:
        ModelError: the directory or a file in it is missing, damaged or of another format version.
        ConfigError: there is no such device.
    """
    device, place = find_device(name), Path(directory)
    model = load_model(place)
    network = None if device.type == "cpu" else DeviceNetwork(model, device)
    return Tagger(model, network, dev_f1=find_dev_f1(place), directory=place)
