"""The state of a training run: what it holds between two steps, and how that is written down and read back.

All randomness derives from the seed and a place in the run, so weights, moments and place are all that a killed run
needs to end with the same bits. They are one file beside the model, whole or absent. What is trained is not known
here.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from tagger.config import Steps
from tagger.errors import DataError, ModelError
from tagger.runtime.directory import discard
from tagger.runtime.tensors import Array, read_tensors, select_prefixed, sha256, write_tensors
from tagger.training.optimizer import Optimizer, row_sparse

CHECKPOINT = "checkpoint"
_STATE = "state.safetensors"
_VERSION = "2"  # of the file's content; 1 had names of its own for each network
_PLACE = (
    "epoch",
    "chunk",
    "batch",
    "loss",
    "tokens",
    "predictions",
    "seconds",
    "rate",
    "skipped",
    "best",
    "best_epoch",
    "kept_epoch",
    "known",
)


@dataclass(slots=True)
class Run:
    """A training run between two steps.

    Attributes:
        network: the weights that are trained.
        averaged: their moving average, which is what gets measured and saved; `network` itself where it is off.
        optimizer: its moments and step count.
        epoch: epochs completed.
        chunk: chunks completed of the epoch after those.
        batch: batches completed of the chunk after those.
        loss, tokens, predictions, seconds: of the epoch under way: sum of losses (nats), tokens seen, what the loss
            is a mean of, time spent.
        rate: learning rate of the last step.
        skipped: steps of the epoch that were skipped because the gradient was not finite.
        best: best value on held-out sentences so far; None before the first.
        best_epoch: the first epoch that reached it, counted from 1.
        kept_epoch: the one whose model is kept, counted from 1.
        known: best value that is known, that of a model which the run continues included; -1 if none is.
    """

    network: nn.Module
    averaged: nn.Module
    optimizer: Optimizer
    epoch: int = 0
    chunk: int = 0
    batch: int = 0
    loss: float = 0.0
    tokens: int = 0
    predictions: int = 0
    seconds: float = 0.0
    rate: float = 0.0
    skipped: int = 0
    best: float | None = None
    best_epoch: int = 0
    kept_epoch: int = 0
    known: float = -1.0


def begin(network: nn.Module, settings: Steps) -> Run:
    """Set up a run at its first step."""
    averaged = copy.deepcopy(network).requires_grad_(False) if settings.average else network
    return Run(network, averaged, Optimizer(network, averaged, row_sparse(network), settings))


def save_run(directory: Path, run: Run, identity: Mapping[str, bytes]) -> None:
    """Write all that a killed run needs to end with the same bits; one file, so it is whole or absent.

    Args:
        directory: where the model goes.
        run: what to go on with.
        identity: by name, what must be the same when the run goes on: settings, tables, texts.
    """
    place = directory / CHECKPOINT
    try:
        place.mkdir(exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot be made: {error.strerror or error}", place) from None
    tensors = _as_arrays("optimizer.", run.optimizer.state())
    tensors |= _as_arrays("network.", run.network.state_dict())
    if run.averaged is not run.network:
        tensors |= _as_arrays("averaged.", run.averaged.state_dict())
    facts = {name: getattr(run, name) for name in _PLACE}
    write_tensors(place / _STATE, tensors, identity, {"run": _VERSION, "place": json.dumps(facts)})


def has_run(directory: Path) -> bool:
    """Tell whether an unfinished run lies in a directory."""
    return (directory / CHECKPOINT / _STATE).is_file()


def load_run(directory: Path, run: Run, identity: Mapping[str, bytes]) -> None:
    """Bring a fresh run to where `save_run` left it.

    Raises:
        ModelError: the checkpoint is damaged, or was made with other settings or texts, or by another tagger.
    """
    path = directory / CHECKPOINT / _STATE
    metadata, tensors = read_tensors(path)
    if metadata.get("run") != _VERSION:
        found = metadata.get("run", "1")
        raise ModelError(
            f"was written by another version of tagger (run format {found}, expected {_VERSION}); start anew without "
            "--resume",
            path,
        )
    for name, content in identity.items():
        if metadata.get(name) != sha256(content):
            raise ModelError(
                f"the {name} are not those of the interrupted run; give the same files and options again, or start "
                "anew without --resume",
                path,
            )
    try:
        run.network.load_state_dict(_as_tensors("network.", tensors))
        if run.averaged is not run.network:
            run.averaged.load_state_dict(_as_tensors("averaged.", tensors))
        run.optimizer.load(_as_tensors("optimizer.", tensors))
        place = json.loads(metadata["place"])
        for name in _PLACE:
            setattr(run, name, place[name])
    except (RuntimeError, KeyError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            f"was written by another version of tagger ({reason}); start anew without --resume", path
        ) from None


def discard_run(directory: Path) -> None:
    """Remove the checkpoint of a run that has ended."""
    discard(directory / CHECKPOINT / _STATE)
    with suppress(OSError):
        (directory / CHECKPOINT).rmdir()


def _as_arrays(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Array]:
    return {prefix + name: value.detach().cpu().numpy() for name, value in tensors.items()}


def _as_tensors(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(value) for name, value in select_prefixed(arrays, prefix).items()}
