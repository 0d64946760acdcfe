"""Event files for TensorBoard beside the model: loss and gradient of steps, scores of epochs.

The package `tensorboard` is an extra, `tagger[tensorboard]`; nothing else needs it. A run that is resumed writes some
steps twice; its bits are the same, so the points coincide.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tagger.errors import ConfigError
from tagger.training.checkpoint import discard
from tagger.training.fit import Started
from tagger.training.loop import EpochFacts, StepFacts

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FOLDER = "tensorboard"


class EventLog:
    """Writes the facts of runs to `DIRECTORY/tensorboard/seed-N`; a context manager, which closes the files.

    Raises:
        ConfigError: the package is not installed.
    """

    def __init__(self, directory: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise ConfigError(
                "needs the package tensorboard, which isn't installed; install it: pip install 'tagger[tensorboard]'",
                "--tensorboard",
            ) from None
        self._open = SummaryWriter
        self._directory = directory / FOLDER
        self._writer: SummaryWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def add(self, fact: object) -> None:
        """Write a fact of a run: steps are counted through all epochs, epochs from 1."""
        match fact:
            case Started():
                self._begin(fact)
            case StepFacts():
                self._write(_of_step(fact), (fact.epoch - 1) * fact.batches + fact.batch)
            case EpochFacts():
                self._write(_of_epoch(fact), fact.epoch)

    def _begin(self, fact: Started) -> None:
        self._close()
        folder = self._directory / f"seed-{fact.seed}"
        if not fact.resumed:
            for stale in folder.glob("events.out.tfevents.*"):
                discard(stale)
        self._writer = self._open(str(folder))

    def _write(self, values: dict[str, float], place: int) -> None:
        assert self._writer is not None
        for name, value in values.items():
            self._writer.add_scalar(name, value, place)

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def _of_step(fact: StepFacts) -> dict[str, float]:
    return {"step/loss of the epoch so far": fact.loss, "step/norm of the gradient": fact.norm}


def _of_epoch(fact: EpochFacts) -> dict[str, float]:
    micro = fact.dev.micro
    return {
        "epoch/loss": fact.loss,
        "epoch/learning rate at its end": fact.learning_rate,
        "epoch/tokens a second": fact.tokens_per_second,
        "dev/F1": micro.f1,
        "dev/precision": micro.precision,
        "dev/recall": micro.recall,
        "dev/token accuracy": fact.dev.token_accuracy,
    }
