"""The tables with which a language model reads and writes: how words are spelled, which it can predict.

Made once from counts and saved with the model. What the rows hold is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.config import LanguageModelConfig
from tagger.text.vocab import PAD, UNKNOWN, Vocab

Rows = NDArray[np.int64]

END = "\n"  # stands for the end of a sentence among the words; no token holds a line feed
_START_OF_WORD, _END_OF_WORD = "\x02", "\x03"  # frame a word's characters
_RARE_CHARACTER = 2  # a character seen less often is read as the unknown one


@dataclass(frozen=True, slots=True)
class Speller:
    """How a language model reads words.

    Attributes:
        words: the commonest, which it knows by name too.
        symbols: characters, where words are read by their spelling.
        longest: characters of a word that are looked at; 0: none, each token is itself one character.
    """

    words: Vocab
    symbols: Vocab
    longest: int

    def rows(self, words: Sequence[str]) -> Rows:
        """Return (N + 1, 1 + C) for N words: their rows, then those of their symbols; 0 pads, and is the first row.

        >>> Speller(Vocab(["ab"]), Vocab(["\\x02", "\\x03", "a"]), longest=4).rows(["a", "ab"]).tolist()
        [[0, 0, 0, 0, 0], [1, 2, 4, 3, 0], [2, 2, 4, 1, 3]]
        """
        if not self.longest:
            return np.array([[PAD], *([row] for row in self.words.rows(words))], dtype=np.int64)
        spelled = [[self.words.row(word), *self.symbols.rows(_frame(word, self.longest))] for word in words]
        width = max(map(len, spelled), default=2)
        return np.array(
            [[PAD] * width, *(row + [PAD] * (width - len(row)) for row in spelled)], dtype=np.int64
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the tables as plain lists, for JSON."""
        return {
            "words": list(self.words.items),
            "symbols": list(self.symbols.items),
            "longest": self.longest,
        }

    @classmethod
    def from_dict(cls, table: object) -> Speller:
        """Rebuild a speller from `as_dict`'s result, which may come from a stranger.

        Raises:
            ValueError: it is no such result.
        """
        found = table if isinstance(table, dict) else {}
        if found and "words" not in found:
            raise ValueError(
                "the speller has no words; an older version of tagger wrote it, so pretrain the language model again"
            )
        longest = found.get("longest")
        if type(longest) is not int or not (longest == 0 or 3 <= longest <= 4096):
            raise ValueError("the speller's longest is not a number of characters")
        return cls(Vocab(_strings(found, "words")), Vocab(_strings(found, "symbols")), longest)


@dataclass(frozen=True, slots=True)
class LanguageTables:
    """What a language model reads with and what it can predict.

    Attributes:
        speller: the input side; its words are what can be predicted, commonest first, and `END` is one of them.
        counts: how often the text holds each of these words.
        unknown: how often it holds a word that is not among them.
    """

    speller: Speller
    counts: tuple[int, ...]
    unknown: int

    @classmethod
    def build(cls, counts: Mapping[str, int], sentences: int, config: LanguageModelConfig) -> LanguageTables:
        """Number the words and characters of a text.

        Args:
            counts: of each token.
            sentences: how many there are, which is how often a sentence ends.
            config: least count and largest vocabulary.
        """
        by_count = Vocab.from_counts({**counts, END: max(sentences, config.min_count)}, config.min_count)
        words = Vocab(
            by_count.items
            if len(by_count.items) <= config.vocabulary
            else [item for item in by_count.items[: config.vocabulary] if item != END] + [END]
        )
        known = tuple(counts.get(item, sentences) for item in words.items)
        total = sum(counts.values()) + sentences
        symbols, longest = Vocab(()), 0
        if config.unit == "words":
            spellings: dict[str, int] = {_START_OF_WORD: total, _END_OF_WORD: total}
            for word, count in counts.items():
                for symbol in set(word):
                    spellings[symbol] = spellings.get(symbol, 0) + count
            symbols, longest = Vocab.from_counts(spellings, _RARE_CHARACTER), config.max_characters
        return cls(Speller(words, symbols, longest), known, total - sum(known))

    @property
    def words(self) -> Vocab:
        """What can be predicted, the unknown word excepted."""
        return self.speller.words

    @property
    def outcome_counts(self) -> tuple[int, ...]:
        """How often the text holds each outcome."""
        return (self.unknown, *self.counts)

    def __len__(self) -> int:
        """Number of outcomes that can be predicted, the unknown word among them."""
        return len(self.words) - 1

    def targets(self, words: Sequence[str]) -> list[int]:
        """Return the outcome of each word, from 0; 0 is the unknown word."""
        return [row - UNKNOWN for row in self.words.rows(words)]

    def word(self, outcome: int) -> str | None:
        """Return the word of an outcome; None for the unknown word."""
        return self.words.items[outcome - 1] if outcome else None

    def as_dict(self) -> dict[str, Any]:
        """Return the tables as plain lists, for JSON."""
        return {
            "speller": self.speller.as_dict(),
            "counts": list(self.counts),
            "unknown": self.unknown,
        }

    @classmethod
    def from_dict(cls, tables: object) -> LanguageTables:
        """Rebuild the tables from `as_dict`'s result, which may come from a stranger.

        Raises:
            ValueError: they are no such result.
        """
        if not isinstance(tables, dict):
            raise ValueError(f"expected an object of tables, found {type(tables).__name__}")
        speller = Speller.from_dict(tables.get("speller"))
        counts, unknown = tables.get("counts"), tables.get("unknown")
        if END not in speller.words:
            raise ValueError("the end of a sentence is not among the words")
        if not isinstance(counts, list) or len(counts) != len(speller.words.items):
            raise ValueError("counts is not a list of one number for each word")
        if type(unknown) is not int or not all(type(count) is int for count in counts):
            raise ValueError("counts is not a list of whole numbers")
        return cls(speller, tuple(counts), unknown)


def _strings(table: Mapping[str, object], name: str) -> list[str]:
    found = table.get(name)
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise ValueError(f"the speller's {name} are not a list of strings")
    return found


def _frame(word: str, longest: int) -> str:
    """Mark where a word begins and ends; keep the two halves of a long one."""
    kept = longest - 2
    if len(word) > kept:
        word = word[: kept - kept // 2] + word[len(word) - kept // 2 :]
    return _START_OF_WORD + word + _END_OF_WORD
