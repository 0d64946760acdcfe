"""A corpus cut into parts."""

from __future__ import annotations

from tagger.api.sources import Column, FilePath, check_path, find_scheme, find_task
from tagger.text.conll import BlankTokens, Columns, Compounds
from tagger.text.schemes import Scheme, Task
from tagger.text.splitting import Division, divide_corpus, parse_parts


def split(
    corpus: FilePath,
    output: FilePath,
    *,
    parts: str = "80,10,10",
    seed: int = 1,
    overwrite: bool = False,
    scheme: Scheme | str | None = None,
    token_column: Column = 0,
    tag_column: Column = -1,
    blank_tokens: BlankTokens = "error",
    task: Task | str | None = None,
    compounds: Compounds = "open",
    encoding: str = "utf-8",
) -> Division:
    """Split a corpus into files to train and to test on; no part knows the documents or the sentences of another.

    Args:
        corpus: a column file, or lines of words.
        output: the folder of the parts.
        parts: their sizes in any unit, `80,10,10`, or with names, `train=4,test=1`.
        seed: of what is left to chance.
        overwrite: replace files of these names.
        scheme, token_column, tag_column, blank_tokens, task, compounds, encoding: of the corpus, as of `read_corpus`.

    Raises:
        DataError: the corpus is faulty or too small, or a file is there already.
        ConfigError: an argument is not what it should be.

    >>> tagger.split("corpus.conll", "parts").parts[0].sentences  # doctest: +SKIP
    800
    """
    columns = Columns(
        token=token_column,
        tag=tag_column,
        blank_tokens=blank_tokens,
        task=find_task(task),
        compounds=compounds,
    )
    return divide_corpus(
        check_path(corpus, "corpus"),
        check_path(output, "output"),
        parse_parts(parts),
        seed=seed,
        overwrite=overwrite,
        columns=columns,
        scheme=find_scheme(scheme),
        encoding=encoding,
    )
