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
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from tagger import config as settings
from tagger.config import Config, PretrainConfig, Settings
from tagger.errors import ConfigError, DataError, ModelError
from tagger.runtime.generation import language_model_shapes
from tagger.runtime.language import TrainedLanguageModel
from tagger.runtime.lexicon import Lexicon
from tagger.runtime.tensors import Array, describe, read_header, read_tensors, sha256, write_tensors
from tagger.runtime.trained import TrainedModel, inner_scheme, weight_shapes
from tagger.text import schemes
from tagger.text.language import LanguageTables
from tagger.text.output import PARTIAL, encode_text, sync_directory, write_atomically
from tagger.text.schemes import Scheme
from tagger.text.schemes.tags import is_writable

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
WORDS = "words.txt"
PROFILE = "profile.json"
TRIAL = "encoder-trial.json"
FILES = (  # all that a directory may hold
    CONFIG, VOCAB, WEIGHTS, SCORES, HISTORY, CARD, CURVES, SEEDS, WORDS, PROFILE, TRIAL,
)  # fmt: skip
_BELONGINGS = (CONFIG, VOCAB)
_KINDS = {  # sections that the settings of one kind of model alone have
    b"\n[decoder]\n": "a labeller",
    b"\n[model]\n": "a language model",
    b"\n[text]\n": "an encoder",
}
_LATER = {"agreement": 0.0, "min_confidence": 0.0}  # numbers that directories of the first releases lack
_NUMBERED = f".*.[0-9]*-[0-9]*{PARTIAL}"
_LITTER = (  # of a run that was killed while writing, down to the checkpoint of a seed that replaces a model
    f".*{PARTIAL}",
    f"*/.*{PARTIAL}",
    f"*/*/{_NUMBERED}",
    f"*/*/*/{_NUMBERED}",
)
_RANGES = {"temperature": (1e-3, 1e3), "agreement": (0.0, 20.0), "min_confidence": (0.0, 1.0)}
_VERSION_DIGITS = 8  # of a checksum, which tell a user's models apart
_LARGEST = 1e12  # of a weight: far beyond all that learns, and no sum of products overflows at once
_MOST_BYTES = {
    CONFIG: 1 << 20,  # a hundred fields
    VOCAB: 1 << 30,  # ten million words of a hundred bytes: as many as settings allow
}


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
            settings don't fit its weights; or a number or a tag in it is none that training makes.
    """
    with _memory_watched(Path(directory)):
        found = open_model(directory, "a labeller, as `tagger train --output DIR` writes")
        config, lexicon = _parse(found)
        try:
            wanted = weight_shapes(lexicon, config)
        except ConfigError as error:
            raise found.misfit(error) from None
        weights = found.read_weights(wanted, _LATER)
        _check_fitted(found.directory, weights)
    return TrainedModel(config, lexicon, weights)


def load_language_model(directory: str | Path) -> TrainedLanguageModel:
    """Read the directory of a language model; errors as for `load_model`."""
    with _memory_watched(Path(directory)):
        found = open_model(directory, "a language model, as `tagger pretrain TEXT --output DIR` writes")
        config = found.parse_config(PretrainConfig)
        tables = found.parse_tables(LanguageTables.from_dict)
        weights = found.read_weights(language_model_shapes(tables, config.model))
    return TrainedLanguageModel(config, tables, weights)


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """A model directory whose settings and tables are read; of the weights it is known what they are.

    Attributes:
        directory: where it is.
        files: the settings and the tables, by name: those that the weights vouch for.
        arrays: type and shape of each weight, as the header says.
        sha256: of the weights, as the header says.
    """

    directory: Path
    files: Mapping[str, bytes]
    arrays: Mapping[str, str]
    sha256: str

    def parse_config(self, kind: type[AnySettings]) -> AnySettings:
        """Return the settings.

        Raises:
            ModelError: they aren't what training writes.
        """
        try:
            return settings.parse_settings(kind, self.files[CONFIG].decode("utf-8"))
        except (ConfigError, UnicodeDecodeError) as error:
            raise ModelError(f"is not what training writes: {error}", self.directory / CONFIG) from None

    def parse_tables(self, restore: Callable[[object], Tables]) -> Tables:
        """Return the tables.

        Args:
            restore: makes them of JSON, which may come from a stranger; ValueError where it can't.

        Raises:
            ModelError: they aren't what training writes.
        """
        try:
            return restore(json.loads(self.files[VOCAB]))
        except (ValueError, RecursionError) as error:
            raise ModelError(f"is not a table of words and tags: {error}", self.directory / VOCAB) from None

    def read_weights(
        self, wanted: Mapping[str, tuple[int, ...]], later: Mapping[str, float] | None = None
    ) -> dict[str, Array]:
        """Return the weights, which are read only if they are those of the network.

        Args:
            wanted: the shape of each.
            later: numbers that directories of the first releases lack.

        Raises:
            ModelError: they are others, damaged, or no numbers.
        """
        added = {name: np.array(value, np.float32) for name, value in (later or {}).items()}
        found = {name: describe(value.dtype, value.shape) for name, value in added.items()} | {**self.arrays}
        expected = {name: describe("float32", shape) for name, shape in wanted.items()}
        for name in sorted(expected.keys() | found.keys()):
            if expected.get(name) != found.get(name):
                raise self.misfit(
                    f"{name} is {found.get(name, 'absent')}, expected {expected.get(name, 'none')}"
                )
        facts, tensors = read_tensors(self.directory / WEIGHTS)
        if facts["sha256"] != self.sha256:
            raise ModelError("was replaced while the model was read; try again", self.directory / WEIGHTS)
        for name, value in tensors.items():
            if value.size and not -_LARGEST < value.min() <= value.max() < _LARGEST:  # NaN is in no order
                raise ModelError(
                    f"holds numbers that no training ends with: {name} is not finite; train again",
                    self.directory / WEIGHTS,
                )
        return added | tensors

    def misfit(self, reason: object) -> ModelError:
        """Return the error that the weights aren't those of settings and tables."""
        return ModelError(f"doesn't fit {CONFIG} and {VOCAB}: {reason}", self.directory / WEIGHTS)


