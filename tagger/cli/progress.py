"""The progress of a run on a terminal: a bar while an epoch runs, a line when it ends, a sentence where it stops."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from tagger.cli.messages import say, warn
from tagger.cli.streams import has_drawing_terminal
from tagger.cli.tables import percent
from tagger.text.counting import count_of

if TYPE_CHECKING:
    from tagger.training.distillation.teaching import TaughtFacts
    from tagger.training.loop import EpochFacts, StepFacts
    from tagger.training.run import Complete, Reopened, Started
    from tagger.training.trial import Tried


def make_bar(console: Console, *, has_share: bool = True, is_driven: bool = False) -> Progress:
    """Make a bar whose tasks carry `facts`, a text that stands behind it; invisible where no line can be drawn.

    Args:
        console: where to.
        has_share: whether it is known how much there is to do; else the facts stand alone.
        is_driven: whether it is drawn only when it is refreshed, with no thread of its own, and leaves what others
            print to them.
    """
    share = (
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(compact=True),
    )
    return Progress(
        TextColumn("{task.description}"),
        *(share if has_share else ()),
        TextColumn("{task.fields[facts]}"),
        console=console,
        transient=True,
        disable=not has_drawing_terminal(),
        auto_refresh=not is_driven,
        redirect_stdout=not is_driven,
        redirect_stderr=not is_driven,
    )


class TrainingProgress:
    """Render the facts of a run on stderr; where that is no terminal, only the lines of whole epochs appear.

    Args:
        console: where to.
        epochs: of the run.
        outline: what is trained, in words.
        rule: which epochs' models are kept, in words: said once.
        describe_loss: writes the loss of an epoch.
        describe_dev: writes what a model is worth on held-out sentences.
    """

    def __init__(
        self,
        console: Console,
        epochs: int,
        outline: str,
        rule: str,
        describe_loss: Callable[[float], str],
        describe_dev: Callable[[Any], str],
    ) -> None:
        self._console = console
        self._epochs = epochs
        self._outline = outline
        self._rule = rule
        self._describe_loss = describe_loss
        self._describe_dev = describe_dev
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

    def teach(self, fact: TaughtFacts) -> None:
        """Say how much text is labelled, of nobody knows how much."""
        self._progress.update(self._task, description="labelling", facts=f"{fact.tokens:,} tokens")

    def start(self, fact: Started) -> None:
        """Say what is about to be trained."""
        workers = count_of(fact.workers, "worker")
        if fact.peers > 1:
            workers = f"{fact.peers} processes that share each batch"
        parameters = count_of(fact.parameters, "parameter")
        say(self._console, self._outline)
        say(self._console, f"{parameters}, seed {fact.seed}, {workers}")
        if fact.resumed:
            say(self._console, f"resumed at {100 * fact.resumed:.0f} % of the training")
        if self._rule:
            say(self._console, self._rule)
            self._rule = ""  # the next seed follows the same
        self._best = ""
        self._progress.reset(self._task)  # the seed before this one may have filled it
        self._progress.update(self._task, completed=fact.resumed)

    def step(self, fact: StepFacts) -> None:
        """Move the bar."""
        if not math.isfinite(fact.norm):
            warn(self._console, f"epoch {fact.epoch}: a step had no finite gradient; skipped")
        if fact.halved and not self._halved:
            self._halved = True
            warn(
                self._console,
                "out of memory: from here on each batch is computed in halves, one after the other",
            )
        self._progress.update(
            self._task,
            completed=fact.progress,
            description=f"epoch {fact.epoch}/{self._epochs}",
            facts=f"{self._describe_loss(fact.loss)}  {self._best}{fact.tokens_per_second:,.0f} tokens/s",
        )

    def end_epoch(self, fact: EpochFacts[Any]) -> None:
        """Leave a line behind."""
        found = self._describe_dev(fact.dev)
        if fact.improved:
            self._best = f"best {found}  "
        mark = "  kept: best" if fact.improved else "  kept: tie" if fact.kept else ""
        place = f"{fact.epoch:>3}" if fact.step is None else f"{fact.epoch:.3f}"
        say(
            self._console,
            f"epoch {place}  {self._describe_loss(fact.loss)}  {found}  "
            f"{fact.tokens_per_second:>7,.0f} tokens/s  {fact.seconds + fact.dev_seconds:.1f} s{mark}",
        )


@contextmanager
def follow(
    progress: TrainingProgress, console: Console, show_teaching: Callable[[TaughtFacts], None] | None = None
) -> Iterator[tuple[Callable[[], bool], Callable[[Any], None]]]:
    """Render a run: yield what tells it whether the user asked to stop, and what takes its facts.

    The first Ctrl-C saves and stops, the second leaves at once.

    Args:
        progress: what renders.
        console: where a stop is acknowledged.
        show_teaching: what renders the labelling of text before a student begins, where there is some.
    """
    from tagger.cli.signals import asked_to_stop
    from tagger.training.distillation.distil import StoppedTeaching
    from tagger.training.distillation.teaching import TaughtFacts
    from tagger.training.loop import EpochFacts, StepFacts
    from tagger.training.run import Complete, Reopened, Started, Stopped
    from tagger.training.trial import Tried

    def show(fact: Any) -> None:
        match fact:
            case Started():
                progress.start(fact)
            case StepFacts():
                progress.step(fact)
            case EpochFacts():
                progress.end_epoch(fact)
            case Complete():
                say(console, _describe_complete(fact))
            case Reopened():
                say(console, _describe_reopened(fact))
            case Tried():
                say(console, _describe_trial(fact))
            case Stopped():
                progress.stop()
                _end_stopped(console, f"in epoch {fact.epoch + 1}", stop.exit_code)
            case TaughtFacts():
                progress.teach(fact)
                if show_teaching is not None:
                    show_teaching(fact)
            case StoppedTeaching():
                progress.stop()
                _end_stopped(console, "while text was labelled", stop.exit_code)

    with progress, asked_to_stop(console) as stop:
        yield stop, show


def _describe_complete(fact: Complete) -> str:
    return (
        f"{fact.directory} is finished already, epoch {fact.best_epoch} of {fact.epochs} is kept; nothing to do. For "
        "more of the same raise --epochs; for another model choose another --output (--from goes on with this one)"
    )


def _describe_trial(fact: Tried) -> str:
    taken = (
        "the run begins with it"
        if fact.is_taken
        else "it is left out (--set training.try_encoder=false takes it)"
    )
    return (
        f"the encoder was tried: after {count_of(fact.epochs, 'epoch')} dev is at {percent(fact.learnt)} % with it "
        f"and at {percent(fact.plain)} % without; {taken}"
    )


def _describe_reopened(fact: Reopened) -> str:
    return (
        f"{count_of(fact.epochs, 'epoch')} done before; goes on from the model of epoch {fact.best_epoch} with a new "
        "optimiser. The learning rate is that of the further epochs in a run of so many; the model stays until a "
        "better one is there"
    )


def _end_stopped(console: Console, when: str, exit_code: int) -> NoReturn:
    """Say how to go on with a run that was asked to stop, and leave as an interrupted program does."""
    say(
        console,
        f"stopped {when}; everything is saved. Go on with the same command and --resume",
    )
    raise typer.Exit(exit_code)
