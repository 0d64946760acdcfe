"""The gradients of several batches at the same weights, side by side: one here, the others in child processes.

Processes rather than threads, because a fifth of a step is Python, which threads of one process don't run side by
side. They are new interpreters rather than forks: PyTorch's gradients don't survive a fork once they have been used,
and a fork copies the locks that other threads hold. As they don't import the program's main module either, a script
needs no `if __name__ == "__main__"`.

What the children compute, and with what, is the concern of `workers.child`. Nothing here knows the loop.
"""

from __future__ import annotations

import atexit
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing import resource_tracker
from types import ModuleType

from tagger.errors import TaggerError
from tagger.model.batch import EncodedCorpus
from tagger.model.labeler import SequenceLabeler
from tagger.model.threads import one_thread
from tagger.training.workers.child import dump, serve
from tagger.training.workers.gradient import Gradient, GradientComputer, Task, count_tokens
from tagger.training.workers.outbox import Outbox, Parcel
from tagger.training.workers.shared import CONTEXT, SharedTensors, lent

_PATIENCE = 5.0  # seconds for a process that hung up to be gone
_STARTING = threading.Lock()  # what is hidden from one child must be back before the next thread hides it


class MemoryExhaustedError(TaggerError):
    """There is too little memory even for half a batch."""


class WorkerLostError(TaggerError):
    """A child process is gone."""


class Team:
    """Computes gradients, each batch in a process of its own.

    Attributes:
        are_halved: whether memory ran out, so that every batch is computed in halves, one after the other.
    """

    def __init__(self, compute: GradientComputer, children: Sequence[_Child]) -> None:
        self._compute = compute
        self._children = children
        self.are_halved = False

    def __call__(self, tasks: Sequence[Task], upcoming: Sequence[Task] = ()) -> list[Gradient]:
        """Return the gradients of some batches; they are good until the next call.

        Args:
            tasks: at most as many as there are processes.
            upcoming: those of the next call, as far as known; processes prepare them while they would wait.

        Raises:
            MemoryExhaustedError: memory runs out even for halves.
            WorkerLostError: a child is gone.
        """
        gradients = self._try(tasks, upcoming)
        if gradients is None and not self.are_halved:
            self.are_halved = True
            gradients = self._try(tasks, upcoming)
        if gradients is None:
            raise _exhausted(tasks)
        return gradients

    def _try(self, tasks: Sequence[Task], upcoming: Sequence[Task]) -> list[Gradient] | None:
        """Return the gradients, or None where memory ran out; then nothing that was computed stays."""
        found = self._attempt(self._order(tasks), self._order(upcoming))
        for each in found.values():
            if isinstance(each, Exception) and not _is_out_of_memory(each):
                raise each
        gradients = {place: each for place, each in found.items() if isinstance(each, Gradient)}
        return [gradients[task.place] for task in tasks] if len(gradients) == len(tasks) else None

    def _order(self, tasks: Sequence[Task]) -> list[Task]:
        """Return the tasks by size: this process, which has more to do than compute, takes the first."""
        return sorted(
            (task._replace(is_halved=self.are_halved) for task in tasks),
            key=lambda task: count_tokens(task.groups),
        )

    def _attempt(
        self, tasks: Sequence[Task], upcoming: Sequence[Task]
    ) -> dict[tuple[int, ...], Gradient | Exception]:
        """Return what became of each place's task, once nothing runs any more."""
        chosen = self._children[: len(tasks) - 1]
        for child, task in zip(chosen, tasks[1:], strict=True):
            child.begin(task)
        for child, task in zip(self._children, upcoming[1:], strict=False):
            child.prepare(task)
        found: dict[tuple[int, ...], Gradient | Exception] = {}
        try:
            found[tasks[0].place] = self._compute(tasks[0])
        except Exception as error:  # its frames hold memory, which a second attempt needs
            found[tasks[0].place] = error.with_traceback(None) if _is_out_of_memory(error) else error
        if upcoming and self._children:
            self._compute.prepare(upcoming[0])
        for child, task in zip(chosen, tasks[1:], strict=True):
            found[task.place] = child.receive()
        return found


