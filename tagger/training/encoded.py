"""The encoded training corpus of a run: in memory while it is small, in files beside the run beyond.

The files lie in the folder `corpus` of the checkpoint, whole or absent: they are written into a hidden folder, which
gets its name in one step. A run that goes on takes them as they are if they are of its corpora, settings and tables.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np

from tagger.errors import DataError
from tagger.model.batch import EncodedCorpus
from tagger.runtime.lexicon import Forms, Lexicon
from tagger.text import spool
from tagger.text.conll.packed import pack
from tagger.text.output import write_atomically
from tagger.text.spool import Array, MappedArray, Spool, check_room
from tagger.training import output
from tagger.training.data import Corpora, encode_training

_INDEX = "index.json"
_FORM, _PLACE, _SPELLING = "form-", "place-", "spelling"


def estimate_bytes(data: Corpora) -> int:
    """Return about how much a training corpus takes when it is encoded."""
    packed, embedding = pack(data.train.sentences), data.config.embedding
    rows = len(embedding.feature_columns) + 2 * (embedding.bigram_dim > 0) + len(data.gazetteers)
    rows += embedding.word_mark_dim > 0
    largest = (len(packed.words), 5 * len(data.types))  # rows of words and of tags
    a_token = sum(np.min_scalar_type(each).itemsize for each in largest) + 4 * rows
    a_word = 8 * embedding.affix_length + 2 * embedding.max_characters + 8
    return packed.num_tokens * a_token + len(packed) * 12 + len(packed.words) * a_word


def is_large(data: Corpora) -> bool:
    """Tell whether a training corpus goes to files."""
    return estimate_bytes(data) > spool.HELD_BYTES


def keep_encoded(
    data: Corpora, lexicon: Lexicon, checkpoint: Path, identity: Iterable[bytes]
) -> EncodedCorpus:
    """Return the encoded training corpus from its files, which are written if they aren't there.

    One process does this at a time; once it has, any number may.

    Args:
        data: the corpora.
        lexicon: their tables.
        checkpoint: the folder for the files.
        identity: what they follow from.

    Raises:
        DataError: there is too little room, or the disk refuses.
    """
    digest = hashlib.sha256()
    for content in identity:
        digest.update(hashlib.sha256(content).digest())
    fingerprint, folder = digest.hexdigest(), checkpoint / output.CORPUS
    found = _open(folder, fingerprint)
    if found is not None:
        return found
    output.discard_corpus(checkpoint)
    check_room(estimate_bytes(data), checkpoint)
    part = checkpoint / f".{output.CORPUS}"
    try:
        part.mkdir(parents=True)
        _write(data, lexicon, part, fingerprint)
        part.rename(folder)
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror or error}", part) from None
    found = _open(folder, fingerprint)
    if found is None:
        raise DataError("is not what was written a moment ago; is the disk sound?", folder)
    return found


def make_scratch(room: Path | None) -> Path:
    """Make a hidden folder for a corpus that no run is to find again; it is the caller's to remove.

    Raises:
        DataError: the disk refuses.
    """
    try:
        return Path(mkdtemp(prefix=".tagger-", dir=room))
    except OSError as error:
        raise DataError(
            f"cannot hold a folder: {error.strerror or error}; choose another --output", room
        ) from None


def _write(data: Corpora, lexicon: Lexicon, folder: Path, fingerprint: str) -> None:
    room = Spool(folder, is_kept=True)
    encoded = encode_training(data, lexicon, room, folder)
    allowed = room.column("allowed", np.bool_, encoded.num_tags)
    allowed.append(encoded.allowed)
    allowed.done()
    arrays = {
        name: {"dtype": column.dtype.str, "shape": column.shape, "checksum": column.checksum}
        for name, column in room.columns.items()
    }
    for name in arrays:
        _flush(folder / name)
    index = {"fingerprint": fingerprint, "ragged": sorted(encoded.forms.ragged), "arrays": arrays}
    write_atomically(folder / _INDEX, json.dumps(index).encode())


def _open(folder: Path, fingerprint: str) -> EncodedCorpus | None:
    """Return the corpus of a folder; None where there is none, another one, or a damaged one."""
    try:
        index = json.loads((folder / _INDEX).read_bytes())
        if index["fingerprint"] != fingerprint:
            return None
        arrays = {name: _open_array(folder / name, facts) for name, facts in index["arrays"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    forms = {name.removeprefix(_FORM): each for name, each in arrays.items() if name.startswith(_FORM)}
    spelling, allowed = forms.pop(_SPELLING, None), arrays["allowed"]
    return EncodedCorpus(
        forms=Forms(forms, frozenset(index["ragged"]), spelling),
        tokens=arrays["tokens"],
        starts=arrays["starts"],
        documents=arrays["documents"],
        local={name.removeprefix(_PLACE): each for name, each in arrays.items() if name.startswith(_PLACE)},
        tags=arrays.get("tags"),
        choices=arrays.get("choices"),
        allowed=allowed[:],
        num_tags=allowed.shape[1],
    )


def _open_array(path: Path, facts: dict[str, Any]) -> Array:
    found = MappedArray.open(path, facts["dtype"], tuple(facts["shape"]))
    if found.checksum() != facts["checksum"]:
        raise ValueError(f"{path} is damaged")
    return found


def _flush(path: Path) -> None:
    """See that a file is on the disk, so that a machine that stops leaves it whole."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
