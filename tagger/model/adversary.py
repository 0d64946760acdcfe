"""Adversarial training: the tags must also be found where the encoder's input has moved to where they cost most.

Goodfellow et al. 2015, "Explaining and harnessing adversarial examples"; for word embeddings Miyato et al. 2017,
"Adversarial training methods for semi-supervised text classification", equation 4: with the loss L of an input x and
its gradient g,

    loss = (L(x) + L(x + r)) / 2        r = size * g / |g|

Here x is one window, and |g| the root of the mean over its tokens of their squared norms: so `size` is how far a
token moves, whatever the length of the window, and tokens that the loss hangs on move further than others. r counts
as a constant in the gradient of the loss.
"""

from __future__ import annotations

import torch
from torch import Tensor


def worst_step(loss: Tensor, inputs: Tensor, lengths: Tensor, size: float) -> Tensor:
    """Return the step r that raises the loss most, to first order; the graph of the loss stays usable.

    Args:
        loss: () what was computed from the inputs.
        inputs: (T, R, D) windows, time first.
        lengths: (R,) their tokens.
        size: quadratic mean over a window's tokens of the norms of their steps.

    Returns:
        (T, R, D), without a gradient; 0 beyond a window's length, and in a window on which the loss doesn't depend.
    """
    (gradient,) = torch.autograd.grad(loss, inputs, retain_graph=True)
    norms: Tensor = torch.linalg.vector_norm(gradient, dim=(0, 2)) / lengths.sqrt()
    scales: Tensor = size / norms.clamp(min=torch.finfo(norms.dtype).tiny)
    return gradient * scales.unsqueeze(-1)
