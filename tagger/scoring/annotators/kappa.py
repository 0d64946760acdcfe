"""Agreement on tokens, corrected for chance: Cohen's kappa of two annotators, Fleiss' of any number.

Both are (A_o - A_e) / (1 - A_e), with A_o the share of agreement that was observed and A_e that to be expected by
chance. They differ in what chance is: Cohen (1960) lets each annotator draw from tags as often as that annotator uses
them, Fleiss (1971, equations 1 to 7) lets all draw from those that are used on the whole. Fleiss' kappa of two
annotators is Scott's pi.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from tagger.scoring.counts import fraction


@dataclass(frozen=True, slots=True)
class Kappa:
    """Agreement on tokens.

    Attributes:
        tokens: how many it is about.
        observed: A_o, a share; 0 without a token.
        expected: A_e, likewise.
    """

    tokens: int
    observed: float
    expected: float

    @property
    def value(self) -> float | None:
        """Kappa, at most 1; None where it is 0/0, since all annotators give every token the same tag."""
        return (
            None
            if self.expected == 1 or not self.tokens
            else (self.observed - self.expected) / (1 - self.expected)
        )

    def as_dict(self) -> dict[str, float | int | None]:
        """Return the numbers as JSON holds them."""
        return {
            "kappa": self.value,
            "observed": self.observed,
            "expected": self.expected,
            "tokens": self.tokens,
        }


def measure_cohen(pairs: Mapping[tuple[str, ...], int]) -> Kappa:
    """Return Cohen's kappa (1960, equation 1).

    Args:
        pairs: how many tokens have this tag from the one annotator and that from the other.

    >>> found = measure_cohen({("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15})
    >>> found.observed, round(found.value, 3)
    (0.7, 0.4)
    """
    tokens = sum(pairs.values())
    first, second = Counter[str](), Counter[str]()
    for (one, other), count in pairs.items():
        first[one] += count
        second[other] += count
    agreed = sum(count for (one, other), count in pairs.items() if one == other)
    by_chance = sum(count * second[tag] for tag, count in first.items())
    return Kappa(tokens, fraction(agreed, tokens), fraction(by_chance, tokens * tokens))


def measure_fleiss(rows: Mapping[tuple[str, ...], int]) -> Kappa:
    """Return Fleiss' kappa (1971).

    Args:
        rows: how many tokens have these tags, one from each annotator, of whom there are at least two.
    """
    tokens = sum(rows.values())
    used = Counter[str]()
    agreeing = annotators = 0  # ordered pairs of annotators that agree on a token, over all tokens
    for tags, count in rows.items():
        annotators = len(tags)
        counts = Counter(tags)
        agreeing += count * sum(each * (each - 1) for each in counts.values())
        for tag, each in counts.items():
            used[tag] += count * each
    all_tags = tokens * annotators
    by_chance = sum(count * count for count in used.values())
    return Kappa(
        tokens, fraction(agreeing, all_tags * (annotators - 1)), fraction(by_chance, all_tags * all_tags)
    )
