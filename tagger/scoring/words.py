"""Words as the SIGHAN bakeoffs score them, and the same of tokens with parts of speech: seen in training, or not.

A word is right when it begins and ends where a gold word does (Sproat and Emerson 2003, "The First International
Chinese Word Segmentation Bakeoff"). What is right is counted over places in the text, never over lists of words, so
that one mistake doesn't shift all that follows. R_oov and R_iv are the recall of the gold words that the training
corpus lacks, and of those that it has: two words are the same where their characters are, whatever their types.

Bare labels say something of each token, so that its recall is the accuracy: that of unseen tokens and of seen ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from tagger.scoring.counts import Pair, Score, fraction
from tagger.text.schemes import Scheme, Span, Task, labels_of, tags_to_spans


@dataclass(frozen=True, slots=True)
class WordScores:
    """What was found of the words of a text, whatever their types; of bare labels, which tokens have the right one.

    Attributes:
        all: every word.
        seen, unseen: those that the training corpus has, and those that it lacks; None where nobody knows. Predicted
            words are told apart, too.
    """

    all: Score
    seen: Score | None = None
    unseen: Score | None = None

    @property
    def oov_rate(self) -> float | None:
        """The share of gold words that training lacks."""
        return None if self.unseen is None else fraction(self.unseen.gold, self.all.gold)

    @property
    def oov_recall(self) -> float | None:
        """R_oov: the share of those that was found; None where there is none, too."""
        return _recall(self.unseen)

    @property
    def iv_recall(self) -> float | None:
        """R_iv: the share that was found of the gold words that training has; None where there is none, too."""
        return _recall(self.seen)

    def as_dict(self) -> dict[str, float | None]:
        """Return all numbers, for JSON."""
        known = {"oov_rate": self.oov_rate, "oov_recall": self.oov_recall, "iv_recall": self.iv_recall}
        return self.all.as_dict() | known


def _recall(score: Score | None) -> float | None:
    return score.recall if score is not None and score.gold else None


class WordCounts:
    """Words counted as the sentences come.

    Args:
        task: what the tags are about.
        scheme: of the gold tags.
        training: what `collect_surfaces` found in the training corpus, if that is known.
    """

    def __init__(self, task: Task, scheme: Scheme, training: AbstractSet[str] | None) -> None:
        self._task = task
        self._training = training
        self._is_counted = task.cuts_words or (scheme is Scheme.BARE and training is not None)
        self._all, self._unseen = [0, 0, 0], [0, 0, 0]

    def add(self, pair: Pair, tokens: Sequence[str]) -> None:
        """Count a sentence; its tokens matter where the training words are known."""
        if not self._is_counted:
            return
        gold, predicted = map(self._places, (pair.gold, pair.predicted))
        for column, spans in enumerate((gold, predicted, gold & predicted)):
            self._all[column] += len(spans)
            if self._training is not None:
                self._unseen[column] += sum(
                    surface(tokens, span, self._task) not in self._training for span in spans
                )

    def scores(self) -> WordScores | None:
        """Return what the words come to; None where there is nothing to tell that other scores don't."""
        if not self._is_counted:
            return None
        if self._training is None:
            return WordScores(Score(*self._all))
        seen = (whole - part for whole, part in zip(self._all, self._unseen, strict=True))
        return WordScores(Score(*self._all), Score(*seen), Score(*self._unseen))

    def _places(self, spans: Iterable[Span]) -> set[Span]:
        """Return spans without what doesn't count: where a text is cut, the types of its words."""
        if self._task.cuts_words:
            return {Span("", span.start, span.end) for span in spans}
        return set(spans)


def collect_surfaces(
    sentences: Iterable[Sequence[str]],
    tags: Iterable[Sequence[str]],
    scheme: Scheme,
    task: Task = Task.LABELS,
) -> frozenset[str]:
    """Collect the words of every span of a corpus, or every token that has a bare label."""
    read = labels_of if scheme is Scheme.BARE else tags_to_spans  # `O` is a label where labels are bare
    return frozenset(
        surface(tokens, span, task)
        for tokens, sequence in zip(sentences, tags, strict=True)
        for span in read(sequence, scheme)
    )


def surface(tokens: Sequence[str], span: Span, task: Task = Task.LABELS) -> str:
    """Return the words of a span, a blank between them; where tags cut a text into words, the word.

    >>> surface(["in", "New", "York"], Span("LOC", 1, 3))
    'New York'
    >>> surface(["在", "北", "京"], Span("", 1, 3), Task.WORDS)
    '北京'
    """
    return ("" if task.cuts_words else " ").join(tokens[span.start : span.end])
