"""Triton's kernels on a CPU: its interpreter runs them line by line with numpy, slowly.

Whether a kernel is interpreted is settled where it is defined, so this asks for it while Triton is imported, and gives
the environment back: the CRF takes its usual road until a test asks for the kernels (`kernels.asked_for`).
"""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest


def import_interpreter() -> Any:
    """Import Triton as an interpreter; skip what needs it where Triton is missing or is in use as a compiler."""
    if "triton" in sys.modules and not hasattr(sys.modules["triton"], "is_interpreted"):
        pytest.skip("Triton was imported without its interpreter")
    os.environ["TRITON_INTERPRET"] = "1"
    try:
        triton = pytest.importorskip("triton")
        from triton.runtime import interpreter
    finally:
        del os.environ["TRITON_INTERPRET"]
    if not hasattr(triton, "is_interpreted"):
        triton.is_interpreted = True
        patch_tensors = interpreter._patch_lang_tensor

        def patch(tensor: Any, *scope: Any) -> None:
            """A number is an array of one element there, which numpy 2.4 no longer takes for an index."""
            patch_tensors(tensor, *scope)
            tensor.__index__ = lambda self: int(self.handle.data.item())

        interpreter._patch_lang_tensor = patch
    return triton
