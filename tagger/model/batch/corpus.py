"""Sentences as rows of a lexicon's tables: the last place that sees strings. Nothing here knows what a batch is.

A corpus is a handful of arrays, in memory or in files: what it takes depends on its tokens alone, and a batch reads
the stretches that it needs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tagger.model.batch.language import KeptLayers
from tagger.model.batch.taught import Taught
from tagger.runtime.kinds import PlaceFeature
from tagger.runtime.lexicon import Forms, Lexicon
from tagger.text.conll import Sentence
from tagger.text.conll.packed import PackedSentences, pack
from tagger.text.spool import Array, Spool, parts, stretches

Ints = NDArray[np.int64]

_FORMS_AT_ONCE = 50_000  # distinct words that are looked up at once: their rows take more while they are made


class Choices(NamedTuple):
    """Which tags the tokens may have.

    Attributes:
        sets: distinct sets of tags: one tag as a rule, none where any will do (see `schemes.candidates`).
        numbers: (N,) which of them each token has.
    """

    sets: Sequence[Sequence[str]]
    numbers: Array

    @classmethod
    def of(cls, options: Iterable[Sequence[Sequence[str]]]) -> Choices:
        """Number the sets of tags of each token of each sentence."""
        known: dict[tuple[str, ...], int] = {}
        numbers = [known.setdefault(tuple(tags), len(known)) for each in options for tags in each]
        return cls(list(known), np.array(numbers, np.int32))


class Example(NamedTuple):
    """One encoded sentence.

    Attributes:
        forms: (T,) rows of the corpus's `Forms`.
        local: (T, F) rows of each feature of a place, by its name.
        tags: (T,) rows of the lexicon's tags, or None; a token whose tag is open holds any of those it may have.
        allowed: (T, K) which tags each token may have, where some of the corpus are open, else None.
        document: number of its document.
    """

    forms: NDArray[np.integer]
    local: Mapping[str, NDArray[np.integer]]
    tags: NDArray[np.integer] | None
    allowed: NDArray[np.bool_] | None
    document: int


@dataclass(frozen=True, slots=True)
class EncodedCorpus:
    """S sentences of N tokens as rows of a lexicon's tables; `corpus[number]` is one of them.

    Attributes:
        forms: the distinct words.
        tokens: (N,) rows of `forms`.
        starts: (S + 1,) where each sentence begins among the tokens, and the end.
        documents: (S,) a number for each sentence.
        local: (N, F) rows of each feature of a place, by its name.
        tags: (N,) rows of the lexicon's tags, or None; a token whose tag is open holds any of those it may have.
        choices: (N,) rows of `allowed`, or None where no tag is open.
        allowed: (C, K) distinct sets of tags that a token may have.
        num_tags: K.
        kept: what is kept of a language model's layers, if anything.
        taught: what teachers believe of the tags of the last sentences, where there are such.
    """

    forms: Forms
    tokens: Array
    starts: Array
    documents: Array
    local: Mapping[str, Array]
    tags: Array | None
    choices: Array | None
    allowed: NDArray[np.bool_]
    num_tags: int
    kept: KeptLayers | None = None
    taught: Taught | None = None

    def __len__(self) -> int:
        return len(self.documents)

    def __getitem__(self, number: int) -> Example:
        if not 0 <= number < len(self):
            raise IndexError(f"there are {len(self)} sentences, so none has the number {number}")
        start, stop = self.starts[number : number + 2].tolist()
        inside = slice(start, stop)
        return Example(
            self.tokens[inside],
            {name: rows[inside] for name, rows in self.local.items()},
            None if self.tags is None else self.tags[inside],
            None if self.choices is None else self.allowed[self.choices[inside]],
            int(self.documents[number]),
        )


def encode(
    sentences: Iterable[Sentence],
    lexicon: Lexicon,
    tags: Choices | None,
    words: Iterable[Mapping[str, int]] | None = None,
    spool: Spool | None = None,
) -> EncodedCorpus:
    """Look up the words, marks and tags of sentences.

    Args:
        sentences: what to encode; they are packed if they aren't.
        lexicon: the tables; it is not changed.
        tags: which inner tags each token may have, or None for text without tags.
        words: of training sentences, how often each holds each word that its tags make, for a lexicon of such words.
        spool: where the arrays lie; None: in memory.

    Raises:
        KeyError: a tag that the lexicon lacks; callers report such tags before.
        ModelError: the lexicon reads columns that the sentences lack.
        DataError: there is too little room.
    """
    packed = pack(sentences)
    spool = Spool(most=math.inf) if spool is None else spool
    used, tokens = _number_words(packed, spool)
    labels, choices, allowed = _look_up_tags(tags, lexicon, spool)
    return EncodedCorpus(
        forms=_look_up_forms([packed.words[number] for number in used], lexicon, spool),
        tokens=tokens,
        starts=_keep(spool, "starts", packed.starts, np.int64),
        documents=_keep(spool, "documents", packed.documents, np.int32),
        local=_look_up_places(packed, lexicon, words, spool),
        tags=labels,
        choices=choices,
        allowed=allowed,
        num_tags=len(lexicon.tags),
    )


def _number_words(packed: PackedSentences, spool: Spool) -> tuple[list[int], Array]:
    """Number the words that there are from 1, in the order in which they first come, and the tokens by them."""
    rows = np.zeros(len(packed.words), np.int64)
    used: list[int] = []
    column = spool.column("tokens", np.min_scalar_type(len(packed.words)))
    for part in parts(packed.num_tokens):
        words = packed.tokens[part]
        fresh, first = np.unique(words[rows[words] == 0], return_index=True)
        fresh = fresh[np.argsort(first)]
        rows[fresh] = np.arange(len(used) + 1, len(used) + 1 + len(fresh))
        used += fresh.tolist()
        column.append(rows[words])
    return used, column.done()


def _look_up_tags(
    tags: Choices | None, lexicon: Lexicon, spool: Spool
) -> tuple[Array | None, Array | None, NDArray[np.bool_]]:
    """Return the tags of all tokens; where some are open also which ones each may have."""
    if tags is None:
        return None, None, np.empty((0, len(lexicon.tags)), np.bool_)
    row_of = {tag: row for row, tag in enumerate(lexicon.tags)}
    first = np.array([row_of[each[0]] if each else 0 for each in tags.sets], np.int64)
    allowed = np.zeros((len(tags.sets), len(row_of)), np.bool_)
    for number, each in enumerate(tags.sets):
        allowed[number, [row_of[tag] for tag in each] if each else slice(None)] = True
    labels = spool.column("tags", np.min_scalar_type(len(row_of)))
    for part in parts(len(tags.numbers)):
        labels.append(first[tags.numbers[part]])
    is_open = any(len(each) != 1 for each in tags.sets)
    kind = np.min_scalar_type(len(tags.sets))
    return labels.done(), _keep(spool, "choices", tags.numbers, kind) if is_open else None, allowed


def _look_up_forms(words: Sequence[str], lexicon: Lexicon, spool: Spool) -> Forms:
    """Return the rows of distinct words, in the fewest bytes that hold them."""
    found = [
        _narrow(lexicon.forms(words[part])) for part in parts(max(1, len(words)), _FORMS_AT_ONCE)
    ]  # without words there is the padding
    spelling = [each.spelling for each in found if each.spelling is not None]
    return Forms(
        {name: _stack([each.rows[name] for each in found], spool, name) for name in found[0].rows},
        found[0].ragged,
        _stack(spelling, spool, "spelling") if spelling else None,
    )


def _narrow(forms: Forms) -> Forms:
    rows = {name: _fewest_bytes(np.asarray(each)) for name, each in forms.rows.items()}
    return Forms(
        rows, forms.ragged, None if forms.spelling is None else _fewest_bytes(np.asarray(forms.spelling))
    )


def _fewest_bytes(rows: NDArray[np.integer]) -> NDArray[np.integer]:
    return rows.astype(np.min_scalar_type(rows.max(initial=0)))


def _stack(tables: Sequence[Array], spool: Spool, name: str) -> Array:
    """Join tables (V + 1, ...), whose first row is padding, into one, which is as wide as the widest."""
    kind = np.result_type(*(each.dtype for each in tables))
    tail = tables[0].shape[1:]
    width = max(each.shape[1] for each in tables) if tail else None
    column = spool.column(f"form-{name}", kind, width)
    for number, table in enumerate(tables):
        rows = table[min(1, number) :]
        if width is not None:
            rows = np.pad(rows, ((0, 0), (0, width - rows.shape[1])))
        column.append(rows)
    return column.done()


def _look_up_places(
    packed: PackedSentences, lexicon: Lexicon, words: Iterable[Mapping[str, int]] | None, spool: Spool
) -> dict[str, Array]:
    """Return the rows of features of a place, sentence after sentence."""
    features = [feature for feature in lexicon.active if isinstance(feature, PlaceFeature)]
    if not features:
        return {}
    columns = [spool.column(f"place-{each.name}", np.int32, each.rows_per_token) for each in features]
    counts = None if words is None else iter(words)
    for part in stretches(packed.starts):
        found: list[Mapping[str, Ints]] = [
            lexicon.place_rows(each.tokens, each.features)
            if counts is None
            else lexicon.place_rows_of_training(each.tokens, each.features, next(counts))
            for each in packed.within(part)
        ]
        for feature, column in zip(features, columns, strict=True):
            column.append(np.concatenate([each[feature.name] for each in found]))
    return {feature.name: column.done() for feature, column in zip(features, columns, strict=True)}


def _keep(spool: Spool, name: str, source: Array, kind: DTypeLike) -> Array:
    column = spool.column(name, kind)
    for part in parts(len(source)):
        column.append(source[part])
    return column.done()
