"""Tasks that need nothing of each other, side by side, each whole in a child process.

Where the processes of a team (`workers.team`) share the steps of one training, those of a crew do a training each, as
cross-validation has them. What comes out depends on the task alone, not on how many work.
"""

from __future__ import annotations

import atexit
import os
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple, Protocol

import torch

from tagger.errors import TaggerError
from tagger.training.workers.child import make_portable
from tagger.training.workers.shared import CONTEXT
from tagger.training.workers.starting import start

_PATIENCE = 5.0  # seconds for a process that hung up to be gone

Tell = Callable[[float], None]
"""Is called with the share of a task that is done."""


class Work(Protocol):
    """What is done with each task; it is sent to every process."""

    def __call__(self, task: int, tell: Tell) -> Any:
        """Do a task."""


class CrewLostError(TaggerError):
    """A child process is gone."""


class Advance(NamedTuple):
    """How far a task is: the share of it that is done."""

    task: int
    share: float


class Outcome(NamedTuple):
    """What came of a task."""

    task: int
    value: Any


def work_off(work: Work, tasks: Sequence[int], workers: int) -> Iterator[Advance | Outcome]:
    """Do tasks, as many at once as there are workers; yield how far they are, and what came of each as it comes.

    Args:
        work: can be pickled, and so can what it returns.
        tasks: their numbers.
        workers: processes; each has one core.

    Raises:
        CrewLostError: one of them was killed.
        Exception: what a task raised.
    """
    waiting = deque(tasks)
    with ExitStack() as stack:
        members = []
        for _ in range(min(workers, len(tasks))):
            members.append(_Member(work))
            stack.callback(members[-1].end)
        busy = {member.connection: member for member in members}
        for member in members:
            member.begin(waiting.popleft())
        while busy:
            for connection in wait(list(busy)):
                assert isinstance(connection, Connection)
                member = busy[connection]
                fact = member.receive()
                if isinstance(fact, Outcome):
                    if waiting:
                        member.begin(waiting.popleft())
                    else:
                        del busy[connection]
                yield fact


class _Member:
    """A child process as the first one sees it."""

    def __init__(self, work: Work) -> None:
        self.connection, theirs = CONTEXT.Pipe()
        self._process = CONTEXT.Process(target=_serve, args=(theirs,), name="tagger-fold", daemon=True)
        start(self._process)
        theirs.close()
        atexit.register(self.end)
        self._send(work)

    def begin(self, task: int) -> None:
        """Let it begin a task."""
        self._send(task)

    def _send(self, message: object) -> None:
        try:
            self.connection.send(message)
        except (EOFError, ConnectionError):
            raise self._lost() from None

    def receive(self) -> Advance | Outcome:
        """Return what it says next, or raise what its task raised."""
        try:
            fact: Advance | Outcome | Exception = self.connection.recv()
        except (EOFError, ConnectionError):
            raise self._lost() from None
        if isinstance(fact, Exception):
            raise fact
        return fact

    def _lost(self) -> CrewLostError:
        self._process.join(_PATIENCE)
        return CrewLostError(
            f"a worker process was killed (exit code {self._process.exitcode}), perhaps for lack of memory; give "
            "fewer --workers"
        )

    def end(self) -> None:
        """End the process, whatever it does; it has nothing to put in order."""
        atexit.unregister(self.end)
        self._process.kill()
        self._process.join()
        self.connection.close()


def _serve(connection: Connection) -> None:
    """Be a child process until the first one hangs up or is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the first process's business, which ends this one
        signal.signal(number, signal.SIG_IGN)
    torch.set_num_threads(1)
    try:
        work: Work = connection.recv()
        while True:
            connection.send(_do(work, connection.recv(), connection))
    except (EOFError, ConnectionError):
        os._exit(0)


def _do(work: Work, task: int, connection: Connection) -> Outcome | Exception:
    try:
        return Outcome(task, work(task, lambda share: connection.send(Advance(task, share))))
    except ConnectionError:
        raise
    except Exception as error:
        error.add_note("in a worker process:\n" + traceback.format_exc())
        return make_portable(error)
