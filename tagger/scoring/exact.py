"""Exact-match scores: precision, recall and F1 of spans per type, micro and macro, and token accuracy.

A predicted span is right when type, start and end are those of a gold span (Tjong Kim Sang and Buchholz
2000, the rule of `conlleval`, the CoNLL-2000/2002/2003 scorer). How tags become spans is the business of
`schemes` and `strict`; files, models and printing are unknown here.

Three conventions, each the same everywhere in this package:

- **0/0 is 0.** Without a span in gold or predicted precision, recall and F1 are 0.0, as conlleval and seqeval have
  it, and `Scores.note` says why: such labels measure nothing, and a model that finds nothing must not look perfect
  on them. The same of accuracy where no gold tag is known. No score is ever negative or NaN.
- **Unknown gold tags (`?`, partial annotation).** The token counts for nothing: it is left out of the token
  accuracy, a predicted span that covers it is left out, and so is a gold span that such a predicted span
  overlaps, since nobody knows whether they agree.
- **Bare labels (parts of speech).** Every token is a span, so micro P, R and F1 are the accuracy.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import eq
from typing import NamedTuple

from tagger.errors import DataError
from tagger.scoring.strict import strict_spans
from tagger.text.schemes import UNKNOWN_TAG, Scheme, Span, labels_of, spans_to_tags

# Two answers to the same sentences share most of their mistakes, so chance tells them apart by less than either from
# the truth. More is better where dev is of the kind of the training text, less where not (`benchmarks/choosing.py`).
TIE = 0.25


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of spans, and the three fractions that follow from them."""

    gold: int
    predicted: int
    correct: int

    @property
    def precision(self) -> float:
        """correct / predicted, the share of predicted spans that are right."""
        return _fraction(self.correct, self.predicted)

    @property
    def recall(self) -> float:
        """correct / gold, the share of gold spans that were found."""
        return _fraction(self.correct, self.gold)

    @property
    def f1(self) -> float:
        """2 P R / (P + R) = 2 correct / (gold + predicted)."""
        return _fraction(2 * self.correct, self.gold + self.predicted)

    @property
    def f1_error(self) -> float:
        """Standard error of F1, about: that of a share, `sqrt(F (1 - F) / n)` with n = (gold + predicted) / 2."""
        return math.sqrt(_fraction(2, self.gold + self.predicted) * self.f1 * (1 - self.f1))

    def ties(self, f1: float) -> bool:
        """Return whether this F1 is as good as another on the same sentences, within `TIE` errors."""
        return self.f1 >= f1 - TIE * self.f1_error

    @property
    def support(self) -> int:
        return self.gold

    def as_dict(self) -> dict[str, float]:
        return {"precision": self.precision, "recall": self.recall, "f1": self.f1, "support": self.support}


