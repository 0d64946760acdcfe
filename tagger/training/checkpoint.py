"""One model directory: written atomically, checked when read, resumed to the same bits.

Weights are safetensors, never pickle: a model directory from a stranger can't run code. Only the file names
below are ever opened. The weights file carries, in its header, the format version and the SHA-256 of its own
tensors and of the files it belongs with, so one flipped bit anywhere is found before anything is computed.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from tagger import config as settings
from tagger.errors import ConfigError, DataError, ModelError
from tagger.model import trained
from tagger.model.trained import TrainedModel
from tagger.text.lexicon import Lexicon
from tagger.training.loop import Run

FORMAT = "1"
CONFIG = "config.toml"
VOCAB = "vocab.json"
WEIGHTS = "model.safetensors"
SCORES = "scores.json"
HISTORY = "history.jsonl"
CARD = "README.md"
CHECKPOINT = "checkpoint"
_STATE = "state.safetensors"
_LOCK = ".lock"
_PLACE = ("epoch", "batch", "loss", "tokens", "seconds", "skipped", "best_f1", "best_epoch")


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file in one step: a reader, or a machine that stops, sees the old content or the new.

    Raises:
        DataError: the disk is full, or the directory can't be written.
    """
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # noqa: PTH101 - mkstemp's 0600 would lock colleagues out
        os.replace(temporary, path)  # noqa: PTH105
        _sync_directory(path.parent)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108
        raise DataError(f"cannot be written: {error.strerror or error}; nothing was replaced", path) from None


def prepare_directory(directory: Path) -> None:
    """Make the output directory, and find out now, not after training, that it can't be written.

    Raises:
        DataError: it is a file, its parent is missing or read-only, or the disk is full.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory) as probe:
            probe.write(b"x")
    except OSError as error:
        raise DataError(
            f"cannot be used as an output directory: {error.strerror or error}; choose another with --output",
            directory,
        ) from None


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold a directory for one run; a second run into it is refused. The lock dies with its process."""
    with (directory / _LOCK).open("wb") as file:
        if not _lock(file):
            raise DataError("another run is writing here; wait for it, or choose another --output", directory)
        yield


def save_model(directory: Path, model: TrainedModel) -> None:
    """Write settings, tables and weights; the weights last, because they vouch for the others."""
    files = {
        CONFIG: settings.render(model.config).encode(),
        VOCAB: json.dumps(model.lexicon.as_dict(), ensure_ascii=False).encode(),
    }
    for name, content in files.items():
        path = directory / name
        if not path.exists() or path.read_bytes() != content:
            write_atomically(path, content)
    write_tensors(directory / WEIGHTS, model.labeler.kept_state(), files)


def load_model(directory: str | Path) -> TrainedModel:
    """Read a model directory.

    Raises:
        ModelError: it or a file in it is missing, truncated, altered, or of another format version; or its
            settings don't fit its weights.
    """
    directory = Path(directory)
    if not directory.is_dir():
        found = "is a file" if directory.exists() else "does not exist"
        raise ModelError(
            f"{found}; a model directory is expected, as `tagger train --output DIR` writes", directory
        )
    files = {name: read_file(directory / name) for name in (CONFIG, VOCAB)}
    tensors = read_tensors(directory / WEIGHTS, files)
    config, lexicon = _parse(directory, files)
    labeler = trained.build(lexicon, config) if _plausible(config, tensors) else None
    expected = {} if labeler is None else {name: value.shape for name, value in labeler.state_dict().items()}
    if labeler is None or expected != {name: value.shape for name, value in tensors.items()}:
        raise ModelError(
            f"the weights don't fit {CONFIG} and {VOCAB}; the directory mixes two models", directory
        )
    labeler.load_state_dict(tensors)
    return TrainedModel(config, lexicon, labeler.requires_grad_(False).eval())


def save_run(directory: Path, run: Run, model: TrainedModel) -> None:
    """Write all that a killed run needs to end with the same bits; one file, so it is whole or absent."""
    place = directory / CHECKPOINT
    place.mkdir(exist_ok=True)
    tensors = {f"optimizer.{name}": value for name, value in run.optimizer.state().items()}
    tensors |= {f"labeler.{name}": value for name, value in run.labeler.state_dict().items()}
    if run.averaged is not run.labeler:
        tensors |= {f"averaged.{name}": value for name, value in run.averaged.state_dict().items()}
    files = {
        CONFIG: settings.render(model.config).encode(),
        VOCAB: json.dumps(model.lexicon.as_dict(), ensure_ascii=False).encode(),
    }
    facts = {name: getattr(run, name) for name in _PLACE}
    write_tensors(place / _STATE, tensors, files, {"place": json.dumps(facts)})


def has_run(directory: Path) -> bool:
    """Tell whether an unfinished run lies in a directory."""
    return (directory / CHECKPOINT / _STATE).is_file()


