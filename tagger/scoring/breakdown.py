"""Exact-match scores of parts: by length of the span, by length of the sentence, by novelty.

Gold spans are grouped by what they are and predicted spans by what they are, so that each group has a
precision and a recall of its own, and the groups add up to the whole. Groups without any span are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeVar

from tagger.scoring.exact import Pair, Score
from tagger.text.schemes import Scheme, Span, tags_to_spans

Group = TypeVar("Group", bound=Hashable)

# The first length of each group; the last one is open.
SPAN_LENGTHS = (1, 2, 3, 4, 6)
SENTENCE_LENGTHS = (1, 6, 11, 21, 41)
SEEN, UNSEEN = "seen", "unseen"


def score_by_span_length(pairs: Sequence[Pair]) -> dict[str, Score]:
    """Score spans of one token, of two, of three ... apart."""
    return _score_groups(
        pairs, lambda _, span: _first_of_group(span.end - span.start, SPAN_LENGTHS), SPAN_LENGTHS
    )


def score_by_sentence_length(pairs: Sequence[Pair]) -> dict[str, Score]:
    """Score short and long sentences apart."""
    groups = [_first_of_group(pair.length, SENTENCE_LENGTHS) for pair in pairs]
    return _score_groups(pairs, lambda index, _: groups[index], SENTENCE_LENGTHS)


def _first_of_group(length: int, firsts: tuple[int, ...]) -> int:
    return max(first for first in firsts if first <= length)


def _score_groups(
    pairs: Sequence[Pair], group_of: Callable[[int, Span], int], firsts: tuple[int, ...]
) -> dict[str, Score]:
    scores = score_groups(pairs, group_of)
    lasts = [*(first - 1 for first in firsts[1:]), None]
    names = {
        first: f"{first}+" if last is None else str(first) if last == first else f"{first}-{last}"
        for first, last in zip(firsts, lasts, strict=True)
    }
    return {name: scores[first] for first, name in names.items() if first in scores}


def score_by_novelty(
    pairs: Sequence[Pair], sentences: Sequence[Sequence[str]], training_surfaces: AbstractSet[str]
) -> dict[str, Score]:
    """Score spans whose words were a span in training (of any type) apart from the others.

    Args:
        pairs: the spans of each sentence.
        sentences: the tokens of each sentence.
        training_surfaces: what `collect_surfaces` found in the training corpus.
    """

    def novelty(index: int, span: Span) -> str:
        return SEEN if surface(sentences[index], span) in training_surfaces else UNSEEN

    scores = score_groups(pairs, novelty)
    return {name: scores[name] for name in (SEEN, UNSEEN) if name in scores}


def collect_surfaces(
    sentences: Iterable[Sequence[str]], tags: Iterable[Sequence[str]], scheme: Scheme
) -> frozenset[str]:
    """Collect the words of every span of a corpus, as `score_by_novelty` compares them."""
    return frozenset(
        surface(tokens, span)
        for tokens, sequence in zip(sentences, tags, strict=True)
        for span in tags_to_spans(sequence, scheme)
    )


def surface(tokens: Sequence[str], span: Span) -> str:
    """Return the words of a span, a blank between them.

    >>> surface(["in", "New", "York"], Span("LOC", 1, 3))
    'New York'
    """
    return " ".join(tokens[span.start : span.end])


def score_groups(pairs: Sequence[Pair], group_of: Callable[[int, Span], Group]) -> dict[Group, Score]:
    """Score groups of spans apart; `group_of` gets the index of the sentence and the span."""
    counts: dict[Group, list[int]] = {}
    for index, pair in enumerate(pairs):
        gold, predicted = set(pair.gold), set(pair.predicted)
        for column, spans in enumerate((gold, predicted, gold & predicted)):
            for span in spans:
                counts.setdefault(group_of(index, span), [0, 0, 0])[column] += 1
    return {group: Score(*row) for group, row in counts.items()}
