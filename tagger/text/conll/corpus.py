"""A column file as a whole, held or read anew: its tag scheme found or given, every tag checked against it.

Tags leave here as the scheme writes them (`b-per` becomes `B-per`).
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

from tagger.errors import DataError
from tagger.text import schemes
from tagger.text.conll.layout import Layout
from tagger.text.conll.mixups import SAMPLE_SENTENCES, ColumnSample
from tagger.text.conll.reader import ColumnReader
from tagger.text.conll.sentence import DEFAULT_COLUMNS, Columns, Sentence
from tagger.text.counting import count_of
from tagger.text.files import FilePath, display_name
from tagger.text.schemes import Scheme

LONG_SENTENCE = 10_000  # tokens: beyond any sentence a person wrote, so the blank lines are probably missing


@dataclass(frozen=True, slots=True)
class Corpus:
    """The sentences of one file, the scheme of their tags, why that scheme, and what was odd.

    `layout` says how the columns stood, where the file had columns.
    """

    path: str
    sentences: tuple[Sentence, ...]
    scheme: Scheme
    evidence: str
    warnings: tuple[str, ...]
    layout: Layout | None = None


class Rereadable:
    """Sentences made anew each time they are asked for, so that a file of any length can be gone through twice."""

    def __init__(self, make: Callable[[], Iterator[Sentence]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[Sentence]:
        return self._make()


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusStream:
    """What `Corpus` holds, but sentences that are read anew each time, in bounded memory; `count` of them."""

    path: str
    sentences: Iterable[Sentence]
    count: int
    scheme: Scheme
    evidence: str
    warnings: tuple[str, ...]
    layout: Layout | None


def stream_corpus(
    path: FilePath,
    *,
    columns: Columns = DEFAULT_COLUMNS,
    scheme: Scheme | None = None,
    encoding: str = "utf-8",
) -> CorpusStream:
    """Go through a column file once to find its scheme, and again whenever its sentences are asked for.

    Args and faults are those of `read_corpus`; the path cannot be the standard input.
    """
    name = display_name(path)
    warnings: list[str] = []
    first = ColumnReader(path, columns, encoding, warn=warnings.append)
    unread = [first]
    raw = Rereadable(lambda: iter(unread.pop() if unread else ColumnReader(path, columns, encoding)))
    resolved = _resolve(name, raw, scheme, lambda: first.layout)
    meant = resolved.meant
    return CorpusStream(
        path=name,
        sentences=Rereadable(lambda: (_respell(sentence, meant) for sentence in raw)) if meant else raw,
        count=resolved.length,
        scheme=resolved.scheme,
        evidence=resolved.evidence,
        warnings=(*warnings, *resolved.warnings),
        layout=first.layout,
    )


def read_corpus(
    path: FilePath,
    *,
    columns: Columns = DEFAULT_COLUMNS,
    scheme: Scheme | None = None,
    encoding: str = "utf-8",
) -> Corpus:
    """Read a column file whole.

    Args:
        scheme: of the tags; detected from them where None, which a small file may not allow (give a dev file
            the scheme of its training file).

    Raises:
        DataError: with file and line; a file without a sentence is one.
    """
    name = display_name(path)
    warnings: list[str] = []
    with _paused_collector():
        reader = ColumnReader(path, columns, encoding, warn=warnings.append, share=True)
        sentences = tuple(reader)
    return resolve_scheme(
        Corpus(name, sentences, scheme or Scheme.BARE, "", tuple(warnings), reader.layout), scheme
    )


def resolve_scheme(corpus: Corpus, scheme: Scheme | None = None) -> Corpus:
    """Return the corpus with its scheme found, or as asked for, and its tags as that scheme writes them.

    Raises:
        DataError: with file and line where there is no sentence or a tag is not of the scheme.
    """
    resolved = _resolve(corpus.path, corpus.sentences, scheme, lambda: corpus.layout)
    sentences = corpus.sentences
    if resolved.meant:
        sentences = tuple(_respell(sentence, resolved.meant) for sentence in sentences)
    return replace(
        corpus,
        sentences=sentences,
        scheme=resolved.scheme,
        evidence=resolved.evidence,
        warnings=(*corpus.warnings, *resolved.warnings),
    )


class _Resolved(NamedTuple):
    """The scheme of a corpus, and the tags that it writes otherwise."""

    scheme: Scheme
    evidence: str
    warnings: tuple[str, ...]
    meant: dict[str, str]
    length: int  # in sentences


def _resolve(
    name: str,
    sentences: Iterable[Sentence],
    wanted: Scheme | None,
    layout: Callable[[], Layout | None],
) -> _Resolved:
    """Go through sentences, again where there is something to complain of.

    Args:
        layout: returns that of the file, which may be known only when sentences have been gone through.
    """
    survey = _Survey(sentences)
    if not survey.count:
        raise DataError("found no sentence, expected rows of a token and its tag", name, 1)
    used = {tag for _, tag in survey.bigrams} - {schemes.EDGE}
    if not used:
        return _Resolved(Scheme.BARE, "no tag column was read", (), {}, survey.count)
    detected = schemes.detect_from_bigrams(survey.bigrams)
    if wanted is None and detected.scheme is Scheme.BARE:
        _refuse_foreign_notation(sentences, used, name)
    scheme, evidence = (wanted, "as asked for") if wanted else detected
    meant = schemes.respell(used, scheme)
    _refuse_strangers(sentences, used - meant.keys(), scheme, name)
    mixups = [f"{each.message} (line {each.line})" for each in survey.sample.find_mixups(layout())]
    warnings = [
        *mixups,
        *_warn_of_spelling(survey, meant, scheme),
        *_warn_of_steps(survey, meant, scheme),
    ]
    return _Resolved(scheme, evidence, tuple(warnings), meant, survey.count)


class _Survey:
    """What one pass over sentences finds."""

    def __init__(self, sentences: Iterable[Sentence]) -> None:
        self.sentences = sentences
        self.count = 0
        self.longest = 0, 0  # tokens, line
        self.sample = ColumnSample()
        self.bigrams = schemes.count_bigrams(self._note_tags())

    def _note_tags(self) -> Iterator[Sequence[str]]:
        for sentence in self.sentences:
            self.count += 1
            if self.count <= SAMPLE_SENTENCES:
                self.sample.add(sentence)
            if len(sentence) > self.longest[0]:
                self.longest = len(sentence), sentence.line
            yield sentence.tags


@contextmanager
def _paused_collector() -> Iterator[None]:
    """Hold off the cycle collector: it visits every tuple read so far, a third of the time, and none is garbage."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _find_tag(sentences: Iterable[Sentence], tags: Container[str]) -> tuple[str, int]:
    """Return the first of these tags and its line."""
    return next((tag, s.line_of(i)) for s in sentences for i, tag in enumerate(s.tags) if tag in tags)


