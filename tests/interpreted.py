"""Triton's kernels on a CPU: its interpreter runs them line by line with numpy, slowly.

What a kernel is, compiled or interpreted, is settled where it is defined, Triton's own functions included. So Triton
is imported as an interpreter with this module: while tests are collected, before one of them imports it otherwise (as
PyTorch's optimisers do).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import pytest


@contextmanager
def interpreting() -> Iterator[None]:
    """Let the CRF take its kernels; skip the test where Triton is missing, or in use as a compiler."""
    triton = pytest.importorskip("triton")
    if isinstance(triton.language.sum, triton.JITFunction):
        pytest.skip("Triton was imported as a compiler")
    with _asked_for(), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # log 0 is -inf, as on a device
        yield


@contextmanager
def _asked_for() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", "1")
        yield


def _import_interpreter() -> None:
    from triton.runtime import interpreter

    import tagger.model.crf.kernels.launches  # noqa: F401

    patch_tensors = interpreter._patch_lang_tensor

    def patch(tensor: Any, *scope: Any) -> None:
        """Numbers are arrays of one element there, which numpy from 2.4 on takes for no index."""
        patch_tensors(tensor, *scope)
        tensor.__index__ = lambda self: int(self.handle.data.item())

    interpreter._patch_lang_tensor = patch


if find_spec("triton") is not None:
    with _asked_for():
        _import_interpreter()
