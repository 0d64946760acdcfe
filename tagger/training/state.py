"""The state of a training run: what it holds between two steps, and how that is written down and read back.

All randomness derives from the seed and a place in the run, so weights, moments and place are all that a killed run
needs to end with the same bits. They are one file beside the model, whole or absent. What is trained is not known
here.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tagger.config import Steps
from tagger.errors import ModelError
from tagger.model.encoder import compact
from tagger.runtime.tensors import (
    describe,
    read_header,
    read_tensors,
    select_prefixed,
    sha256,
    write_tensors,
)
from tagger.training import output
from tagger.training.echoes import Echoes
from tagger.training.optimizer import Optimizer, row_sparse
from tagger.training.workers.peers import Peers

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
    "steps",
    "measured",
    "measured_step",
    "measured_tokens",
    "stale",
    "best",
    "kept_epoch",
    "known",
    "floor",
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
        tokens: of the epoch under way, seen so far.
        loss, predictions, seconds: since the last measurement: sum of losses (nats), what the loss is a mean of, time
            spent.
        rate: learning rate of the last step.
        echoes: what steps say that isn't counted yet; see `listen`.
        skipped: steps since the last measurement that were skipped because the gradient was not finite.
        steps: taken in the whole run, skipped ones included.
        measured: measurements on held-out sentences so far: one an epoch, more with `eval_steps`.
        measured_step, measured_tokens: what `steps` and `tokens` were at the last of them.
        stale: measurements since the best value was reached first.
        best: best value on held-out sentences so far; None before the first.
        kept_epoch: where the model that is kept was measured, in epochs from the beginning; 0 where none is.
        known: best value that is known, that of a model which the run continues included; -1 if none is.
        floor: the value of the finished model that a run goes on from, which only a better one replaces; None where
            it goes on from none.
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
    steps: int = 0
    measured: int = 0
    measured_step: int = 0
    measured_tokens: int = 0
    stale: int = 0
    best: float | None = None
    kept_epoch: float = 0
    known: float = -1.0
    floor: float | None = None
    echoes: Echoes = field(default_factory=Echoes)

    def listen(self, *, to_all: bool = False) -> None:
        """Count what steps have said since: their losses, their predictions, whether they were skipped.

        Args:
            to_all: of all steps; else beside a GPU the last ones are still to come, but for the first since a
                measurement.
        """
        for echo in self.echoes.arrived(all_of_them=to_all or not self.predictions):
            self.skipped += not math.isfinite(echo.norm)
            self.loss += echo.loss if math.isfinite(echo.loss) else 0.0
            self.predictions += echo.predictions


def begin(network: nn.Module, settings: Steps) -> Run:
    """Set up a run at its first step."""
    averaged = copy.deepcopy(network).requires_grad_(False) if settings.average else network
    for each in (network, averaged):
        compact(each)
    return Run(network, averaged, Optimizer(network, averaged, row_sparse(network), settings))


def share_run(run: Run, peers: Peers) -> None:
    """Bring the runs of all processes to where that of the first is."""
    if peers.is_alone:
        return
    place = peers.share({name: getattr(run, name) for name in _PLACE})
    _restore(run, peers.share_tensors(_tensors_of(run)), place)


def save_run(directory: Path, run: Run, identity: Mapping[str, bytes]) -> None:
    """Write all that a killed run needs to end with the same bits; one file, so it is whole or absent.

    Args:
        directory: where the model goes.
        run: what to go on with.
        identity: by name, what must be the same when the run goes on: settings, tables, texts.
    """
    output.begin(directory)
    run.listen(to_all=True)
    tensors = {name: value.detach().cpu().numpy() for name, value in _tensors_of(run).items()}
    facts = {name: getattr(run, name) for name in _PLACE}
    write_tensors(
        directory / output.CHECKPOINT / output.STATE,
        tensors,
        identity,
        {"run": _VERSION, "place": json.dumps(facts)},
    )


def load_run(directory: Path, run: Run, identity: Mapping[str, bytes]) -> None:
    """Bring a fresh run to where `save_run` left it.

    Raises:
        ModelError: the checkpoint is damaged, or was made with other settings or texts, or by another tagger.
    """
    path = directory / output.CHECKPOINT / output.STATE
    metadata = read_header(path).facts
    if metadata.get("run") != _VERSION:
        found = metadata.get("run", "1")
        raise ModelError(
            f"was written by another version of tagger (run format {found}, expected {_VERSION}); start anew with "
            "--overwrite",
            path,
        )
    for name, content in identity.items():
        if metadata.get(name) != sha256(content):
            raise ModelError(
                f"the {name} are not those of the interrupted run; give the same files and options again, or start "
                "anew with --overwrite",
                path,
            )
    _check_arrays(path, run)
    _, tensors = read_tensors(path)
    try:
        place = _complete(json.loads(metadata["place"]))
        _restore(run, {name: torch.from_numpy(value) for name, value in tensors.items()}, place)
    except (RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            f"was written by another version of tagger ({reason}); start anew with --overwrite", path
        ) from None


def _restore(run: Run, tensors: Mapping[str, Tensor], place: Mapping[str, Any]) -> None:
    run.network.load_state_dict(select_prefixed(tensors, "network."))
    if run.averaged is not run.network:
        run.averaged.load_state_dict(select_prefixed(tensors, "averaged."))
    run.optimizer.load(select_prefixed(tensors, "optimizer."))
    for name in _PLACE:
        setattr(run, name, place[name])


def _complete(place: dict[str, Any]) -> dict[str, Any]:
    """Return a place with what earlier versions, which measured once an epoch, didn't write."""
    epoch = place["epoch"]
    older = {
        "floor": None,
        "steps": 0,
        "measured": epoch,
        "measured_step": 0,
        "measured_tokens": 0,
        "stale": epoch - place.get("best_epoch", epoch),
    }
    return older | place


def _tensors_of(run: Run) -> dict[str, Tensor]:
    parts = {"optimizer.": run.optimizer.state(), "network.": run.network.state_dict()}
    if run.averaged is not run.network:
        parts["averaged."] = run.averaged.state_dict()
    return {prefix + name: value for prefix, tensors in parts.items() for name, value in tensors.items()}


def _check_arrays(path: Path, run: Run) -> None:
    """See that a file holds what a run does, before it is read: it may be of any size.

    Raises:
        ModelError: it doesn't.
    """
    found = read_header(path).arrays
    wanted = {
        name: describe(str(value.dtype).removeprefix("torch."), value.shape)
        for name, value in _tensors_of(run).items()
    }
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            raise ModelError(
                f"was written by another version of tagger ({name} is {found.get(name, 'absent')}, expected "
                f"{wanted.get(name, 'none')}); start anew with --overwrite",
                path,
            )
