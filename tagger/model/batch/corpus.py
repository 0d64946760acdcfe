"""Sentences as rows of a lexicon's tables: the last place that sees strings. Nothing here knows what a batch is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagger.model.batch.language import KeptLayers
from tagger.model.batch.taught import Taught
from tagger.runtime.lexicon import Forms, Lexicon
from tagger.text.conll import Sentence

Ints = NDArray[np.int64]


class Example(NamedTuple):
    """One encoded sentence.

    Attributes:
        forms: (T,) rows of the corpus's `Forms`.
        local: (T, F) rows of each feature of a place, by its name.
        tags: (T,) rows of the lexicon's tags, or None; a token whose tag is open holds any of those it may have.
        allowed: (T, K) which tags each token may have, where some are open, else None.
        document: number of its document.
    """

    forms: Ints
    local: Mapping[str, Ints]
    tags: Ints | None
    allowed: NDArray[np.bool_] | None
    document: int


@dataclass(frozen=True, slots=True)
class EncodedCorpus:
    """Sentences as rows of a lexicon's tables.

    Attributes:
        forms: the distinct words.
        examples: the sentences.
        num_tags: K.
        kept: what is kept of a language model's layers, if anything.
        repeats: (N,) which of all tokens repeat each other, see `text.repetition`; None: nobody asked.
        taught: what teachers believe of the tags of the last sentences, where there are such.
    """

    forms: Forms
    examples: tuple[Example, ...]
    num_tags: int
    kept: KeptLayers | None = None
    repeats: Ints | None = None
    taught: Taught | None = None


def encode(
    sentences: Sequence[Sentence],
    lexicon: Lexicon,
    tags: Sequence[Sequence[Sequence[str]]] | None,
    documents: Sequence[int] | None = None,
    words: Sequence[Mapping[str, int]] | None = None,
) -> EncodedCorpus:
    """Look up the words, marks and tags of sentences.

    Args:
        sentences: what to encode.
        lexicon: the tables; it is not changed.
        tags: for each token of each sentence the inner tags it may have (one as a rule, none for any tag: see
            `schemes.candidates`), or None for text without tags.
        documents: a number for each sentence; neighbours of equal number may be read together. None: those that the
            sentences have.
        words: of training sentences, how often each holds each word that its tags make, for a lexicon of such words.

    Raises:
        KeyError: a tag that the lexicon lacks; callers report such tags before.
        ModelError: the lexicon reads columns that the sentences lack.
    """
    rows: dict[str, int] = {}
    number = rows.setdefault
    encoded = [
        np.fromiter(
            (number(token, len(rows) + 1) for token in sentence.tokens), np.int64, len(sentence.tokens)
        )
        for sentence in sentences
    ]
    tag_rows = {tag: row for row, tag in enumerate(lexicon.tags)}
    gold = [(None, None)] * len(sentences) if tags is None else [_gold(options, tag_rows) for options in tags]
    numbers = [sentence.document for sentence in sentences] if documents is None else documents
    places = (
        (lexicon.place_rows(each.tokens, each.features) for each in sentences)
        if words is None
        else (
            lexicon.place_rows_of_training(each.tokens, each.features, own)
            for each, own in zip(sentences, words, strict=True)
        )
    )
    examples = (
        Example(forms, local, labels, allowed, document)
        for forms, local, (labels, allowed), document in zip(encoded, places, gold, numbers, strict=True)
    )
    return EncodedCorpus(lexicon.forms(list(rows)), tuple(examples), len(lexicon.tags))


def _gold(
    options: Sequence[Sequence[str]], rows: Mapping[str, int]
) -> tuple[Ints | None, NDArray[np.bool_] | None]:
    """Return the tags of a sentence and, where some are open, which ones each token may have."""
    labels = np.array([rows[tags[0]] if tags else 0 for tags in options], dtype=np.int64)
    if all(len(tags) == 1 for tags in options):
        return labels, None
    allowed = np.zeros((len(options), len(rows)), dtype=np.bool_)
    for token, tags in enumerate(options):
        allowed[token, [rows[tag] for tag in tags] if tags else slice(None)] = True
    return labels, allowed
