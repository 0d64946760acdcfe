"""The sentences that a labeller found, put together as the texts from which they were cut.

Annotation tools take a text at a time, and what goes out has to come back: each text is as the input has it, white
space included.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from tagger.text.formats.sentence import LabelledSentence

LONGEST_TEXT = 20_000  # characters, about seven pages: tools get slow beyond, and a file may be of any length


def join_texts(sentences: Iterable[LabelledSentence], *, by_line: bool = False) -> Iterator[LabelledSentence]:
    """Yield texts, each as if it were one sentence, with the tokens and spans of all that it holds.

    A text ends with its document, where the input doesn't say what stands before the next sentence (columns), and,
    between two sentences, when it has more than `LONGEST_TEXT` characters. One without a word is left out.

    Args:
        sentences: with the white space behind each, as rows of a document.
        by_line: every sentence is a text, since the input said that every line is.
    """
    run: list[LabelledSentence] = []
    length = reached = 0
    for sentence in sentences:
        follows = run and sentence.doc == run[-1].doc and sentence.start == reached
        if run and (by_line or not follows or (sentence.text and length > LONGEST_TEXT)):
            yield from _join(run, keeps_space=not by_line)
            run, length = [], 0
        run.append(sentence)
        reached = sentence.end + len(sentence.space)
        length += reached - sentence.start
    if run:
        yield from _join(run, keeps_space=not by_line)


def _join(run: list[LabelledSentence], *, keeps_space: bool) -> Iterator[LabelledSentence]:
    """Yield a text, if there is anything in it."""
    if not any(sentence.text for sentence in run):
        return
    pieces = [piece for each in run for piece in (each.text, each.space)]
    text = "".join(pieces if keeps_space else pieces[:-1])
    yield replace(
        run[0],
        end=run[0].start + len(text),
        text=text,
        tokens=[token for sentence in run for token in sentence.tokens],
        spans=[span for sentence in run for span in sentence.spans],
        nbest=None,
        starts=tuple(sentence.start for sentence in run if sentence.text),
        space="",
    )
