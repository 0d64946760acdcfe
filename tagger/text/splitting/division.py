"""A corpus split: found out what is in it, dealt out, copied, and told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tagger.errors import DataError
from tagger.text.conll import DEFAULT_COLUMNS, Columns, stream_corpus
from tagger.text.counting import count_of
from tagger.text.files import FilePath
from tagger.text.objects import describe
from tagger.text.output import check_output, open_output
from tagger.text.schemes import Scheme, Task
from tagger.text.splitting.copying import copy_rows
from tagger.text.splitting.dealing import deal
from tagger.text.splitting.parts import Part
from tagger.text.splitting.survey import SentenceSurvey
from tagger.text.splitting.together import Ints, Together, find_groups, find_repeats

_PACKED = ".gz"
_LARGEST = 0.5  # of the largest part: a group that repetition makes leaves that much room to balance types


@dataclass(frozen=True, slots=True, kw_only=True)
class DivisionPart:
    """One part, as it became.

    Attributes:
        asked: its share of the tokens, as it was asked for.
        types: spans per type; of bare labels tokens per tag.
        recurring: its sentences that stand in a part before it, too.
    """

    name: str
    path: str
    asked: float
    sentences: int
    tokens: int
    documents: int
    types: dict[str, int]
    recurring: int

    def as_dict(self) -> dict[str, object]:
        """Return the part as JSON holds it."""
        return {
            "name": self.name,
            "path": self.path,
            "asked": self.asked,
            "sentences": self.sentences,
            "tokens": self.tokens,
            "documents": self.documents,
            "types": self.types,
            "recurring": self.recurring,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """A corpus and its parts.

    Attributes:
        groups: how many groups of sentences were dealt out.
        keeps_documents: whether documents were kept whole; not where there are fewer than parts, or but one.
        least: repeated sentences of so many tokens and more are in one part.
        warnings: what was odd about the corpus.
    """

    path: str
    scheme: Scheme
    task: Task
    evidence: str
    seed: int
    groups: int
    keeps_documents: bool
    least: int
    parts: tuple[DivisionPart, ...]
    warnings: tuple[str, ...]

    @property
    def tokens(self) -> int:
        """All tokens of the corpus."""
        return sum(part.tokens for part in self.parts)

    def as_dict(self) -> dict[str, object]:
        """Return what `--json` prints."""
        facts = {
            "path": self.path,
            "scheme": str(self.scheme),
            "task": self.task.value,
            "seed": self.seed,
            "groups": self.groups,
            "keeps_documents": self.keeps_documents,
            "least": self.least,
            "parts": [part.as_dict() for part in self.parts],
        }
        return describe("split", facts)


def divide_corpus(
    path: FilePath,
    folder: FilePath,
    parts: Sequence[Part],
    *,
    seed: int = 1,
    overwrite: bool = False,
    columns: Columns = DEFAULT_COLUMNS,
    scheme: Scheme | None = None,
    encoding: str = "utf-8",
) -> Division:
    """Split a corpus into files of a folder; each row of it goes to one part, as it stands.

    Documents stay whole, and repeated sentences together (see `together`). Every part gets its share of the tokens
    and of each type, as near as that lets it (see `dealing`).

    Args:
        path: a column file, or lines of words; it is read three times, so it can't be a pipe.
        folder: of the parts, made if need be.
        parts: their names, which the files have too, and their shares.
        seed: of what is left to chance.
        overwrite: replace files of these names.
        columns, scheme, encoding: of the corpus, as of `conll.read_corpus`.

    Raises:
        DataError: the corpus is faulty or too small, or a file is there already.
    """
    files = [name_file(path, Path(folder), part) for part in parts]
    if Path(folder).exists() and not Path(folder).is_dir():
        raise DataError("is a file, expected a folder; choose another --output", folder)
    for file in files:
        if file.parent.exists():
            check_output(file, [path])
        if file.exists() and not overwrite:
            raise DataError("is there already; choose another --output, or say --overwrite", file)
    corpus = stream_corpus(path, columns=columns, scheme=scheme, encoding=encoding)
    survey = SentenceSurvey(corpus.sentences, corpus.scheme, corpus.task)
    shares = [part.share for part in parts]
    together = find_groups(survey, len(parts), _LARGEST * max(shares) * sum(survey.sizes))
    if together.count < len(parts):
        raise DataError(
            f"found {count_of(together.count, 'group')} of sentences that have to stay together, expected as many as "
            f"parts at least, {len(parts)}; ask for fewer parts",
            corpus.path,
        )
    part_of = _deal_sentences(survey, together, shares, seed)
    _make_folder(Path(folder))
    with ExitStack() as stack:
        streams = [stack.enter_context(open_output(file)) for file in files]
        lines = survey.first_lines, survey.last_lines
        copy_rows(path, encoding, corpus.layout, *lines, part_of.tolist(), streams)
    return Division(
        path=corpus.path,
        scheme=corpus.scheme,
        task=corpus.task,
        evidence=corpus.evidence,
        seed=seed,
        groups=together.count,
        keeps_documents=together.are_documents,
        least=together.least,
        parts=_describe_parts(survey, parts, files, part_of),
        warnings=corpus.warnings,
    )


def name_file(path: FilePath, folder: Path, part: Part) -> Path:
    """Return where a part goes: the ending of the corpus stays, but for that of a packed file."""
    plain = Path(path)
    plain = plain.with_suffix("") if plain.suffix.lower() == _PACKED else plain
    return folder / f"{part.name}{plain.suffix}"


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"cannot be used as a folder: {error.strerror}; choose another --output", folder
        ) from error


def _deal_sentences(survey: SentenceSurvey, together: Together, shares: Sequence[float], seed: int) -> Ints:
    """Return the part of each sentence."""
    sizes, sentences = [0] * together.count, [0] * together.count
    types: list[Counter[int]] = [Counter() for _ in sizes]
    for number, group in enumerate(together.group_of.tolist()):
        sizes[group] += survey.sizes[number]
        sentences[group] += 1
        types[group].update(survey.types_of(number))
    dealt = np.array(deal(sizes, sentences, types, shares, seed), np.int64)
    found: Ints = dealt[together.group_of]
    return found


def _describe_parts(
    survey: SentenceSurvey, parts: Sequence[Part], files: Sequence[Path], part_of: Ints
) -> tuple[DivisionPart, ...]:
    sizes, documents = (np.frombuffer(each, np.int64) for each in (survey.sizes, survey.documents))
    types: list[Counter[int]] = [Counter() for _ in parts]
    for number, part in enumerate(part_of.tolist()):
        types[part].update(survey.types_of(number))
    recurring = Counter(int(part_of[number]) for number in find_repeats(survey.digests, part_of.tolist()))
    described = []
    for number, (part, file) in enumerate(zip(parts, files, strict=True)):
        inside = part_of == number
        described.append(
            DivisionPart(
                name=part.name,
                path=str(file),
                asked=part.share,
                sentences=int(inside.sum()),
                tokens=int(sizes[inside].sum()),
                documents=len(np.unique(documents[inside])),
                types={name: types[number][code] for code, name in enumerate(survey.types)},
                recurring=recurring[number],
            )
        )
    return tuple(described)
