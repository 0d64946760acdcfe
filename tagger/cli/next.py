"""`tagger next`: the sentences of a pool that are best labelled next, pre-annotated, for any annotation tool."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.options import (
    READING,
    RESULTS,
    USUAL_FORMATS,
    AsJson,
    Device,
    FailFast,
    InputEncoding,
    InputFormat,
    Inputs,
    InvalidBytes,
    JoinLines,
    LabellingWorkers,
    Language,
    Model,
    ModelFeatureColumns,
    ModelTokenColumn,
    Quiet,
    TextField,
    one_of,
)
from tagger.text.counting import count_of

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.api.selection import Selection
    from tagger.runtime.tagger import Tagger
    from tagger.runtime.workers import Answer
    from tagger.text.files import FilePath
    from tagger.text.formats import LabelledSentence
    from tagger.text.passages import Event
    from tagger.text.raw import InputSettings

_Number = Annotated[int, typer.Option("--number", "-n", min=1, metavar="N", help="How many sentences.")]
_Criterion = Annotated[
    str,
    typer.Option(
        help="errors: names that are expected to be wrong or missing; entropy: how undecided the model is "
        "among all ways to label a sentence; random.",
        **one_of(("errors", "entropy", "random")),
    ),
]
_Seed = Annotated[int, typer.Option(min=0, metavar="N", help="Seed of a random choice.")]
_Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="FILE",
        help="Sentences that are labelled already are left out: a corpus, or a file of a tool, whatever its form; or "
        "a folder (repeatable).",
        rich_help_panel=READING,
    ),
]
_Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="File for the sentences (brat: a folder); else they are printed.",
        rich_help_panel=RESULTS,
    ),
]
_Format = Annotated[
    str | None,
    typer.Option(
        help="Format of the sentences; else coloured text on a terminal, or jsonl: of a model that cuts words "
        "segmented, or wordpos if it tags them.",
        rich_help_panel=RESULTS,
        **one_of(
            (
                *("jsonl", "conll", "conllu", "segmented", "wordpos", "brat"),
                *("doccano", "labelstudio", "prodigy"),
            )
        ),
    ),
]

_CORRECTED = {  # what annotation tools give back, by the format that they take; None: the same
    "doccano": "EXPORT.jsonl",
    "labelstudio": "EXPORT.json",
    "prodigy": "EXPORT.jsonl",
    "brat": None,
}


def next(
    model: Model,
    pool: Inputs = None,
    number: _Number = 200,
    criterion: _Criterion = "errors",
    seed: _Seed = 1,
    exclude: _Exclude = None,
    input_format: InputFormat = "auto",
    output: _Output = None,
    format: _Format = None,
    workers: LabellingWorkers = 1,
    encoding: InputEncoding = "utf-8",
    invalid_bytes: InvalidBytes = "strict",
    language: Language = "en",
    text_field: TextField = None,
    token_column: ModelTokenColumn = None,
    feature_columns: ModelFeatureColumns = None,
    join_lines: JoinLines = False,
    fail_fast: FailFast = False,
    device: Device = "cpu",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Choose the sentences that are best labelled next: those from which a model has most to learn.

    They come best first, labelled as the model would, each with its score, the doubt about it and the doubtful words.

    Example: [bold]tagger next models/en pool/ -n 200 --format labelstudio -o tasks.json[/bold]
    """
    from rich.console import Console

    from tagger.api.selection import Criterion, answer_pool, choose_answered, collect_digests
    from tagger.api.sources import opened
    from tagger.cli.inputs import InputFiles
    from tagger.cli.messages import hint
    from tagger.cli.waiting import Waiting, are_typed
    from tagger.runtime.directory import FILES
    from tagger.text.objects import dump_json
    from tagger.text.output import check_output
    from tagger.text.passages import read_passages
    from tagger.text.raw import find_files

    if as_json and format and output is None:
        raise typer.BadParameter(
            "what --json prints holds the sentences, too; name a file for the format with --output",
            param_hint="--format",
        )
    sources = pool or ["-"]
    if "-" in sources and "-" in (exclude or []):
        raise typer.BadParameter("the standard input is read as the pool already", param_hint="--exclude")
    talk = Console(stderr=True, highlight=False)
    reading = InputFiles(
        {
            "format": input_format,
            "encoding": encoding,
            "errors": invalid_bytes,
            "language": language,
            "text_field": text_field,
            "joins_lines": join_lines,
            "keeps_rows": format == "conllu",
            "tells_format": not quiet,
        },
        token_column,
        feature_columns or [],
        fail_fast,
        talk,
    )
    files = reading.find_files(sources)
    others = find_files(exclude) if exclude else []  # one that is missing would let its sentences in
    if output is not None and format != "brat":
        check_output(output, [*files, *others, *(model / name for name in FILES)])
    processes = workers or os.cpu_count() or 1
    wanted = Criterion(criterion)
    with (
        opened(model, device=device, workers=processes) as tagger,
        Waiting(talk, is_wanted=not quiet and not are_typed(files)) as waiting,
    ):

        def answers(events: Iterable[Event]) -> Iterator[Answer | None]:
            return answer_pool(tagger, events, wanted, processes)

        settings = reading.settings_for(tagger)
        excluded = collect_digests(read_passages(others, _settings_of_others(settings), note=reading.note))
        on_fault = reading.on_fault if len(files) > 1 else None
        places = waiting.watch(files)
        events = read_passages(places, settings, tagger.scope, note=reading.note, on_fault=on_fault)
        found = choose_answered(waiting.follow(events, answers), number, wanted, excluded, seed)
    if as_json:
        typer.echo(dump_json(found.as_dict()))
    if output is not None or not as_json:
        _write(found, tagger, model, format, output, files, talk)
    if not quiet:
        _say_what_was_chosen(found, number, output, talk)
        if output is not None and found.chosen:
            hint(talk, _advise(found, format or USUAL_FORMATS[tagger.model.task], output))
    if reading.faults:
        raise typer.Exit(1)


