"""What a model meets and what it says, counted as it goes: `scoring.profile` for a model at work.

Counting costs a few percent of labelling: most tokens came before, and of a form that came before it is known what
training lacks of it. Nothing else of a text is kept, and forms only for as long as the process lives, as
`runtime.embed` keeps them.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from types import MappingProxyType

from tagger.runtime.features import Bigrams, Characters, Words
from tagger.runtime.questions import Labelling, ScoredSpan
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
_WORD = 1 << 40  # stands for an unknown word in a sum whose units are something else: one sum counts both


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
        marks = lexicon.of(WordMarks)
        has_list = marks.size and not self._forms.has_words
        self._cut = _CutWords(marks.lists[0].words) if has_list else None
        pairs = lexicon.of(Bigrams)  # what tells most where no words do
        has_words = self._forms.has_words or has_list
        self._pairs = pairs.vocab if pairs.size and not has_words else None
        self._lock = threading.Lock()
        self._sentences = self._tokens = self._characters = self._lacking = 0
        self._bigrams = self._unknown_bigrams = 0
        self._lengths = [0] * (len(LENGTH_EDGES) + 1)
        self._types: defaultdict[str, int] = defaultdict(int)
        self._bins = [0] * (CONFIDENCE_BINS + 1)  # by upper edge, 0 apart
        self._correct = 0.0
        self._expected: float | None = 0.0

    @property
    def profile(self) -> Profile:
        """What was counted so far."""
        with self._lock:
            unknown_words, unknown_characters = divmod(self._lacking, _WORD)
            words = self._tokens if self._forms.has_words else 0
            if self._cut is not None:
                words, unknown_words = self._cut.words, self._cut.unknown
            return Profile(
                sentences=self._sentences,
                tokens=self._tokens,
                characters=self._characters if self._forms.has_characters else 0,
                unknown_characters=unknown_characters,
                words=words,
                unknown_words=unknown_words,
                bigrams=self._bigrams,
                unknown_bigrams=self._unknown_bigrams,
                lengths=tuple(self._lengths),
                types=MappingProxyType(dict(self._types)),
                confidences=(sum(self._bins[:2]), *self._bins[2:]),
                correct=self._correct,
                expected_spans=self._expected,
            )

    def add(self, sentences: Iterable[LabelledSentence]) -> None:
        """Count labelled sentences; rows of white space alone are none."""
        with self._lock:
            for each in sentences:
                if each.tokens:
                    self._add(each.words(), each.spans, each.expected_spans)
                    if self._cut is not None:
                        self._cut.count([span.text for span in each.spans])

    def add_tokens(self, sentences: Iterable[Sequence[str]], labellings: Iterable[Labelling]) -> None:
        """Count sentences that were tokens already."""
        with self._lock:
            for tokens, each in zip(sentences, labellings, strict=True):
                if tokens:
                    self._add(tokens, each.spans, each.expected_spans)
                    if self._cut is not None:
                        self._cut.count(["".join(tokens[span.start : span.end]) for span in each.spans])

    def _add(
        self,
        tokens: Sequence[str],
        spans: Sequence[LabelledSpan] | Sequence[ScoredSpan],
        expected: float | None,
    ) -> None:
        self._sentences += 1
        self._tokens += len(tokens)
        self._lengths[bisect_left(LENGTH_EDGES, len(tokens))] += 1
        self._characters += len("".join(tokens))
        self._lacking += sum(map(self._forms.__getitem__, tokens))
        if self._pairs is not None:
            self._bigrams += len(tokens) + 1
            rows = list(self._pairs.iter_rows(bigrams(self._lexicon.spell(tokens))))
            self._unknown_bigrams += rows.count(UNKNOWN)
        types, bins = self._types, self._bins
        for span in spans:
            confidence = span.confidence
            assert confidence is not None, "asked without confidences"
            types[span.type] += 1
            bins[ceil(confidence * CONFIDENCE_BINS)] += 1
            self._correct += confidence
        self._expected = None if self._expected is None or expected is None else self._expected + expected


class _CutWords(dict[str, int]):
    """Words that a model cut, of the lengths that its list of training words holds, and those that aren't in it.

    Each is looked up once: 0 stands for one of another length, 1 for one in the list, `_WORD` + 1 for another.
    """

    def __init__(self, known: Mapping[str, int]) -> None:
        super().__init__()
        self._known = known
        self.words = self.unknown = 0

    def count(self, words: Sequence[str]) -> None:
        unknown, counted = divmod(sum(map(self.__getitem__, words)), _WORD)
        self.words += counted
        self.unknown += unknown

    def __missing__(self, word: str) -> int:
        if not 1 < len(word) <= LONGEST:
            return 0
        if len(self) >= _MOST_FORMS:
            self.clear()
        found = self[word] = 1 if fold_width(word) in self._known else _WORD + 1
        return found


class _Forms(dict[str, int]):
    """What training lacks of a form: the number of characters, and `_WORD` where it lacks the word; most often 0."""

    def __init__(self, model: TrainedModel) -> None:
        super().__init__()
        self._words = model.lexicon.of(Words)
        self._characters = frozenset(model.lexicon.of(Characters).vocab.items)
        self._folds = model.config.embedding.fold_width
        self.has_words = model.config.corpus.mode != "characters"
        self.has_characters = bool(self._characters)

    def __missing__(self, form: str) -> int:
        read = fold_width(form) if self._folds else form
        found = 0
        if self.has_words and not self._words.was_seen(read):
            found += _WORD
        if self.has_characters:
            found += sum(character not in self._characters for character in read)
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
