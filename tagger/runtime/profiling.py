"""What a model meets and what it says, counted as it goes: `scoring.profile` for a model at work.

Counting costs a fiftieth of labelling or less: most tokens came before, and of a form that came before it is known
whether training had it. Nothing else of a text is kept, and forms only for as long as the process lives, as
`runtime.embed` keeps them.
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from types import MappingProxyType

from tagger.runtime.decode import Labelling, ScoredSpan
from tagger.runtime.features import Bigrams, Characters, Words
from tagger.runtime.trained import TrainedModel
from tagger.runtime.wordmarks import WordMarks
from tagger.scoring.profile import CONFIDENCE_BINS, LENGTH_EDGES, Profile
from tagger.text.conll import Sentence
from tagger.text.features import bigrams, fold_width
from tagger.text.formats import LabelledSentence, LabelledSpan
from tagger.text.vocab import UNKNOWN
from tagger.text.wordlist import LONGEST

_MOST_FORMS = 1 << 17  # that are remembered
_LONGEST_FORM = 64  # characters of one


class Observer:
    """Counts what a model meets and what it says; safe to use from several threads at once.

    Args:
        model: whose answers are counted; they must have confidences, and `expected_spans` where an expected F1 is
            wanted (`Question`).
    """

    def __init__(self, model: TrainedModel) -> None:
        lexicon = model.lexicon
        self._lexicon = lexicon
        self._forms = _Forms(model)
        self._pairs = lexicon.of(Bigrams).vocab if lexicon.of(Bigrams).size else None
        marks = lexicon.of(WordMarks)
        self._list = marks.lists[0].words if marks.size and model.task.cuts_words else None
        self._lock = threading.Lock()
        self._sentences = self._tokens = self._characters = self._unknown_characters = 0
        self._words = self._unknown_words = self._bigrams = self._unknown_bigrams = 0
        self._lengths = [0] * (len(LENGTH_EDGES) + 1)
        self._types: defaultdict[str, int] = defaultdict(int)
        self._confidences = [0] * CONFIDENCE_BINS
        self._correct = 0.0
        self._expected: float | None = 0.0

    @property
    def profile(self) -> Profile:
        """What was counted so far."""
        with self._lock:
            return Profile(
                sentences=self._sentences,
                tokens=self._tokens,
                characters=self._characters,
                unknown_characters=self._unknown_characters,
                words=self._words,
                unknown_words=self._unknown_words,
                bigrams=self._bigrams,
                unknown_bigrams=self._unknown_bigrams,
                lengths=tuple(self._lengths),
                types=MappingProxyType(dict(self._types)),
                confidences=tuple(self._confidences),
                correct=self._correct,
                expected_spans=self._expected,
            )

    def add(self, sentences: Iterable[LabelledSentence]) -> None:
        """Count labelled sentences; rows of white space alone are none."""
        with self._lock:
            for each in sentences:
                if each.tokens:
                    self._count(each.words(), each.spans, each.expected_spans)
                    if self._list is not None:
                        self._look_up([span.text for span in each.spans])

    def add_tokens(self, sentences: Iterable[Sequence[str]], labellings: Iterable[Labelling]) -> None:
        """Count sentences that were tokens already."""
        with self._lock:
            for tokens, each in zip(sentences, labellings, strict=True):
                if tokens:
                    self._count(tokens, each.spans, each.expected_spans)
                    if self._list is not None:
                        self._look_up(["".join(tokens[span.start : span.end]) for span in each.spans])

    def _count(
        self,
        tokens: Sequence[str],
        spans: Sequence[LabelledSpan] | Sequence[ScoredSpan],
        expected: float | None,
    ) -> None:
        self._sentences += 1
        self._tokens += len(tokens)
        self._lengths[bisect_left(LENGTH_EDGES, len(tokens))] += 1
        odd = [each for each in map(self._forms.__getitem__, tokens) if each is not None]
        if self._forms.has_words:
            self._words += len(tokens)
            self._unknown_words += sum(is_unknown for is_unknown, _ in odd)
        if self._forms.has_characters:
            self._characters += len("".join(tokens))
            self._unknown_characters += sum(characters for _, characters in odd)
        if self._pairs is not None:
            self._bigrams += len(tokens) + 1
            rows = list(self._pairs.iter_rows(bigrams(self._lexicon.spell(tokens))))
            self._unknown_bigrams += rows.count(UNKNOWN)
        for span in spans:
            confidence = span.confidence
            assert confidence is not None, "asked without confidences"
            self._types[span.type] += 1
            self._confidences[max(0, math.ceil(confidence * CONFIDENCE_BINS) - 1)] += 1
            self._correct += confidence
        self._expected = None if self._expected is None or expected is None else self._expected + expected

    def _look_up(self, words: Iterable[str]) -> None:
        """Count words that the model cut, of the lengths that its list of training words holds."""
        assert self._list is not None
        found = [fold_width(word) for word in words if 1 < len(word) <= LONGEST]
        self._words += len(found)
        self._unknown_words += sum(word not in self._list for word in found)


class _Forms(dict[str, tuple[bool, int] | None]):
    """What training lacks of a form: whether the word, and how many of its characters; None: it lacks nothing."""

    def __init__(self, model: TrainedModel) -> None:
        super().__init__()
        self._words = model.lexicon.of(Words)
        self._characters = frozenset(model.lexicon.of(Characters).vocab.items)
        self._folds = model.config.embedding.fold_width
        self.has_words = model.config.corpus.mode != "characters"
        self.has_characters = bool(self._characters)

    def __missing__(self, form: str) -> tuple[bool, int] | None:
        read = fold_width(form) if self._folds else form
        lacks_word = self.has_words and not self._words.was_seen(read)
        lacking = sum(character not in self._characters for character in read) if self.has_characters else 0
        found = (lacks_word, lacking) if lacks_word or lacking else None
        if len(self) >= _MOST_FORMS:
            self.clear()
        if len(form) <= _LONGEST_FORM:
            self[form] = found
        return found


def profile_corpus(
    model: TrainedModel, sentences: Sequence[Sentence], labellings: Iterable[Labelling]
) -> Profile:
    """Return the profile of a corpus that was labelled."""
    observer = Observer(model)
    observer.add_tokens([each.tokens for each in sentences], labellings)
    return observer.profile
