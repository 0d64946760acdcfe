"""Files -> what training needs: checked corpora, a dev split, the tables, encoded sentences."""

from tagger.training.data.content import count_tokens, list_tokens, mean_span_length
from tagger.training.data.corpora import Corpora, draw_held_out, hold_out, prepare_corpora, read_corpora
from tagger.training.data.encoding import (
    build_lexicon,
    encode_beside,
    encode_training,
    find_choices,
    list_tags,
)
from tagger.training.data.facts import (
    ClusterFacts,
    CorpusFacts,
    GazetteerFacts,
    count_clustered,
    count_known_names,
    describe_corpus,
)

__all__ = [
    "ClusterFacts",
    "Corpora",
    "CorpusFacts",
    "GazetteerFacts",
    "build_lexicon",
    "count_clustered",
    "count_known_names",
    "count_tokens",
    "describe_corpus",
    "draw_held_out",
    "encode_beside",
    "encode_training",
    "find_choices",
    "hold_out",
    "list_tags",
    "list_tokens",
    "mean_span_length",
    "prepare_corpora",
    "read_corpora",
]
