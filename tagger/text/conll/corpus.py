"""A column file as a whole, held or read anew: its tag scheme found or given, every tag checked against it.

Tags leave here as the scheme writes them (`b-per` becomes `B-per`, the bracket `(PER*` becomes `B-PER`).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, repeat
from pathlib import Path
from typing import NamedTuple

from tagger.collector import held_collector
from tagger.errors import DataError
from tagger.text import schemes
from tagger.text.conll.layout import Layout
from tagger.text.conll.mixups import SAMPLE_SENTENCES, ColumnSample
from tagger.text.conll.packed import PackedSentences, Packer
from tagger.text.conll.reader import ColumnReader
from tagger.text.conll.sentence import DEFAULT_COLUMNS, Columns, Sentence
from tagger.text.conll.words import check_task, drop_types
from tagger.text.counting import count_of
from tagger.text.files import FilePath, display_name, is_stdin
from tagger.text.schemes import Scheme, Task

_LISTED = 20  # tags in a message
LONG_SENTENCE = 10_000  # tokens: beyond any sentence a person wrote, so the blank lines are probably missing


_NO_TAGS: Mapping[str, str] = {}


class UnclearSchemeError(DataError):
    """Tags without prefixes stand beside an `O` that may be outside of spans or a label: somebody has to say."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """The sentences of one file, the scheme of their tags, why that scheme, and what was odd.

    `layout` says how the columns stood, where the file had columns; `task` what the tags are about.
    """

    path: str
    sentences: Sequence[Sentence]
    scheme: Scheme
    evidence: str
    warnings: tuple[str, ...]
    layout: Layout | None = None
    task: Task = Task.LABELS


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
    task: Task = Task.LABELS


def stream_corpus(
    path: FilePath,
    *,
    columns: Columns = DEFAULT_COLUMNS,
    scheme: Scheme | None = None,
    encoding: str = "utf-8",
    rename: Mapping[str, str] = _NO_TAGS,
) -> CorpusStream:
    """Go through a column file once to find its scheme, and again whenever its sentences are asked for.

    Args and faults are those of `read_corpus`; the path cannot be the standard input.
    """
    name = display_name(path)
    warnings: list[str] = []
    first = ColumnReader(path, columns, encoding, warn=warnings.append)
    unread = [first]
    rows = Rereadable(lambda: iter(unread.pop() if unread else ColumnReader(path, columns, encoding)))
    raw = Rereadable(lambda: (_respell(sentence, rename) for sentence in rows)) if rename else rows
    resolved = _resolve(name, raw, scheme, rename, lambda: (first.layout, first.scheme), columns.task)
    rewrite = resolved.rewrite
    return CorpusStream(
        path=name,
        sentences=Rereadable(lambda: map(rewrite, raw)) if rewrite else raw,
        count=resolved.length,
        scheme=resolved.scheme,
        evidence=resolved.evidence,
        warnings=(*warnings, *resolved.warnings),
        layout=first.layout,
        task=resolved.task,
    )


def pack_corpus(
    path: FilePath,
    *,
    columns: Columns = DEFAULT_COLUMNS,
    scheme: Scheme | None = None,
    encoding: str = "utf-8",
    room: Path | None = None,
) -> Corpus:
    """Read a column file of any length as `PackedSentences`, in one pass.

    Args and faults are those of `read_corpus`, and of `packed.pack`.
    """
    name = display_name(path)
    warnings: list[str] = []
    reader = ColumnReader(path, columns, encoding, warn=warnings.append)
    packer, unread = Packer(room, _guess_bytes(path)), [reader]
    found: list[PackedSentences] = []

    def go_through() -> Iterator[Sentence]:
        """Yield the sentences: the first time as they are read and packed, later of what was packed."""
        if unread:
            yield from packer.keep(unread.pop())
            found.append(packer.done())
        else:
            yield from found[0]

    sentences = Rereadable(go_through)
    resolved = _resolve(
        name, sentences, scheme, told=lambda: (reader.layout, reader.scheme), task=columns.task
    )
    packed = found[0]
    if resolved.rewrite:
        packed = packed.with_tags((resolved.rewrite(each).tags for each in packed), room)
    return Corpus(
        path=name,
        sentences=packed,
        scheme=resolved.scheme,
        evidence=resolved.evidence,
        warnings=(*warnings, *resolved.warnings),
        layout=reader.layout,
        task=resolved.task,
    )


def _guess_bytes(path: FilePath) -> int:
    """Return about what the sentences of a file take packed: as much as its rows. 0: nothing tells beforehand."""
    return 0 if is_stdin(path) or not Path(path).is_file() else Path(path).stat().st_size


def read_corpus(
    path: FilePath,
    *,
    columns: Columns = DEFAULT_COLUMNS,
    scheme: Scheme | None = None,
    encoding: str = "utf-8",
    rename: Mapping[str, str] = _NO_TAGS,
    likely: Scheme | None = None,
    beside: Sequence[Sentence] = (),
) -> Corpus:
    """Read a column file whole.

    Args:
        beside: sentences of another file; those with the same tokens at the same place share them, which takes less
            memory.
        scheme: of the tags; detected from them where None, which a small file may not allow (give a dev file
            the scheme of its training file).
        rename: tags to take for others before anything is made of them.
        likely: the scheme where tags have no prefixes and don't tell IO from BARE; else that is an error.

    Raises:
        DataError: with file and line; a file without a sentence is one.
    """
    name = display_name(path)
    warnings: list[str] = []
    with held_collector():
        reader = ColumnReader(path, columns, encoding, warn=warnings.append, share=True)
        sentences = (
            tuple(map(_share_tokens, reader, chain(beside, repeat(None)))) if beside else tuple(reader)
        )
    return resolve_scheme(
        Corpus(name, sentences, scheme or Scheme.BARE, "", tuple(warnings), reader.layout),
        scheme,
        rename=rename,
        likely=likely,
        of_form=reader.scheme,
        task=columns.task,
    )


def _share_tokens(sentence: Sentence, other: Sentence | None) -> Sentence:
    is_same = other is not None and sentence.tokens == other.tokens
    return replace(sentence, tokens=other.tokens) if other is not None and is_same else sentence


def resolve_scheme(
    corpus: Corpus,
    scheme: Scheme | None = None,
    *,
    rename: Mapping[str, str] = _NO_TAGS,
    likely: Scheme | None = None,
    of_form: Scheme | None = None,
    task: Task | None = None,
) -> Corpus:
    """Return the corpus with its scheme found, or as asked for, and its tags as that scheme writes them.

    `rename` and `likely` are those of `read_corpus`; `of_form` is the scheme that the form of the file says; `task`
    is what the tags shall be about, words without types for instance.

    Raises:
        UnclearSchemeError: tags may be IO or BARE, and nobody said which.
        DataError: with file and line where there is no sentence, a tag is not of the scheme, or the tags are not
            about that.
    """
    sentences = corpus.sentences
    if rename:
        sentences = tuple(_respell(sentence, rename) for sentence in sentences)
    told = corpus.layout, of_form
    try:
        resolved = _resolve(corpus.path, sentences, scheme, rename, lambda: told, task)
    except UnclearSchemeError:
        if likely is None:
            raise
        resolved = _resolve(corpus.path, sentences, likely, rename, lambda: told, task)
    if resolved.rewrite:
        sentences = tuple(map(resolved.rewrite, sentences))
    return replace(
        corpus,
        sentences=sentences,
        scheme=resolved.scheme,
        evidence=resolved.evidence,
        warnings=(*corpus.warnings, *resolved.warnings),
        task=resolved.task,
    )


class _Resolved(NamedTuple):
    """The scheme of a corpus, and what writes a sentence's tags as the scheme does; None: they are so already."""

    scheme: Scheme
    evidence: str
    warnings: tuple[str, ...]
    rewrite: Callable[[Sentence], Sentence] | None
    length: int  # in sentences
    task: Task = Task.LABELS