def _refuse_foreign_notation(sentences: Iterable[Sentence], used: set[str], name: str) -> None:
    foreign = schemes.find_foreign_notation(used)
    if foreign:
        tag, fault = foreign
        advice = "rewrite them, or say --scheme BARE if these are whole labels"
        raise DataError(f"tags such as {tag!r} {fault}; {advice}", name, _find_tag(sentences, {tag})[1])


def _refuse_strangers(sentences: Iterable[Sentence], tags: set[str], scheme: Scheme, name: str) -> None:
    strangers = {tag for tag in tags if not schemes.is_tag(tag, scheme)}
    if strangers:
        tag, line = _find_tag(sentences, strangers)
        expected = f"expected {schemes.describe_tags(scheme)} ({scheme})"
        raise DataError(f"found tag {tag!r}, {expected}; {_advise(tag)}", name, line)


def _advise(tag: str) -> str:
    if tag == "0":
        return "write the letter O for a token outside"
    return "mend the tag, or name another tag column or scheme"


def _warn_of_spelling(survey: _Survey, meant: dict[str, str], scheme: Scheme) -> Iterator[str]:
    if meant:
        count = sum(count for (_, tag), count in survey.bigrams.items() if tag in meant)
        first, line = _find_tag(survey.sentences, meant)
        read = f"{first} read as {meant[first]} (line {line})"
        yield f"{count_of(count, 'tag')} written otherwise in {scheme}; {read}"


def _respell(sentence: Sentence, meant: dict[str, str]) -> Sentence:
    return replace(sentence, tags=tuple(meant.get(tag, tag) for tag in sentence.tags))


def _warn_of_steps(survey: _Survey, meant: dict[str, str], scheme: Scheme) -> Iterator[str]:
    illegal = sum(
        count
        for step, count in survey.bigrams.items()
        if not schemes.is_legal_step(*(meant.get(tag, tag) for tag in step), scheme)
    )
    if illegal:
        first = next(
            sentence.line_of(min(broken[0], len(sentence) - 1))
            for sentence in survey.sentences
            if (broken := schemes.violations([meant.get(tag, tag) for tag in sentence.tags], scheme))
        )
        found = "1 tag does not follow" if illegal == 1 else f"{illegal} tags do not follow"
        yield f"{found} from the tag before in {scheme}; read as conlleval reads it (first: line {first})"
    length, line = survey.longest
    if length > LONG_SENTENCE:
        yield f"a sentence has {length} tokens (line {line}); are blank lines missing?"
