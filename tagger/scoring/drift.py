"""How far what a model meets has moved from what it was scored on, measure by measure, on one scale.

The scale is the population stability index, as banks watch their scores with it (Siddiqi 2006, "Credit Risk
Scorecards"). For shares p_i of the reference and q_i of now in the same bins,

    PSI = sum_i (q_i - p_i) ln(q_i / p_i),

the symmetric divergence of Jeffreys (1946): 0 where they agree, by convention small below 0.1 and worth a look
above 0.2. A share that is 0 would make it infinite. So p and q are both moved by `SMOOTHING` towards their mean
first, as Lee (1999, "Measures of distributional similarity") does: no logarithm exceeds ln(2 / SMOOTHING - 1), a bin
that both leave empty counts nothing, and however many more bins there are, nothing changes.

All measures are such distributions. A share, such as that of unknown words, is one of two bins. Spans a hundred
tokens are rates of a Poisson process for each type, whose divergence has the same terms; it is divided by the mean of
both rates of all spans, or rare spans could never move. Where types keep their shares, half as many spans again are
0.16; where as many spans are given in other shares, it is the PSI of the types.

Chance moves a distribution, too. Of k bins, n and m things drawn from the same one, PSI is about (1/n + 1/m) times
chi-squared with k - 1 degrees of freedom (Yurdakul 2018, "Statistical Properties of Population Stability Index").
But what stands close together is about one thing. So the tokens or spans of a sentence count as half a thing drawn by
itself at most: counted as a whole, a tenth of all stretches of 10 to 100 sentences of Spanish news had other names
than the rest, counted as a half none had. Beyond the 99.9th percentile of that it isn't chance; where chance alone
could pass the threshold, there is too little text to tell. The approximation is worth nothing of few things: of fewer
than `FEWEST` nothing is said, and bins in which less than half as many are to be expected are one bin (Cochran 1954).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from tagger.scoring.profile import Profile
from tagger.text.objects import describe

T = TypeVar("T")
Both = tuple[T, T]  # of the reference, and of now

THRESHOLD = 0.2  # of PSI, by convention
SMOOTHING = 0.01
INDEPENDENT = 0.5  # things of a sentence that count as drawn by themselves
FEWEST = 10  # things drawn by themselves that say anything
_CERTAIN = 3.0902  # standard normal deviate of 99.9 %


class Verdict(StrEnum):
    """What becomes of one measure, or of all."""

    STEADY = "as before"
    SHIFTED = "moved a little"
    MOVED = "moved"
    UNCLEAR = "too little text"


class Distance(NamedTuple):
    """How far two distributions lie apart.

    Attributes:
        psi: the index.
        chance: what chance alone hardly passes at these counts.
    """

    psi: float
    chance: float

    def judge(self, threshold: float) -> Verdict:
        """Say what that means."""
        is_certain = self.psi > self.chance
        if is_certain and self.psi > threshold:
            return Verdict.MOVED
        if self.chance > threshold:
            return Verdict.UNCLEAR
        return Verdict.SHIFTED if is_certain and self.psi > threshold / 2 else Verdict.STEADY


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure in both texts.

    Attributes:
        name: such as `unknown_words`.
        reference, now: its value there and here; None where there is none.
        psi, chance: see `Distance`; None where it can't be compared.
        verdict: None where it can't.
    """

    name: str
    reference: float | None
    now: float | None
    psi: float | None = None
    chance: float | None = None
    verdict: Verdict | None = None

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What a model meets beside what it was scored on.

    Attributes:
        reference, now: the profiles of both.
        reference_name: what the reference is: `test`, `dev` or a file.
        threshold: from which PSI on a measure has moved.
        measures: each of them.
        types: spans a hundred tokens, by type, in both texts.
    """

    reference: Profile
    now: Profile
    reference_name: str
    threshold: float
    measures: tuple[Measured, ...]
    types: Mapping[str, tuple[float, float]]

    @property
    def moved(self) -> list[Measured]:
        """The measures that have moved, the farthest first."""
        found = [each for each in self.measures if each.verdict is Verdict.MOVED]
        return sorted(found, key=lambda each: -(each.psi or 0.0))

    @property
    def verdict(self) -> Verdict:
        """What all measures come to: the worst, but unclear only where most of them are."""
        verdicts = [each.verdict for each in self.measures if each.verdict is not None]
        if self.moved:
            return Verdict.MOVED
        if 2 * verdicts.count(Verdict.UNCLEAR) >= len(verdicts):
            return Verdict.UNCLEAR
        return Verdict.SHIFTED if Verdict.SHIFTED in verdicts else Verdict.STEADY

    @property
    def sentences_needed(self) -> int | None:
        """About how many sentences it takes to tell of every share; None where the reference has too few."""
        left = self.threshold / chi_squared(1) - 1 / (INDEPENDENT * max(1, self.reference.sentences))
        return math.ceil(max(FEWEST, 1 / left) / INDEPENDENT) if left > 0 else None

    def as_dict(self) -> dict[str, Any]:
        """Return what `tagger drift --json` prints."""
        facts = {
            "verdict": self.verdict,
            "threshold": self.threshold,
            "moved": [each.name for each in self.moved],
            "measures": [each.as_dict() for each in self.measures],
            "types": {
                name: {"reference": reference, "now": now} for name, (reference, now) in self.types.items()
            },
            "reference_name": self.reference_name,
            "reference": self.reference.as_dict(),
            "now": self.now.as_dict(),
        }
        return describe("drift", facts)


def compare_profiles(
    reference: Profile, now: Profile, reference_name: str, threshold: float = THRESHOLD
) -> Drift:
    """Compare what a model meets now with what it met before; a measure that it has of neither is left out."""
    both = reference, now
    found = [
        *(_compare_unknown(of, both) for of in ("words", "bigrams", "characters")),
        _compare_lengths(both),
        _compare_spans(both),
        _compare_confidences(both),
        _compare_doubts(both),
        _compare_f1(both),
    ]
    return Drift(
        reference=reference,
        now=now,
        reference_name=reference_name,
        threshold=threshold,
        measures=tuple(each.judged(threshold) for each in found if each.values != (None, None)),
        types={
            name: (_rate(reference, name), _rate(now, name))
            for name in sorted(reference.types.keys() | now.types.keys())
        },
    )


def find_distance(bins: Both[Sequence[float]], sizes: Both[float]) -> Distance | None:
    """Compare two distributions over the same bins; None where one of them is of nothing.

    Args:
        bins: how many things are in each.
        sizes: how many of them count as drawn by themselves.

    >>> even, skew = [50, 50], [80, 20]  # 0.3 ln 1.6 - 0.3 ln 0.4 = 0.4159, and a little less once they are smoothed
    >>> [round(each, 4) for each in find_distance((even, skew), (100, 100))]
    [0.4072, 0.2231]
    """
    totals = sum(bins[0]), sum(bins[1])
    if not all(totals):
        return None
    shares = [each / totals[0] for each in bins[0]], [each / totals[1] for each in bins[1]]
    reference, now = _pool_rare(shares, sizes)
    return Distance(diverge(reference, now), find_chance(max(1, len(now) - 1), sizes))


def diverge(reference: Sequence[float], now: Sequence[float]) -> float:
    """Return sum (q - p) ln(q / p) of numbers from 0 upwards, both moved towards their mean by `SMOOTHING`."""
    total = 0.0
    for before, after in zip(reference, now, strict=True):
        moved = SMOOTHING * (before + after) / 2
        p, q = (1 - SMOOTHING) * before + moved, (1 - SMOOTHING) * after + moved
        if q != p:
            total += (q - p) * math.log(q / p)
    return total


def _pool_rare(shares: Both[Sequence[float]], sizes: Both[float]) -> Both[list[float]]:
    """Return the shares with those in which too few things are to be expected as one."""
    pairs = list(zip(*shares, strict=True))
    is_rare = [min(sizes) * (before + after) / 2 < FEWEST / 2 for before, after in pairs]
    pooled = [pair for pair, rare in zip(pairs, is_rare, strict=True) if not rare]
    others = [pair for pair, rare in zip(pairs, is_rare, strict=True) if rare and any(pair)]
    if others:
        pooled.append((sum(before for before, _ in others), sum(after for _, after in others)))
    return [before for before, _ in pooled], [after for _, after in pooled]


def find_chance(freedom: int, sizes: Both[float]) -> float:
    """Return what the index of samples of these sizes from one distribution hardly passes; infinite of few things."""
    if min(sizes) < FEWEST:
        return math.inf
    return sum(1 / size for size in sizes) * chi_squared(freedom)


def chi_squared(freedom: int) -> float:
    """Return the 99.9th percentile of chi-squared, by the cube of Wilson and Hilferty (1931).

    >>> round(chi_squared(1), 2), round(chi_squared(10), 2)  # tables have 10.83 and 29.59
    (11.16, 29.76)
    """
    spread = 2 / (9 * freedom)
    return freedom * (1 - spread + _CERTAIN * math.sqrt(spread)) ** 3


class _Compared(NamedTuple):
    """A measure before it is judged."""

    name: str
    values: Both[float | None]
    distance: Distance | None

    def judged(self, threshold: float) -> Measured:
        if self.distance is None:
            return Measured(self.name, *self.values)
        return Measured(self.name, *self.values, *self.distance, self.distance.judge(threshold))


def _compare_unknown(of: str, both: Both[Profile]) -> _Compared:
    """Compare how many words, bigrams or characters are unknown."""
    name = f"unknown_{of}"
    return _compare_parts(
        name,
        both,
        _of_both(lambda each: float(getattr(each, name)), both),
        _of_both(lambda each: float(getattr(each, of)), both),
    )


def _compare_doubts(both: Both[Profile]) -> _Compared:
    return _compare_parts(
        "doubtful",
        both,
        _of_both(lambda each: float(each.doubtful), both),
        _of_both(lambda each: float(each.spans), both),
    )


def _compare_parts(name: str, both: Both[Profile], parts: Both[float], wholes: Both[float]) -> _Compared:
    """Compare shares: two bins."""
    bins = [parts[0], wholes[0] - parts[0]], [parts[1], wholes[1] - parts[1]]
    shares = _share(parts[0], wholes[0]), _share(parts[1], wholes[1])
    return _Compared(name, shares, find_distance(bins, _independent(wholes, both)))


def _compare_lengths(both: Both[Profile]) -> _Compared:
    means = _of_both(lambda each: _share(each.tokens, each.sentences), both)
    sizes = _independent(_of_both(lambda each: float(each.tokens), both), both)
    return _Compared(
        "sentence_length", means, find_distance(_of_both(lambda each: each.lengths, both), sizes)
    )


def _compare_spans(both: Both[Profile]) -> _Compared:
    """Compare the rates of types."""
    names = sorted(both[0].types.keys() | both[1].types.keys())
    rates = _of_both(lambda each: [_rate(each, name) for name in names], both)
    mean = (sum(rates[0]) + sum(rates[1])) / 2
    distance = None
    if mean and all(each.sentences for each in both):
        sizes = _independent(_of_both(lambda each: mean / 100 * each.tokens, both), both)
        reference, now = _pool_rare(
            ([each / mean for each in rates[0]], [each / mean for each in rates[1]]), sizes
        )
        distance = Distance(diverge(reference, now), find_chance(len(now), sizes))
    return _Compared("spans", (sum(rates[0]), sum(rates[1])), distance)


def _compare_confidences(both: Both[Profile]) -> _Compared:
    sizes = _independent(_of_both(lambda each: float(each.spans), both), both)
    distance = find_distance(_of_both(_pair_confidences, both), sizes)
    return _Compared("confidence", _of_both(lambda each: each.expected_precision, both), distance)


def _pair_confidences(profile: Profile) -> list[int]:
    """Return the spans in ten bins: the fewer there are, the sooner there is text enough."""
    bins = profile.confidences
    return list(map(int.__add__, bins[::2], bins[1::2]))


def _compare_f1(both: Both[Profile]) -> _Compared:
    """Compare the expected F1: what is right is one bin, what is wrong the other."""
    values = _of_both(lambda each: each.expected_f1, both)
    right, right_now = values
    if right is None or right_now is None:
        return _Compared("expected_f1", values, None)
    means = _of_both(lambda each: (each.spans + (each.expected_spans or 0.0)) / 2, both)
    distance = find_distance(([right, 1 - right], [right_now, 1 - right_now]), _independent(means, both))
    return _Compared("expected_f1", values, distance)


def _independent(counts: Both[float], both: Both[Profile]) -> Both[float]:
    """Return how many of so many things count as drawn by themselves."""
    return min(counts[0], INDEPENDENT * both[0].sentences), min(counts[1], INDEPENDENT * both[1].sentences)


def _of_both(find: Callable[[Profile], T], both: Both[Profile]) -> Both[T]:
    return find(both[0]), find(both[1])


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _rate(profile: Profile, name: str) -> float:
    """Return how many spans of a type there are in a hundred tokens."""
    return 100 * profile.types.get(name, 0) / profile.tokens if profile.tokens else 0.0
