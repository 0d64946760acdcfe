"""What a caller hands in as tokens, and beside them, seen to be of the right shape before anything is computed.

Nothing here knows a model: whether it has a tag or reads a column is its own business.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tagger.errors import DataError
from tagger.runtime.network import ColumnRows
from tagger.runtime.tagtable import Known


def check_tokens(sentences: Iterable[Sequence[str]]) -> Iterator[Sequence[str]]:
    """Pass sentences on that are lists of tokens; a string is none."""
    for number, words in enumerate(sentences):
        if isinstance(words, str):
            raise DataError(
                f"sentence {number} (counted from 0) is a string, expected a list of tokens; `predict` takes raw text"
            )
        yield words if isinstance(words, list | tuple) else list(words)


def check_beside(
    rows: Sequence[Sequence[str]],
    documents: Sequence[int] | None,
    known: Sequence[Sequence[Known] | None] | None,
    features: Sequence[ColumnRows] | None,
) -> None:
    """See that what comes beside sentences fits them."""
    for name, other in (("documents", documents), ("known", known), ("features", features)):
        if other is not None and len(other) != len(rows):
            raise DataError(f"{len(other)} {name} for {len(rows)} sentences; expected one for each")
    if known is not None:
        _check_known(rows, known)
    if features is not None:
        _check_features(rows, features)


def _check_known(rows: Sequence[Sequence[str]], known: Sequence[Sequence[Known] | None]) -> None:
    for number, (words, facts) in enumerate(zip(rows, known, strict=True)):
        if facts is not None and len(facts) != len(words):
            raise DataError(
                f"sentence {number} (counted from 0) has {len(words)} tokens, but tags are known for {len(facts)}; "
                "expected one entry for each token, None where nothing is known"
            )


def _check_features(rows: Sequence[Sequence[str]], features: Sequence[ColumnRows]) -> None:
    for number, (words, columns) in enumerate(zip(rows, features, strict=True)):
        for place, values in enumerate(columns):
            if isinstance(values, str) or len(values) != len(words):
                raise DataError(
                    f"sentence {number} (counted from 0) has {len(words)} tokens, but feature column {place} has "
                    f"{'a string' if isinstance(values, str) else f'{len(values)} values'}; expected a list of one "
                    "value for each token"
                )