def _resolve(
    name: str,
    sentences: Iterable[Sentence],
    wanted: Scheme | None,
    rename: Mapping[str, str] = _NO_TAGS,
    told: Callable[[], tuple[Layout | None, Scheme | None]] = lambda: (None, None),
    task: Task | None = None,
) -> _Resolved:
    """Go through sentences, again where there is something to complain of.

    Args:
        told: returns the layout of the file, and the scheme that its form says, which may be known only when
            sentences have been gone through.
        task: what the tags shall be about; None: what is found.
    """
    survey = _Survey(sentences)
    if not survey.count:
        raise DataError("found no sentence, expected rows of a token and its tag", name, 1)
    layout, of_form = told()
    wanted = of_form or wanted
    used = {tag for _, tag in survey.bigrams} - {schemes.EDGE}
    if not used:
        return _Resolved(Scheme.BARE, "no tag column was read", (), None, survey.count)
    _refuse_idle_renaming(rename, used, name)
    if wanted is not Scheme.BARE and schemes.are_brackets(used, is_known=wanted is not None):
        return _resolve_brackets(name, sentences, wanted or Scheme.IOB2, task)
    detected = schemes.detect_from_bigrams(survey.bigrams)
    if wanted in (None, Scheme.IO) and not detected.scheme.has_prefixes:
        _refuse_foreign_notation(sentences, used, name, is_known=wanted is not None)
        if wanted is None and detected.question:
            line = _find_tag(sentences, used - {schemes.OUTSIDE, schemes.UNKNOWN_TAG})[1]
            raise UnclearSchemeError(detected.question, name, line)
    reason = "made of words" if of_form else "as asked for"
    scheme, evidence = (wanted, reason) if wanted else (detected.scheme, detected.evidence)
    meant = schemes.respell(used, scheme)
    _refuse_strangers(sentences, used - meant.keys(), scheme, name)
    if scheme is Scheme.IO and detected.scheme.has_prefixes:
        _refuse_prefixes(sentences, used, detected.scheme, name)
    if scheme is Scheme.BARE and schemes.UNKNOWN_TAG in used:
        _refuse_marks_not_known(sentences, name)
    mixups = [f"{each.message} (line {each.line})" for each in survey.sample.find_mixups(layout)]
    warnings = [
        *mixups,
        *_warn_of_spelling(survey, meant, scheme),
        *_warn_of_unknown(survey, scheme),
        *_warn_of_steps(survey, meant, scheme),
    ]
    rewrite = (lambda sentence: _respell(sentence, meant)) if meant else None
    written = {meant.get(tag, tag) for tag in used}
    found = schemes.find_task(written, scheme, has_characters=survey.sample.has_characters)
    if task is not None and task is not found:
        line = _find_tag(sentences, {schemes.OUTSIDE} & used or used)[1]
        check_task(written, found, task, name, line)
        if task is Task.WORDS:
            warnings.append("types of words, left out: words alone are asked for")
    if (task or found) is Task.WORDS and any(schemes.split_tag(tag, scheme)[1] for tag in written):
        rewrite = _without_types(rewrite, scheme)
    return _Resolved(scheme, evidence, tuple(warnings), rewrite, survey.count, task or found)


