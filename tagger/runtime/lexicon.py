"""The tables with which a model reads: its features' and its tags.

A `Lexicon` is made once from training sentences and saved with the model. It turns strings into rows of tables, as
numpy arrays. What depends on the spelling alone is looked up once for each distinct word (a *form*).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from tagger.config import EmbeddingConfig
from tagger.runtime import features
from tagger.runtime.features import MarkColumns, Words
from tagger.runtime.kinds import (
    Feature,
    FormFeature,
    MarkFeature,
    NumberedFeature,
    PlaceFeature,
    Rows,
    Shapes,
    TextCounts,
    read_strings,
)
from tagger.runtime.wordmarks import WordMarks
from tagger.text.clusters import Clusters
from tagger.text.conll import Sentence
from tagger.text.conll.packed import pack
from tagger.text.features import bigrams, fold_width, fold_widths
from tagger.text.gazetteer import Gazetteer
from tagger.text.language import Speller
from tagger.text.spool import Array
from tagger.text.vocab import PAD, Vocab

F = TypeVar("F", bound=Feature)

WEIGHTS = "embedding."  # begins the names of the features' weights
_KEYS = (
    "tags",
    "counts",
    "words",
    "characters",
    "shapes",
    "affixes",
    "bigrams",
    "speller",
)  # vocab.json's first


@dataclass(frozen=True, slots=True)
class Forms:
    """The rows of V distinct words; row 0 of the arrays is padding.

    Attributes:
        rows: for each feature of a word's spelling (V + 1, ...), by the feature's name; of any type of whole numbers.
        ragged: the features whose rows are as wide as the longest word.
        spelling: (V + 1, 1 + C) symbols of a language model, padded with 0, or None where there is none.
    """

    rows: Mapping[str, Array]
    ragged: frozenset[str]
    spelling: Array | None = None

    def select(self, used: Rows) -> dict[str, Rows]:
        """Return the rows of some of the words, none wider than these words need."""
        found = {name: rows[used].astype(np.int64, copy=False) for name, rows in self.rows.items()}
        return {name: _trim(rows) if name in self.ragged else rows for name, rows in found.items()}


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The tables of one model.

    Attributes:
        embedding: the settings that the features were built with.
        features: one of each class in `features.FEATURES`, in that order; those of size 0 are off.
        tags: the tags the decoder chooses from, in the order of its rows (no padding, no unknown); none where there
            is no decoder.
        speller: how the model's language model reads words, if it has one.
        active: the features that are on, in the order in which they are concatenated: a word's, its marks, others.
    """

    embedding: EmbeddingConfig
    features: tuple[Feature, ...]
    tags: tuple[str, ...] = ()
    speller: Speller | None = None
    active: tuple[Feature, ...] = field(init=False, repr=False, compare=False)
    _marks: tuple[MarkFeature, ...] = field(init=False, repr=False, compare=False)
    _pairs: tuple[PlaceFeature, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        on = [feature for feature in self.features if feature.size]
        places = [feature for feature in on if isinstance(feature, PlaceFeature)]
        marks = tuple(feature for feature in places if isinstance(feature, MarkFeature))
        object.__setattr__(self, "active", tuple(sorted(on, key=_rank)))
        object.__setattr__(self, "_marks", marks)
        object.__setattr__(self, "_pairs", tuple(each for each in places if each not in marks))

    @classmethod
    def build(
        cls,
        sentences: Iterable[Sentence],
        tags: Sequence[str],
        embedding: EmbeddingConfig,
        gazetteers: Sequence[Gazetteer] = (),
        spans: Iterable[Mapping[str, int]] = (),
        clusters: Sequence[Clusters] = (),
        raw: TextCounts | None = None,
    ) -> Lexicon:
        """Count what the training sentences hold and number it.

        Args:
            sentences: the training sentences, and no others.
            tags: the inner tags (BIOES, or bare labels), in the order of the decoder's rows.
            embedding: which features are on, and the least counts.
            gazetteers: lists of names, which stay as they are.
            spans: how often each sentence holds each word that its tags make of characters.
            clusters: trees of words, which stay as they are.
            raw: the words and bigrams of unlabelled text, which are counted too.
        """
        packed = pack(sentences)
        words, pairs = packed.count_words(), Counter[str]()
        if embedding.fold_width:
            surfaces, words = words, Counter()
            for word, count in surfaces.items():
                words[fold_width(word)] += count
        if raw is not None:
            words.update(raw.words)
            pairs.update(raw.pairs)
        if embedding.bigram_dim:
            for sentence in packed:
                pairs.update(
                    bigrams(fold_widths(sentence.tokens) if embedding.fold_width else sentence.tokens)
                )
        columns = [packed.count_values(number) for number in range(len(embedding.feature_columns))]
        cut: Counter[str] = Counter()
        for each in spans:
            cut.update(each)
        return cls.of_counts(TextCounts(words, pairs, columns, gazetteers, cut, clusters), embedding, tags)

    @classmethod
    def of_counts(cls, found: TextCounts, embedding: EmbeddingConfig, tags: Sequence[str] = ()) -> Lexicon:
        """Number what a text holds."""
        built = tuple(feature.build(found, embedding) for feature in features.FEATURES)
        return cls(embedding, built, tuple(tags))

    def of(self, kind: type[F]) -> F:
        """Return the feature of this class."""
        return next(feature for feature in self.features if isinstance(feature, kind))

    @property
    def words(self) -> Vocab:
        """The words, in their normal form."""
        return self.of(Words).vocab

    def vocabularies(self) -> dict[str, Vocab]:
        """Return the strings that features number, by their name in vocab.json and in its order."""
        found = {each.key: each.vocab for each in self.features if isinstance(each, NumberedFeature)}
        return dict(sorted(found.items(), key=_place_in_file))

    @property
    def input_size(self) -> int:
        """How wide the part of the encoder's input is that the features make."""
        return sum(feature.size for feature in self.features)

    def slices(self) -> dict[str, slice]:
        """Return where each feature that is on lies in the encoder's input, by its name."""
        places: dict[str, slice] = {}
        start = 0
        for feature in self.active:
            places[feature.name] = slice(start, start + feature.size)
            start += feature.size
        return places

    def weight_shapes(self) -> Shapes:
        """Return the shape of each weight of the features, by its full name."""
        return {
            WEIGHTS + name: shape
            for feature in self.features
            for name, shape in feature.weight_shapes().items()
        }

    def spell(self, tokens: Sequence[str]) -> Sequence[str]:
        """Return tokens as features read them: in half width, where the settings say so."""
        return fold_widths(tokens) if self.embedding.fold_width else tokens

    def forms(self, words: Sequence[str]) -> Forms:
        """Look up distinct words; the result has `len(words) + 1` rows, the first of them padding."""
        read = self.spell(words)
        found = [
            feature for feature in self.features if isinstance(feature, FormFeature) and _has_rows(feature)
        ]
        return Forms(
            {feature.name: _after_padding(feature.rows(read)) for feature in found},
            frozenset(feature.name for feature in found if feature.is_ragged),
            None if self.speller is None else self.speller.rows(words),
        )

    def mark_rows(self, tokens: Sequence[str], values: Sequence[Sequence[str]]) -> Rows | None:
        """Return the (T, F) marks of a sentence, or None for a model without any.

        Args:
            tokens: T of them.
            values: a sequence of T values for each feature column; not read where the model reads no marks.

        Raises:
            ModelError: the model reads columns that are not given.
        """
        if self._marks:
            self.of(MarkColumns).check(values)
        return _side_by_side(self._marks, self.spell(tokens), values)

    def pair_rows(self, tokens: Sequence[str]) -> Rows | None:
        """Return (T, F) rows of the bigrams beside each token and of marks of words, or None for a model without."""
        return _side_by_side(self._pairs, self.spell(tokens), ())

    def place_rows(self, tokens: Sequence[str], values: Sequence[Sequence[str]]) -> dict[str, Rows]:
        """Return the (T, F) rows of a sentence for each feature of a place that is on, by the feature's name.

        Raises:
            ModelError: the model reads columns that are not given.
        """
        return {
            feature.name: feature.rows(self.spell(tokens), values)
            for feature in self.active
            if isinstance(feature, PlaceFeature)
        }

    def place_rows_of_training(
        self, tokens: Sequence[str], values: Sequence[Sequence[str]], words: Mapping[str, int]
    ) -> dict[str, Rows]:
        """Return `place_rows` of a training sentence, of whose own words the list of training words knows nothing."""
        rows = self.place_rows(tokens, values)
        marks = self.of(WordMarks)
        return rows | {marks.name: marks.rows_of_training(tokens, words)} if marks.size else rows

    def with_words(self, words: Iterable[str]) -> Lexicon:
        """Return the lexicon with more words, which training has not seen (they have pretrained vectors)."""
        more = tuple(words)
        return replace(
            self,
            features=tuple(
                each.with_unseen(more) if isinstance(each, Words) else each for each in self.features
            ),
        )

    def followed_by(self, new: Lexicon) -> Lexicon:
        """Return the lexicon with the entries and tags of another that it lacks, at their end.

        How words are counted and joined, each feature says. How a language model reads stays as it is.
        """
        tags = tuple(dict.fromkeys((*self.tags, *new.tags)))
        return replace(self, features=self._join(new), tags=tags)

    def behind(self, old: Lexicon) -> Lexicon:
        """Return the lexicon with the entries of an encoder's features before its own."""
        return replace(self, features=old._join(self))

    def _join(self, new: Lexicon) -> tuple[Feature, ...]:
        return tuple(one.joined(other) for one, other in zip(self.features, new.features, strict=True))

    def as_dict(self) -> dict[str, Any]:
        """Return the tables as plain lists, for JSON."""
        tables: dict[str, Any] = {"tags": list(self.tags)}
        for feature in self.features:
            tables |= feature.as_dict()
        if self.speller is not None:
            tables["speller"] = self.speller.as_dict()
        return dict(sorted(tables.items(), key=_place_in_file))

    @classmethod
    def from_dict(cls, tables: object, embedding: EmbeddingConfig) -> Lexicon:
        """Rebuild a lexicon from `as_dict`'s result, which may come from a stranger.

        Raises:
            ValueError: the tables are not such a result.
        """
        if not isinstance(tables, dict):
            raise ValueError(f"expected an object of tables, found {type(tables).__name__}")
        found = tuple(feature.from_dict(tables, embedding) for feature in features.FEATURES)
        tags = read_strings(tables, "tags")
        if len(set(tags)) < len(tags):
            raise ValueError("the tags must differ")
        speller = Speller.from_dict(tables["speller"]) if "speller" in tables else None
        return cls(embedding, found, tuple(tags), speller)


def number_distinct(rows: Rows) -> tuple[Rows, Rows]:
    """Number the distinct rows of words in a padded array.

    Returns:
        The distinct rows (U,), the first of them 0, padding, also where nothing is padded; and the array with each
        row replaced by its place among them.
    """
    used, places = np.unique(rows, return_inverse=True)
    if used[0] != 0:
        used, places = np.concatenate(([0], used)), places + 1
    return used, places.reshape(rows.shape)


def _has_rows(feature: Feature) -> bool:
    """Tell whether a form has rows of a feature: words without an embedding are still predicted in training."""
    return isinstance(feature, Words) or feature.size > 0


def _place_in_file(item: tuple[str, object]) -> int:
    return _KEYS.index(item[0]) if item[0] in _KEYS else len(_KEYS)


def _rank(feature: Feature) -> int:
    return 0 if isinstance(feature, FormFeature) else 1 if isinstance(feature, MarkFeature) else 2


def _side_by_side(
    features: Sequence[PlaceFeature], tokens: Sequence[str], values: Sequence[Sequence[str]]
) -> Rows | None:
    rows = [feature.rows(tokens, values) for feature in features]
    return np.concatenate(rows, axis=1) if rows else None


def _trim(rows: Rows) -> Rows:
    return np.ascontiguousarray(rows[:, : max(1, int((rows != PAD).sum(1).max()))])


def _after_padding(rows: Rows) -> Rows:
    return np.concatenate((np.zeros_like(rows, shape=(1, *rows.shape[1:])), rows))
