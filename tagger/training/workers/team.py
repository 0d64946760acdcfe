"""The gradients of several tasks at the same weights, side by side: one here, the others in child processes.

Processes rather than threads, because a fifth of a step is Python, which threads of one process don't run side by
side. They are new interpreters rather than forks: PyTorch's gradients don't survive a fork once they have been used,
and a fork copies the locks that other threads hold. As they don't import the program's main module either, a script
needs no `if __name__ == "__main__"`.

What the children compute, and with what, is the concern of `workers.child`. Nothing here knows the loop.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from torch import Tensor

from tagger.errors import TaggerError
from tagger.model.memory import MemoryExhaustedError, is_out_of_memory
from tagger.model.threads import one_thread
from tagger.training.workers.child import dump, serve
from tagger.training.workers.gradient import Gradient, GradientComputer, GradientTask, Learner
from tagger.training.workers.outbox import Outbox, Parcel
from tagger.training.workers.peers import ALONE, Peers
from tagger.training.workers.shared import CONTEXT, SharedTensors, lent
from tagger.training.workers.starting import start

_PATIENCE = 5.0  # seconds for a process that hung up to be gone


class WorkerLostError(TaggerError):
    """A child process is gone."""


class Team:
    """Computes gradients, each task in a process of its own.

    Attributes:
        are_halved: whether memory ran out, so that every task is computed in halves, one after the other.
    """

    def __init__(
        self, compute: GradientComputer, children: Sequence[_Child], shared: Sequence[Tensor], advice: str
    ) -> None:
        self._compute = compute
        self._children = children
        self._shared = shared
        self._advice = advice
        self._chunk: object = None
        self.are_halved = False

    def brief(self, chunk: object) -> None:
        """Let every process take up a chunk, of which all further tasks are; nothing happens where it has it."""
        if chunk is self._chunk:
            return
        self._chunk = chunk
        self._compute.begin(chunk)
        content = dump(chunk, self._shared) if self._children else b""
        for child in self._children:
            child.brief(content)
        for child in self._children:
            child.await_readiness()

    def __call__(
        self, tasks: Sequence[GradientTask], upcoming: Sequence[GradientTask] = ()
    ) -> list[Gradient]:
        """Return the gradients of some tasks; they are good until the next call.

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
            raise self._exhausted(tasks)
        return gradients

    def _try(self, tasks: Sequence[GradientTask], upcoming: Sequence[GradientTask]) -> list[Gradient] | None:
        """Return the gradients, or None where memory ran out; then nothing that was computed stays."""
        found = self._attempt(self._order(tasks), self._order(upcoming))
        for each in found.values():
            if isinstance(each, Exception) and not is_out_of_memory(each):
                raise each
        gradients = {place: each for place, each in found.items() if isinstance(each, Gradient)}
        return [gradients[_key(task)] for task in tasks] if len(gradients) == len(tasks) else None

    def _order(self, tasks: Sequence[GradientTask]) -> list[GradientTask]:
        """Return the tasks by size: this process, which has more to do than compute, takes the first."""
        return sorted(
            (task._replace(is_halved=self.are_halved) for task in tasks),
            key=lambda task: task.tokens,
        )

    def _attempt(
        self, tasks: Sequence[GradientTask], upcoming: Sequence[GradientTask]
    ) -> dict[tuple[int, ...], Gradient | Exception]:
        """Return what became of each task, once nothing runs any more."""
        chosen = self._children[: len(tasks) - 1]
        for child, task in zip(chosen, tasks[1:], strict=True):
            child.begin(task)
        for child, task in zip(self._children, upcoming[1:], strict=False):
            child.prepare(task)
        found: dict[tuple[int, ...], Gradient | Exception] = {}
        try:
            found[_key(tasks[0])] = self._compute(tasks[0], next(iter(upcoming), None))
        except Exception as error:  # its frames hold memory, which a second attempt needs
            found[_key(tasks[0])] = error.with_traceback(None) if is_out_of_memory(error) else error
        if upcoming and self._children:
            self._compute.prepare(upcoming[0])
        for child, task in zip(chosen, tasks[1:], strict=True):
            found[_key(task)] = child.receive()
        return found

    def _exhausted(self, tasks: Sequence[GradientTask]) -> MemoryExhaustedError:
        largest = max(task.tokens for task in tasks)
        return MemoryExhaustedError(
            f"out of memory in a step of {largest:,} tokens; give {self._advice}, or --workers 1"
        )


