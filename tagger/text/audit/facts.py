"""The counts of one file, each documented as the quantity it is."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass

from tagger.text.schemes import Scheme, Task, name_type

LENGTH_BINS = (1, 2, 5, 10, 20, 40, 80, 160, 320)  # each holds the lengths up to it; longer ones come last


@dataclass(frozen=True, slots=True, kw_only=True)
class WordFacts:
    """The words that tags cut out of a text.

    Args:
        words: how many there are.
        distinct: how many different ones.
        unseen: how many the first file lacks; None for the first.
        unseen_distinct: how many different ones it lacks.
    """

    words: int
    distinct: int
    unseen: int | None
    unseen_distinct: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What one file holds.

    Args:
        documents: parts between document boundaries; 1 without any.
        words: distinct tokens.
        tags: tokens per tag, as written.
        types: spans per type.
        unknown_tags: tokens tagged `?`.
        longest: tokens of the longest sentence.
        longest_line: where it begins.
        lengths: sentences per number of tokens.
        repeated: sentences whose tokens stood in this file before.
        shared: for each file given before, the sentences here whose tokens occur there.
        unknown_words: distinct tokens that the first file lacks; None for the first.
        unknown_tokens: how often they occur.
        task: what the tags are about.
        cut: the words that they make; None where they make none.
    """

    path: str
    sentences: int
    tokens: int
    documents: int
    words: int
    scheme: Scheme
    evidence: str
    tags: dict[str, int]
    types: dict[str, int]
    unknown_tags: int
    longest: int
    longest_line: int
    lengths: dict[int, int]
    repeated: int
    shared: dict[str, int]
    unknown_words: int | None
    unknown_tokens: int | None
    task: Task = Task.LABELS
    cut: WordFacts | None = None

    @property
    def spans(self) -> int:
        """Return the number of spans of all types."""
        return sum(self.types.values())

    def histogram(self) -> dict[str, int]:
        """Return sentences per range of lengths, empty ranges at the end left out."""
        return bin_lengths(self.lengths)

    def as_dict(self) -> dict[str, object]:
        """Return the facts as JSON holds them."""
        return {
            "path": self.path,
            "sentences": self.sentences,
            "tokens": self.tokens,
            "documents": self.documents,
            "words": self.words,
            "scheme": str(self.scheme),
            "evidence": self.evidence,
            "tags": self.tags,
            "types": {name_type(name, self.task): count for name, count in self.types.items()},
            "spans": self.spans,
            "unknown_tags": self.unknown_tags,
            "longest_sentence": {"tokens": self.longest, "line": self.longest_line},
            "sentence_lengths": self.histogram(),
            "repeated_sentences": self.repeated,
            "shared_sentences": self.shared,
            "unknown_words": self.unknown_words,
            "unknown_tokens": self.unknown_tokens,
            "task": str(self.task),
            "cut": None if self.cut is None else asdict(self.cut),
        }


def bin_lengths(lengths: dict[int, int]) -> dict[str, int]:
    """Return counts per range of lengths.

    >>> bin_lengths({1: 2, 3: 1, 4: 1})
    {'1': 2, '2': 0, '3-5': 2}
    """
    binned: Counter[str] = Counter()
    names = []
    lower = 1
    for upper in LENGTH_BINS:
        names.append(f"{lower}-{upper}" if upper > lower else str(lower))
        binned[names[-1]] = sum(count for length, count in lengths.items() if lower <= length <= upper)
        lower = upper + 1
    names.append(f"{lower} and more")
    binned[names[-1]] = sum(count for length, count in lengths.items() if length >= lower)
    filled = max((i + 1 for i, name in enumerate(names) if binned[name]), default=0)
    return {name: binned[name] for name in names[:filled]}
