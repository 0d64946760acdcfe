"""Labels that something else made, as a lesson: another program's, a large model's, with scores or without.

A span with a score s that is a probability says that the sentence is so with probability s, and has no span there
with 1 - s; spans don't depend on each other. That is a distribution over tag sequences whose marginals and moves
follow at once: within a span the moves of its tags have s and those of `O` have 1 - s, and between two of them the
probabilities are multiplied. Spans of a low score say nothing: their tokens are open. Where teachers stand beside,
these say what open tokens are, given the rest of the sentence; else a sentence with open tokens is learnt from the
tags that are left (`model.crf.soft`, second point).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from tagger.config import Config
from tagger.errors import ConfigError, DataError
from tagger.runtime.softlabels import LEAST, SentenceLabels, SoftLabels, join, merge, sum_moves
from tagger.text.conll import Corpus, Sentence
from tagger.text.counting import count_of
from tagger.text.raw import Words
from tagger.text.schemes import OUTSIDE, UNKNOWN_TAG, Scheme, Span, convert, spans_to_tags, tags_to_spans
from tagger.training.data import draw_held_out
from tagger.training.distillation.shards import SHARD_TOKENS
from tagger.training.distillation.teaching import Cut, KnownSpans, Teachers

_SHOWN = 8  # types in a message
_EXAMPLES = 3  # of each disagreement


class SilverSpan(NamedTuple):
    """A span and how probable it is; None: nothing is known of its tokens."""

    type: str
    start: int
    end: int
    share: float | None


class SilverDispute(NamedTuple):
    """One of the places where labels from elsewhere and teachers differ."""

    file: str
    line: int
    words: str


@dataclass
class SilverAgreement:
    """How far labels from elsewhere and teachers agree, by type.

    Attributes:
        sentences: that were compared.
        silver, teacher, both: spans that either has, and that both have, exactly alike.
        instead: for two types, or `O`, how often the first is said where teachers say the second.
        examples: the first places of each.
    """

    sentences: int = 0
    silver: Counter[str] = field(default_factory=Counter)
    teacher: Counter[str] = field(default_factory=Counter)
    both: Counter[str] = field(default_factory=Counter)
    instead: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], list[SilverDispute]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints of it."""
        types = sorted(self.silver.keys() | self.teacher.keys())
        return {
            "types": {
                name: {"silver": self.silver[name], "teacher": self.teacher[name], "both": self.both[name]}
                for name in types
            },
            "instead": [
                {
                    "silver": silver,
                    "teacher": teacher,
                    "count": count,
                    "examples": [each._asdict() for each in self.examples[silver, teacher]],
                }
                for (silver, teacher), count in self.instead.most_common()
            ],
        }

    def compare(self, sentence: Sentence, file: str, silver: Sequence[Span], teacher: Sequence[Span]) -> None:
        """Count the spans of a sentence, which stands in a file."""

        def differ(span: Span, pair: tuple[str, str]) -> None:
            self.instead[pair] += 1
            shown = self.examples.setdefault(pair, [])
            if len(shown) < _EXAMPLES:
                words = " ".join(sentence.tokens[span.start : span.end])
                shown.append(SilverDispute(file, sentence.line_of(span.start), words))

        self.sentences += 1
        same = set(silver) & set(teacher)
        for counts, spans in ((self.silver, silver), (self.teacher, teacher), (self.both, same)):
            counts.update(span.type for span in spans)
        for span in sorted(set(silver) - same, key=lambda span: span.start):
            differ(span, (span.type, _find_rival(span, teacher)))
        for span in sorted(set(teacher) - same, key=lambda span: span.start):
            if _find_rival(span, silver) == OUTSIDE:
                differ(span, (OUTSIDE, span.type))


def _find_rival(span: Span, others: Sequence[Span]) -> str:
    """Return the type of another span that shares a token with one; `O` where none does."""
    return next((each.type for each in others if each.start < span.end and span.start < each.end), OUTSIDE)


def unite(corpora: Sequence[Corpus], min_score: float) -> Corpus:
    """Return labels from elsewhere as one corpus to learn words and types from, where there is no gold.

    Args:
        corpora: read with their scores.
        min_score: the tags of spans with a lower one are `?`.

    Raises:
        DataError: some have spans and others bare labels.
    """
    schemes = {corpus.scheme for corpus in corpora}
    scheme = schemes.pop() if len(schemes) == 1 else Scheme.IOB2
    bare = next((each for each in corpora if each.scheme is Scheme.BARE is not scheme), None)
    if bare is not None:
        raise DataError(
            "found labels that are no spans, unlike those beside it; expected one kind", bare.path
        )
    sentences, base = [], 0
    for corpus in corpora:
        last = base
        for sentence in corpus.sentences:
            tags = list(sentence.tags)
            for (_, start, end), score in zip(*_score_spans(sentence, corpus.scheme), strict=True):
                if score < min_score:
                    tags[start:end] = [UNKNOWN_TAG] * (end - start)
            last = base + sentence.document
            tags = tags if corpus.scheme is scheme else convert(tags, corpus.scheme, scheme)
            sentences.append(replace(sentence, tags=tuple(tags), document=last))
        base = last + 1
    evidence = corpora[0].evidence if len(corpora) == 1 else f"spans of {count_of(len(corpora), 'file')}"
    return Corpus(", ".join(each.path for each in corpora), tuple(sentences), scheme, evidence, ())


