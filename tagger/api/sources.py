"""What the verbs of the package are given: files, corpora that were read before, or lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from tagger import config as settings
from tagger.config import Config
from tagger.errors import ConfigError, DataError
from tagger.runtime.tagger import Tagger, load_tagger
from tagger.text import conll, schemes
from tagger.text.conll import BlankTokens, Columns, Compounds, Corpus, Sentence
from tagger.text.formats.annotated import read_labelled
from tagger.text.schemes import Scheme, Task

FilePath = str | PathLike[str]
Column = int | str
Labelled = tuple[Sequence[str], Sequence[str]]
"""A sentence as its tokens and their tags."""
CorpusSource = FilePath | Corpus | Iterable[Labelled]
"""A column file, a corpus that was read before, or sentences, each its tokens and its tags."""


def load(directory: FilePath, *, device: str = "cpu") -> Tagger:
    """Read a model directory and return its tagger.

    Args:
        directory: as `tagger train --output DIR` or `tagger.train(output=DIR)` writes it.
        device: where the network runs. `cpu` needs numpy alone, `cuda` and `mps` need PyTorch; `auto` takes a
            GPU where both are there.

    Raises:
        ModelError: the directory or a file in it is missing, damaged or of another format version.
        ConfigError: there is no such device, or `directory` is no path.

    >>> model = load("models/english")  # doctest: +SKIP
    >>> [(span.type, span.text) for span in model.predict("Ada met Li.")[0].spans]  # doctest: +SKIP
    [('PER', 'Ada'), ('PER', 'Li')]
    """
    place = check_path(directory, "directory")
    if device == "cpu" or (device == "auto" and find_spec("torch") is None):
        return load_tagger(place)
    require_torch(f"device {device}")
    from tagger.model.on_device import load_on_device

    return load_on_device(place, device)


@contextmanager
def opened(directory: FilePath, *, device: str = "cpu", workers: int = 1) -> Iterator[Tagger]:
    """Read a model directory and yield its tagger for several processes: on a GPU one more process holds that.

    Args:
        directory, device: as for `load`.
        workers: how many processes are to label with it (`runtime.workers.answer`).

    Raises:
        ModelError, ConfigError: as for `load`.
        LostWorkerError: the process that was to hold the GPU was killed.
    """
    if workers == 1 or device == "cpu" or find_spec("torch") is None:
        yield load(directory, device=device)
        return
    place = check_path(directory, "directory")
    from tagger.model.device_process import shared_on_device

    with shared_on_device(place, device) as tagger:
        yield tagger


def read_corpus(
    path: FilePath,
    *,
    token_column: Column = 0,
    tag_column: Column | None = -1,
    feature_columns: Sequence[Column] = (),
    blank_tokens: BlankTokens = "error",
    tag_names: Sequence[str] = (),
    task: Task | str | None = None,
    compounds: Compounds = "open",
    scheme: Scheme | str | None = None,
    encoding: str = "utf-8",
) -> Corpus:
    """Read a column file: its sentences, the scheme of their tags, and what was odd about it.

    Lines of words are read too: segmented text, and words with tags as `word/TAG`; and what annotation tools export:
    JSON, and folders of brat.

    Args:
        path: the file; gzip is unpacked, `-` is the standard input.
        token_column, tag_column: counted from 0, from the last as -1, or CoNLL-U names as `UPOS`; no tags: None.
        feature_columns: other columns to read beside them.
        blank_tokens: what becomes of a row whose token is nothing but blanks: `error`, `skip` or `keep`.
        tag_names: of tags that are numbers, in their order.
        task: what becomes of words: `labels` of them, `words` cut out of their text, `joint` both; None: found by
            looking.
        compounds: brackets around words, as in `[a/n b/n]nt`: `open` them, or `keep` each as one word.
        scheme: of the tags, as `IOB2`; None: found by looking.
        encoding: of the file.

    Raises:
        DataError: with file and line; a file without a sentence is one.
        ConfigError: an argument is not what it should be.
    """
    columns = Columns(
        token=token_column,
        tag=tag_column,
        features=tuple(feature_columns),
        blank_tokens=blank_tokens,
        tag_names=tuple(tag_names),
        task=find_task(task),
        compounds=compounds,
    )
    return read_labelled(
        check_path(path, "path"), columns=columns, scheme=find_scheme(scheme), encoding=encoding
    )


def find_corpus(
    source: CorpusSource,
    columns: Columns,
    scheme: Scheme | None,
    encoding: str,
    name: str,
    likely: Scheme | None = None,
) -> Corpus:
    """Return a corpus: read from its file, as it is, or made of sentences; `likely` as of `conll.read_corpus`."""
    if isinstance(source, Corpus):
        return source
    if isinstance(source, str | PathLike):
        return read_labelled(
            check_path(source, name), columns=columns, scheme=scheme, encoding=encoding, likely=likely
        )
    return make_corpus(source, scheme, name, likely=likely)


def make_corpus(
    sentences: Iterable[Labelled],
    scheme: Scheme | None = None,
    name: str = "corpus",
    *,
    is_strict: bool = True,
    likely: Scheme | None = None,
) -> Corpus:
    """Make a corpus of sentences, each its tokens and its tags.

    Args:
        sentences: the tags in any scheme that files may have.
        scheme: of the tags; None: found by looking.
        name: what errors call it.
        is_strict: tags of another scheme are a fault; else the scheme is then found by looking.
        likely: as of `conll.read_corpus`.

    Raises:
        ConfigError: these are no such sentences; it says what was found, and where.
        DataError: there is none, or a tag is not of the scheme.
    """
    if not isinstance(sentences, Iterable):
        raise ConfigError(f"found {describe_value(sentences)}, expected a file, a corpus, or sentences", name)
    rows = []
    for number, pair in enumerate(sentences):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise ConfigError(
                f"sentence {number} is {describe_value(pair)}, expected a pair of tokens and tags", name
            )
        tokens, tags = pair
        for what, row in (("tokens", tokens), ("tags", tags)):
            if (
                isinstance(row, str)
                or not isinstance(row, Sequence)
                or not all(isinstance(each, str) for each in row)
            ):
                raise ConfigError(
                    f"the {what} of sentence {number} are {describe_value(row)}, expected a list of strings",
                    name,
                )
        if len(tokens) != len(tags):
            raise ConfigError(
                f"sentence {number} (counted from 0) has {len(tokens)} tokens and {len(tags)} tags, expected a tag "
                "for each token",
                name,
            )
        if not all(tokens):
            raise ConfigError(f"sentence {number} (counted from 0) has an empty token", name)
        if tokens:
            rows.append(
                Sentence(tuple(tokens), tuple(tags), line=number + 1, lines=(number + 1,) * len(tokens))
            )
    corpus = Corpus(f"<{name}>", tuple(rows), scheme or Scheme.BARE, "", ())
    try:
        return conll.resolve_scheme(corpus, scheme, likely=likely)
    except DataError:
        if is_strict or scheme is None:
            raise
        return conll.resolve_scheme(corpus, None)


def choose_settings(config: Config | FilePath | None, changes: dict[str, Any]) -> Config:
    """Return the settings given, or those of a file, with some changed by name.

    Raises:
        ConfigError: one of them is at fault, or is given twice.
    """
    if config is None:
        chosen = Config()
    elif isinstance(config, Config):
        chosen = config
    else:
        chosen = settings.read_settings(Config, check_path(config, "config"))
    named: dict[str, Any] = {}
    for name, value in changes.items():
        field = settings.find_setting(Config, name)
        if field in named:
            raise ConfigError(f"is given twice, once as {name}", field)
        named[field] = value
    return settings.override(chosen, named)


def check_path(path: object, name: str) -> Path | str:
    """Return a path as it is, if it is one."""
    if not isinstance(path, str | PathLike):
        raise ConfigError(f"found {describe_value(path)}, expected a path", name)
    return path if isinstance(path, str) else fspath(path)


def check_paths(paths: Sequence[object], name: str) -> list[Path]:
    """Return paths, if they are a list of them."""
    if isinstance(paths, str | PathLike):
        raise ConfigError(f"found {describe_value(paths)}, expected a list of paths", name)
    return [Path(check_path(each, name)) for each in paths]


def require_torch(what: str) -> None:
    """Say what to install where PyTorch is missing and something needs it.

    Raises:
        ConfigError: it is missing.
    """
    try:
        import torch  # noqa: F401
    except ImportError:
        raise ConfigError(
            f"{what} needs PyTorch, which isn't installed: pip install 'tagger[train]'"
        ) from None


def find_scheme(scheme: Scheme | str | None) -> Scheme | None:
    return None if scheme is None else schemes.parse_scheme(scheme)


def find_task(task: Task | str | None) -> Task | None:
    return None if task is None else schemes.parse_task(task)


def describe_value(value: object) -> str:
    """Show a value and its type, shortened."""
    shown = repr(value)
    return f"{shown if len(shown) <= 60 else shown[:57] + '...'} ({type(value).__name__})"
