"""What steps say of themselves, loss and norm: at once on a CPU, some steps later from a device that runs ahead.

Whoever asks such a device at once waits until the step is done, and the device then waits for the next one to be
given. Two steps later the answer has come back by itself.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

import torch
from torch import Tensor

STEPS_LATE = 2


class Echo(NamedTuple):
    """What a step said.

    Attributes:
        loss: nats, summed over what the step learnt from; see `workers.gradient.Gradient`.
        norm: of the gradient before clipping.
        predictions: what the loss is a sum over.
    """

    loss: float
    norm: float
    predictions: int


class Echoes:
    """The echoes of steps, in their order.

    Attributes:
        norm: the largest norm of those that arrived last; NaN where one isn't finite.
    """

    def __init__(self) -> None:
        self.norm = 0.0
        self._coming: deque[_Coming] = deque()
        self._are_late = False

    def expect(self, loss: float | Tensor, norm: float | Tensor, predictions: int) -> None:
        """Take up what a step says, as numbers or as tensors () that will hold them."""
        self._are_late = isinstance(norm, Tensor)
        self._coming.append(_Coming(loss, norm, predictions))

    def arrived(self, *, all_of_them: bool = False) -> list[Echo]:
        """Return those that have come back since this was asked last.

        Args:
            all_of_them: wait for those that are still on their way.
        """
        late = 0 if all_of_them or not self._are_late else STEPS_LATE
        found = [self._coming.popleft().wait() for _ in range(len(self._coming) - late)]
        if found:
            norms = [echo.norm for echo in found]
            self.norm = max(norms) if all(map(math.isfinite, norms)) else math.nan
        return found


class _Coming:
    """An echo on its way."""

    def __init__(self, loss: float | Tensor, norm: float | Tensor, predictions: int) -> None:
        self._predictions = predictions
        self._event: torch.cuda.Event | None = None
        self._numbers: Tensor | tuple[float, float]
        if isinstance(loss, Tensor) and isinstance(norm, Tensor):
            self._numbers = torch.stack((loss.float(), norm.float())).to("cpu", non_blocking=True)
            if norm.is_cuda:
                self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]
                self._event.record(torch.cuda.current_stream(norm.device))
        else:
            self._numbers = float(loss), float(norm)

    def wait(self) -> Echo:
        if self._event is not None:
            self._event.synchronize()
        numbers = self._numbers
        loss, norm = numbers.tolist() if isinstance(numbers, Tensor) else numbers
        return Echo(loss, norm, self._predictions)
