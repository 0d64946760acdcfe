"""What the loop and the run ask of whatever is learnt from raw text; they know no more of it than this."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from tagger.config import PretrainConfig, PretrainingConfig, TextEncoderConfig, TextEncoderTrainingConfig
from tagger.text.raw import Words

Chunk = Any  # some sentences, looked up in the tables of a task
Batch = Sequence[Any]  # what of a chunk makes a step; a part of it makes a smaller one


class Extent(NamedTuple):
    """How much a batch holds: tokens, and what is predicted in each direction."""

    tokens: int
    predictions: int


class Task(Protocol):
    """A network to train, the tables with which it reads, and what it predicts of a text.

    Attributes:
        title: what comes out, for a heading.
        predicted: what a prediction chooses among, in a sentence.
        use: the command that takes the directory.
    """

    title: str
    predicted: str
    use: str

    @property
    def config(self) -> PretrainConfig | TextEncoderConfig:
        """All settings."""

    @property
    def directions(self) -> int:
        """D, 1 or 2: forward, and backward."""

    @property
    def settings(self) -> PretrainingConfig | TextEncoderTrainingConfig:
        """The settings of the gradient steps."""

    @property
    def words(self) -> int:
        """Words that are known by name."""

    def knows(self, word: str) -> bool:
        """Tell whether a word is one of them."""

    def describe(self) -> str:
        """Say in words what the network is."""

    def build(self) -> nn.Module:
        """Build the network with fresh weights, drawn by the seed."""

    def encode(self, sentences: Sequence[Words]) -> Chunk:
        """Look sentences up."""

    def batches(self, chunk: Chunk, generator: np.random.Generator | None) -> Sequence[Batch]:
        """Cut a chunk into batches, in an order drawn for training; without a generator always the same ones."""

    def extent(self, chunk: Chunk, batch: Batch) -> Extent:
        """Count what a batch holds."""

    def losses(
        self, network: nn.Module, chunk: Chunk, batch: Batch, generator: torch.Generator | None
    ) -> Tensor:
        """Return (D,): the summed negative log-likelihood (nats) of each direction; a generator turns dropout on."""

    def contents(self, network: nn.Module) -> dict[str, bytes]:
        """Return the files that belong with the weights."""

    def save(self, directory: Path, network: nn.Module) -> None:
        """Write what `train` uses."""

    def load(self, directory: Path) -> nn.Module:
        """Read the network back."""
