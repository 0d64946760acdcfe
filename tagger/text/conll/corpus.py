"""A column file held as a whole: its tag scheme found or given, every tag checked against it.

Tags leave here as the scheme writes them (`b-per` becomes `B-per`). This file does not split rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike

from tagger.errors import DataError
from tagger.text import schemes
from tagger.text.conll.reader import read_sentences
from tagger.text.conll.sentence import DEFAULT_COLUMNS, Columns, Sentence
from tagger.text.conll.source import display_name
from tagger.text.schemes import Scheme

LONG_SENTENCE = 10_000  # tokens: beyond any sentence a person wrote, so the blank lines are probably missing


@dataclass(frozen=True, slots=True)
class Corpus:
    """The sentences of one file, the scheme of their tags, why that scheme, and what was odd."""

    path: str
    sentences: tuple[Sentence, ...]
    scheme: Scheme
    evidence: str
    warnings: tuple[str, ...]


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
    sentences = tuple(read_sentences(path, columns=columns, encoding=encoding, warn=warnings.append))
    if not sentences:
        raise DataError("found no sentence, expected rows of a token and its tag", name, 1)
    bigrams = schemes.count_bigrams(sentence.tags for sentence in sentences)
    if scheme is None:
        scheme, evidence = schemes.detect_from_bigrams(bigrams)
    else:
        evidence = "given by the caller"
    _check_tags(sentences, {tag for _, tag in bigrams}, scheme, name)
    warnings.extend(_warn_of_sequences(sentences, bigrams, scheme))
    return Corpus(name, sentences, scheme, evidence, tuple(warnings))


def _check_tags(sentences: Iterable[Sentence], tags: set[str], scheme: Scheme, name: str) -> None:
    strangers = {tag for tag in tags if tag != schemes.EDGE and not schemes.is_tag(tag, scheme)}
    if not strangers:
        return
    sentence, token = next((s, i) for s in sentences for i, tag in enumerate(s.tags) if tag in strangers)
    expected = f"expected {schemes.describe_tags(scheme)} ({scheme})"
    advice = "mend the tag, or name the tag column or the scheme"
    raise DataError(
        f"found tag {sentence.tags[token]!r}, {expected}; {advice}", name, sentence.line_of(token)
    )


def _warn_of_sequences(
    sentences: Sequence[Sentence], bigrams: schemes.Bigrams, scheme: Scheme
) -> Iterable[str]:
    illegal = {step: count for step, count in bigrams.items() if not schemes.is_legal_step(*step, scheme)}
    if illegal:
        first = next(
            sentence.line_of(min(broken[0], len(sentence) - 1))
            for sentence in sentences
            if (broken := schemes.violations(sentence.tags, scheme))
        )
        count = sum(illegal.values())
        found = f"{count} tags do not follow from the tag before in {scheme}"
        yield f"{found}; read as the conlleval scorer does (first: line {first})"
    longest = max(sentences, key=len)
    if len(longest) > LONG_SENTENCE:
        yield f"a sentence has {len(longest)} tokens (line {longest.line}); are blank lines missing?"
