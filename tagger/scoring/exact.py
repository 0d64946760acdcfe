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

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import repeat
from operator import eq
from typing import NamedTuple

from tagger.errors import DataError
from tagger.scoring.counts import Average, Pair, Score, average, fraction
from tagger.scoring.strict import strict_spans
from tagger.scoring.words import WordCounts, WordScores
from tagger.text.schemes import UNKNOWN_TAG, Scheme, Span, Task, labels_of, name_type, spans_to_tags


@dataclass(frozen=True, slots=True)
class Scores:
    """What one set of predictions is worth.

    `tokens` and `token_accuracy` are over the tokens whose gold tag is known.

    Attributes:
        types: by name; spans without a type are called `word` or `span`.
        right_sentences: those without a mistake.
        task: what the gold tags are about.
        words: words alone, whatever their types, where tags cut a text into words. Of bare labels the tokens seen
            and unseen in training, where that is known; else None.
    """

    micro: Score
    macro: Average
    types: Mapping[str, Score] = field(default_factory=dict)
    token_accuracy: float = 0.0
    sentences: int = 0
    tokens: int = 0
    scheme: Scheme = Scheme.IOB2
    right_sentences: int = 0
    task: Task = Task.LABELS
    words: WordScores | None = None

    @property
    def sentence_accuracy(self) -> float:
        """The share of sentences without a mistake."""
        return fraction(self.right_sentences, self.sentences)

    @property
    def has_types(self) -> bool:
        """Whether spans have types, so that scores of each and averages over them say something."""
        return self.task is not Task.WORDS and self.types.keys() != {name_type("", self.task)}

    @property
    def headline(self) -> tuple[str, float]:
        """The one number to quote, with its name: accuracy for bare labels, else micro F1."""
        return ("accuracy", self.token_accuracy) if self.scheme is Scheme.BARE else ("F1", self.micro.f1)

    @property
    def headline_name(self) -> str:
        """What a report calls the headline: of words `word F1`, of words with their types `joint F1`."""
        return {Task.WORDS: "word F1", Task.JOINT: "joint F1"}.get(self.task, self.headline[0])

    @property
    def note(self) -> str | None:
        """Why scores are 0 though nothing is wrong; None where they mean what they say."""
        if self.scheme is Scheme.BARE and not self.tokens:
            return "no token has a known gold label: accuracy and F1 are 0 by convention, and measure nothing"
        if self.micro.gold:
            return None
        what = name_type("", self.task)
        if self.micro.predicted:
            return f"no {what} in gold: recall and F1 are 0 whatever is predicted"
        return f"no {what} in gold or predicted: F1 is 0 by convention, as in conlleval, and measures nothing"

    def as_dict(self) -> dict[str, object]:
        """Return the contract of `--json` (without the seconds, which the caller knows)."""
        facts: dict[str, object] = {
            "micro": self.micro.as_dict(),
            "macro": self.macro.as_dict(),
            "types": {name: score.as_dict() for name, score in self.types.items()},
            "token_accuracy": self.token_accuracy,
            "sentence_accuracy": self.sentence_accuracy,
            "sentences": self.sentences,
            "tokens": self.tokens,
        }
        if self.words is not None:
            facts["words"] = self.words.as_dict()
        return facts if self.note is None else facts | {"note": self.note}


def score(
    gold: Iterable[Sequence[str]],
    predicted: Iterable[Sequence[str]],
    scheme: Scheme,
    predicted_scheme: Scheme | None = None,
    *,
    strict: bool = False,
    task: Task = Task.LABELS,
    tokens: Iterable[Sequence[str]] | None = None,
    training: AbstractSet[str] | None = None,
) -> Scores:
    """Score predicted tag sequences against gold ones.

    Args:
        gold: one sequence of tags per sentence; `?` stands for an unknown tag.
        predicted: as many sequences, of the same lengths.
        scheme: the scheme of gold.
        predicted_scheme: the scheme of predicted, where it is another one. Token accuracy then compares the
            tags that both would have in the gold scheme.
        strict: drop every span that the scheme does not spell out in full, like seqeval's `mode="strict"`.
        task: what the gold tags are about.
        tokens: those of each sentence; needed with `training` alone.
        training: what `words.collect_surfaces` found in the training corpus, if that is known.

    >>> score([["B-PER", "O"]], [["B-PER", "I-PER"]], Scheme.IOB2).micro
    Score(gold=1, predicted=1, correct=0)
    """
    assert training is None or tokens is not None, "words can't be looked up without the tokens"
    counts = SpanCounts(scheme, task, training)
    pairs = read_pairs(gold, predicted, scheme, predicted_scheme, strict=strict, task=task)
    rows = repeat(()) if tokens is None else tokens
    for (pair, gold_tags, predicted_tags), row in zip(pairs, rows, strict=False):
        counts.add(pair, row, *count_right_tags(gold_tags, predicted_tags))
    return counts.scores()


