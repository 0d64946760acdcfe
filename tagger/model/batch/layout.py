"""Groups of sentences as the tensors of one batch.

Two layouts meet here: the *encoder* reads windows, the *decoder* reads sentences. `Batch.places` says where in the
windows each token of each sentence was encoded. Nothing here has parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tagger.model.batch.corpus import EncodedCorpus, Example, Ints
from tagger.model.batch.grouping import Group, Window, cut_windows
from tagger.model.contextual import LanguageView, lay_out
from tagger.text.lexicon import Forms


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
