"""Tensors in one file, with checksums: safetensors, never pickle, so that a stranger's file can't run code.

The header carries the format version, the SHA-256 of the tensors and of the header's other facts, and the SHA-256
of the files that the tensors belong with, so one flipped bit anywhere is found before anything is computed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from torch import Tensor

from tagger.errors import ModelError
from tagger.text.files import write_atomically

FORMAT = "1"
_DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def write_tensors(
    path: Path,
    tensors: Mapping[str, Tensor],
    files: Mapping[str, bytes],
    facts: Mapping[str, str] | None = None,
) -> None:
    """Write tensors in one step, with their checksum, those of the files they belong with, and further facts."""
    kept = {name: value.detach().contiguous().cpu() for name, value in tensors.items()}
    metadata = {"format": FORMAT, **(facts or {})} | {name: sha256(data) for name, data in files.items()}
    metadata["sha256"] = _digest(kept, metadata)
    write_atomically(path, *_serialise(kept, metadata))


def read_tensors(path: Path, files: Mapping[str, bytes], otherwise: str) -> dict[str, Tensor]:
    """Read what `write_tensors` wrote and check it against its checksums.

    Args:
        path: the file.
        files: the content of the files it belongs with, by name.
        otherwise: what to say where one of those differs.
    """
    metadata, tensors = read_checked(path)
    if any(metadata.get(name) != sha256(content) for name, content in files.items()):
        raise ModelError(otherwise, path)
    return tensors


def read_checked(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
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


def part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Any]:
    """Return the tensors whose names begin with a prefix, under the rest of their names."""
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


def _digest(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """Return the SHA-256 of tensors and facts, in the order of their names."""
    facts = sorted((name, value) for name, value in metadata.items() if name != "sha256")
    digest = hashlib.sha256(json.dumps(facts).encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(_bytes(value))
    return digest.hexdigest()


def _serialise(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> Iterator[bytes | memoryview]:
    """Yield the parts of a safetensors file: the size of its header, the header, the bytes of each tensor.

    The tensors aren't copied, which a checkpoint with 400,000 vectors and their moments would feel; and the header's
    facts have an order, which the library's own writer draws at random, so that the same content has the same bits.
    """
    names = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header: dict[str, object] = {"__metadata__": metadata}
    offset = 0
    for name in names:
        value = tensors[name]
        end = offset + value.numel() * value.element_size()
        header[name] = {
            "dtype": _DTYPES[value.dtype],
            "shape": list(value.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    text = json.dumps(header, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of their size
    yield len(text).to_bytes(8, "little")
    yield text
    for name in names:
        yield _bytes(tensors[name])


def _bytes(tensor: Tensor) -> memoryview:
    """Return what a contiguous tensor on the CPU holds."""
    return tensor.reshape(-1).view(torch.uint8).numpy().data
