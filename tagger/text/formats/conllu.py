"""Labelled sentences and corpora -> CoNLL-U: a row a word, its tag in UPOS, XPOS or under a key of MISC.

Sentences that were read from CoNLL-U keep their rows as they are, comments, multiword tokens and empty nodes too, and
the one column is filled. Others get rows of their own, with the white space of their text as `conll.surface` spells
it: `SpaceAfter=No` where there is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby

from tagger.text import conll
from tagger.text.conll import Corpus, CorpusStream, Excerpt, Sentence, SourceText
from tagger.text.counting import Note
from tagger.text.formats.location import locate_sentences
from tagger.text.formats.sentence import LabelledSentence
from tagger.text.schemes import UNKNOWN_TAG, Scheme, Task

_NOT_IN_A_ROW = re.compile(r"[\t\r\n]")
_RUN = re.compile(r"\S+")


def usual_column(scheme: Scheme, task: Task) -> str:
    """Return the column in which tags are written where nobody says: UPOS where they are labels of words."""
    return "UPOS" if scheme is Scheme.BARE or task.cuts_words else "MISC:NER"


def write_conllu(corpus: Corpus | CorpusStream, name: str, column: str | None, note: Note) -> Iterator[str]:
    """Yield a corpus, its tags in `column`, or in the usual one where None.

    Args:
        name: of its first document, where the file names none and its tags make words.
        note: told of what doesn't fit.
    """
    column = column or usual_column(corpus.scheme, corpus.task)
    if not corpus.task.cuts_words:
        return conll.format_conllu(corpus.sentences, column)
    return write_words(locate_sentences(corpus.sentences, corpus.scheme, name, note, corpus.task), column)


def write_words(sentences: Iterable[LabelledSentence], column: str = "UPOS") -> Iterator[str]:
    """Yield the words of sentences with their tags in a column, or under a key of one, as in `MISC:NER`."""
    owed = ""  # a blank line that is missing between two files
    for has_rows, group in groupby(sentences, lambda sentence: sentence.rows is not None):
        yield owed
        if not has_rows:
            owed = ""
            yield from conll.format_conllu(_lay_out(group), column)
            continue
        written = ""
        for sentence in group:
            assert sentence.rows is not None
            rows = sentence.rows.fill([tag for _, _, tag in sentence.tokens], column)
            yield owed + rows if written else rows
            written = (written + rows)[-4:]
            owed = "" if sentence.rows.words else _find_missing(written.replace("\r\n", "\n"))


def _find_missing(written: str) -> str:
    """Return the line ends that rows lack so that others may follow."""
    return "\n" * (2 - len(written[-2:]) + len(written[-2:].rstrip("\n"))) if written else ""


def _lay_out(sentences: Iterable[LabelledSentence]) -> Iterator[Sentence]:
    """Yield sentences of words at their places in their texts.

    One behind which no white space is known yet waits for what follows.
    """
    document, doc = -1, None
    held: LabelledSentence | None = None
    before = ""  # white space that came too late for the sentence in front of it
    for sentence in sentences:
        if held is not None and sentence.doc == held.doc and not sentence.text:
            held = replace(held, space=held.space + sentence.space)
        elif held is not None:
            touches = sentence.doc == held.doc and sentence.start == held.end + len(held.space)
            yield _make(held, before, sentence.text[:1] if touches else "", document)
            held, before = None, ""
        if sentence.doc != doc:
            document, doc, before = document + 1, sentence.doc, ""
        if not sentence.text:
            before += sentence.space if held is None else ""
            continue
        held = sentence
        if (held.text + held.space)[-1:].isspace():
            yield _make(held, before, "", document)
            held, before = None, ""
    if held is not None:
        yield _make(held, before, "", document)


def _mend(sentence: LabelledSentence) -> Iterator[tuple[int, int, str]]:
    """Yield the words; one with a line end or a tab inside, which no row can hold, becomes several."""
    for start, end, tag in sentence.find_words():
        word = sentence.text[start - sentence.start : end - sentence.start]
        if _NOT_IN_A_ROW.search(word):
            yield from ((start + run.start(), start + run.end(), tag) for run in _RUN.finditer(word))
        else:
            yield start, end, tag


def _make(sentence: LabelledSentence, before: str, following: str, document: int) -> Sentence:
    """Return a sentence of words in its text, which goes on with `following`."""
    words = list(_mend(sentence))
    shift = len(before) - sentence.start
    text = before + sentence.text + sentence.space
    source = SourceText(text + following, sentence.doc, sentence.start - len(before))
    tags = [UNKNOWN_TAG if sentence.task is Task.WORDS else tag for _, _, tag in words]
    return Sentence(
        tokens=tuple(text[start + shift : end + shift] for start, end, _ in words),
        tags=tuple(tags),
        document=document,
        comments=sentence.comments + sentence.spell_facts(),
        excerpt=Excerpt(source, 0, len(text), tuple((start + shift, end + shift) for start, end, _ in words)),
    )
