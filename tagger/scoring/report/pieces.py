"""A wrong sentence cut where its gold or predicted spans begin and end, ready to be drawn.

Terminal and page draw the same pieces. Colours, markup and escapes are theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from tagger.scoring.report.facts import WrongSentence
from tagger.text.schemes import Span

# Scripts written without blanks: CJK radicals to Yi, their compatibility and wide forms, planes 2 and 3.
_UNSPACED = ((0x2E80, 0xA4CF), (0xF900, 0xFAFF), (0xFE30, 0xFE4F), (0xFF00, 0xFFEF), (0x20000, 0x3FFFF))


class Piece(NamedTuple):
    """A run of tokens under one gold span (or none) and one predicted span (or none).

    `start` is the index of its first token; `blank` says whether a blank follows it in the sentence.
    """

    text: str
    gold: Span | None
    predicted: Span | None
    start: int
    blank: bool

    @property
    def is_right(self) -> bool:
        return self.gold == self.predicted

    @property
    def opens_gold(self) -> bool:
        """Whether the gold span begins here, so that its type is to be written."""
        return self.gold is not None and self.gold.start == self.start

    @property
    def opens_predicted(self) -> bool:
        return self.predicted is not None and self.predicted.start == self.start


def cut(
    sentence: WrongSentence, start: int = 0, end: int | None = None, *, only_mistakes: bool = False
) -> list[Piece]:
    """Cut tokens `start` to `end` into pieces.

    Args:
        sentence: the sentence.
        start: the first token that is wanted.
        end: the token after the last one that is wanted, by default the end of the sentence.
        only_mistakes: leave out spans that are right (bare labels cover every token).
    """
    tokens = sentence.tokens
    end = len(tokens) if end is None else min(end, len(tokens))
    both = set(sentence.gold) & set(sentence.predicted) if only_mistakes else set()
    gold = _cover(len(tokens), (span for span in sentence.gold if span not in both))
    predicted = _cover(len(tokens), (span for span in sentence.predicted if span not in both))
    blanks = find_blanks(tokens)
    pieces: list[Piece] = []
    first = start
    for token in range(start, end):
        last = token + 1 == end
        if last or (gold[token], predicted[token]) != (gold[token + 1], predicted[token + 1]):
            words = zip(tokens[first:token], blanks[first:token], strict=True)
            text = "".join(word + " " * blank for word, blank in words) + tokens[token]
            pieces.append(Piece(text, gold[token], predicted[token], first, blanks[token]))
            first = token + 1
    return pieces


def _cover(length: int, spans: Iterable[Span]) -> list[Span | None]:
    """Return the span over each token."""
    covering: list[Span | None] = [None] * length
    for span in spans:
        covering[span.start : span.end] = [span] * (span.end - span.start)
    return covering


def windows(sentence: WrongSentence, context: int) -> list[tuple[int, int]]:
    """Return the stretches of tokens, half-open, with `context` tokens around each mistake; they don't touch.

    >>> from tagger.scoring.report.facts import Mistake
    >>> from tagger.text.conll import Sentence
    >>> from tagger.scoring import Kind
    >>> span = Span("A", 50, 51)
    >>> mistake = Mistake(kind=Kind.MISSED, gold=span, predicted=None)
    >>> sentence = Sentence(tuple("x" * 99))
    >>> windows(WrongSentence(sentence=sentence, gold=(span,), predicted=(), mistakes=(mistake,)), 10)
    [(40, 61)]
    """
    stretches: list[tuple[int, int]] = []
    for start, end in sorted(mistake.place for mistake in sentence.mistakes):
        start, end = max(0, start - context), min(len(sentence.tokens), end + context)
        if stretches and start <= stretches[-1][1]:
            stretches[-1] = stretches[-1][0], max(end, stretches[-1][1])
        else:
            stretches.append((start, end))
    return stretches


def join_tokens(tokens: Sequence[str], start: int = 0, end: int | None = None) -> str:
    """Write tokens `start` to `end` of a sentence as running text.

    There is no blank between two characters of a script that has none, nor anywhere in a sentence whose tokens
    are single characters.

    >>> join_tokens(["高", "勇", "，", "CEO", "of", "IBM"])
    '高勇， CEO of IBM'
    >>> join_tokens(["1", "9", "8", "0", "年", "，", "A"], 0, 5)
    '1980年'
    """
    end = len(tokens) if end is None else end
    words = zip(tokens[start:end], find_blanks(tokens)[start:end], strict=True)
    return "".join(word + " " * blank for word, blank in words).rstrip(" ")


def find_blanks(tokens: Sequence[str]) -> list[bool]:
    """Say for each token whether a blank follows it in running text."""
    unspaced = [(_is_unspaced(token[0]), _is_unspaced(token[-1])) for token in tokens]
    if all(len(token) == 1 for token in tokens) and any(first for first, _ in unspaced):
        return [False] * len(tokens)
    return [not (left[1] and right[0]) for left, right in pairwise(unspaced)] + [False] * bool(tokens)


def _is_unspaced(char: str) -> bool:
    return any(low <= ord(char) <= high for low, high in _UNSPACED)
