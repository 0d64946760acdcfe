"""The tables with which a model reads: words, characters, shapes, affixes, bigrams, marks, tags.

A `Lexicon` is made once from training sentences and saved with the model. It turns strings into rows of
embedding tables, as numpy arrays; what the rows hold it doesn't know. Most features depend on the spelling
alone, so they are looked up once for each distinct word (a *form*), not for each token.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.config import EmbeddingConfig
from tagger.text import features
from tagger.text.conll import Sentence
from tagger.text.gazetteer import Gazetteer
from tagger.text.language import Speller
from tagger.text.marks import NO_MARKS, Marks
from tagger.text.vocab import PAD, Vocab

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Forms:
    """The rows of V distinct words in each of a lexicon's tables; row 0 of the arrays is padding.

    Attributes:
        words: (V,) rows of the word table.
        counts: (V,) how often training saw the word.
        characters: (V, C) rows of the character table, padded with 0.
        shapes: (V,) rows of the shape table.
        affixes: (V, A) rows of the affix table, padded with 0.
        spelling: (V, C) symbols of a language model, padded with 0, or None where there is none.
    """

    words: Rows
    counts: Rows
    characters: Rows
    shapes: Rows
    affixes: Rows
    spelling: Rows | None = None

    def __len__(self) -> int:
        return len(self.words)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The tables of one model.

    Attributes:
        tags: the tags the decoder chooses from, in the order of its rows (no padding, no unknown); none where there
            is no decoder.
        counts: how often training saw each item of `words`.
        speller: how the model's language model reads words, if it has one.
        marks: what the model reads of a token beside its spelling.
    """

    embedding: EmbeddingConfig
    words: Vocab
    counts: tuple[int, ...]
    characters: Vocab
    shapes: Vocab
    affixes: Vocab
    bigrams: Vocab
    tags: tuple[str, ...]
    speller: Speller | None = None
    marks: Marks = NO_MARKS

    @classmethod
    def build(
        cls,
        sentences: Sequence[Sentence],
        tags: Sequence[str],
        embedding: EmbeddingConfig,
        gazetteers: Sequence[Gazetteer] = (),
    ) -> Lexicon:
        """Count what the training sentences hold and number it.

        Args:
            sentences: the training sentences, and no others.
            tags: the inner tags (BIOES, or bare labels), in the order of the decoder's rows.
            embedding: which features are on, and the least counts.
            gazetteers: lists of names, which stay as they are.
        """
        surface: Counter[str] = Counter()
        pairs: Counter[str] = Counter()
        for sentence in sentences:
            surface.update(sentence.tokens)
            if embedding.bigram_dim:
                pairs.update(features.bigrams(sentence.tokens))
        marks = Marks.build(sentences, embedding.feature_columns, gazetteers)
        return replace(cls.of_counts(surface, pairs, embedding), tags=tuple(tags), marks=marks)

    @classmethod
    def of_counts(
        cls, surface: Mapping[str, int], pairs: Mapping[str, int], embedding: EmbeddingConfig
    ) -> Lexicon:
        """Number what a text holds that has no tags.

        Args:
            surface: how often it holds each token.
            pairs: how often it holds each bigram, if those are wanted.
            embedding: which features are on, and the least counts.
        """
        words: Counter[str] = Counter()
        characters: Counter[str] = Counter()
        shapes: Counter[str] = Counter()
        affixes: Counter[str] = Counter()
        for word, count in surface.items():
            words[features.normalise(word, lowercase=embedding.lowercase)] += count
            characters.update(word[: features.LONGEST_WORD])
            shapes[features.shape(word)] += 1
            affixes.update(features.affixes(word, embedding.affix_length))
        vocab = Vocab.from_counts(words, embedding.min_count)
        return cls(
            embedding=embedding,
            words=vocab,
            counts=tuple(words[word] for word in vocab.items),
            characters=Vocab.from_counts(characters),
            shapes=Vocab.from_counts(shapes),
            affixes=Vocab.from_counts(affixes, 2) if embedding.affix_dim else Vocab(()),
            bigrams=Vocab.from_counts(pairs, 2),
            tags=(),
        )

    def with_words(self, words: Iterable[str]) -> Lexicon:
        """Return the lexicon with more words, which training has not seen (they have pretrained vectors)."""
        more = [word for word in dict.fromkeys(words) if word not in self.words]
        counts = self.counts + (0,) * len(more)
        return replace(self, words=Vocab((*self.words.items, *more)), counts=counts)

    def forms(self, words: Sequence[str]) -> Forms:
        """Look up distinct words; the result has `len(words) + 1` rows, the first of them padding."""
        embedding = self.embedding
        kept = embedding.max_characters
        spelled = [self.characters.rows(_clip(word, kept)) for word in words]
        affix_rows = [
            self.affixes.rows(features.affixes(word, embedding.affix_length)) if embedding.affix_dim else []
            for word in words
        ]
        rows = np.array(
            [
                PAD,
                *(self.words.row(features.normalise(word, lowercase=embedding.lowercase)) for word in words),
            ],
            dtype=np.int64,
        )
        known = np.array((0, 0, *self.counts), dtype=np.int64)
        return Forms(
            words=rows,
            counts=known[rows],
            characters=_pad([[], *spelled], width=1),
            shapes=np.array(
                [PAD, *self.shapes.rows([features.shape(word) for word in words])], dtype=np.int64
            ),
            affixes=_pad([[], *affix_rows], width=2 * embedding.affix_length),
            spelling=None if self.speller is None else self.speller.rows(words),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the tables as plain lists, for JSON."""
        tables = {name: list(getattr(self, name).items) for name in _TABLES}
        speller = {} if self.speller is None else {"speller": self.speller.as_dict()}
        return {
            "tags": list(self.tags),
            "counts": list(self.counts),
            **tables,
            **speller,
            **self.marks.as_dict(),
        }

    @classmethod
    def from_dict(cls, tables: object, embedding: EmbeddingConfig) -> Lexicon:
        """Rebuild a lexicon from `as_dict`'s result, which may come from a stranger.

        Raises:
            ValueError: the tables are not such a result.
        """
        if not isinstance(tables, dict):
            raise ValueError(f"expected an object of tables, found {type(tables).__name__}")
        vocabs = {name: Vocab(_strings(tables, name)) for name in _TABLES}
        tags, counts = _strings(tables, "tags"), tables.get("counts")
        if len(set(tags)) < len(tags):
            raise ValueError("the tags must differ")
        if not isinstance(counts, list) or not all(
            type(count) is int and 0 <= count < 2**63 for count in counts
        ):
            raise ValueError("counts is not a list of whole numbers")
        if len(counts) != len(vocabs["words"].items):
            raise ValueError(f"there are {len(vocabs['words'].items)} words but {len(counts)} counts")
        speller = Speller.from_dict(tables["speller"]) if "speller" in tables else None
        marks = Marks.from_dict(tables)
        if len(marks.columns) != len(embedding.feature_columns):
            raise ValueError(
                f"there are {len(marks.columns)} columns but {len(embedding.feature_columns)} in the settings"
            )
        return cls(
            embedding=embedding,
            tags=tuple(tags),
            counts=tuple(counts),
            speller=speller,
            marks=marks,
            **vocabs,
        )


_TABLES = ("words", "characters", "shapes", "affixes", "bigrams")


def _strings(tables: dict[str, object], name: str) -> list[str]:
    if name not in tables:
        raise ValueError(f"{name} is missing")
    found = tables[name]
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise ValueError(f"{name} is not a list of strings")
    return found


def _clip(word: str, kept: int) -> str:
    return word if len(word) <= kept else word[: kept - kept // 2] + word[-(kept // 2) :]


def _pad(rows: Sequence[Sequence[int]], width: int) -> Rows:
    """Stack ragged rows into one array, padded on the right, at least `width` wide."""
    padded = np.zeros((len(rows), max(width, max(map(len, rows)))), dtype=np.int64)
    for place, row in enumerate(rows):
        padded[place, : len(row)] = row
    return padded
