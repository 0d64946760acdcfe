"""Corpora in different forms brought to one, so that they can be compared: their words, cut out of characters.

Segmented text, tags of characters and words with labels hold the same thing where their characters are the same. What
one of them doesn't have, the types of words, is left out of all. Texts that annotation tools export have no tokens of
their own: where one is split around a span, all are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from operator import is_

from tagger.text.conll.corpus import Corpus
from tagger.text.conll.sentence import Excerpt, Sentence
from tagger.text.conll.words import SCHEME, cut_into_characters, drop_types
from tagger.text.schemes import UNKNOWN_TAG, Scheme, Span, Task, spans_to_tags, tags_to_spans
from tagger.text.tokenizer.words import cut_characters


def liken(corpora: Sequence[Corpus]) -> list[Corpus]:
    """Return corpora in one form where the tags of any of them cut words, or where texts were cut around spans.

    What can't be brought to the form of the others stays as it is, and differs.
    """
    if not any(each.task.cuts_words for each in corpora):
        return _split_alike(corpora)
    cut = [_cut(each) for each in corpora]
    lacking = next((each.path for each in cut if each.task is Task.WORDS), None)
    if lacking is not None:
        has_types = any(each.task is Task.JOINT for each in cut)
        first, *others = map(_drop_types, cut)
        note = (f"words alone are compared: {lacking} has no types of words",) if has_types else ()
        cut = [replace(first, warnings=(*first.warnings, *note)), *others]
    if all(_have_same_tokens(cut[0], each) for each in cut[1:]):
        return cut
    return [_cut_tokens(each) if each.task.cuts_words else each for each in cut]


def _split_alike(corpora: Sequence[Corpus]) -> list[Corpus]:
    """Split tokens of a text wherever one of the corpora does: a span within a word has split it there alone.

    Tokens of columns are what they are: these corpora stay as they are, and so do bare labels.
    """
    alike = list(corpora)
    lengths = {len(each.sentences) for each in corpora}
    is_of_texts = any(sentence.excerpt for each in corpora for sentence in each.sentences[:1])
    if not is_of_texts or len(lengths) > 1 or any(each.scheme is Scheme.BARE for each in corpora):
        return alike
    rows = [list(each.sentences) for each in corpora]
    for number, group in enumerate(zip(*rows, strict=True)):
        if all(each.tokens == group[0].tokens for each in group) or any(
            "".join(each.tokens) != "".join(group[0].tokens) for each in group
        ):
            continue
        ends = sorted(set().union(*(accumulate(map(len, each.tokens)) for each in group)))
        for row, corpus in zip(rows, corpora, strict=True):
            row[number] = _split(row[number], ends, corpus.scheme)
    return [
        corpus if all(map(is_, row, corpus.sentences)) else replace(corpus, sentences=tuple(row))
        for row, corpus in zip(rows, corpora, strict=True)
    ]


def _split(sentence: Sentence, ends: Sequence[int], scheme: Scheme) -> Sentence:
    """Split tokens so that they end where they did and at other characters, counted over all tokens."""
    own = list(accumulate(map(len, sentence.tokens)))
    if len(own) == len(ends):
        return sentence
    text = "".join(sentence.tokens)
    owners = [bisect_left(own, end) for end in ends]  # of each piece the token that it is of
    begins = [bisect_left(owners, token) for token in range(len(own) + 1)]
    spans = [
        Span(type_, begins[start], begins[end]) for type_, start, end in tags_to_spans(sentence.tags, scheme)
    ]
    tags = spans_to_tags(spans, len(ends), scheme)
    return replace(
        sentence,
        tokens=tuple(text[begin:end] for begin, end in pairwise([0, *ends])),
        tags=tuple(
            UNKNOWN_TAG if sentence.tags[owner] == UNKNOWN_TAG else tag
            for owner, tag in zip(owners, tags, strict=True)
        ),
        lines=tuple(map(sentence.line_of, owners)),
        features=tuple(tuple(column[owner] for owner in owners) for column in sentence.features),
        excerpt=_split_excerpt(sentence, ends, owners),
    )


def _split_excerpt(sentence: Sentence, ends: Sequence[int], owners: Sequence[int]) -> Excerpt | None:
    """Return the offsets of the pieces; none where a token isn't written as it stands in the text."""
    excerpt = sentence.excerpt
    if excerpt is None or any(
        end - start != len(token) for token, (start, end) in zip(sentence.tokens, excerpt.tokens, strict=True)
    ):
        return None
    begins = [0, *accumulate(map(len, sentence.tokens))]
    offsets = (excerpt.tokens[owner][0] - begins[owner] for owner in owners)
    pieces = zip(offsets, pairwise([0, *ends]), strict=True)
    return replace(
        excerpt,
        tokens=tuple((offset + begin, offset + end) for offset, (begin, end) in pieces),
        confidences={},
    )


