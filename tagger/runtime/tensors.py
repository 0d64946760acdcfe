"""Arrays in one file, with checksums: safetensors, never pickle, so that a stranger's file can't run code.

The header carries the format version, the SHA-256 of the arrays and of the header's other facts, and the SHA-256
of the files that the arrays belong with, so one flipped bit anywhere is found before anything is computed. The header
alone tells how large the file is; one of another size, or whose arrays aren't those that are wanted, is not read.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import safetensors
from numpy.typing import NDArray

from tagger.errors import ModelError
from tagger.text.output import write_atomically

Array = NDArray[Any]
Tensor = TypeVar("Tensor")

FORMAT = "1"
MAX_HEADER = 1 << 20  # bytes: room for ten thousand names; a model has some dozens
_DTYPES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "int64": "I64",
    "int32": "I32",
    "uint8": "U8",
    "bool": "BOOL",
}
_NAMES = {short: name for name, short in _DTYPES.items()}
_MALFORMED = (
    safetensors.SafetensorError,
    OSError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    RecursionError,
    OverflowError,
)


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


class TensorHeader(NamedTuple):
    """What a file says of itself.

    Attributes:
        facts: by name, checksums of other files among them.
        arrays: type and shape of each, as `describe` says it.
    """

    facts: dict[str, str]
    arrays: dict[str, str]


def describe(kind: object, shape: Iterable[int]) -> str:
    """Say in words what an array is.

    >>> describe("float32", [2, 3])
    'float32 (2, 3)'
    """
    return f"{kind} {tuple(shape)}"


def read_header(path: Path) -> TensorHeader:
    """Return what a file says of itself, once its size is the one that this asks for.

    Raises:
        ModelError: the file is missing, of another size, or none of this format version.
    """
    if not path.is_file():
        raise ModelError("is missing; a model directory holds it beside the settings and tables", path)
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno()).st_size
            size = int.from_bytes(file.read(8), "little")
            if size > MAX_HEADER:
                raise ValueError(f"a header of {size:,} bytes")
            header = json.loads(file.read(size))
        facts = header.pop("__metadata__", {})
        expected = 8 + size + max((each["data_offsets"][1] for each in header.values()), default=0)
        if found != expected:
            raise ValueError(f"{found:,} bytes, but its header tells of {expected:,}")
        if not all(isinstance(each, str) for each in facts.values()):
            raise ValueError("facts that are no strings")
        _check_format(path, facts)
        if any(each["dtype"] not in _NAMES for each in header.values()):
            raise ModelError("holds numbers of a type that tagger doesn't write; train again", path)
        arrays = {name: describe(_NAMES[each["dtype"]], each["shape"]) for name, each in header.items()}
    except _MALFORMED as error:
        raise _broken(path, error) from None
    return TensorHeader(facts, arrays)


def read_tensors(path: Path) -> tuple[dict[str, str], dict[str, Array]]:
    """Return the header's facts and the arrays, once both match the checksum.

    Raises:
        ModelError: the file is missing, truncated, altered, of another format version, or too large for the memory.
    """
    facts, _ = read_header(path)
    try:
        with safetensors.safe_open(path, "np") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
        if _digest(tensors, facts) != facts.get("sha256"):
            raise ModelError("doesn't match its own checksum: damaged; copy it again or train again", path)
    except _MALFORMED as error:
        raise _broken(path, error) from None
    except MemoryError:
        size = f"{path.stat().st_size:,} bytes"
        raise ModelError(
            f"is {size}, for which there is too little memory; free some, or raise the limit", path
        ) from None
    return facts, tensors


def _broken(path: Path, error: Exception) -> ModelError:
    shown = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return ModelError(f"is not a whole safetensors file ({shown}); copy it again or train again", path)


def select_prefixed(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
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
