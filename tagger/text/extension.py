"""A lexicon with room for what another corpus holds: old entries keep their rows, new ones follow."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from tagger.text.lexicon import Lexicon
from tagger.text.marks import ColumnValues, Marks
from tagger.text.vocab import Vocab


def extend(old: Lexicon, new: Lexicon) -> Lexicon:
    """Return the old tables with the entries of the new ones that they lack, at their end.

    Counts of words are summed. How a language model reads, and lists of names, stay the old ones.
    """
    columns = [
        ColumnValues(one.name, _join(one.values, other.values))
        for one, other in zip(old.marks.columns, new.marks.columns, strict=True)
    ]
    return replace(
        extend_words(old, new),
        embedding=old.embedding,
        tags=tuple(dict.fromkeys((*old.tags, *new.tags))),
        speller=old.speller,
        marks=Marks(tuple(columns), old.marks.gazetteers),
    )


def extend_words(old: Lexicon, new: Lexicon) -> Lexicon:
    """Return the new lexicon with the old entries of the tables of words and their parts before its own.

    Counts of words are summed.
    """
    counts = Counter(dict(zip(old.words.items, old.counts, strict=True)))
    counts.update(dict(zip(new.words.items, new.counts, strict=True)))
    words = _join(old.words, new.words)
    return replace(
        new,
        words=words,
        counts=tuple(counts[word] for word in words.items),
        characters=_join(old.characters, new.characters),
        shapes=_join(old.shapes, new.shapes),
        affixes=_join(old.affixes, new.affixes),
        bigrams=_join(old.bigrams, new.bigrams),
    )


def _join(old: Vocab, new: Vocab) -> Vocab:
    return Vocab(dict.fromkeys((*old.items, *new.items)))