def open_model(directory: str | Path, expected: str) -> OpenedModel:
    """Read the settings and tables that `write_model` wrote, and what the weights are.

    Args:
        directory: where.
        expected: the kind of model, and the command that writes it: `KIND, as COMMAND writes`.

    Raises:
        ModelError: it or a file in it is missing, altered, of another format version or kind.
    """
    directory = Path(directory)
    if not directory.is_dir():
        found = "is a file" if directory.exists() else "does not exist"
        raise ModelError(f"{found}; expected the directory of {expected}", directory)
    opened = _open(directory)
    kind = next((kind for section, kind in _KINDS.items() if section in opened.files[CONFIG]), None)
    if kind is not None and kind != expected.partition(",")[0]:
        raise ModelError(f"holds {kind}; expected {expected}", directory)
    return opened


def name_version(directory: Path) -> str:
    """Return what tells a model from others, and from what it was before it was trained again.

    It is the name of its directory and the beginning of the checksum of its weights, as in
    `english-9cbba187`.

    Raises:
        ModelError: there is no model.
    """
    facts, _ = read_header(directory / WEIGHTS)
    return join_version(directory.resolve().name, facts.get("sha256", ""))


def join_version(name: str, sha256: str) -> str:
    """Return the version of a model that is called so and has weights of this checksum."""
    return f"{name}-{sha256[:_VERSION_DIGITS]}"


def read_belongings(directory: Path) -> Mapping[str, bytes]:
    """Return the settings and tables of a model of any kind, by name; errors as of `open_model`."""
    return _open(directory).files


def _open(directory: Path) -> OpenedModel:
    for name in _BELONGINGS:
        if not any((directory / each).is_file() for each in (name, _next(name))):
            raise ModelError("is missing; a model directory holds it beside the weights", directory / name)
    facts, arrays = read_header(directory / WEIGHTS)
    files = {name: _vouched_for(directory, name, facts.get(name)) for name in _BELONGINGS}
    return OpenedModel(directory, files, arrays, facts.get("sha256", ""))


@contextmanager
def _memory_watched(directory: Path) -> Iterator[None]:
    """Say in the user's words that memory ran out."""
    try:
        yield
    except MemoryError:
        raise ModelError(
            "memory ran out while the model was read; free some, or raise the limit", directory
        ) from None


def _check_fitted(directory: Path, weights: Mapping[str, Array]) -> None:
    """See that the numbers which no gradient moves are such that probabilities come of them."""
    for name, (low, high) in _RANGES.items():
        value = float(weights[name])
        if not low <= value <= high:
            raise ModelError(
                f"holds the {name} {value:g}, expected a number from {low:g} to {high:g}; train again",
                directory / WEIGHTS,
            )


