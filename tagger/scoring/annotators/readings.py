"""What several annotators say of the same text: their files brought to one form, then sentence by sentence.

Nobody is right here, so no measure may favour the annotator who comes first. A token that somebody tags `?`, since
the tag isn't known, counts for nothing, and neither does a span that touches it, nor another's span that overlaps
that one: nobody knows whether they agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from operator import eq
from pathlib import PurePath
from typing import NamedTuple

from tagger.errors import ConfigError
from tagger.scoring.answers import Answers, likely_scheme, match_answers
from tagger.scoring.exact import name_spans
from tagger.text.conll import DEFAULT_COLUMNS, Columns, Corpus, Sentence, liken
from tagger.text.files import FilePath, display_name, is_stdin
from tagger.text.formats.annotated import read_labelled
from tagger.text.schemes import UNKNOWN_TAG, Scheme, Span, Task, convert, labels_of

COMMON = Scheme.IOB2  # in which the tags of tokens are compared, whatever the schemes of the files


class Opinions(NamedTuple):
    """What annotators say of one sentence.

    Attributes:
        sentence: as the first annotator has it.
        spans: those of each annotator, in the order of the text.
        tags: those of each annotator, in one scheme.
        unknown: for each annotator the tokens whose tag isn't known.
    """

    sentence: Sentence
    spans: tuple[list[Span], ...]
    tags: tuple[Sequence[str], ...]
    unknown: tuple[frozenset[int], ...]

    @property
    def are_alike(self) -> bool:
        """Whether nobody says anything else than the first annotator."""
        return all(map(eq, self.spans, self.spans[1:])) and not any(self.unknown)

    def decided(self, annotators: Sequence[int]) -> tuple[list[list[Span]], AbstractSet[int]]:
        """Return the spans of some annotators that count between them, and the tokens that don't."""
        spans = [self.spans[each] for each in annotators]
        open_: set[int] = set().union(*(self.unknown[each] for each in annotators))
        if not open_:
            return spans, open_
        size = -1
        while size < len(open_):  # spans that overlap may hang together
            size = len(open_)
            for found in spans:
                for _, start, end in found:
                    if not open_.isdisjoint(range(start, end)):
                        open_.update(range(start, end))
        return [[span for span in found if span.start not in open_] for found in spans], open_


@dataclass(frozen=True, slots=True)
class Annotators:
    """The labels of several annotators of the same sentences.

    Attributes:
        corpus: the file of the first of them, with all that stands in it besides.
        answers: of each annotator, the first one included.
        names: of the annotators.
    """

    corpus: Corpus
    answers: tuple[Answers, ...]
    names: tuple[str, ...]

    @property
    def task(self) -> Task:
        """What the tags are about."""
        return self.corpus.task

    @property
    def has_bare_labels(self) -> bool:
        """Whether every token has a label of its own, as parts of speech are."""
        return self.corpus.scheme is Scheme.BARE

    def __iter__(self) -> Iterator[Opinions]:
        for number, sentence in enumerate(self.corpus.sentences):
            yield self._read(sentence, [each.tags[number] for each in self.answers])

    def _read(self, sentence: Sentence, rows: Sequence[Sequence[str]]) -> Opinions:
        spans: list[list[Span]] = []
        tags: list[Sequence[str]] = []
        for number, (answers, row) in enumerate(zip(self.answers, rows, strict=True)):
            scheme = answers.scheme
            if number and row == rows[0] and scheme is self.answers[0].scheme:
                spans.append(spans[0])
                tags.append(tags[0])
                continue
            spans.append(name_spans(labels_of(row, scheme), self.task))
            tags.append(row if scheme in (COMMON, Scheme.BARE) else convert(row, scheme, COMMON))
        unknown = tuple(_find_unknown(row) for row in rows)
        return Opinions(sentence, tuple(spans), tuple(tags), unknown)


_NOTHING: frozenset[int] = frozenset()


def _find_unknown(tags: Sequence[str]) -> frozenset[int]:
    if UNKNOWN_TAG not in tags:
        return _NOTHING
    return frozenset(place for place, tag in enumerate(tags) if tag == UNKNOWN_TAG)


def read_annotators(
    paths: Sequence[FilePath],
    *,
    columns: Columns = DEFAULT_COLUMNS,
    scheme: Scheme | None = None,
    encoding: str = "utf-8",
) -> Annotators:
    """Read the files of several annotators, which must hold the same tokens; those of words may differ in their form.

    Args:
        paths: one for each annotator, two at least.
        columns: of all files.
        scheme: of all files; found in each by looking where None.

    Raises:
        DataError: a file is faulty, or two don't hold the same tokens: the first place that differs.
        ConfigError: there are fewer than two, or two from the standard input.
    """
    check_number(paths)
    if sum(map(is_stdin, paths)) > 1:
        raise ConfigError("found - twice, expected at most one file from the standard input", "agree")
    first = read_labelled(paths[0], columns=columns, scheme=scheme, encoding=encoding)
    others = [
        read_labelled(
            path,
            columns=columns,
            scheme=scheme,
            encoding=encoding,
            likely=likely_scheme(first.scheme),
            beside=first.sentences,
        )
        for path in paths[1:]
    ]
    return match_annotators([first, *others], scheme, name_annotators([display_name(path) for path in paths]))


def match_annotators(corpora: Sequence[Corpus], scheme: Scheme | None, names: Sequence[str]) -> Annotators:
    """Return what corpora say of the same sentences; `scheme` is that which was asked for, if any.

    Raises:
        DataError, ConfigError: as of `read_annotators`.
    """
    check_number(corpora)
    corpus, *others = liken(corpora)
    answers = [match_answers(corpus, each, scheme) for each in others]
    if (
        corpus is not corpora[0]
    ):  # its tags are of characters, or without types, and have no rows of their own
        corpus = replace(corpus, layout=None)
    if not all(each.task.cuts_words for each in others):  # somebody leaves out what others hold for words
        corpus = replace(corpus, task=Task.LABELS)
    tags = tuple(sentence.tags for sentence in corpus.sentences)
    return Annotators(
        corpus, (Answers(path=corpus.path, tags=tags, scheme=corpus.scheme), *answers), tuple(names)
    )


def check_number(annotators: Sequence[object]) -> None:
    """Refuse fewer than two annotators."""
    if len(annotators) < 2:
        raise ConfigError(
            f"found {len(annotators)}, expected the files of two annotators or more of the same text", "agree"
        )


def name_annotators(paths: Sequence[str]) -> list[str]:
    """Return what tells annotators apart: names of files, else of their folders, else their paths.

    >>> name_annotators(["ada/news.conll", "li/news.conll"]), name_annotators(["ada.conll", "li.v2.conll"])
    (['ada', 'li'], ['ada', 'li.v2'])
    """
    parts = [PurePath(path) for path in paths]
    ways = (
        [each.stem for each in parts],
        [each.name for each in parts],
        [each.parent.name for each in parts],
        list(paths),
    )
    for names in ways:
        if len(set(names)) == len(paths) and all(names):
            return names
    return [f"{number}: {path}" for number, path in enumerate(paths, 1)]
