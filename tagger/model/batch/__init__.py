"""From sentences to the tensors that the network reads: encoded, grouped, laid out."""

from tagger.model.batch.corpus import EncodedCorpus, Example, encode
from tagger.model.batch.grouping import (
    OVERLAP,
    Group,
    Window,
    cut_windows,
    group,
    shuffled_batches,
    sorted_batches,
)
from tagger.model.batch.language import KeptLayers, LanguageView, read_sentences
from tagger.model.batch.layout import Batch, collate

__all__ = [
    "OVERLAP",
    "Batch",
    "EncodedCorpus",
    "Example",
    "Group",
    "KeptLayers",
    "LanguageView",
    "Window",
    "collate",
    "cut_windows",
    "encode",
    "group",
    "read_sentences",
    "shuffled_batches",
    "sorted_batches",
]
