"""`tagger split`: a corpus cut into parts to train and to test on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tagger.cli.options import (
    READING,
    SCHEME,
    AsJson,
    BlankTokens,
    Compounds,
    Encoding,
    Quiet,
    ReadingTask,
    TagColumn,
    TokenColumn,
    parsed_by,
)
from tagger.text.counting import count_of
from tagger.text.objects import dump_json
from tagger.text.schemes import Scheme, parse_task

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from tagger.text import conll
    from tagger.text.splitting import Division


def _check_parts(typed: str) -> str:
    from tagger.text.splitting import parse_parts

    parse_parts(typed)
    return typed


_Corpus = Annotated[str, typer.Argument(metavar="CORPUS", help="Labelled corpus; - is standard input.")]
_Folder = Annotated[
    Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the parts, a file each.")
]
_Parts = Annotated[
    str,
    typer.Option(
        help="Sizes of the parts in any unit; two are called train and test, three train, dev and test; "
        "train=4,test=1 names them.",
        **parsed_by(_check_parts, "SIZE,SIZE"),
    ),
]
_Seed = Annotated[int, typer.Option(min=0, metavar="N", help="What is left to chance.")]
_Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files of these names in OUTPUT.")]
_Scheme = Annotated[
    Scheme | None,
    typer.Option(help="Tag scheme of the corpus; else it is detected.", rich_help_panel=READING, **SCHEME),
]


def split(
    corpus: _Corpus,
    output: _Folder,
    parts: _Parts = "80,10,10",
    seed: _Seed = 1,
    overwrite: _Overwrite = False,
    scheme: _Scheme = None,
    token_column: TokenColumn = "0",
    tag_column: TagColumn = "-1",
    blank_tokens: BlankTokens = "error",
    task: ReadingTask = "auto",
    compounds: Compounds = "open",
    encoding: Encoding = "utf-8",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Split a corpus into parts to train and to test on, each with its share of every type.

    Documents stay whole and repeated sentences together, so that no part knows a sentence of another.

    Example: [bold]tagger split corpus.conll --parts 80,10,10 -o parts[/bold]
    """
    from rich.console import Console

    from tagger.api.splitting import split as divide
    from tagger.cli.converting import spooled
    from tagger.cli.messages import say, warn
    from tagger.cli.waiting import Waiting
    from tagger.text import conll
    from tagger.text.files import display_name

    stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    with spooled(corpus) as path, Waiting(stderr, is_wanted=not quiet) as waiting:
        (watched,) = waiting.watch([path])
        division = divide(
            watched,
            output,
            parts=parts,
            seed=seed,
            overwrite=overwrite,
            scheme=scheme,
            token_column=conll.parse_column(token_column),
            tag_column=conll.parse_column(tag_column),
            blank_tokens=cast("conll.BlankTokens", blank_tokens),
            task=parse_task(task),
            compounds=cast("conll.Compounds", compounds),
            encoding=encoding,
        )
    name = display_name(corpus)
    for warning in division.warnings:
        warn(stderr, f"{name}: {warning}")
    if not quiet:
        say(stderr, f"{name}: {division.scheme} ({division.evidence}); {_describe_groups(division)}")
    recurring = sum(part.recurring for part in division.parts)
    if recurring:
        shortest = count_of(division.least - 1, "token")
        warn(
            stderr,
            f"{count_of(recurring, 'sentence')} of up to {shortest} recur in several parts: kept together, they "
            "would put too much of the corpus in one",
        )
    if as_json:
        typer.echo(dump_json(division.as_dict() | {"path": name}))
    else:
        Console(highlight=False).print(_table(division))
        if not quiet:
            _advise(stderr, division)


def _advise(stderr: Console, division: Division) -> None:
    """Say how to train on the parts, where they have the names that tell what they are for."""
    from tagger.cli.messages import command, hint

    paths = {part.name: part.path for part in division.parts}
    if "train" in paths:
        others = (word for name in ("dev", "test") if name in paths for word in (f"--{name}", paths[name]))
        hint(stderr, command("train", paths["train"], *others, "--output", "MODEL"))


def _describe_groups(division: Division) -> str:
    """Say what was kept together."""
    whole = "documents whole, " if division.keeps_documents else ""
    return f"{whole}repeated sentences together: {count_of(division.groups, 'group')} dealt out"


def _table(division: Division) -> Table:
    """Draw a column for each part, a row for each quantity, with the share that the part has of it."""
    from tagger.cli.cells import Name
    from tagger.cli.tables import MOST_TYPES, plain_table

    parts = division.parts
    table = plain_table("", *(Name(Path(part.path).name) for part in parts))

    def add(heading: str, counts: list[int]) -> None:
        whole = sum(counts)
        table.add_row(Name(heading), *(f"{n:,} ({100 * n / whole:.1f} %)" if whole else "0" for n in counts))

    add("sentences", [part.sentences for part in parts])
    add("tokens", [part.tokens for part in parts])
    if division.keeps_documents:
        add("documents", [part.documents for part in parts])
    totals = {name: sum(part.types[name] for part in parts) for name in parts[0].types}
    shown = sorted(sorted(totals, key=lambda name: -totals[name])[:MOST_TYPES])
    for type_ in shown:
        add(type_, [part.types[type_] for part in parts])
    if len(shown) < len(totals):
        table.add_row(f"... and {len(totals) - len(shown):,} more types")
    return table
