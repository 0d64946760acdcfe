"""A corpus -> what of it is probably labelled wrong, and the corpus mended. PyTorch is needed for the first alone."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagger.api.sources import (
    CorpusSource,
    FilePath,
    check_path,
    choose_settings,
    describe_value,
    make_corpus,
    require_torch,
)
from tagger.config import Config
from tagger.errors import ConfigError, DataError
from tagger.runtime.evaluation import find_columns
from tagger.text import conll
from tagger.text.conll import Corpus, Sentence
from tagger.text.conll.retagging import retag
from tagger.text.decisions import carry_out, decide
from tagger.text.output import check_output, write_atomically
from tagger.text.schemes import parse_scheme

if TYPE_CHECKING:
    from tagger.scoring.review import Review

FOLDS = 5


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of decisions.

    Attributes:
        path: of the file that was written.
        decisions: that were carried out.
        sentences: with another label than before.
    """

    path: Path
    decisions: int
    sentences: int


def review(
    source: CorpusSource,
    *,
    folds: int = FOLDS,
    workers: int = 0,
    config: Config | FilePath | None = None,
    on_progress: Callable[[float], None] = lambda share: None,
    **changes: Any,
) -> Review:
    """Find labels of a corpus that are probably wrong.

    It is dealt into folds, and a small model of all other folds judges each. Equal sentences are in one fold, and
    where there are many documents each is in one.

    Args:
        source: a labelled file, a corpus, or sentences, each its tokens and its tags.
        folds: how many models are trained, each on all but one part of as many.
        workers: how many at once; 0: one per core. The result doesn't depend on it.
        config: settings, or a TOML file of them, as of `train`. Some are chosen for this: `training.folds.settle`.
        on_progress: called with the share of the work that is done.
        **changes: settings by name, as `seed=2`, `corpus__scheme="IOB2"`.

    Raises:
        DataError: the corpus is at fault, or has too little to learn from.
        ConfigError: an argument or a setting is not what it should be, or PyTorch is missing.
    """
    if isinstance(folds, bool) or not isinstance(folds, int) or folds < 2:
        raise ConfigError(f"found {describe_value(folds)}, expected a number of folds, 2 or more", "folds")
    require_torch("reviewing")
    from tagger.scoring.review import rank_suspects
    from tagger.training.folds import judge_folds

    chosen = choose_settings(config, changes)
    corpus = find_corpus(source, chosen)
    doubts = judge_folds(corpus, chosen, folds, workers=workers, on_progress=on_progress)
    return rank_suspects(corpus, doubts, folds)


def accept(
    path: FilePath,
    ids: Iterable[str],
    output: FilePath,
    *,
    config: Config | FilePath | None = None,
    **changes: Any,
) -> Accepted:
    """Write a corpus with the proposals that were accepted; all else in it stays byte for byte.

    Args:
        path: the corpus as it was when it was reviewed; gzip is unpacked.
        ids: of the suspects (`Suspect.id`); each says all that is to be done.
        output: the file to write; one that is called .gz is packed.
        config, **changes: with which it was reviewed, as far as they say how it is read.

    Raises:
        DataError: the corpus is at fault; an id is none, or of another corpus or state of it; the file holds its
            labels in a form in which they can't be replaced, or can't be written.
        ConfigError: an argument or a setting is not what it should be.
    """
    place = check_path(path, "path")
    target = Path(check_path(output, "output"))
    check_output(target, [place])
    chosen = choose_settings(config, changes)
    corpus = find_corpus(place, chosen)
    decisions = decide(corpus, ids)
    changed = carry_out(corpus, decisions)
    columns, encoding = find_columns(chosen), chosen.corpus.encoding
    try:
        content = retag(place, corpus, changed, columns, encoding)
    except UnicodeEncodeError as error:
        raise DataError(
            f"{encoding} can't write {error.object[error.start : error.end]!r}; save the corpus as UTF-8 and "
            "review it again",
            place,
        ) from None
    _check_mended(content, corpus, changed, chosen)
    packed = gzip.compress(content, mtime=0) if target.suffix == ".gz" else content
    write_atomically(target, packed)
    return Accepted(target, len(decisions), len(changed))


def find_corpus(source: CorpusSource, chosen: Config) -> Corpus:
    """Return a corpus as training reads it; see `review`."""
    if isinstance(source, Corpus):
        return source
    wanted = None if chosen.corpus.scheme == "auto" else parse_scheme(chosen.corpus.scheme)
    if not isinstance(source, str | PathLike):
        return make_corpus(source, wanted)
    columns = find_columns(chosen)
    return conll.pack_corpus(source, columns=columns, scheme=wanted, encoding=chosen.corpus.encoding)


def _check_mended(content: bytes, corpus: Corpus, changed: Mapping[int, Sentence], chosen: Config) -> None:
    """See that what will be written says what was decided and nothing else: read, as anybody will read it.

    Raises:
        DataError: it doesn't, so that it had better not be written.
    """
    with tempfile.TemporaryDirectory(prefix="tagger-") as folder:
        place = Path(folder) / Path(corpus.path).name
        place.write_bytes(content)
        try:
            found = find_corpus(place, chosen)
            is_same = (found.scheme, found.task) == (corpus.scheme, corpus.task) and all(
                (each.tokens, each.tags) == (changed.get(number, old).tokens, changed.get(number, old).tags)
                for number, (old, each) in enumerate(zip(corpus.sentences, found.sentences, strict=True))
            )
        except (DataError, ValueError):
            is_same = False
    if not is_same:
        raise DataError(
            "with these labels the file would be read otherwise than was decided, perhaps since it has tags of "
            "several notations; convert it first (`tagger convert`), and review what that wrote",
            corpus.path,
        )
