"""`tagger check`: what is in a corpus and what is wrong with it, with line numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tagger.cli.cells import Name
from tagger.cli.options import (
    READING,
    RESULTS,
    SCHEME,
    AsJson,
    BlankTokens,
    Compounds,
    Encoding,
    Quiet,
    ReadingTask,
    TagColumn,
    TagNames,
    TokenColumn,
    require_together,
)
from tagger.cli.tables import printable
from tagger.text.counting import count_of
from tagger.text.objects import dump_json
from tagger.text.schemes import Scheme, Task, name_type, parse_task

if TYPE_CHECKING:
    from tagger.text.audit import Audit, Defect, FileFacts, WordFacts
    from tagger.text.mending import Mended

_BAR = 40  # cells for the longest bars of a row
_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
_MOST_TYPES = 40  # rows of the table of types; --json has all
_MENDABLE = ("rows", "foreign-tag")  # what `--fix` may mend, of all that would make training go wrong


def check(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="Corpora, the training file first; - is standard input."),
    ],
    scheme: Annotated[
        Scheme | None,
        typer.Option(
            help="Tag scheme of all files; else detected from the first.", rich_help_panel=READING, **SCHEME
        ),
    ] = None,
    token_column: TokenColumn = "0",
    tag_column: TagColumn = "-1",
    blank_tokens: BlankTokens = "error",
    task: ReadingTask = "auto",
    compounds: Compounds = "open",
    tag_names: TagNames = None,
    encoding: Encoding = "utf-8",
    limit: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Defects of a kind to list for each file; 0: all.",
            rich_help_panel=RESULTS,
        ),
    ] = 20,
    fix: Annotated[
        bool,
        typer.Option(
            "--fix",
            help="Write the file with separators, O, spelling, types, sequences and look-alikes mended, each change "
            "listed; then check that. Needs --output.",
            rich_help_panel=RESULTS,
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where the mended file goes.", rich_help_panel=RESULTS
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say what is in corpora and what is wrong with them, line by line; exit with 1 where training would go wrong.

    Example: [bold]tagger check train.conll dev.conll test.conll[/bold]
    """
    from tagger.cli.waiting import Waiting
    from tagger.text import audit, conll

    require_together("--fix", fix, "--output", output)
    if fix and len(files) > 1:
        raise typer.BadParameter(
            f"found {len(files)} files, expected one to mend at a time", param_hint="FILE"
        )
    mended = None
    if output is not None:
        mended = _mend(files[0], output, token_column, tag_column, scheme, encoding)
        files, encoding = [output], "utf-8"
    talk = Console(stderr=True, highlight=False)
    with Waiting(talk, is_wanted=not quiet) as waiting:
        report = audit.audit(
            waiting.watch(files),
            columns=conll.Columns(
                token=conll.parse_column(token_column),
                tag=conll.parse_column(tag_column),
                blank_tokens=cast(conll.BlankTokens, blank_tokens),
                tag_names=conll.parse_names(tag_names),
                task=parse_task(task),
                compounds=cast(conll.Compounds, compounds),
            ),
            scheme=scheme,
            encoding=encoding,
        )
    if as_json:
        found = report.as_dict()
        typer.echo(dump_json(found | ({} if mended is None else {"mended": mended.as_dict()})))
    else:
        console = Console(highlight=False)
        if mended is not None:
            for line in _change_lines(mended, limit):
                console.print(line, soft_wrap=True)
        _render(console, report, limit)
        if not quiet:
            _advise(talk, report, is_mended=mended is not None)
    if not report.is_fit:
        raise typer.Exit(1)


def _advise(talk: Console, report: Audit, *, is_mended: bool) -> None:
    """Say how to mend the first file that training would stumble over, or how to train on what is fit.

    What came through a pipe has gone by.
    """
    from tagger.cli.messages import command, hint
    from tagger.text.files import display_name

    paths = [facts.path for facts in report.files]
    if display_name("-") in paths:
        return
    if report.is_fit:
        dev, test = (("--dev", paths[1]) if paths[1:] else ()), (("--test", paths[2]) if paths[2:] else ())
        hint(talk, command("train", paths[0], *dev, *test, "--output", "MODEL"))
    elif not is_mended:
        faulty = [defect for defect in report.defects if defect.is_error]
        if faulty[0].kind in _MENDABLE:
            mend = command("check", faulty[0].path, "--fix", "--output", "MENDED")
            hint(talk, f"{mend} mends what is surely meant")


