"""Triton: sums of exponentials, and powers of two. Imported on a GPU alone."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def exponent_of(number: tl.tensor) -> tl.tensor:
    """Return floor(log2(number)) of a positive normal double."""
    return ((number.to(tl.int64, bitcast=True) >> 52) & 2047) - 1023


@triton.jit
def power_of_2(exponent: tl.tensor) -> tl.tensor:
    """Return 2 ** exponent."""
    return ((exponent + 1023) << 52).to(tl.float64, bitcast=True)


@triton.jit
def log_product(messages: tl.tensor, moves: tl.tensor) -> tl.tensor:
    """Return logsumexp_i(messages[i] + moves[i, j]), (KP,)."""
    terms = messages[:, None] + moves
    peak = tl.max(terms, 0)
    peak = tl.where(peak == -float("inf"), 0.0, peak)
    return peak + tl.log(tl.sum(tl.exp(terms - peak[None, :]), 0))


@triton.jit
def log_sum(logarithms: tl.tensor) -> tl.tensor:
    peak = tl.max(logarithms, 0)
    peak = tl.where(peak == -float("inf"), 0.0, peak)
    return peak + tl.log(tl.sum(tl.exp(logarithms - peak), 0))
