"""Tokens at their places in a text: where white space parts them, and what was found laid over the text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from tagger.runtime.questions import Labelling, ScoredSpan
from tagger.text.formats import LabelledAlternative, LabelledRival, LabelledSentence, LabelledSpan
from tagger.text.raw import Row
from tagger.text.schemes import Task


def find_parted(
    sentences: Sequence[Sequence[str]], starts: Sequence[Sequence[int]], is_given: Sequence[bool]
) -> NDArray[np.bool_]:
    """Return (N,) before which tokens of all sentences white space ends a word; the first of each is never one.

    Args:
        sentences: the tokens of each.
        starts: where each begins in the text of its sentence.
        is_given: for each sentence whether its tokens were given: white space between those is not the text's own.
    """
    lengths = [*map(len, sentences)]
    begins = np.fromiter(chain.from_iterable(starts), dtype=np.int64)
    sizes = np.fromiter((len(word) for words in sentences for word in words), dtype=np.int64)
    parted = np.zeros(len(begins), dtype=bool)
    parted[1:] = begins[1:] > begins[:-1] + sizes[:-1]
    parted &= ~np.repeat(np.asarray(is_given, dtype=bool), lengths)
    firsts = np.cumsum([0, *lengths])[:-1]
    parted[firsts[firsts < len(parted)]] = False
    return parted


def place(
    doc: str, row: Row, words: Sequence[str], starts: Sequence[int], labelling: Labelling, task: Task
) -> LabelledSentence:
    """Lay what was found out over the text of a document."""
    base, text = row.start, row.text
    firsts = [base + start for start in starts] if base else list(starts)
    ends = [first + len(word) for first, word in zip(firsts, words, strict=True)]

    def cut(start: int, end: int) -> tuple[int, int, str]:
        first, last = firsts[start], ends[end - 1]
        return first, last, text[first - base : last - base]

    def lay(spans: Sequence[ScoredSpan]) -> list[LabelledSpan]:
        return [LabelledSpan(type_, *cut(start, end), confidence) for type_, start, end, confidence in spans]

    rivals = None
    if labelling.rivals is not None:
        rivals = [
            [LabelledRival(each.type, *cut(each.start, each.end), each.confidence) for each in others]
            for others in labelling.rivals
        ]
    nbest = None
    if labelling.nbest is not None:
        nbest = [
            LabelledAlternative(each.confidence, tuple(each.tags), tuple(lay(each.spans)))
            for each in labelling.nbest
        ]
    return LabelledSentence(
        doc=doc,
        start=base,
        end=base + len(text),
        text=text,
        tokens=list(zip(firsts, ends, labelling.tags, strict=True)),
        spans=lay(labelling.spans) if labelling.spans else [],
        nbest=nbest,
        space=row.space,
        task=task,
        rows=row.rows,
        rivals=rivals,
        expected_spans=labelling.expected_spans,
        doubts=labelling.doubts,
    )
