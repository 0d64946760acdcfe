"""A model in its directory: settings, tables and weights, replaced in one step, checked when read.

Only the file names below are ever opened. A model is three files, and a directory may hold another one already.
New settings and tables are therefore first written beside the old ones; renaming the weights is the moment at
which the new model takes over; the new settings and tables then get their names. A reader takes of each the one
that the weights vouch for, so a kill at any moment leaves the old model or the new one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from torch import Tensor

from tagger import config as settings
from tagger.errors import ConfigError, DataError, ModelError
from tagger.model import trained
from tagger.model.trained import TrainedModel
from tagger.runtime.lexicon import Lexicon
from tagger.text import schemes
from tagger.text.files import sync_directory, write_atomically
from tagger.text.schemes import Scheme
from tagger.training.checkpoint.disk import discard
from tagger.training.checkpoint.tensors import read_checked, sha256, write_tensors

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
_KINDS = {  # sections that the settings of one kind alone have
    b"\n[decoder]\n": "a labeler",
    b"\n[model]\n": "a language model",
    b"\n[text]\n": "an encoder",
}


def save_model(directory: Path, model: TrainedModel) -> None:
    """Write settings, tables and weights."""
    write_model(directory, belongings(model), model.labeler.state_dict())


def write_model(
    directory: Path,
    files: Mapping[str, bytes],
    tensors: Mapping[str, Tensor],
) -> None:
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
    expect_kind("a labeler, as `tagger train` writes", files, directory)
    config, lexicon = _parse(directory, files)
    try:
        labeler = trained.restore(lexicon, config, tensors)
    except (ValueError, ConfigError) as error:
        raise ModelError(f"doesn't fit {CONFIG} and {VOCAB}: {error}", directory / WEIGHTS) from None
    return TrainedModel(config, lexicon, labeler.requires_grad_(False).eval())


def expect_kind(wanted: str, files: Mapping[str, bytes], directory: Path) -> None:
    """See that a directory holds the kind of model that is wanted: `KIND, as COMMAND writes`.

    Raises:
        ModelError: it holds another.
    """
    found = next((kind for section, kind in _KINDS.items() if section in files[CONFIG]), None)
    if found is not None and found != wanted.partition(",")[0]:
        raise ModelError(f"holds {found}; expected {wanted}", directory)


def read_model(directory: Path) -> tuple[dict[str, bytes], dict[str, Tensor]]:
    """Read what `write_model` wrote: the settings and tables by name, and the weights."""
    for name in _BELONGINGS:
        if not any((directory / each).is_file() for each in (name, _next(name))):
            raise ModelError("is missing; a model directory holds it beside the weights", directory / name)
    metadata, tensors = read_checked(directory / WEIGHTS)
    return {name: _vouched_for(directory, name, metadata.get(name)) for name in _BELONGINGS}, tensors


def copy_model(source: Path, target: Path) -> None:
    """Put a finished model, with its scores, history and card, in the place of the one in another directory."""
    files, tensors = read_model(source)
    write_model(target, files, tensors)
    for name in _REPORTS:
        content = _content(source / name)
        if content is not None:
            write_atomically(target / name, content)


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


def belongings(model: TrainedModel) -> dict[str, bytes]:
    """Return the files that belong with the weights."""
    return {
        CONFIG: settings.render(model.config).encode(),
        VOCAB: json.dumps(model.lexicon.as_dict(), ensure_ascii=False).encode(),
    }


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


def _parse(directory: Path, files: Mapping[str, bytes]) -> tuple[settings.Config, Lexicon]:
    try:
        config = settings.parse_settings(settings.Config, files[CONFIG].decode("utf-8"))
        scheme = Scheme(config.corpus.scheme)
        if config.corpus.mode == "auto":
            raise ValueError("corpus.mode is auto, expected what it was found to be")
    except (ConfigError, ValueError) as error:
        raise ModelError(f"is not what training writes: {error}", directory / CONFIG) from None
    try:
        lexicon = Lexicon.from_dict(json.loads(files[VOCAB]), config.embedding)
        if not lexicon.tags:
            raise ValueError("there are no tags")
    except (ValueError, RecursionError) as error:
        raise ModelError(f"is not a table of words and tags: {error}", directory / VOCAB) from None
    inner = trained.inner_scheme(scheme)
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
