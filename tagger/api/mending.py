"""A corpus mended."""

from __future__ import annotations

from tagger.api.sources import Column, FilePath, check_path, find_scheme
from tagger.text.conll import Columns
from tagger.text.mending import Mended, mend_file
from tagger.text.schemes import Scheme


def mend(
    corpus: FilePath,
    output: FilePath,
    *,
    scheme: Scheme | str | None = None,
    token_column: Column = 0,
    tag_column: Column = -1,
    encoding: str = "utf-8",
) -> Mended:
    """Write a column file anew with what is surely meant: separators, `O`, types, sequences, letters.

    Args:
        corpus: the file.
        output: another one.
        scheme: of the tags; None: found by looking.
        token_column, tag_column, encoding: of the file, as of `read_corpus`.

    Returns:
        Every change, with its line.

    Raises:
        DataError: the file isn't a column file, or can't be read or written.
        ConfigError: an argument is not what it should be.

    >>> [change.kind for change in mend("train.conll", "mended.conll").changes]  # doctest: +SKIP
    ['outside', 'sequence']
    """
    return mend_file(
        check_path(corpus, "corpus"),
        check_path(output, "output"),
        columns=Columns(token=token_column, tag=tag_column),
        scheme=find_scheme(scheme),
        encoding=encoding,
    )
