"""Files -> checked corpora with their settings settled, and a dev split."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagger.config import Config, complete_settings
from tagger.errors import ConfigError, DataError
from tagger.model.vectors import Vectors
from tagger.runtime.evaluation import find_columns, read_gold
from tagger.runtime.language import TrainedLanguageModel
from tagger.runtime.trained import TrainedModel
from tagger.text import costs, schemes
from tagger.text.clusters import Clusters
from tagger.text.conll import Corpus, fit_corpus, pack_corpus
from tagger.text.conll.packed import pack
from tagger.text.formats.annotated import is_annotated, read_annotated
from tagger.text.gazetteer import Gazetteer
from tagger.text.schemes import Scheme
from tagger.text.tokenizer import Mode, detect, has_unspaced_words
from tagger.training.data.content import list_gold_tags, list_spans, list_words
from tagger.training.pretrained import TrainedTextEncoder

_NO_SPANS = (
    "no gold span, so that it can choose nothing: the last epoch is kept, nothing is calibrated, and F1 is 0 by "
    "convention; give a --dev file with spans, or hold out more with --set corpus.dev_share"
)


@dataclass(frozen=True)
class Corpora:
    """The corpora of one training run.

    Attributes:
        config: settings with the scheme and the mode of the corpus filled in.
        held_out: whether dev was cut from the training sentences because no dev file was given.
        types: the entity types (or bare labels) of the training sentences, sorted.
        language: the language model that the labeller uses, if any.
        vectors: pretrained word vectors, if any.
        base: the model whose training the run continues, if any; its types are among `types`.
        gazetteers: lists of names.
        encoder: what learnt from raw text, with which the labeller begins, if any.
        clusters: trees of words.
        base_words: the words that the training of `base` had; None where nobody knows.
        room: the folder of what memory isn't to hold; None: that of temporary files.
        is_taught: whether a lesson teaches the training sentences (`distillation.silver`), which then tell the words
            and the types alone.
    """

    config: Config
    train: Corpus
    dev: Corpus
    test: Corpus | None
    held_out: bool
    types: tuple[str, ...]
    language: TrainedLanguageModel | None = None
    vectors: Vectors | None = None
    base: TrainedModel | None = None
    gazetteers: tuple[Gazetteer, ...] = ()
    encoder: TrainedTextEncoder | None = None
    clusters: tuple[Clusters, ...] = ()
    base_words: AbstractSet[str] | None = frozenset()
    room: Path | None = None
    is_taught: bool = False

    @cached_property
    def training_words(self) -> frozenset[str] | None:
        """The words that the model has seen labelled; None where its labels are no words', or nobody knows."""
        is_of_words = self.train.task.cuts_words or self.train.scheme is Scheme.BARE
        return (
            frozenset(list_words(self.train)) | self.base_words
            if is_of_words and self.base_words is not None
            else None
        )

    @property
    def has_unspaced_words(self) -> bool:
        """Whether training tokens are words of a script without blanks, into which raw text can't be cut."""
        tokens = (token for sentence in self.train.sentences for token in sentence.tokens)
        return Mode(self.config.corpus.mode) is Mode.WORDS and has_unspaced_words(tokens)

    @cached_property
    def dev_has_spans(self) -> bool:
        """Whether dev can choose anything: without a gold span every F1 on it is 0."""
        return any(list_spans(sentence, self.dev.scheme) for sentence in self.dev.sentences)

    def fingerprint(self) -> bytes:
        """Return what differs where the training or the dev sentences differ."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> bytes:
        return pack(self.train.sentences).digest() + pack(self.dev.sentences).digest()


def read_corpora(
    train: Path | Corpus,
    dev: Path | Corpus | None,
    test: Path | Corpus | None,
    config: Config,
    room: Path | None = None,
) -> Corpora:
    """Read and check the corpora of a run; without a dev corpus, hold some training sentences out by seed.

    Args:
        train, dev, test: files, or corpora that are in memory.
        config: the settings.
        room: the folder of what memory isn't to hold; None: that of temporary files.

    Raises:
        DataError: a file is missing or faulty, or too small to hold sentences out.
        ConfigError: a feature's column is that of the tag, or a type that has a cost isn't there.
    """
    wanted = None if config.corpus.scheme == "auto" else schemes.parse_scheme(config.corpus.scheme)
    columns, encoding = find_columns(config), config.corpus.encoding
    if isinstance(train, Path) and is_annotated(train):
        train = read_annotated(train, columns=columns, scheme=wanted, encoding=encoding)
    learned = (
        fit_corpus(train, columns.task or train.task)
        if isinstance(train, Corpus)
        else pack_corpus(train, columns=columns, scheme=wanted, encoding=encoding, room=room)
    )
    _refuse_tag_as_feature(learned, config)
    others = (
        read_gold(each, learned.scheme, columns=replace(columns, task=learned.task), encoding=encoding)
        if isinstance(each, Path)
        else each and fit_corpus(each, learned.task)
        for each in (dev, test)
    )
    return prepare_corpora(learned, *others, config=config, room=room)


def _refuse_tag_as_feature(corpus: Corpus, config: Config) -> None:
    layout = corpus.layout
    if layout is None or layout.tag is None:
        return
    _, tag, *others = zip(layout.wanted, layout.keys, strict=True)
    for name, place in zip(config.embedding.feature_columns, others, strict=True):
        if place == tag:
            raise ConfigError(
                f"found {name}, which is the column of the tag; expected another: a model that is shown the answer "
                "learns nothing (--tag-column names the tag's)",
                "--feature-column",
            )


def prepare_corpora(
    learned: Corpus, dev: Corpus | None, test: Corpus | None, *, config: Config, room: Path | None = None
) -> Corpora:
    """Settle what the settings left to the corpus; without a dev corpus, hold some sentences out by seed.

    Raises:
        DataError: there is nothing to learn, or too little to hold sentences out.
        ConfigError: a type that has a cost isn't among those of the training corpus.
    """
    chosen = config.corpus
    learned = replace(learned, sentences=pack(learned.sentences, room))
    found = detect(sentence.tokens for sentence in learned.sentences)
    mode = found.mode if chosen.mode == "auto" else Mode(chosen.mode)
    settled = complete_settings(
        config,
        learned.scheme,
        mode.value,
        found.splits if chosen.splits == "auto" else chosen.splits,
        cuts_words=learned.task.cuts_words,
    )
    held_out = dev is None
    if dev is None:
        learned, dev = hold_out(learned, settled, room)
    types = sorted(
        {
            span.type
            for tag in list_gold_tags(learned)
            for span in schemes.tags_to_spans((tag,), learned.scheme)
        }
    )
    if not types:
        fault = "found no span, expected some to learn from; is the tag column the right one? (--tag-column)"
        raise DataError("; ".join((fault, *learned.warnings)), learned.path)
    costs.check(config.training.costs, types)
    found_corpora = Corpora(settled, learned, dev, test, held_out, tuple(types), room=room)
    if found_corpora.dev_has_spans:
        return found_corpora
    return replace(found_corpora, dev=replace(dev, warnings=(*dev.warnings, _NO_SPANS)))


def hold_out(corpus: Corpus, config: Config, room: Path | None = None) -> tuple[Corpus, Corpus]:
    """Split sentences into training and dev by the configuration's seed; both keep the corpus's order."""
    is_held = draw_held_out(len(corpus.sentences), config, corpus.path)
    packed = pack(corpus.sentences, room)
    learned = replace(corpus, sentences=packed.select(~is_held, room))
    held = replace(corpus, sentences=tuple(packed.select(is_held, room)))
    return learned, replace(held, path=f"{corpus.path} (held out)", warnings=())


def draw_held_out(total: int, config: Config, path: str) -> NDArray[np.bool_]:
    """Say of each of so many sentences whether it is held out; `path` is named where they are too few.

    Raises:
        DataError: there is one alone, or none.
    """
    if total < 2:
        raise DataError(
            "found one sentence, expected two or more to hold some out; give a dev file with --dev", path
        )
    size = min(total - 1, max(1, round(config.corpus.dev_share * total)))
    is_held = np.zeros(total, np.bool_)
    is_held[np.random.default_rng(config.seed).choice(total, size, replace=False)] = True
    return is_held
