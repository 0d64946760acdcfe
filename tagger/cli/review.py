"""`tagger review`: labels of a corpus that are probably wrong, and the corpus mended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.flags import Flag, Given, choose_settings, with_settings
from tagger.cli.options import (
    RESULTS,
    ConfigFile,
    Overrides,
    Quiet,
    require_together,
)
from tagger.cli.train import CORPUS_SETTINGS
from tagger.config import Config
from tagger.text.counting import count_of
from tagger.text.objects import dump_json

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.scoring.review import Review, Suspect
    from tagger.text.conll import Corpus

_AROUND = 8  # tokens on either side of a place
_SETTINGS = (
    *CORPUS_SETTINGS,
    Flag("--epochs", "training.epochs", None, "Passes over the other folds; else what the size of the corpus needs.",
         "N"),
    Flag("--seed", "seed", None),
)  # fmt: skip


@with_settings(Config, *_SETTINGS)
def review(
    corpus: Annotated[
        Path,
        typer.Argument(
            metavar="CORPUS", help="Labelled corpus: CoNLL columns, CSV, segmented text or word/TAG lines."
        ),
    ],
    given: Given,
    folds: Annotated[
        int,
        typer.Option(min=2, metavar="N", help="Parts; each is judged by a model of all the others."),
    ] = 5,
    workers: Annotated[
        int, typer.Option(min=0, metavar="N", help="Folds that are trained at once; 0: one per core.")
    ] = 0,
    accept: Annotated[
        str | None,
        typer.Option(
            metavar="IDS",
            help="Write CORPUS with these proposals carried out instead: ids with commas or blanks between, @FILE as "
            "the page saves it, or - for the standard input.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The mended corpus; all else in it stays byte for byte."
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a self-contained HTML page to go through the suspects, tick and export them.",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    limit: Annotated[
        int,
        typer.Option(min=0, metavar="N", help="Suspects to list; 0: all.", rich_help_panel=RESULTS),
    ] = 50,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print a JSON object a line for every suspect, the surest first.",
            rich_help_panel=RESULTS,
        ),
    ] = False,
    config: ConfigFile = None,
    overrides: Overrides = None,
    quiet: Quiet = False,
) -> None:
    """Find labels that are probably wrong: each sentence is judged by a model that has not seen it.

    Example: [bold]tagger review train.conll --report review.html[/bold]

    Accept proposals: [bold]tagger review train.conll --accept @train.conll.ids.txt -o mended.conll[/bold]
    """
    from rich.console import Console

    from tagger.api.review import find_corpus
    from tagger.cli.messages import hint, say, warn
    from tagger.text.output import check_output

    talk = Console(stderr=True, highlight=False)
    chosen = choose_settings(Config, config, given, overrides)
    require_together("--accept", accept is not None, "--output", output)
    if accept is not None and output is not None:
        if report is not None or as_json:
            raise typer.BadParameter(
                "nothing is reviewed where proposals are carried out; leave it out",
                param_hint="--json" if as_json else "--report",
            )
        _carry_out(talk, corpus, accept, output, chosen, is_told=not quiet)
        return
    if report is not None:
        check_output(report, [corpus], "--report")
    read = find_corpus(corpus, chosen)
    for warning in read.warnings:
        warn(talk, f"{read.path}: {warning}")
    found = _review(talk, read, chosen, folds, workers, is_shown=not quiet)
    if report is not None:
        from tagger.scoring.review import write_page

        write_page(found, report)
    if as_json:
        for suspect in found.suspects:
            typer.echo(dump_json(suspect.as_dict(found.path)))
    else:
        _render(Console(highlight=False), found, limit)
    if report is not None and not quiet:
        say(talk, f"{report} is written: open it in a browser, tick what is to be changed, and export")
    elif found.suspects and not as_json and not quiet:
        hint(
            talk,
            "--accept ID,... -o FILE carries proposals out, --report FILE.html is a page to tick them on",
        )


def _carry_out(
    talk: Console, corpus: Path, accepted: str, output: Path, chosen: Config, *, is_told: bool
) -> None:
    """Write the corpus with proposals carried out."""
    from tagger.api.review import accept
    from tagger.cli.messages import command, hint, say

    if str(corpus) == "-":
        raise typer.BadParameter(
            "expected a file: what changes in it is looked up twice", param_hint="CORPUS"
        )
    done = accept(corpus, _read_ids(accepted), output, config=chosen)
    if is_told:
        proposals, changed = count_of(done.decisions, "proposal"), count_of(done.sentences, "sentence")
        say(talk, f"{proposals} carried out, {changed} changed; {output} is written")
        hint(talk, command("train", output, "--output", "MODEL"))


def _read_ids(typed: str) -> list[str]:
    """Return the ids that were typed, or those of a file; what stands behind `#` is for people."""
    from tagger.text.files import read_text

    name = "-" if typed == "-" else typed.removeprefix("@")
    text = read_text(name, "utf-8") if typed == "-" or typed.startswith("@") else typed
    ids = [each for line in text.splitlines() for each in line.partition("#")[0].replace(",", " ").split()]
    if not ids:
        found = f"found no id in {'the standard input' if name == '-' else name}"
        raise typer.BadParameter(
            f"{found}, expected some as `tagger review` prints them", param_hint="--accept"
        )
    return ids


def _review(
    talk: Console, corpus: Corpus, chosen: Config, folds: int, workers: int, *, is_shown: bool
) -> Review:
    """Train and judge with a progress bar."""
    from tagger.api.review import review as find_suspects
    from tagger.cli.progress import make_bar

    bar = make_bar(talk)
    task = bar.add_task("training", total=1.0, facts=count_of(folds, "fold"))
    if is_shown:
        bar.start()
    try:
        return find_suspects(
            corpus,
            folds=folds,
            workers=workers,
            config=chosen,
            on_progress=lambda share: bar.update(task, completed=share),
        )
    finally:
        bar.stop()


def _render(console: Console, review: Review, limit: int) -> None:
    """List suspects, surest first; those of the same words together where these are labelled in several ways."""
    from tagger.cli.tables import printable

    shown = 0
    for uses, group in review.grouped():
        if limit and shown >= limit:
            break
        if uses is not None:
            console.print(printable(f"{uses.text}: {uses}", "bold"), soft_wrap=True)
        for suspect in group[: limit - shown if limit else None]:
            for line in _describe(suspect, review.path):
                console.print(printable(line), soft_wrap=True)
            shown += 1
    spans = f"{count_of(review.spans, 'span')} in {count_of(review.sentences, 'sentence')}"
    verdict = f"{count_of(len(review.suspects), 'suspect')} among {spans}"
    if shown < len(review.suspects):
        verdict += f"; the surest {shown:,} are listed (--limit 0: all)"
    console.print(printable(verdict, "bold"), soft_wrap=True)


def _describe(suspect: Suspect, path: str) -> tuple[str, str]:
    """Return a suspect in two lines: what to change, and where it stands."""
    from tagger.scoring.report.pieces import join_tokens

    doubt, tokens = suspect.doubt, suspect.sentence.tokens
    gold, proposed = suspect.describe(doubt.gold), suspect.describe(doubt.found)
    before = join_tokens(tokens, max(0, doubt.start - _AROUND), doubt.start)
    after = join_tokens(tokens, doubt.end, min(len(tokens), doubt.end + _AROUND))
    place = " ".join(filter(None, (before, f"[[{suspect.text}]]", after)))
    lines = f"{suspect.line}" if suspect.line == suspect.end_line else f"{suspect.line}-{suspect.end_line}"
    return (
        f"{suspect.probability:.4f}  {path}:{lines}  {suspect.text}: {gold} -> {proposed}  {suspect.id}",
        f"        {place}",
    )