def fit_corpus(corpus: Corpus, task: Task) -> Corpus:
    """Return a corpus as a task needs it: words with labels as characters, and words without their types."""
    cut = _cut(corpus) if task.cuts_words else corpus
    if task is Task.WORDS and cut.task is Task.JOINT:
        cut = _drop_types(cut)
        return replace(cut, warnings=(*cut.warnings, "types of words, left out: words alone are compared"))
    if task is Task.JOINT and cut.task is Task.WORDS:
        return replace(cut, warnings=(*cut.warnings, "has no types of words: words alone are compared"))
    return cut


def _cut(corpus: Corpus) -> Corpus:
    """Return words with labels as characters."""
    has_labels = any(tag != UNKNOWN_TAG for each in corpus.sentences for tag in each.tags)
    if corpus.task.cuts_words or (has_labels and corpus.scheme is not Scheme.BARE):
        return corpus
    task = Task.JOINT if has_labels else Task.WORDS
    sentences = tuple(cut_into_characters(each, task) for each in corpus.sentences)
    return replace(corpus, sentences=sentences, scheme=SCHEME, task=task)


def _drop_types(corpus: Corpus) -> Corpus:
    if corpus.task is not Task.JOINT:
        return corpus
    sentences = tuple(replace(each, tags=drop_types(each.tags, corpus.scheme)) for each in corpus.sentences)
    return replace(corpus, sentences=sentences, task=Task.WORDS)


def _have_same_tokens(one: Corpus, other: Corpus) -> bool:
    pairs = zip(one.sentences, other.sentences, strict=False)
    return all(each.tokens == another.tokens for each, another in pairs)


def _cut_tokens(corpus: Corpus) -> Corpus:
    """Cut tokens that are more than a character, as Latin words among Chinese characters may be."""
    sentences = tuple(
        _cut_sentence(each, corpus.scheme)
        if any(len(token) > 1 for token in each.tokens) or corpus.scheme is not SCHEME
        else each
        for each in corpus.sentences
    )
    return replace(corpus, sentences=sentences, scheme=SCHEME)


def _cut_sentence(sentence: Sentence, scheme: Scheme) -> Sentence:
    pieces = [cut_characters(token) for token in sentence.tokens]
    begins = [0, *accumulate(map(len, pieces))]
    spans = [
        Span(type_, begins[start], begins[end]) for type_, start, end in tags_to_spans(sentence.tags, scheme)
    ]
    tags = spans_to_tags(spans, begins[-1], SCHEME)
    unknown = set(_find_unknown(sentence, begins))
    bare = cut_into_characters(replace(sentence, excerpt=None), Task.WORDS)
    return replace(bare, tags=tuple(UNKNOWN_TAG if i in unknown else tag for i, tag in enumerate(tags)))


def _find_unknown(sentence: Sentence, begins: Sequence[int]) -> Iterator[int]:
    """Yield the places of characters whose token's tag isn't known."""
    for tag, (begin, end) in zip(sentence.tags, pairwise(begins), strict=True):
        if tag == UNKNOWN_TAG:
            yield from range(begin, end)
