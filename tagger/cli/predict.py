"""`tagger predict`: raw text, lines, tokens or columns in; labelled text out, as fast as it comes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from tagger.cli.options import ENCODING, READING, RESULTS, MinConfidence, Model, Quiet, one_of, output_column
from tagger.text.schemes import Task

if TYPE_CHECKING:
    from tagger.cli.inputs import InputFiles
    from tagger.cli.waiting import Waiting
    from tagger.runtime.decode import Question
    from tagger.runtime.tagger import Tagger
    from tagger.runtime.workers import Answer
    from tagger.text.files import FilePath
    from tagger.text.formats import Format
    from tagger.text.passages import Event


_USUAL_FORMATS = {Task.LABELS: "jsonl", Task.WORDS: "segmented", Task.JOINT: "wordpos"}

_Inputs = Annotated[
    list[str] | None,
    typer.Argument(metavar="INPUT", help="Files and folders; - or none: the standard input."),
]
_Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="File for the results (brat: a folder); else they are printed.",
        rich_help_panel=RESULTS,
    ),
]
_InputFormat = Annotated[
    str,
    typer.Option(
        help="auto: what a file's name and beginning say; text: running text; lines: a sentence a line; tokens: "
        "the same, tokens between blanks; segmented: the same, text with blanks in it to a model that cuts words; "
        "wordpos: words with tags, left out; conll: columns; jsonl: JSON objects that hold texts.",
        rich_help_panel=READING,
        **one_of(("auto", "text", "lines", "tokens", "segmented", "wordpos", "conll", "jsonl")),
    ),
]
_Texts = Annotated[
    list[str] | None,
    typer.Option("--text", metavar="TEXT", help="A text itself (repeatable).", rich_help_panel=READING),
]
_TextField = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Key of JSON objects that holds the text, as data.text; else text, or what is usual.",
        rich_help_panel=READING,
    ),
]
_TokenColumn = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Column of the token; else as in training.", rich_help_panel=READING),
]
_FeatureColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--feature-column",
        metavar="COLUMN",
        help="Columns that the model reads beside the token (repeatable); else as in training.",
        rich_help_panel=READING,
    ),
]
_JoinLines = Annotated[
    bool,
    typer.Option(
        "--join-lines",
        help="Lines of running text are wrapped: blank ones alone end a paragraph.",
        rich_help_panel=READING,
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
_FailFast = Annotated[
    bool,
    typer.Option(
        "--fail-fast",
        help="Stop at the first file that can't be read; else the others are labelled.",
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
                *("jsonl", "segmented", "wordpos", "conll", "conllu", "tsv", "inline", "html", "brat"),
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
_Workers = Annotated[int, typer.Option(min=0, metavar="N", help="Processes that label; 0: one per core.")]
_Encoding = Annotated[str, typer.Option(help="Encoding of the input.", rich_help_panel=READING, **ENCODING)]
_InvalidBytes = Annotated[
    str,
    typer.Option(
        "--invalid-bytes",
        help="strict: an error; replace: by U+FFFD.",
        rich_help_panel=READING,
        **one_of(("strict", "replace")),
    ),
]
_OldErrors = Annotated[
    str | None,
    typer.Option(
        "--errors", hidden=True, help="What --invalid-bytes was called.", **one_of(("strict", "replace"))
    ),
]
_Language = Annotated[
    str,
    typer.Option(
        metavar="CODE",
        help="Language of running text, such as de: whose abbreviations end no sentence.",
        rich_help_panel=READING,
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
_Device = Annotated[
    str, typer.Option(help="auto: a GPU if there is one.", **one_of(("auto", "cpu", "cuda", "mps")))
]


def predict(
    model: Model,
    inputs: _Inputs = None,
    input_format: _InputFormat = "auto",
    texts: _Texts = None,
    output: _Output = None,
    format: _Format = None,
    column: _OutputColumn = None,
    min_confidence: MinConfidence = None,
    nbest: _Best = 0,
    workers: _Workers = 1,
    encoding: _Encoding = "utf-8",
    invalid_bytes: _InvalidBytes = "strict",
    errors: _OldErrors = None,
    language: _Language = "en",
    text_field: _TextField = None,
    token_column: _TokenColumn = None,
    feature_columns: _FeatureColumns = None,
    join_lines: _JoinLines = False,
    words_across_blanks: _AcrossBlanks = False,
    fail_fast: _FailFast = False,
    color: _Color = "auto",
    device: _Device = "cpu",
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
    from tagger.text.output import check_output

    is_shown = not format and output is None and (color == "always" or sys.stdout.isatty())
    if nbest and (is_shown or format not in (None, "jsonl")):
        raise typer.BadParameter(
            "the readings are part of jsonl alone; give --format jsonl", param_hint="--nbest"
        )
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
    if output is not None and format != "brat":
        check_output(output, [*files, *(model / name for name in FILES)])
    with asked_to_stop(talk, "the sentences at work") as stop:
        from tagger.runtime.decode import Question

        tagger = _load(model, device)
        name = format or (None if is_shown else "jsonl" if nbest else _USUAL_FORMATS[tagger.model.task])
        chosen = None if name is None else _find_format(name, column, tagger)
        if words_across_blanks and chosen is not None and chosen.has_lines:
            reading.note(
                f"{name}: a word with blanks inside is written as several; --format jsonl shows it whole"
            )
        results = Results(chosen, output, files, stop, is_coloured=wants_colour(color))
        question = Question(
            min_confidence=min_confidence, nbest=nbest, words_across_blanks=words_across_blanks
        )
        wanted = _Wanted(question, name, workers or os.cpu_count() or 1)
        is_clear = not are_typed(files) and (output is not None or not sys.stdout.isatty())
        with Waiting(talk, is_wanted=is_clear and not quiet) as waiting:
            results.write(_answers(tagger, files, texts or [], reading, wanted, waiting), talk)
    results.say_how_far(talk, is_quiet=quiet)
    if reading.faults:
        raise typer.Exit(1)


class _Wanted(NamedTuple):
    """What is asked, how answers are written, and what makes them."""

    question: Question
    format: str | None
    workers: int


def _load(model: Path, device: str) -> Tagger:
    from tagger.collector import resting_collector, spare_collector

    with resting_collector():
        from tagger.api.sources import load

        tagger = load(model, device=device)
    spare_collector()
    return tagger


def _find_format(name: str, column: str | None, tagger: Tagger) -> Format:
    """Return a format, CoNLL-U with its column."""
    from tagger.text.formats import find_format, usual_column
    from tagger.text.formats.conllu import write_words

    format = find_format(name)
    if name != "conllu":
        return format
    column = column or usual_column(tagger.model.scheme, tagger.model.task)
    return replace(format, write=partial(write_words, column=column))


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
