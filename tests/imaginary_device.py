"""Training steps on a device that doesn't exist, with tensors that hold no numbers; a process of its own for a test.

PyTorch's fake tensors know shapes, types and devices. An operator whose result depends on numbers fails on them, and
so does one whose arguments lie on different devices.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils import backend_registration

from tagger import config
from tagger.config import Config
from tagger.training import state
from tagger.training.data import read_corpora
from tagger.training.recipes import labelled
from tagger.training.workers.gradient import GradientComputer, GradientTask

DATA = Path(__file__).parents[1] / "data" / "english"
DEVICE = "imaginary"
SETTINGS = {
    "decoder.kind": "softmax",
    "embedding.bigram_dim": 3,
    "training.weight_decay": 0.1,
    "training.costs": ["PER=1"],
}


class _Generator(torch.Generator):
    """A CPU's, whatever device is asked for."""

    def __new__(cls, device: Any = None) -> _Generator:
        return super().__new__(cls)


def imagine(network: torch.nn.Module) -> None:
    """Put a network on the device."""
    for module in network.modules():
        for name, value in list(module.named_parameters(recurse=False)):
            fake = torch.empty(value.shape, dtype=value.dtype, device=DEVICE)
            setattr(module, name, torch.nn.Parameter(fake, value.requires_grad))
        for name, value in list(module.named_buffers(recurse=False)):
            setattr(module, name, torch.empty(value.shape, dtype=value.dtype, device=DEVICE))


def main() -> None:
    backend_registration._setup_privateuseone_for_python_backend(DEVICE)
    torch.Generator = _Generator
    settings = config.override(Config(), SETTINGS)
    recipe = labelled.prepare(read_corpora(DATA / "train.conll", DATA / "dev.conll", None, settings))
    corpus, count = recipe.corpus, 0
    with FakeTensorMode(allow_non_fake_inputs=True):
        imagine(recipe.learner.network)
        run = state.begin(recipe.learner.network, recipe.settings)
        compute = GradientComputer(recipe.learner)
        compute.begin(corpus)
        batches = recipe.batches(corpus, 0, 0, 1)
        for number, progress in enumerate((0.0, 0.5, 0.9)):
            task = GradientTask(batches[number], (1, 0, number), 0.1, 100, (progress, 0.5))
            gradient = compute(task)
            norm = run.optimizer.step(gradient.values, 0.01)
            places = {value.device for value in (gradient.loss, norm, *gradient.values)}
            assert places == {torch.device(DEVICE, 0)}, places
            count += 1
        run.optimizer.settle()
        places = {
            value.device.type
            for name, value in run.optimizer.state().items()
            if name not in ("steps", "log_decay")
        }
        assert places == {DEVICE}, places
    print(count, "steps")


if __name__ == "__main__":
    main()
