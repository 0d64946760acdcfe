"""`tagger predict`: raw text, lines, tokens or columns in; labelled text out, as fast as it comes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from tagger.cli.options import (
    READING,
    RESULTS,
    USUAL_FORMATS,
    Device,
    FailFast,
    InputEncoding,
    InputFormat,
    Inputs,
    InvalidBytes,
    JoinLines,
    Language,
    MinConfidence,
    Model,
    ModelFeatureColumns,
    ModelTokenColumn,
    Quiet,
    TextField,
    Texts,
    one_of,
    output_column,
    refuse_together,
)

if TYPE_CHECKING:
    from tagger.cli.inputs import InputFiles
    from tagger.cli.waiting import Waiting
    from tagger.runtime.questions import Question
    from tagger.runtime.tagger import Tagger
    from tagger.runtime.workers import Answer
    from tagger.text.files import FilePath
    from tagger.text.formats import Format, LabelledSentence
    from tagger.text.passages import Event


_COUNTED = ("jsonl", "csv", "tsv")  # how names and their counts are written

_Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="File for the results (brat and --ray: a folder); else they are printed.",
        rich_help_panel=RESULTS,
    ),
]
_AcrossBlanks = Annotated[
    bool,
    typer.Option(
        "--words-across-blanks",
        help="A word that the model cuts out of the text may hold blanks; else a blank always ends it.",
        rich_help_panel=READING,
    ),
]
_Format = Annotated[
    str | None,
    typer.Option(
        help="Format of the results; else coloured text on a terminal, or jsonl: of a model that cuts words "
        "segmented, or wordpos if it tags them.",
        rich_help_panel=RESULTS,
        **one_of(
            (
                *(
                    "jsonl",
                    "segmented",
                    "wordpos",
                    "conll",
                    "conllu",
                    "tsv",
                    "inline",
                    "csv",
                    "xlsx",
                    "parquet",
                    "html",
                    "brat",
                ),
                *("doccano", "labelstudio", "prodigy"),
            )
        ),
    ),
]

_OutputColumn = Annotated[str | None, output_column(RESULTS)]
_Best = Annotated[
    int,
    typer.Option(min=0, metavar="N", help="Also give the N best readings (jsonl).", rich_help_panel=RESULTS),
]
_Counts = Annotated[
    bool,
    typer.Option(
        "--counts",
        help="Names instead of the text: each with its type, how often it was found and its mean confidence, the "
        "most frequent first; a table on a terminal, else jsonl, csv or tsv (--format).",
        rich_help_panel=RESULTS,
    ),
]
_Workers = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="N",
        help="Processes that label; 0: one per core. If absent 1, or 0 where --ray is given.",
    ),
]
_Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Label whole files on a Ray cluster, a result for each in the folder OUTPUT: local (on this machine), "
        "auto (the one that runs here or is named by RAY_ADDRESS) or its address.",
        rich_help_panel=RESULTS,
    ),
]
_OldErrors = Annotated[
    str | None,
    typer.Option(
        "--errors", hidden=True, help="What --invalid-bytes was called.", **one_of(("strict", "replace"))
    ),
]
_Color = Annotated[
    str,
    typer.Option(
        help="Colours of the text on a terminal; always: in a pipe, too. auto obeys NO_COLOR and TERM=dumb.",
        rich_help_panel=RESULTS,
        **one_of(("auto", "always", "never")),
    ),
]


def predict(
    model: Model,
    inputs: Inputs = None,
    input_format: InputFormat = "auto",
    texts: Texts = None,
    output: _Output = None,
    format: _Format = None,
    column: _OutputColumn = None,
    min_confidence: MinConfidence = None,
    nbest: _Best = 0,
    counts: _Counts = False,
    workers: _Workers = None,
    ray: _Ray = None,
    encoding: InputEncoding = "utf-8",
    invalid_bytes: InvalidBytes = "strict",
    errors: _OldErrors = None,
    language: Language = "en",
    text_field: TextField = None,
    token_column: ModelTokenColumn = None,
    feature_columns: ModelFeatureColumns = None,
    join_lines: JoinLines = False,
    words_across_blanks: _AcrossBlanks = False,
    fail_fast: FailFast = False,
    color: _Color = "auto",
    device: Device = "cpu",
    quiet: Quiet = False,
) -> None:
    """Label raw text with a trained model.

    Example: [bold]tagger predict models/en letter.txt --format inline[/bold]
    """
    from rich.console import Console

    from tagger.cli.inputs import InputFiles
    from tagger.cli.results import Results
    from tagger.cli.signals import asked_to_stop
    from tagger.cli.streams import wants_colour
    from tagger.cli.waiting import Waiting, are_typed
    from tagger.runtime.directory import FILES
    from tagger.runtime.questions import Question
    from tagger.text.formats import find_other, write_terminal
    from tagger.text.output import check_output

    is_shown = not format and output is None and (color == "always" or sys.stdout.isatty())
    if nbest and (is_shown or format not in (None, "jsonl")):
        raise typer.BadParameter(
            "the readings are part of jsonl alone; give --format jsonl", param_hint="--nbest"
        )
    _check_form(format, output, counts=counts, nbest=nbest)
    refuse_together("--ray", ray, ("--text", texts), ("--counts", counts), ("--device", device != "cpu"))
    if column and format != "conllu":
        raise typer.BadParameter(
            "only CoNLL-U has such columns; give --format conllu", param_hint="--output-column"
        )
    talk = Console(stderr=True, highlight=False)
    reading = InputFiles(
        {
            "format": input_format,
            "encoding": encoding,
            "errors": errors or invalid_bytes,
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
    files = reading.find_files(inputs or ([] if texts else ["-"]))
    question = Question(min_confidence=min_confidence, nbest=nbest, words_across_blanks=words_across_blanks)
    if ray is not None:
        wanted = _Wanted(question, format or ("jsonl" if nbest else None), workers or 0)
        _predict_on_cluster(ray, model, files, inputs or [], reading, wanted, column, output, quiet=quiet)
        return
    if output is not None and format != "brat":
        check_output(output, [*files, *(model / name for name in FILES)])
    processes = 1 if workers is None else workers or os.cpu_count() or 1
    with asked_to_stop(talk, "the sentences at work") as stop, _opened(model, device, processes) as tagger:
        usual = "jsonl" if nbest or counts else USUAL_FORMATS[tagger.model.task]
        name = format or (None if is_shown else usual)
        is_by_line = reading.settings_for(tagger).is_by_line
        chosen = (
            None
            if name is None
            else _find_format(name, column, tagger, model, counts=counts, by_line=is_by_line)
        )
        promised = None if format or name is None or output is None else find_other(output, name)
        if promised is not None:
            reading.note(f"{output} will hold {name}; --format {promised} writes what its name says")
        if words_across_blanks and chosen is not None and chosen.has_lines:
            reading.note(
                f"{name}: a word with blanks inside is written as several; --format jsonl shows it whole"
            )
        show = partial(_draw_names if counts else write_terminal, is_coloured=wants_colour(color))
        results = Results(chosen, show, output, files, stop, tagger.types)
        wanted = _Wanted(question, None if counts else name, processes)
        is_clear = not are_typed(files) and (output is not None or not sys.stdout.isatty())
        with Waiting(talk, is_wanted=is_clear and not quiet) as waiting:
            results.write(_answers(tagger, files, texts or [], reading, wanted, waiting), talk)
    results.say_how_far(talk, is_quiet=quiet)
    if reading.faults:
        raise typer.Exit(1)


def _check_form(format: str | None, output: Path | None, *, counts: bool, nbest: int) -> None:
    """Refuse forms of results that don't go together, before anything is read."""
    if counts and nbest:
        raise typer.BadParameter(
            "names are counted in the best reading alone; leave it out", param_hint="--nbest"
        )
    if counts and format not in (None, *_COUNTED):
        raise typer.BadParameter(
            f"--counts is written as {', '.join(_COUNTED[:-1])} or {_COUNTED[-1]}, found {format}",
            param_hint="--format",
        )
    if format in ("xlsx", "parquet") and output is None:
        raise typer.BadParameter(
            f"{format} is no text to be printed; name its file: --output FILE.{format}", param_hint="--format"
        )