def split_off_dev(corpora: Sequence[Corpus], config: Config) -> tuple[list[Corpus], Corpus]:
    """Hold some sentences out by the configuration's seed, as of a gold corpus."""
    whole = unite(corpora, config.distillation.min_score)
    is_held = draw_held_out(len(whole.sentences), config, whole.path)
    held = tuple(each for each, is_dev in zip(whole.sentences, is_held, strict=True) if is_dev)
    learned, start = [], 0
    for corpus in corpora:
        part = is_held[start : start + len(corpus.sentences)]
        kept = tuple(each for each, is_dev in zip(corpus.sentences, part, strict=True) if not is_dev)
        learned.append(replace(corpus, sentences=kept))
        start += len(part)
    return learned, replace(whole, path=f"{whole.path} (held out)", sentences=held)


def _score_spans(sentence: Sentence, scheme: Scheme) -> tuple[list[Span], list[float]]:
    """Return the spans of a sentence and the score of each: 1 where nothing is said of it."""
    spans = tags_to_spans(sentence.tags, scheme)
    excerpt = sentence.excerpt
    if excerpt is None or not excerpt.tokens:
        return spans, [1.0] * len(spans)
    places = ((span.type, excerpt.tokens[span.start][0], excerpt.tokens[span.end - 1][1]) for span in spans)
    return spans, [excerpt.confidences.get(place, 1.0) for place in places]


