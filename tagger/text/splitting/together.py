"""Which sentences have to stay in one part: those of a document, and those that are the same, wherever they stand.

A model that has seen a sentence scores too well on it. But news repeats "Sport" or a byline in every second document,
and then nearly all documents would hang together. So where too much does, the shortest sentences may be apart, up to
the least length that lets the parts be made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagger.text.splitting.survey import SentenceSurvey

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Together:
    """Sentences in groups.

    Attributes:
        group_of: (S,) the group of each sentence, numbered from 0 as they come.
        are_documents: whether the sentences of a document are in one group.
        least: repeated sentences of so many tokens and more are in one group.
    """

    group_of: Ints
    are_documents: bool
    least: int

    @property
    def count(self) -> int:
        """How many groups there are."""
        return int(self.group_of.max()) + 1


def find_groups(survey: SentenceSurvey, parts: int, most: float) -> Together:
    """Return the sentences in groups.

    Args:
        survey: of the corpus.
        parts: how many there are to be; documents fewer than that can't be kept whole.
        most: the tokens that a group which repetition makes may hold.
    """
    documents = np.frombuffer(survey.documents, np.int64)
    sizes = np.frombuffer(survey.sizes, np.int64)
    are_documents = bool(documents[-1] + 1 >= parts and documents[-1] > 0)
    units = documents.copy() if are_documents else np.arange(len(survey))
    first_lines, last_lines = (
        np.frombuffer(each, np.int64) for each in (survey.first_lines, survey.last_lines)
    )
    crowded = np.flatnonzero(first_lines[1:] <= last_lines[:-1])  # on a line with the sentence before
    pairs = np.stack((units[crowded], units[crowded + 1]), 1)
    whole = _unite(units, pairs)
    twins, lengths = _pair_twins(np.frombuffer(survey.digests, np.uint64), units, sizes)
    most = max(most, int(np.bincount(whole, sizes).max()))
    least = 1
    while True:
        groups = _unite(units, np.concatenate((pairs, twins[lengths >= least])))
        is_small = np.bincount(groups, sizes).max() <= most
        if is_small or not are_documents or not (lengths >= least).any():
            return Together(groups, are_documents, least)
        least += 1


def _pair_twins(digests: NDArray[np.uint64], units: Ints, sizes: Ints) -> tuple[Ints, Ints]:
    """Return the units of each two neighbours among equal sentences, and how many tokens these have."""
    order = np.argsort(digests, kind="stable")
    same = np.flatnonzero(digests[order][1:] == digests[order][:-1])
    left, right = order[same], order[same + 1]
    apart = units[left] != units[right]
    return np.stack((units[left], units[right]), 1)[apart], sizes[left][apart]


def _unite(units: Ints, pairs: Ints) -> Ints:
    """Return for each sentence the number of its group, where pairs of units belong together."""
    parents = list(range(int(units.max()) + 1))

    def find(unit: int) -> int:
        while parents[unit] != unit:
            parents[unit] = parents[parents[unit]]
            unit = parents[unit]
        return unit

    for left, right in pairs.tolist():
        one, other = find(left), find(right)
        parents[max(one, other)] = min(one, other)
    roots = np.fromiter(map(find, range(len(parents))), np.int64, len(parents))
    _, groups = np.unique(roots[units], return_inverse=True)
    return groups.astype(np.int64).reshape(-1)


def find_repeats(digests: Sequence[int], part_of: Sequence[int]) -> Iterator[int]:
    """Yield the sentences that stand in an earlier part, too: the numbers of those in later ones."""
    home: dict[int, int] = {}
    for digest, part in zip(digests, part_of, strict=True):
        home[digest] = min(part, home.get(digest, part))
    for number, (digest, part) in enumerate(zip(digests, part_of, strict=True)):
        if part > home[digest]:
            yield number
