"""Triton's kernels on a CPU: its interpreter runs them line by line with numpy, slowly."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_ASKED = "TRITON_INTERPRET"


@contextmanager
def interpreting() -> Iterator[None]:
    """Let the CRF take its kernels; skip the test where Triton is missing, or in use as a compiler."""
    before, os.environ[_ASKED] = os.environ.get(_ASKED), "1"
    try:
        _import_interpreter()
        with warnings.catch_warnings():  # log 0 is -inf, as on a device
            warnings.simplefilter("ignore", RuntimeWarning)
            yield
    finally:
        if before is None:
            del os.environ[_ASKED]
        else:
            os.environ[_ASKED] = before


def _import_interpreter() -> None:
    """Import Triton as an interpreter: what a kernel is, is settled where it is defined."""
    is_new = "triton" not in sys.modules
    triton = pytest.importorskip("triton")
    from triton.runtime import interpreter

    if is_new:
        patch_tensors = interpreter._patch_lang_tensor

        def patch(tensor: Any, *scope: Any) -> None:
            """Numbers are arrays of one element there, which numpy from 2.4 on takes for no index."""
            patch_tensors(tensor, *scope)
            tensor.__index__ = lambda self: int(self.handle.data.item())

        interpreter._patch_lang_tensor = patch
    if isinstance(triton.language.sum, triton.JITFunction):
        pytest.skip("Triton was imported as a compiler")