def _predict_on_cluster(
    address: str,
    model: Path,
    files: list[FilePath],
    inputs: list[str],
    reading: InputFiles,
    wanted: _Wanted,
    column: str | None,
    output: Path | None,
    *,
    quiet: bool,
) -> None:
    """Label whole files on a Ray cluster."""
    from tagger.adapters.ray import FileJob
    from tagger.cli.cluster import Cluster, choose_outputs, predict_on_cluster, refuse_what_is_no_file

    folder = refuse_what_is_no_file(files, output)
    with _opened(model, "cpu", 1) as tagger:
        name = wanted.format or USUAL_FORMATS[tagger.model.task]
        settings = reading.settings_for(tagger)
        form = _find_format(name, column, tagger, model, counts=False, by_line=settings.is_by_line)
        if form.is_per_document:
            raise typer.BadParameter(
                f"{name} is no format of --ray; give jsonl or parquet", param_hint="--format"
            )
        places = choose_outputs(inputs, files, folder, form.suffix)
        job = FileJob(settings, wanted.question, name, form)
        cluster = Cluster(address, wanted.workers or None)
        fail_fast = reading.on_fault is None
        faults = predict_on_cluster(
            cluster, tagger.model, job, places, folder, fail_fast=fail_fast, quiet=quiet
        )
    if faults or reading.faults:
        raise typer.Exit(1)


