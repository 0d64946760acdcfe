"""One model directory: written atomically, checked when read, resumed to the same bits."""

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
    copy_model,
    discard_model,
    discard_reports,
    expect_kind,
    load_model,
    read_model,
    save_model,
    write_model,
)
from tagger.training.checkpoint.run import CHECKPOINT, discard_run, has_run, load_run, save_run
from tagger.training.checkpoint.tensors import FORMAT, part, read_tensors, write_tensors

__all__ = [
    "CARD",
    "CHECKPOINT",
    "CONFIG",
    "CURVES",
    "FORMAT",
    "HISTORY",
    "SCORES",
    "SEEDS",
    "VOCAB",
    "WEIGHTS",
    "copy_model",
    "discard",
    "discard_model",
    "discard_reports",
    "discard_run",
    "expect_kind",
    "has_run",
    "load_model",
    "load_run",
    "locked",
    "part",
    "prepare_directory",
    "read_model",
    "read_tensors",
    "save_model",
    "save_run",
    "write_atomically",
    "write_model",
    "write_tensors",
]
