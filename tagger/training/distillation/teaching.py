"""Teachers label text: the mean of what they believe of its tags, in files, in bounded memory, resumable."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from tagger.config import Config, DistillationConfig
from tagger.errors import ConfigError, DataError
from tagger.runtime.softlabels import SoftLabels, mean
from tagger.runtime.tagger import Tagger
from tagger.runtime.trained import inner_scheme
from tagger.text.counting import count_of
from tagger.text.features import bigrams
from tagger.text.raw import Words
from tagger.text.schemes import OUTSIDE, Scheme, Span, spans_to_tags, split_tag
from tagger.training.distillation.shards import (
    SoftCorpus,
    SoftText,
    has_shard,
    read_shard,
    write_index,
    write_shard,
)
from tagger.training.stream import within_bounds

Cut = tuple[Sequence[Words], Sequence[int]]  # sentences, and a number of each one's document


@dataclass(frozen=True, slots=True)
class TaughtFacts:
    """How far the labelling of a text is.

    Attributes:
        sentences, tokens: that are learnt from.
        left_out: sentences that aren't, being too short or too unsure.
        is_complete: whether the text is at its end.
        agreement: how far labels from elsewhere and teachers agree, see `silver.SilverAgreement`; None while that
            isn't known, and where there aren't both.
    """

    sentences: int
    tokens: int
    left_out: int
    is_complete: bool = False
    agreement: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints of it."""
        counts = {"sentences": self.sentences, "tokens": self.tokens, "left_out": self.left_out}
        return counts | {"agreement": self.agreement}


class Lesson(Protocol):
    """A text, and whoever says what its tags are."""

    @property
    def identity(self) -> str:
        """What differs where the text or the labels do."""

    def parts(self) -> Iterator[Cut]:
        """Yield the text, some sentences at a time, always the same ones."""

    def label(self, sentences: Sequence[Words], documents: Sequence[int]) -> SoftLabels:
        """Say what their tags are."""

    def agree(self) -> dict[str, Any] | None:
        """Return how far labels from elsewhere and teachers agree; None where there aren't both."""


class KnownSpans(NamedTuple):
    """What is known of a sentence.

    Attributes:
        spans: of it.
        is_open: of each token, whether its tag isn't known.
    """

    spans: Sequence[Span]
    is_open: Sequence[bool]

    def spell(self, scheme: Scheme) -> list[str | None]:
        """Return the tag of each token in a scheme; None where it isn't known."""
        tags = spans_to_tags(self.spans, len(self.is_open), scheme)
        return [None if is_open else tag for tag, is_open in zip(tags, self.is_open, strict=True)]