class _Wanted(NamedTuple):
    """What is asked, how answers are written, and what makes them."""

    question: Question
    format: str | None
    workers: int


@contextmanager
def _opened(model: Path, device: str, workers: int) -> Iterator[Tagger]:
    from tagger.collector import resting_collector, spare_collector

    with ExitStack() as stack:
        with resting_collector():
            from tagger.api.sources import opened

            tagger = stack.enter_context(opened(model, device=device, workers=workers))
        spare_collector()
        yield tagger


def _find_format(
    name: str, column: str | None, tagger: Tagger, model: Path, *, counts: bool, by_line: bool
) -> Format:
    """Return a format: of names, or of sentences, CoNLL-U with its column, an annotation tool's with the model."""
    from tagger.cli.results import find_format_for
    from tagger.text.formats import find_format
    from tagger.text.formats.names import NAME_WRITERS

    if counts:
        return replace(find_format(name), write=NAME_WRITERS[name], is_separable=False)
    return find_format_for(tagger.model, name, column, directory=model, by_line=by_line)


def _draw_names(sentences: Iterable[LabelledSentence], *, is_coloured: bool) -> Iterator[str]:
    """Yield the names in sentences as a table for a person, when all have come."""
    from rich.console import Console

    from tagger.cli.tables import names_table
    from tagger.text.formats.names import count_names

    console = Console(highlight=False, force_terminal=is_coloured)
    with console.capture() as drawn:
        console.print(names_table(count_names(sentences)))
    yield drawn.get()


def _answers(
    tagger: Tagger,
    files: list[FilePath],
    texts: list[str],
    reading: InputFiles,
    wanted: _Wanted,
    waiting: Waiting,
) -> Iterator[Answer | None]:
    """Label texts and inputs; None where the input pauses."""
    from tagger.runtime.workers import answer
    from tagger.text.passages import read_passages, split_texts

    settings = reading.settings_for(tagger)
    events = chain(
        split_texts(texts, settings, tagger.scope),
        read_passages(
            waiting.watch(files),
            settings,
            tagger.scope,
            note=reading.note,
            on_fault=reading.on_fault if len(files) + len(texts) > 1 else None,
        ),
    )

    def answers(events: Iterable[Event]) -> Iterator[Answer | None]:
        return answer(tagger, events, wanted.question, format=wanted.format, workers=wanted.workers)

    yield from waiting.follow(_watch_script(events, tagger, reading.note), answers)


def _watch_script(events: Iterable[Event], tagger: Tagger, note: Callable[[str], None]) -> Iterator[Event]:
    """Pass events on, and say once if they hold text that can't be cut as the model's corpus was."""
    from tagger.text.passages import Passage
    from tagger.text.tokenizer import UNSPACED_ADVICE, is_unspaced

    is_watching = tagger.has_unspaced_words
    for event in events:
        if is_watching and isinstance(event, Passage):
            odd = next((row for row in event.rows if row.words is None and is_unspaced(row.text)), None)
            if odd is not None:
                note(f"{event.doc}: {UNSPACED_ADVICE}")
                is_watching = False
        yield event
