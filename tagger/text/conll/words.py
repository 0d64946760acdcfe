"""Sentences of words as sentences of characters, whose tags say where words begin and end; and their text.

Segmented text, `word/TAG` lines and CoNLL-U hold words; a model that cuts raw text into words reads characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, repeat
from typing import TypeVar

from tagger.text.conll.sentence import Excerpt, Sentence, SourceText
from tagger.text.schemes import UNKNOWN_TAG, Scheme, Span, Task, spans_to_tags
from tagger.text.tokenizer.conventions import CJK
from tagger.text.tokenizer.words import cut_characters

T = TypeVar("T")

SCHEME = Scheme.BMES  # of the tags that are made here: what the field writes
_SPACED = re.compile(rf"[^\W{CJK}]")  # letters and digits of scripts that have blanks between words


def cut_into_characters(sentence: Sentence, task: Task) -> Sentence:
    """Return a sentence of words as its characters.

    Args:
        sentence: its tags are labels of words, or it has none.
        task: `WORDS` leaves labels out, `JOINT` makes them the types of the words.

    >>> cut_into_characters(Sentence(("北京", "很"), ("NR", "AD")), Task.JOINT).tags
    ('B-NR', 'E-NR', 'S-AD')
    """
    pieces = [cut_characters(word) for word in sentence.tokens]
    sizes = list(map(len, pieces))
    return replace(
        sentence,
        tokens=tuple(chain.from_iterable(pieces)),
        tags=tuple(_spell(sizes, sentence.tags if task is Task.JOINT else ())),
        features=tuple(tuple(_repeat(column, sizes)) for column in sentence.features),
        lines=tuple(_repeat([sentence.line_of(i) for i in range(len(sizes))], sizes)),
        excerpt=sentence.excerpt and _cut_excerpt(sentence.excerpt, pieces),
    )


def _spell(sizes: Sequence[int], labels: Sequence[str]) -> Iterator[str]:
    for size, label in zip(sizes, labels or repeat(""), strict=False):
        is_known = label != UNKNOWN_TAG
        yield from spans_to_tags([Span(label, 0, size)], size, SCHEME) if is_known else [UNKNOWN_TAG] * size


def _repeat(values: Sequence[T], sizes: Sequence[int]) -> Iterator[T]:
    return chain.from_iterable(map(repeat, values, sizes))


def _cut_excerpt(excerpt: Excerpt, pieces: Sequence[Sequence[str]]) -> Excerpt | None:
    """Return where the characters stand; nowhere where a word isn't written as it reads."""
    places: list[tuple[int, int]] = []
    for (start, end), characters in zip(excerpt.tokens, pieces, strict=True):
        if excerpt.source.text[start:end] != "".join(characters):
            return None
        for character in characters:
            places.append((start, start + len(character)))
            start += len(character)
    return replace(excerpt, tokens=tuple(places))


def join_words(words: Sequence[str], start: int = 0) -> Excerpt:
    """Return the text of words of a script without blanks, and where the words stand in it.

    A blank stands where letters or digits of other scripts would else run into one another. The text begins at
    `start` of its document.

    >>> join_words(["我", "爱", "New", "York", "。"]).text
    '我爱New York。'
    """
    places: list[tuple[int, int]] = []
    pieces: list[str] = []
    at, before = 0, ""
    for word in words:
        if before and _SPACED.match(word) and _SPACED.match(before[-1]):
            pieces.append(" ")
            at += 1
        places.append((at, at + len(word)))
        pieces.append(word)
        at += len(word)
        before = word
    text = "".join(pieces)
    return Excerpt(SourceText(text, None, start), 0, len(text), tuple(places))
