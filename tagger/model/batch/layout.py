"""Groups of sentences as the tensors of one batch.

Two layouts meet here: the *encoder* reads windows, the *decoder* reads sentences. `Batch.places` says where in the
windows each token of each sentence was encoded. Nothing here has parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tagger.model.batch.corpus import EncodedCorpus, Example, Ints
from tagger.model.batch.language import LanguageView, lay_out
from tagger.model.batch.taught import SoftPart
from tagger.runtime.lexicon import number_distinct
from tagger.runtime.windows import Group, Window, cut_windows


@dataclass(frozen=True, slots=True)
class Batch:
    """B sentences in R encoder windows, time first; every index tensor is int64.

    Attributes:
        forms: (U, ...) rows of the batch's distinct words for each feature of a word's spelling, by its name; row 0
            is padding.
        tokens: (T, R) rows of `forms`; 0 pads.
        window_lengths: (R,) tokens of each window.
        local: (T, R, F) rows of each feature of a place, by its name; 0 beyond a window's length.
        places: (S, B) positions `t * R + r` of each sentence's tokens in the windows; 0 beyond its length.
        lengths: (B,) tokens of each sentence.
        tags: (S, B) rows of the lexicon's tags, 0 beyond the length, or None where there are no tags.
        allowed: (S, B, K) which tags each token may have, or None where all gold tags are known.
        sentences: which sentences of the encoded corpus these are, in the order of axis B.
        language: the sentences as a language model reads them, where there is one.
        soft: what teachers believe of the tags of some, where they do.
    """

    forms: Mapping[str, Tensor]
    tokens: Tensor
    window_lengths: Tensor
    local: Mapping[str, Tensor]
    places: Tensor
    lengths: Tensor
    tags: Tensor | None
    allowed: Tensor | None
    sentences: Sequence[int]
    language: LanguageView | None = None
    soft: SoftPart | None = None

    @property
    def num_tokens(self) -> int:
        """Tokens of all sentences."""
        return int(self.lengths.sum())

    def to(self, device: torch.device) -> Batch:
        """Return the batch on another device."""

        def move(tensor: Tensor) -> Tensor:
            return tensor.to(device, non_blocking=True)

        return Batch(
            forms={name: move(rows) for name, rows in self.forms.items()},
            tokens=move(self.tokens),
            window_lengths=move(self.window_lengths),
            local={name: move(rows) for name, rows in self.local.items()},
            places=move(self.places),
            lengths=move(self.lengths),
            tags=None if self.tags is None else move(self.tags),
            allowed=None if self.allowed is None else move(self.allowed),
            sentences=self.sentences,
            language=None if self.language is None else self.language.to(device),
            soft=None if self.soft is None else self.soft.to(device),
        )


def collate(corpus: EncodedCorpus, groups: Sequence[Group], max_tokens: int) -> Batch:
    """Lay groups of sentences out as one batch."""
    windows = [window for item in groups for window in cut_windows(item, max_tokens)]
    examples = corpus.examples
    numbers = [number for item in groups for number in range(item.start, item.stop)]
    width = max(window.stop - window.start for window in windows)
    rows = len(windows)

    tokens = np.zeros((rows, width), dtype=np.int64)
    places: list[Ints] = []
    for row, window in enumerate(windows):
        held = [examples[number] for number in range(window.group.start, window.group.stop)]
        size = window.stop - window.start
        spread = np.concatenate([example.forms for example in held]) if len(held) > 1 else held[0].forms
        tokens[row, :size] = spread[window.start : window.stop]
        places.append(np.arange(window.first - window.start, window.last - window.start) * rows + row)

    lengths = np.array([len(examples[number].forms) for number in numbers], dtype=np.int64)
    used, tokens = number_distinct(tokens.T)
    tags, allowed = _tag_tensors([examples[number] for number in numbers], lengths, corpus.num_tags)
    return Batch(
        forms={name: torch.from_numpy(found) for name, found in corpus.forms.select(used).items()},
        tokens=torch.from_numpy(tokens),
        window_lengths=torch.tensor([window.stop - window.start for window in windows]),
        local=_local_rows(examples, windows, width),
        places=torch.from_numpy(_by_time(np.concatenate(places), lengths)),
        lengths=torch.from_numpy(lengths),
        tags=tags,
        allowed=allowed,
        sentences=numbers,
        language=_language_view(corpus, windows, numbers, width),
        soft=None if corpus.taught is None else corpus.taught.lay_out(numbers),
    )


def _local_rows(examples: Sequence[Example], windows: Sequence[Window], width: int) -> dict[str, Tensor]:
    """Lay the rows of features of a place out by windows, (T, R, F) each."""
    laid_out: dict[str, Tensor] = {}
    for name, first in examples[windows[0].group.start].local.items():
        rows = np.zeros((width, len(windows), first.shape[1]), dtype=np.int64)
        for place, (item, start, stop, *_) in enumerate(windows):
            held = [example.local[name] for example in examples[item.start : item.stop]]
            rows[: stop - start, place] = np.concatenate(held)[start:stop]
        laid_out[name] = torch.from_numpy(rows)
    return laid_out


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
