"""Sentences as tensors: encoding, windows of neighbouring sentences, batches of near-equal length.

Two layouts meet here. The *encoder* reads windows: some neighbouring sentences of one document in a row, or a
part of a sentence too long to be read at once. The *decoder* reads sentences. `Batch.places` says where in the
windows each token of each sentence was encoded. Nothing here has parameters, and the order of batches depends
on (seed, epoch) alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tagger.model.contextual import KeptLayers, LanguageView, lay_out
from tagger.text import features
from tagger.text.conll import Sentence
from tagger.text.lexicon import Forms, Lexicon

Ints = NDArray[np.int64]
OVERLAP = 32  # tokens that neighbouring windows of one long sentence share on each side of a cut


class FormRows(NamedTuple):
    """The U distinct words of a batch as rows of the lexicon's tables (see `text.lexicon.Forms`)."""

    words: Tensor  # (U,)
    counts: Tensor  # (U,)
    characters: Tensor  # (U, C)
    shapes: Tensor  # (U,)
    affixes: Tensor  # (U, A)


@dataclass(frozen=True, slots=True)
class Batch:
    """B sentences in R encoder windows, time first; every index tensor is int64.

    Attributes:
        forms: the batch's distinct words; row 0 is padding.
        tokens: (T, R) rows of `forms`; 0 pads.
        window_lengths: (R,) tokens of each window.
        bigrams: (T, R, 2) rows of the bigram table for the pair before and after each token, or None.
        marks: (T, R, F) rows of the marks' tables, 0 beyond a window's length, or None.
        places: (S, B) positions `t * R + r` of each sentence's tokens in the windows; 0 beyond its length.
        lengths: (B,) tokens of each sentence.
        tags: (S, B) rows of the lexicon's tags, 0 beyond the length, or None where there are no tags.
        allowed: (S, B, K) which tags each token may have, or None where all gold tags are known.
        sentences: which sentences of the encoded corpus these are, in the order of axis B.
        language: the sentences as a language model reads them, where there is one.
    """

    forms: FormRows
    tokens: Tensor
    window_lengths: Tensor
    bigrams: Tensor | None
    places: Tensor
    lengths: Tensor
    tags: Tensor | None
    allowed: Tensor | None
    sentences: Sequence[int]
    language: LanguageView | None = None
    marks: Tensor | None = None

    @property
    def num_tokens(self) -> int:
        """Tokens of all sentences."""
        return int(self.lengths.sum())

    def to(self, device: torch.device) -> Batch:
        """Return the batch on another device."""

        def move(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.to(device, non_blocking=True)

        moved = {name: move(getattr(self, name)) for name in _TENSORS}
        forms = FormRows(*map(move, self.forms))  # type: ignore[arg-type]
        language = None if self.language is None else self.language.to(device)
        return Batch(forms=forms, sentences=self.sentences, language=language, **moved)  # type: ignore[arg-type]


_TENSORS = ("tokens", "window_lengths", "bigrams", "marks", "places", "lengths", "tags", "allowed")


class Example(NamedTuple):
    """One encoded sentence.

    Attributes:
        forms: (T,) rows of the corpus's `Forms`.
        bigrams: (T + 1,) rows of the bigram table, or None.
        tags: (T,) rows of the lexicon's tags, or None; a token whose tag is open holds any of those it may have.
        allowed: (T, K) which tags each token may have, where some are open, else None.
        document: number of its document.
        marks: (T, F) rows of the marks' tables, or None.
    """

    forms: Ints
    bigrams: Ints | None
    tags: Ints | None
    allowed: NDArray[np.bool_] | None
    document: int
    marks: Ints | None = None


@dataclass(frozen=True, slots=True)
class EncodedCorpus:
    """Sentences as rows of a lexicon's tables.

    Attributes:
        forms: the distinct words.
        examples: the sentences.
        num_tags: K.
        kept: what is kept of a language model's layers, if anything.
        repeats: (N,) which of all tokens repeat each other, see `text.repetition`; None: nobody asked.
    """

    forms: Forms
    examples: tuple[Example, ...]
    num_tags: int
    kept: KeptLayers | None = None
    repeats: Ints | None = None


def encode(
    sentences: Sequence[Sentence],
    lexicon: Lexicon,
    tags: Sequence[Sequence[Sequence[str]]] | None,
    documents: Sequence[int] | None = None,
) -> EncodedCorpus:
    """Look up the words, marks and tags of sentences.

    Args:
        sentences: what to encode.
        lexicon: the tables; it is not changed.
        tags: for each token of each sentence the inner tags it may have (one as a rule, none for any tag: see
            `schemes.candidates`), or None for text without tags.
        documents: a number for each sentence; neighbours of equal number may be read together. None: those that the
            sentences have.

    Raises:
        KeyError: a tag that the lexicon lacks; callers report such tags before.
        ModelError: the lexicon reads columns that the sentences lack.
    """
    rows: dict[str, int] = {}
    number = rows.setdefault
    encoded = [
        np.fromiter(
            (number(token, len(rows) + 1) for token in sentence.tokens), np.int64, len(sentence.tokens)
        )
        for sentence in sentences
    ]
    pairs = [
        np.array(lexicon.bigrams.rows(features.bigrams(sentence.tokens)), dtype=np.int64)
        if lexicon.embedding.bigram_dim
        else None
        for sentence in sentences
    ]
    tag_rows = {tag: row for row, tag in enumerate(lexicon.tags)}
    gold = [(None, None)] * len(sentences) if tags is None else [_gold(options, tag_rows) for options in tags]
    numbers = [sentence.document for sentence in sentences] if documents is None else documents
    examples = (
        Example(
            forms,
            pair,
            labels,
            allowed,
            document,
            lexicon.marks.rows(sentence.tokens, sentence.features),
        )
        for forms, pair, (labels, allowed), sentence, document in zip(
            encoded, pairs, gold, sentences, numbers, strict=True
        )
    )
    return EncodedCorpus(lexicon.forms(list(rows)), tuple(examples), len(lexicon.tags))


def _gold(
    options: Sequence[Sequence[str]], rows: Mapping[str, int]
) -> tuple[Ints | None, NDArray[np.bool_] | None]:
    """Return the tags of a sentence and, where some are open, which ones each token may have."""
    labels = np.array([rows[tags[0]] if tags else 0 for tags in options], dtype=np.int64)
    if all(len(tags) == 1 for tags in options):
        return labels, None
    allowed = np.zeros((len(options), len(rows)), dtype=np.bool_)
    for token, tags in enumerate(options):
        allowed[token, [rows[tag] for tag in tags] if tags else slice(None)] = True
    return labels, allowed


class Group(NamedTuple):
    """Sentences `start` to `stop` (exclusive) that are encoded together."""

    start: int
    stop: int
    tokens: int


def group(
    examples: Sequence[Example], context: int, max_tokens: int, generator: np.random.Generator | None = None
) -> list[Group]:
    """Cut a corpus into groups of neighbouring sentences of one document.

    Args:
        examples: the sentences, in the order of the corpus.
        context: sentences in a group at most.
        max_tokens: tokens in a group at most; a longer sentence is a group of its own.
        generator: varies where the groups begin, for training; None cuts every document from its first sentence.
    """
    groups: list[Group] = []
    start = tokens = 0
    room = context if generator is None else int(generator.integers(1, context + 1))
    for place, example in enumerate(examples):
        size = len(example.forms)
        new_document = place > start and example.document != examples[start].document
        if place > start and (new_document or place - start >= room or tokens + size > max_tokens):
            groups.append(Group(start, place, tokens))
            start, tokens = place, 0
            room = (
                int(generator.integers(1, context + 1)) if generator is not None and new_document else context
            )
        tokens += size
    if examples:
        groups.append(Group(start, len(examples), tokens))
    return groups


def shuffled_batches(
    groups: Sequence[Group], batch_sentences: int, generator: np.random.Generator
) -> list[list[Group]]:
    """Batch groups of near-equal length, in random order.

    Sorting by length with a little noise wastes little padding and still mixes neighbours differently in every
    epoch.
    """
    noise = generator.uniform(0.9, 1.1, len(groups))
    order = np.argsort([groups[place].tokens * noise[place] for place in range(len(groups))], kind="stable")
    batches = list(_fill([groups[place] for place in order], batch_sentences))
    return [batches[place] for place in generator.permutation(len(batches))]


def sorted_batches(groups: Sequence[Group], batch_tokens: int) -> Iterator[list[Group]]:
    """Batch groups by length, each batch of about `batch_tokens` padded tokens, for evaluation."""
    batch: list[Group] = []
    for item in sorted(groups, key=lambda item: (-item.tokens, item.start)):
        if batch and batch[0].tokens * (len(batch) + 1) > batch_tokens:
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch


def _fill(groups: Sequence[Group], batch_sentences: int) -> Iterator[list[Group]]:
    batch: list[Group] = []
    sentences = 0
    for item in groups:
        size = item.stop - item.start
        if batch and sentences + size > batch_sentences:
            yield batch
            batch, sentences = [], 0
        batch.append(item)
        sentences += size
    if batch:
        yield batch


class Window(NamedTuple):
    """Tokens [start, stop) of a group's concatenated sentences, read by the encoder at once.

    Only the encodings of tokens [first, last) are used; the others give context to them.
    """

    group: Group
    start: int
    stop: int
    first: int
    last: int


def collate(corpus: EncodedCorpus, groups: Sequence[Group], max_tokens: int) -> Batch:
    """Lay groups of sentences out as one batch."""
    windows = [window for item in groups for window in cut_windows(item, max_tokens)]
    examples = corpus.examples
    numbers = [number for item in groups for number in range(item.start, item.stop)]
    width = max(window.stop - window.start for window in windows)
    rows = len(windows)

    tokens = np.zeros((rows, width), dtype=np.int64)
    pairs = np.zeros((rows, width, 2), dtype=np.int64) if examples[numbers[0]].bigrams is not None else None
    places: list[Ints] = []
    for row, window in enumerate(windows):
        held = [examples[number] for number in range(window.group.start, window.group.stop)]
        size = window.stop - window.start
        spread = np.concatenate([example.forms for example in held]) if len(held) > 1 else held[0].forms
        tokens[row, :size] = spread[window.start : window.stop]
        if pairs is not None:
            before = np.concatenate([example.bigrams[:-1] for example in held])  # type: ignore[index]
            after = np.concatenate([example.bigrams[1:] for example in held])  # type: ignore[index]
            pairs[row, :size, 0] = before[window.start : window.stop]
            pairs[row, :size, 1] = after[window.start : window.stop]
        places.append(np.arange(window.first - window.start, window.last - window.start) * rows + row)

    lengths = np.array([len(examples[number].forms) for number in numbers], dtype=np.int64)
    used, inverse = np.unique(tokens.T, return_inverse=True)
    if used[0] != 0:  # padding keeps row 0 also where nothing is padded
        used, inverse = np.concatenate(([0], used)), inverse + 1
    tags, allowed = _tag_tensors([examples[number] for number in numbers], lengths, corpus.num_tags)
    return Batch(
        forms=_select(corpus.forms, used),
        tokens=torch.from_numpy(inverse.reshape(width, rows)),
        window_lengths=torch.tensor([window.stop - window.start for window in windows]),
        bigrams=None if pairs is None else torch.from_numpy(pairs.transpose(1, 0, 2)),
        places=torch.from_numpy(_by_time(np.concatenate(places), lengths)),
        lengths=torch.from_numpy(lengths),
        tags=tags,
        allowed=allowed,
        sentences=numbers,
        language=_language_view(corpus, windows, numbers, width),
        marks=_marks(examples, windows, width),
    )


def _marks(examples: Sequence[Example], windows: Sequence[Window], width: int) -> Tensor | None:
    """Lay the marks of windows out as (T, R, F)."""
    first = examples[windows[0].group.start].marks
    if first is None:
        return None
    marks = np.zeros((width, len(windows), first.shape[1]), dtype=np.int64)
    for row, (item, start, stop, *_) in enumerate(windows):
        held = [example.marks for example in examples[item.start : item.stop] if example.marks is not None]
        marks[: stop - start, row] = np.concatenate(held)[start:stop]
    return torch.from_numpy(marks)


def _language_view(
    corpus: EncodedCorpus, windows: Sequence[Window], numbers: Sequence[int], width: int
) -> LanguageView | None:
    if corpus.forms.spelling is None:
        return None
    origins = np.zeros((len(windows), width), dtype=np.int64)
    offset = 0  # of the window's group among the batch's tokens
    for row, window in enumerate(windows):
        if row and window.group is not windows[row - 1].group:
            offset += windows[row - 1].group.tokens
        origins[row, : window.stop - window.start] = np.arange(offset + window.start, offset + window.stop)
    rows = [corpus.examples[number].forms for number in numbers]
    return lay_out(numbers, rows, corpus.forms.spelling, np.ascontiguousarray(origins.T), corpus.kept)


def cut_windows(item: Group, max_tokens: int) -> list[Window]:
    """Return the windows of a group: one, unless it is a single sentence longer than `max_tokens`."""
    if item.tokens <= max_tokens:
        return [Window(item, 0, item.tokens, 0, item.tokens)]
    margin = min(OVERLAP, max_tokens // 4)
    step = max_tokens - 2 * margin
    return [
        Window(
            item,
            start=max(0, first - margin),
            stop=min(item.tokens, first + step + margin),
            first=first,
            last=min(item.tokens, first + step),
        )
        for first in range(0, item.tokens, step)
    ]


def _select(forms: Forms, used: Ints) -> FormRows:
    characters = forms.characters[used]
    longest = max(1, int((characters != 0).sum(1).max()))
    arrays = (
        forms.words[used],
        forms.counts[used],
        characters[:, :longest],
        forms.shapes[used],
        forms.affixes[used],
    )
    return FormRows(*(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays))


def _by_time(flat: Ints, lengths: Ints) -> Ints:
    """Spread concatenated sentences over a (S, B) array, padded with 0."""
    spread = np.zeros((len(lengths), int(lengths.max())), dtype=np.int64)
    spread[np.arange(spread.shape[1]) < lengths[:, None]] = flat
    return np.ascontiguousarray(spread.T)


def _tag_tensors(
    examples: Sequence[Example], lengths: Ints, num_tags: int
) -> tuple[Tensor | None, Tensor | None]:
    labels = [example.tags for example in examples if example.tags is not None]
    if not labels:
        return None, None
    tags = torch.from_numpy(_by_time(np.concatenate(labels), lengths))
    if all(example.allowed is None for example in examples):
        return tags, None
    allowed = torch.nn.functional.one_hot(tags, num_tags).bool()
    for place, example in enumerate(examples):
        if example.allowed is not None:
            allowed[: len(example.allowed), place] = torch.from_numpy(example.allowed)
    return tags, allowed
