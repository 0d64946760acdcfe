"""Labels of the same text from several people, compared."""

from __future__ import annotations

from os import PathLike

from tagger.api.sources import Column, CorpusSource, find_corpus, find_scheme, find_task
from tagger.scoring.annotators import (
    AnnotatorAgreement,
    match_annotators,
    measure_agreement,
    read_annotators,
)
from tagger.scoring.answers import likely_scheme
from tagger.text.conll import BlankTokens, Columns, Compounds, fit_corpus
from tagger.text.schemes import Scheme, Task


def agree(
    *corpora: CorpusSource,
    scheme: Scheme | str | None = None,
    token_column: Column = 0,
    tag_column: Column = -1,
    blank_tokens: BlankTokens = "error",
    task: Task | str | None = None,
    compounds: Compounds = "open",
    encoding: str = "utf-8",
) -> AnnotatorAgreement:
    """Say how far annotators of the same text agree: span F1 two by two, kappa of tokens, alpha of spans.

    Args:
        corpora: one for each annotator, two at least, with the same tokens.
        scheme: of the tags; None: found in each by looking.
        token_column, tag_column, blank_tokens, compounds, encoding: of files.
        task: what files are read for; None: found by looking. Words are compared whatever the forms of the files.

    Raises:
        DataError: a file is faulty, or two don't hold the same tokens: the first place that differs.
        ConfigError: an argument is not what it should be.

    >>> tokens = ["Ada", "Lovelace", "left"]
    >>> found = agree([(tokens, ["B-PER", "I-PER", "O"])], [(tokens, ["B-PER", "O", "O"])])
    >>> found.f1, [each.text for each in found.disagreements]
    (0.0, ['Ada Lovelace'])
    """
    columns = Columns(
        token=token_column,
        tag=tag_column,
        blank_tokens=blank_tokens,
        task=find_task(task),
        compounds=compounds,
    )
    wanted = find_scheme(scheme)
    paths = [each for each in corpora if isinstance(each, str | PathLike)]
    if len(paths) == len(corpora):
        return measure_agreement(read_annotators(paths, columns=columns, scheme=wanted, encoding=encoding))
    first = find_corpus(corpora[0], columns, wanted, encoding, "first")
    likely = likely_scheme(first.scheme)
    others = [
        find_corpus(each, columns, wanted, encoding, f"annotator {number}", likely)
        for number, each in enumerate(corpora[1:], 2)
    ]
    found = (
        [first, *others]
        if columns.task is None
        else [fit_corpus(each, columns.task) for each in (first, *others)]
    )
    names = [f"annotator {number}" for number in range(1, len(found) + 1)]
    return measure_agreement(match_annotators(found, wanted, names))
