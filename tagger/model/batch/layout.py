"""Groups of sentences as the tensors of one batch.

Two layouts meet here: the *encoder* reads windows, the *decoder* reads sentences. `Batch.places` says where in the
windows each token of each sentence was encoded. Nothing here has parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from tagger.model.batch.corpus import EncodedCorpus, Ints
from tagger.model.batch.language import LanguageView, lay_out
from tagger.model.batch.taught import SoftPart
from tagger.model.device import move
from tagger.runtime.lexicon import number_distinct
from tagger.runtime.windows import Group, Window, cut_windows
from tagger.text.spool import Array


@dataclass(frozen=True, slots=True)
class Batch:
    """B sentences in R encoder windows, time first; every index tensor is int64.

    Attributes:
        forms: (U, ...) rows of the batch's distinct words for each feature of a word's spelling, by its name; row 0
            is padding.
        tokens: (T, R) rows of `forms`; 0 pads.
        window_lengths: (R,) tokens of each window.
        local: (T, R, F) rows of each feature of a place, by its name; 0 beyond a window's length.
        followed: (P,) positions `t * R + r` of the tokens that are not a window's last.
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
    followed: Tensor
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
        return move(self, device)

    def with_each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """Return the batch with each of its tensors changed, always in the same order."""
        return Batch(
            forms={name: change(rows) for name, rows in self.forms.items()},
            tokens=change(self.tokens),
            window_lengths=change(self.window_lengths),
            local={name: change(rows) for name, rows in self.local.items()},
            followed=change(self.followed),
            places=change(self.places),
            lengths=change(self.lengths),
            tags=None if self.tags is None else change(self.tags),
            allowed=None if self.allowed is None else change(self.allowed),
            sentences=self.sentences,
            language=None if self.language is None else self.language.with_each(change),
            soft=None if self.soft is None else self.soft.with_each(change),
        )


def collate(corpus: EncodedCorpus, groups: Sequence[Group], max_tokens: int) -> Batch:
    """Lay groups of sentences out as one batch."""
    stretches = [corpus.starts[item.start : item.stop + 1].tolist() for item in groups]
    numbers = [number for item in groups for number in range(item.start, item.stop)]
    lengths = np.array([end - start for each in stretches for start, end in pairwise(each)], dtype=np.int64)
    windows: list[Window] = []
    begins: list[int] = []  # where the group of each window begins among the corpus's tokens
    for item, stretch in zip(groups, stretches, strict=True):
        found = cut_windows(item, max_tokens)
        windows += found
        begins += [stretch[0]] * len(found)
    width = max(window.stop - window.start for window in windows)
    tokens = np.zeros((len(windows), width), dtype=np.int64)
    places: list[Ints] = []
    for row, (window, begin) in enumerate(zip(windows, begins, strict=True)):
        tokens[row, : window.stop - window.start] = corpus.tokens[begin + window.start : begin + window.stop]
        places.append(np.arange(window.first - window.start, window.last - window.start) * len(windows) + row)

    window_lengths = np.array([window.stop - window.start for window in windows], dtype=np.int64)
    followed = np.flatnonzero(np.arange(1, width)[:, None] < window_lengths)
    used, tokens = number_distinct(tokens.T)
    tags, allowed = _tag_tensors(corpus, [slice(each[0], each[-1]) for each in stretches], lengths)
    return Batch(
        forms={name: torch.from_numpy(rows) for name, rows in corpus.forms.select(used).items()},
        tokens=torch.from_numpy(tokens),
        window_lengths=torch.from_numpy(window_lengths),
        local=_local_rows(corpus.local, windows, begins, width),
        followed=torch.from_numpy(followed),
        places=torch.from_numpy(_by_time(np.concatenate(places), lengths)),
        lengths=torch.from_numpy(lengths),
        tags=tags,
        allowed=allowed,
        sentences=numbers,
        language=_language_view(corpus, windows, numbers, width),
        soft=None if corpus.taught is None else corpus.taught.lay_out(numbers),
    )


def _local_rows(
    local: Mapping[str, Array], windows: Sequence[Window], begins: Sequence[int], width: int
) -> dict[str, Tensor]:
    """Lay the rows of features of a place out by windows, (T, R, F) each."""
    laid_out: dict[str, Tensor] = {}
    for name, found in local.items():
        rows = np.zeros((width, len(windows), found.shape[1]), dtype=np.int64)
        for place, (window, begin) in enumerate(zip(windows, begins, strict=True)):
            rows[: window.stop - window.start, place] = found[begin + window.start : begin + window.stop]
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
    rows = [np.asarray(corpus[number].forms, dtype=np.int64) for number in numbers]
    return lay_out(numbers, rows, corpus.forms.spelling, np.ascontiguousarray(origins.T), corpus.kept)


def _by_time(flat: Ints, lengths: Ints) -> Ints:
    """Spread concatenated sentences over a (S, B) array, padded with 0."""
    spread = np.zeros((len(lengths), int(lengths.max())), dtype=np.int64)
    spread[np.arange(spread.shape[1]) < lengths[:, None]] = flat
    return np.ascontiguousarray(spread.T)


def _tag_tensors(
    corpus: EncodedCorpus, stretches: Sequence[slice], lengths: Ints
) -> tuple[Tensor | None, Tensor | None]:
    if corpus.tags is None:
        return None, None
    tags = torch.from_numpy(_by_time(np.concatenate([corpus.tags[each] for each in stretches]), lengths))
    if corpus.choices is None:
        return tags, None
    allowed = corpus.allowed[np.concatenate([corpus.choices[each] for each in stretches])]
    if (allowed.sum(1) == 1).all():
        return tags, None
    spread = torch.nn.functional.one_hot(tags, corpus.num_tags).bool()
    inside = torch.arange(len(tags)).unsqueeze(1) < torch.from_numpy(lengths)
    by_time = _by_time(np.arange(len(allowed)), lengths)
    spread[inside] = torch.from_numpy(allowed)[torch.from_numpy(by_time)[inside]]
    return tags, spread
