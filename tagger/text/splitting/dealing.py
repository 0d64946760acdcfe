"""Groups of sentences dealt out to parts, so that each part gets its share of the tokens and of every type.

Large groups come first, those of like size in an order that the seed draws. Each goes where it does the least harm:
with c_pk what part p has of quantity k so far (tokens, sentences, spans of a type), s_p its share, n_k what has been
dealt, and T_k the whole, that is where

    sum_k (c_pk - s_p n_k)^2 / (s_p T_k^2)

grows least. So every part is near its share at any moment, whatever comes, and of a type of few spans the largest
part gets the first ones, as seats go to parties (Webster's method). Exact stratification, as Sechidis et al. (2011)
have it for single examples, isn't to be had where documents stay whole.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence

_TOKENS, _SENTENCES = -1, -2  # beside the numbers of types


def deal(
    sizes: Sequence[int],
    sentences: Sequence[int],
    types: Sequence[Mapping[int, int]],
    shares: Sequence[float],
    seed: int,
) -> list[int]:
    """Return the part of each group.

    Args:
        sizes: tokens of each group.
        sentences: of each group.
        types: how many spans of each type a group has.
        shares: of the parts, which add up to 1; no more parts than groups.
        seed: of the order.
    """
    wholes: Counter[int] = Counter()
    for counts in types:
        wholes.update(counts)
    wholes[_TOKENS], wholes[_SENTENCES] = sum(sizes), sum(sentences)
    ranks = random.Random(seed)
    order = sorted(range(len(sizes)), key=lambda group: (-sizes[group].bit_length(), ranks.random()))
    held: list[Counter[int]] = [Counter() for _ in shares]
    parts = [-1] * len(sizes)
    given: Counter[int] = Counter()
    for group in order:
        amounts = {**types[group], _TOKENS: sizes[group], _SENTENCES: sentences[group]}
        given.update(amounts)
        harm = [
            sum(
                amount * (2 * (has[kind] - share * given[kind]) + amount) / wholes[kind] ** 2
                for kind, amount in amounts.items()
            )
            / share
            for has, share in zip(held, shares, strict=True)
        ]
        part = min(range(len(shares)), key=harm.__getitem__)
        parts[group] = part
        held[part].update(amounts)
    return _fill_empty(parts, sizes, len(shares))


def _fill_empty(parts: list[int], sizes: Sequence[int], count: int) -> list[int]:
    """Give every part without a group the smallest of the part that has the most groups."""
    for part in range(count):
        if part not in parts:
            rich = Counter(parts).most_common(1)[0][0]
            group = min((g for g, own in enumerate(parts) if own == rich), key=sizes.__getitem__)
            parts[group] = part
    return parts
