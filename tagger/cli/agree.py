"""`tagger agree`: how far several annotators of the same text agree, where they don't, and one corpus made of all."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

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
    TokenColumn,
    one_of,
    require_together,
)
from tagger.text.counting import count_of
from tagger.text.objects import dump_json
from tagger.text.schemes import Scheme, Task, parse_task

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tagger.scoring.annotators import AnnotatorAgreement, Disagreement, Merged
    from tagger.scoring.resampling import Interval
    from tagger.text import conll
    from tagger.text.schemes import Span

_MOST_CONFUSIONS = 10  # of a pair
_MOST_PAIRS = 3  # that have a column of their own
_WIDEST = 200  # characters of a disagreement's text

_Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE",
        help="The same text with the labels of one annotator each: CoNLL columns, words, an annotation tool's JSON, "
        "a folder of brat; - is standard input.",
    ),
]
_Scheme = Annotated[
    Scheme | None,
    typer.Option(help="Tag scheme of all files; else detected in each.", rich_help_panel=READING, **SCHEME),
]
_Limit = Annotated[
    int,
    typer.Option(min=0, metavar="N", help="Disagreements to list; 0: all.", rich_help_panel=RESULTS),
]
_Report = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write a self-contained HTML page with every disagreement.",
        rich_help_panel=RESULTS,
    ),
]
_Merge = Annotated[
    str | None,
    typer.Option(
        help="Make one corpus of all: spans that more than half have; that anybody has; that all have, the rest "
        "tagged ?. Needs --output.",
        rich_help_panel=RESULTS,
        **one_of(("majority", "union", "?")),
    ),
]
_Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Where the merged corpus goes.", rich_help_panel=RESULTS
    ),
]


def agree(
    files: _Files,
    scheme: _Scheme = None,
    token_column: TokenColumn = "0",
    tag_column: TagColumn = "-1",
    blank_tokens: BlankTokens = "error",
    task: ReadingTask = "auto",
    compounds: Compounds = "open",
    encoding: Encoding = "utf-8",
    limit: _Limit = 20,
    report: _Report = None,
    merge: _Merge = None,
    output: _Output = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say how far annotators of the same text agree, and where they don't.

    Span F1 of each two, kappa of tokens (Cohen's; of more than two Fleiss', too), Krippendorff's alpha of spans.

    Example: [bold]tagger agree ada.conll li.conll --report agreement.html[/bold]
    """
    from rich.console import Console

    from tagger.api.agreement import agree as compare
    from tagger.cli.converting import spooled
    from tagger.cli.messages import hint
    from tagger.scoring.annotators import write_agreement
    from tagger.text import conll
    from tagger.text.output import check_output

    if len(files) < 2:
        raise typer.BadParameter(
            "found one file, expected those of two annotators or more", param_hint="FILE"
        )
    require_together("--merge", merge, "--output", output)
    for path, option in ((report, "--report"), (output, "--output")):
        if path is not None:
            check_output(path, files, option)
    stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    with ExitStack() as stack:
        # A pipe is read again where its rows are written with other tags.
        paths = [
            stack.enter_context(spooled(str(path))) if merge and not number else str(path)
            for number, path in enumerate(files)
        ]
        agreement = compare(
            *paths,
            scheme=scheme,
            token_column=conll.parse_column(token_column),
            tag_column=conll.parse_column(tag_column),
            blank_tokens=cast("conll.BlankTokens", blank_tokens),
            task=parse_task(task),
            compounds=cast("conll.Compounds", compounds),
            encoding=encoding,
        )
        if not quiet:
            _say_what_was_found(stderr, agreement)
        if report is not None:
            write_agreement(agreement, report)
        merged = None
        if merge is not None and output is not None:
            merged = agreement.merge(merge)
            _write(merged, paths[0], output, tag_column, encoding, stderr)
    if as_json:
        found = agreement.as_dict()
        typer.echo(dump_json(found | ({} if merged is None else {"merged": merged.as_dict()})))
        return
    _render(Console(highlight=False), agreement, limit)
    if merged is not None and not quiet:
        counts = f"{count_of(merged.spans, 'span')}, {merged.rejected:,} left out"
        stderr.print(f"{counts}, {count_of(merged.unknown, 'token')} tagged ? -> {output}", markup=False)
    elif agreement.disagreements and not quiet:
        hint(
            stderr,
            "--merge majority --output FILE makes one corpus of all, --merge '?' without what is disputed",
        )


