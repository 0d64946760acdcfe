"""What can be wrong with the tags of a batch, in a user's words."""

from __future__ import annotations

from tagger.errors import DataError


def forbidden_gold(b: int, batch: str = "the batch") -> DataError:
    """Return the error of gold tags that the constraints forbid."""
    return DataError(
        f"the gold tags of sentence {b} of {batch} (counted from 0) make a move that "
        "the constraints forbid; expected tags that are valid in the scheme: repair them before training"
    )


def no_sequence(b: int, n: int, batch: str = "the batch") -> DataError:
    """Return the error of a sentence of n tokens without any possible tag sequence."""
    return DataError(
        f"sentence {b} of {batch} (counted from 0), of {n} tokens, has no possible tag "
        "sequence: its allowed tags and the constraints contradict each other; allow more tags"
    )