def _without_types(
    rewrite: Callable[[Sentence], Sentence] | None, scheme: Scheme
) -> Callable[[Sentence], Sentence]:
    """Return what rewrites tags and then leaves the types of spans out."""

    def drop(sentence: Sentence) -> Sentence:
        written = rewrite(sentence) if rewrite else sentence
        return replace(written, tags=drop_types(written.tags, scheme))

    return drop


def _resolve_brackets(
    name: str, sentences: Iterable[Sentence], scheme: Scheme, task: Task | None
) -> _Resolved:
    """Read brackets as tags of a scheme."""

    def rewrite(sentence: Sentence) -> Sentence:
        spans, fault = schemes.read_brackets(sentence.tags)
        if fault:
            token, what = fault
            raise DataError(
                f"tag {sentence.tags[token]!r} {what}; mend it, or say --scheme BARE if these are whole labels",
                name,
                sentence.line_of(token),
            )
        tags = schemes.spans_to_tags(spans, len(sentence), scheme)
        kept = zip(sentence.tags, tags, strict=True)
        return replace(
            sentence,
            tags=tuple(schemes.UNKNOWN_TAG if old == schemes.UNKNOWN_TAG else tag for old, tag in kept),
        )

    resolved = _resolve(name, Rereadable(lambda: map(rewrite, sentences)), scheme, task=task)
    evidence = "read from brackets (CoNLL-2005, CoNLL-2012)"
    return resolved._replace(evidence=evidence, rewrite=rewrite)


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


