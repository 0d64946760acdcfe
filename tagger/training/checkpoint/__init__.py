"""One model directory: written atomically, checked when read."""

from tagger.text.files import write_atomically
from tagger.training.checkpoint.disk import discard, locked, prepare_directory
from tagger.training.checkpoint.model import (
    CARD,
    CONFIG,
    CURVES,
    HISTORY,
    SCORES,
    SEEDS,
    VOCAB,
    WEIGHTS,
    belongings,
    copy_model,
    discard_model,
    discard_reports,
    expect_kind,
    load_model,
    read_model,
    save_model,
    write_model,
)
from tagger.training.checkpoint.tensors import FORMAT, part, read_checked, read_tensors, sha256, write_tensors

__all__ = [
    "CARD",
    "CONFIG",
    "CURVES",
    "FORMAT",
    "HISTORY",
    "SCORES",
    "SEEDS",
    "VOCAB",
    "WEIGHTS",
    "belongings",
    "copy_model",
    "discard",
    "discard_model",
    "discard_reports",
    "expect_kind",
    "load_model",
    "locked",
    "part",
    "prepare_directory",
    "read_checked",
    "read_model",
    "read_tensors",
    "save_model",
    "sha256",
    "write_atomically",
    "write_model",
    "write_tensors",
]
