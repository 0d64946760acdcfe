"""A model in its directory: settings, tables and weights, replaced in one step, checked when read.

Only the file names below are ever opened. A model is three files, and a directory may hold another one already.
New settings and tables are therefore first written beside the old ones; renaming the weights is the moment at
which the new model takes over; the new settings and tables then get their names. A reader takes of each the one
that the weights vouch for, so a kill at any moment leaves the old model or the new one.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from tagger import config as settings
from tagger.config import Config, PretrainConfig, Settings
from tagger.errors import ConfigError, DataError, ModelError
from tagger.runtime.generation import language_model_shapes
from tagger.runtime.language import TrainedLanguageModel
from tagger.runtime.lexicon import Lexicon
from tagger.runtime.tensors import Array, read_tensors, sha256, write_tensors
from tagger.runtime.trained import TrainedModel, inner_scheme, weight_shapes
from tagger.text import schemes
from tagger.text.files import PARTIAL, sync_directory, write_atomically
from tagger.text.language import LanguageTables
from tagger.text.schemes import Scheme

AnySettings = TypeVar("AnySettings", bound=Settings)
Tables = TypeVar("Tables")

CONFIG = "config.toml"
VOCAB = "vocab.json"
WEIGHTS = "model.safetensors"
SCORES = "scores.json"
HISTORY = "history.jsonl"
CARD = "README.md"
CURVES = "training.html"
SEEDS = "seeds.json"
_BELONGINGS = (CONFIG, VOCAB)
_REPORTS = (SCORES, HISTORY, CURVES, CARD)
_KINDS = {  # sections that the settings of one kind of model alone have
    b"\n[decoder]\n": "a labeller",
    b"\n[model]\n": "a language model",
    b"\n[text]\n": "an encoder",
}
_LATER = {"agreement": 0.0, "min_confidence": 0.0}  # numbers that directories of the first releases lack


class HasDict(Protocol):
    """Tables of a model."""

    def as_dict(self) -> dict[str, Any]:
        """Return them as plain values, for JSON."""


def save_model(directory: Path, model: TrainedModel) -> None:
    """Write a labeller: settings, tables and weights."""
    write_model(directory, render_belongings(model.config, model.lexicon), model.weights)


def load_model(directory: str | Path) -> TrainedModel:
    """Read the directory of a labeller.

    Raises:
        ModelError: it or a file in it is missing, truncated, altered, or of another format version; or its
            settings don't fit its weights.
    """
    directory = Path(directory)
    files, tensors = read_model(directory, "a labeller, as `tagger train --output DIR` writes")
    config, lexicon = _parse(directory, files)
    weights = {name: np.array(value, np.float32) for name, value in _LATER.items()} | tensors
    try:
        check_shapes(weights, weight_shapes(lexicon, config))
    except (ValueError, ConfigError) as error:
        raise ModelError(f"doesn't fit {CONFIG} and {VOCAB}: {error}", directory / WEIGHTS) from None
    return TrainedModel(config, lexicon, weights)


def load_language_model(directory: str | Path) -> TrainedLanguageModel:
    """Read the directory of a language model; errors as for `load_model`."""
    directory = Path(directory)
    files, tensors = read_model(directory, "a language model, as `tagger pretrain TEXT --output DIR` writes")
    config = parse_config(PretrainConfig, directory, files)
    tables = parse_tables(LanguageTables.from_dict, directory, files)
    try:
        check_shapes(tensors, language_model_shapes(tables, config.model))
    except ValueError as error:
        raise ModelError(f"doesn't fit {CONFIG} and {VOCAB}: {error}", directory / WEIGHTS) from None
    return TrainedLanguageModel(config, tables, tensors)


def check_shapes(weights: Mapping[str, Array], wanted: Mapping[str, tuple[int, ...]]) -> None:
    """See that weights are those of a network: the same names, single precision, the same shapes.

    Raises:
        ValueError: the first that isn't, by name.
    """
    expected = {name: f"float32 {shape}" for name, shape in wanted.items()}
    found = {name: f"{value.dtype} {value.shape}" for name, value in weights.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise ValueError(f"{name} is {found.get(name, 'absent')}, expected {expected.get(name, 'none')}")


def write_model(directory: Path, files: Mapping[str, bytes], tensors: Mapping[str, Array]) -> None:
    """Put a model in the place of the one that a directory holds, if any, in one step.

    Args:
        directory: where to.
        files: the settings and the tables, by name.
        tensors: the weights.
    """
    changed = {name: content for name, content in files.items() if _content(directory / name) != content}
    for name, content in changed.items():
        write_atomically(directory / _next(name), content)
    write_tensors(directory / WEIGHTS, tensors, files)
    try:
        for name in changed:
            os.replace(directory / _next(name), directory / name)  # noqa: PTH105
        if changed:
            sync_directory(directory)
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror or error}", directory) from None


def read_model(directory: Path, expected: str) -> tuple[dict[str, bytes], dict[str, Array]]:
    """Read what `write_model` wrote: the settings and tables by name, and the weights.

    Args:
        directory: where.
        expected: the kind of model, and the command that writes it: `KIND, as COMMAND writes`.

    Raises:
        ModelError: it or a file in it is missing, truncated, altered, of another format version or kind.
    """
    if not directory.is_dir():
        found = "is a file" if directory.exists() else "does not exist"
        raise ModelError(f"{found}; expected the directory of {expected}", directory)
    for name in _BELONGINGS:
        if not any((directory / each).is_file() for each in (name, _next(name))):
            raise ModelError("is missing; a model directory holds it beside the weights", directory / name)
    metadata, tensors = read_tensors(directory / WEIGHTS)
    files = {name: _vouched_for(directory, name, metadata.get(name)) for name in _BELONGINGS}
    kind = next((kind for section, kind in _KINDS.items() if section in files[CONFIG]), None)
    if kind is not None and kind != expected.partition(",")[0]:
        raise ModelError(f"holds {kind}; expected {expected}", directory)
    return files, tensors


def find_dev_f1(directory: Path) -> float | None:
    """Return the F1 on dev that training wrote down; None where it can't be read, which harms no labelling."""
    with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
        return float(json.loads((directory / SCORES).read_bytes())["dev"]["micro"]["f1"])
    return None


