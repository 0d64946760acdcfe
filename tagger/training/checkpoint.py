"""One model directory: written atomically, checked when read, resumed to the same bits.

Weights are safetensors, never pickle: a model directory from a stranger can't run code. Only the file names
below are ever opened. The weights file carries, in its header, the format version and the SHA-256 of its own
tensors and of the files it belongs with, so one flipped bit anywhere is found before anything is computed.

A model is three files, and a directory may hold another one already. New settings and tables are therefore
first written beside the old ones; renaming the weights is the moment at which the new model takes over; the new
settings and tables then get their names. A reader takes of each the one that the weights vouch for, so a kill at
any moment leaves the old model or the new one.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from tagger import config as settings
from tagger.errors import ConfigError, DataError, ModelError
from tagger.model import trained
from tagger.model.trained import TrainedModel
from tagger.text import schemes
from tagger.text.lexicon import Lexicon
from tagger.text.schemes import Scheme
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
_BELONGINGS = (CONFIG, VOCAB)
_PARTIAL = ".partial"  # ends the name of a file that is being written
_PLACE = ("epoch", "batch", "loss", "tokens", "seconds", "skipped", "best_f1", "best_epoch")


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file in one step: a reader, or a machine that stops, sees the old content or the new.

    Raises:
        DataError: the disk is full, or the directory can't be written.
    """
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(_PARTIAL, f".{path.name}.", path.parent)
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
    handle = _lock(directory)
    try:
        for place in (directory, directory / CHECKPOINT):  # left by a run that was killed while writing
            for stale in place.glob(f".*{_PARTIAL}"):
                stale.unlink(missing_ok=True)
        yield
    finally:
        if handle is not None:
            os.close(handle)


def save_model(directory: Path, model: TrainedModel) -> None:
    """Write settings, tables and weights."""
    write_model(directory, _belongings(model), model.labeler.kept_state())


def write_model(
    directory: Path,
    files: Mapping[str, bytes],
    tensors: Mapping[str, Tensor],
    facts: Mapping[str, str] | None = None,
) -> None:
    """Put a model in the place of the one that a directory holds, if any, in one step.

    Args:
        directory: where to.
        files: the settings and the tables, by name.
        tensors: the weights.
        facts: for the header of the weights.
    """
    changed = {name: content for name, content in files.items() if _content(directory / name) != content}
    for name, content in changed.items():
        write_atomically(directory / _next(name), content)
    write_tensors(directory / WEIGHTS, tensors, files, facts)
    try:
        for name in changed:
            os.replace(directory / _next(name), directory / name)  # noqa: PTH105
        if changed:
            _sync_directory(directory)
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror or error}", directory) from None


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
    files, tensors = read_model(directory)
    if b"[embedding]" not in files[CONFIG]:
        raise ModelError("holds a language model; expected a labeler, as `tagger train` writes", directory)
    config, lexicon = _parse(directory, files)
    try:
        labeler = trained.restore(lexicon, config, tensors)
    except (ValueError, ConfigError) as error:
        raise ModelError(f"doesn't fit {CONFIG} and {VOCAB}: {error}", directory / WEIGHTS) from None
    return TrainedModel(config, lexicon, labeler.requires_grad_(False).eval())


def read_model(directory: Path) -> tuple[dict[str, bytes], dict[str, Tensor]]:
    """Read what `write_model` wrote: the settings and tables by name, and the weights."""
    for name in _BELONGINGS:
        if not any((directory / each).is_file() for each in (name, _next(name))):
            raise ModelError("is missing; a model directory holds it beside the weights", directory / name)
    metadata, tensors = _read_checked(directory / WEIGHTS)
    return {name: _vouched_for(directory, name, metadata.get(name)) for name in _BELONGINGS}, tensors


def _vouched_for(directory: Path, name: str, checksum: str | None) -> bytes:
    """Return the file of this name that the weights belong with: the one in place, or the one on its way."""
    for each in (name, _next(name)):
        content = _content(directory / each)
        if content is not None and _sha256(content) == checksum:
            return content
    raise ModelError(
        f"doesn't match the checksum in {WEIGHTS}: altered, damaged, or of another model; copy the whole directory "
        "again or train again",
        directory / name,
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
    files = _belongings(model) | {"corpora": fingerprint}
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
    files = _belongings(model) | {"corpora": fingerprint}
    metadata, tensors = _read_checked(path)
    for name, what in ((CONFIG, "settings"), (VOCAB, "training sentences"), ("corpora", "corpora")):
        if metadata.get(name) != _sha256(files[name]):
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
    path = directory / CHECKPOINT / _STATE
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"cannot be removed: {error.strerror or error}", path) from None
    with suppress(OSError):
        (directory / CHECKPOINT).rmdir()