def load_run(directory: Path, run: Run, model: TrainedModel) -> None:
    """Bring a fresh run to where `save_run` left it.

    Raises:
        ModelError: the checkpoint is damaged, or was made with other settings or other training data.
    """
    path = directory / CHECKPOINT / _STATE
    files = {
        CONFIG: settings.render(model.config).encode(),
        VOCAB: json.dumps(model.lexicon.as_dict(), ensure_ascii=False).encode(),
    }
    tensors = read_tensors(
        path, files, "the settings or the training data are not those of the interrupted run"
    )
    run.labeler.load_state_dict(part(tensors, "labeler."))
    if run.averaged is not run.labeler:
        run.averaged.load_state_dict(part(tensors, "averaged."))
    run.optimizer.load(part(tensors, "optimizer."))
    with safetensors.safe_open(path, "pt") as file:
        for name, value in json.loads(file.metadata()["place"]).items():
            setattr(run, name, value)


def discard_run(directory: Path) -> None:
    """Remove the checkpoint of a run that has ended."""
    (directory / CHECKPOINT / _STATE).unlink(missing_ok=True)
    with suppress(OSError):
        (directory / CHECKPOINT).rmdir()


def write_tensors(
    path: Path,
    tensors: Mapping[str, Tensor],
    files: Mapping[str, bytes],
    facts: Mapping[str, str] | None = None,
) -> None:
    """Write tensors in one step, with their checksum, those of the files they belong with, and further facts."""
    kept = {name: value.detach().contiguous().cpu() for name, value in tensors.items()}
    metadata = {"format": FORMAT, "sha256": _digest(kept)} | {
        name: _sha256(data) for name, data in files.items()
    }
    write_atomically(path, safetensors.torch.save(kept, metadata | dict(facts or {})))


def read_tensors(path: Path, files: Mapping[str, bytes], otherwise: str | None = None) -> dict[str, Tensor]:
    """Read what `write_tensors` wrote and check it against its checksums.

    Args:
        path: the file.
        files: the content of the files it belongs with, by name.
        otherwise: what to say where one of those differs.
    """
    if not path.is_file():
        raise ModelError("is missing; a model directory holds it beside the settings and tables", path)
    try:
        with safetensors.safe_open(path, "pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
            _check_format(path, metadata)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise ModelError(
            f"is not a whole safetensors file ({error}); copy it again or train again", path
        ) from None
    if _digest(tensors) != metadata.get("sha256"):
        raise ModelError(
            "its tensors don't match their checksum: damaged; copy it again or train again", path
        )
    for name, content in files.items():
        if metadata.get(name) != _sha256(content):
            place = path if otherwise else path.parent / name
            raise ModelError(
                otherwise or f"doesn't match the checksum in {WEIGHTS}: altered or damaged", place
            )
    return tensors


def _check_format(path: Path, metadata: Mapping[str, str]) -> None:
    found = metadata.get("format")
    if found is None:
        raise ModelError("has no format version: it was not written by tagger", path)
    if found != FORMAT:
        raise ModelError(
            f"format version {found} found, {FORMAT} expected; use the tagger that wrote it", path
        )


def _parse(directory: Path, files: Mapping[str, bytes]) -> tuple[settings.Config, Lexicon]:
    try:
        config = settings.parse(files[CONFIG].decode("utf-8"))
    except (ConfigError, UnicodeDecodeError) as error:
        raise ModelError(str(error), directory / CONFIG) from None
    try:
        tables = json.loads(files[VOCAB])
        return config, Lexicon.from_dict(tables, config.embedding)
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"is not a table of words and tags: {error}", directory / VOCAB) from None


def _plausible(config: settings.Config, tensors: Mapping[str, Tensor]) -> bool:
    """Compare the settings' sizes to the weights at hand before memory is taken for the network."""
    layers = {name.split(".")[2] for name in tensors if name.startswith("encoder.layers.")}
    recurrent = tensors.get("encoder.layers.0.0.weight_hh_l0")
    word = tensors.get("embedding.word.weight")
    return (
        len(layers) == config.encoder.layers
        and recurrent is not None
        and recurrent.shape[-1] == config.encoder.hidden
        and (word.shape[-1] if word is not None else 0) == config.embedding.word_dim
    )


def read_file(path: Path) -> bytes:
    """Return the content of one of a model's files."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ModelError("is missing; a model directory holds it beside the weights", path) from None
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", path) from None


def part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Any]:
    """Return the tensors whose names begin with a prefix, under the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.reshape(-1).contiguous().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_directory(directory: Path) -> None:
    if hasattr(os, "O_DIRECTORY"):  # not on Windows, where a rename needs no such help
        handle = os.open(directory, os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _lock(file: BinaryIO) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows has no flock: the run goes unguarded there
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