class TeamOfPeers:
    """The same where a launcher started the processes: each computes its part of every batch, and gets the sum.

    Args:
        own: this process.
        compute: what it computes with.
        peers: all of them.
    """

    def __init__(self, own: Team, compute: GradientComputer, peers: Peers) -> None:
        self._own = own
        self._compute = compute
        self._peers = peers

    @property
    def are_halved(self) -> bool:
        """Whether memory ran out here, so that this process computes its tasks in halves."""
        return self._own.are_halved

    def brief(self, chunk: object) -> None:
        """Take up a chunk, of which all further tasks are."""
        self._own.brief(chunk)

    def __call__(
        self, tasks: Sequence[GradientTask], upcoming: Sequence[GradientTask] = ()
    ) -> list[Gradient]:
        """Return the gradient of a batch, of whose parts one is for each process; none where it is too small.

        Raises:
            MemoryExhaustedError: memory runs out even for halves.
            PeerLostError: a process is gone.
        """
        mine, next_of_mine = (
            [task for task in each if task.part == self._peers.rank] for each in (tasks, upcoming)
        )
        gradient = self._own(mine, next_of_mine)[0] if mine else self._compute.nothing()
        return [self._peers.add_up(gradient)]


@contextmanager
def assemble(
    learner: Learner,
    workers: int,
    *,
    shared: Sequence[Tensor] = (),
    advice: str = "smaller batches",
    peers: Peers = ALONE,
) -> Iterator[Team | TeamOfPeers]:
    """Begin with as many processes as there are workers, this one among them, and end with this one alone.

    Meanwhile the network's parameters and other tensors lie in memory that all processes share; of the rest of a
    chunk each has a copy.

    Args:
        learner: the network and how it learns.
        workers: processes; one beside a GPU.
        shared: tensors of the chunks that all processes share.
        advice: what to give where memory runs out.
        peers: the processes that a launcher started; each of them is one worker.
    """
    parameters = list(learner.network.parameters())
    assert workers == 1 or parameters[0].device.type == "cpu"
    compute = GradientComputer(learner)
    with one_thread(), ExitStack() as stack:
        children: list[_Child] = []
        everything = [*parameters, *shared]
        if workers > 1:
            weights = stack.enter_context(lent(everything))
            for _ in range(workers - 1):
                children.append(_Child(weights, Outbox(learner.network)))
                stack.callback(children[-1].end)
            content = dump(compute, everything)
            for child in children:  # they have begun side by side
                child.introduce(content)
        team = Team(compute, children, everything, advice)
        yield team if peers.is_alone else TeamOfPeers(team, compute, peers)


class _Child:
    """A child process as the first one sees it."""

    def __init__(self, weights: SharedTensors, outbox: Outbox) -> None:
        self._outbox = outbox
        self._prepared: GradientTask | None = None
        self._connection, theirs = CONTEXT.Pipe()
        self._process = CONTEXT.Process(
            target=serve, args=(theirs, weights, outbox), name="tagger-worker", daemon=True
        )
        start(self._process)
        theirs.close()
        atexit.register(self.end)

    def introduce(self, content: bytes) -> None:
        """Send a `GradientComputer`, as `child.dump` made it."""
        with self._watched():
            self._connection.send_bytes(content)

    def brief(self, content: bytes) -> None:
        """Send a chunk, as `child.dump` made it."""
        self._prepared = None
        with self._watched():
            self._connection.send(content)

    def await_readiness(self) -> None:
        """Wait until the child can take tasks."""
        with self._watched():
            self._connection.recv()

    def prepare(self, task: GradientTask) -> None:
        """Tell the child what comes next; it looks at that when it has answered."""
        with self._watched():
            self._connection.send(task)
        self._prepared = task

    def begin(self, task: GradientTask) -> None:
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


def _key(task: GradientTask) -> tuple[int, ...]:
    """Return what tells a task of a round from the others."""
    return (*task.place, task.part)
