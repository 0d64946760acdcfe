"""Checked corpora -> tables, and sentences as numbers with the tags that each token may have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagger.model.batch import Choices, EncodedCorpus, encode
from tagger.runtime.kinds import TextCounts
from tagger.runtime.lexicon import Lexicon
from tagger.runtime.trained import inner_scheme, inner_tags
from tagger.text import schemes
from tagger.text.conll import Sentence
from tagger.text.conll.packed import PackedSentences, pack
from tagger.text.schemes import Scheme
from tagger.text.spool import Spool, stretches
from tagger.training.data.content import count_folded_words, holds_outside
from tagger.training.data.corpora import Corpora


def build_lexicon(corpora: Corpora, raw: TextCounts | None = None) -> Lexicon:
    """Number the words and tags of the training sentences, and the words of raw text where some is learnt from."""
    tags = list_tags(corpora)
    sentences, embedding = corpora.train.sentences, corpora.config.embedding
    words = (
        (count_folded_words(each, corpora.train.scheme) for each in sentences)
        if embedding.word_mark_dim
        else ()
    )
    lexicon = Lexicon.build(sentences, tags, embedding, corpora.gazetteers, words, corpora.clusters, raw)
    if corpora.base is not None:
        lexicon = corpora.base.lexicon.followed_by(lexicon)
    if corpora.encoder is not None:
        lexicon = lexicon.behind(corpora.encoder.lexicon)
    if corpora.vectors is not None:
        lexicon = lexicon.with_words(corpora.vectors.words)
    return replace(lexicon, speller=corpora.language.tables.speller) if corpora.language else lexicon


def list_tags(corpora: Corpora) -> list[str]:
    """List the inner tags that a labeller of these corpora chooses from."""
    has_outside = not corpora.train.task.cuts_words and (
        corpora.train.scheme.has_prefixes or holds_outside(corpora.train)
    )
    return inner_tags(corpora.types, corpora.train.scheme, has_outside=has_outside)


def encode_training(
    corpora: Corpora, lexicon: Lexicon, spool: Spool | None = None, room: Path | None = None
) -> EncodedCorpus:
    """Encode the training sentences with their tags in the inner scheme.

    A sentence too long to be read at once is cut between two of its spans, so that the memory of a step is bounded
    where somebody forgot the blank lines.

    Args:
        corpora: of the run.
        lexicon: its tables.
        spool: where the arrays lie; None: in memory.
        room: the folder of what is needed meanwhile and memory isn't to hold.
    """
    packed, scheme = pack(corpora.train.sentences), corpora.train.scheme
    choices = find_choices(packed, scheme, room)
    places = _find_cuts(packed, choices, inner_scheme(scheme), corpora.config.encoder.max_tokens)
    pieces = packed.cut(places)
    words = None
    if corpora.config.embedding.word_mark_dim:
        words = (count_folded_words(each, scheme) for each in pieces)
    return encode(pieces, lexicon, choices, words, spool)


def encode_beside(
    corpora: Corpora, lexicon: Lexicon, others: Sequence[Sentence], options: Sequence[_Options]
) -> EncodedCorpus:
    """Encode the training sentences as `encode_training` does, and others behind them, in memory.

    Where a lesson teaches the training sentences they are among the others.

    Args:
        corpora: of the run.
        lexicon: its tables.
        others: sentences without tags of their own.
        options: for each token of these the inner tags that it may have.
    """
    scheme = corpora.train.scheme
    packed = pack(() if corpora.is_taught else corpora.train.sentences)
    gold = find_choices(packed, scheme)
    pieces = packed.cut(_find_cuts(packed, gold, inner_scheme(scheme), corpora.config.encoder.max_tokens))
    own = Choices.of(options)
    numbers = np.concatenate((np.asarray(gold.numbers), np.asarray(own.numbers) + len(gold.sets)))
    choices = Choices([*gold.sets, *own.sets], numbers.astype(np.int32))
    words = None
    if corpora.config.embedding.word_mark_dim:
        words = chain((count_folded_words(each, scheme) for each in pieces), (Counter[str]() for _ in others))
    return encode(pack(chain(pieces, others)), lexicon, choices, words)


def find_choices(packed: PackedSentences, scheme: Scheme, room: Path | None = None) -> Choices:
    """Return the inner tags that each token may have.

    They follow from its tag and the two beside it, so that what `schemes.candidates` says of three tokens holds
    wherever these three tags stand. Any corpus has few such triples.
    """
    inner, edge = inner_scheme(scheme), len(packed.labels)
    names: tuple[tuple[str, ...], ...] = (*((label,) for label in packed.labels), ())
    numbers: dict[int, int] = {}  # of a triple's set of tags
    sets: dict[tuple[str, ...], int] = {}
    column = Spool(room).column("choices", np.int32)
    for part in stretches(packed.starts):
        starts = packed.starts[part.start : part.stop + 1] - packed.starts[part.start]
        tags = packed.tags_within(part).astype(np.int64)
        before, behind = np.append(edge, tags[:-1]), np.append(tags[1:], edge)
        before[starts[:-1]] = behind[starts[1:] - 1] = edge
        triples, places = np.unique((before * (edge + 1) + tags) * (edge + 1) + behind, return_inverse=True)
        for triple in triples.tolist():
            if triple not in numbers:
                left, middle = names[triple // (edge + 1) ** 2], names[triple // (edge + 1) % (edge + 1)]
                tokens = (*left, *middle, *names[triple % (edge + 1)])
                found = schemes.candidates(tokens, scheme, inner)[len(left)]
                numbers[triple] = sets.setdefault(found, len(sets))
        column.append(np.array([numbers[triple] for triple in triples.tolist()], np.int32)[places])
    return Choices(list(sets), column.done())


def _find_cuts(packed: PackedSentences, choices: Choices, scheme: Scheme, limit: int) -> NDArray[np.int64]:
    """Return where sentences of more tokens than the limit are cut: offsets among the tokens of all."""
    cuts: list[int] = []
    for part in stretches(packed.starts):
        starts = packed.starts[part.start : part.stop + 1]
        for number in np.flatnonzero(np.diff(starts) > limit).tolist():
            begin, end = starts[number : number + 2].tolist()
            options = [choices.sets[each] for each in choices.numbers[begin:end].tolist()]
            cuts += [begin + place for place in _cut(options, scheme, limit)]
    return np.array(cuts, np.int64)


_Options = Sequence[Sequence[str]]  # for each token the tags that it may have


def _cut(options: _Options, scheme: Scheme, limit: int) -> Iterator[int]:
    """Yield where a sentence is cut so that its parts are within a limit, as far as its spans let it."""
    start = 0
    while len(options) - start > limit:
        stop = start + limit
        near = chain(range(stop, start + limit // 2, -1), range(stop + 1, len(options)))
        place = next((each for each in near if _is_between_spans(options, each, scheme)), None)
        if place is None:
            break
        yield place
        start = place


def _is_between_spans(options: _Options, place: int, scheme: Scheme) -> bool:
    """Tell whether surely no span reaches from the token before a place to the one after it."""
    sides = ((options[place - 1], "OES"), (options[place], "OBS"))
    return all(
        tags and all(schemes.split_tag(tag, scheme)[0] in roles for tag in tags) for tags, roles in sides
    )
