"""A CPU that is treated as a device which runs ahead: what would be read there at once comes late, or not at all."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import pytest
from torch.utils._python_dispatch import TorchDispatchMode

from tagger.model import device

# Operators that read numbers back from a device, or whose result's size only the device knows.
WAITING = {
    "_local_scalar_dense", "item", "nonzero", "masked_select", "unique_consecutive", "_unique2", "unique_dim",
    "is_nonzero", "equal", "allclose", "_coalesce", "bincount", "repeat_interleave", "index_put_", "index_put",
}  # fmt: skip
# Operators that only look at memory otherwise, or make room: no launch.
LOOKING = {
    "view", "_unsafe_view", "unsqueeze", "squeeze", "expand", "t", "transpose", "slice", "select", "detach", "unbind",
    "split", "split_with_sizes", "as_strided", "alias", "permute", "unfold", "chunk", "lift_fresh", "_indices",
    "_values", "is_coalesced", "_sparse_coo_tensor_with_dims_and_tensors", "empty", "new_empty", "empty_like",
    "_coalesced_", "is_pinned", "_nnz",
}  # fmt: skip


def treat_as_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every module take the CPU for a device that runs ahead."""
    original = device.runs_ahead
    for name, module in list(sys.modules.items()):
        if name.startswith("tagger.") and vars(module).get("runs_ahead") is original:
            monkeypatch.setattr(module, "runs_ahead", lambda _: True)


class Counted(TorchDispatchMode):
    """Counts the operators that run within it, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))

    @property
    def waits(self) -> dict[str, int]:
        """Return the operators that would have waited for a device."""
        return {name: count for name, count in self.calls.items() if name in WAITING}

    @property
    def launches(self) -> int:
        """Return how many operators would have given a device something to do."""
        return sum(count for name, count in self.calls.items() if name not in LOOKING)