def _mend(
    path: Path, output: Path, token_column: str, tag_column: str, scheme: Scheme | None, encoding: str
) -> Mended:
    """Write the mended file; a pipe is laid in a file first."""
    from dataclasses import replace

    from tagger.api.mending import mend
    from tagger.cli.converting import spooled
    from tagger.text.conll import parse_column
    from tagger.text.files import display_name

    with spooled(str(path)) as readable:
        mended = mend(
            readable,
            output,
            scheme=scheme,
            token_column=parse_column(token_column),
            tag_column=parse_column(tag_column),
            encoding=encoding,
        )
    return replace(mended, path=display_name(path))


def _change_lines(mended: Mended, limit: int) -> Iterator[Text]:
    """Write changes kind by kind, each with its place, as linters do."""
    from tagger.text.mending import MENDINGS

    for kind, count in ((kind, mended.counts[kind]) for kind in MENDINGS):
        if not count:
            continue
        yield Text(f"mended: {MENDINGS[kind]}: {count:,}", style="bold cyan")
        changes = [change for change in mended.changes if change.kind == kind]
        for change in changes[: limit or None]:
            yield printable(f"  {mended.path}:{change.line}: {change.before!r} -> {change.after!r}")
        if limit and count > limit:
            yield printable(f"  {mended.path}: and {count - limit:,} more (--limit 0 lists all)")
    what = count_of(len(mended.changes), "change")
    yield printable(f"{mended.path}: {what} -> {mended.output}", "bold")


def _render(console: Console, report: Audit, limit: int) -> None:
    read = [facts for facts in report.files if facts.sentences]
    if read:
        console.print(_counts_table(read))
        for facts in read:
            console.print(printable(f"{facts.path}: {facts.scheme}, {facts.evidence}"), soft_wrap=True)
        if any(any(facts.types) for facts in read):
            console.print(_types_table(read))
        console.print(_lengths_table(read, console.width))
    for line in _defect_lines(report.defects, limit):
        console.print(line, soft_wrap=True)
    console.print(_verdict(report), soft_wrap=True)


def _counts_table(files: list[FileFacts]) -> Table:
    """Draw one column for each file, one row for each quantity."""
    table = _table("", *(Path(facts.path).name for facts in files))
    are_cut = all(facts.task.cuts_words for facts in files)
    for heading, count in (_COUNTS_OF_WORDS if are_cut else _COUNTS).items():
        cells = [count(facts) for facts in files]
        if any(cells):
            table.add_row(heading, *cells)
    for other in files[:-1]:
        shares = (_share(facts.shared.get(other.path), facts.sentences) for facts in files)
        table.add_row(Name(f"also in {Path(other.path).name}"), *shares)
    if len(files) > 1:
        name = Path(files[0].path).name
        if are_cut:
            shares = (_share(each.unseen, each.words) for each in _cuts(files))
            table.add_row(Name(f"words not in {name}"), *shares)
            shares = (_share(each.unseen_distinct, each.distinct) for each in _cuts(files))
            table.add_row(Name(f"distinct words not in {name}"), *shares)
            return table
        unknown = (_share(facts.unknown_tokens, facts.tokens) for facts in files)
        table.add_row(Name(f"tokens not in {name}"), *unknown)
        unknown = (_share(each.unknown_words, each.words) for each in files)
        table.add_row(Name(f"words not in {name}"), *unknown)
    return table


_COUNTS: dict[str, Callable[[FileFacts], str]] = {
    "sentences": lambda facts: f"{facts.sentences:,}",
    "tokens": lambda facts: f"{facts.tokens:,}",
    "documents": lambda facts: f"{facts.documents:,}",
    "words": lambda facts: f"{facts.words:,}",
    "spans": lambda facts: "" if facts.scheme is Scheme.BARE else f"{facts.spans:,}",
    "types": lambda facts: f"{len(facts.types):,}",
    "tags": lambda facts: f"{len(facts.tags):,}",
    "tokens tagged ?": lambda facts: _share(facts.unknown_tags, facts.tokens) if facts.unknown_tags else "",
    "scheme": lambda facts: str(facts.scheme),
    "longest sentence": lambda facts: f"{facts.longest:,} (line {facts.longest_line})",
    "repeated sentences": lambda facts: _share(facts.repeated, facts.sentences),
}
_COUNTS_OF_WORDS: dict[str, Callable[[FileFacts], str]] = {  # where tags cut words out of characters
    "sentences": _COUNTS["sentences"],
    "words": lambda facts: f"{facts.cut.words:,}" if facts.cut else "",
    "distinct words": lambda facts: f"{facts.cut.distinct:,}" if facts.cut else "",
    "characters": _COUNTS["tokens"],
    "distinct characters": _COUNTS["words"],
    "documents": _COUNTS["documents"],
    "types of words": lambda facts: f"{len(facts.types):,}" if any(facts.types) else "",
    "characters tagged ?": _COUNTS["tokens tagged ?"],
    "longest sentence": _COUNTS["longest sentence"],
    "repeated sentences": _COUNTS["repeated sentences"],
}


