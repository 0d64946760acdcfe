"""A child process of a training: it holds a replica of the network and computes the gradients it is asked for.

The replica's parameters are those of the first process, in shared memory; only that one writes them, and only while
no child computes. A child knows neither the optimiser nor the loop, and has no state of its own: it may be killed at
any time.
"""

from __future__ import annotations

import gc
import io
import os
import pickle
import signal
import traceback
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

import torch
from torch import Tensor, nn

from tagger.training.workers.gradient import GradientComputer, GradientTask
from tagger.training.workers.outbox import Outbox, Parcel
from tagger.training.workers.shared import SharedTensors


def serve(connection: Connection, weights: SharedTensors, outbox: Outbox) -> None:
    """Be a child process until the first one hangs up or is gone.

    What comes through the connection: first a `GradientComputer`, as `dump` made it; then chunks, as it made them,
    tasks to prepare, and None where the last of them is to be done. What goes back: None once a chunk is taken up;
    for each None a parcel, or the exception that the task raised.

    Args:
        connection: to the first process.
        weights: the network's parameters and whatever else `dump` was told to leave out.
        outbox: for the gradients.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # the first process's business, which ends this one
        signal.signal(number, signal.SIG_IGN)
    torch.set_num_threads(1)
    try:
        compute: GradientComputer = load(connection.recv_bytes(), weights.views())
        task: GradientTask | None = None
        while True:
            message: GradientTask | bytes | None = connection.recv()
            if isinstance(message, bytes):
                compute.begin(load(message, weights.views()))
                gc.freeze()
                connection.send(None)
            elif message is not None:
                task = message
                compute.prepare(task)
            elif task is not None:
                connection.send(_answer(compute, task, outbox))
    except (EOFError, ConnectionError):
        os._exit(0)


def dump(content: object, shared: Sequence[Tensor]) -> bytes:
    """Serialise an object, but of some tensors only which they are."""
    numbers = {id(tensor): number for number, tensor in enumerate(shared)}
    stream = io.BytesIO()

    class Pickler(pickle.Pickler):
        def persistent_id(self, value: Any) -> tuple[int, bool, bool] | None:
            if not isinstance(value, Tensor) or id(value) not in numbers:
                return None
            return numbers[id(value)], isinstance(value, nn.Parameter), value.requires_grad

    Pickler(stream, pickle.HIGHEST_PROTOCOL).dump(content)
    return stream.getvalue()


def load(content: bytes, shared: Sequence[Tensor]) -> Any:
    """Return the object that `dump` serialised around tensors that lie in other places here."""
    found: dict[int, Tensor] = {}  # modules refer to a parameter more than once

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, name: tuple[int, bool, bool]) -> Tensor:
            number, is_parameter, requires_grad = name
            if number not in found:
                tensor = shared[number]
                found[number] = nn.Parameter(tensor, requires_grad) if is_parameter else tensor
            return found[number]

    return Unpickler(io.BytesIO(content)).load()


def _answer(compute: GradientComputer, task: GradientTask, outbox: Outbox) -> Parcel | Exception:
    try:
        return outbox.put(compute(task))
    except Exception as error:
        error.add_note("in a worker process:\n" + traceback.format_exc())
        return make_portable(error)


def make_portable(error: Exception) -> Exception:
    """Return an exception that survives the journey: itself, as a rule."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
