"""The CRF on a GPU: one Triton kernel in the place of a loop of operators.

A recursion makes T small steps. With PyTorch's operators a GPU gets a launch or more for each of them, and waits for
the next: 32 sentences of 50 tokens take milliseconds, of which it works microseconds. Here a sentence is one program,
which takes all of its steps inside, on as few warps as hold the matrix of transitions.

    tables      scores that sentences share, padded to a power of two       (Triton)
    arithmetic  sums of exponentials                                        (Triton)
    forward     log Z and gold scores                                       (Triton)
    backward    expected counts                                             (Triton)
    maxima      Viterbi                                                     (Triton)
    launches    their memory, their programs and warps
    loss        -log p(gold | x) and -log p(sets | x) with their gradients
    posterior   p(y_t | x)
    faults      what is wrong with a sentence, told without waiting for the device

They take what is on a CUDA device where Triton works, with up to 128 tags (`obstacle` says what is missing). All else
takes the road of operators: other devices, the N best sequences, and probabilities of spans. Nothing depends on
Triton, and nothing imports it before tensors come that need it.
"""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor

LARGEST = 128
"""Tags whose transitions, in double precision, fit the registers of one multiprocessor."""

_TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def apply_to(emissions: Tensor) -> bool:
    """Return whether scores (T, B, K) go to the kernels."""
    if emissions.shape[-1] > LARGEST or emissions.dtype not in _TYPES:
        return False
    if emissions.device.type == "cuda":
        return obstacle(emissions.device) is None
    return emissions.device.type == "cpu" and is_interpreted()


def is_interpreted() -> bool:
    """Return whether Triton's interpreter is asked for, which runs kernels on a CPU to test them."""
    return os.environ.get("TRITON_INTERPRET") == "1"


@cache
def obstacle(device: torch.device) -> str | None:
    """Return why kernels can't run on a CUDA device; None if they can.

    Triton compiles when a kernel is first used: that takes a C compiler, a folder it may write to, and a device that
    it knows. So the smallest kernel is tried.
    """
    if torch.version.hip is not None:
        return "they were never tried on AMD's devices"
    if find_spec("triton") is None:
        return "Triton isn't installed"
    try:
        from tagger.model.crf.kernels.launches import KernelChain

        zeros = torch.zeros(2, 2, device=device)
        first = float(KernelChain.of(zeros[0], zeros, zeros[1], None, 1).tables[0])
    except Exception as error:  # Triton's, a compiler's or the driver's, of any kind: there is another road
        return f"Triton doesn't work: {str(error).strip().splitlines()[0] if str(error).strip() else error!r}"
    return None if first == 1.0 else f"Triton doesn't work: it gave {first} for exp(0)"
