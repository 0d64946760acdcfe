"""What the one training road asks of whatever is trained; loop, run and rehearsal know no more of it than this.

`recipes.labelled`, `recipes.encoder` and `recipes.lm` answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from torch import Tensor, nn

from tagger.config import Steps
from tagger.training.history import Epochs
from tagger.training.state import Run
from tagger.training.workers.gradient import Learner

Dev = TypeVar("Dev")  # what a measurement on held-out sentences comes to


class Extent(NamedTuple):
    """How much a batch holds.

    Attributes:
        tokens: of its sentences.
        predictions: what the loss that is told is a mean of.
        divisor: what the loss that is minimised is a mean of.
    """

    tokens: int
    predictions: int
    divisor: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A run whose last step is taken.

    Attributes:
        directory: where the model that is kept lies.
        epochs: completed; a fraction where patience ended the last within it.
        best_epoch: the one whose model is kept; a fraction where that was measured within one.
        parameters: numbers that were learnt.
        began: when, as `time.perf_counter` counts.
        learning_seconds: of gradient steps, those before an interruption included.
        tokens_per_second: of those.
    """

    directory: Path
    epochs: float
    best_epoch: float
    parameters: int
    began: float
    learning_seconds: float
    tokens_per_second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The result of a run.

    Attributes:
        epochs, best_epoch: as of `Ended`.
        seconds: of the run, or of its last part where it was resumed.
        tokens_per_second: of its gradient steps.
    """

    epochs: float
    best_epoch: float
    seconds: float
    tokens_per_second: float
    directory: Path

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints of it."""
        return {
            "epochs": self.epochs,
            "best_epoch": self.best_epoch,
            "seconds": self.seconds,
            "tokens_per_second": self.tokens_per_second,
        }


class Recipe(Protocol[Dev]):
    """A network that is ready to be trained, its text, and what it is worth.

    Attributes:
        shares_batches: whether the workers share every batch, whose parts make one step; else each has a batch of
            its own, which makes a step.
        memory_advice: settings that take less memory.
    """

    shares_batches: bool
    memory_advice: str

    @property
    def learner(self) -> Learner:
        """The network, which is where it computes, and how it learns."""

    @property
    def seed(self) -> int:
        """Of all randomness."""

    @property
    def settings(self) -> Steps:
        """Of the gradient steps."""

    @property
    def tokens(self) -> int:
        """Tokens of an epoch."""

    @property
    def shared(self) -> Sequence[Tensor]:
        """Large tensors of the chunks, which the workers share."""

    def settle_in(self, checkpoint: Path) -> None:
        """Say in which folder large things may lie until the run has ended; else nothing is left behind."""

    def chunks(self, epoch: int, first: int) -> Iterator[Any]:
        """Yield the text of an epoch, counted from 0, in encoded chunks, from number `first` on."""

    def batches(self, chunk: Any, epoch: int, number: int, workers: int) -> Sequence[Sequence[Any]]:
        """Cut chunk `number` into batches of items, in the order of an epoch, which the seed decides."""

    def place(self, epoch: int, chunk: int, batch: int) -> tuple[int, ...]:
        """Return what seeds the dropout of a batch: (seed, epoch, ..., batch)."""

    def extent(self, chunk: Any, batch: Sequence[Any]) -> Extent:
        """Count what a batch holds."""

    def progress(self, run: Run, batch: int, batches: int) -> float:
        """Return the share of all training that is done at a batch of the chunk under way."""

    def terms(self, run: Run, progress: float) -> tuple[float, ...]:
        """Return the numbers that the learner's loss asks for at this point of the training."""

    def measure(self, network: nn.Module) -> Dev:
        """Measure a network on the held-out sentences."""

    def value(self, dev: Dev) -> float:
        """Return what two measurements are compared by; the higher, the better."""

    def is_kept(self, dev: Dev, best: float) -> bool:
        """Tell whether the model of an epoch is kept in place of an earlier one; `best` is the best value so far."""

    def value_before(self, network: nn.Module) -> float:
        """Return the value of the model that the run continues, before its first step; -1 if there is none."""

    def identity(self) -> Mapping[str, bytes]:
        """Return by name what must be the same where an interrupted run goes on."""

    def describe_epoch(self, loss: float, dev: Dev) -> dict[str, Any]:
        """Return what the history tells of an epoch's loss and measurement."""

    def draw(self, epochs: Epochs) -> str:
        """Return the page of the learning curves."""

    def save(self, directory: Path, network: nn.Module) -> None:
        """Put a model in a directory, in one step."""

    def begin_with(self, directory: Path) -> None:
        """Give the network the weights of a finished model of the same settings and tables."""

    def finish(self, ended: Ended) -> Finished:
        """Measure the model that is kept, and write its scores and its card."""

    def review(self, ended: Ended) -> Finished:
        """Measure a model that was finished before; nothing is written."""

    def measure_some(self, network: nn.Module, tokens: int) -> int:
        """Measure a network on the first held-out sentences, about `tokens`; return how many tokens it were."""

    @property
    def measured_tokens(self) -> tuple[int, int]:
        """Tokens that are measured after each epoch, and after the last one again."""