def _settings_of_others(settings: InputSettings) -> InputSettings:
    """Return how what is labelled already is read: by looking, since it has seldom the form of the pool."""
    return replace(settings, format="auto", text_field=None, feature_columns=(), tells_format=False)


def _write(
    found: Selection,
    tagger: Tagger,
    model: Path,
    format: str | None,
    output: Path | None,
    files: list[FilePath],
    talk: Console,
) -> None:
    """Write the sentences in a format, or for a person at a terminal."""
    from tagger.cli.results import Results, find_format_for
    from tagger.cli.signals import Stop
    from tagger.cli.streams import wants_colour
    from tagger.runtime.workers import Answer
    from tagger.text.formats import write_terminal

    is_shown = not format and output is None and sys.stdout.isatty()
    sentences = found.singled_out
    show = partial(write_terminal, is_coloured=wants_colour("auto"))
    form = None
    if is_shown:
        sentences = [replace(each, doc=_describe(each)) for each in sentences]
    else:
        name = format or USUAL_FORMATS[tagger.model.task]
        form = find_format_for(tagger.model, name, directory=model, by_line=True)
    content = "".join(form.format_sentences(sentences)) if form and form.is_separable else sentences
    tokens = sum(len(each.tokens) for each in sentences)
    answer = Answer(len(sentences), tokens, "", 0, content)
    Results(form, show, output, files, Stop(), tagger.types).write([answer], talk)


def _describe(sentence: LabelledSentence) -> str:
    """Say where a sentence stands and why it was chosen."""
    facts = sentence.facts
    if "score" not in facts:
        return f"{facts['rank']}. {sentence.doc}"
    words = f": {', '.join(facts['reasons'])}" if facts["reasons"] else ""
    return f"{facts['rank']}. {sentence.doc}, doubt {facts['doubt']:.2f}{words}"


def _say_what_was_chosen(found: Selection, number: int, output: Path | None, talk: Console) -> None:
    from tagger.cli.messages import say, warn

    tokens = sum(len(each.sentence.tokens) for each in found.chosen)
    left_out = [
        f"{count_of(count, 'sentence')} {why}"
        for count, why in ((found.labelled, "labelled already"), (found.repeated, "repeated"))
        if count
    ]
    without = f", without {' and '.join(left_out)}" if left_out else ""
    chosen = f"{count_of(len(found.chosen), 'sentence')} ({count_of(tokens, 'token')})"
    target = "" if output is None else f" -> {output}"
    say(talk, f"{chosen} of {found.sentences:,}{without}{target}")
    if len(found.chosen) < number:
        warn(talk, f"{number:,} sentences were wanted, and the pool has no more")


def _advise(found: Selection, form: str, output: Path) -> str:
    """Say how the sentences become part of a corpus of columns, once they are corrected.

    What a tool exports is text, which is cut into tokens anew: at blanks where blanks are all that parted them.
    """
    from tagger.cli.messages import command

    if form not in _CORRECTED:
        return f"correct the labels in {output}, and train with them added to the corpus"
    sentences = [each.sentence for each in found.chosen]
    has_blanks = all(each.text.split() == each.words() and "\n" not in each.text for each in sentences)
    cut = ("--lines", "--tokens", "blanks") if has_blanks and form != "prodigy" else ()
    back = command("convert", _CORRECTED[form] or output, "LABELLED.conll", *cut)
    return f"correct {output} in its tool; {back} makes rows of it, to be added to the corpus"