def _find_tag(sentences: Iterable[Sentence], tags: Container[str]) -> tuple[str, int]:
    """Return the first of these tags and its line."""
    return next((tag, s.line_of(i)) for s in sentences for i, tag in enumerate(s.tags) if tag in tags)


def _refuse_foreign_notation(
    sentences: Iterable[Sentence], used: set[str], name: str, *, is_known: bool
) -> None:
    foreign = schemes.find_foreign_notation(used, is_known=is_known)
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


def _refuse_idle_renaming(rename: Mapping[str, str], used: set[str], name: str) -> None:
    for old, new in rename.items():
        if new not in used:
            raise DataError(
                f"found no tag {old!r} to rename, expected one of {', '.join(sorted(used)[:_LISTED])}", name
            )


def _refuse_prefixes(sentences: Iterable[Sentence], used: set[str], found: Scheme, name: str) -> None:
    """Refuse a corpus as IO where every tag is one of another scheme."""
    meant = schemes.respell(used, found)
    if all(schemes.is_tag(meant.get(tag, tag), found) for tag in used):
        tag, line = _find_tag(sentences, used - {schemes.OUTSIDE, schemes.UNKNOWN_TAG})
        expected = f"expected {schemes.describe_tags(Scheme.IO)} (IO)"
        raise DataError(f"found tag {tag!r}, {expected}; the tags look like {found}", name, line)


def _refuse_marks_not_known(sentences: Iterable[Sentence], name: str) -> None:
    """Refuse bare labels where `?` is the tag of question marks: a label, but here the sign of a tag not known."""
    unknown = marks = first = 0
    for sentence in sentences:
        if schemes.UNKNOWN_TAG in sentence.tags:
            for i, (token, tag) in enumerate(zip(sentence.tokens, sentence.tags, strict=True)):
                if tag == schemes.UNKNOWN_TAG:
                    unknown += 1
                    marks += schemes.is_question_mark(token)
                    first = first or sentence.line_of(i)
    if 2 * marks >= unknown:
        raise DataError(schemes.describe_marks_not_known(marks, unknown), name, first)


def _warn_of_spelling(survey: _Survey, meant: dict[str, str], scheme: Scheme) -> Iterator[str]:
    if meant:
        count = sum(count for (_, tag), count in survey.bigrams.items() if tag in meant)
        first, line = _find_tag(survey.sentences, meant)
        read = f"{first} read as {meant[first]} (line {line})"
        yield f"{count_of(count, 'tag')} written otherwise in {scheme}; {read}"


def _warn_of_unknown(survey: _Survey, scheme: Scheme) -> Iterator[str]:
    """Say that `?` is no label; beside prefixes nobody takes it for one."""
    count = sum(count for (_, tag), count in survey.bigrams.items() if tag == schemes.UNKNOWN_TAG)
    if count and scheme is Scheme.BARE:
        line = _find_tag(survey.sentences, {schemes.UNKNOWN_TAG})[1]
        yield f"{count_of(count, 'token')} tagged ?, not known: neither learnt nor scored (first: line {line})"


def _respell(sentence: Sentence, meant: Mapping[str, str]) -> Sentence:
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
