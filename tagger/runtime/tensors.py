"""Arrays in one file, with checksums: safetensors, never pickle, so that a stranger's file can't run code.

The header carries the format version, the SHA-256 of the arrays and of the header's other facts, and the SHA-256
of the files that the arrays belong with, so one flipped bit anywhere is found before anything is computed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from numpy.typing import NDArray

from tagger.errors import ModelError
from tagger.text.files import write_atomically

Array = NDArray[Any]

FORMAT = "1"
_DTYPES = {"float64": "F64", "float32": "F32", "int64": "I64", "int32": "I32", "uint8": "U8", "bool": "BOOL"}


def write_tensors(
    path: Path,
    tensors: Mapping[str, Array],
    files: Mapping[str, bytes],
    facts: Mapping[str, str] | None = None,
) -> None:
    """Write arrays in one step, with their checksum, those of the files they belong with, and further facts."""
    kept = {name: np.asarray(value, order="C") for name, value in tensors.items()}
    metadata = {"format": FORMAT, **(facts or {})} | {name: sha256(data) for name, data in files.items()}
    metadata["sha256"] = _digest(kept, metadata)
    write_atomically(path, *_serialise(kept, metadata))


def read_tensors(path: Path) -> tuple[dict[str, str], dict[str, Array]]:
    """Return the header's facts and the arrays, once both match the checksum.

    Raises:
        ModelError: the file is missing, truncated, altered, or of another format version.
    """
    if not path.is_file():
        raise ModelError("is missing; a model directory holds it beside the settings and tables", path)
    try:
        with safetensors.safe_open(path, "np") as file:
            metadata: dict[str, str] = file.metadata() or {}
            _check_format(path, metadata)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    except (safetensors.SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(
            f"is not a whole safetensors file ({error}); copy it again or train again", path
        ) from None
    if any(str(value.dtype) not in _DTYPES for value in tensors.values()):
        raise ModelError("holds numbers of a type that tagger doesn't write; train again", path)
    if _digest(tensors, metadata) != metadata.get("sha256"):
        raise ModelError("doesn't match its own checksum: damaged; copy it again or train again", path)
    return metadata, tensors


def select_prefixed(tensors: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """Return the arrays whose names begin with a prefix, under the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def sha256(content: bytes) -> str:
    """Return the checksum of a file's content."""
    return hashlib.sha256(content).hexdigest()


def _check_format(path: Path, metadata: Mapping[str, str]) -> None:
    found = metadata.get("format")
    if found is None:
        raise ModelError("has no format version: it was not written by tagger", path)
    if found != FORMAT:
        raise ModelError(
            f"format version {found} found, {FORMAT} expected; use the tagger that wrote it", path
        )


def _digest(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> str:
    """Return the SHA-256 of arrays and facts, in the order of their names.

    Types are named as PyTorch names them, which wrote the first files of this format.
    """
    facts = sorted((name, value) for name, value in metadata.items() if name != "sha256")
    digest = hashlib.sha256(json.dumps(facts).encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name} torch.{value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(_bytes(value))
    return digest.hexdigest()


def _serialise(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> Iterator[bytes | memoryview]:
    """Yield the parts of a safetensors file: the size of its header, the header, the bytes of each array.

    The arrays aren't copied, which a checkpoint with 400,000 vectors and their moments would feel; and the header's
    facts have an order, which the library's own writer draws at random, so that the same content has the same bits.
    """
    names = sorted(tensors, key=lambda name: (-tensors[name].itemsize, name))
    header: dict[str, object] = {"__metadata__": metadata}
    offset = 0
    for name in names:
        value = tensors[name]
        end = offset + value.nbytes
        header[name] = {
            "dtype": _DTYPES[str(value.dtype)],
            "shape": list(value.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    text = json.dumps(header, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # arrays begin at a multiple of their size
    yield len(text).to_bytes(8, "little")
    yield text
    for name in names:
        yield _bytes(tensors[name])


def _bytes(array: Array) -> memoryview:
    """Return what a contiguous array holds."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
