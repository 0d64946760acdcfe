"""Where in a known word a character may stand, as a feature of models that cut text into words.

Known are the words of the training corpus and those of the lists that a user gives (`--gazetteer`). Each list is a
part of the feature, three embeddings of a mark side by side: of the longest words that begin at the character, that
end at it, and that go across it. The idea is as old as segmentation by classification; for networks see Zhang, Liu
and Fu 2018, "Neural networks incorporating dictionaries for Chinese word segmentation".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from tagger.config import EmbeddingConfig
from tagger.runtime.kinds import Floats, PlaceFeature, Rows, Shapes, TextCounts, Weights
from tagger.text.wordlist import KINDS, NO_MARK, ROWS, WordList, split_mark

PARTS = ("begin", "end", "across")
_OWN = "the training words"  # what messages call the first list


@dataclass(frozen=True)
class WordMarks(PlaceFeature):
    """Lists of words, and where in one of their words a character may stand; rows (T, L), one for each list.

    Attributes:
        lists: the training words first.
        dim: size of each of the three embeddings of a mark; 0: off.
    """

    name: ClassVar[str] = "word_marks"
    lists: tuple[WordList, ...]
    dim: int

    @classmethod
    def build(cls, found: TextCounts, config: EmbeddingConfig) -> WordMarks:
        if not config.word_mark_dim:
            return cls((), 0)
        given = (
            WordList(each.name, dict.fromkeys((entry.replace(" ", "") for entry in each.entries), 1))
            for each in found.gazetteers
        )
        return cls((WordList(_OWN, found.spans), *given), config.word_mark_dim)

    @classmethod
    def from_dict(cls, tables: Mapping[str, object], config: EmbeddingConfig) -> WordMarks:
        lists = tables.get("word_lists", [])
        if not isinstance(lists, list):
            raise ValueError("word_lists is not a list")
        return cls(tuple(map(WordList.from_dict, lists)), config.word_mark_dim)

    def as_dict(self) -> dict[str, Any]:
        return {"word_lists": [each.as_dict() for each in self.lists]} if self.lists else {}

    @property
    def size(self) -> int:
        return len(PARTS) * self.dim * len(self.lists)

    @property
    def rows_per_token(self) -> int:
        return len(self.lists)

    def rows(self, tokens: Sequence[str], values: Sequence[Sequence[str]]) -> Rows:
        del values
        return self._stack([each.rows(tokens) for each in self.lists])

    def rows_of_training(self, tokens: Sequence[str], words: Mapping[str, int]) -> Rows:
        """Return the rows of a training sentence, as if the training words lacked those that it adds to them.

        Args:
            tokens: of the sentence.
            words: how often it holds each of its words.
        """
        own, *given = self.lists
        return self._stack([own.rows(tokens, words), *(each.rows(tokens) for each in given)])

    def _stack(self, rows: Sequence[Sequence[int]]) -> Rows:
        return np.array(rows, dtype=np.int64).T

    def weight_shapes(self) -> Shapes:
        return {
            f"{self.name}.{place}.{part}.weight": (NO_MARK + kinds, self.dim)
            for place in range(len(self.lists) if self.dim else 0)
            for part, kinds in zip(PARTS, KINDS, strict=True)
        }

    def tables(self, weights: Weights) -> list[Floats]:
        return [self._lay_out(weights, place) for place in range(len(self.lists))]

    def _lay_out(self, weights: Weights, place: int) -> Floats:
        """Return (ROWS, 3 * dim): what each mark of a list adds to a character."""
        parts = zip(PARTS, mark_places(), strict=True)
        return np.concatenate(
            [weights[f"{self.name}.{place}.{part}.weight"][rows] for part, rows in parts], axis=1
        )

    def joined(self, other: WordMarks) -> WordMarks:
        """Return the lists with the training words of both, counts summed; lists that a user gave as they were."""
        if not self.lists or not other.lists:
            return self if self.lists else other
        words = dict(self.lists[0].words)
        for word, count in other.lists[0].words.items():
            words[word] = words.get(word, 0) + count
        return replace(self, lists=(WordList(_OWN, words), *self.lists[1:]))


def mark_places() -> Rows:
    """Return (3, ROWS): for each row of marks its rows in the tables of words that begin, end, and go across."""
    special = [(row,) * len(KINDS) for row in range(NO_MARK)]
    marks = [tuple(NO_MARK + kind for kind in split_mark(row)) for row in range(NO_MARK, ROWS)]
    return np.array(special + marks, dtype=np.int64).T