def count_right_tags(gold: Sequence[str], predicted: Sequence[str]) -> tuple[int, int]:
    """Count the tokens of a sentence whose gold tag is known, and the right tags among them."""
    right = sum(map(eq, gold, predicted))
    if UNKNOWN_TAG not in gold:
        return len(gold), right
    both = sum(a == b == UNKNOWN_TAG for a, b in zip(gold, predicted, strict=True))
    return len(gold) - gold.count(UNKNOWN_TAG), right - both


class SpanCounts:
    """The spans of sentences, counted by type as they come, and the right tags; nothing else of them is kept.

    A span counts once, however often a list repeats it.

    Args:
        scheme: what the spans are read from, which decides the headline.
        task: what the gold tags are about.
        training: what `words.collect_surfaces` found in the training corpus, if that is known.
    """

    def __init__(
        self, scheme: Scheme, task: Task = Task.LABELS, training: AbstractSet[str] | None = None
    ) -> None:
        self._scheme, self._task = scheme, task
        self._gold: Counter[str] = Counter()
        self._predicted: Counter[str] = Counter()
        self._correct: Counter[str] = Counter()
        self._sentences = self._right_sentences = self._tokens = self._right = 0
        self._words = WordCounts(task, scheme, training)

    def add(self, pair: Pair, tokens: Sequence[str], known: int, right: int) -> None:
        """Count a sentence.

        Args:
            pair: its spans.
            tokens: they matter where the training words are known.
            known: how many of its gold tags are known.
            right: how many of those are right.
        """
        self._sentences += 1
        self._tokens += known
        self._right += right
        gold, predicted = set(pair.gold), set(pair.predicted)
        self._right_sentences += gold == predicted
        if gold or predicted:
            self._gold.update([span[0] for span in gold])
            self._predicted.update([span[0] for span in predicted])
            self._correct.update([span[0] for span in gold & predicted])
            self._words.add(pair, tokens)

    def scores(self) -> Scores:
        """Return what the sentences so far come to."""
        types = {
            name: Score(self._gold[name], self._predicted[name], self._correct[name])
            for name in sorted(self._gold | self._predicted)
        }
        return Scores(
            micro=Score(self._gold.total(), self._predicted.total(), self._correct.total()),
            macro=average(types),
            types=types,
            token_accuracy=fraction(self._right, self._tokens),
            sentences=self._sentences,
            tokens=self._tokens,
            scheme=self._scheme,
            right_sentences=self._right_sentences,
            task=self._task,
            words=self._words.scores(),
        )


def score_spans(pairs: Iterable[Pair], *, scheme: Scheme = Scheme.IOB2) -> Scores:
    """Score spans alone, as if every token were right.

    Args:
        pairs: the sentences.
        scheme: what the spans were read from, which decides the headline.
    """
    counts = SpanCounts(scheme)
    for pair in pairs:
        counts.add(pair, (), pair.length, pair.length)
    return counts.scores()


def pair_spans(
    gold: Iterable[Sequence[str]],
    predicted: Iterable[Sequence[str]],
    scheme: Scheme,
    predicted_scheme: Scheme | None = None,
    *,
    strict: bool = False,
    task: Task = Task.LABELS,
) -> list[Pair]:
    """Read the spans of both sides, sentence by sentence; the arguments are those of `score`."""
    pairs = read_pairs(gold, predicted, scheme, predicted_scheme, strict=strict, task=task)
    return [each.pair for each in pairs]


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
    task: Task = Task.LABELS,
) -> Iterator[ReadPair]:
    """Yield what `pair_spans` returns, sentence by sentence, with the tags; the arguments are those of `score`.

    Spans whose tags have no type get the name that people read, `word` or `span`.
    """
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
        pair = Pair(name_spans(gold_spans, task), name_spans(predicted_spans, task), length)
        yield ReadPair(pair, gold_tags, predicted_tags)


def name_spans(spans: list[Span], task: Task) -> list[Span]:
    """Return spans of which each has a type that people can read."""
    if all(span.type for span in spans):
        return spans
    return [span if span.type else Span(name_type("", task), span.start, span.end) for span in spans]


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
