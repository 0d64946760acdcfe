"""Which tag may follow which: one table a scheme, read for sequences and for the constraints of a CRF."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from tagger.text.schemes.tags import EDGE, LETTERS, UNKNOWN_TAG, Scheme, split_tag

if TYPE_CHECKING:
    import numpy as np

# Steps from role to role that are legal whatever the types, and those legal within one type. Edges are O.
_FREE_STEPS: dict[Scheme, frozenset[str]] = {
    Scheme.IOB1: frozenset({"OO", "OI", "IO", "II", "BO", "BI"}),
    Scheme.IOB2: frozenset({"OO", "OB", "BO", "BB", "IO", "IB"}),
}
_SAME_TYPE_STEPS: dict[Scheme, frozenset[str]] = {
    Scheme.IOB1: frozenset({"IB", "BB"}),
    Scheme.IOB2: frozenset({"BI", "II"}),
}
for _scheme in (Scheme.BIOES, Scheme.BILOU, Scheme.BMES, Scheme.BMEWO):
    _FREE_STEPS[_scheme] = frozenset({"OO", "OB", "OS", "EO", "EB", "ES", "SO", "SB", "SS"})
    _SAME_TYPE_STEPS[_scheme] = frozenset({"BI", "BE", "II", "IE"})


class Constraints(NamedTuple):
    """What may begin a sentence `(K,)`, follow `(K, K)` with `[i, j]` for i -> j, and end it `(K,)`; bool."""

    start: np.ndarray
    transitions: np.ndarray
    end: np.ndarray


@lru_cache(maxsize=1 << 16)  # a corpus has few different steps and asks for each of its tokens
def is_legal_step(previous: str, following: str, scheme: Scheme) -> bool:
    """Say whether one tag may follow another; `EDGE` stands for either end of the sentence.

    >>> is_legal_step("B-PER", "I-LOC", Scheme.IOB2)
    False
    """
    if not scheme.has_prefixes or UNKNOWN_TAG in (previous, following):
        return True
    (role, type_), (next_role, next_type) = split_tag(previous, scheme), split_tag(following, scheme)
    step = role + next_role
    return step in _FREE_STEPS[scheme] or (step in _SAME_TYPE_STEPS[scheme] and type_ == next_type)


def allowed(tags: Sequence[str], scheme: Scheme, *, has_touching: bool = True) -> Constraints:
    """Return which of these K tags may begin a sentence, follow one another, and end a sentence.

    Args:
        tags: of the scheme.
        scheme: one that marks where spans end, unless spans may touch.
        has_touching: whether a span may begin where one of its own type ends.
    """
    import numpy as np

    assert has_touching or "E" in LETTERS[scheme]

    start = np.array([is_legal_step(EDGE, tag, scheme) for tag in tags], dtype=bool)  # (K,)
    end = np.array([is_legal_step(tag, EDGE, scheme) for tag in tags], dtype=bool)  # (K,)
    if not scheme.has_prefixes:
        return Constraints(start, np.ones((len(tags), len(tags)), dtype=bool), end)
    # A thousand types are four thousand tags and sixteen million steps, but few roles: steps are looked up by those.
    split = [split_tag(tag, scheme) for tag in tags]
    roles = sorted({role for role, _ in split})
    role = np.array([roles.index(role) for role, _ in split], dtype=np.intp)  # (K,)
    names = {name: number for number, name in enumerate({name for _, name in split})}
    type_ = np.array([names[name] for _, name in split], dtype=np.intp)  # (K,)
    steps = [one + other for one in roles for other in roles]
    square = len(roles), len(roles)
    free = np.array([step in _FREE_STEPS[scheme] or UNKNOWN_TAG in step for step in steps], dtype=bool)
    within = np.array([step in _SAME_TYPE_STEPS[scheme] for step in steps], dtype=bool)
    free, within = free.reshape(square), within.reshape(square)
    is_same = type_[:, None] == type_
    pairs = free[role[:, None], role] | (within[role[:, None], role] & is_same)  # (K, K)
    if not has_touching:
        ends = np.isin(role, [roles.index(each) for each in ("E", "S") if each in roles])
        begins = np.isin(role, [roles.index(each) for each in ("B", "S") if each in roles])
        pairs &= ~(ends[:, None] & begins & is_same)
    return Constraints(start, pairs, end)


def violations(tags: Sequence[str], scheme: Scheme) -> list[int]:
    """Return the tokens whose tag may not follow the tag before; `len(tags)` where the end is illegal.

    >>> violations(["O", "I-PER", "I-PER"], Scheme.IOB2)
    [1]
    """
    steps = zip(chain((EDGE,), tags), chain(tags, (EDGE,)), strict=True)
    return [i for i, (tag, following) in enumerate(steps) if not is_legal_step(tag, following, scheme)]