@contextmanager
def assemble(
    labeler: SequenceLabeler, corpus: EncodedCorpus, max_tokens: int, workers: int
) -> Iterator[Team]:
    """Begin with as many processes as there are workers, this one among them, and end with this one alone.

    Meanwhile the labeler's parameters and the layers that are kept of a language model lie in memory that all
    processes share; of the rest of the corpus each has a copy.
    """
    assert workers == 1 or labeler.device.type == "cpu"
    compute = GradientComputer(labeler, corpus, max_tokens)
    with one_thread(), ExitStack() as stack:
        children: list[_Child] = []
        if workers > 1:
            shared = [*labeler.parameters(), *([] if corpus.kept is None else [corpus.kept.layers])]
            weights = stack.enter_context(lent(shared))
            for _ in range(workers - 1):
                children.append(_Child(weights, Outbox(labeler)))
                stack.callback(children[-1].end)
            content = dump(compute, shared)
            for child in children:  # they have begun side by side
                child.brief(content)
            for child in children:
                child.await_readiness()
        yield Team(compute, children)


class _Child:
    """A child process as the first one sees it."""

    def __init__(self, weights: SharedTensors, outbox: Outbox) -> None:
        self._outbox = outbox
        self._prepared: Task | None = None
        self._connection, theirs = CONTEXT.Pipe()
        self._process = CONTEXT.Process(
            target=serve, args=(theirs, weights, outbox), name="tagger-worker", daemon=True
        )
        with _STARTING, _signals_held_back(), _main_module_hidden():
            self._process.start()
        theirs.close()
        atexit.register(self.end)

    def brief(self, content: bytes) -> None:
        """Send what `dump` made."""
        with self._watched():
            self._connection.send_bytes(content)

    def await_readiness(self) -> None:
        """Wait until the child can take tasks."""
        with self._watched():
            self._connection.recv()

    def prepare(self, task: Task) -> None:
        """Tell the child what comes next; it looks at that when it has answered."""
        with self._watched():
            self._connection.send(task)
        self._prepared = task

    def begin(self, task: Task) -> None:
        """Let the child begin."""
        if task != self._prepared:
            self.prepare(task)
        with self._watched():
            self._connection.send(None)

    def receive(self) -> Gradient | Exception:
        """Wait for what became of the task."""
        with self._watched():
            answer: Parcel | Exception = self._connection.recv()
        return answer if isinstance(answer, Exception) else self._outbox.take(answer)

    def end(self) -> None:
        """End the process, whatever it does; it has nothing to put in order."""
        atexit.unregister(self.end)
        self._process.kill()
        self._process.join()
        self._connection.close()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Tell of the death of the process in the user's words."""
        try:
            yield
        except (EOFError, ConnectionError):
            self._process.join(_PATIENCE)
            raise WorkerLostError(
                f"a worker process was killed (exit code {self._process.exitcode}), perhaps for lack of memory; "
                "go on with --resume, or train with fewer --workers"
            ) from None


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Let a process begin deaf to Ctrl-C and SIGTERM, which often reach all processes of a program.

    They are blocked here meanwhile, and remain so in the child; none is lost here. Windows lacks this: there a child
    is deaf once it has begun.
    """
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # which `multiprocessing` starts first, unblocking signals
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _main_module_hidden() -> Iterator[None]:
    """Keep `multiprocessing` from importing the program's main module in a child, where it would run once more."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _exhausted(tasks: Sequence[Task]) -> MemoryExhaustedError:
    largest = max((task.groups for task in tasks), key=count_tokens)
    return MemoryExhaustedError(
        f"out of memory in a step of {len(largest)} windows, {count_tokens(largest):,} tokens; give a smaller "
        "--batch-sentences, a smaller --set encoder.max_tokens, or --workers 1"
    )


def _is_out_of_memory(error: Exception) -> bool:
    """Tell whether memory ran out; on a CPU PyTorch has no exception of its own for that."""
    return isinstance(error, MemoryError) or any(
        words in str(error) for words in ("can't allocate memory", "not enough memory", "out of memory")
    )
