"""Sentences of words as sentences of characters, whose tags say where words begin and end; and their text.

Segmented text, `word/TAG` lines and CoNLL-U hold words; a model that cuts raw text into words reads characters.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, groupby, islice, repeat
from typing import TypeVar

from tagger.errors import DataError
from tagger.text.conll.lineform import have_syllables
from tagger.text.conll.sentence import Excerpt, Sentence, SourceText
from tagger.text.schemes import (
    OUTSIDE,
    UNKNOWN_TAG,
    Scheme,
    Span,
    Task,
    detect,
    spans_to_tags,
    tags_to_spans,
)
from tagger.text.tokenizer import Mode, detect_mode
from tagger.text.tokenizer.conventions import CJK
from tagger.text.tokenizer.words import cut_characters

T = TypeVar("T")

SCHEME = Scheme.BMES  # of the tags that are made here: what the field writes
LABEL_LEFT_OUT = "words that have labels, left out"  # of what was read, for messages
_SAMPLE = 1000  # sentences that tell whether tokens are words
_SPACED = re.compile(rf"[^\W{CJK}]")  # letters and digits of scripts that have blanks between words


class UntypedWordsError(DataError):
    """Words should have types, parts of speech for instance, and have none."""


def cut_into_characters(sentence: Sentence, task: Task) -> Sentence:
    """Return a sentence of words as its characters.

    Args:
        sentence: its tags are labels of words, or it has none.
        task: `WORDS` leaves labels out, `JOINT` makes them the types of the words.

    >>> cut_into_characters(Sentence(("北京", "很"), ("NR", "AD")), Task.JOINT).tags
    ('B-NR', 'E-NR', 'S-AD')
    """
    return _cut(sentence, [cut_characters(word) for word in sentence.tokens], task)


def _cut(sentence: Sentence, pieces: Sequence[Sequence[str]], task: Task) -> Sentence:
    """Return a sentence of words as the pieces of each."""
    sizes = list(map(len, pieces))
    return replace(
        sentence,
        tokens=tuple(chain.from_iterable(pieces)),
        tags=tuple(_spell(sizes, sentence.tags if task is Task.JOINT else ())),
        features=tuple(tuple(_repeat(column, sizes)) for column in sentence.features),
        lines=tuple(_repeat([sentence.line_of(i) for i in range(len(sizes))], sizes)),
        excerpt=sentence.excerpt and cut_excerpt(sentence.excerpt, pieces),
    )


def cut_into_syllables(sentence: Sentence, task: Task) -> Sentence:
    """Return a sentence of words, `_` between the syllables of each, as its syllables; the text has blanks there.

    >>> cut_into_syllables(Sentence(("sinh_viên", "_"), ("N", "CH")), Task.JOINT).tokens
    ('sinh', 'viên', '_')
    """
    pieces = [[piece for piece in word.split("_") if piece] or [word] for word in sentence.tokens]
    return _cut(replace(sentence, excerpt=None), pieces, task)


def cut_where_words(sentences: Iterable[Sentence], task: Task) -> Iterator[tuple[Sentence, bool]]:
    """Yield sentences as their characters, and whether their tokens were words, which the first of them tell.

    Characters whose tags have prefixes stay as they are, and so do syllables whose tags leave none outside.
    """
    rest = iter(sentences)
    first = list(islice(rest, _SAMPLE))
    tags = {tag for each in first for tag in each.tags} - {UNKNOWN_TAG}
    are_words = not (
        tags
        and (OUTSIDE not in tags or detect_mode(each.tokens for each in first) is Mode.CHARACTERS)
        and detect(each.tags for each in first).scheme.has_prefixes
    )
    has_syllables = are_words and have_syllables(word for each in first for word in each.tokens)
    cut = cut_into_syllables if has_syllables else cut_into_characters
    for sentence in chain(first, rest):
        yield cut(sentence, task) if are_words else sentence, are_words


def drop_types(tags: Sequence[str], scheme: Scheme) -> tuple[str, ...]:
    """Return tags whose spans have lost their types.

    >>> drop_types(("B-NR", "E-NR", "S-VV"), Scheme.BMES)
    ('B', 'E', 'S')
    """
    spans = [Span("", start, end) for _, start, end in tags_to_spans(tags, scheme)]
    kept = zip(tags, spans_to_tags(spans, len(tags), scheme), strict=True)
    return tuple(UNKNOWN_TAG if old == UNKNOWN_TAG else tag for old, tag in kept)


def check_task(tags: Collection[str], found: Task, wanted: Task, name: str, line: int) -> None:
    """Raise where tags can't be about what they shall be about.

    Args:
        tags: each once.
        found: what they are about.
        wanted: what they shall be about.
        name: of the file, for messages.
        line: of the first token that is in no word, else of the first.

    Raises:
        DataError: they can't.
    """
    if wanted.cuts_words and OUTSIDE in tags:
        raise DataError(
            "found the tag O, a token outside of every word, expected tags that make words of all tokens "
            f"(--task {wanted}); --task labels reads them as they are, for a model of labels",
            name,
            line,
        )
    if wanted is Task.JOINT and found is Task.WORDS:
        raise UntypedWordsError(
            "found tags that make words without types, expected tags such as B-NN (--task joint); --task words "
            "reads the words alone",
            name,
            line,
        )


def _spell(sizes: Sequence[int], labels: Sequence[str]) -> Iterator[str]:
    for size, label in zip(sizes, labels or repeat(""), strict=False):
        is_known = label != UNKNOWN_TAG
        yield from spans_to_tags([Span(label, 0, size)], size, SCHEME) if is_known else [UNKNOWN_TAG] * size


def _repeat(values: Sequence[T], sizes: Sequence[int]) -> Iterator[T]:
    return chain.from_iterable(map(repeat, values, sizes))


def group_characters(sentence: Sentence) -> list[tuple[str, ...]]:
    """Return the characters of each word of a sentence that was cut, whose words stood on lines of their own."""
    lines = map(sentence.line_of, range(len(sentence)))
    rows = groupby(zip(lines, sentence.tokens, strict=True), key=lambda pair: pair[0])
    return [tuple(character for _, character in row) for _, row in rows]


def cut_excerpt(excerpt: Excerpt, pieces: Sequence[Sequence[str]]) -> Excerpt | None:
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
