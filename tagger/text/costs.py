"""What mistakes cost, type by type, where missing a type and inventing one are not equally bad.

Strings to numbers: which costs a user asked for, and what it costs to take one tag for another. How training uses
the costs is `training.margin`.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagger.errors import ConfigError
from tagger.text.schemes import OUTSIDE, Scheme, split_tag

LARGEST = 50.0  # nats: e to that power is past all use, and far from what single precision can't hold
_FIELD = "--cost"


class Cost(NamedTuple):
    """Of each token, in nats: one of this type taken for something else, and one of something else taken for it."""

    recall: float
    precision: float


def parse(texts: Iterable[str]) -> dict[str, Cost]:
    """Return the cost of each type as a user writes it: `TYPE=RECALL` or `TYPE=RECALL:PRECISION`.

    >>> parse(["PER=1.5", "LOC=0:2"])
    {'PER': Cost(recall=1.5, precision=0.0), 'LOC': Cost(recall=0.0, precision=2.0)}

    Raises:
        ConfigError: a text is not of that form, or a type is there twice.
    """
    found: dict[str, Cost] = {}
    for text in texts:
        name, equals, values = text.rpartition("=")
        recall, _, precision = values.partition(":")
        try:
            cost = Cost(float(recall), float(precision or 0.0))
        except ValueError:
            cost = Cost(math.nan, math.nan)
        if not name or not equals or not all(0.0 <= value <= LARGEST for value in cost):
            expected = (
                f"TYPE=RECALL or TYPE=RECALL:PRECISION, as in PER=1.5:0.5 (costs from 0 to {LARGEST:g})"
            )
            raise ConfigError(f"found {text!r}, expected {expected}", _FIELD)
        if name in found:
            raise ConfigError(f"found type {name} twice, expected each once", _FIELD)
        found[name] = cost
    return found


def check(texts: Iterable[str], types: Sequence[str]) -> None:
    """See that costs are well written and of types that there are.

    Raises:
        ConfigError: they aren't; it names the nearest type.
    """
    for name in parse(texts):
        if not any(types):
            raise ConfigError(
                f"found type {name!r}, but the words of the training corpus have no types; leave this out",
                _FIELD,
            )
        if name not in types:
            near = difflib.get_close_matches(name, types, 1, 0.5)
            by_case = [type_ for type_ in types if type_.casefold() == name.casefold()]
            advice = (
                f"did you mean {(by_case or near)[0]}?"
                if by_case or near
                else f"there are {', '.join(types)}"
            )
            raise ConfigError(f"found type {name!r}, expected one of the training corpus; {advice}", _FIELD)


def matrix(tags: Sequence[str], scheme: Scheme, costs: Mapping[str, Cost]) -> NDArray[np.float32]:
    """Return (K, K): what it costs to give tag k to a token whose gold tag is g.

        cost[g, k] = 0 where k = g, else recall(type of g) + precision(type of k)

    `O` has no type and costs nothing of its own, so that a token missed costs its type's recall, a token invented its
    type's precision, and one type taken for another, or a span cut at the wrong place, both.
    """
    types = [None if tag == OUTSIDE else split_tag(tag, scheme)[1] for tag in tags]
    each = [costs.get(type_, _NOTHING) if type_ is not None else _NOTHING for type_ in types]
    recall = np.array([cost.recall for cost in each], dtype=np.float32)
    precision = np.array([cost.precision for cost in each], dtype=np.float32)
    table = recall[:, None] + precision[None, :]
    np.fill_diagonal(table, 0.0)
    return table


def shares(
    tags: Sequence[str], scheme: Scheme, others: Collection[str], span_length: float
) -> NDArray[np.float32]:
    """Return (K, K): what share of a name is missed where a token whose gold tag is g gets tag k.

        share[g, k] = 1 / span_length if g is of a name and k is another tag, else 0

    Args:
        tags: the rows and columns.
        scheme: of the tags; bare labels are no names.
        others: types that are left out.
        span_length: mean number of a name's tokens.
    """
    table = np.zeros((len(tags), len(tags)), dtype=np.float32)
    for row, tag in enumerate(tags):
        if scheme is not Scheme.BARE and tag != OUTSIDE and split_tag(tag, scheme)[1] not in others:
            table[row] = 1 / span_length
    np.fill_diagonal(table, 0.0)
    return table


_NOTHING = Cost(0.0, 0.0)