def copy_model(source: Path, target: Path) -> None:
    """Put a finished labeller, with its scores, history and card, in the place of the one in another directory."""
    model = load_model(source)
    save_model(target, model)
    for name in _REPORTS:
        content = _content(source / name)
        if content is not None:
            write_atomically(target / name, content)


def discard(path: Path) -> None:
    """Remove a file, if it is there.

    Raises:
        DataError: the directory can't be written.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"cannot be removed: {error.strerror or error}", path) from None


def discard_reports(directory: Path) -> None:
    """Remove the scores and the card of the model that was here before."""
    for name in (SCORES, CARD, SEEDS):
        with suppress(OSError):
            (directory / name).unlink()


def discard_model(directory: Path) -> None:
    """Remove a model directory; where it holds files of another's making, those and it stay."""
    for name in (*_BELONGINGS, WEIGHTS, *_REPORTS):
        for each in (name, _next(name)):
            discard(directory / each)
    with suppress(OSError):
        directory.rmdir()


def render_belongings(config: Settings, tables: HasDict) -> dict[str, bytes]:
    """Return the files that belong with the weights: settings and tables."""
    return {
        CONFIG: settings.render(config).encode(),
        VOCAB: json.dumps(tables.as_dict(), ensure_ascii=False).encode(),
    }


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
        for pattern in (f".*{PARTIAL}", f"*/.*{PARTIAL}"):  # left by a run that was killed while writing
            for stale in directory.glob(pattern):
                stale.unlink(missing_ok=True)
        yield
    finally:
        if handle is not None:
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


def _vouched_for(directory: Path, name: str, checksum: str | None) -> bytes:
    """Return the file of this name that the weights belong with: the one in place, or the one on its way."""
    for each in (name, _next(name)):
        content = _content(directory / each)
        if content is not None and sha256(content) == checksum:
            return content
    raise ModelError(
        f"doesn't match the checksum in {WEIGHTS}: altered, damaged, or of another model; copy the whole directory "
        "again or train again",
        directory / name,
    )


def parse_config(kind: type[AnySettings], directory: Path, files: Mapping[str, bytes]) -> AnySettings:
    """Return the settings among what `read_model` read.

    Raises:
        ModelError: they aren't what training writes.
    """
    try:
        return settings.parse_settings(kind, files[CONFIG].decode("utf-8"))
    except (ConfigError, UnicodeDecodeError) as error:
        raise ModelError(f"is not what training writes: {error}", directory / CONFIG) from None


def parse_tables(restore: Callable[[object], Tables], directory: Path, files: Mapping[str, bytes]) -> Tables:
    """Return the tables among what `read_model` read.

    Args:
        restore: makes them of JSON, which may come from a stranger; ValueError where it can't.

    Raises:
        ModelError: they aren't what training writes.
    """
    try:
        return restore(json.loads(files[VOCAB]))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"is not a table of words and tags: {error}", directory / VOCAB) from None


def _parse(directory: Path, files: Mapping[str, bytes]) -> tuple[Config, Lexicon]:
    config = parse_config(Config, directory, files)
    try:
        scheme = Scheme(config.corpus.scheme)
        if config.corpus.mode == "auto":
            raise ValueError("corpus.mode is auto, expected what it was found to be")
    except ValueError as error:
        raise ModelError(f"is not what training writes: {error}", directory / CONFIG) from None
    lexicon = parse_tables(lambda tables: Lexicon.from_dict(tables, config.embedding), directory, files)
    inner = inner_scheme(scheme)
    if not lexicon.tags:
        raise ModelError("is not a table of words and tags: there are no tags", directory / VOCAB)
    strangers = [tag for tag in lexicon.tags if not schemes.is_tag(tag, inner)]
    if strangers:
        expected = f"expected {schemes.describe_tags(inner)}"
        raise ModelError(f"found tag {strangers[0]!r}, {expected}", directory / VOCAB)
    return config, lexicon


def _content(path: Path) -> bytes | None:
    """Return what a file holds; None where there is no such regular file."""
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror or error}", path) from None


def _next(name: str) -> str:
    """Return the name of the file that takes the place of another as soon as the weights have changed."""
    return f".{name}.next"