def discard_reports(directory: Path) -> None:
    """Remove the scores and the card of the model that was here before."""
    for name in (SCORES, CARD):
        with suppress(OSError):
            (directory / name).unlink()


def _belongings(model: TrainedModel) -> dict[str, bytes]:
    """Return the files that belong with the weights."""
    return {
        CONFIG: settings.render(model.config).encode(),
        VOCAB: json.dumps(model.lexicon.as_dict(), ensure_ascii=False).encode(),
    }


def write_tensors(
    path: Path,
    tensors: Mapping[str, Tensor],
    files: Mapping[str, bytes],
    facts: Mapping[str, str] | None = None,
) -> None:
    """Write tensors in one step, with their checksum, those of the files they belong with, and further facts."""
    kept = {name: value.detach().contiguous().cpu() for name, value in tensors.items()}
    metadata = {"format": FORMAT, **(facts or {})} | {name: _sha256(data) for name, data in files.items()}
    metadata["sha256"] = _digest(kept, metadata)
    write_atomically(path, _canonical(safetensors.torch.save(kept, metadata)))


def read_tensors(path: Path, files: Mapping[str, bytes], otherwise: str) -> dict[str, Tensor]:
    """Read what `write_tensors` wrote and check it against its checksums.

    Args:
        path: the file.
        files: the content of the files it belongs with, by name.
        otherwise: what to say where one of those differs.
    """
    metadata, tensors = _read_checked(path)
    if any(metadata.get(name) != _sha256(content) for name, content in files.items()):
        raise ModelError(otherwise, path)
    return tensors


def _read_checked(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Return the header's facts and the tensors, once both match the checksum."""
    if not path.is_file():
        raise ModelError("is missing; a model directory holds it beside the settings and tables", path)
    try:
        with safetensors.safe_open(path, "pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
            _check_format(path, metadata)
            names = file.keys()
            tensors = {name: file.get_tensor(name).clone() for name in names}  # else they live in the file
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise ModelError(
            f"is not a whole safetensors file ({error}); copy it again or train again", path
        ) from None
    if _digest(tensors, metadata) != metadata.get("sha256"):
        raise ModelError("doesn't match its own checksum: damaged; copy it again or train again", path)
    return metadata, tensors


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
        scheme = Scheme(config.corpus.scheme)
        if config.corpus.mode == "auto":
            raise ValueError("corpus.mode is auto, expected what it was found to be")
    except (ConfigError, ValueError) as error:
        raise ModelError(f"is not what training writes: {error}", directory / CONFIG) from None
    try:
        lexicon = Lexicon.from_dict(json.loads(files[VOCAB]), config.embedding)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"is not a table of words and tags: {error}", directory / VOCAB) from None
    inner = trained.inner_scheme(scheme)
    strangers = [tag for tag in lexicon.tags if not schemes.is_tag(tag, inner)]
    if strangers:
        expected = f"expected {schemes.describe_tags(inner)}"
        raise ModelError(f"found tag {strangers[0]!r}, {expected}", directory / VOCAB)
    return config, lexicon


def part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Any]:
    """Return the tensors whose names begin with a prefix, under the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _digest(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """Return the SHA-256 of tensors and facts, in the order of their names."""
    facts = sorted((name, value) for name, value in metadata.items() if name != "sha256")
    digest = hashlib.sha256(json.dumps(facts).encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.reshape(-1).contiguous().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _canonical(content: bytes) -> bytes:
    """Sort the header of a safetensors file: the library writes its facts in random order, so bits would differ."""
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(
        json.loads(content[8:start]), sort_keys=True, ensure_ascii=False, separators=(",", ":")
    ).encode()
    header += b" " * (-len(header) % 8)  # tensors begin at a multiple of their size
    return len(header).to_bytes(8, "little") + header + content[start:]


def _content(path: Path) -> bytes | None:
    """Return what a file holds; None where there is no such regular file."""
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror or error}", path) from None


def _next(name: str) -> str:
    """Return the name of the file that takes the place of another as soon as the weights have changed."""
    return f".{name}.next"


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


def _lock(directory: Path) -> int | None:
    """Return a handle that holds the directory; None where the system or its file system has no such locks."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise DataError(
            "another run is writing here; wait for it, or choose another --output", directory
        ) from None
    except OSError:  # some network file systems
        os.close(handle)
        return None
    return handle