class SilverLesson:
    """Corpora that something else labelled; see `teaching.Lesson`.

    Args:
        corpora: read with their scores, see `text.formats.CorpusSettings.is_silver`.
        tags: the inner tags of the student.
        scheme: of the student's corpus.
        min_score: what has a lower one is open.
        teachers: who says what open tokens are, and whose tags are compared; None: nobody.
    """

    def __init__(
        self,
        corpora: Sequence[Corpus],
        tags: Sequence[str],
        scheme: Scheme,
        min_score: float,
        teachers: Teachers | None = None,
    ) -> None:
        self._sentences = [sentence for corpus in corpora for sentence in corpus.sentences]
        self._files = [corpus.path for corpus in corpora for _ in corpus.sentences]
        self._teachers = teachers
        self._min_score = min_score
        self._rows = {tag: row for row, tag in enumerate(tags)}
        self._inner = Scheme.BARE if scheme is Scheme.BARE else Scheme.BIOES
        self._types = sorted({span.type for tag in tags for span in tags_to_spans([tag], self._inner)})
        self.strange: Counter[str] = Counter()  # types that the student doesn't have: their tokens are open
        scores = [
            score for each in self._sentences if each.excerpt for score in each.excerpt.confidences.values()
        ]
        self.are_probabilities = all(0 <= score <= 1 for score in scores)
        self._spans = [
            self._read(sentence, corpus.scheme) for corpus in corpora for sentence in corpus.sentences
        ]
        self.agreement = SilverAgreement()
        self._place = 0

    @property
    def identity(self) -> str:
        digest = hashlib.sha256(self._teachers.fingerprint() if self._teachers else b"")
        for sentence, spans in zip(self._sentences, self._spans, strict=True):
            digest.update(repr((sentence.tokens, sentence.document, spans)).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def parts(self) -> Iterator[Cut]:
        start = tokens = 0
        for place, sentence in enumerate(self._sentences, 1):
            tokens += len(sentence)
            if tokens >= SHARD_TOKENS or place == len(self._sentences):
                self._place = start
                some = self._sentences[start:place]
                yield [each.tokens for each in some], [each.document for each in some]
                start, tokens = place, 0

    def label(self, sentences: Sequence[Words], documents: Sequence[int]) -> SoftLabels:
        spans = self._spans[self._place : self._place + len(sentences)]
        sizes = [len(words) for words in sentences]
        K = len(self._rows)
        own = join([self._soften(each, size) for each, size in zip(spans, sizes, strict=True)], sizes, K)
        if self._teachers is None:
            return own
        self._compare(sentences, documents, spans)
        known = [_find_known(each, size) for each, size in zip(spans, sizes, strict=True)]
        return merge(own, self._teachers.soften(sentences, documents, known), own.are_open())

    def describe_strange(self, *, has_gold: bool) -> str | None:
        """Say which types the student lacks; None where it has all.

        Args:
            has_gold: whether it has those of a gold corpus, else those of the sure labels.

        Raises:
            ConfigError: it has none of them.
        """
        if not self.strange:
            return None
        found = ", ".join(
            f"{name} ({count_of(count, 'span')})" for name, count in self.strange.most_common(_SHOWN)
        )
        if not any(span.type in self._types for spans in self._spans for span in spans):
            raise ConfigError(
                f"found spans of {found}, the gold corpus has {', '.join(self._types)}; expected labels of its types",
                "--silver",
            )
        why = "that the gold corpus lacks" if has_gold else "of which no span has score enough (--min-score)"
        return f"types of --silver {why}, whose tokens are taken for unknown: {found}"

    def _read(self, sentence: Sentence, scheme: Scheme) -> list[SilverSpan]:
        """Return what is said of the spans of a sentence, in order, and which tokens are open."""
        found = []
        for (type_, start, end), score in zip(*_score_spans(sentence, scheme), strict=True):
            share = None if score < self._min_score else score if self.are_probabilities else 1.0
            if type_ not in self._types:
                self.strange[type_] += 1
                share = None
            found.append(SilverSpan(type_, start, end, share))
        for token, tag in enumerate(sentence.tags):
            if tag == UNKNOWN_TAG:
                found.append(SilverSpan("", token, token + 1, None))
        return sorted(found, key=lambda span: span.start)

    def _soften(self, spans: Sequence[SilverSpan], size: int) -> SentenceLabels:
        """Return the distribution that the spans of a sentence describe; nothing for open tokens."""
        outside = self._rows.get(OUTSIDE)
        choices: list[list[tuple[int, float]]] = [[] if outside is None else [(outside, 1.0)]] * size
        owner = list(range(size))  # tokens of one span have the number of its first
        for span in spans:
            if span.share is None:
                choices[span.start : span.end] = [[]] * (span.end - span.start)
                continue
            tags = spans_to_tags(
                [Span(span.type, 0, span.end - span.start)], span.end - span.start, self._inner
            )
            for token, tag in enumerate(tags, span.start):
                rest = 1.0 - span.share if outside is not None else 0.0
                options = [(self._rows[tag], 1.0 - rest), (outside or 0, rest)]
                choices[token] = [(row, share) for row, share in options if share >= LEAST]
                owner[token] = span.start if self._inner is not Scheme.BARE else token
        moves: list[tuple[int, float]] = []
        K = len(self._rows)
        for token in range(1, size):
            before, here = choices[token - 1], choices[token]
            if owner[token] == owner[token - 1]:
                pairs = [(i, j, p) for (i, p), (j, _) in zip(before, here, strict=True)]
            else:
                pairs = [(i, j, p * q) for i, p in before for j, q in here]
            moves += [(i * K + j, p) for i, j, p in pairs]
        if not all(choices):
            moves = []  # the sentence is open, and its tags alone count
        flat = [(token, row, share) for token, options in enumerate(choices) for row, share in options]
        tokens, rows, shares = (np.array([each[column] for each in flat]) for column in range(3))
        made, counts = (np.array([each[column] for each in moves]) for column in range(2))
        return SentenceLabels(tokens, rows, shares, *sum_moves(made.astype(np.int64), counts, size - 1))

    def agree(self) -> dict[str, Any] | None:
        """Return how far the teachers agree; None where there are none, or some of it was labelled before."""
        if self._teachers is None or self.agreement.sentences < len(self._sentences):
            return None
        return self.agreement.as_dict()

    def _compare(
        self, sentences: Sequence[Words], documents: Sequence[int], spans: Sequence[Sequence[SilverSpan]]
    ) -> None:
        """Compare what is sure with what teachers say who are told nothing."""
        assert self._teachers is not None
        believed = self._teachers.soften(sentences, documents).options(list(self._rows))
        for place, (options, own) in enumerate(zip(believed, spans, strict=True), self._place):
            found = tags_to_spans([option[0] for option in options], self._inner)
            unknown = [each for each in own if each.share is None]
            sure = [Span(*each[:3]) for each in own if each.share is not None]
            seen = [
                each
                for each in found
                if not any(one.start < each.end and each.start < one.end for one in unknown)
            ]
            self.agreement.compare(self._sentences[place], self._files[place], sure, seen)


def _find_known(spans: Sequence[SilverSpan], size: int) -> KnownSpans | None:
    """Return what a sentence with open tokens says of the others; None where no token is open."""
    if all(span.share is not None for span in spans):
        return None
    is_open = [False] * size
    for span in spans:
        if span.share is None:
            is_open[span.start : span.end] = [True] * (span.end - span.start)
    return KnownSpans([Span(*each[:3]) for each in spans if each.share is not None], is_open)
