"""What kernels found wrong with sentences, told without waiting for the device.

A step of training hands work to the device and goes on. To raise an error at once it would have to wait for its own
kernels, so a copy of what they found is on its way while it goes on, and is looked at when the next batch comes: by
then it has long arrived. In between nothing is spoilt, since a faulty sentence has no gradient.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tagger.model.crf.mistakes import forbidden_gold, no_sequence


class Faults:
    """The findings of the last batch, until somebody looks at them."""

    def __init__(self) -> None:
        self._last: tuple[Tensor, Tensor, torch.cuda.Event | None] | None = None

    def note(self, faults: Tensor, lengths: Tensor) -> None:
        """Keep the findings (B,) on sentences of these lengths (B,); look at those of the batch before.

        Raises:
            DataError: the batch before, or this one if it isn't on a GPU, has a faulty sentence.
        """
        self.look()
        event = None
        if faults.device.type == "cuda":
            faults = faults.to("cpu", non_blocking=True)
            event = torch.cuda.current_stream(lengths.device).record_event()
        self._last = faults, lengths, event
        if event is None:
            self.look()

    def look(self) -> None:
        """Raise DataError if the last batch noted has a faulty sentence."""
        last, self._last = self._last, None
        if last is None:
            return
        faults, lengths, event = last
        if event is not None:
            event.synchronize()
        raise_first(faults, lengths, "the last batch" if event is not None else "the batch")

    def __reduce__(self) -> tuple[Any, ...]:
        return Faults, ()  # a copy of a module has had no batch yet


def raise_first(faults: Tensor, lengths: Tensor, batch: str = "the batch") -> None:
    """Raise DataError for the first sentence that has a fault (B,), if any has."""
    if not bool(faults.any()):
        return
    b = int(faults.ne(0).int().argmax())
    is_gold = int(faults[b]) == FORBIDDEN_GOLD
    raise forbidden_gold(b, batch) if is_gold else no_sequence(b, int(lengths[b]), batch)


FORBIDDEN_GOLD = 1
IMPOSSIBLE_SETS = 2