def _cuts(files: list[FileFacts]) -> Iterator[WordFacts]:
    """Yield what is known of the words of files whose tags make some."""
    return (facts.cut for facts in files if facts.cut)


def _share(count: int | None, whole: int) -> str:
    if count is None:
        return ""
    return f"{count:,} ({100 * count / whole:.1f} %)" if count else "0"


def _types_table(files: list[FileFacts]) -> Table:
    """Draw spans per type; the commonest where there are many."""
    totals: Counter[str] = Counter()
    for facts in files:
        totals.update(facts.types)
    is_bare = all(facts.scheme is Scheme.BARE for facts in files)
    table = _table(_heading_of_types(files, is_bare), *(Path(facts.path).name for facts in files))
    for name, _ in totals.most_common(_MOST_TYPES):
        table.add_row(Name(name_type(name)), *(f"{facts.types.get(name, 0):,}" for facts in files))
    if is_bare and any(facts.unknown_tags for facts in files):
        table.add_row("? (not known)", *(f"{facts.unknown_tags:,}" for facts in files))
    if len(totals) > _MOST_TYPES:
        table.add_row(f"... and {len(totals) - _MOST_TYPES} more types", *("" for _ in files))
    return table


def _heading_of_types(files: list[FileFacts], is_bare: bool) -> str:
    if all(facts.task.cuts_words for facts in files):
        return "words per type"
    return "tokens per tag" if is_bare else "spans per type"


def _lengths_table(files: list[FileFacts], width: int) -> Table:
    """Draw a histogram of sentence lengths for each file, the longest bar the most frequent range."""
    cells = max(4, min(_BAR, (width - 16) // len(files) - 12))
    unit = "characters" if all(facts.task.cuts_words for facts in files) else "tokens"
    table = _table(f"{unit} in a\nsentence")
    for facts in files:
        table.add_column(Name(Path(facts.path).name), width=cells)
        table.add_column("", justify="right", no_wrap=True)
    histograms = [facts.histogram() for facts in files]
    for name in max(histograms, key=len):
        row: list[Text | str] = []
        for histogram in histograms:
            count = histogram.get(name, 0)
            row += [_bar(count / max(histogram.values()), cells), f"{count:,}"]
        table.add_row(name, *row)
    return table


def _bar(fraction: float, cells: int) -> Text:
    """Draw a bar in eighths of a cell; what is not nothing shows."""
    eighths = max(round(8 * cells * fraction), fraction > 0)
    return Text("█" * (eighths // 8) + _EIGHTHS[eighths % 8], style="cyan")


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(first)
    for heading in others:
        table.add_column(Name(heading), justify="right")
    return table


def _defect_lines(defects: Sequence[Defect], limit: int) -> Iterator[Text]:
    """Write defects kind by kind, errors first, each with its place."""
    from tagger.text.audit import KINDS

    for kind, (heading, is_error) in KINDS.items():
        found = [defect for defect in defects if defect.kind == kind]
        if not found:
            continue
        label = "error" if is_error else "warning"
        yield Text(f"{label}: {heading}: {len(found):,}", style="bold red" if is_error else "bold yellow")
        shown: Counter[str] = Counter()
        for defect in found:
            shown[defect.path] += 1
            if not limit or shown[defect.path] <= limit:
                place = defect.path if defect.line is None else f"{defect.path}:{defect.line}"
                yield printable(f"  {place}: {defect.message}")
        for path, count in shown.items():
            if limit and count > limit:
                yield printable(f"  {path}: and {count - limit:,} more (--limit 0 lists all)")


def _verdict(report: Audit) -> Text:
    errors = sum(defect.is_error for defect in report.defects)
    warnings = len(report.defects) - errors
    if errors:
        return Text(f"training would go wrong: {count_of(errors, 'error')}", style="bold red")
    task = _TASKS.get(report.files[0].task, "")
    return Text(f"fit for training, {count_of(warnings, 'warning')}{task}", style="bold green")


_TASKS = {
    Task.WORDS: "; a model of it cuts text into words",
    Task.JOINT: "; a model of it cuts text into words and tags them",
}
