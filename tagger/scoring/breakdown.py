"""Exact-match scores of parts: by length of the span, by length of the sentence, by novelty.

Gold spans are grouped by what they are and predicted spans by what they are, so that each group has a
precision and a recall of its own, and the groups add up to the whole. Groups without any span are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Generic, TypeVar

from tagger.scoring.counts import Pair, Score
from tagger.scoring.words import surface
from tagger.text.schemes import Span, Task

Group = TypeVar("Group", bound=Hashable)

# The first length of each group; the last one is open.
SPAN_LENGTHS = (1, 2, 3, 4, 6)
SENTENCE_LENGTHS = (1, 6, 11, 21, 41)
SEEN, UNSEEN = "seen", "unseen"


class PartCounts:
    """Spans counted by part as the sentences come; nothing else of them is kept.

    Args:
        training_surfaces: what `collect_surfaces` found in the training corpus, if it is known.
        task: what the tags are about.
    """

    def __init__(self, training_surfaces: AbstractSet[str] | None = None, task: Task = Task.LABELS) -> None:
        self._surfaces = training_surfaces
        self._task = task
        self._span_lengths, self._sentence_lengths = _Counts[int](), _Counts[int]()
        self._novelty = _Counts[str]()

    def add(self, pair: Pair, tokens: Sequence[str] = ()) -> None:
        """Count a sentence; its tokens matter for novelty alone."""
        if not pair.gold and not pair.predicted:
            return
        self._span_lengths.add(pair, _length_group)
        group = _first_of_group(pair.length, SENTENCE_LENGTHS)
        self._sentence_lengths.add(pair, lambda _: group)
        known = self._surfaces
        if known is not None:
            self._novelty.add(
                pair, lambda span: SEEN if surface(tokens, span, self._task) in known else UNSEEN
            )

    @property
    def span_lengths(self) -> dict[str, Score]:
        """Spans of one token, of two, of three ... apart."""
        return _name_groups(self._span_lengths.scores(), SPAN_LENGTHS)

    @property
    def sentence_lengths(self) -> dict[str, Score]:
        """Short and long sentences apart."""
        return _name_groups(self._sentence_lengths.scores(), SENTENCE_LENGTHS)

    @property
    def novelty(self) -> dict[str, Score] | None:
        """Spans whose words were a span in training (of any type) apart from the others; None where nobody knows."""
        if self._surfaces is None:
            return None
        scores = self._novelty.scores()
        return {name: scores[name] for name in (SEEN, UNSEEN) if name in scores}


class _Counts(Generic[Group]):
    """Gold, predicted and correct spans by group."""

    def __init__(self) -> None:
        self._rows: dict[Group, list[int]] = {}

    def add(self, pair: Pair, group_of: Callable[[Span], Group]) -> None:
        gold, predicted = set(pair.gold), set(pair.predicted)
        for column, spans in enumerate((gold, predicted, gold & predicted)):
            for span in spans:
                self._rows.setdefault(group_of(span), [0, 0, 0])[column] += 1

    def scores(self) -> dict[Group, Score]:
        return {group: Score(*row) for group, row in self._rows.items()}


def _length_group(span: Span) -> int:
    return _first_of_group(span.end - span.start, SPAN_LENGTHS)


def _first_of_group(length: int, firsts: tuple[int, ...]) -> int:
    return max(first for first in firsts if first <= length)


def _name_groups(scores: Mapping[int, Score], firsts: tuple[int, ...]) -> dict[str, Score]:
    lasts = [*(first - 1 for first in firsts[1:]), None]
    names = {
        first: f"{first}+" if last is None else str(first) if last == first else f"{first}-{last}"
        for first, last in zip(firsts, lasts, strict=True)
    }
    return {name: scores[first] for first, name in names.items() if first in scores}
