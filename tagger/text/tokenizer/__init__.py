"""Raw text -> sentences -> tokens, with offsets in code points: `text[start:end] == token`, always.

No character but white space is lost, no token holds white space, and time is linear in the text. Words follow the
conventions of the corpus that a model was trained on, as far as its tokens show them (`detect`); characters are for
models trained on characters, blanks for text that is tokenized already. There is no dictionary, and no model: a
language without blanks that was not trained by characters is cut at its punctuation, Chinese and Japanese into
characters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tagger.text.tokenizer.abbreviations import (
    Abbreviations,
    all_abbreviations,
    find_abbreviations,
)
from tagger.text.tokenizer.conventions import (
    DEFAULT_SPLITS,
    UNSPACED_ADVICE,
    Conventions,
    Mode,
    Split,
    detect,
    detect_mode,
    detect_splits,
    has_unspaced_words,
    is_unspaced,
)
from tagger.text.tokenizer.sentences import Located, SentenceSplitter, split_sentences, stream_sentences
from tagger.text.tokenizer.words import Cutter, cut_characters, final_stop, free_stops, word_cutter

__all__ = [
    "DEFAULT_SPLITS",
    "UNSPACED_ADVICE",
    "Abbreviations",
    "Conventions",
    "Located",
    "Mode",
    "SentenceSplitter",
    "Split",
    "Tokens",
    "all_abbreviations",
    "cut",
    "detect",
    "detect_mode",
    "detect_splits",
    "find_abbreviations",
    "has_unspaced_words",
    "is_unspaced",
    "split_sentences",
    "stream_sentences",
    "tokenize",
]

_ENGLISH = find_abbreviations("en")


class Tokens(NamedTuple):
    """The tokens of a text and where each starts; a token ends after its own length."""

    words: list[str]
    starts: list[int]


def tokenize(
    text: str,
    mode: Mode = Mode.WORDS,
    splits: frozenset[Split] = DEFAULT_SPLITS,
    abbreviations: Abbreviations = _ENGLISH,
) -> list[tuple[int, int]]:
    """Return the (start, end) of each token of a sentence, in code points.

    >>> [text[start:end] for text in ["Don't pay $5.50, Mr. Li!"] for start, end in tokenize(text)]
    ['Do', "n't", 'pay', '$', '5.50', ',', 'Mr.', 'Li', '!']
    """
    return [
        (start, start + len(word))
        for word, start in zip(*cut(text, mode, splits, abbreviations), strict=True)
    ]


def cut(
    text: str,
    mode: Mode = Mode.WORDS,
    splits: frozenset[Split] = DEFAULT_SPLITS,
    abbreviations: Abbreviations = _ENGLISH,
) -> Tokens:
    """Return the tokens of a sentence and their starts: `tokenize` for those who want the words too.

    The words of short runs come from a cache, each always the same string object, so that a look-up in a vocabulary
    need not hash it again.
    """
    words: list[str] = []
    starts: list[int] = []
    cut_run = _CUTTERS[mode](splits, abbreviations.kept)
    runs = text.split()
    if mode is Mode.WORDS:
        runs = free_stops(runs, abbreviations)
    at = 0
    for run in runs:
        at = text.find(run, at)  # only white space lies between, so the first occurrence is the run itself
        for word in cut_run(run):
            words.append(word)
            starts.append(at)
            at += len(word)
    if mode is Mode.WORDS and words and (stop := final_stop(words[-1], abbreviations)):
        starts.append(starts[-1] + stop)
        words[-1:] = words[-1][:stop], words[-1][stop:]
    return Tokens(words, starts)


# How each mode cuts a run of characters without white space.
_CUTTERS: dict[Mode, Callable[[frozenset[Split], frozenset[str]], Cutter]] = {
    Mode.WORDS: word_cutter,
    Mode.CHARACTERS: lambda *_: cut_characters,
    Mode.BLANKS: lambda *_: lambda run: (run,),
}
