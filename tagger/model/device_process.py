"""A process that holds a device, and the network by which other processes ask it.

Of the work of labelling a device takes over the network alone. Reading, cutting text into tokens, looking up rows,
decoding and writing are Python, which one process does at a fraction of the device's pace. So several do it, and a
GPU can't be opened by all of them (nor by a process that was forked from one that had): one holds it and answers
their questions. Each has a connection of its own. What goes over it is rows of tables one way, scores the other:
some 70 bytes a token each way, a hundredth of what a connection carries.

A process asks one question at a time, so that what waits is bounded, and whoever is killed is missed at once: its end
of the connection closes with it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import AuthenticationError, resource_tracker
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagger.errors import DataError, TaggerError
from tagger.model.device import find_device
from tagger.model.on_device import CHUNK_TOKENS, DeviceNetwork, encode_words
from tagger.runtime.directory import load_model
from tagger.runtime.lexicon import Lexicon
from tagger.runtime.network import ColumnRows, Words
from tagger.runtime.reports import find_dev_f1
from tagger.runtime.tagger import Tagger
from tagger.runtime.trained import TrainedModel
from tagger.runtime.workers import LostWorkerError

_PATIENCE = 5.0  # seconds that the process is given to end by itself
_HELD_BACK = (signal.SIGINT, signal.SIGTERM)
_LOST = "the process that holds the device was killed, perhaps for lack of memory"


class _Place(NamedTuple):
    """Where a process that holds a device is asked, and the word that lets a process in."""

    address: str
    key: bytes


class SharedNetwork:
    """A network on a device that another process holds; see `runtime.network.EmissionScorer`.

    It may be handed on to other processes. Safe to use from several threads.
    """

    chunk_tokens = CHUNK_TOKENS
    is_shared = True

    def __init__(self, lexicon: Lexicon, place: _Place) -> None:
        self._lexicon = lexicon
        self._place = place
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._owner = 0  # the process whose connection it is: one that was forked from it needs its own

    def __reduce__(self) -> tuple[type[SharedNetwork], tuple[Lexicon, _Place]]:
        return SharedNetwork, (self._lexicon, self._place)

    def emissions(
        self,
        sentences: Sequence[Words],
        documents: Sequence[int],
        columns: Sequence[ColumnRows] | None = None,
    ) -> NDArray[np.float32]:
        """Return (N, K) scores of the tokens of all sentences, one after the other.

        Raises:
            LostWorkerError: the process that holds the device is gone.
            MemoryExhaustedError: the device has too little memory.
            DataError: it fails.
        """
        corpus = encode_words(self._lexicon, sentences, documents, columns)
        try:
            with self._lock:
                connection = self._connect()
                connection.send(corpus)
                found = connection.recv()
        except (EOFError, OSError):
            raise LostWorkerError(_LOST) from None
        if isinstance(found, TaggerError):
            raise found
        scores: NDArray[np.float32] = found
        return scores

    def _connect(self) -> Connection:
        if self._connection is None or self._owner != os.getpid():
            self._connection = Client(self._place.address, authkey=self._place.key)
            self._owner = os.getpid()
        return self._connection


@contextmanager
def shared_on_device(directory: str | os.PathLike[str], name: str) -> Iterator[Tagger]:
    """Read a model directory and yield its tagger, whose network runs in a process of its own on a device.

    Several processes may share it (`runtime.workers`). The process ends with the context. Where `auto` finds no GPU,
    the tagger is the usual one.

    Args:
        directory: as `tagger train --output DIR` writes it.
        name: auto, cpu, cuda or mps; see `model.device`.

    Raises:
        ModelError: the directory or a file in it is missing, damaged or of another format version.
        ConfigError: there is no such device.
        LostWorkerError: the process that was to hold it was killed.
    """
    place = Path(directory)
    model = load_model(place)
    with held_by_process(model, name) as network:
        yield Tagger(model, network, dev_f1=find_dev_f1(place), directory=place)


@contextmanager
def held_by_process(model: TrainedModel, name: str) -> Iterator[SharedNetwork | None]:
    """Yield the network of a model on a device that a new process holds; None where `auto` finds no GPU.

    Args:
        model: whose weights are taken there.
        name: auto, cpu, cuda or mps; on a CPU it is PyTorch's network all the same.

    Raises:
        ConfigError: there is no such device.
        DataError: the device refuses the network.
        LostWorkerError: the process was killed before it was ready.
    """
    context = multiprocessing.get_context("spawn")  # a fork could use no GPU that this process had looked at
    control, far = context.Pipe()
    key = os.urandom(32)
    process = context.Process(target=_hold, args=(far, name, key), name="tagger-device", daemon=True)
    try:
        with control:
            try:
                _start_unheard(process)
                far.close()
                control.send(model)  # as an argument it would be waited for even if the process were killed
                said = control.recv()
            except (EOFError, OSError):
                raise LostWorkerError(_LOST) from None
            if isinstance(said, TaggerError):
                raise said
            yield None if said is None else SharedNetwork(model.lexicon, _Place(said, key))
    finally:
        if process.pid is not None:
            process.join(_PATIENCE)
            process.kill()
            process.join()


def _start_unheard(process: multiprocessing.process.BaseProcess) -> None:
    """Start a process that Ctrl-C doesn't reach: the one that starts it decides what ends."""
    if not hasattr(signal, "pthread_sigmask"):
        process.start()
        return
    resource_tracker.ensure_running()  # it would let the signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)  # which a new process takes over
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _hold(control: Connection, name: str, key: bytes) -> None:
    """Put the network of a model on a device and answer whoever knows the key.

    Args:
        control: the model comes in, what became of it goes out; the process ends when its other end closes.
        name: of the device.
        key: of the connections.
    """
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # a signal to all of the command is the first process's business
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    warnings.simplefilter("ignore")  # nobody reads this process's stderr as its own
    said: object = None
    model: TrainedModel = control.recv()
    try:
        device = find_device(name, "device")
        if name == "auto" and device.type == "cpu":
            control.send(None)
            return
        network = DeviceNetwork(model, device)
    except TaggerError as error:
        said = error
    except RuntimeError as error:  # of CUDA's, as a rule
        said = _explain(error)
    if said is not None:
        control.send(said)
        return
    with Listener(authkey=key) as listener:
        threading.Thread(target=_let_in, args=(listener, network), daemon=True).start()
        control.send(listener.address)
        with suppress(EOFError, OSError):
            control.recv()


def _let_in(listener: Listener, network: DeviceNetwork) -> None:
    """Answer each process by a thread of its own; while the device works for one, the next is read."""
    while True:
        try:
            connection = listener.accept()
        except (AuthenticationError, EOFError, ConnectionError):
            continue  # no process of ours
        except OSError:
            return  # it is closed
        threading.Thread(target=_answer, args=(connection, network), daemon=True).start()


def _answer(connection: Connection, network: DeviceNetwork) -> None:
    with connection, suppress(EOFError, OSError):  # which say that the process has ended
        while True:
            corpus = connection.recv()
            found: object
            try:
                found = network.score(corpus)
            except TaggerError as error:
                found = error
            except Exception as error:
                found = _explain(error)
            connection.send(found)


def _explain(error: Exception) -> DataError:
    """Return what a device says in its own words, in one line."""
    said = str(error).strip().partition("\n")[0]
    return DataError(f"the device fails: {said or type(error).__name__}; the CPU may do")