class Teachers:
    """Models whose beliefs are averaged.

    Args:
        taggers: the models, with the names by which messages call them.
        tags: the inner tags of the student.
        config: its settings.

    Raises:
        ConfigError: a model has other types than the student, or reads what raw text doesn't have, or it cuts text
            otherwise than the first.
    """

    def __init__(self, taggers: Sequence[tuple[str, Tagger]], tags: Sequence[str], config: Config) -> None:
        for name, tagger in taggers:
            _check_teacher(name, tagger, tags, config)
            _check_alike(name, tagger, *taggers[0])
        self.taggers = [tagger for _, tagger in taggers]
        self._K = len(tags)
        rows = {tag: row for row, tag in enumerate(tags)}
        self._rows = [[rows[tag] for tag in each.model.lexicon.tags] for each in self.taggers]
        self._temperature = config.distillation.temperature
        self._pool = ThreadPoolExecutor(min(len(taggers), os.cpu_count() or 1), "teacher")

    def soften(
        self,
        sentences: Sequence[Words],
        documents: Sequence[int],
        known: Sequence[KnownSpans | None] | None = None,
    ) -> SoftLabels:
        """Return the mean of what they believe, given what is known of some sentences."""

        def ask(number: int) -> SoftLabels:
            tagger = self.taggers[number]
            scheme = tagger.model.scheme
            facts = (
                None if known is None else [None if each is None else each.spell(scheme) for each in known]
            )
            found = tagger.soften(sentences, documents, known=facts, temperature=self._temperature)
            return found.renumbered(self._rows[number], self._K)

        return mean(list(self._pool.map(ask, range(len(self.taggers)))))

    def fingerprint(self) -> bytes:
        """Return what differs where a model does."""
        digest = hashlib.sha256(repr(self._temperature).encode())
        for tagger in self.taggers:
            for name, array in sorted(tagger.model.weights.items()):
                digest.update(name.encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.digest()


def _check_teacher(name: str, tagger: Tagger, tags: Sequence[str], config: Config) -> None:
    """Refuse a teacher of which the student can't learn."""
    model = tagger.model
    if model.config.embedding.feature_columns:
        raise ConfigError(
            f"{name} reads columns ({', '.join(model.config.embedding.feature_columns)}), which raw text doesn't "
            "have; expected a model without --feature-column",
            "--teacher",
        )
    found, wanted = (
        ", ".join(sorted({_type_of(tag, scheme) for tag in each} - {""})) or "spans without a type"
        for each, scheme in (
            (model.lexicon.tags, model.scheme),
            (tags, Scheme(config.corpus.scheme)),
        )
    )
    if set(model.lexicon.tags) != set(tags):
        raise ConfigError(
            f"{name} finds {found} ({model.scheme}), the gold corpus has {wanted} ({config.corpus.scheme}); expected "
            "teachers of the same types, trained on a corpus such as this",
            "--teacher",
        )
    if config.decoder.kind == "crf" and model.config.decoder.kind != "crf":
        raise ConfigError(
            f"{name} has the decoder {model.config.decoder.kind}, whose tags may contradict each other; expected one "
            "with a crf, or a student with --decoder softmax",
            "--teacher",
        )
    if config.corpus.scheme == "IO" != model.config.corpus.scheme:
        raise ConfigError(
            f"{name} finds spans that touch ({model.scheme}), which the student's scheme, IO, can't spell; expected "
            "teachers of IO, or a gold corpus in IOB2",
            "--teacher",
        )


def _type_of(tag: str, scheme: Scheme) -> str:
    return "" if tag == OUTSIDE else split_tag(tag, inner_scheme(scheme))[1]


def _check_alike(name: str, tagger: Tagger, first_name: str, first: Tagger) -> None:
    """Refuse a teacher that would cut the text otherwise than the first one."""
    for setting in ("mode", "splits"):
        found, wanted = (getattr(each.model.config.corpus, setting) for each in (tagger, first))
        if found != wanted:
            raise ConfigError(
                f"{name} cuts text otherwise than {first_name} (corpus.{setting} is {found!r}, not {wanted!r}); "
                "expected teachers whose corpora are cut alike",
                "--teacher",
            )


class _Kept(NamedTuple):
    """What is counted of what is learnt from."""

    words: Counter[str]
    pairs: Counter[str]


def teach(
    lesson: Lesson,
    folder: Path,
    settings: DistillationConfig,
    *,
    bigrams_too: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[TaughtFacts | SoftCorpus, None, None]:
    """Label a text, yielding how far it is and at last all of it; without that last one it was stopped.

    Files that are there already are read instead of made; those of another text or other teachers go.

    Raises:
        DataError: nothing is left to learn from.
    """
    sizes: list[int] = []
    kept = _Kept(Counter(), Counter())
    sentences = tokens = left_out = number = 0
    for cut, documents in lesson.parts():
        text = _find_shard(folder, number, lesson.identity)
        if text is None:
            text = select(SoftText(cut, documents, lesson.label(cut, documents)), settings)
            if text.sentences:
                write_shard(folder, number, text, lesson.identity)
        left_out += len(cut) - len(text.sentences)
        if text.sentences:
            sizes.append(sum(map(len, text.sentences)))
            sentences, tokens, number = sentences + len(text.sentences), tokens + sizes[-1], number + 1
            for words in text.sentences:
                kept.words.update(words)
                if bigrams_too:
                    kept.pairs.update(bigrams(words))
            kept = _Kept(*map(within_bounds, kept))
        yield TaughtFacts(sentences, tokens, left_out)
        if stop():
            return
    if not sizes:
        raise DataError(
            f"found nothing to learn from: {count_of(left_out, 'sentence')} too short or too unsure; give more text, "
            "or a lower distillation.min_surety or min_tokens"
        )
    facts = TaughtFacts(sentences, tokens, left_out, is_complete=True, agreement=lesson.agree())
    common, pairs = (dict(each.most_common(settings.vocabulary)) for each in kept)
    corpus = SoftCorpus(folder, lesson.identity, sizes, common, pairs, facts.as_dict())
    write_index(corpus)
    yield facts
    yield corpus


def _find_shard(folder: Path, number: int, identity: str) -> SoftText | None:
    """Return what was labelled before an interruption."""
    return read_shard(folder, number, identity) if has_shard(folder, number) else None


def select(text: SoftText, settings: DistillationConfig) -> SoftText:
    """Leave out sentences that are too short, or too unsure."""
    labels = text.labels
    is_kept = labels.sizes >= settings.min_tokens
    if settings.min_surety:
        is_kept &= labels.are_open() | (labels.surety() >= settings.min_surety)
    if is_kept.all():
        return text
    numbers = np.flatnonzero(is_kept).tolist()
    return SoftText(
        [text.sentences[number] for number in numbers],
        [text.documents[number] for number in numbers],
        labels.take(numbers),
    )