def _say_what_was_found(stderr: Console, agreement: AnnotatorAgreement) -> None:
    """Tell how the tags are read, and what was odd about the files, on stderr."""
    from tagger.cli.messages import say, warn

    annotators = agreement.annotators
    for warning in annotators.corpus.warnings:
        warn(stderr, f"{annotators.corpus.path}: {warning}")
    for each in annotators.answers:
        say(stderr, f"{each.path}: {each.scheme}")
        for warning in each.warnings:
            warn(stderr, f"{each.path}: {warning}")


def _write(merged: Merged, path: str, output: Path, tag_column: str, encoding: str, stderr: Console) -> None:
    """Write the merged corpus as the first annotator's file is, or as the name of the output says."""
    from tagger.cli.converting import FormatPair, write_target
    from tagger.cli.messages import warn
    from tagger.text import conll, formats
    from tagger.text.counting import Oddities

    corpus, oddities = merged.corpus, Oddities()
    source = "conllu" if corpus.layout is not None and corpus.layout.is_conllu else "conll"
    target = formats.guess_format(str(output))
    if target == "conll" and corpus.layout is None and corpus.task.cuts_words and not merged.unknown:
        target = "wordpos" if corpus.task is Task.JOINT else "segmented"
    write_target(
        corpus,
        str(output),
        FormatPair(source, target),
        formats.CorpusSettings(columns=conll.Columns(tag=conll.parse_column(tag_column)), encoding=encoding),
        formats.OutputSettings(name=Path(corpus.path).name, note=oddities.note),
        path,
        lambda line: warn(stderr, f"{output}: {line}"),
    )
    for line in oddities.lines():
        warn(stderr, f"{output}: {line}")


def _render(console: Console, agreement: AnnotatorAgreement, limit: int) -> None:
    names = agreement.annotators.names
    console.print(_pairs_table(agreement))
    if agreement.pairs[0].scores.has_types:
        console.print(_types_table(agreement))
        for pair in agreement.pairs:
            confused = pair.confusion.largest()[:_MOST_CONFUSIONS]
            if confused:
                first, second = (names[each] for each in pair.annotators)
                console.print(_confusion_table(confused, first, second))
    console.print(_summary(agreement))
    if not agreement.types:
        console.print("nobody marked anything: F1 is 0 by convention, and measures nothing", soft_wrap=True)
    if agreement.disagreements:
        console.print()
    shown = agreement.disagreements[: limit or None]
    for each in shown:
        console.print(_describe(each, agreement), soft_wrap=True)
    hidden = len(agreement.disagreements) - len(shown)
    if hidden:
        console.print(
            f"... and {count_of(hidden, 'more disagreement')} (--limit 0 lists all, --report draws them)",
            soft_wrap=True,
        )


def _pairs_table(agreement: AnnotatorAgreement) -> Table:
    """Draw what each two annotators agree on, and all."""
    from tagger.cli.cells import Name
    from tagger.cli.tables import percent, plain_table

    names = agreement.annotators.names
    what = "equal labels" if agreement.annotators.has_bare_labels else "span F1"
    table = plain_table("annotators", what, "interval", "kappa", "spans", "and", "of both")
    for pair in agreement.pairs:
        micro = pair.scores.micro
        table.add_row(
            Name(_name_pair(names, pair.annotators)),
            percent(micro.f1),
            _short_bounds(pair.interval),
            _number(pair.kappa.value),
            *(f"{count:,}" for count in (micro.gold, micro.predicted, micro.correct)),
        )
    if agreement.fleiss is not None:
        table.add_section()
        table.add_row(
            "all",
            percent(agreement.f1),
            _short_bounds(agreement.interval),
            _number(agreement.fleiss.value),
            "",
            "",
            "",
            style="bold",
        )
    return table


