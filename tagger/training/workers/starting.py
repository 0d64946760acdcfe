"""How a child process begins: deaf to the signals of the first one, and without the program's main module."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from types import ModuleType

_STARTING = threading.Lock()  # what is hidden from one child must be back before the next thread hides it


def start(process: BaseProcess) -> None:
    """Start a process of `shared.CONTEXT`, which is a new interpreter."""
    with _STARTING, _signals_held_back(), _main_module_hidden():
        process.start()


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
