"""Raw text -> what is learnt from it: a survey of the text, then its sentences in chunks.

The text is read as a stream, once for the survey and once for each epoch, so its size doesn't matter. Which
sentences are held out depends on (seed, number of the sentence) alone. What is learnt is not known here.
"""

from __future__ import annotations

import hashlib
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tagger.config import RawTextConfig, ReadingConfig
from tagger.errors import DataError
from tagger.text import features
from tagger.text.counting import count_of
from tagger.text.files import ENCODING_ADVICE, find_decoder, is_stdin
from tagger.text.raw import InputSettings, Words, find_files, read_words
from tagger.text.tokenizer import Mode

MOST_COUNTED = 4_000_000  # distinct words counted at once; beyond that those seen once are forgotten


def read_settings(text: ReadingConfig) -> InputSettings:
    """Return how text files are read."""
    return InputSettings(
        format=text.format,
        encoding=text.encoding,
        text_field=text.text_field,
        token_column=text.token_column,
        advice=ENCODING_ADVICE,
    )


class Source:
    """The sentences of some text files, which can be read again and again.

    Args:
        paths: the files, in the order in which they are read; a folder stands for all files inside.
        text: how they are read and what is held out.
        mode: what a token is.
        longest: tokens of a sentence; a longer one is cut.
        seed: draws what is held out.

    Raises:
        ConfigError: there is no such encoding.
        DataError: one of them is the standard input, which can be read only once.
    """

    def __init__(
        self, paths: Sequence[Path], text: RawTextConfig, *, mode: Mode, longest: int, seed: int
    ) -> None:
        find_decoder(text.encoding, "text.encoding")
        for path in paths:
            if is_stdin(path):
                raise DataError(
                    "can be read only once, and every epoch reads the text; give a file", "<stdin>"
                )
        self.paths = find_files(paths)
        self._text = text
        self._settings = read_settings(text)
        self._mode = mode
        self._longest = longest
        self._seed = seed

    def sentences(self, *, held_out: bool) -> Iterator[Words]:
        """Yield the sentences for learning, or those that are held out; long ones in pieces."""
        return (words for words, is_held_out in self.labelled() if is_held_out == held_out)

    def labelled(self) -> Iterator[tuple[Words, bool]]:
        """Yield all sentences, and whether each is held out."""
        text, longest = self._text, self._longest
        number = held = 0
        for sentence in read_words(self.paths, self._settings, self._mode):
            for start in range(0, len(sentence), longest):
                is_held_out = held < text.max_held_out and self._draw(number) < text.held_out
                yield sentence[start : start + longest], is_held_out
                held += is_held_out
                number += 1

    def chunks(self, size: int, first: int = 0) -> Iterator[list[Words]]:
        """Yield the sentences for learning, `size` at a time, from chunk number `first` on."""
        waiting: list[Words] = []
        number = 0
        for words in self.sentences(held_out=False):
            waiting.append(words)
            if len(waiting) == size:
                if number >= first:
                    yield waiting
                waiting, number = [], number + 1
        if waiting and number >= first:
            yield waiting

    def _draw(self, number: int) -> float:
        return zlib.crc32(f"{self._seed} {number}".encode()) / 2**32


@dataclass(frozen=True, slots=True)
class Survey:
    """What one pass over the text found.

    Attributes:
        counts: how often the sentences for learning hold each token.
        pairs: how often they hold each bigram (`text.features.bigrams`); empty where nobody asked.
        sentences, tokens: to learn from.
        held_out: the sentences to measure perplexity on.
        digest: of the whole text; another text has another one.
    """

    counts: Counter[str]
    pairs: Counter[str]
    sentences: int
    tokens: int
    held_out: tuple[Words, ...]
    digest: str


def survey(source: Source, *, bigrams: bool = False) -> Survey:
    """Read the text once: count its words, keep its held-out sentences.

    Raises:
        DataError: a file can't be read, or there is too little text.
    """
    counts: Counter[str] = Counter()
    pairs: Counter[str] = Counter()
    held: list[Words] = []
    sentences = tokens = 0
    digest = hashlib.sha256()
    for words, is_held_out in source.labelled():
        digest.update("\0".join(words).encode("utf-8", "surrogatepass") + b"\n")
        if is_held_out:
            held.append(words)
            continue
        counts.update(words)
        if bigrams:
            pairs.update(features.bigrams(words))
        sentences += 1
        tokens += len(words)
        counts, pairs = within_bounds(counts), within_bounds(pairs)
    if not sentences or not held:
        found = f"found {count_of(sentences + len(held), 'sentence')}"
        raise DataError(
            f"{found}, too few to hold some out; give more text, or a larger share with --held-out",
            source.paths[0],
        )
    return Survey(counts, pairs, sentences, tokens, tuple(held), digest.hexdigest())


def within_bounds(counts: Counter[str]) -> Counter[str]:
    """Return counts, without those of 1 where there are too many for the memory."""
    if len(counts) <= MOST_COUNTED:
        return counts
    return Counter({item: count for item, count in counts.items() if count > 1})
