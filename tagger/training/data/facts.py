"""What there is to tell of the corpora of a run; printing it is the caller's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tagger.text import schemes
from tagger.text.clusters import Clusters
from tagger.text.conll import Corpus
from tagger.text.conll.packed import pack
from tagger.text.gazetteer import Gazetteer
from tagger.training.data.content import count_all_words, count_labels, holds_outside, list_spans, list_words
from tagger.training.data.corpora import Corpora


@dataclass(frozen=True, slots=True)
class CorpusFacts:
    """What one corpus holds.

    Attributes:
        unknown: share of the tokens that the training sentences lack, or of the words that tags make of them; None
            for those themselves.
        strange_types: types that the training sentences lack, with their number of spans; a model can't find
            them, so they are counted as missed.
        repeated: sentences that are also in the training corpus; None for that itself.
    """

    path: str
    sentences: int
    tokens: int
    spans: int
    unknown: float | None
    strange_types: dict[str, int]
    repeated: int | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GazetteerFacts:
    """How much a list of names knows: shares of the spans of train and dev that are an entry from end to end."""

    name: str
    entries: int
    train: float
    dev: float


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """How much a tree of words knows: shares of the tokens of train and dev that have a class."""

    name: str
    words: int
    classes: int
    train: float
    dev: float


def describe_corpus(corpus: Corpus, learned: Corpus | None = None, types: Sequence[str] = ()) -> CorpusFacts:
    """Count what a corpus holds, beside the training corpus where one is given."""
    packed = pack(corpus.sentences)
    spans = count_labels(packed, corpus.scheme)
    unknown = repeated = None
    strange: dict[str, int] = {}
    if learned is not None:
        known_types = {*types, schemes.OUTSIDE} if holds_outside(learned) else set(types)
        counts = Counter(
            span.type for each in corpus.sentences for span in schemes.labels_of(each.tags, corpus.scheme)
        )
        strange = {type_: counts[type_] for type_ in sorted(set(counts) - known_types)}
        known, words = set(list_words(learned)), count_all_words(corpus)
        unknown = sum(count for word, count in words.items() if word not in known) / max(1, words.total())
        seen = pack(learned.sentences).find(corpus.sentences)
        repeated = sum(sentence.tokens in seen for sentence in corpus.sentences)
    return CorpusFacts(
        corpus.path, len(packed), packed.num_tokens, spans, unknown, strange, repeated, corpus.warnings
    )


def count_known_names(corpora: Corpora) -> list[GazetteerFacts]:
    """Count what each list of names knows."""
    parts = (corpora.train, corpora.dev)
    return [
        GazetteerFacts(each.name, len(each), *(_known_share(each, corpus) for corpus in parts))
        for each in corpora.gazetteers
    ]


def _known_share(names: Gazetteer, corpus: Corpus) -> float:
    spans = known = 0
    for sentence in corpus.sentences:
        found = {(start, stop) for _, start, stop in list_spans(sentence, corpus.scheme)}
        spans += len(found)
        known += len(found.intersection(names.find(sentence.tokens)))
    return known / max(1, spans)


def count_clustered(corpora: Corpora) -> list[ClusterFacts]:
    """Count what each tree of words knows."""
    parts = (corpora.train, corpora.dev)
    return [
        ClusterFacts(
            each.name, len(each), each.classes, *(_clustered_share(each, corpus) for corpus in parts)
        )
        for each in corpora.clusters
    ]


def _clustered_share(tree: Clusters, corpus: Corpus) -> float:
    words = pack(corpus.sentences).count_words()
    return sum(count for word, count in words.items() if word in tree) / max(1, words.total())