def _fraction(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


@dataclass(frozen=True, slots=True)
class Average:
    """Unweighted means over the types; `support` is the number of gold spans."""

    precision: float
    recall: float
    f1: float
    support: int

    def as_dict(self) -> dict[str, float]:
        return {"precision": self.precision, "recall": self.recall, "f1": self.f1, "support": self.support}


@dataclass(frozen=True, slots=True)
class Scores:
    """What one set of predictions is worth.

    `tokens` and `token_accuracy` are over the tokens whose gold tag is known.
    """

    micro: Score
    macro: Average
    types: Mapping[str, Score] = field(default_factory=dict)
    token_accuracy: float = 0.0
    sentences: int = 0
    tokens: int = 0
    scheme: Scheme = Scheme.IOB2

    @property
    def headline(self) -> tuple[str, float]:
        """The one number to quote, with its name: accuracy for bare labels, else micro F1."""
        return ("accuracy", self.token_accuracy) if self.scheme is Scheme.BARE else ("F1", self.micro.f1)

    @property
    def note(self) -> str | None:
        """Why scores are 0 though nothing is wrong; None where they mean what they say."""
        if self.scheme is Scheme.BARE and not self.tokens:
            return "no token has a known gold label: accuracy and F1 are 0 by convention, and measure nothing"
        if self.micro.gold:
            return None
        if self.micro.predicted:
            return "no span in gold: recall and F1 are 0 whatever is predicted"
        return "no span in gold or predicted: F1 is 0 by convention, as in conlleval, and measures nothing"

    def as_dict(self) -> dict[str, object]:
        """Return the contract of `--json` (without the seconds, which the caller knows)."""
        facts: dict[str, object] = {
            "micro": self.micro.as_dict(),
            "macro": self.macro.as_dict(),
            "types": {name: score.as_dict() for name, score in self.types.items()},
            "token_accuracy": self.token_accuracy,
            "sentences": self.sentences,
            "tokens": self.tokens,
        }
        return facts if self.note is None else facts | {"note": self.note}


class Pair(NamedTuple):
    """One sentence: its gold and its predicted spans, and its length in tokens."""

    gold: list[Span]
    predicted: list[Span]
    length: int


def score(
    gold: Iterable[Sequence[str]],
    predicted: Iterable[Sequence[str]],
    scheme: Scheme,
    predicted_scheme: Scheme | None = None,
    *,
    strict: bool = False,
) -> Scores:
    """Score predicted tag sequences against gold ones.

    Args:
        gold: one sequence of tags per sentence; `?` stands for an unknown tag.
        predicted: as many sequences, of the same lengths.
        scheme: the scheme of gold.
        predicted_scheme: the scheme of predicted, where it is another one. Token accuracy then compares the
            tags that both would have in the gold scheme.
        strict: drop every span that the scheme does not spell out in full, like seqeval's `mode="strict"`.

    >>> score([["B-PER", "O"]], [["B-PER", "I-PER"]], Scheme.IOB2).micro
    Score(gold=1, predicted=1, correct=0)
    """
    spans = SpanCounts()
    tokens = right = 0
    for pair, gold_tags, predicted_tags in read_pairs(
        gold, predicted, scheme, predicted_scheme, strict=strict
    ):
        spans.add(pair)
        counts = count_right_tags(gold_tags, predicted_tags)
        tokens, right = tokens + counts[0], right + counts[1]
    return spans.scores(scheme, tokens, right)


def count_right_tags(gold: Sequence[str], predicted: Sequence[str]) -> tuple[int, int]:
    """Count the tokens of a sentence whose gold tag is known, and the right tags among them."""
    right = sum(map(eq, gold, predicted))
    if UNKNOWN_TAG not in gold:
        return len(gold), right
    both = sum(a == b == UNKNOWN_TAG for a, b in zip(gold, predicted, strict=True))
    return len(gold) - gold.count(UNKNOWN_TAG), right - both


class SpanCounts:
    """The spans of sentences, counted by type as they come; nothing else of the sentences is kept.

    A span counts once, however often a list repeats it.
    """

    def __init__(self) -> None:
        self._gold: Counter[str] = Counter()
        self._predicted: Counter[str] = Counter()
        self._correct: Counter[str] = Counter()
        self._sentences = self.length = 0

    def add(self, pair: Pair) -> None:
        """Count a sentence."""
        gold, predicted, length = pair
        self._sentences += 1
        self.length += length
        if gold or predicted:
            gold_set, predicted_set = set(gold), set(predicted)
            self._gold.update([span[0] for span in gold_set])
            self._predicted.update([span[0] for span in predicted_set])
            self._correct.update([span[0] for span in gold_set & predicted_set])

    def scores(self, scheme: Scheme, tokens: int, right: int) -> Scores:
        """Return what the spans so far come to.

        Args:
            scheme: what they were read from, which decides the headline.
            tokens: the scored tokens, and ...
            right: ... how many of them have the right tag.
        """
        types = {
            name: Score(self._gold[name], self._predicted[name], self._correct[name])
            for name in sorted(self._gold | self._predicted)
        }
        return Scores(
            micro=Score(self._gold.total(), self._predicted.total(), self._correct.total()),
            macro=average(types),
            types=types,
            token_accuracy=_fraction(right, tokens),
            sentences=self._sentences,
            tokens=tokens,
            scheme=scheme,
        )


def score_spans(pairs: Iterable[Pair], *, scheme: Scheme = Scheme.IOB2) -> Scores:
    """Score spans alone, as if every token were right.

    Args:
        pairs: the sentences.
        scheme: what the spans were read from, which decides the headline.
    """
    counts = SpanCounts()
    for pair in pairs:
        counts.add(pair)
    return counts.scores(scheme, counts.length, counts.length)


def average(types: Mapping[str, Score]) -> Average:
    """Average over the types that occur in gold or predicted; 0 where there is none."""
    scores = list(types.values())
    if not scores:
        return Average(0.0, 0.0, 0.0, 0)
    return Average(
        precision=sum(each.precision for each in scores) / len(scores),
        recall=sum(each.recall for each in scores) / len(scores),
        f1=sum(each.f1 for each in scores) / len(scores),
        support=sum(each.gold for each in scores),
    )


def pair_spans(
    gold: Iterable[Sequence[str]],
    predicted: Iterable[Sequence[str]],
    scheme: Scheme,
    predicted_scheme: Scheme | None = None,
    *,
    strict: bool = False,
) -> list[Pair]:
    """Read the spans of both sides, sentence by sentence; the arguments are those of `score`."""
    return [each.pair for each in read_pairs(gold, predicted, scheme, predicted_scheme, strict=strict)]


class ReadPair(NamedTuple):
    """A pair, and the tags that it was read from, written in one scheme if there were two."""

    pair: Pair
    gold_tags: Sequence[str]
    predicted_tags: Sequence[str]


def read_pairs(
    gold: Iterable[Sequence[str]],
    predicted: Iterable[Sequence[str]],
    scheme: Scheme,
    predicted_scheme: Scheme | None = None,
    *,
    strict: bool = False,
) -> Iterator[ReadPair]:
    """Yield what `pair_spans` returns, sentence by sentence, with the tags; the arguments are those of `score`."""
    predicted_scheme = predicted_scheme or scheme
    if (scheme is Scheme.BARE) != (predicted_scheme is Scheme.BARE):
        raise DataError(
            f"gold has {scheme} tags and predicted has {predicted_scheme} tags; labels without prefixes can "
            "only be compared with labels without prefixes: give the right columns, or the scheme"
        )
    read = strict_spans if strict else labels_of
    for index, (gold_tags, predicted_tags) in enumerate(_zip_sentences(gold, predicted)):
        length = len(gold_tags)
        if length != len(predicted_tags):
            raise DataError(
                f"sentence {index + 1} has {length} gold tags and {len(predicted_tags)} predicted tags; "
                "expected the same tokens on both sides"
            )
        gold_spans = read(gold_tags, scheme)
        same = predicted_scheme is scheme and all(map(eq, gold_tags, predicted_tags))
        predicted_spans = gold_spans if same else read(predicted_tags, predicted_scheme)
        if predicted_scheme is not scheme:
            gold_tags = _rewrite(gold_spans, gold_tags, scheme)
            predicted_tags = spans_to_tags(predicted_spans, length, scheme)
        if UNKNOWN_TAG in gold_tags:
            gold_spans, predicted_spans = _drop_undecidable(gold_spans, predicted_spans, gold_tags)
        yield ReadPair(Pair(gold_spans, predicted_spans, length), gold_tags, predicted_tags)


def _zip_sentences(
    gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]]
) -> Iterable[tuple[Sequence[str], Sequence[str]]]:
    gold, predicted = (each if isinstance(each, Sequence) else list(each) for each in (gold, predicted))
    if len(gold) != len(predicted):
        raise DataError(
            f"{len(gold)} gold sentences and {len(predicted)} predicted ones; "
            "expected the same sentences on both sides"
        )
    return zip(gold, predicted, strict=True)


def _rewrite(spans: list[Span], tags: Sequence[str], scheme: Scheme) -> list[str]:
    """Spell the spans out, keeping the unknown tags unknown."""
    rewritten = spans_to_tags(spans, len(tags), scheme)
    return [UNKNOWN_TAG if old == UNKNOWN_TAG else new for old, new in zip(tags, rewritten, strict=True)]


def _drop_undecidable(
    gold: list[Span], predicted: list[Span], tags: Sequence[str]
) -> tuple[list[Span], list[Span]]:
    """Leave out what an unknown gold tag makes undecidable (see the top of this file)."""
    unknown = {index for index, tag in enumerate(tags) if tag == UNKNOWN_TAG}
    kept = [span for span in predicted if unknown.isdisjoint(range(span.start, span.end))]
    doubtful = set(predicted).difference(kept)
    undecidable = unknown.union(*(range(span.start, span.end) for span in doubtful))
    return [span for span in gold if undecidable.isdisjoint(range(span.start, span.end))], kept
