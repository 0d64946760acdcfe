"""An unfinished run beside its model: one file, whole or absent, with all it takes to end with the same bits."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from tagger.errors import DataError, ModelError
from tagger.model.trained import TrainedModel
from tagger.training.checkpoint.disk import discard
from tagger.training.checkpoint.model import CONFIG, VOCAB, belongings
from tagger.training.checkpoint.tensors import part, read_checked, sha256, write_tensors
from tagger.training.loop import Run

CHECKPOINT = "checkpoint"
_STATE = "state.safetensors"
_PLACE = (
    "epoch",
    "batch",
    "loss",
    "tokens",
    "seconds",
    "skipped",
    "best_f1",
    "best_epoch",
    "kept_epoch",
    "known_f1",
)


def save_run(directory: Path, run: Run, model: TrainedModel, fingerprint: bytes) -> None:
    """Write all that a killed run needs to end with the same bits; one file, so it is whole or absent.

    Args:
        directory: where the model goes.
        run: what to go on with.
        model: the settings and tables.
        fingerprint: of the corpora, which must be the same when the run goes on.
    """
    place = directory / CHECKPOINT
    try:
        place.mkdir(exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot be made: {error.strerror or error}", place) from None
    tensors = {f"optimizer.{name}": value for name, value in run.optimizer.state().items()}
    tensors |= {f"labeler.{name}": value for name, value in run.labeler.state_dict().items()}
    if run.averaged is not run.labeler:
        tensors |= {f"averaged.{name}": value for name, value in run.averaged.state_dict().items()}
    facts = {name: getattr(run, name) for name in _PLACE}
    files = belongings(model) | {"corpora": fingerprint}
    write_tensors(place / _STATE, tensors, files, {"place": json.dumps(facts)})


def has_run(directory: Path) -> bool:
    """Tell whether an unfinished run lies in a directory."""
    return (directory / CHECKPOINT / _STATE).is_file()


def load_run(directory: Path, run: Run, model: TrainedModel, fingerprint: bytes) -> None:
    """Bring a fresh run to where `save_run` left it.

    Raises:
        ModelError: the checkpoint is damaged, or was made with other settings, corpora, or another tagger.
    """
    path = directory / CHECKPOINT / _STATE
    files = belongings(model) | {"corpora": fingerprint}
    metadata, tensors = read_checked(path)
    for name, what in ((CONFIG, "settings"), (VOCAB, "training sentences"), ("corpora", "corpora")):
        if metadata.get(name) != sha256(files[name]):
            raise ModelError(
                f"the {what} are not those of the interrupted run; give the same files and options again, or start "
                "anew without --resume",
                path,
            )
    try:
        run.labeler.load_state_dict(part(tensors, "labeler."))
        if run.averaged is not run.labeler:
            run.averaged.load_state_dict(part(tensors, "averaged."))
        run.optimizer.load(part(tensors, "optimizer."))
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
