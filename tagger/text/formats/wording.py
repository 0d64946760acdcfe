"""Spans that cut texts into words, as annotation tools hold them: they cover all of each text.

Tools want a type of every span, so words without one are written as `word`; read back they have none again.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from tagger.text.formats.alignment import Document
from tagger.text.schemes import WORD
from tagger.text.tokenizer import has_unspaced_words

_LOOKED_AT = 1000  # texts


def are_words(documents: Sequence[Document]) -> bool:
    """Say whether spans are words: nothing stands outside, and they have no types but `word`, or need to be cut out.

    >>> from tagger.text.formats.alignment import TextSpan
    >>> are_words([Document("我爱", (TextSpan("word", 0, 1), TextSpan("word", 1, 2)), "x")])
    True
    """
    if not documents or not all(map(_is_covered, documents)):
        return False
    if all(span.type == WORD for document in documents for span in document.spans):
        return True
    words = (
        each.text[span.start : span.end] for each in islice(documents, _LOOKED_AT) for span in each.spans
    )
    return has_unspaced_words(words)


def drop_word_type(documents: Sequence[Document]) -> list[Document]:
    """Return documents of words; the type `word` goes where there is no other."""
    if any(span.type != WORD for document in documents for span in document.spans):
        return list(documents)
    return [
        document._replace(spans=tuple(span._replace(type="") for span in document.spans))
        for document in documents
    ]


def _is_covered(document: Document) -> bool:
    """Say whether every visible character of a text is in one of its spans."""
    if document.is_unknown or not document.spans:
        return False
    at = 0
    for span in sorted(document.spans, key=lambda each: each.start):
        if document.text[at : span.start].strip():
            return False
        at = max(at, span.end)
    return not document.text[at:].strip()
