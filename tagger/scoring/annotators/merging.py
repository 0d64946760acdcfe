"""One corpus made of the labels of several annotators.

A span that several have, with the same type and the same ends, has as many votes. Who tags a token `?` doesn't vote
on it.

- `majority`: spans with more than half of the votes; of two annotators those that both have. Two of them can't
  overlap. Where every token needs a label, one without a majority is tagged `?`.
- `union`: spans that anybody has; of those that overlap the one with more votes, then the longer one, then that of
  whoever comes first.
- `?`: spans that all have. What anybody marks otherwise is tagged `?`, not known, which training takes for what it
  is.

Words are cut out of a text by votes on each place between two characters, whether a word begins there, so that no
character is left over: in `union` a word begins where anybody lets one begin. A word's type is put to the vote then,
among those of the words that hold its first character.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from tagger.errors import ConfigError
from tagger.scoring.annotators.readings import Annotators
from tagger.text.conll import Corpus
from tagger.text.schemes import LETTERS, UNKNOWN_TAG, Scheme, Span, Task, labels_of, spans_to_tags


class Merge(StrEnum):
    """How labels are merged."""

    MAJORITY = "majority"
    UNION = "union"
    AGREED = "?"


def parse_merge(name: Merge | str) -> Merge:
    """Return the way of that name.

    Raises:
        ConfigError: there is none.
    """
    try:
        return Merge(name)
    except ValueError:
        raise ConfigError(f"found {name!r}, expected majority, union or ?", "merge") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A merged corpus, and what became of the labels.

    Attributes:
        corpus: that of the first annotator with other tags, in the scheme that it had.
        spans: how many there are.
        rejected: how many spans, each counted once, somebody has and the corpus hasn't.
        unknown: tokens tagged `?`.
    """

    corpus: Corpus
    spans: int
    rejected: int
    unknown: int

    def as_dict(self) -> dict[str, int]:
        """Return the counts as JSON holds them."""
        return {"spans": self.spans, "rejected": self.rejected, "unknown": self.unknown}


def merge_annotators(annotators: Annotators, how: Merge) -> Merged:
    """Return one corpus made of the labels of all annotators."""
    corpus, sentences = annotators.corpus, []
    kept = rejected = unknown = 0
    for number, sentence in enumerate(corpus.sentences):
        ballots = [_Ballot(each.tags[number], each.scheme) for each in annotators.answers]
        tags: Sequence[str] = sentence.tags
        if any(each != ballots[0] for each in ballots[1:]):
            merge = _merge_words if corpus.task.cuts_words else _merge_spans
            tags = merge(ballots, how, corpus.scheme, corpus.task)
        found = set(labels_of(tags, corpus.scheme))
        kept += len(found)
        rejected += len({span for each in ballots for span in each.spans} - found)
        unknown += tags.count(UNKNOWN_TAG)
        sentences.append(replace(sentence, tags=tuple(tags)))
    return Merged(
        corpus=replace(corpus, sentences=tuple(sentences)), spans=kept, rejected=rejected, unknown=unknown
    )


class _Ballot:
    """What one annotator says of a sentence: spans, and which tokens' tags aren't known."""

    def __init__(self, tags: Sequence[str], scheme: Scheme) -> None:
        self.length = len(tags)
        self.spans = labels_of(tags, scheme)
        self.unknown = {i for i, tag in enumerate(tags) if tag == UNKNOWN_TAG}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Ballot) and (self.spans, self.unknown) == (other.spans, other.unknown)

    __hash__ = None  # type: ignore[assignment]

    def knows(self, span: Span) -> bool:
        return not self.unknown or self.unknown.isdisjoint(range(span.start, span.end))


def _merge_spans(ballots: Sequence[_Ballot], how: Merge, scheme: Scheme, task: Task) -> list[str]:
    """Return the tags of a sentence whose tokens are given."""
    votes = Counter(
        span for ballot in ballots for span in ballot.spans
    )  # in the order of annotators and text
    chosen: list[Span] = []
    taken: set[int] = set()
    for span in sorted(votes, key=lambda span: (-votes[span], span.start - span.end)):
        voters = sum(ballot.knows(span) for ballot in ballots)
        if _is_won(votes[span], voters, how) and taken.isdisjoint(range(span.start, span.end)):
            chosen.append(span)
            taken.update(range(span.start, span.end))
    tags = spans_to_tags(chosen, ballots[0].length, scheme)
    for token in _find_open(ballots, votes, how, scheme) - taken:
        tags[token] = UNKNOWN_TAG
    return tags


def _is_won(votes: int, voters: int, how: Merge) -> bool:
    if how is Merge.UNION:
        return votes > 0
    return votes == voters if how is Merge.AGREED else 2 * votes > voters


def _find_open(ballots: Sequence[_Ballot], votes: Counter[Span], how: Merge, scheme: Scheme) -> set[int]:
    """Return the tokens whose tag isn't known should no span that was chosen hold them."""
    length = ballots[0].length
    if scheme is Scheme.BARE:
        return set(range(length))
    marked = {token for span in votes for token in range(span.start, span.end)}
    nobody = set.intersection(*(ballot.unknown for ballot in ballots))
    return nobody | marked if how is Merge.AGREED else nobody


def _merge_words(ballots: Sequence[_Ballot], how: Merge, scheme: Scheme, task: Task) -> list[str]:
    """Return the tags of the characters of a sentence."""
    length = ballots[0].length
    begins: list[bool | None] = [True, *_vote_on_places(ballots, how), True]  # None: nobody knows
    tags: list[str] = []
    edges = [place for place, begin in enumerate(begins) if begin]
    for start, end in pairwise(edges):
        type_: str | None = ""
        if task is Task.JOINT:
            is_open = None in begins[start:end]
            type_ = None if is_open else _vote_on_type(ballots, start, how)
        tags += [_spell(begins[place], begins[place + 1], type_, scheme) for place in range(start, end)]
    assert len(tags) == length
    return tags


def _vote_on_places(ballots: Sequence[_Ballot], how: Merge) -> Iterator[bool | None]:
    """Yield for each place between two characters whether a word begins there."""
    starts = [{span.start for span in ballot.spans} for ballot in ballots]
    for place in range(1, ballots[0].length):
        asked = [
            place in own for own, ballot in zip(starts, ballots, strict=True) if place not in ballot.unknown
        ]
        votes, voters = sum(asked), len(asked)
        if not voters:
            yield None
        elif how is Merge.UNION:
            yield votes > 0
        elif how is Merge.AGREED:
            yield votes > 0 if votes in (0, voters) else None
        else:
            yield None if 2 * votes == voters else 2 * votes > voters


def _vote_on_type(ballots: Sequence[_Ballot], start: int, how: Merge) -> str | None:
    """Return the type of the word that begins at a character; None where no one is chosen."""
    votes = Counter(
        span.type for ballot in ballots for span in ballot.spans if span.start <= start < span.end
    )
    if not votes:
        return None
    type_, most = votes.most_common(1)[0]  # of equals the first that was counted
    return type_ if _is_won(most, votes.total(), how) else None


def _spell(begins: bool | None, ends: bool | None, type_: str | None, scheme: Scheme) -> str:
    """Return the tag of a character, at whose two ends a word may begin."""
    if begins is None or ends is None or type_ is None:
        return UNKNOWN_TAG
    role = {(True, True): "S", (True, False): "B", (False, False): "I", (False, True): "E"}[begins, ends]
    letters = LETTERS[scheme]
    letter = letters.get(role) or letters["B" if role == "S" else "I"]
    return f"{letter}-{type_}" if type_ else letter
