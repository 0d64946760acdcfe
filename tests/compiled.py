"""Compiles every kernel for a GPU that needn't be there, and prints how much of a thread's memory spills.

    python tests/compiled.py CAPABILITY

A line a kernel and its options, the bytes last. The exit status is 77 where NVIDIA's assembler is missing, which
comes with Triton.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from tagger.model.crf.kernels import launches, maxima, tables
from tagger.model.crf.kernels.backward import backward, count_moves
from tagger.model.crf.kernels.forward import forward

TOOLS = Path(triton.__file__).parent / "backends/nvidia/bin"
TYPES = {
    "*fp64": "tables alpha log_z gamma scales edges moves best",
    "*i64": "lengths tags",
    "*i32": "roads faults",
    "*u8": "sets possible",
    "*fp32": "losses weights start transitions end",
    "fp32": "log_k",
}
BOTH = (False, True)


def variants() -> list[tuple[Any, dict[str, Any], int, list[str]]]:
    """Return each kernel with its options, its warps, and the types of scores it is compiled for."""
    found: list[tuple[Any, dict[str, Any], int, list[str]]] = []
    narrow, wide = ["fp32", "bf16"], ["fp32"]
    for KP, warps in launches._WARPS.items():
        for sets, gold in ((False, True), (True, False), (False, False)):
            found.append((forward, {"KP": KP, "SETS": sets, "GOLD": gold}, warps, narrow if gold else wide))
            for moves in BOTH if not gold else (True,):
                options = {"KP": KP, "SETS": sets, "GOLD": gold, "MOVES": moves}
                found.append((backward, options, warps, narrow if gold else wide))
        for gold in BOTH:
            found.append((count_moves, {"KP": KP, "TILE": min(launches._TILE, KP), "GOLD": gold}, 4, wide))
            options = {"KP": KP, "ROWS": 16, "CONSTRAINED": gold}
            found.append((tables.write_tables, options, 4, wide))
        for sets in BOTH:
            found.append((maxima.best_ways, {"KP": KP, "SETS": sets}, warps, wide))
        found.append((maxima.walk_back, {"KP": KP}, 1, wide))
    return found


def compiled(kernel: Any, options: dict[str, Any], warps: int, scores: str, capability: int) -> bytes:
    """Return the machine code of a kernel."""
    types = {name: type_ for type_, names in TYPES.items() for name in names.split()}
    types |= dict.fromkeys(("emissions", "gradient"), f"*{scores}") | dict.fromkeys(options, "constexpr")
    signature = {name: types.get(name, "i32") for name in kernel.arg_names}
    source = ASTSource(fn=kernel, signature=signature, constexprs=options)
    target = GPUTarget("cuda", capability, 32)
    code: bytes = triton.compile(source, target=target, options={"num_warps": warps}).asm["cubin"]
    return code


def spilled(code: bytes) -> int:
    """Return the bytes of a thread that don't fit its registers."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(code)
        file.flush()
        command = [TOOLS / "cuobjdump", "-res-usage", file.name]
        usage = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return int(re.search(r"STACK:(\d+)", usage)[1])


def main() -> None:
    if not (TOOLS / "ptxas").exists() or not (TOOLS / "cuobjdump").exists():
        print("Triton came without NVIDIA's assembler")
        sys.exit(77)
    for kernel, options, warps, types in variants():
        for scores, capability in product(types, map(int, sys.argv[1:])):
            code = compiled(kernel, options, warps, scores, capability)
            settings = " ".join(f"{name}={value}" for name, value in options.items())
            print(kernel.__name__, scores, settings, spilled(code), flush=True)


if __name__ == "__main__":
    main()
