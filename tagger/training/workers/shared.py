"""Tensors in memory that several processes see. Nothing here knows what they mean or who writes them when.

The memory is a file without a name, which is gone with the last process that has it, however that ends. It lies in
/dev/shm where there is room (a container's may be small), else among the temporary files.
"""

from __future__ import annotations

import ctypes
import math
import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

CONTEXT = multiprocessing.get_context("spawn")
_ALIGNMENT = 64  # bytes, as in PyTorch's own memory: operators may choose by it how they compute
_EMPTY = torch.empty(0)  # which has no place in a buffer


class SharedTensors:
    """Room for tensors like those given; another process gets it as an argument of `CONTEXT.Process`."""

    def __init__(self, like: Sequence[Tensor]) -> None:
        self._forms = [(tensor.dtype, tuple(tensor.shape)) for tensor in like]
        room = sum(tensor.numel() * tensor.element_size() + _ALIGNMENT for tensor in like) + _ALIGNMENT
        self._bytes = CONTEXT.RawArray(ctypes.c_byte, room)

    def views(self) -> list[Tensor]:
        """Return the tensors; they begin as zeros."""
        found = []
        start = -ctypes.addressof(self._bytes) % _ALIGNMENT
        for dtype, shape in self._forms:
            count = math.prod(shape)
            flat = torch.frombuffer(self._bytes, dtype=dtype, offset=start, count=count) if count else _EMPTY
            found.append(flat.to(dtype).view(shape))
            size = count * dtype.itemsize
            start += size + -size % _ALIGNMENT
        return found


@contextmanager
def lent(tensors: Sequence[Tensor]) -> Iterator[SharedTensors]:
    """Let tensors live in shared memory for a while: the same objects with the same values, in another place.

    Views of them that were taken before, or are kept beyond, go their own way.
    """
    memory = SharedTensors(tensors)
    for tensor, view in zip(tensors, memory.views(), strict=True):
        view.copy_(tensor.detach())
        tensor.data = view
    try:
        yield memory
    finally:
        for tensor in tensors:
            tensor.data = tensor.data.clone()
