"""What is asked of a model at work, and what it answers, sentence by sentence."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from tagger.errors import ConfigError
from tagger.runtime.rivals import Rival


class ScoredSpan(NamedTuple):
    """Tokens `start` to `end` (half-open) of a sentence that carry a type, and the probability of exactly that."""

    type: str
    start: int
    end: int
    confidence: float | None


class Doubt(StrEnum):
    """How the doubt of a model about a sentence is measured, token by token; the sum is that of the sentence."""

    ENTROPY = "entropy"
    """Of the distribution over all tag sequences, in nats: that of each tag given the one before it."""
    ERRORS = "errors"
    """Spans that are expected to be wrong or missing, each where it begins: p + g - 2c of F1 = 2c / (p + g)."""


class Alternative(NamedTuple):
    """One of the n best readings of a sentence: the probability of its whole tag sequence, its tags and spans."""

    confidence: float
    tags: list[str]
    spans: list[ScoredSpan]


@dataclass(slots=True)
class Labelling:
    """What a model says of one sentence.

    Attributes:
        tags: one for each token, in the scheme of the model's corpus.
        spans: in order; where labels are bare, each token that isn't `O` is a span of its own.
        nbest: the n best readings, best first; None where nobody asked.
        rivals: for each span what else its tokens could be, most probable first; None where nobody asked.
        expected_spans: how many spans the model expects there to be; None where nobody asked.
        doubts: how doubtful each token is; None where nobody asked.
    """

    tags: list[str]
    spans: list[ScoredSpan] = field(default_factory=list)
    nbest: list[Alternative] | None = None
    rivals: list[list[Rival]] | None = None
    expected_spans: float | None = None
    doubts: list[float] | None = None


class Question(NamedTuple):
    """What is asked of a decoder.

    Attributes:
        confidences: whether spans need their probability.
        nbest: how many readings; 0: none beside the best tags.
        min_confidence: spans below it are left out, and their tags become `O` (bare labels keep their tags), unless
            known tags demand them; None: what the model has.
        words_across_blanks: whether a word that is cut out of a text may hold blanks; else they end it.
        rivals: how many other things that its tokens could be are given with each span.
        expected_spans: whether to say how many spans a sentence is expected to have, found or not: the sum over its
            tokens of the probability that a span begins there. It takes probabilities of sentences without spans,
            too. Exact for a CRF; of a softmax decoder, whose tags may contradict the scheme, nearly.
        doubt: how to measure the doubt about each token; None: not at all.
    """

    confidences: bool = True
    nbest: int = 0
    min_confidence: float | None = None
    words_across_blanks: bool = False
    rivals: int = 0
    expected_spans: bool = False
    doubt: Doubt | None = None


def build_question(
    min_confidence: float | None,
    nbest: int,
    *,
    confidences: bool = True,
    words_across_blanks: bool = False,
    rivals: int = 0,
    expected_spans: bool = False,
    doubt: Doubt | None = None,
) -> Question:
    """Return a question, once what is asked can be answered.

    Raises:
        ConfigError: a number is out of its range.
    """
    if min_confidence is not None and not 0.0 <= min_confidence <= 1.0:
        raise ConfigError(f"found {min_confidence}, expected a probability between 0 and 1", "min_confidence")
    if nbest < 0:
        raise ConfigError(f"found {nbest}, expected 0 (none) or more", "nbest")
    if rivals < 0:
        raise ConfigError(f"found {rivals}, expected 0 (none) or more", "rivals")
    return Question(confidences, nbest, min_confidence, words_across_blanks, rivals, expected_spans, doubt)
