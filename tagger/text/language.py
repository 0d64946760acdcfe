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
        symbols: characters, where words are read by their spelling; else the tokens themselves.
        longest: characters of a word that are looked at; 0: each token is one symbol.
    """

    symbols: Vocab
    longest: int

    def rows(self, words: Sequence[str]) -> Rows:
        """Return (V + 1, C) rows of symbols for V words, padded with 0; the first row is padding.

        >>> Speller(Vocab(["\\x02", "\\x03", "a"]), longest=4).rows(["a", "ab"]).tolist()
        [[0, 0, 0, 0], [2, 4, 3, 0], [2, 4, 1, 3]]
        """
        if not self.longest:
            return np.array([[PAD], *([row] for row in self.symbols.rows(words))], dtype=np.int64)
        spelled = [self.symbols.rows(_frame(word, self.longest)) for word in words]
        width = max(map(len, spelled), default=1)
        return np.array(
            [[PAD] * width, *(row + [PAD] * (width - len(row)) for row in spelled)], dtype=np.int64
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the table as a plain list, for JSON."""
        return {"symbols": list(self.symbols.items), "longest": self.longest}

    @classmethod
    def from_dict(cls, table: object) -> Speller:
        """Rebuild a speller from `as_dict`'s result, which may come from a stranger.

        Raises:
            ValueError: it is no such result.
        """
        symbols = table.get("symbols") if isinstance(table, dict) else None
        longest = table.get("longest") if isinstance(table, dict) else None
        if not isinstance(symbols, list) or not all(isinstance(symbol, str) for symbol in symbols):
            raise ValueError("the speller's symbols are not a list of strings")
        if type(longest) is not int or not (longest == 0 or 3 <= longest <= 4096):
            raise ValueError("the speller's longest is not a number of characters")
        return cls(Vocab(symbols), longest)


@dataclass(frozen=True, slots=True)
class LanguageTables:
    """What a language model reads with and what it can predict.

    Attributes:
        speller: the input side.
        words: the output side, commonest first; `END` is one of them.
        counts: how often the text holds each item of `words`.
        unknown: how often it holds a word that is not among them.
    """

    speller: Speller
    words: Vocab
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
        if config.unit == "characters":
            symbols, longest = Vocab.from_counts(counts, config.min_count), 0
        else:
            spellings: dict[str, int] = {_START_OF_WORD: total, _END_OF_WORD: total}
            for word, count in counts.items():
                for symbol in set(word):
                    spellings[symbol] = spellings.get(symbol, 0) + count
            symbols, longest = Vocab.from_counts(spellings, _RARE_CHARACTER), config.max_characters
        return cls(Speller(symbols, longest), words, known, total - sum(known))

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
            "words": list(self.words.items),
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
        words, counts, unknown = (tables.get(name) for name in ("words", "counts", "unknown"))
        if (
            not isinstance(words, list)
            or not all(isinstance(word, str) for word in words)
            or END not in words
        ):
            raise ValueError("words is not a list of strings with the end of a sentence among them")
        if not isinstance(counts, list) or len(counts) != len(words) or type(unknown) is not int:
            raise ValueError("counts is not a list of one number for each word")
        if not all(type(count) is int for count in counts):
            raise ValueError("counts is not a list of whole numbers")
        return cls(Speller.from_dict(tables.get("speller")), Vocab(words), tuple(counts), unknown)


def _frame(word: str, longest: int) -> str:
    """Mark where a word begins and ends; keep the two halves of a long one."""
    kept = longest - 2
    if len(word) > kept:
        word = word[: kept - kept // 2] + word[len(word) - kept // 2 :]
    return _START_OF_WORD + word + _END_OF_WORD
