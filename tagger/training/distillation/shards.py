"""Text with soft labels in files: written once as it is labelled, and read a stretch at a time, in bounded memory.

A folder holds numbered files of about `SHARD_TOKENS` tokens, and an index that is written when the last one is: how
much each holds, and the words of all. What it takes on disk is about 25 bytes a token.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tagger.errors import ModelError
from tagger.runtime.directory import discard
from tagger.runtime.softlabels import SoftLabels, chain_labels
from tagger.runtime.tensors import read_tensors, write_tensors
from tagger.text.output import write_atomically
from tagger.text.raw import Words

SHARD_TOKENS = 100_000
INDEX = "index.json"
_DIGITS, _SUFFIX = 6, ".safetensors"
_ARRAYS = ("sizes", "tokens", "tags", "shares", "owners", "moves", "counts")


class SoftText(NamedTuple):
    """Sentences, and what is believed of their tags.

    Attributes:
        sentences: their tokens.
        documents: a number for each; neighbours of equal number may be read together.
        labels: of their tags.
    """

    sentences: Sequence[Words]
    documents: Sequence[int]
    labels: SoftLabels


def write_shard(folder: Path, number: int, text: SoftText, identity: str) -> None:
    """Write one file of a text in one step; `identity` says what of."""
    letters = [word.encode("utf-8", "surrogatepass") for words in text.sentences for word in words]
    arrays = {name: getattr(text.labels, name) for name in _ARRAYS} | {
        "letters": np.frombuffer(b"".join(letters), dtype=np.uint8),
        "lengths": np.array([len(each) for each in letters], dtype=np.int32),
        "documents": np.array(text.documents, dtype=np.int64),
    }
    facts = {"identity": identity, "num_tags": str(text.labels.num_tags)}
    write_tensors(_path(folder, number), arrays, {}, facts)


def read_shard(folder: Path, number: int, identity: str) -> SoftText:
    """Read one file of a text.

    Raises:
        ModelError: it is missing or damaged, or of something else.
    """
    path = _path(folder, number)
    facts, arrays = read_tensors(path)
    if facts.get("identity") != identity:
        raise ModelError("holds labels of other texts or teachers; start anew with --overwrite", path)
    try:
        labels = SoftLabels(num_tags=int(facts["num_tags"]), **{name: arrays[name] for name in _ARRAYS})
        ends = np.cumsum(arrays["lengths"]).tolist()
        letters = arrays["letters"].tobytes()
        words = [
            letters[start:end].decode("utf-8", "surrogatepass")
            for start, end in zip([0, *ends[:-1]], ends, strict=True)
        ]
        bounds = np.cumsum(labels.sizes).tolist()
        sentences = [tuple(words[start:end]) for start, end in zip([0, *bounds[:-1]], bounds, strict=True)]
        return SoftText(sentences, arrays["documents"].tolist(), labels)
    except (KeyError, ValueError) as error:
        raise ModelError(f"is not what tagger writes ({error}); start anew with --overwrite", path) from None


def has_shard(folder: Path, number: int) -> bool:
    """Tell whether that file is there."""
    return _path(folder, number).is_file()


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:0{_DIGITS}d}{_SUFFIX}"


@dataclass(frozen=True)
class SoftCorpus:
    """All files of a text.

    Attributes:
        folder: where they are.
        identity: of what.
        sizes: tokens of each file.
        words: how often the text holds each word, the commonest alone.
        pairs: the same of bigrams, where anybody asked.
        facts: what else was counted when it was labelled.
    """

    folder: Path
    identity: str
    sizes: Sequence[int]
    words: Mapping[str, int]
    pairs: Mapping[str, int]
    facts: Mapping[str, Any]

    @cached_property
    def tokens(self) -> int:
        """Of all files."""
        return sum(self.sizes)

    @property
    def is_there(self) -> bool:
        """Whether the files are; they go when a student has learnt from them."""
        return all(has_shard(self.folder, number) for number in range(len(self.sizes)))

    def stretch(self, start: int, tokens: int) -> SoftText:
        """Return about so many tokens of whole sentences from token `start` on, going round at the end."""
        if tokens >= self.tokens:
            return _join(list(self.shards()))
        parts: list[SoftText] = []
        place, left = start % self.tokens, tokens
        bounds = np.cumsum(self.sizes).tolist()
        number = int(np.searchsorted(bounds, place, side="right"))
        place -= bounds[number] - self.sizes[number]
        while left > 0:
            shard = read_shard(self.folder, number, self.identity)
            ends = np.cumsum(shard.labels.sizes)
            first = int(np.searchsorted(ends, place, side="right"))
            last = int(np.searchsorted(ends, min(place + left, self.sizes[number]), side="left")) + 1
            chosen = range(first, min(last, len(ends)))
            parts.append(
                SoftText(
                    shard.sentences[chosen.start : chosen.stop],
                    shard.documents[chosen.start : chosen.stop],
                    shard.labels.take(chosen),
                )
            )
            left -= self.sizes[number] - place
            number, place = (number + 1) % len(self.sizes), 0
        return _join(parts)

    def shards(self) -> Iterator[SoftText]:
        """Yield what each file holds."""
        return (read_shard(self.folder, number, self.identity) for number in range(len(self.sizes)))


def write_index(corpus: SoftCorpus) -> None:
    """Write down that all files are there, and what they hold."""
    content = {
        "identity": corpus.identity,
        "sizes": list(corpus.sizes),
        "words": dict(corpus.words),
        "pairs": dict(corpus.pairs),
        "facts": dict(corpus.facts),
    }
    text = json.dumps(content, ensure_ascii=True)
    write_atomically(corpus.folder / INDEX, text.encode())


def read_index(folder: Path) -> SoftCorpus | None:
    """Return the text that a folder holds; None where it isn't complete.

    Raises:
        ModelError: the index is damaged.
    """
    path = folder / INDEX
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_bytes())
        sizes = [int(each) for each in found["sizes"]]
        return SoftCorpus(
            folder,
            str(found["identity"]),
            sizes,
            dict(found["words"]),
            dict(found["pairs"]),
            dict(found["facts"]),
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ModelError(f"is not what tagger writes ({error}); start anew with --overwrite", path) from None


def clear_shards(folder: Path, *, keeps_index: bool = False) -> None:
    """Remove the files of a text, and the folder where nothing else is in it.

    The index may stay: it says what a student learnt from.
    """
    if not keeps_index:
        discard(folder / INDEX)  # first: what has an index is complete
    for path in folder.glob("[0-9]" * _DIGITS + _SUFFIX):
        discard(path)
    with suppress(OSError):
        folder.rmdir()


def _join(parts: Sequence[SoftText]) -> SoftText:
    if len(parts) == 1:
        return parts[0]
    return SoftText(
        [words for part in parts for words in part.sentences],
        [number for part in parts for number in part.documents],
        chain_labels([part.labels for part in parts]),
    )
