"""What there is to learn from: raw text that teachers label."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tagger.errors import DataError
from tagger.runtime.softlabels import SoftLabels
from tagger.runtime.tagger import Tagger
from tagger.text.files import FilePath, is_stdin
from tagger.text.passages import Event, read_passages
from tagger.text.raw import InputSettings, Note, Pause, Words, find_files
from tagger.training.distillation.shards import SHARD_TOKENS
from tagger.training.distillation.teaching import Cut, Teachers

_PIECE = 1 << 20


@dataclass(frozen=True)
class RawLesson:
    """Text files that teachers label, read as `tagger predict` reads them; see `teaching.Lesson`.

    Args:
        paths: files, and folders, which stand for all files inside.
        settings: how they are read.
        teachers: who labels them; the first cuts them.
        longest: tokens of a sentence; a longer one is cut.
        note: called with what the user should know of how a file is read.
    """

    paths: Sequence[FilePath]
    settings: InputSettings
    teachers: Teachers
    longest: int
    note: Note | None = None

    @property
    def identity(self) -> str:
        digest = hashlib.sha256(self.teachers.fingerprint())
        reading = {
            name: sorted(value) if isinstance(value, frozenset) else value
            for name, value in asdict(self.settings).items()
        }
        digest.update(repr((reading, self.longest, SHARD_TOKENS)).encode())
        for path in find_texts(self.paths):
            digest.update(digest_file(path))
        return digest.hexdigest()

    def parts(self) -> Iterator[Cut]:
        tagger = self.teachers.taggers[0]
        events = read_passages(find_texts(self.paths), self.settings, tagger.scope, note=self.note)
        return gather(tagger, events, self.longest)

    def label(self, sentences: Sequence[Words], documents: Sequence[int]) -> SoftLabels:
        return self.teachers.soften(sentences, documents)

    def agree(self) -> None:
        return None


def find_texts(paths: Sequence[FilePath]) -> list[FilePath]:
    """Return the files that paths stand for, for a reader who reads them again.

    Raises:
        DataError: there is no such file, or it is the standard input.
    """
    for path in paths:
        if is_stdin(path):
            raise DataError(
                "can be read only once, and a run that goes on reads the text again; give a file", "<stdin>"
            )
    return find_files(paths)


def digest_file(path: FilePath) -> bytes:
    """Return what differs where the bytes of a file do.

    Raises:
        DataError: it can't be read.
    """
    digest = hashlib.sha256()
    try:
        with Path(path).open("rb") as stream:
            while piece := stream.read(_PIECE):
                digest.update(piece)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", path) from None
    return digest.digest()


def gather(tagger: Tagger, events: Iterable[Event], longest: int) -> Iterator[Cut]:
    """Yield the sentences of a text as a model cuts it, `SHARD_TOKENS` at a time, and the numbers of their passages.

    A sentence of more than `longest` tokens is cut.
    """
    sentences: list[Words] = []
    documents: list[int] = []
    tokens = passages = 0
    for chunk in tagger.chunks(events):
        if isinstance(chunk, Pause):
            continue
        for number, words, _ in tagger.cut(chunk):
            for start in range(0, len(words), longest):
                sentences.append(tuple(words[start : start + longest]))
                documents.append(passages + number)
            tokens += len(words)
        passages += len(chunk)
        if tokens >= SHARD_TOKENS:
            yield sentences, documents
            sentences, documents, tokens = [], [], 0
    if sentences:
        yield sentences, documents
