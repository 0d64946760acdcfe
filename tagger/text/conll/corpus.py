"""A column file held as a whole: its tag scheme found or given, every tag checked against it.

Tags leave here as the scheme writes them (`b-per` becomes `B-per`). This file does not split rows.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os import PathLike

from tagger.errors import DataError
from tagger.text import schemes
from tagger.text.conll.layout import Layout
from tagger.text.conll.reader import Reader
from tagger.text.conll.sentence import DEFAULT_COLUMNS, Columns, Sentence
from tagger.text.conll.source import display_name
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


def read_corpus(
    path: str | PathLike[str],
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
        reader = Reader(path, columns, encoding, warn=warnings.append, share=True)
        sentences = tuple(reader)
    return settle_scheme(
        Corpus(name, sentences, scheme or Scheme.BARE, "", tuple(warnings), reader.layout), scheme
    )


def settle_scheme(corpus: Corpus, scheme: Scheme | None = None) -> Corpus:
    """Return the corpus with its scheme found, or as asked for, and its tags as that scheme writes them.

    Raises:
        DataError: with file and line where there is no sentence or a tag is not of the scheme.
    """
    name, sentences, warnings = corpus.path, corpus.sentences, list(corpus.warnings)
    if not sentences:
        raise DataError("found no sentence, expected rows of a token and its tag", name, 1)
    if not any(sentence.tags for sentence in sentences):
        return replace(corpus, evidence="no tag column was read")
    bigrams = schemes.count_bigrams(sentence.tags for sentence in sentences)
    detected = schemes.detect_from_bigrams(bigrams)
    if scheme is None and detected.scheme is Scheme.BARE:
        _refuse_foreign_notation(sentences, name)
    scheme, evidence = (scheme, "as asked for") if scheme else detected
    meant = schemes.respell({tag for _, tag in bigrams}, scheme)
    if meant:
        warnings.append(_describe_respelling(sentences, meant, scheme))
        sentences = tuple(_respell(sentence, meant) for sentence in sentences)
        bigrams = schemes.count_bigrams(sentence.tags for sentence in sentences)
    _refuse_strangers(sentences, {tag for _, tag in bigrams}, scheme, name)
    warnings.extend(_warn_of_sequences(sentences, bigrams, scheme))
    return replace(corpus, sentences=sentences, scheme=scheme, evidence=evidence, warnings=tuple(warnings))


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


def _refuse_foreign_notation(sentences: Sequence[Sentence], name: str) -> None:
    foreign = schemes.find_foreign_notation({tag for sentence in sentences for tag in sentence.tags})
    if foreign:
        tag, fault = foreign
        advice = "rewrite them, or say --scheme BARE if these are whole labels"
        raise DataError(f"tags such as {tag!r} {fault}; {advice}", name, _find_tag(sentences, {tag})[1])


def _refuse_strangers(sentences: Sequence[Sentence], tags: set[str], scheme: Scheme, name: str) -> None:
    strangers = {tag for tag in tags if tag != schemes.EDGE and not schemes.is_tag(tag, scheme)}
    if strangers:
        tag, line = _find_tag(sentences, strangers)
        expected = f"expected {schemes.describe_tags(scheme)} ({scheme})"
        raise DataError(f"found tag {tag!r}, {expected}; {_advise(tag)}", name, line)


def _advise(tag: str) -> str:
    if tag == "0":
        return "write the letter O for a token outside"
    return "mend the tag, or name another tag column or scheme"


def _describe_respelling(sentences: Sequence[Sentence], meant: dict[str, str], scheme: Scheme) -> str:
    counts = Counter(tag for sentence in sentences for tag in sentence.tags if tag in meant)
    first, line = _find_tag(sentences, meant)
    return f"{counts.total()} tags are written otherwise in {scheme}; {first} read as {meant[first]} (line {line})"


def _respell(sentence: Sentence, meant: dict[str, str]) -> Sentence:
    return replace(sentence, tags=tuple(meant.get(tag, tag) for tag in sentence.tags))


def _warn_of_sequences(
    sentences: Sequence[Sentence], bigrams: schemes.Bigrams, scheme: Scheme
) -> Iterator[str]:
    illegal = sum(count for step, count in bigrams.items() if not schemes.is_legal_step(*step, scheme))
    if illegal:
        first = next(
            sentence.line_of(min(broken[0], len(sentence) - 1))
            for sentence in sentences
            if (broken := schemes.violations(sentence.tags, scheme))
        )
        found = "1 tag does not follow" if illegal == 1 else f"{illegal} tags do not follow"
        yield f"{found} from the tag before in {scheme}; read as conlleval reads it (first: line {first})"
    longest = max(sentences, key=len)
    if len(longest) > LONG_SENTENCE:
        yield f"a sentence has {len(longest)} tokens (line {longest.line}); are blank lines missing?"
