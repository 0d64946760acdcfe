"""What a model met and what it said, as counts alone: no word of a text is in a `Profile`.

Whoever uses a model has no gold labels, but the model says of each span how probable it is. If these confidences are
calibrated, the spans that are given hold `correct` right ones, the sum of their confidences; and a text holds
`expected_spans` spans, found or not, the sum over all tokens of the probability that a span begins there (linearity
of expectation; the chain knows it exactly). With `given` spans,

    expected precision = correct / given          expected recall = correct / expected_spans
    expected F1        = 2 correct / (given + expected_spans)

which is what F1 is made of, each count replaced by its expectation. An expectation of a model that is wrong about
itself is wrong: text unlike all that the model was calibrated on gets worse faster than its confidences fall. So a
fall of the expected F1 is news, a high one is no proof.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, Self

from tagger.text.objects import VERSIONS

CONFIDENCE_BINS = 20  # of equal width: (0, 0.05], (0.05, 0.1], ..., 0 in the first
LENGTH_EDGES = (5, 10, 20, 40, 80)
"""The longest sentence of each bin of lengths, in tokens; one more bin holds all longer ones."""
DOUBTFUL = 0.75  # a span that is at most so probable; models leave out those below half their F1 anyway

_WHOLE = ("sentences", "tokens", "characters", "unknown_characters")
_PARTS = ("words", "unknown_words", "bigrams", "unknown_bigrams")
_NO_TYPES: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a model met and what it said; profiles of the same model add up.

    Attributes:
        sentences, tokens, characters: how many it read; characters of tokens.
        unknown_characters: that are none of the training corpus's.
        words, unknown_words: how many it read, or cut out of the text, and how many of them training didn't have; 0
            of a model for which no list of words says that.
        bigrams, unknown_bigrams: pairs of neighbouring tokens and of a token and an edge of its sentence, and how
            many of them have no row in the model's table; 0 where words tell as much, and of a model that reads none.
        lengths: sentences by their tokens, in the bins of `LENGTH_EDGES`.
        types: spans given, by type.
        confidences: spans given, by confidence, in `CONFIDENCE_BINS` bins.
        correct: the sum of their confidences, and so how many of them are right, expectedly.
        expected_spans: how many spans there are, expectedly, found or not; None where that wasn't computed.
    """

    sentences: int = 0
    tokens: int = 0
    characters: int = 0
    unknown_characters: int = 0
    words: int = 0
    unknown_words: int = 0
    bigrams: int = 0
    unknown_bigrams: int = 0
    lengths: tuple[int, ...] = (0,) * (len(LENGTH_EDGES) + 1)
    types: Mapping[str, int] = field(default_factory=lambda: _NO_TYPES)
    confidences: tuple[int, ...] = (0,) * CONFIDENCE_BINS
    correct: float = 0.0
    expected_spans: float | None = 0.0

    def __add__(self, other: Profile) -> Profile:
        """Return the profile of both texts."""
        return replace(
            self,
            **{name: getattr(self, name) + getattr(other, name) for name in (*_WHOLE, *_PARTS, "correct")},
            lengths=_add(self.lengths, other.lengths),
            confidences=_add(self.confidences, other.confidences),
            types=MappingProxyType(dict(Counter(self.types) + Counter(other.types))),
            expected_spans=None
            if self.expected_spans is None or other.expected_spans is None
            else self.expected_spans + other.expected_spans,
        )

    @property
    def spans(self) -> int:
        """How many spans were given."""
        return sum(self.confidences)

    @property
    def doubtful(self) -> int:
        """How many of them are at most `DOUBTFUL` probable."""
        return sum(self.confidences[: round(DOUBTFUL * CONFIDENCE_BINS)])

    @property
    def expected_precision(self) -> float | None:
        """The mean confidence of the spans given; None where there are none."""
        return self.correct / self.spans if self.spans else None

    @property
    def expected_recall(self) -> float | None:
        """None where no span is expected, or nobody computed that."""
        return min(1.0, self.correct / self.expected_spans) if self.expected_spans else None

    @property
    def expected_f1(self) -> float | None:
        """None where no span is given or expected, or nobody computed that.

        >>> found = Profile(confidences=(0,) * 17 + (1, 1, 1), correct=2.7, expected_spans=4.2)
        >>> round(found.expected_f1, 4)  # 2 * 2.7 / (3 + 4.2)
        0.75
        """
        if self.expected_spans is None or not self.spans + self.expected_spans:
            return None
        return min(1.0, 2 * self.correct / (self.spans + self.expected_spans))

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as JSON holds them, and what they come to."""
        counts: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        return counts | {
            "lengths": list(self.lengths),
            "types": dict(sorted(self.types.items())),
            "confidences": list(self.confidences),
            "spans": self.spans,
            "expected_precision": self.expected_precision,
            "expected_recall": self.expected_recall,
            "expected_f1": self.expected_f1,
        }

    @classmethod
    def from_dict(cls, found: object) -> Self:
        """Rebuild a profile from `as_dict`'s result, which may come from a stranger.

        Raises:
            ValueError: it is no such result; says why.
        """
        if not isinstance(found, Mapping):
            raise ValueError(f"expected an object of counts, found {type(found).__name__}")
        numbers = {name: _read_count(found.get(name), name) for name in (*_WHOLE, *_PARTS)}
        types = found.get("types")
        if not isinstance(types, Mapping):
            raise ValueError("types is no object of counts")
        profile = cls(
            **numbers,
            lengths=_read_counts(found.get("lengths"), len(LENGTH_EDGES) + 1, "lengths"),
            types=MappingProxyType({str(name): _read_count(count, "types") for name, count in types.items()}),
            confidences=_read_counts(found.get("confidences"), CONFIDENCE_BINS, "confidences"),
            correct=_read_number(found.get("correct"), "correct"),
            expected_spans=None
            if found.get("expected_spans") is None
            else _read_number(found["expected_spans"], "expected_spans"),
        )
        profile._check()
        return profile

    def _check(self) -> None:
        """Raise ValueError where counts contradict each other."""
        for name in (*_PARTS[::2], "characters"):
            if getattr(self, f"unknown_{name}") > getattr(self, name):
                raise ValueError(f"unknown_{name} is more than {name}")
        if sum(self.lengths) != self.sentences:
            raise ValueError("lengths don't add up to sentences")
        if sum(self.types.values()) != self.spans:
            raise ValueError("types and confidences are of different numbers of spans")
        if self.correct > self.spans * (1 + 1e-9):
            raise ValueError("correct is more than all spans")


def read_profiles(found: object) -> dict[str, Profile]:
    """Return the profiles of the parts of a corpus, as `profile.json` holds them.

    Raises:
        ValueError: it holds something else.
    """
    if not isinstance(found, Mapping):
        raise ValueError(f"expected an object, found {type(found).__name__}")
    parts = {str(name): Profile.from_dict(part) for name, part in found.items() if name not in VERSIONS}
    if "dev" not in parts:
        raise ValueError("dev is missing")
    return parts


def _add(one: Sequence[int], other: Sequence[int]) -> tuple[int, ...]:
    return tuple(map(int.__add__, one, other))


def _read_count(value: object, name: str) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError(f"{name} is no count")
    return value


def _read_counts(values: object, size: int, name: str) -> tuple[int, ...]:
    if not isinstance(values, list) or len(values) != size:
        raise ValueError(f"{name} is no list of {size} counts")
    return tuple(_read_count(value, name) for value in values)


def _read_number(value: object, name: str) -> float:
    if type(value) not in (int, float) or not 0 <= value < 2**63:  # type: ignore[operator]
        raise ValueError(f"{name} is no number from 0 upwards")
    return float(value)  # type: ignore[arg-type]
