"""Raw text -> a directory with classes of its words, which `train --clusters` gives to a labeller.

The text is read as a stream, once for its words and once for their neighbours. Nothing is written before all is done.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tagger import config as settings
from tagger.config import ClusterConfig
from tagger.errors import DataError
from tagger.runtime import directory as files
from tagger.text import clusters
from tagger.text.counting import count_of
from tagger.text.files import find_decoder, is_stdin
from tagger.text.objects import describe
from tagger.text.output import encode_text, write_atomically
from tagger.text.raw import Words, find_files, read_words
from tagger.text.schemes.tags import is_writable
from tagger.text.tokenizer import Mode
from tagger.training.brown import Brown, Counts, Neighbours
from tagger.training.stream import read_settings, within_bounds

_AT_ONCE = 1 << 20  # pairs of neighbours that are sorted together


@dataclass(frozen=True, slots=True)
class Clustered:
    """What was made of a text.

    Attributes:
        tokens: of the text.
        words: how many distinct ones have a class.
        classes: how many there are.
        covered: the share of the tokens that have a class.
        information: mutual information of neighbouring classes, in bits.
        seconds: the time it took.
    """

    tokens: int
    words: int
    classes: int
    covered: float
    information: float
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints of it."""
        return describe("clusters", asdict(self))


class Clustering:
    """The words of a text, which are to be put in classes.

    Args:
        paths: text files; they are read twice.
        config: the settings.

    Raises:
        DataError: a text can't be read, or has too few words.
        ConfigError: there is no such encoding.

    Attributes:
        tokens: of the text.
        words: those that get a class, the commonest first.
        covered: the share of the tokens that they are.
    """

    def __init__(self, paths: Sequence[Path], config: ClusterConfig) -> None:
        self._began = time.perf_counter()
        self.config = config
        find_decoder(config.text.encoding, "text.encoding")
        if any(map(is_stdin, paths)):
            raise DataError("can be read only once, and the text is read twice; give a file", "<stdin>")
        self._paths = find_files(paths)
        counts: Counter[str] = Counter()
        self.tokens = 0
        for sentence in self._read():
            counts.update(sentence)
            self.tokens += len(sentence)
            counts = within_bounds(counts)
        common = [
            word for word, count in counts.items() if count >= config.text.min_count and is_writable(word)
        ]
        self.words = sorted(common, key=lambda word: (-counts[word], word))[: config.text.vocabulary]
        if len(self.words) < 2:
            raise DataError(
                f"found {count_of(len(self.words), 'word')} that {'is' if len(self.words) == 1 else 'are'} there "
                f"{config.text.min_count} times, expected two or more; give more text, or a smaller --min-count",
                self._paths[0],
            )
        self._counts = np.array([counts[word] for word in self.words], dtype=np.int64)
        self.covered = int(self._counts.sum()) / self.tokens
        self._brown = Brown(self._counts, self._find_neighbours(), config.clusters.classes)

    @property
    def classes(self) -> int:
        """How many classes are made."""
        return self._brown.classes

    def run(self) -> Iterator[float]:
        """Make the classes, yielding what share of it is done."""
        return (step / self._brown.steps for step in self._brown.run())

    def save(self, directory: Path) -> Clustered:
        """Write the classes, when `run` has ended; they come last, in one step.

        Raises:
            DataError: the directory can't be written.
        """
        rows = zip(self._brown.paths(), self.words, self._counts.tolist(), strict=True)
        write_atomically(directory / files.CONFIG, settings.render(self.config).encode())
        write_atomically(directory / clusters.FILE, encode_text(clusters.render(rows)))
        return Clustered(
            self.tokens,
            len(self.words),
            self.classes,
            self.covered,
            self._brown.information,
            time.perf_counter() - self._began,
        )

    def _read(self) -> Iterator[Words]:
        return read_words(self._paths, read_settings(self.config.text), Mode(self.config.text.unit))

    def _find_neighbours(self) -> Neighbours:
        numbers = {word: number for number, word in enumerate(self.words)}
        total = len(numbers)
        pairs, counts = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        waiting: list[int] = []
        for sentence in self._read():
            waiting += [numbers.get(word, -1) for word in sentence]
            waiting.append(-1)  # nothing stands beside a sentence's end
            if len(waiting) >= _AT_ONCE:
                pairs, counts = _add_pairs(pairs, counts, waiting, total)
                waiting = []
        pairs, counts = _add_pairs(pairs, counts, waiting, total)
        return Neighbours(pairs // total, pairs % total, counts)


def check_place(directory: Path, *, overwrite: bool) -> None:
    """Refuse a directory that holds a model, or classes that may not be replaced.

    Raises:
        DataError: it does.
    """
    for name, found in ((files.WEIGHTS, "a model"), (clusters.FILE, "classes of words")):
        if (directory / name).exists() and not (overwrite and name == clusters.FILE):
            way = "add --overwrite to replace them, or choose" if name == clusters.FILE else "choose"
            raise DataError(f"holds {found}, expected a directory without; {way} another --output", directory)


def _add_pairs(pairs: Counts, counts: Counts, numbers: list[int], total: int) -> tuple[Counts, Counts]:
    """Return the distinct pairs of neighbours, as first * total + second, with those of more text; -1 is no word."""
    row = np.array(numbers, dtype=np.int64)
    first, second = row[:-1], row[1:]
    new = (first * total + second)[(first >= 0) & (second >= 0)]
    found, places = np.unique(np.concatenate((pairs, new)), return_inverse=True)
    weights = np.concatenate((counts, np.ones(len(new), dtype=np.int64)))
    return found, np.bincount(places, weights, len(found)).astype(np.int64)
