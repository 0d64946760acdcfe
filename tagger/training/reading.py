"""Raw text -> what a language model learns from: a survey of the text, then chunks of it as rows of tables.

The text is read as a stream, once for the survey and once for each epoch, so its size doesn't matter. Which
sentences are held out depends on (seed, number of the sentence) alone, the order of batches on (seed, epoch,
chunk) alone.
"""

from __future__ import annotations

import hashlib
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from tagger.config import PretrainConfig
from tagger.errors import DataError
from tagger.model.bilm import LanguageBatch
from tagger.text.conll.source import is_stdin
from tagger.text.counting import count_of
from tagger.text.language import LanguageTables
from tagger.text.raw import Words, read_words
from tagger.text.tokenizer import Mode

Ints = NDArray[np.int64]
MOST_COUNTED = 4_000_000  # distinct words counted at once; beyond that those seen once are forgotten


class Source:
    """The sentences of some text files, which can be read again and again.

    Args:
        paths: the files, in the order in which they are read.
        config: how they are read and what is held out.

    Raises:
        DataError: one of them is the standard input, which can be read only once.
    """

    def __init__(self, paths: Sequence[Path], config: PretrainConfig) -> None:
        for path in paths:
            if is_stdin(path):
                raise DataError(
                    "can be read only once, and every epoch reads the text; give a file", "<stdin>"
                )
        self.paths = paths
        self.config = config

    def sentences(self, *, held_out: bool) -> Iterator[Words]:
        """Yield the sentences for learning, or those that are held out; long ones in pieces."""
        return (words for words, is_held_out in self.labelled() if is_held_out == held_out)

    def labelled(self) -> Iterator[tuple[Words, bool]]:
        """Yield all sentences, and whether each is held out."""
        text, longest = self.config.text, self.config.training.max_tokens
        mode = Mode.CHARACTERS if self.config.model.unit == "characters" else Mode.WORDS
        number = held = 0
        for sentence in read_words(self.paths, text.format, mode, text.encoding):
            for start in range(0, len(sentence), longest):
                is_held_out = held < text.max_held_out and self._draw(number) < text.held_out
                yield sentence[start : start + longest], is_held_out
                held += is_held_out
                number += 1

    def _draw(self, number: int) -> float:
        return zlib.crc32(f"{self.config.seed} {number}".encode()) / 2**32


@dataclass(frozen=True, slots=True)
class Survey:
    """What one pass over the text found.

    Attributes:
        tables: the words and symbols of the sentences for learning.
        sentences, tokens: to learn from.
        held_out: the sentences to measure perplexity on.
        unknown: share of the held-out tokens that can't be predicted by name.
        digest: of the whole text; another text has another one.
    """

    tables: LanguageTables
    sentences: int
    tokens: int
    held_out: tuple[Words, ...]
    unknown: float
    digest: str


def survey(source: Source) -> Survey:
    """Read the text once: count its words, keep its held-out sentences.

    Raises:
        DataError: a file can't be read, or there is too little text.
    """
    counts: Counter[str] = Counter()
    held: list[Words] = []
    sentences = tokens = 0
    digest = hashlib.sha256()
    for words, is_held_out in source.labelled():
        digest.update("\0".join(words).encode("utf-8", "surrogatepass") + b"\n")
        if is_held_out:
            held.append(words)
            continue
        counts.update(words)
        sentences += 1
        tokens += len(words)
        if len(counts) > MOST_COUNTED:
            counts = Counter({word: count for word, count in counts.items() if count > 1})
    if not sentences or not held:
        found = f"found {count_of(sentences + len(held), 'sentence')}"
        raise DataError(
            f"{found}, too few to hold some out; give more text, or a larger share with --held-out",
            source.paths[0],
        )
    tables = LanguageTables.build(counts, sentences, source.config.model)
    strange = sum(word not in tables.words for words in held for word in words)
    return Survey(tables, sentences, tokens, tuple(held), strange / sum(map(len, held)), digest.hexdigest())


class Chunk(NamedTuple):
    """Some sentences as rows.

    Attributes:
        spelling: (V + 1, 1 + C) of the chunk's distinct words, as a speller lays them out; row 0 is padding.
        outcomes: (V + 1,) outcome of each of them.
        sentences: (T,) rows of `spelling` for each sentence.
    """

    spelling: Ints
    outcomes: Ints
    sentences: list[Ints]


def encode(sentences: Iterable[Words], tables: LanguageTables) -> Chunk:
    """Look up the words of some sentences."""
    rows: dict[str, int] = {}
    number = rows.setdefault
    encoded = [
        np.fromiter((number(word, len(rows) + 1) for word in words), np.int64, len(words))
        for words in sentences
    ]
    words = list(rows)
    outcomes = np.array([0, *tables.targets(words)], dtype=np.int64)
    return Chunk(tables.speller.rows(words), outcomes, encoded)


def chunks(source: Source, tables: LanguageTables, first: int = 0) -> Iterator[Chunk]:
    """Yield the sentences for learning, `chunk_sentences` at a time, from chunk number `first` on."""
    size = source.config.training.chunk_sentences
    waiting: list[Words] = []
    number = 0
    for words in source.sentences(held_out=False):
        waiting.append(words)
        if len(waiting) == size:
            if number >= first:
                yield encode(waiting, tables)
            waiting, number = [], number + 1
    if waiting and number >= first:
        yield encode(waiting, tables)


def shuffled_batches(chunk: Chunk, batch_tokens: int, generator: np.random.Generator) -> list[list[int]]:
    """Batch sentences of near-equal length, in random order; a batch holds about `batch_tokens` padded tokens."""
    sizes = np.array([len(rows) for rows in chunk.sentences])
    noise = generator.uniform(0.95, 1.05, len(sizes))
    order = np.argsort(sizes * noise, kind="stable")
    batches = fill(order.tolist(), sizes, batch_tokens)
    return [batches[place] for place in generator.permutation(len(batches))]


def fill(order: Sequence[int], sizes: Ints, batch_tokens: int) -> list[list[int]]:
    """Cut an order of sentences into batches of at most `batch_tokens` padded tokens."""
    batches: list[list[int]] = []
    batch: list[int] = []
    longest = 0
    for place in order:
        longest = max(longest, int(sizes[place]))
        if batch and longest * (len(batch) + 1) > batch_tokens:
            batches.append(batch)
            batch, longest = [], int(sizes[place])
        batch.append(place)
    return [*batches, batch] if batch else batches


def collate(chunk: Chunk, places: Sequence[int]) -> LanguageBatch:
    """Lay sentences of a chunk out as one batch."""
    lengths = np.array([len(chunk.sentences[place]) for place in places], dtype=np.int64)
    tokens = np.zeros((len(places), int(lengths.max())), dtype=np.int64)
    for row, place in enumerate(places):
        tokens[row, : lengths[row]] = chunk.sentences[place]
    used, inverse = np.unique(tokens.T, return_inverse=True)
    if used[0] != 0:
        used, inverse = np.concatenate(([0], used)), inverse + 1
    spelling = chunk.spelling[used]
    width = max(1, int((spelling != 0).sum(1).max()))
    return LanguageBatch(
        spelling=torch.from_numpy(np.ascontiguousarray(spelling[:, :width])),
        tokens=torch.from_numpy(inverse.reshape(tokens.T.shape)),
        lengths=torch.from_numpy(lengths),
        targets=torch.from_numpy(chunk.outcomes[tokens.T]),
    )
