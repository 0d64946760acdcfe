"""Probabilities of tags, of whole tag sequences and of exact spans, given the scores of a sentence.

Given the words, the tags of a linear chain are a Markov chain, so a run of tags from token s to token e - 1 has

    p(y_s .. y_{e-1}) = p(y_s) prod_{t=s+1}^{e-1} p(y_t | y_{t-1})

The messages behind both factors are described in the package's introduction. They are computed for every token;
marginals are not, unless asked for: spans need them at their first tokens alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tagger.errors import DataError
from tagger.runtime.chain.constraints import FORBIDDEN, Bools, Floats, Ints, Moves
from tagger.runtime.chain.logarithms import LogMessages, propagate_logarithms
from tagger.runtime.chain.roads import choose_road, measure_lookback
from tagger.runtime.chain.scaled import ScaledMessages, propagate_scaled

_TYPES = (np.dtype(np.float32), np.dtype(np.float64))


@dataclass(frozen=True)
class ChainPosterior:
    """The distribution over tag sequences of B sentences; made by `Chain.posterior`."""

    _messages: ScaledMessages | LogMessages
    _peaks: Floats  # (B,) float64, the sum of the largest scores of a sentence's tokens
    _inside: Bools  # (T, B)
    _dtype: np.dtype[Any]  # of the scores

    @cached_property
    def marginals(self) -> Floats:
        """(T, B, K), p(y_t = k | x), in the type of the scores; 0 in the padding."""
        with np.errstate(over="ignore"):  # in the padding
            found = self._messages.marginals().transpose(0, 2, 1).astype(self._dtype, order="C")
        if not self._inside.all():
            found[~self._inside] = 0.0
        return found

    @cached_property
    def entropies(self) -> Floats:
        """(T, B) float64, how open each tag is given those before it, in nats; 0 in the padding.

        That is H(y_0) at the first token and H(y_t | y_{t-1}) at the others. By the chain rule of entropy their sum
        over a sentence is that of the distribution over all of its tag sequences, log Z - E[score], but without
        the difference of two large numbers.
        """
        found: Floats = np.where(self._inside, self._messages.entropies(), 0.0)
        return np.maximum(found, 0.0)

    @cached_property
    def log_z(self) -> Floats:
        """(B,) float64, the logarithm of the sum of exp(score) over all tag sequences."""
        found: Floats = self._messages.log_z() + self._peaks
        return found

    def of_scores(self, scores: Floats) -> Floats:
        """Return the probability (B, N) of tag sequences from their scores (B, N), such as those of `NBest`."""
        found: Floats = np.exp(np.minimum(scores - self.log_z[:, None], 0.0))
        return found

    def spans(self, tags: Ints, sentence: Ints, start: Ints, end: Ints) -> Floats:
        """Return the probability that a sentence has exactly these tags over these tokens, for N spans.

        In BIOES, BMES, BILOU and BMEWO a span is one run of tags (S-X, or B-X, I-X ..., E-X) that says where it
        begins and ends, so this is the probability of the exact span. Other schemes are decoded as one of these.

        Args:
            tags: (T, B), the tags that the spans are made of, such as the decoded ones.
            sentence: (N,), index into B.
            start: (N,), the first token.
            end: (N,), one past the last token.

        Returns:
            (N,) float64.
        """
        logs = self._messages.log_tags(start, sentence, tags[start, sentence])
        span, step = list_inner_moves(start, end)
        if len(span):
            owner = sentence[span]
            moves = self._messages.log_moves(step, owner, tags[step, owner], tags[step + 1, owner])
            logs += np.bincount(span, moves, len(logs))
        return np.exp(logs, out=logs)

    def runs(self, tags: Ints, sentence: Ints, start: Ints, end: Ints) -> Floats:
        """Return the probability of N runs as `spans` does, each with tags of its own.

        Their first tags are looked up among all marginals, which is quicker where there are many runs, and as exact
        as these.

        Args:
            tags: (M,) the tags of the runs, one run after the other.
            sentence: (N,), index into B.
            start: (N,), the first token.
            end: (N,), one past the last token.

        Returns:
            (N,) float64.
        """
        sizes = end - start
        begins = np.cumsum(sizes) - sizes  # where in `tags` each run begins
        with np.errstate(divide="ignore"):
            logs: Floats = np.log(self.marginals[start, sentence, tags[begins]], dtype=np.float64)
        run, step = list_inner_moves(start, end)
        if len(run):
            place = step + (begins - start)[run]
            moves = self._messages.log_moves(step, sentence[run], tags[place], tags[place + 1])
            logs += np.bincount(run, moves, len(logs))
        return np.exp(logs, out=logs)


def list_inner_moves(start: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Return for each move within spans (N,) which span it belongs to and the token that it leaves, (M,) each.

    >>> list_inner_moves(np.array([4, 0]), np.array([7, 1]))
    (array([0, 0]), array([4, 5]))
    """
    moves = end - start - 1
    span = np.repeat(np.arange(len(start)), moves)
    first = np.cumsum(moves) - moves
    return span, np.arange(len(span)) + (start - first)[span]


def find_posterior(
    scores: Floats, moves: Moves, lengths: Ints, allowed: Bools | None, d: int | None, temperature: float
) -> ChainPosterior:
    """Run the recursions over a padded batch.

    Args:
        scores: (T, B, K), anything in the padding.
        moves: what joins them, already divided by the temperature.
        lengths: (B,).
        allowed: (T, B, K), the tags that each token may have; any when None.
        d: the constraints' exponent.
        temperature: what the scores are divided by.

    Raises:
        DataError: the constraints leave none of the sequences of allowed tags.
    """
    T, _, K = scores.shape
    inside = np.arange(T)[:, None] < lengths
    filled = scores.transpose(0, 2, 1).copy()  # (T, K, B)
    if not inside.all():
        np.copyto(filled, 0.0, where=~inside[:, None])
    peaks = filled.max(1)
    with np.errstate(invalid="ignore"):
        shifted = filled - peaks[:, None]
    low_move, high_move = moves.range()
    spread = high_move - low_move - float(shifted.min()) / temperature
    joined = T if d is None else d
    if allowed is not None:
        allowed = allowed | ~inside[..., None]
        joined = measure_lookback(allowed, d)
    types = [dtype for dtype in _TYPES if dtype.itemsize >= scores.dtype.itemsize]
    road = choose_road(spread, K, min(joined, T), types)
    wide = types[-1] if road is None else road.dtype
    if wide != scores.dtype:
        shifted = np.subtract(filled, peaks[:, None], dtype=wide)
    if temperature != 1.0:  # only now: what is far from 0 is blurred by a division in single precision
        shifted /= temperature
    if allowed is not None:
        np.copyto(shifted, FORBIDDEN, where=~allowed.transpose(0, 2, 1))
    messages = (
        propagate_logarithms(shifted, moves, lengths)
        if road is None
        else propagate_scaled(shifted, moves, lengths, road)
    )
    if allowed is not None:
        check_possible(messages.log_z(), lengths)
    return ChainPosterior(messages, peaks.sum(0, dtype=np.float64) / temperature, inside, scores.dtype)


def check_possible(log_scores: Floats, lengths: Ints) -> None:
    """Raise DataError where the best or the total score (B,) says that a sentence has no possible tag sequence."""
    impossible = log_scores < FORBIDDEN / 2
    if impossible.any():
        b = int(impossible.argmax())
        raise DataError(
            f"sentence {b} of the batch (counted from 0), of {int(lengths[b])} tokens, has no possible tag "
            "sequence: its allowed tags and the constraints contradict each other; allow more tags"
        )
