"""`tagger convert`: the same labels in another tag scheme or another file format."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, cast

import typer

from tagger.cli.converting import (
    check_targets,
    choose_forms,
    convert_tags,
    describe,
    describe_losses,
    read_source,
    spooled,
    write_target,
)
from tagger.cli.options import (
    ENCODING,
    READING,
    SCHEME,
    BlankTokens,
    Compounds,
    Quiet,
    ReadingTask,
    TagColumn,
    TagNames,
    TokenColumn,
    one_of,
    output_column,
)
from tagger.text.counting import Oddities
from tagger.text.files import display_name
from tagger.text.schemes import Scheme, parse_task

_FORMATS = (
    "conll", "conllu", "segmented", "wordpos", "jsonl", "tags", "doccano", "labelstudio", "prodigy", "brat",
)  # fmt: skip
_FORMER = {"spans": "jsonl"}
_SEPARATORS = {"tab": "\t", "space": " ", "slash": "/", "underscore": "_"}
_OF_WORDS = ("slash", "underscore")

_WRITING = "Writing OUT"


_To = Annotated[
    Scheme | None,
    typer.Option(help="Tag scheme to write; else that of IN.", rich_help_panel=_WRITING, **SCHEME),
]
_From = Annotated[
    Scheme | None,
    typer.Option(help="Tag scheme of IN; else it is detected.", rich_help_panel=READING, **SCHEME),
]
_Rename = Annotated[
    list[str] | None,
    typer.Option(
        metavar="OLD=NEW",
        help="Take one tag for another, as '?=QUESTION' (repeatable).",
        rich_help_panel=READING,
    ),
]
_InputFormat = Annotated[
    str | None,
    typer.Option(
        help="Format of IN; else by its name.", rich_help_panel=READING, **one_of(_FORMATS, _FORMER)
    ),
]
_Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="Format of OUT; else by its name, for standard output that of IN.",
        rich_help_panel=_WRITING,
        **one_of((*_FORMATS, "tsv", "inline", "csv", "xlsx", "parquet", "html"), _FORMER),
    ),
]
_Columns = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN,COLUMN",
        help="Columns to write between token and tag, such as 1,2 (in CoNLL-U one, as XPOS); "
        "else all stay as they are.",
        rich_help_panel=_WRITING,
    ),
]
_OutputColumn = Annotated[str | None, output_column(_WRITING)]
_Separator = Annotated[
    str | None,
    typer.Option(
        help="Between columns, else tab; slash or underscore between a word and its tag (wordpos), else slash.",
        rich_help_panel=_WRITING,
        **one_of(_SEPARATORS),
    ),
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
        help="Spans that do not fit tokens: an error; trim the blanks at their ends; besides, split the token, "
        "skip the span, or skip it and tag its tokens ?.",
        rich_help_panel=READING,
        **one_of(("error", "trim", "split", "skip", "unknown")),
    ),
]
_Unlabelled = Annotated[
    str,
    typer.Option(
        help="Texts in JSON that nobody labelled: leave them out, or tag all their tokens ? or O.",
        rich_help_panel=READING,
        **one_of(("skip", "unknown", "O")),
    ),
]
_Annotator = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Whose labels to read where several people's differ; first: whoever comes first; all: everybody's.",
        rich_help_panel=READING,
    ),
]
_Offsets = Annotated[
    str | None,
    typer.Option(
        help="What the offsets in JSON count; else code points, or what the texts beside the spans show.",
        rich_help_panel=READING,
        **one_of(("codepoints", "utf16", "utf8")),
    ),
]
_TextField = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Key of JSON objects that holds the text, as data.body; else text, or what is usual.",
        rich_help_panel=READING,
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
    rename: _Rename = None,
    input_format: _InputFormat = None,
    output_format: _Format = None,
    token_column: TokenColumn = "0",
    tag_column: TagColumn = "-1",
    columns: _Columns = None,
    column: _OutputColumn = None,
    separator: _Separator = None,
    tokens: _Tokens = "words",
    lines: _Lines = False,
    misaligned: _Misaligned = "error",
    unlabelled: _Unlabelled = "skip",
    annotator: _Annotator = None,
    offsets: _Offsets = None,
    blank_tokens: BlankTokens = "error",
    task: ReadingTask = "auto",
    compounds: Compounds = "open",
    tag_names: TagNames = None,
    text_field: _TextField = None,
    encoding: _Encoding = "utf-8",
    quiet: Quiet = False,
) -> None:
    """Write a corpus in another tag scheme or file format.

    Example: [bold]tagger convert train.conll train.bioes.conll --to BIOES[/bold]
    """
    from rich.console import Console

    from tagger.cli.messages import command, hint, say, warn
    from tagger.cli.waiting import Waiting
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
            task=parse_task(task),
            compounds=cast(conll.Compounds, compounds),
        ),
        scheme=scheme,
        encoding=encoding,
        lines=lines,
        mode=tokenizer.Mode(tokens),
        misaligned=formats.Misaligned(misaligned),
        unlabelled=formats.Unlabelled(unlabelled),
        annotator=annotator,
        offsets=offsets,
        rename=_parse_renaming(rename or ()),
        text_field=text_field,
    )
    forms = choose_forms(source, target, input_format, output_format)
    if column and forms.target != "conllu":
        raise typer.BadParameter(
            f"only CoNLL-U has such columns, and OUT is {forms.target}", param_hint="--output-column"
        )
    if separator and (separator in _OF_WORDS) != (forms.target == "wordpos"):
        raise typer.BadParameter(
            f"found {separator}, expected {'slash or underscore' if forms.target == 'wordpos' else 'tab or space'}: "
            f"OUT is {forms.target}",
            param_hint="--separator",
        )
    if len(features) > 1 and forms.target == "conllu":
        raise typer.BadParameter(
            "CoNLL-U has one place for it, XPOS; name one column", param_hint="--columns"
        )
    if target != "-":
        check_targets(source, target, is_pair=formats.FORMATS[forms.target].write_files is not None)
    oddities = Oddities()
    output = formats.OutputSettings(
        name=Path(source).name,
        column=column,
        separator=_SEPARATORS.get(separator or ""),
        note=oddities.note,
    )
    talk = Console(stderr=True, highlight=False)
    is_clear = target != "-" or not sys.stdout.isatty()
    with spooled(source) as path, Waiting(talk, is_wanted=is_clear and not quiet) as waiting:

        def name(line: str) -> str:  # a copy of a pipe goes by the name of the pipe
            return line.replace(path, display_name(source))

        (watched,) = waiting.watch([path])
        corpus = read_source(
            watched, forms, settings, oddities.note, lambda fault: say(talk, name(str(fault)))
        )
        converted = convert_tags(corpus, to or corpus.scheme)
        if not quiet:
            for line in describe(corpus, converted.scheme):
                say(talk, name(line))

        def warn_of(line: str) -> None:
            warn(talk, name(line))

        for line in (*corpus.warnings, *describe_losses(corpus, converted.scheme, forms.target)):
            warn_of(line)
        waiting.turn_to("writing", "row")
        write_target(converted, target, forms, settings, output, watched, warn_of)
        for line in oddities.lines():
            warn_of(line)
    if target != "-" and not quiet:
        say(talk, f"{target} is written")
        if formats.FORMATS[forms.target].has_columns:
            hint(talk, command("check", target))


def _parse_renaming(texts: Iterable[str]) -> dict[str, str]:
    """Return the new name of each tag; the last `=` divides, so that a tag may hold others."""
    renaming = {}
    for text in texts:
        old, _, new = text.rpartition("=")
        if not old or not new:
            raise typer.BadParameter(f"found {text!r}, expected OLD=NEW", param_hint="--rename")
        renaming[old] = new
    return renaming
