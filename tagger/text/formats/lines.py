"""Lines of words: segmented text (`我们 爱 北京`), and words with their tags (`我们/PN 爱/VV 北京/NR`).

The white space of the text stays as it is, line ends and empty lines too, so that a line of the text is a line of
what is written; between words that touch one blank is put, and `_` between the syllables of Vietnamese words. Words
are those that the tags of a text make, or else its tokens; `conll.segmented` reads them back. What the form can't say
is mended: a word with white space inside becomes several, each with its tag, and a bracket that would open a compound
becomes a word. A tag with white space or with the separator in it is refused.

What stands between a word and its tag is a separator as what stands between columns is, so `word_TAG` is no format
of its own: `convert` has `--separator` for both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from tagger.errors import DataError
from tagger.text.counting import Note, overlook
from tagger.text.formats.sentence import LabelledSentence
from tagger.text.schemes import Task
from tagger.text.tokenizer.words import cut_characters

Spell = Callable[[str, str], str]  # a word without white space, and its tag

_LINE_ENDS = ("\n", "\r")
_RUN = re.compile(r"\S+")


def write_segmented(sentences: Iterable[LabelledSentence], note: Note = overlook) -> Iterator[str]:
    """Yield the text with white space between all words; `note` is told of what was mended."""
    return _write(sentences, lambda word, tag: word, note)


def write_wordpos(
    sentences: Iterable[LabelledSentence], note: Note = overlook, separator: str = "/"
) -> Iterator[str]:
    """Yield the text with a tag behind each word, and white space between them.

    Raises:
        DataError: words have no tags, or a tag can't be written so.
    """

    @lru_cache(maxsize=1 << 12)
    def ending(tag: str) -> str:
        if tag != separator and (separator in tag or tag.split() != [tag]):
            raise DataError(
                f"found the tag {tag!r}, expected one without white space and {separator!r}, which stands between "
                "words and tags; choose another --separator or --format"
            )
        return separator + tag

    def spell(word: str, tag: str) -> str:
        behind = ending(tag)
        if word[0] != "[" or word[1:2] in ("", separator):
            return word + behind
        note("word", "beginning with a bracket as compounds do, which became a word", repr(word))
        rest = word.lstrip("[")
        words = [*"[" * (len(word) - len(rest)), *([rest] if rest else [])]
        return " ".join(each + behind for each in words)

    return _write(_refuse_untagged(sentences), spell, note)


def _refuse_untagged(sentences: Iterable[LabelledSentence]) -> Iterator[LabelledSentence]:
    for sentence in sentences:
        if sentence.task is Task.WORDS:
            raise DataError("found words without tags, expected some to write behind them; choose segmented")
        yield sentence


def _write(sentences: Iterable[LabelledSentence], spell: Spell, note: Note) -> Iterator[str]:
    """Yield the text as it comes: each word spelt, and white space between all of them."""
    doc: str | None = None
    end = 0  # of the sentence before, and the space behind it
    last = "\n"  # what was written ends so
    for sentence in sentences:
        if sentence.doc != doc and not last.endswith(_LINE_ENDS):
            yield "\n"
        elif sentence.doc == doc and sentence.text and not last.isspace():
            yield " " if sentence.start == end else "\n"
        doc, end = sentence.doc, sentence.end + len(sentence.space)
        text = "".join(_spell_words(sentence, spell, note)) + sentence.space
        yield text
        last = text[-1:] or last
    if not last.endswith(_LINE_ENDS):
        yield "\n"


def _has_syllables(sentence: LabelledSentence) -> bool:
    """Say whether the tags of a sentence make words of more than characters: of syllables, as in Vietnamese."""
    return sentence.task.cuts_words and any(len(cut_characters(word)) > 1 for word in sentence.words())


def _spell_words(sentence: LabelledSentence, spell: Spell, note: Note) -> Iterator[str]:
    """Yield the words of a sentence and the white space around them."""
    text, base = sentence.text, sentence.start
    at = 0
    for start, end, tag in sentence.find_words():
        yield text[at : start - base] or (" " if at else "")
        at = end - base
        word = text[start - base : at]
        if word.split() == [word]:
            yield spell(word, tag)
        elif _has_syllables(sentence):
            yield spell("_".join(word.split()), tag)
        else:
            note("word", "with white space inside, written as several", repr(word))
            yield _RUN.sub(lambda run, tag=tag: spell(run[0], tag), word)  # type: ignore[misc]
    yield text[at:]
