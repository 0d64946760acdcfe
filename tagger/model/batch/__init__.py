"""From sentences to the tensors that the network reads: encoded, grouped, laid out."""

from tagger.model.batch.corpus import Choices, EncodedCorpus, Example, encode
from tagger.model.batch.grouping import Batches, Groups, group, shuffled_batches, sorted_batches
from tagger.model.batch.language import KeptLayers, LanguageView, read_sentences
from tagger.model.batch.layout import Batch, collate
from tagger.model.batch.taught import SoftPart, Taught

__all__ = [
    "Batch",
    "Batches",
    "Choices",
    "EncodedCorpus",
    "Example",
    "Groups",
    "KeptLayers",
    "LanguageView",
    "SoftPart",
    "Taught",
    "collate",
    "encode",
    "group",
    "read_sentences",
    "shuffled_batches",
    "sorted_batches",
]
