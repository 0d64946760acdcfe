"""Several processes that serve side by side, and the one that looks after them.

They are forked from it once the models have been read, so they share the memory of the weights, and all accept from
one socket: connections that one of them didn't get to take are left to the others when it is killed. One that ends
unasked is replaced.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import tempfile
import time
from contextlib import suppress

from prometheus_client.multiprocess import mark_process_dead

from tagger.adapters.server.limits import Limits
from tagger.adapters.server.logs import log, log_failure, log_warning
from tagger.adapters.server.metrics import share_numbers
from tagger.adapters.server.serving import Serving
from tagger.adapters.server.shelf import Shelf
from tagger.adapters.server.studio import Lessons
from tagger.collector import resting_collector
from tagger.errors import ModelError

_ENDING = (signal.SIGINT, signal.SIGTERM)
_SIGNALS = (
    (*_ENDING, signal.SIGHUP, signal.SIGCHLD) if hasattr(os, "fork") else _ENDING
)  # Windows has no others
_YOUNG = 2.0  # seconds: a process that ends before that would end again at once
_PAUSE = 1.0
_PATIENCE = 10.0  # seconds that processes have to end, beside the time that a request may take


class Supervisor:
    """Starts processes, replaces those that end, and passes signals on.

    Args:
        shelf: the models.
        limits: what each process bears.
        listener: where requests come.
        processes: how many.
    """

    def __init__(self, shelf: Shelf, limits: Limits, listener: socket.socket, processes: int) -> None:
        self._shelf = shelf
        self._limits = limits
        self._listener = listener
        self._wanted = processes
        self._started: dict[int, float] = {}  # when each process was

    def run(self) -> int:
        """Return the number of the signal that ended it."""
        # Signals wait until they are asked for: none can strike between two steps.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        for _ in range(self._wanted):
            self._start()
        while True:
            number = signal.sigwait(_SIGNALS)
            if number == signal.SIGCHLD:
                self._replace_ended()
            elif number == signal.SIGHUP:
                self._reload()
            else:
                return self._end(number)

    def _try_start(self) -> bool:
        """Start a process, and say whether the system let us."""
        try:
            self._start()
        except OSError as error:  # too many processes, or too little memory, for now
            log_warning("no process can be started", error=error.strerror)
            return False
        return True

    def _start(self) -> None:
        supervisor = os.getpid()  # asked before: it may be gone when the new process gets to ask
        process = os.fork()
        if process:
            self._started[process] = time.monotonic()
            log("process started", process=process)
            return
        code = 1
        try:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_IGN if number == signal.SIGHUP else signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            ended_by = Serving(self._shelf, self._limits, supervisor).run(self._listener)
            code = 128 + ended_by if ended_by else 1
        except Exception as error:
            log_failure("a process can't go on", error)
        finally:
            logging.shutdown()  # what is still to be written
            os._exit(code)  # what stands behind in the program is the supervisor's

    def _replace_ended(self) -> None:
        for process, status in _reap():
            began = self._started.pop(process, None)
            if began is None:
                continue
            mark_process_dead(process)  # type: ignore[no-untyped-call]
            log_warning("a process ended; another one takes its place", process=process, status=status)
            if time.monotonic() - began < _YOUNG:
                time.sleep(_PAUSE)
            while not self._try_start() and signal.sigpending().isdisjoint(_ENDING):
                time.sleep(_PAUSE)

    def _reload(self) -> None:
        """Read the models anew for processes to come, and tell those that are there; they see for themselves."""
        try:
            with resting_collector():
                self._shelf.reload()
        except ModelError as error:
            log_warning("models stay as they are: one can't be read", error=str(error))
            return
        except Exception as error:  # those that serve must not be left alone
            log_failure("models stay as they are", error)
            return
        self._tell(signal.SIGHUP)

    def _end(self, number: int) -> int:
        log("ending", processes=len(self._started))
        self._tell(signal.SIGTERM)
        until = time.monotonic() + self._limits.timeout + _PATIENCE
        while self._started and time.monotonic() < until:
            for process, _ in _reap():
                self._started.pop(process, None)
            if not signal.sigpending().isdisjoint(_ENDING):
                signal.sigwait(_ENDING)
                until = 0.0  # asked twice
            time.sleep(0.02)
        self._tell(signal.SIGKILL)
        return number

    def _tell(self, number: int) -> None:
        for process in self._started:
            with suppress(ProcessLookupError):
                os.kill(process, number)


def serve(
    shelf: Shelf,
    limits: Limits,
    listener: socket.socket,
    processes: int = 1,
    lessons: Lessons | None = None,
) -> int:
    """Serve models until a signal ends it; return the signal's number.

    Args:
        shelf: the models.
        limits: what each process bears of clients.
        listener: where requests come.
        processes: how many serve, side by side.
        lessons: what the model of a single process learns from Label Studio; None: nothing.
    """
    if processes == 1:
        return Serving(shelf, limits, lessons=lessons).run(listener)
    with tempfile.TemporaryDirectory(prefix="tagger-metrics-") as directory:
        share_numbers(directory)
        return Supervisor(shelf, limits, listener, processes).run()


def _reap() -> list[tuple[int, int]]:
    """Return processes that have ended, each with what `waitpid` says of it."""
    ended = []
    with suppress(ChildProcessError):
        while True:
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                break
            ended.append((process, os.waitstatus_to_exitcode(status)))
    return ended
