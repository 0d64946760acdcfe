"""The progress of a run on a terminal: a bar while an epoch runs, a line when it ends, a sentence where it stops."""

from __future__ import annotations

import math
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from tagger.cli.messages import say, warn
from tagger.text.counting import count_of

if TYPE_CHECKING:
    from tagger.config import Config
    from tagger.training.fit import Started
    from tagger.training.loop import EpochFacts, StepFacts
    from tagger.training.supervision import Stopped


def make_bar(console: Console) -> Progress:
    """Make a bar whose tasks carry `facts`, a text that stands behind it; invisible where there is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[facts]}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def warn_of_step(console: Console, epoch: int, norm: float) -> None:
    """Say that a step was skipped, where the norm of its gradient isn't finite."""
    if not math.isfinite(norm):
        warn(console, f"epoch {epoch}: a step had no finite gradient; skipped")


def end_stopped(console: Console, fact: Stopped) -> NoReturn:
    """Say how to go on with a run that was asked to stop, and leave as an interrupted program does."""
    say(
        console,
        f"stopped in epoch {fact.epoch + 1}; everything is saved. Go on with the same command and --resume",
    )
    raise typer.Exit(130)


class TrainingProgress:
    """Render the facts of a run on stderr; where that is no terminal, only the lines of whole epochs appear."""

    def __init__(self, console: Console, config: Config) -> None:
        self._console = console
        self._config = config
        self._best = ""
        self._halved = False
        self._progress = make_bar(console)
        self._task = self._progress.add_task("training", total=1.0, facts="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the bar off the screen."""
        self._progress.stop()

    def start(self, fact: Started) -> None:
        """Say what is about to be trained."""
        config = self._config
        cell = f"{config.encoder.kind.upper()} {config.encoder.layers} x {config.encoder.directions} x "
        cell += f"{config.encoder.hidden}"
        workers = count_of(fact.workers, "worker")
        parameters = count_of(fact.parameters, "parameter")
        say(self._console, f"{cell}, {config.decoder.kind}, {parameters}, seed {fact.seed}, {workers}")
        if fact.resumed:
            say(self._console, f"resumed at {100 * fact.resumed:.0f} % of the epochs")
        self._best = ""
        self._progress.reset(self._task)  # the seed before this one may have filled it
        self._progress.update(self._task, completed=fact.resumed)

    def step(self, fact: StepFacts) -> None:
        """Move the bar."""
        warn_of_step(self._console, fact.epoch, fact.norm)
        if fact.halved and not self._halved:
            self._halved = True
            warn(
                self._console,
                "out of memory: from here on each batch is computed in halves, one after the other",
            )
        self._progress.update(
            self._task,
            completed=fact.progress,
            description=f"epoch {fact.epoch}/{self._config.training.epochs}",
            facts=f"loss {fact.loss:.4f}  {self._best}{fact.tokens_per_second:,.0f} tokens/s",
        )

    def end_epoch(self, fact: EpochFacts) -> None:
        """Leave a line behind."""
        name, value = fact.dev.headline
        if fact.improved:
            self._best = f"best dev {name} {100 * value:.2f}  "
        mark = "  best so far" if fact.improved else "  kept" if fact.kept else ""
        say(
            self._console,
            f"epoch {fact.epoch:>3}  loss {fact.loss:.4f}  dev {name} {100 * value:6.2f}  "
            f"{fact.tokens_per_second:>7,.0f} tokens/s  {fact.seconds + fact.dev_seconds:.1f} s{mark}",
        )