def _short_bounds(interval: Interval) -> str:
    """Write bounds so that two names still stand beside them on eighty columns."""
    return f"{100 * interval.low:.1f}-{100 * interval.high:.1f}"


def _name_pair(names: tuple[str, ...], places: tuple[int, int]) -> str:
    return " / ".join(names[each] for each in places)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _types_table(agreement: AnnotatorAgreement) -> Table:
    """Draw alpha and F1 of each type, and how many spans of it everybody has; the commonest where there are many."""
    from tagger.cli.cells import Name
    from tagger.cli.tables import MOST_TYPES, percent, plain_table

    names, pairs = agreement.annotators.names, agreement.pairs
    is_short = len(pairs) in range(2, _MOST_PAIRS + 1)
    f1 = [f"F1 {_name_pair(names, each.annotators)}" for each in pairs] if is_short else ["F1"]
    table = plain_table("type", "alpha", *map(Name, f1), *map(Name, names))
    spans = {type_: agreement.spans_of(type_) for type_ in agreement.types}
    shown = sorted(sorted(spans, key=lambda type_: -sum(spans[type_]))[:MOST_TYPES])
    for type_ in shown:
        values = agreement.f1_of(type_)
        if not is_short:
            known = [each for each in values if each is not None]
            values = [sum(known) / len(known) if known else None]
        cells = ("-" if each is None else percent(each) for each in values)
        counts = (f"{count:,}" for count in spans[type_])
        table.add_row(Name(type_), _number(agreement.types[type_].alpha), *cells, *counts)
    if len(shown) < len(spans):
        table.add_row(f"... and {len(spans) - len(shown):,} more types")
    return table


def _confusion_table(confused: list[tuple[str | None, str | None, int]], first: str, second: str) -> Table:
    """Draw which types the one annotator has where the other has others, or none."""
    from tagger.cli.cells import Name
    from tagger.cli.tables import plain_table

    table = plain_table(Name(first), Name(second), "spans")
    table.columns[1].justify = "left"
    for one, other, count in confused:
        table.add_row(*(Name("nothing" if each is None else each) for each in (one, other)), f"{count:,}")
    return table


def _summary(agreement: AnnotatorAgreement) -> Text:
    from rich.text import Text

    from tagger.cli.tables import percent

    annotators = agreement.annotators
    what = "equal labels" if annotators.has_bare_labels else "span F1"
    mean = ", mean of pairs" if len(agreement.pairs) > 1 else ""
    kappa = "Cohen's" if agreement.fleiss is None else "Fleiss'"
    return Text.assemble(
        (
            f"{what} {percent(agreement.f1)}{mean} (95 % interval {agreement.interval}); "
            f"Krippendorff's alpha of spans {_number(agreement.alpha)}",
            "bold",
        ),
        f"; {kappa} kappa of tokens {_number(agreement.kappa.value)}; "
        f"{count_of(len(agreement.disagreements), 'disagreement')} in "
        f"{count_of(len(annotators.corpus.sentences), 'sentence')}",
    )


def _describe(found: Disagreement, agreement: AnnotatorAgreement) -> Text:
    """Write a disagreement as linters do: the place, the words, what each annotator says."""
    from tagger.cli.tables import printable
    from tagger.scoring.annotators import name_place

    annotators = agreement.annotators
    text = found.text if len(found.text) <= _WIDEST else f"{found.text[: _WIDEST - 1]}…"
    said = "; ".join(
        f"{name}: {_say(found, spans)}" for name, spans in zip(annotators.names, found.spans, strict=True)
    )
    place = name_place(annotators.corpus.path, found.sentence, found.lines[0])
    return printable(f"{place}: {text!r}: {said}")


def _say(found: Disagreement, spans: tuple[Span, ...]) -> str:
    """Write spans: their types, and their words where they aren't those of the whole place."""
    from tagger.scoring.report import join_tokens

    tokens = found.sentence.tokens
    return (
        " + ".join(
            type_
            if (start, end) == (found.start, found.end)
            else f"{type_} {join_tokens(tokens, start, end)!r}"
            for type_, start, end in spans
        )
        or "nothing"
    )