def write_model(directory: Path, files: Mapping[str, bytes], tensors: Mapping[str, Array]) -> None:
    """Put a model in the place of the one that a directory holds, if any, in one step.

    Args:
        directory: where to.
        files: the settings and the tables, by name.
        tensors: the weights.
    """
    _write(directory, files, lambda: write_tensors(directory / WEIGHTS, tensors, files))


def _write(directory: Path, files: Mapping[str, bytes], write_weights: Callable[[], None]) -> None:
    changed = {name: content for name, content in files.items() if _content(directory, name) != content}
    for name, content in changed.items():
        write_atomically(directory / _next(name), content)
    write_weights()
    try:
        for name in changed:
            os.replace(directory / _next(name), directory / name)  # noqa: PTH105
        if changed:
            sync_directory(directory)
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror or error}", directory) from None


def copy_model(source: Path, target: Path) -> None:
    """Put a finished model of any kind in the place of the one in another directory, in one step."""
    found = _open(source)
    weights = read_bounded(source / WEIGHTS, (source / WEIGHTS).stat().st_size)
    assert weights is not None
    _write(target, found.files, lambda: write_atomically(target / WEIGHTS, weights))


def discard(path: Path) -> None:
    """Remove a file, if it is there.

    Raises:
        DataError: the directory can't be written.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"cannot be removed: {error.strerror or error}", path) from None


def discard_model(directory: Path) -> None:
    """Remove a model, its weights first."""
    for name in (WEIGHTS, *_BELONGINGS):
        for each in (name, _next(name)):
            discard(directory / each)


def render_belongings(config: Settings, tables: HasDict) -> dict[str, bytes]:
    """Return the files that belong with the weights: settings and tables."""
    return {
        CONFIG: settings.render(config).encode(),
        VOCAB: encode_text(json.dumps(tables.as_dict(), ensure_ascii=False)),
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
        for pattern in _LITTER:
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
    for coming in (False, True):
        content = _content(directory, name, coming=coming)
        if content is not None and sha256(content) == checksum:
            return content
    raise ModelError(
        f"doesn't match the checksum in {WEIGHTS}: altered, damaged, or of another model; copy the whole directory "
        "again or train again",
        directory / name,
    )


def _parse(found: OpenedModel) -> tuple[Config, Lexicon]:
    config = found.parse_config(Config)
    try:
        scheme = Scheme(config.corpus.scheme)
        if config.corpus.mode == "auto":
            raise ValueError("corpus.mode is auto, expected what it was found to be")
    except ValueError as error:
        raise ModelError(f"is not what training writes: {error}", found.directory / CONFIG) from None
    lexicon = found.parse_tables(lambda tables: Lexicon.from_dict(tables, config.embedding))
    inner = inner_scheme(scheme)
    if not lexicon.tags:
        raise ModelError("is not a table of words and tags: there are no tags", found.directory / VOCAB)
    for tag in lexicon.tags:
        if not is_writable(tag):
            expected = (
                "expected tags that a column file can hold, without tabs, line ends and half characters"
            )
        elif not schemes.is_tag(tag, inner):
            expected = f"expected {schemes.describe_tags(inner)}"
        else:
            continue
        raise ModelError(f"found tag {tag!r}, {expected}", found.directory / VOCAB)
    return config, lexicon


def read_bounded(path: Path, most: int) -> bytes | None:
    """Return what a file holds; None where there is no such regular file.

    Args:
        path: the file.
        most: bytes that it can sensibly hold; a larger one isn't read.

    Raises:
        ModelError: it is larger, or can't be read.
    """
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > most:
                raise ModelError(f"holds {size:,} bytes, expected {most:,} at most; copy it again", path)
            return file.read(size)  # as much as is asked for is taken at once
    except (OSError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or str(error) or "memory ran out"
        raise ModelError(f"cannot be read: {reason}", path) from None


def _content(directory: Path, name: str, *, coming: bool = False) -> bytes | None:
    return read_bounded(directory / (_next(name) if coming else name), _MOST_BYTES[name])


def _next(name: str) -> str:
    """Return the name of the file that takes the place of another as soon as the weights have changed."""
    return f".{name}.next"
