"""`tagger convert`: the same labels in another tag scheme or another file format."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, cast

import typer

from tagger.cli.options import (
    COLUMN,
    ENCODING,
    READING,
    SCHEME,
    BlankTokens,
    TagColumn,
    TagNames,
    TokenColumn,
    one_of,
)
from tagger.errors import DataError
from tagger.text import schemes
from tagger.text.counting import count_of
from tagger.text.escape import escape_controls
from tagger.text.files import write_text
from tagger.text.schemes import Scheme

if TYPE_CHECKING:
    from tagger.text.conll import Corpus, CorpusStream, Sentence
    from tagger.text.formats import CorpusSettings

_FORMATS = ("conll", "conllu", "jsonl", "spans", "doccano", "labelstudio", "brat")
_SEPARATORS = {"tab": "\t", "space": " "}

_WRITING = "Writing OUT"

_To = Annotated[
    Scheme | None,
    typer.Option(help="Tag scheme to write; else that of IN.", rich_help_panel=_WRITING, **SCHEME),
]
_From = Annotated[
    Scheme | None,
    typer.Option(help="Tag scheme of IN; else it is detected.", rich_help_panel=READING, **SCHEME),
]
_InputFormat = Annotated[
    str | None,
    typer.Option(help="Format of IN; else by its name.", rich_help_panel=READING, **one_of(_FORMATS)),
]
_Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="Format of OUT; else by its name, for standard output that of IN.",
        rich_help_panel=_WRITING,
        **one_of((*_FORMATS, "tsv", "inline", "html")),
    ),
]
_Columns = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN,COLUMN",
        help="Columns to write between token and tag, such as 1,2; else all stay as they are.",
        rich_help_panel=_WRITING,
    ),
]
_OutputColumn = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help=f"Column of the tag in CoNLL-U, {COLUMN}; UPOS or MISC:NER otherwise.",
        rich_help_panel=_WRITING,
    ),
]
_Separator = Annotated[
    str, typer.Option(help="Between columns.", rich_help_panel=_WRITING, **one_of(_SEPARATORS))
]
_Tokens = Annotated[
    str,
    typer.Option(
        help="How text without tokens is cut.",
        rich_help_panel=READING,
        **one_of(("words", "characters", "blanks")),
    ),
]
_Lines = Annotated[
    bool,
    typer.Option("--lines", help="Each line of such a text is a sentence.", rich_help_panel=READING),
]
_Misaligned = Annotated[
    str,
    typer.Option(
        help="Spans that do not fit tokens: an error, split the token, or skip the span.",
        rich_help_panel=READING,
        **one_of(("error", "split", "skip")),
    ),
]
_Encoding = Annotated[
    str, typer.Option(help="Encoding of IN; OUT is UTF-8.", rich_help_panel=READING, **ENCODING)
]


def convert(
    source: Annotated[str, typer.Argument(metavar="IN", help="Corpus to read; - is standard input.")],
    target: Annotated[str, typer.Argument(metavar="OUT", help="File to write; - is standard output.")],
    scheme: _From = None,
    to: _To = None,
    input_format: _InputFormat = None,
    output_format: _Format = None,
    token_column: TokenColumn = "0",
    tag_column: TagColumn = "-1",
    columns: _Columns = None,
    output_column: _OutputColumn = None,
    separator: _Separator = "tab",
    tokens: _Tokens = "words",
    lines: _Lines = False,
    misaligned: _Misaligned = "error",
    blank_tokens: BlankTokens = "error",
    tag_names: TagNames = None,
    encoding: _Encoding = "utf-8",
) -> None:
    """Write a corpus in another tag scheme or file format.

    Example: [bold]tagger convert train.conll train.bioes.conll --to BIOES[/bold]
    """
    from tagger.text import conll, formats, tokenizer

    features = tuple(map(conll.parse_column, columns.split(","))) if columns else ()
    token, tag = conll.parse_column(token_column), conll.parse_column(tag_column)
    settings = formats.CorpusSettings(
        columns=conll.Columns(
            token=token,
            tag=tag,
            features=features,
            blank_tokens=cast(conll.BlankTokens, blank_tokens),
            tag_names=conll.parse_names(tag_names),
        ),
        scheme=scheme,
        encoding=encoding,
        lines=lines,
        mode=tokenizer.Mode(tokens),
        misaligned=formats.Misaligned(misaligned),
    )
    between = _SEPARATORS[separator]
    forms = _choose_forms(source, target, input_format, output_format)
    with _spooled(source) as path:
        corpus = _read(path, forms, settings)
        converted = _convert_tags(corpus, to or corpus.scheme)
        _say_what_was_found(corpus, converted.scheme)
        write_files = formats.FORMATS[forms.target].write_files
        if isinstance(converted, conll.Corpus) and write_files:
            write_files(converted, Path(target))
            return
        keeps_rows = blank_tokens != "skip" and not (columns or output_column)
        has_rows = corpus.layout is not None and not corpus.layout.is_spreadsheet
        if corpus.layout and has_rows and keeps_rows and forms.source == forms.target:
            pieces = conll.rewrite_tags(path, corpus.layout, converted.sentences, encoding)
        else:
            output = formats.OutputSettings(name=Path(source).name, column=output_column, separator=between)
            pieces = formats.FORMATS[forms.target].format_corpus(converted, output)
        if target == "-":
            sys.stdout.writelines(pieces)
        else:
            write_text(Path(target), pieces)


class _Forms(NamedTuple):
    """Names of formats (`tagger.text.formats.FORMATS`)."""

    source: str
    target: str


def _choose_forms(source: str, target: str, input_format: str | None, output_format: str | None) -> _Forms:
    """Return the formats asked for, else those that the names suggest."""
    from tagger.text import formats

    found = input_format or formats.guess_format(source)
    wanted = output_format or (found if target == "-" else formats.guess_format(target, to_write=True))
    forms = _Forms(found, wanted)
    if formats.FORMATS[forms.target].write_files and target == "-":
        raise typer.BadParameter("brat is a pair of files; name one", param_hint="OUT")
    return forms


def _read(path: str, forms: _Forms, settings: CorpusSettings) -> Corpus | CorpusStream:
    """Read the corpus: as a stream where columns become anything but brat, which is written by documents."""
    from tagger.text import conll, formats

    if formats.FORMATS[forms.source].has_columns and not formats.FORMATS[forms.target].write_files:
        return conll.stream_corpus(
            path, columns=settings.columns, scheme=settings.scheme, encoding=settings.encoding
        )
    return formats.read_corpus(path, forms.source, settings, _report)


@contextmanager
def _spooled(source: str) -> Iterator[str]:
    """Give a path to read from, twice if need be: a pipe is laid in a temporary file."""
    from tagger.text.files import display_name

    if source != "-" and not Path(source).is_fifo():
        yield source
        return
    # The name is chosen before the file is there: wherever a signal ends the command, the file goes.
    spool = Path(tempfile.gettempdir()) / f"tagger-{uuid.uuid4().hex}"
    try:
        with (
            nullcontext(sys.stdin.buffer) if source == "-" else Path(source).open("rb") as stream,
            open(spool, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as copy,
        ):
            shutil.copyfileobj(stream, copy)
        yield str(spool)
    except DataError as error:
        error.path = display_name(source)
        raise
    finally:
        spool.unlink(missing_ok=True)


def _report(fault: DataError) -> None:
    """Print a span that does not fit, on stderr."""
    typer.echo(escape_controls(str(fault)), err=True)


def _say_what_was_found(corpus: Corpus | CorpusStream, target: Scheme) -> None:
    """Print how the tags were read and what was odd, on stderr."""
    from tagger.text.conll import Corpus

    count = len(corpus.sentences) if isinstance(corpus, Corpus) else corpus.count
    lines = [f"{count_of(count, 'sentence')}, {corpus.scheme} ({corpus.evidence})"]
    lines += [f"warning: {warning}" for warning in corpus.warnings]
    if target is not corpus.scheme:
        lines.append(f"written as {target}")
    for line in lines:
        typer.echo(escape_controls(line), err=True)


def _convert_tags(corpus: Corpus | CorpusStream, target: Scheme) -> Corpus | CorpusStream:
    """Return the corpus in another scheme; in its own it stays as it is."""
    from tagger.text.conll import Corpus, Rereadable

    if target is corpus.scheme:
        return corpus

    def change(sentence: Sentence) -> Sentence:
        return replace(sentence, tags=tuple(schemes.convert(sentence.tags, corpus.scheme, target)))

    if isinstance(corpus, Corpus):
        return replace(corpus, sentences=tuple(map(change, corpus.sentences)), scheme=target)
    return replace(corpus, sentences=Rereadable(lambda: map(change, corpus.sentences)), scheme=target)
